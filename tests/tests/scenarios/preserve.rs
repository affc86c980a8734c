//! The product's promise: TCP connections outlive the tunnel under them when told so, go with it
//! when not, and nothing ever leaves in clear. Each scenario runs with 1, 2 and 4 workers.

use std::time::Duration;

use tests::lab::Result;
use tests::lab::error::failed;
use tests::lab::flow_log::{self, messages};
use tests::lab::interrupt::wait_for;
use tests::lab::offices::TwoBoxes;
use tests::lab::outage::Outage;
use tests::lab::scene::{FLOWS, Scene, expect_eq};
use tests::lab::topology::{CLIENT, HEAD_OUTSIDE, SECOND_SERVER, SERVER};
use tests::lab::traffic::{ECHO_PORT, ECHO_WAIT, probe_udp};
use tests::scenarios;

/// A flow that a tunnel took does not answer; there is no need to wait for long.
const DEAD_WAIT: Duration = Duration::from_secs(8);
/// Sweeps are paced, logs are written by a thread of their own.
const LOGGED: Duration = Duration::from_secs(10);
const PEER_LOST: Duration = Duration::from_mins(1);
const PRESERVE: &str = "sysopt connection preserve-vpn-flows";

scenarios!(
    flows_outlive_every_drop,
    flows_go_with_the_tunnel_when_off,
    udp_is_not_touched,
    enabling_needs_a_new_tunnel,
    one_entry_down_leaves_the_other,
    one_entry_down_loses_no_flow_when_on,
    a_box_that_stops_deletes_its_tunnels_at_the_peer,
);

/// Takes the whole path away until both boxes have given their peer up.
fn outage_until_peer_lost(offices: &TwoBoxes) -> Result<()> {
    let boxes = [&offices.head, &offices.branch];
    let lost = |log: &str| flow_log::count(log, messages::PEER_LOST);
    let before = boxes.map(|holdfast| lost(&holdfast.log()));
    let outage = Outage::begin(&offices.topology.internet)?;
    for (holdfast, before) in boxes.into_iter().zip(before) {
        holdfast.wait_log("the peer declared dead", PEER_LOST, |log| {
            (lost(log) > before).then_some(())
        })?;
    }
    outage.end()
}

/// The SPI of the inbound SA whose local net is `net`, from `show crypto ipsec sa`.
fn inbound_spi(shown: &str, net: &str) -> Option<String> {
    let (_, block) = shown.split_once(&format!("local ident (addr/mask/prot/port): ({net}/"))?;
    let (_, inbound) = block.split_once("inbound esp sas:")?;
    let (_, spi) = inbound.split_once("spi: ")?;
    spi.split_whitespace().next().map(str::to_owned)
}

#[test]
fn an_inbound_spi_is_found_by_its_local_net() {
    let shown = "      local ident (addr/mask/prot/port): (10.224.228.0/255.255.255.128/0/0)\n\
        \x20   inbound esp sas:\n      spi: 0x00000001 (1)\n\
        \x20     local ident (addr/mask/prot/port): (10.224.52.0/255.255.255.128/0/0)\n\
        \x20     current outbound spi: 00000009\n\
        \x20   inbound esp sas:\n      spi: 0x6A7391E0 (1785958880)\n";
    assert_eq!(
        inbound_spi(shown, "10.224.52.0").as_deref(),
        Some("0x6A7391E0")
    );
    assert_eq!(
        inbound_spi(shown, "10.224.228.0").as_deref(),
        Some("0x00000001")
    );
    assert_eq!(inbound_spi(shown, "10.0.0.0"), None);
}

mod scenario {
    use super::*;

    /// Every kind of drop: all flows answer afterwards, under the connection ids that they had.
    pub(super) fn flows_outlive_every_drop(workers: usize) -> Result<()> {
        Scene::play(true, workers, |scene| {
            let mut held = scene.hold(SERVER, "held.log", ECHO_WAIT)?;
            let ids = scene.ids();
            expect_eq(
                "flows on both boxes",
                (ids.0.len(), ids.1.len()),
                (FLOWS, FLOWS),
            )?;
            let delete = format!("clear crypto ipsec sa peer {HEAD_OUTSIDE}");
            for command in ["clear crypto isakmp sa", "clear crypto ipsec sa", &delete] {
                // The third is the branch's alone: the head office sees its peer's DELETE.
                let head_has_it = command != delete;
                let boxes = [&scene.offices.branch, &scene.offices.head];
                for holdfast in boxes.into_iter().take(if head_has_it { 2 } else { 1 }) {
                    holdfast.control(command)?;
                    expect_eq(command, held.probe()?, FLOWS)?;
                    expect_eq("connection ids", scene.ids(), ids.clone())?;
                }
            }
            outage_until_peer_lost(&scene.offices)?;
            expect_eq("answering flows after the outage", held.probe()?, FLOWS)?;
            expect_eq("connection ids", scene.ids(), ids)?;
            Ok(())
        })
    }

    /// Off: the tunnel takes its flows, with the ASA's line, and later segments belong to nothing.
    pub(super) fn flows_go_with_the_tunnel_when_off(workers: usize) -> Result<()> {
        Scene::play(false, workers, |scene| {
            let mut held = scene.hold(SERVER, "held.log", DEAD_WAIT)?;
            let (ids, _) = scene.ids();
            expect_eq("flows on the head office's box", ids.len(), FLOWS)?;
            let denied = flow_log::count(&scene.offices.head.log(), messages::NO_CONNECTION);
            scene.offices.head.control("clear crypto ipsec sa")?;
            scene.expect_torn_down(&ids)?;
            expect_eq("answering flows", held.probe()?, 0)?;
            let branch_or_head = || {
                let logs = [scene.offices.head.log(), scene.offices.branch.log()];
                logs.iter()
                    .map(|log| flow_log::count(log, messages::NO_CONNECTION))
                    .sum::<usize>()
            };
            wait_for("a segment without connection", LOGGED, || {
                Ok((branch_or_head() > denied).then_some(()))
            })?;
            let mut again = scene.hold(SERVER, "again.log", ECHO_WAIT)?;
            expect_eq("flows opened afterwards", again.probe()?, FLOWS)?;
            Ok(())
        })
    }

    /// UDP flows are left to their own timer, with the option on and off.
    pub(super) fn udp_is_not_touched(workers: usize) -> Result<()> {
        for preserve in [true, false] {
            Scene::play(preserve, workers, |scene| {
                let (head, client) = (&scene.offices.head, &scene.offices.topology.client);
                let source_port = 40_000;
                // The first probe may be the one that asks for the tunnel.
                probe_udp(client, SERVER, source_port, 3)?;
                expect_eq("UDP probes", probe_udp(client, SERVER, source_port, 1)?, 1)?;
                head.control("clear crypto ipsec sa")?;
                let shown = head.control("show conn")?;
                let flow = format!("{CLIENT}:{source_port}");
                let kept = shown
                    .lines()
                    .any(|line| line.starts_with("UDP") && line.contains(&flow));
                expect_eq("the UDP flow is shown", kept, true)?;
                probe_udp(client, SERVER, source_port, 3)?;
                expect_eq("UDP probes", probe_udp(client, SERVER, source_port, 1)?, 1)?;
                expect_eq("302016 lines", flow_log::count(&head.log(), "-302016: "), 0)?;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Turned on while a tunnel is up, the option has effect from the next tunnel on.
    pub(super) fn enabling_needs_a_new_tunnel(workers: usize) -> Result<()> {
        Scene::play(false, workers, |scene| {
            let mut early = scene.hold(SERVER, "early.log", DEAD_WAIT)?;
            let (ids, _) = scene.ids();
            scene.offices.head.configure(&[PRESERVE])?;
            scene.offices.branch.configure(&[PRESERVE])?;
            scene.offices.head.control("clear crypto ipsec sa")?;
            scene.expect_torn_down(&ids)?;
            expect_eq("early flows", early.probe()?, 0)?;
            let mut late = scene.hold(SERVER, "late.log", ECHO_WAIT)?;
            scene.offices.head.control("clear crypto ipsec sa")?;
            expect_eq("late flows", late.probe()?, FLOWS)?;
            Ok(())
        })
    }

    /// Two access-list entries, two tunnels: the drop of one takes its own flows alone.
    pub(super) fn one_entry_down_leaves_the_other(workers: usize) -> Result<()> {
        Scene::play(false, workers, |scene| {
            let mut first = scene.hold(SERVER, "first.log", DEAD_WAIT)?;
            let mut second = scene.hold(SECOND_SERVER, "second.log", DEAD_WAIT)?;
            let (kept, _) = scene.ids();
            let log = scene.offices.head.log();
            let gone = flow_log::live_ids(&log, &format!("{SECOND_SERVER}/{ECHO_PORT}"));
            expect_eq("flows of the second entry", gone.len(), FLOWS)?;
            let shown = scene.offices.head.control("show crypto ipsec sa")?;
            let Some(spi) = inbound_spi(&shown, "10.224.52.0") else {
                return failed(format!("no SA of the second entry: {shown}"));
            };
            let clear = format!("clear crypto ipsec sa entry {HEAD_OUTSIDE} esp {spi}");
            scene.offices.head.control(&clear)?;
            scene.expect_torn_down(&gone)?;
            expect_eq("flows of the second entry", second.probe()?, 0)?;
            expect_eq("flows of the first entry", first.probe()?, FLOWS)?;
            expect_eq("their connection ids", scene.ids().0, kept)?;
            Ok(())
        })
    }

    /// The same with the option on: the flows of both go on, and the other tunnel is not touched.
    pub(super) fn one_entry_down_loses_no_flow_when_on(workers: usize) -> Result<()> {
        Scene::play(true, workers, |scene| {
            let mut first = scene.hold(SERVER, "first.log", ECHO_WAIT)?;
            let mut second = scene.hold(SECOND_SERVER, "second.log", ECHO_WAIT)?;
            let head = &scene.offices.head;
            let ids = |server| flow_log::live_ids(&head.log(), &format!("{server}/{ECHO_PORT}"));
            let before = [SERVER, SECOND_SERVER].map(ids);
            let spis = || -> Result<[Option<String>; 2]> {
                let shown = head.control("show crypto ipsec sa")?;
                Ok(["10.224.228.0", "10.224.52.0"].map(|net| inbound_spi(&shown, net)))
            };
            let [kept, Some(gone)] = spis()? else {
                return failed("no SA of the second entry");
            };
            let clear = format!("clear crypto ipsec sa entry {HEAD_OUTSIDE} esp {gone}");
            head.control(&clear)?;
            expect_eq("flows of the second entry", second.probe()?, FLOWS)?;
            expect_eq("flows of the first entry", first.probe()?, FLOWS)?;
            expect_eq("connection ids", [SERVER, SECOND_SERVER].map(ids), before)?;
            let [still, renewed] = spis()?;
            expect_eq("the SA of the first entry", still, kept)?;
            expect_eq("a new SA of the second", renewed != Some(gone), true)
        })
    }

    /// SIGTERM: the peer is told, so that its flows wait for another tunnel at once.
    pub(super) fn a_box_that_stops_deletes_its_tunnels_at_the_peer(workers: usize) -> Result<()> {
        Scene::play(true, workers, |scene| {
            let held = scene.hold(SERVER, "held.log", DEAD_WAIT)?;
            let ids = scene.ids();
            scene.offices.branch.stop()?;
            let head = &scene.offices.head;
            wait_for("no SA at the head office", LOGGED, || {
                let shown = head.control("show crypto ipsec sa")?;
                Ok(shown.contains("There are no ipsec sas").then_some(()))
            })?;
            let told = head.control("show vpn-bounce")?.contains("peer's DELETE");
            expect_eq("the peer's DELETE in the ledger", told, true)?;
            let lost = flow_log::count(&head.log(), messages::PEER_LOST);
            expect_eq("peers that were found dead", lost, 0)?;
            expect_eq("connection ids at the head office", scene.ids().0, ids.0)?;
            drop(held);
            scene.offices.branch.launch()?;
            scene.hold(SERVER, "again.log", ECHO_WAIT).map(drop)
        })
    }
}
