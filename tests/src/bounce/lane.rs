//! Offices with a wire of a known delay between them, in which case after case is played.

use std::fs;
use std::time::Duration;

use serde::Deserialize;

use crate::lab::config_text::{self, KEY, Options, Suite};
use crate::lab::error::{Doing, LabError, Result, failed};
use crate::lab::holdfast_box::HoldfastBox;
use crate::lab::interrupt::wait_for;
use crate::lab::sniffer::Sniffer;
use crate::lab::strongswan::{AES256, Settings, StrongSwan};
use crate::lab::topology::{Edge, HEAD_NETS, Plan, SERVER, Topology};
use crate::lab::wire::Impairment;

/// Negotiation, on a busy machine.
const TUNNEL: Duration = Duration::from_secs(20);
/// Echo requests whose round trips are averaged.
const PINGS: &str = "40";
/// Workers of each box.
const WORKERS: usize = 2;

/// How the ledger names the proofs that quick mode gives, and the one of a responder.
const SECOND_MESSAGE: &str = "second message of quick mode";
const THIRD_MESSAGE: &str = "third message of quick mode";
const PACKET: &str = "a packet of the peer";

/// What stands at the branch.
#[derive(Debug)]
enum Far {
    Holdfast(HoldfastBox),
    StrongSwan(StrongSwan),
}

/// A bounce as a box's ledger has it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Entry {
    number: u32,
    down_unix_ms: u64,
    negotiating_ms: Option<u64>,
    ready_ms: Option<u64>,
    proven_ms: Option<u64>,
    proof: Option<String>,
    last_resumed_ms: Option<u64>,
    cause: String,
}

impl Entry {
    /// When quick mode was complete here, in microseconds since 1970: with its second message where
    /// we began it, with its third one where the peer did, although the SAs are there before. A
    /// packet under the pair may overtake the third message.
    pub(super) fn complete_us(&self) -> Option<u64> {
        let complete_ms = match self.proof.as_deref() {
            // Where both sides have begun, the SAs of the other one's were there before.
            Some(SECOND_MESSAGE | THIRD_MESSAGE) => self.proven_ms?,
            Some(PACKET) if self.negotiating_ms.is_none() => self.proven_ms?,
            _ => self.ready_ms?,
        };
        Some((self.down_unix_ms + complete_ms) * 1_000)
    }

    /// When the last of the held packets was acknowledged.
    pub(super) fn acknowledged_us(&self) -> Option<u64> {
        Some((self.down_unix_ms + self.last_resumed_ms?) * 1_000)
    }

    /// When the peer was declared dead, if that was the cause.
    pub(super) fn declared_us(&self) -> Option<u64> {
        (self.cause == "lost-contact").then_some(self.down_unix_ms * 1_000)
    }
}

#[derive(Deserialize)]
struct Ledger {
    left_in_clear: u64,
    total: u32,
    bounces: Vec<Entry>,
}

/// The offices. Fields drop in order.
#[derive(Debug)]
pub(super) struct Lane {
    sniffer: Sniffer,
    head: HoldfastBox,
    far: Far,
    /// Its namespaces.
    pub(super) topology: Topology,
    /// Round trip that the wire adds, in milliseconds.
    pub(super) rtt_ms: u32,
    /// Microseconds of the whole round trip between client and server, measured before any case.
    pub(super) trip_us: u64,
}

impl Lane {
    /// Builds the offices, opens the tunnel, and measures the round trip.
    pub(super) fn start(rtt_ms: u32, strongswan: bool) -> Result<Self> {
        let topology = Topology::build(Plan {
            head: Edge::Box,
            branch: if strongswan { Edge::Peer } else { Edge::Box },
            impairment: Some(Impairment {
                delay_us: rtt_ms * 1_000 / 2,
                ..Impairment::default()
            }),
        })?;
        let options = Options {
            preserve: true,
            suite: Suite::Aes256,
        };
        let files = topology.directory();
        let log = files.join("sniffer.log");
        let devices = ["head", "branch"];
        let sniffer = Sniffer::start(&topology.internet, &devices, &HEAD_NETS, &log)?;
        let head = HoldfastBox::start(&topology.head, &files.join("head"), WORKERS, |log| {
            config_text::head(options, log)
        })?;
        let home = files.join("branch");
        let far = if strongswan {
            let settings = Settings::branch(AES256, KEY);
            Far::StrongSwan(StrongSwan::start(&topology.branch, &home, &settings)?)
        } else {
            let configure = |log: &_| config_text::branch(options, log);
            let holdfast = HoldfastBox::start(&topology.branch, &home, WORKERS, configure)?;
            Far::Holdfast(holdfast)
        };
        let mut lane = Self {
            sniffer,
            head,
            far,
            topology,
            rtt_ms,
            trip_us: 0,
        };
        lane.open()?;
        Ok(lane)
    }

    fn open(&mut self) -> Result<()> {
        if let Far::StrongSwan(peer) = &self.far {
            peer.initiate()?;
        }
        wait_for("an answer through the tunnel", TUNNEL, || {
            Ok(self.topology.client.pings(SERVER, 1).then_some(()))
        })?;
        let args = ["-n", "-q", "-c", PINGS, "-i", "0.05", SERVER];
        let said = self.topology.client.run("ping", &args)?;
        match mean_trip_us(&said) {
            Some(trip_us) => self.trip_us = trip_us,
            None => return failed(format!("no round trip: {said}")),
        }
        Ok(())
    }

    fn boxes(&self) -> impl Iterator<Item = &HoldfastBox> {
        let far = match &self.far {
            Far::Holdfast(holdfast) => Some(holdfast),
            Far::StrongSwan(_) => None,
        };
        std::iter::once(&self.head).chain(far)
    }

    /// Enters lines in every box.
    pub(super) fn configure(&self, lines: &[&str]) -> Result<()> {
        self.boxes()
            .try_for_each(|holdfast| holdfast.configure(lines))
    }

    /// Bounces so far, by box.
    pub(super) fn bounces(&self) -> Result<Vec<u32>> {
        let totals = self.boxes().map(|holdfast| Ok(ledger(holdfast)?.total));
        totals.collect()
    }

    /// Bounces after those that [`Self::bounces`] has counted, by box, once each tunnel is back.
    pub(super) fn new_bounces(&self, before: &[u32]) -> Result<Vec<Vec<Entry>>> {
        let boxes = self.boxes().zip(before);
        let entries = boxes.map(|(holdfast, before)| {
            let waited = wait_for("a tunnel that is back", TUNNEL, || {
                let mut entries = ledger(holdfast)?.bounces;
                entries.retain(|entry| entry.number > *before);
                let back = entries.iter().all(|entry| entry.ready_ms.is_some());
                Ok(back.then_some(entries))
            });
            waited.map_err(|error| match error {
                LabError::Failed(text) => LabError::Failed(format!("{text}: {}", told(holdfast))),
                other => other,
            })
        });
        entries.collect()
    }

    /// What the wire has said of its delays: mean and most in microseconds, frames without room.
    pub(super) fn wire(&self) -> WireDelays {
        let log = self.topology.directory().join("wire.log");
        WireDelays::read(&fs::read_to_string(log).unwrap_or_default())
    }

    /// Keeps the boxes' logs, and asks what must be true at the end: nothing left in clear, nothing
    /// is lost.
    pub(super) fn end(mut self, directory: &std::path::Path, name: &str) -> Result<()> {
        for (holdfast, end) in self.boxes().zip(["head", "branch"]) {
            holdfast.keep_log(&directory.join(format!("{name}-{end}.log")))?;
        }
        self.sniffer.expect_clean()?;
        for holdfast in self.boxes() {
            holdfast.expect_balanced()?;
        }
        self.head.stop()?;
        match &mut self.far {
            Far::Holdfast(holdfast) => holdfast.stop(),
            Far::StrongSwan(_) => Ok(()),
        }
    }
}

/// How long the wire's frames were under way, one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WireDelays {
    pub(super) mean_us: u64,
    pub(super) most_us: u64,
    pub(super) no_room: u64,
}

impl WireDelays {
    fn read(text: &str) -> Self {
        let (mut all, mut sum) = (Self::default(), 0);
        let mut frames = 0;
        for line in text.lines().filter(|line| line.starts_with("carried ")) {
            let numbers: Vec<u64> = line.split(' ').filter_map(|it| it.parse().ok()).collect();
            let [count, mean_us, most_us, no_room] = numbers[..] else {
                continue;
            };
            frames += count;
            sum += mean_us * count;
            all.most_us = all.most_us.max(most_us);
            all.no_room += no_room;
        }
        all.mean_us = sum.checked_div(frames).unwrap_or(0);
        all
    }
}

/// A box's ledger as an operator reads it.
fn told(holdfast: &HoldfastBox) -> String {
    let told = holdfast.control("show vpn-bounce detail");
    told.unwrap_or_else(|error| error.to_string())
}

fn ledger(holdfast: &HoldfastBox) -> Result<Ledger> {
    let text = holdfast.control("show vpn-bounce json")?;
    let ledger: Ledger = serde_json::from_str(&text).doing("read the ledger")?;
    if ledger.left_in_clear > 0 {
        return failed(format!("packets left in clear: {text}"));
    }
    Ok(ledger)
}

/// `rtt min/avg/max/mdev = A/B/C/D ms`.
fn mean_trip_us(said: &str) -> Option<u64> {
    let (_, numbers) = said.split_once("rtt ")?.1.split_once(" = ")?;
    let mean: f64 = numbers.split('/').nth(1)?.parse().ok()?;
    Some((mean * 1_000.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_round_trip_is_read() {
        let said = "40 packets\nrtt min/avg/max/mdev = 1.023/1.500/2.1/0.2 ms\n";
        assert_eq!(mean_trip_us(said), Some(1_500));
        assert_eq!(mean_trip_us("nothing"), None);
    }

    #[test]
    fn delays_are_weighed_by_their_frames() {
        let text = "ready\ncarried 10 delay_us mean 500 most 700 no room 0\n\
                    carried 30 delay_us mean 900 most 1000 no room 2\n";
        let expected = WireDelays {
            mean_us: 800,
            most_us: 1_000,
            no_room: 2,
        };
        assert_eq!(WireDelays::read(text), expected);
        assert_eq!(WireDelays::read(""), WireDelays::default());
    }
}
