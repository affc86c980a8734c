//! Decisions on semantics whose rule is seen best from outside, each by its number.

use std::time::Duration;

use tests::lab::Result;
use tests::lab::config_text::KEY;
use tests::lab::error::failed;
use tests::lab::flow_log;
use tests::lab::holdfast_box::HoldfastBox;
use tests::lab::outage::Outage;
use tests::lab::scene::{FLOWS, Scene, expect_eq};
use tests::lab::topology::{BRANCH_OUTSIDE, SECOND_SERVER, SERVER};
use tests::lab::traffic::{ECHO_PORT, ECHO_WAIT};
use tests::scenarios;

scenarios!(
    decisions_5_and_8_orphans_carry_a_v_and_new_flows_wait_for_the_tunnel,
    decision_13_orphans_go_with_what_configures_their_tunnel,
    decision_14_edits_leave_established_flows_alone,
);

/// A new flow answers, its tunnel's negotiation included.
const FIRST_WAIT: Duration = Duration::from_secs(10);

/// Connections to the echo server that are shown with the flag of an orphan.
fn orphans(holdfast: &HoldfastBox) -> Result<usize> {
    let shown = holdfast.control(&format!("show conn protocol tcp port {ECHO_PORT}"))?;
    let flags = shown.lines().filter_map(|line| line.split_once(", flags "));
    Ok(flags.filter(|(_, flags)| flags.contains('V')).count())
}

/// Whether one connection from the client to the echo server is accepted within two seconds.
fn connects(scene: &Scene, server: &str) -> bool {
    let open = format!("exec 3<>/dev/tcp/{server}/{ECHO_PORT}");
    let client = &scene.offices.topology.client;
    client.run("timeout", &["2", "bash", "-c", &open]).is_ok()
}

mod scenario {
    use super::*;

    pub(super) fn decisions_5_and_8_orphans_carry_a_v_and_new_flows_wait_for_the_tunnel(
        workers: usize,
    ) -> Result<()> {
        Scene::play(true, workers, |scene| {
            let mut held = scene.hold(SERVER, "held.log", ECHO_WAIT)?;
            let boxes = [&scene.offices.head, &scene.offices.branch];
            for holdfast in boxes {
                expect_eq("orphans while the tunnel is up", orphans(holdfast)?, 0)?;
            }
            let outage = Outage::begin(&scene.offices.topology.internet)?;
            scene.offices.control_both("clear crypto isakmp sa")?;
            for holdfast in boxes {
                expect_eq(
                    "orphans while the tunnel is down",
                    orphans(holdfast)?,
                    FLOWS,
                )?;
            }
            let before = scene.ids();
            let waiting = |balance: tests::lab::balance::Balance| {
                balance.dropped("need-ike") + balance.dropped("tunnel-pending")
            };
            let dropped = waiting(scene.offices.branch.balance()?);
            expect_eq("a new connection", connects(scene, SERVER), false)?;
            let more = waiting(scene.offices.branch.balance()?);
            expect_eq("its SYN was dropped for the tunnel", more > dropped, true)?;
            expect_eq("connection ids", scene.ids(), before)?;
            outage.end()?;
            expect_eq("flows", held.probe()?, FLOWS)?;
            expect_eq("a new connection afterwards", connects(scene, SERVER), true)?;
            for holdfast in boxes {
                expect_eq("orphans afterwards", orphans(holdfast)?, 0)?;
            }
            Ok(())
        })
    }

    /// The crypto map entry, its access-list entry, its peer's tunnel-group: without one of them
    /// nothing of the tunnel is left.
    pub(super) fn decision_13_orphans_go_with_what_configures_their_tunnel(
        workers: usize,
    ) -> Result<()> {
        let group = format!("tunnel-group {BRANCH_OUTSIDE} ");
        let (group_type, attributes) =
            (group.clone() + "type ipsec-l2l", group + "ipsec-attributes");
        let key = format!("pre-shared-key {KEY}");
        let keepalive = "isakmp keepalive threshold 10 retry 2";
        let entry = "access-list 100 extended permit ip 10.224.228.0 255.255.255.128 any";
        let peer = format!("crypto map map1 5 set peer {BRANCH_OUTSIDE}");
        let (no_entry, no_group) = (
            format!("no {entry}"),
            format!("no tunnel-group {BRANCH_OUTSIDE}"),
        );
        let cases: [(&str, Vec<&str>); 3] = [
            (&no_entry, vec![entry]),
            (&no_group, vec![&group_type, &attributes, &key, keepalive]),
            (
                "no crypto map map1 5 match address 100",
                vec!["crypto map map1 5 match address 100", &peer],
            ),
        ];
        Scene::play(true, workers, |scene| {
            for (number, (removal, restoration)) in cases.iter().enumerate() {
                let held = scene.hold(SERVER, &format!("held-{number}.log"), FIRST_WAIT)?;
                let (ids, _) = scene.ids();
                let outage = Outage::begin(&scene.offices.topology.internet)?;
                scene.offices.control_both("clear crypto isakmp sa")?;
                expect_eq("orphans", orphans(&scene.offices.head)?, FLOWS)?;
                scene.offices.head.configure(&[removal])?;
                if let Err(error) = scene.expect_torn_down(&ids) {
                    return failed(format!("{removal}: {error}"));
                }
                drop(held);
                scene.offices.branch.control("clear conn")?;
                scene.offices.head.configure(restoration)?;
                outage.end()?;
            }
            scene.hold(SERVER, "last.log", ECHO_WAIT).map(|_| ())
        })
    }

    /// Access lists and routes are asked when a flow begins, and not again.
    pub(super) fn decision_14_edits_leave_established_flows_alone(workers: usize) -> Result<()> {
        Scene::play(true, workers, |scene| {
            let mut held = scene.hold(SERVER, "held.log", ECHO_WAIT)?;
            let ids = scene.ids();
            let (head, branch) = (&scene.offices.head, &scene.offices.branch);
            branch.configure(&[
                "access-list closed extended deny ip any any",
                "access-group closed in interface inside",
            ])?;
            expect_eq(
                "a new connection through the list",
                connects(scene, SECOND_SERVER),
                false,
            )?;
            expect_eq("established flows", held.probe()?, FLOWS)?;
            branch.configure(&["no access-group closed in interface inside"])?;
            expect_eq(
                "a new connection without the list",
                connects(scene, SECOND_SERVER),
                true,
            )?;

            let route = "route inside 10.0.0.0 255.0.0.0 10.224.9.1 1";
            head.configure(&[&format!("no {route}")])?;
            expect_eq(
                "a new connection without a route",
                connects(scene, SECOND_SERVER),
                false,
            )?;
            expect_eq("established flows", held.probe()?, FLOWS)?;
            head.control("clear crypto ipsec sa")?;
            expect_eq("established flows after a bounce", held.probe()?, FLOWS)?;
            head.configure(&[route])?;
            let same = |ids: std::collections::BTreeSet<u64>, log: &str| {
                let live = flow_log::live_ids(log, &format!("{SERVER}/{ECHO_PORT}"));
                ids.is_subset(&live)
            };
            expect_eq("ids at the head office", same(ids.0, &head.log()), true)?;
            expect_eq("ids at the branch", same(ids.1, &branch.log()), true)
        })
    }
}
