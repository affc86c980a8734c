//! Rekeying: a download goes on through new SAs of both phases, and not one packet is lost.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tests::lab::Result;
use tests::lab::config_text::{self, Options, Suite};
use tests::lab::download::Download;
use tests::lab::flow_log::{self, messages};
use tests::lab::offices::{Office, Setup, TwoBoxes};
use tests::lab::scene::expect_eq;
use tests::lab::topology::SERVER;
use tests::scenarios;

const HTTP_PORT: u16 = 80;
const PATIENCE: Duration = Duration::from_mins(1);
/// What a box takes for itself, and what an Ethernet carries to everybody: no loss.
const NO_LOSS: [&str; 5] = [
    "arp-consumed",
    "ike-consumed",
    "local-consumed",
    "l2_acl",
    "unexpected-packet",
];

scenarios!(a_download_crosses_many_rekeys_by_traffic);

/// Seconds of both phases run out in real time; boxes with 1, 2 and 4 workers wait together.
/// Offices whose boxes have these lines in the place of their lifetimes.
pub(crate) fn offices(
    workers: usize,
    suite: Suite,
    (rate_bytes_s, file_megabytes): (u64, u64),
    edit: impl Fn(&str) -> String,
) -> Result<TwoBoxes> {
    let options = Options {
        preserve: true,
        suite,
    };
    let setup = Setup {
        options,
        workers,
        rate_bytes_s,
        file_megabytes,
    };
    TwoBoxes::start_with(setup, |office: Office, options, log: &Path| {
        edit(&config_text::of(office, options, log))
    })
}

/// Packets of both boxes that ended under a reason that is a loss.
fn lost(offices: &TwoBoxes) -> Result<BTreeMap<String, u64>> {
    let mut lost = BTreeMap::new();
    for holdfast in [&offices.head, &offices.branch] {
        for (key, count) in holdfast.balance()?.drops() {
            if !NO_LOSS.contains(&key) {
                *lost.entry(key.to_owned()).or_default() += count;
            }
        }
    }
    Ok(lost)
}

pub(crate) fn count(offices: &TwoBoxes, message: &str) -> usize {
    flow_log::count(&offices.head.log(), message)
}

/// Downloads the file; `watch` waits for what is to happen meanwhile.
pub(crate) fn download_through(
    offices: TwoBoxes,
    deadline: Duration,
    watch: impl FnOnce(&TwoBoxes) -> Result<()>,
) -> Result<()> {
    let (client, files) = (&offices.topology.client, offices.topology.directory());
    let mut download = Download::start(client, files, SERVER, None)?;
    download.wait_progress(PATIENCE)?;
    let ids = offices.live_ids(HTTP_PORT);
    expect_eq("one connection", (ids.0.len(), ids.1.len()), (1, 1))?;
    // The packet that asked for the tunnel could not wait in it.
    let before = lost(&offices)?;
    watch(&offices)?;
    expect_eq("the same connection", offices.live_ids(HTTP_PORT), ids)?;
    expect_eq("packets lost", lost(&offices)?, before)?;
    download.expect_whole(&offices.payload, deadline)?;
    offices.end()
}

mod scenario {
    use super::*;

    /// Megabytes of the file, kilobytes of a lifetime: more than five rekeys.
    const FILE_MEGABYTES: u64 = 24;
    /// The last eighth of it is what a rekey has time for: half a second at the server's pace.
    const LIFETIME_KB: u64 = 4_000;
    const REKEYS: usize = 5;

    pub(super) fn a_download_crosses_many_rekeys_by_traffic(workers: usize) -> Result<()> {
        let line = format!("crypto ipsec security-association lifetime kilobytes {LIFETIME_KB}\n");
        let offices = offices(workers, Suite::Seed, (1_000_000, FILE_MEGABYTES), |text| {
            text.to_owned() + &line
        })?;
        download_through(offices, PATIENCE, |offices| {
            let before = count(offices, messages::TUNNEL_UP);
            offices.head.wait_log("new SAs", PATIENCE, |log| {
                let rekeys = flow_log::count(log, messages::TUNNEL_UP) - before;
                (rekeys >= REKEYS).then_some(())
            })
        })
    }
}
