//! How soon flows go on: a dead peer is found by its traffic, the tunnel is negotiated again at
//! once, what was held leaves when the peer receives, and the ledger tells of it.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use serde_json::Value;
use tests::lab::Result;
use tests::lab::config_text::{Options, Suite};
use tests::lab::download::Download;
use tests::lab::error::failed;
use tests::lab::flow_log::{self, messages};
use tests::lab::holdfast_box::HoldfastBox;
use tests::lab::interrupt::{pause, wait_for};
use tests::lab::offices::{Setup, TwoBoxes};
use tests::lab::outage::Outage;
use tests::lab::topology::{HEAD_OUTSIDE, SERVER};
use tests::scenarios;

scenarios!(
    goes_on_through_an_outage_of_five_seconds,
    goes_on_through_clears_and_the_ledger_names_each,
);

const MEGABYTE: u64 = 1 << 20;
/// How long something may take is a measurement; here it has to happen.
const PATIENCE: Duration = Duration::from_mins(1);
/// From tunnel-up to the first flow that goes on: below what TCP alone needs after such an outage.
const RESUMED_MS: u64 = 1_000;

fn offices(workers: usize) -> Result<TwoBoxes> {
    let options = Options {
        preserve: true,
        suite: Suite::Aes256,
    };
    TwoBoxes::start(Setup {
        options,
        workers,
        rate_bytes_s: MEGABYTE,
        file_megabytes: 10,
    })
}

fn begin_download(offices: &TwoBoxes) -> Result<Download> {
    let (client, files) = (&offices.topology.client, offices.topology.directory());
    let mut download = Download::start(client, files, SERVER, None)?;
    download.wait_bytes(MEGABYTE, PATIENCE)?;
    Ok(download)
}

/// The last bounce of a box.
fn last_bounce(holdfast: &HoldfastBox) -> Result<Value> {
    let ledger = ledger(holdfast)?;
    if ledger["left_in_clear"] != 0 {
        return failed(format!("packets left in clear: {ledger}"));
    }
    match ledger["bounces"].as_array().and_then(|all| all.last()) {
        Some(bounce) => Ok(bounce.clone()),
        None => failed(format!("no bounce: {ledger}")),
    }
}

fn ledger(holdfast: &HoldfastBox) -> Result<Value> {
    let text = holdfast.control("show vpn-bounce json")?;
    serde_json::from_str(&text).or_else(|error| failed(format!("{error}: {text}")))
}

/// The last bounce once its flow went on, which must not have taken longer than it may.
fn resumed(holdfast: &HoldfastBox, cause: &str) -> Result<()> {
    let bounce = wait_for("the flow in the ledger", PATIENCE, || {
        let bounce = last_bounce(holdfast)?;
        Ok((!bounce["first_resumed_ms"].is_null()).then_some(bounce))
    })?;
    println!("{bounce}");
    let (ready, first) = (
        bounce["ready_ms"].as_u64(),
        bounce["first_resumed_ms"].as_u64(),
    );
    let took_ms = first
        .zip(ready)
        .map(|(first, ready)| first.saturating_sub(ready));
    if bounce["cause"] != cause || took_ms.is_none_or(|took| took > RESUMED_MS) {
        return failed(format!("resumed after {took_ms:?} ms: {bounce}"));
    }
    if bounce["flows"] != 1 || bounce["tally"]["far_resets"] != 0 {
        return failed(format!("not one flow that went on: {bounce}"));
    }
    Ok(())
}

mod scenario {
    use super::*;

    pub(super) fn goes_on_through_an_outage_of_five_seconds(workers: usize) -> Result<()> {
        let offices = offices(workers)?;
        let mut download = begin_download(&offices)?;
        let lost = |log: &str| flow_log::count(log, messages::PEER_LOST);
        let outage = Outage::begin(&offices.topology.internet)?;
        let cut = Instant::now();
        offices
            .head
            .wait_log("the branch declared dead", PATIENCE, |log| {
                (lost(log) > 0).then_some(())
            })?;
        println!("declared after {} ms", cut.elapsed().as_millis());
        // A sender that had measured a long round trip repeats itself late.
        wait_for("a held packet", PATIENCE, || {
            let bounce = last_bounce(&offices.head)?;
            Ok((bounce["tally"]["held"] != 0).then_some(()))
        })?;
        pause(Duration::from_secs(5).saturating_sub(cut.elapsed()))?;
        outage.end()?;
        let ended = Instant::now();
        download.wait_progress(PATIENCE)?;
        println!(
            "goes on {} ms after the outage",
            ended.elapsed().as_millis()
        );
        resumed(&offices.head, "lost-contact")?;
        download.expect_whole(&offices.payload, PATIENCE)?;
        offices
            .head
            .wait_log("the line of the bounce", PATIENCE, |log| {
                log.contains("-402901: VPN bounce 1 of ").then_some(())
            })?;
        let shown = offices.head.control("show vpn-bounce")?;
        println!("{shown}");
        if !shown.contains("lost contact") || !shown.contains("Packets left in clear: 0\n") {
            return failed(format!("not what the operator is told: {shown}"));
        }
        offices.end()
    }

    pub(super) fn goes_on_through_clears_and_the_ledger_names_each(workers: usize) -> Result<()> {
        let offices = offices(workers)?;
        let mut download = begin_download(&offices)?;
        let delete = format!("clear crypto ipsec sa peer {HEAD_OUTSIDE}");
        for (holdfast, command, cause) in [
            (&offices.head, "clear crypto ipsec sa", "clear-ipsec"),
            (&offices.head, "clear crypto isakmp sa", "clear-isakmp"),
            (&offices.branch, delete.as_str(), "peer-delete"),
        ] {
            let before = ledger(&offices.head)?["total"].as_u64();
            holdfast.control(command)?;
            download.wait_progress(PATIENCE)?;
            let bounce = wait_for("the bounce", PATIENCE, || {
                let total = ledger(&offices.head)?["total"].as_u64();
                let bounce = last_bounce(&offices.head)?;
                Ok((total > before && !bounce["proven_ms"].is_null()).then_some(bounce))
            })?;
            println!("{bounce}");
            if bounce["cause"] != cause {
                return failed(format!("not {cause}: {bounce}"));
            }
        }
        download.expect_whole(&offices.payload, PATIENCE)?;
        offices.end()
    }
}
