//! Timers run while the tunnel is down: preserved or not, a flow that is silent for its protocol's
//! timeout goes, and the tunnel's own message is not the reason. Real boxes in real time, at the
//! shortest timeouts that the product takes; boxes with 1, 2 and 4 workers wait at the same time.

use std::thread;
use std::time::Duration;

use tests::lab::Result;
use tests::lab::error::failed;
use tests::lab::flow_log::{self, TORN_DOWN};
use tests::lab::holdfast_box::HoldfastBox;
use tests::lab::offices::Office;
use tests::lab::outage::Outage;
use tests::lab::raw_entry::{RawEntries, entries, settled_entries};
use tests::lab::scene::{FLOWS, Scene, expect_eq};
use tests::lab::topology::{CLIENT, SERVER};
use tests::lab::traffic::{ECHO_PORT, ECHO_WAIT, probe_udp};

use super::together;

/// `timeout udp` and its minimum.
const UDP_TIMEOUT: Duration = Duration::from_mins(1);
/// A handshake takes 30 seconds at the most.
const SYN_TIMEOUT: Duration = Duration::from_secs(30);
/// Timers are coarse, and logs are written by a thread of their own.
const LATE: Duration = Duration::from_secs(10);
/// Behind the head office, and not there: a SYN to it stays without an answer.
const NOBODY: &str = "10.224.228.99";
const UDP_PORT: u16 = 40_000;

#[test]
fn decision_1_and_2_silent_flows_go_by_their_own_timers() {
    together(silence);
}

#[test]
fn decision_2_a_packet_that_waits_for_the_tunnel_refreshes_its_flow() {
    together(refreshed);
}

fn refreshed(workers: usize) -> Result<()> {
    Scene::play(true, workers, |scene| {
        let mut held = scene.hold(SERVER, "held.log", ECHO_WAIT)?;
        let branch = &scene.offices.branch;
        let outage = Outage::begin(&scene.offices.topology.internet)?;
        scene.offices.control_both("clear crypto isakmp sa")?;
        let before = settled_entries(branch, ECHO_PORT)?;
        expect_eq("entries", before.len(), FLOWS)?;
        held.send_probes()?;
        thread::sleep(Duration::from_secs(1));
        let after = entries(branch, ECHO_PORT)?;
        expect_eq(
            "everything but the stamp",
            without_stamps(&after)?,
            without_stamps(&before)?,
        )?;
        for (id, entry) in &after {
            if entry.last_seen()? <= before[id].last_seen()? {
                return failed(format!("connection {id} was not refreshed"));
            }
        }
        outage.end()?;
        expect_eq("answering flows", held.alive()?, FLOWS)
    })
}

/// Entries with their last-seen stamps blanked.
fn without_stamps(entries: &RawEntries) -> Result<Vec<(u64, String)>> {
    entries
        .iter()
        .map(|(&id, entry)| Ok((id, entry.without_stamp()?)))
        .collect()
}

fn silence(workers: usize) -> Result<()> {
    let edit = |_: Office, text: &str| format!("{text}timeout udp 0:01:00\n");
    Scene::play_with(true, workers, edit, |scene| {
        let mut held = scene.hold(SERVER, "held.log", ECHO_WAIT)?;
        let (branch, client) = (&scene.offices.branch, &scene.offices.topology.client);
        let ids = scene.ids();
        expect_eq("UDP probes", probe_udp(client, SERVER, UDP_PORT, 1)?, 1)?;
        // One SYN: curl has given up before it would be sent again.
        let nobody = format!("http://{NOBODY}:{ECHO_PORT}/");
        let refused = client.run("curl", &["-s", "--connect-timeout", "0.5", &nobody]);
        expect_eq("nobody answers", refused.is_err(), true)?;
        let half_open = live(branch, NOBODY);
        expect_eq("half-open connections", half_open.len(), 1)?;
        let outage = Outage::begin(&scene.offices.topology.internet)?;
        scene.offices.control_both("clear crypto isakmp sa")?;

        let reason = branch.wait_log("the end of the handshake", SYN_TIMEOUT + LATE, |log| {
            let mut gone = flow_log::teardowns(log).into_iter();
            let gone = gone.find(|teardown| half_open.contains(&teardown.id))?;
            Some(gone.reason)
        })?;
        expect_eq("reason", reason.as_str(), "SYN Timeout")?;
        let line = branch.wait_log("the end of the UDP flow", UDP_TIMEOUT + LATE, |log| {
            let end = format!("{CLIENT}/{UDP_PORT} ");
            let mut lines = log.lines().filter(|line| line.contains("-302016: "));
            lines.find(|line| line.contains(&end)).map(str::to_owned)
        })?;
        let lived = ["duration 0:01:0", "duration 0:01:1"];
        if !lived.iter().any(|duration| line.contains(duration)) {
            return failed(format!("not after its own timeout: {line}"));
        }
        let torn_down = flow_log::teardowns(&branch.log());
        let torn_down = torn_down.iter().filter(|gone| gone.reason == TORN_DOWN);
        expect_eq("flows torn down by the tunnel", torn_down.count(), 0)?;

        expect_eq("connection ids", scene.ids(), ids.clone())?;
        outage.end()?;
        expect_eq("flows whose timers have not run out", held.probe()?, FLOWS)?;
        expect_eq("connection ids", scene.ids(), ids)
    })
}

fn live(holdfast: &HoldfastBox, server: &str) -> std::collections::BTreeSet<u64> {
    flow_log::live_ids(&holdfast.log(), &format!("{server}/{ECHO_PORT}"))
}
