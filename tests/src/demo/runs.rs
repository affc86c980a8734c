//! The three settings of the demo.

use std::path::Path;
use std::time::Duration;

use super::report::{Bounce, ConnectionIds, Run};
use super::watch::Watch;
use super::{FILE_MEGABYTES, RATE_BYTES_S};
use crate::lab::config_text::{KEY, Options, Suite};
use crate::lab::download::{Download, EXIT_TIMED_OUT, SpeedLimit};
use crate::lab::error::{LabError, Result};
use crate::lab::flow_log::{self, TORN_DOWN, messages};
use crate::lab::holdfast_box::HoldfastBox;
use crate::lab::offices::{BoxAndPeer, Setup, TwoBoxes};
use crate::lab::outage::Outage;
use crate::lab::payload::MEGABYTE;
use crate::lab::strongswan::{SEED, Settings};
use crate::lab::topology::{HEAD_OUTSIDE, SERVER};

/// An outage that keepalives alone (10 s of silence, then probes) would not notice; traffic does.
const SHORT_OUTAGE: Duration = Duration::from_secs(10);
/// The branch sends nothing that wants an answer: its keepalives (threshold 10, retry 2) take 20 s.
const PEER_LOST: Duration = Duration::from_mins(1);
/// A strongSwan that was killed stays away so long.
const PEER_GONE: Duration = Duration::from_secs(2);
/// The file at the server's pace, twice.
const FINISH: Duration = Duration::from_secs(2 * FILE_MEGABYTES * MEGABYTE / RATE_BYTES_S);
/// What was on its way when the tunnel went has arrived by then.
const IN_FLIGHT: Duration = Duration::from_secs(1);
/// When curl of the second setting gives up.
const SPEED_LIMIT: SpeedLimit = SpeedLimit {
    bytes_s: 1000,
    seconds: 8,
};

fn setup(preserve: bool) -> Setup {
    let options = Options {
        preserve,
        suite: Suite::Seed,
    };
    Setup {
        options,
        workers: 1,
        rate_bytes_s: RATE_BYTES_S,
        file_megabytes: FILE_MEGABYTES,
    }
}

/// Bytes at which bounce `number` of `count` happens: evenly over the file's first nine tenths.
fn trigger_bytes(number: usize, count: usize) -> u64 {
    FILE_MEGABYTES * MEGABYTE * 9 / 10 * (number as u64 + 1) / (count as u64 + 1)
}

/// Preserve on at both: every kind of bounce, and the file arrives over one connection.
pub fn preserve_both(directory: &Path) -> Result<Run> {
    let setting = "preserve-both";
    println!("\n1. {setting}: a Holdfast at each office, flows outlive their tunnel");
    let offices = TwoBoxes::start(setup(true))?;
    let files = offices.topology.directory();
    let download = Download::start(&offices.topology.client, files, SERVER, None)?;
    let mut watch = Watch::new(setting, download, offices.payload.size_bytes);
    let bounces = bounce_boxes(&mut watch, &offices)?;
    let exit = watch.run_to_exit(FINISH)?;
    let (download, samples) = watch.finish();
    let connection_ids = ConnectionIds {
        head: download_ids(&offices.head),
        branch: download_ids(&offices.branch),
    };
    let sha256_ok = exit == 0 && download.matches(&offices.payload)?;
    let mut faults = bounce_faults(&bounces);
    if !sha256_ok {
        faults.push(format!("curl ended with {exit} or the SHA-256 is wrong"));
    }
    if connection_ids.head.len() != 1 || connection_ids.branch.len() != 1 {
        faults.push(format!(
            "not one connection on each box: {connection_ids:?}"
        ));
    }
    offices
        .head
        .keep_log(&directory.join(format!("{setting}-head.log")))?;
    offices
        .branch
        .keep_log(&directory.join(format!("{setting}-branch.log")))?;
    faults.extend(fault_of(offices.end())?);
    Ok(Run {
        setting,
        claim: "the file arrives whole, over one connection id on both boxes",
        sha256_ok,
        connection_ids,
        teardown_message: None,
        bounces,
        faults,
        samples,
    })
}

/// The bounces of two boxes, in order.
fn bounce_boxes(watch: &mut Watch, offices: &TwoBoxes) -> Result<Vec<Bounce>> {
    let delete = format!("clear crypto ipsec sa peer {HEAD_OUTSIDE}");
    let clears = [
        (
            "clear crypto isakmp sa at the head office",
            &offices.head,
            "clear crypto isakmp sa",
        ),
        (
            "clear crypto ipsec sa at the head office",
            &offices.head,
            "clear crypto ipsec sa",
        ),
        (
            "clear crypto isakmp sa at the branch",
            &offices.branch,
            "clear crypto isakmp sa",
        ),
        (
            "clear crypto ipsec sa at the branch",
            &offices.branch,
            "clear crypto ipsec sa",
        ),
        ("DELETE from the peer", &offices.branch, &delete),
    ];
    let count = clears.len() + 2;
    let log = || offices.head.log();
    let mut bounces = Vec::new();
    for (number, (cause, target, command)) in clears.into_iter().enumerate() {
        watch.run_to_bytes(trigger_bytes(number, count))?;
        let bounce = watch.bounce(cause, &log, |_| target.control(command).map(|_| ()))?;
        bounces.push(bounce);
    }
    watch.run_to_bytes(trigger_bytes(count - 2, count))?;
    bounces.push(watch.bounce("outage of 10 s", &log, |watch| {
        let outage = Outage::begin(&offices.topology.internet)?;
        watch.run_for(SHORT_OUTAGE)?;
        outage.end()
    })?);
    watch.run_to_bytes(trigger_bytes(count - 1, count))?;
    bounces.push(
        watch.bounce("outage until the peer is declared dead", &log, |watch| {
            let boxes = [&offices.head, &offices.branch];
            let lost = |log: &str| flow_log::count(log, messages::PEER_LOST);
            let before = boxes.map(|holdfast| lost(&holdfast.log()));
            let outage = Outage::begin(&offices.topology.internet)?;
            watch.run_until("both boxes declaring their peer dead", PEER_LOST, || {
                boxes
                    .iter()
                    .zip(before)
                    .all(|(holdfast, before)| lost(&holdfast.log()) > before)
            })?;
            outage.end()
        })?,
    );
    Ok(bounces)
}

/// Preserve off: one bounce, and the connection is gone.
pub fn preserve_off(directory: &Path) -> Result<Run> {
    let setting = "preserve-off";
    println!("\n2. {setting}: the same offices without the feature");
    let offices = TwoBoxes::start(setup(false))?;
    let files = offices.topology.directory();
    let client = &offices.topology.client;
    let download = Download::start(client, files, SERVER, Some(SPEED_LIMIT))?;
    let mut watch = Watch::new(setting, download, offices.payload.size_bytes);
    watch.run_to_bytes(20 * MEGABYTE)?;
    let log = || offices.head.log();
    let mut at_bounce = 0;
    let bounce = watch.bounce("clear crypto ipsec sa at the head office", &log, |watch| {
        offices.head.control("clear crypto ipsec sa")?;
        watch.run_for(IN_FLIGHT)?;
        at_bounce = watch.received_bytes();
        Ok(())
    })?;
    let exit = watch.run_to_exit(Duration::from_secs(u64::from(SPEED_LIMIT.seconds) * 3))?;
    let late_bytes = watch.received_bytes() - at_bounce;
    let (download, samples) = watch.finish();
    let log = offices.head.log();
    let teardown_message = torn_down(&log);
    let mut faults = Vec::new();
    match &teardown_message {
        None => faults.push("the head office printed no 302014 of the tunnel".to_owned()),
        Some(message) => {
            println!("  {message}");
            let after = log
                .split_once(message.as_str())
                .map_or("", |(_, after)| after);
            if flow_log::count(after, messages::NO_CONNECTION) == 0 {
                faults.push("no later segment was logged as 106015".to_owned());
            }
        }
    }
    if late_bytes > 0 || bounce.resume_s.is_some() {
        faults.push(format!(
            "the branch received after the bounce ({late_bytes} bytes)"
        ));
    }
    if exit != EXIT_TIMED_OUT {
        faults.push(format!("curl ended with {exit} and not by its speed limit"));
    }
    offices
        .head
        .keep_log(&directory.join(format!("{setting}-head.log")))?;
    offices
        .branch
        .keep_log(&directory.join(format!("{setting}-branch.log")))?;
    let sha256_ok = download.matches(&offices.payload)?;
    let connection_ids = ConnectionIds {
        head: download_ids(&offices.head),
        branch: download_ids(&offices.branch),
    };
    faults.extend(fault_of(offices.end())?);
    Ok(Run {
        setting,
        claim: "the tunnel takes the connection: 302014, then 106015, and curl gives up",
        sha256_ok,
        connection_ids,
        teardown_message,
        bounces: vec![bounce],
        faults,
        samples,
    })
}

/// Preserve on at the head office, strongSwan at the branch.
pub fn strongswan_peer(directory: &Path) -> Result<Run> {
    let setting = "strongswan-peer";
    println!("\n3. {setting}: the feature at the head office alone, strongSwan at the branch");
    let mut offices = BoxAndPeer::start(setup(true), &Settings::branch(SEED, KEY))?;
    let files = offices.topology.directory();
    offices.peer.initiate()?;
    let download = Download::start(&offices.topology.client, files, SERVER, None)?;
    let mut watch = Watch::new(setting, download, offices.payload.size_bytes);
    let bounces = bounce_peer(&mut watch, &mut offices)?;
    let exit = watch.run_to_exit(FINISH)?;
    let (download, samples) = watch.finish();
    let head = download_ids(&offices.head);
    let sha256_ok = exit == 0 && download.matches(&offices.payload)?;
    let mut faults = bounce_faults(&bounces);
    if !sha256_ok {
        faults.push(format!("curl ended with {exit} or the SHA-256 is wrong"));
    }
    if head.len() != 1 {
        faults.push(format!("not one connection at the head office: {head:?}"));
    }
    offices
        .head
        .keep_log(&directory.join(format!("{setting}-head.log")))?;
    faults.extend(fault_of(offices.end())?);
    Ok(Run {
        setting,
        claim: "the file arrives whole, with the feature on one side",
        sha256_ok,
        connection_ids: ConnectionIds {
            head,
            ..ConnectionIds::default()
        },
        teardown_message: None,
        bounces,
        faults,
        samples,
    })
}

/// The bounces of a box and a strongSwan, in order.
fn bounce_peer(watch: &mut Watch, offices: &mut BoxAndPeer) -> Result<Vec<Bounce>> {
    const COUNT: usize = 4;
    let BoxAndPeer { head, peer, .. } = offices;
    let log = || head.log();
    let mut bounces = Vec::new();
    for (number, command) in ["clear crypto isakmp sa", "clear crypto ipsec sa"]
        .iter()
        .enumerate()
    {
        watch.run_to_bytes(trigger_bytes(number, COUNT))?;
        let cause = format!("{command} at the head office");
        bounces.push(watch.bounce(&cause, &log, |_| head.control(command).map(|_| ()))?);
    }
    watch.run_to_bytes(trigger_bytes(2, COUNT))?;
    bounces.push(watch.bounce("strongSwan terminates", &log, |_| peer.terminate_ike())?);
    watch.run_to_bytes(trigger_bytes(3, COUNT))?;
    bounces.push(
        watch.bounce("strongSwan killed and started", &log, |watch| {
            peer.kill()?;
            watch.run_for(PEER_GONE)?;
            peer.launch()?;
            peer.initiate()
        })?,
    );
    Ok(bounces)
}

/// What was not true at the end of a run: something in clear, a packet or a buffer lost, a box that
/// does not stop.
fn fault_of(end: Result<()>) -> Result<Option<String>> {
    match end {
        Err(LabError::Failed(text)) => Ok(Some(text)),
        other => other.map(|()| None),
    }
}

/// Ids that connections to the server's HTTP port had on a box.
fn download_ids(holdfast: &HoldfastBox) -> std::collections::BTreeSet<u64> {
    flow_log::ids(&holdfast.log(), &format!("{SERVER}/80"))
}

/// The first teardown by a tunnel.
fn torn_down(log: &str) -> Option<String> {
    flow_log::teardowns(log)
        .into_iter()
        .find(|teardown| teardown.reason == TORN_DOWN)
        .map(|teardown| teardown.message)
}

fn bounce_faults(bounces: &[Bounce]) -> Vec<String> {
    bounces
        .iter()
        .filter(|bounce| {
            bounce.resume_s.is_none() || bounce.flows_lost > 0 || bounce.flows_preserved == 0
        })
        .map(|bounce| format!("the flow did not outlive: {}", bounce.cause))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounces_are_spread_before_the_end_of_the_file() {
        let triggers: Vec<u64> = (0..7).map(|number| trigger_bytes(number, 7)).collect();
        assert!(triggers.is_sorted());
        assert!(triggers[0] > 10 * MEGABYTE);
        assert!(triggers[6] < FILE_MEGABYTES * MEGABYTE * 9 / 10);
    }
}
