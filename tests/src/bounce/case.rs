//! One case: streams, an outage, and what became of them.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::lane::{Entry, Lane};
use super::windows::Windows;
use crate::lab::error::{LabError, Result};
use crate::lab::interrupt::pause;
use crate::lab::outage::Outage;
use crate::lab::streams::{Load, Record, Streams, Way, retransmissions, unix_us, way};
use crate::lab::topology::SERVER;

/// Streams of a case: half of them downloads.
pub(super) const FLOWS: u32 = 100;
/// Streams run so long before the outage.
const WARM: Duration = Duration::from_millis(1_800);
/// The time in which throughput is compared.
const SECOND_US: u64 = 1_000_000;
/// Streams run so long after the last one went on.
const TAIL: Duration = Duration::from_millis(1_300);
/// A stream that has not gone on by then is lost: more than the longest retransmission timer.
const RESUME_MAX: Duration = Duration::from_secs(130);
/// The same without help: one timer until a packet asks for the tunnel, which is dropped, and one
/// more until the next.
const RESUME_MAX_UNAIDED: Duration = Duration::from_secs(260);
/// Until every byte has come at the end.
const DRAIN: Duration = Duration::from_secs(130);
/// Outages from here on leave the machine to other cases meanwhile.
const LONG_S: u64 = 20;
/// A case wants to be alone when its streams start and its outage begins, until the peer is
/// declared dead ...
const START_ALONE: Duration = Duration::from_millis(6_500);
/// ... and from shortly before the end of the outage until its streams have gone on.
const END_ALONE: Duration = Duration::from_secs(5);
const BEFORE_END: Duration = Duration::from_millis(300);

/// How flows are helped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Setting {
    /// `vpn-resume` as it comes.
    Hold,
    /// ICMP net unreachables instead of held packets.
    Unreachable,
    /// `no vpn-resume`.
    None,
    /// As [`Setting::Hold`], with a strongSwan at the far end.
    StrongSwan,
}

impl Setting {
    /// Its name in the report.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Unreachable => "unreachable",
            Self::None => "none",
            Self::StrongSwan => "strongswan",
        }
    }

    const fn lines(self) -> &'static [&'static str] {
        match self {
            Self::Hold | Self::StrongSwan => &["no vpn-resume", "vpn-resume"],
            Self::Unreachable => &["vpn-resume", "no vpn-resume hold", "vpn-resume unreachable"],
            Self::None => &["no vpn-resume"],
        }
    }

    /// Whether a direction of flows is held at an end that is ours.
    pub(super) fn helps(self, way: Way) -> bool {
        self != Self::StrongSwan || way == Way::Down
    }

    /// Whether traffic without an answer tells of a dead peer.
    pub(super) const fn detects(self) -> bool {
        !matches!(self, Self::None)
    }
}

/// What is to be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Case {
    /// How flows are helped.
    pub(super) setting: Setting,
    /// Length of the outage.
    pub(super) outage_s: u64,
}

/// What was seen.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Run {
    /// The case.
    pub(super) case: Case,
    /// Round trip that the wire adds.
    pub(super) rtt_ms: u32,
    /// Microseconds of the round trip that was measured.
    pub(super) trip_us: u64,
    /// Seconds from tunnel-up to the first new byte of each stream that is helped, unordered.
    pub(super) resumes_s: Vec<f64>,
    /// The same of the others.
    pub(super) unhelped_s: Vec<f64>,
    /// Streams that did not go on, or of which something is missing.
    pub(super) lost: Vec<String>,
    /// Bytes in the first second after tunnel-up to those in the last one before the outage.
    pub(super) goodput_ratio: f64,
    /// Segments that clients and servers sent again, from the outage on.
    pub(super) retransmissions: u64,
    /// Seconds from the end of the outage to tunnel-up.
    pub(super) up_after_s: f64,
    /// The tunnel went down: it came up again, and flows wait for that and no longer for the path.
    pub(super) bounced: bool,
    /// Seconds from tunnel-up until the last held packet of each box was acknowledged.
    pub(super) acknowledged_s: Vec<f64>,
    /// Seconds from the beginning of the outage until each box declared its peer dead.
    pub(super) declared_s: Vec<f64>,
}

/// Moments of a case, in microseconds since 1970.
#[derive(Clone, Copy, Debug)]
struct Moments {
    cut: u64,
    path: u64,
    up: u64,
}

/// Plays a case; `directory` gets the logs of the streams.
pub(super) fn play(lane: &Lane, case: Case, windows: &Windows, directory: &Path) -> Result<Run> {
    let outage = Duration::from_secs(case.outage_s);
    let start = WARM + Duration::from_secs(2);
    let booking = if case.outage_s < LONG_S {
        windows.book(&[(Duration::ZERO, start + outage + END_ALONE)])?
    } else {
        let end = (start + outage).saturating_sub(BEFORE_END);
        windows.book(&[(Duration::ZERO, START_ALONE), (end, END_ALONE)])?
    };
    lane.configure(case.setting.lines())?;
    let spaces = [&lane.topology.server, &lane.topology.client];
    let name = format!(
        "{}-{}s-{}ms",
        case.setting.name(),
        case.outage_s,
        lane.rtt_ms
    );
    let (client, server) = (spaces[1], (spaces[0], SERVER));
    let mut streams = Streams::start(server, client, Load::usual(FLOWS), (directory, &name))?;
    pause(WARM)?;
    let bounces = lane.bounces()?;
    let again = || Ok(retransmissions(spaces[0])? + retransmissions(spaces[1])?);
    let before: u64 = again()?;
    let cut = unix_us();
    let gap = Outage::begin(&lane.topology.internet)?;
    pause(outage)?;
    let path = unix_us();
    gap.end()?;
    let patience = match case.setting {
        Setting::None => RESUME_MAX_UNAIDED,
        _ => RESUME_MAX,
    };
    let resumed = streams.wait("progress of every stream", patience, |seen| {
        seen.lost.is_some() || seen.first_after(path).is_some()
    });
    match resumed {
        Ok(()) | Err(LabError::Failed(_)) => {}
        Err(other) => return Err(other),
    }
    pause(TAIL)?;
    drop(booking);
    let entries = lane.new_bounces(&bounces)?;
    let retransmissions = again()? - before;
    streams.stop(DRAIN)?;
    let moments = Moments {
        cut,
        path,
        up: tunnel_up(&entries, path),
    };
    let mut run = measure(case, &streams.record, moments);
    run.lost = streams.lost();
    (run.rtt_ms, run.trip_us) = (lane.rtt_ms, lane.trip_us);
    run.retransmissions = retransmissions;
    run.bounced = entries.iter().any(|entries| !entries.is_empty());
    let acknowledged = entries.iter().flatten();
    run.acknowledged_s = acknowledged
        .filter_map(Entry::acknowledged_us)
        .map(|at| seconds(moments.up, at))
        .collect();
    run.declared_s = declared(&entries, moments.cut);
    Ok(run)
}

/// Tunnel-up: quick mode was complete at both ends. Where the tunnel never went down, the end of
/// the outage.
fn tunnel_up(entries: &[Vec<Entry>], path_us: u64) -> u64 {
    let ready = entries.iter().filter_map(|entries| {
        let ready = entries.iter().filter_map(Entry::complete_us);
        ready.filter(|at| *at + 1_000 > path_us).min()
    });
    ready.max().unwrap_or(path_us).max(path_us)
}

fn declared(entries: &[Vec<Entry>], cut_us: u64) -> Vec<f64> {
    let first = entries
        .iter()
        .filter_map(|entries| entries.iter().filter_map(Entry::declared_us).min());
    first.map(|at| seconds(cut_us, at)).collect()
}

fn measure(case: Case, record: &Record, moments: Moments) -> Run {
    let (mut resumes_s, mut unhelped_s) = (Vec::new(), Vec::new());
    for (id, seen) in &record.streams {
        if let Some(at) = seen.first_after(moments.path) {
            let resume_s = seconds(moments.up, at);
            if case.setting.helps(way(*id)) {
                resumes_s.push(resume_s);
            } else {
                unhelped_s.push(resume_s);
            }
        }
    }
    let in_second = |from: u64| -> u64 {
        let streams = record.streams.values();
        let each = streams.map(|seen| seen.bytes_at(from + SECOND_US) - seen.bytes_at(from));
        each.sum()
    };
    let usual = in_second(moments.cut - SECOND_US).max(1);
    Run {
        case,
        rtt_ms: 0,
        trip_us: 0,
        resumes_s,
        unhelped_s,
        lost: Vec::new(),
        goodput_ratio: in_second(moments.up) as f64 / usual as f64,
        retransmissions: 0,
        up_after_s: seconds(moments.path, moments.up),
        bounced: false,
        acknowledged_s: Vec::new(),
        declared_s: Vec::new(),
    }
}

/// Seconds between two moments, none when the second one is earlier.
fn seconds(from_us: u64, to_us: u64) -> f64 {
    to_us.saturating_sub(from_us) as f64 / 1e6
}
