//! The rows of the table: what is measured, against what, and the goal.

use super::memif::Device;
use super::product::{CLIENTS, Which};
use super::programs::Program;
use fastpath::worker::SAMPLE_BURSTS_DEFAULT;

use crate::eal::megabytes;
use crate::engine::gcm::TEXT_SIZES;
use crate::measure::BURST;
use crate::options::{Cipher, IP_SIZES};

/// Which way a goal bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    /// The value, as a multiple of the peer's, must not be above.
    AtMost(f64),
    /// It must not be below.
    AtLeast(f64),
    /// The value must not be above the peer's by more than this.
    Beyond(f64),
    /// The ratio must not be told from 1: its interval has 1 in it.
    Noise,
}

/// What a row is held against.
#[derive(Clone, Debug)]
pub(super) enum Against {
    /// A figure of the peer: name and size.
    Peer(String, u64),
    /// Another figure of the same runs of ours.
    Own(String, u64),
    /// A figure of another group of ours: the peer program is ours too.
    Constant(f64),
}

/// One row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Name and size of our figure.
    pub(super) figure: (String, u64),
    /// What the table calls it.
    pub(super) title: String,
    /// Against what.
    pub(super) against: Against,
    /// The goal for the ratio.
    pub(super) goal: Bound,
}

/// Rows whose figures come from the same runs.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Its name, for choosing.
    pub(super) name: String,
    /// Ours.
    pub(super) ours: Program,
    /// The peer, run in turn with ours.
    pub(super) peer: Option<Program>,
    /// Its rows.
    pub(super) rows: Vec<Row>,
    /// Runs are dear: fewer of them.
    pub(super) dear: bool,
    /// Megabytes of large pages that a run takes, when they are more than is usual.
    pub(super) huge_megabytes: Option<u64>,
}

/// Payload sizes of the peer that belong to [`IP_SIZES`] in a tunnel.
const PEER_SIZES: [u32; 6] = [64, 128, 256, 512, 1024, 1420];
/// Of the fastest other engine's cycles, at the sizes of [`TEXT_SIZES`].
const ALONE_GOALS: [f64; 6] = [0.75, 0.75, 0.75, 0.75, 0.8, 0.8];
const SEAL_GOALS: [f64; 6] = [1.6, 1.55, 1.45, 1.4, 1.3, 1.25];
/// Opening may cost this much more than the bound for sealing.
const OPEN_ALLOWANCE: f64 = 1.1;

fn row(name: &str, size: u64, against: Against, goal: Bound) -> Row {
    Row {
        figure: (name.to_owned(), size),
        title: name.to_owned(),
        against,
        goal,
    }
}

fn group(name: &str, ours: Program, peer: Option<Program>, rows: Vec<Row>) -> Group {
    Group {
        name: name.to_owned(),
        ours,
        peer,
        rows,
        dear: false,
        huge_megabytes: None,
    }
}

fn peer(name: &str, size: u64) -> Against {
    Against::Peer(name.to_owned(), size)
}

fn own(name: &str, size: u64) -> Against {
    Against::Own(name.to_owned(), size)
}

/// The whole table.
pub(super) fn all() -> Vec<Group> {
    let mut groups = gcm();
    groups.push(gcm_alone());
    groups.extend(legacy_ciphers());
    groups.extend(memif());
    groups.push(many_sas());
    groups.extend(connection_table());
    groups.extend([
        connections(),
        rcu(),
        speed_up(),
        handoff(),
        recording(),
        crowd(),
        release(),
    ]);
    groups
}

/// Our AES-GCM without ESP around it, many packets per call, against the fastest other engine at
/// each size.
fn gcm_alone() -> Group {
    let rows = ["seal", "open"].into_iter().flat_map(|verb| {
        TEXT_SIZES
            .into_iter()
            .zip(ALONE_GOALS)
            .map(move |(size, goal)| {
                let (figure, size) = (format!("gcm {verb} aes-128-gcm"), size as u64);
                Row {
                    title: format!("{figure} alone"),
                    ..row(
                        &format!("{figure} vaes"),
                        size,
                        own(&format!("{figure} fastest other"), size),
                        Bound::AtMost(goal),
                    )
                }
            })
    });
    Group {
        dear: true,
        ..group("gcm", Program::own("gcm"), None, rows.collect())
    }
}

fn gcm() -> Vec<Group> {
    ["seal", "open"]
        .map(|verb| {
            let allowance = if verb == "open" { OPEN_ALLOWANCE } else { 1.0 };
            let rows = (0..IP_SIZES.len()).map(|at| {
                row(
                    &format!("gateway {verb} aes-128-gcm"),
                    IP_SIZES[at] as u64,
                    peer("crypto", u64::from(PEER_SIZES[at])),
                    Bound::AtMost(SEAL_GOALS[at] * allowance),
                )
            });
            group(
                verb,
                Program::own(&format!("gateway --direction {verb}")),
                Some(Program::Crypto(Cipher::Aes128Gcm, PEER_SIZES.to_vec())),
                rows.collect(),
            )
        })
        .into()
}

fn legacy_ciphers() -> [Group; 2] {
    let seal = |cipher: Cipher| format!("gateway seal {}", cipher.name());
    let options = |cipher: Cipher, sizes: &str| {
        let name = cipher.name();
        Program::own(&format!(
            "gateway --direction seal --cipher {name} --txpkts {sizes}"
        ))
    };
    let (cbc, des) = (Cipher::Aes256Sha256, Cipher::TripleDesMd5);
    // What is encrypted of an IP packet of 64 and of 1386 bytes: padded to whole blocks.
    let cbc_rows = vec![
        row(&seal(cbc), 64, peer("crypto", 80), Bound::AtMost(1.3)),
        row(&seal(cbc), 1386, peer("crypto", 1392), Bound::AtMost(1.08)),
    ];
    let turn = format!("{} turn p99", seal(des));
    let des_rows = vec![
        row(&seal(des), 1386, peer("crypto", 1392), Bound::AtMost(1.05)),
        row(&turn, 1386, Against::Constant(300.0), Bound::AtMost(1.0)),
    ];
    [
        group(
            "cbc",
            options(cbc, "64,1386"),
            Some(Program::Crypto(cbc, vec![80, 1392])),
            cbc_rows,
        ),
        group(
            "3des",
            options(des, "1386"),
            Some(Program::Crypto(des, vec![1392])),
            des_rows,
        ),
    ]
}

fn memif() -> Vec<Group> {
    let secgw = [(64, 1.3), (512, 1.2), (1400, 1.05)];
    let macswap = [(64, 0.7), (512, 0.85), (1400, 0.83)];
    let pairs = [(Device::Secgw, secgw), (Device::Macswap, macswap)];
    let groups = pairs.into_iter().flat_map(|(device, goals)| {
        goals.map(|(frame, goal)| {
            let mut row = row(
                "flowgen received",
                u64::from(frame),
                peer("flowgen received", u64::from(frame)),
                Bound::AtLeast(goal),
            );
            "memif to memif".clone_into(&mut row.title);
            Group {
                dear: true,
                ..group(
                    &format!("memif {}", device.name()),
                    Program::Memif(Device::Holdfast, frame),
                    Some(Program::Memif(device, frame)),
                    vec![row],
                )
            }
        })
    });
    groups.collect()
}

fn many_sas() -> Group {
    let name = "gateway seal aes-128-gcm";
    let mut row = row(name, 0, peer(name, 0), Bound::AtMost(1.25));
    "10 000 SAs, random, IMIX".clone_into(&mut row.title);
    Group {
        dear: true,
        ..group(
            "many-sas",
            Program::own("gateway --direction seal --imix --tunnels 10000 --flows 10000"),
            Some(Program::own(
                "gateway --direction seal --imix --flows 10000",
            )),
            vec![row],
        )
    }
}

fn connection_table() -> Vec<Group> {
    [1_000_000_u64, 10_000_000]
        .map(|flows| {
            let lookup = row(
                "rte_hash lookup",
                flows,
                own("conn-table lookup", flows),
                Bound::AtLeast(1.5),
            );
            let memory = row(
                "conn-table memory",
                flows,
                Against::Constant(128.0),
                Bound::AtMost(1.0),
            );
            let change = row(
                "rte_hash insert + delete",
                flows,
                own("conn-table insert + delete", flows),
                Bound::AtLeast(1.5),
            );
            let ageing = row(
                "conn-table ageing",
                flows,
                Against::Constant(1.0),
                Bound::AtMost(1.0),
            );
            let rows = if flows == 1_000_000 {
                vec![lookup, memory, change]
            } else {
                vec![lookup, ageing]
            };
            Group {
                dear: true,
                huge_megabytes: Some(megabytes(flows as u32)),
                ..group(
                    "conn-table",
                    Program::own(&format!("conn-table --flows {flows}")),
                    None,
                    rows,
                )
            }
        })
        .into()
}

fn connections() -> Group {
    group(
        "connections",
        Program::own("firewall --txpkts 50"),
        None,
        vec![row(
            "firewall TCP connections",
            1000,
            Against::Constant(1e6),
            Bound::AtLeast(1.0),
        )],
    )
}

fn rcu() -> Group {
    let rows = vec![
        row(
            "rcu quiescent report",
            1,
            own("rte_rcu_qsbr quiescent report", 1),
            Bound::AtMost(1.0),
        ),
        row(
            "rcu packets lost",
            50,
            Against::Constant(0.0),
            Bound::AtMost(0.0),
        ),
        row(
            "rcu SA swaps",
            50,
            Against::Constant(1e4),
            Bound::AtLeast(1.0),
        ),
        row(
            "rcu p99 burst with swaps",
            50,
            own("rcu p99 burst without swaps", 50),
            Bound::AtMost(1.05),
        ),
    ];
    Group {
        dear: true,
        ..group("rcu", Program::own("rcu --txpkts 50"), None, rows)
    }
}

fn speed_up() -> Group {
    group(
        "two-workers",
        Program::own("gateway --workers 2 --txpkts 50"),
        None,
        vec![row(
            "gateway speed-up",
            2,
            Against::Constant(1.0),
            Bound::AtLeast(1.9),
        )],
    )
}

/// Cycles that a packet may cost more when it is handed over, both cores together.
const HANDOFF_MORE: f64 = 150.0;
/// Cycles that a burst may cost more with histograms at their default rate.
const RECORDING_MORE: f64 = 10.0;

fn handoff() -> Group {
    let mut row = row(
        "gateway seal handed over, both cores",
        50,
        peer("gateway seal aes-128-gcm", 50),
        Bound::Beyond(HANDOFF_MORE),
    );
    "handed over, more than at home".clone_into(&mut row.title);
    group(
        "handoff",
        Program::own("gateway --workers 2 --txpkts 50 --handoff"),
        Some(Program::own("gateway --direction seal --txpkts 50")),
        vec![row],
    )
}

/// Readers of the statistics, and what a worker notices of them: nothing beyond noise.
fn crowd() -> Group {
    let device = |asked| Program::Memif(Device::Product { asked }, 64);
    let received = Row {
        title: format!("received with {CLIENTS} readers"),
        ..row(
            "flowgen received",
            64,
            peer("flowgen received", 64),
            Bound::Noise,
        )
    };
    let p99 = Row {
        title: format!("line p99 with {CLIENTS} readers"),
        ..row("line p99", 64, peer("line p99", 64), Bound::Noise)
    };
    group(
        "crowd",
        device(Which::Measured),
        Some(device(Which::Idle)),
        vec![received, p99],
    )
}

fn recording() -> Group {
    let burst = BURST as u64;
    let rate = SAMPLE_BURSTS_DEFAULT;
    let mut row = row(
        &format!("recording 1 of {rate} bursts"),
        burst,
        own("recording without a stopwatch", burst),
        Bound::Beyond(RECORDING_MORE),
    );
    "histograms, at their default rate".clone_into(&mut row.title);
    group("recording", Program::own("recording"), None, vec![row])
}

/// What a release gives away because its compiler did not know the CPU.
fn release() -> Group {
    let options = "gateway --direction seal --txpkts 50,498,1386";
    let name = "gateway seal aes-128-gcm";
    let rows = [50, 498, 1386].map(|size| Row {
        title: "seal, the release's AVX-512 build".to_owned(),
        ..row(name, size, peer(name, size), Bound::AtMost(1.05))
    });
    group(
        "release",
        Program::release(options),
        Some(Program::own(options)),
        rows.into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_can_be_found_by_a_word() {
        let groups = all();
        assert!(groups.iter().all(|group| !group.rows.is_empty()));
        let rows: usize = groups.iter().map(|group| group.rows.len()).sum();
        assert!(rows >= 45, "{rows}");
    }
}
