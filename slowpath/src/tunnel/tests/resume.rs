//! Tunnels that come back under their flows: when held packets leave, who negotiates when, what
//! the ledger says of it.

use std::collections::BTreeSet;

use config::VpnResume;
use fastpath::limits::RELEASE_FIRST_PACKETS;
use fastpath::tunnel::{BounceRecord, ReleaseOrder};

use super::*;
use crate::bounce::{Bounce, Cause};
use crate::ike::Proof;
use crate::round_trip::RoundTrip;
use crate::tunnel::drain::DRAIN_MS;
use crate::tunnel::resume::{ANEW_S, PEER_FIRST_MS, PROOF_WAIT_MS};
use crate::tunnel::watch::WATCH_ROUND_MS;

/// A tunnel with PRESERVE and the defaults of `vpn-resume`.
pub(super) fn bench() -> Bench {
    let mut bench = Bench::new(true);
    resume(&mut bench, &VpnResume::default());
    bench.dp.take_steps();
    bench
}

pub(super) fn resume(bench: &mut Bench, resume: &VpnResume) {
    let options = VpnOptions {
        resume: ResumePolicy::new(resume),
        ..bench.owner.options
    };
    bench.owner.set_options(options, &mut bench.dp);
}

/// Up with traffic, then down.
fn bounce(bench: &mut Bench, reason: EndReason, now: Time) {
    let spis = bench.up(Time(0));
    bench.carry(spis.0, 10, 10);
    bench.tick(Time(0));
    bench.dp.take_steps();
    bench.down(spis, reason, now);
}

pub(super) fn orders(bench: &mut Bench) -> Vec<ReleaseOrder> {
    let steps = bench.dp.take_steps().into_iter();
    let orders = steps.filter_map(|step| match step {
        Step::Order(order) => Some(order),
        _ => None,
    });
    orders.collect()
}

pub(super) fn first(bench: &Bench) -> &Bounce {
    bench.owner.ledger().get(1).expect("a bounce")
}

#[test]
fn the_workers_are_told_the_options_until_they_take_them() {
    let mut bench = Bench::new(true);
    bench.dp.no_room = true;
    resume(&mut bench, &VpnResume::default());
    bench.tick(Time(0));
    assert!(bench.dp.take_steps().is_empty());
    bench.dp.no_room = false;
    bench.tick(Time(1));
    bench.tick(Time(2));
    let told = ResumePolicy::new(&VpnResume::default()).workers;
    assert!(told.hold && told.hold_memory_bytes == 32 << 20);
    assert_eq!(bench.dp.take_steps(), [Step::Resume(told)]);
    resume(&mut bench, &VpnResume::OFF);
    let off = fastpath::tunnel::ResumeOptions::OFF;
    assert_eq!(bench.dp.take_steps(), [Step::Resume(off)]);
}

#[test]
fn what_is_planned_is_taken_down_as_planned_and_what_is_not_is_not() {
    for (reason, planned, preserve, acts) in [
        (EndReason::AdministratorReset, true, true, true),
        (EndReason::PeerTerminate, true, true, true),
        (EndReason::AdministratorShutdown, true, true, true),
        (EndReason::LostContact, false, true, true),
        (EndReason::MaxTimeExceeded, false, true, true),
        (EndReason::PeerTerminate, false, false, true),
        (EndReason::PeerTerminate, false, true, false),
    ] {
        let mut bench = Bench::new(preserve);
        if acts {
            resume(&mut bench, &VpnResume::default());
        }
        bounce(&mut bench, reason, Time(1_000));
        let steps = bench.dp.take_steps();
        let step = if planned {
            Step::TakeDownPlanned
        } else {
            Step::TakeDown
        };
        assert!(steps.contains(&step), "{reason:?} {steps:?}");
    }
}

#[test]
fn the_order_leaves_with_the_proof_and_not_before() {
    for proof in [Proof::SecondMessage, Proof::ThirdMessage, Proof::Answer] {
        let mut bench = bench();
        bounce(&mut bench, EndReason::PeerTerminate, Time(1_000));
        bench.owner.measured(TUNNEL, Some(RoundTrip::first(40)));
        let spis = bench.up(Time(1_500));
        bench.tick(Time(1_539));
        assert!(orders(&mut bench).is_empty());
        let Bench { owner, dp, .. } = &mut bench;
        owner.peer_receives(0x9999, proof, Time(1_540), dp);
        owner.peer_receives(spis.0, proof, Time(1_540), dp);
        owner.peer_receives(spis.0, proof, Time(1_550), dp);
        assert_eq!(
            orders(&mut bench),
            [ReleaseOrder {
                slot: bench.slot,
                bounce: 1,
                packets_per_s: 1_000,
                first_packets: RELEASE_FIRST_PACKETS,
                round_trip_us: 40_000,
            }]
        );
        bench.tick(Time(9_000));
        assert!(orders(&mut bench).is_empty(), "once");
        let bounce = first(&bench);
        assert_eq!(bounce.proven, Some((Time(1_540), proof)));
        assert_eq!(
            (bounce.down, bounce.ready),
            (Time(1_000), Some(Time(1_500)))
        );
        assert_eq!(bounce.cause, Cause::PeerDelete);
    }
}

#[test]
fn a_packet_of_the_peer_is_proof_and_the_wait_is_bounded() {
    let two_trips = |path: Option<RoundTrip>, expected_ms: u64| {
        let mut bench = bench();
        bounce(&mut bench, EndReason::LostContact, Time(1_000));
        bench.owner.measured(TUNNEL, path);
        bench.up(Time(2_000));
        bench.tick(Time(2_000 + expected_ms - 1));
        assert!(orders(&mut bench).is_empty());
        bench.tick(Time(2_000 + expected_ms));
        assert_eq!(orders(&mut bench).len(), 1);
        let proven = (Time(2_000 + expected_ms), Proof::Wait);
        assert_eq!(first(&bench).proven, Some(proven));
    };
    two_trips(Some(RoundTrip::first(30)), PROOF_WAIT_MS.0);
    two_trips(Some(RoundTrip::first(400)), 800);
    two_trips(Some(RoundTrip::first(900)), PROOF_WAIT_MS.1);
    two_trips(None, PROOF_WAIT_MS.0);
    let mut bench = bench();
    bounce(&mut bench, EndReason::LostContact, Time(1_000));
    let spis = bench.up(Time(2_000));
    bench.carry(spis.0, 1, 0);
    bench.tick(Time(2_001));
    assert_eq!(orders(&mut bench).len(), 1);
    assert_eq!(first(&bench).proven, Some((Time(2_001), Proof::Traffic)));
}

#[test]
fn an_order_waits_for_room_and_goes_with_its_tunnel() {
    let mut bench = bench();
    bounce(&mut bench, EndReason::PeerTerminate, Time(1_000));
    let spis = bench.up(Time(1_100));
    bench.dp.no_room = true;
    bench
        .owner
        .peer_receives(spis.0, Proof::ThirdMessage, Time(1_120), &mut bench.dp);
    bench.tick(Time(1_130));
    assert!(orders(&mut bench).is_empty());
    bench.dp.no_room = false;
    bench.tick(Time(1_140));
    assert_eq!(orders(&mut bench).len(), 1);
    bench.dp.no_room = true;
    bench.down(spis, EndReason::PeerTerminate, Time(2_000));
    let spis = bench.up(Time(2_100));
    bench
        .owner
        .peer_receives(spis.0, Proof::ThirdMessage, Time(2_120), &mut bench.dp);
    bench.down(spis, EndReason::PeerTerminate, Time(2_130));
    bench.dp.no_room = false;
    bench.tick(Time(2_140));
    assert!(orders(&mut bench).is_empty(), "the slot is down again");
    bench.up(Time(2_200));
    bench.reconcile(&[], Time(2_110));
    bench.tick(Time(5_000));
    assert!(orders(&mut bench).is_empty(), "nobody has the slot");
}

#[test]
fn the_first_tunnel_and_a_rekey_are_no_bounce() {
    let mut bench = bench();
    let spis = bench.up(Time(0));
    bench
        .owner
        .peer_receives(spis.0, Proof::Answer, Time(10), &mut bench.dp);
    let rekey = ChildSa {
        replaces: Some(spis),
        ..bench.child()
    };
    let newer = bench.install(rekey, Time(100));
    bench.owner.child_confirmed(newer.0, &mut bench.dp);
    bench.down(spis, EndReason::Rekeyed, Time(200));
    bench.tick(Time(3_000));
    assert!(orders(&mut bench).is_empty());
    assert_eq!(bench.owner.ledger().made(), 0);
}

#[test]
fn the_pace_is_a_quarter_of_what_was_carried_within_what_is_configured() {
    let pace = |carried_pps: u64, initial_pps: Option<u32>, minimum_pps: u32| {
        let mut bench = Bench::new(true);
        let mut options = VpnResume::default();
        options.pace.initial_pps = initial_pps;
        options.pace.minimum_pps = minimum_pps;
        resume(&mut bench, &options);
        let spis = bench.up(Time(0));
        for second in 0..6 {
            bench.owner.traffic(Time(second * 1_000), &bench.dp);
            bench.carry(spis.0, 0, carried_pps);
        }
        // The senders wait while nothing is answered.
        for second in 6..8 {
            bench.owner.traffic(Time(second * 1_000), &bench.dp);
        }
        bench.down(spis, EndReason::LostContact, Time(8_000));
        bench.up(Time(8_500));
        bench.dp.take_steps();
        bench.tick(Time(9_500));
        let order = orders(&mut bench)[0];
        (order.packets_per_s, order.first_packets)
    };
    let burst = RELEASE_FIRST_PACKETS;
    assert_eq!(pace(40_000, None, 1_000), (10_000, burst));
    assert_eq!(pace(40, None, 1_000), (1_000, burst));
    assert_eq!(pace(40, None, 1), (10, burst));
    assert_eq!(pace(0, None, 1), (1, burst));
    assert_eq!(
        pace(40_000, Some(77), 1_000),
        (77, 1),
        "as the operator says"
    );
}

#[test]
fn a_local_clear_negotiates_at_once_and_a_peers_delete_lets_the_peer_begin() {
    for (reason, delay_ms) in [
        (EndReason::AdministratorReset, 0),
        (EndReason::PeerTerminate, PEER_FIRST_MS),
    ] {
        let mut bench = bench();
        bounce(&mut bench, reason, Time(1_000));
        // A packet that asks does not shorten the peer's time.
        bench.dp.ask(bench.slot);
        if delay_ms > 0 {
            bench.tick(Time(1_000 + delay_ms - 1));
            assert!(bench.demands().is_empty());
        }
        bench.tick(Time(1_000 + delay_ms));
        assert_eq!(bench.demands(), [Demand::Initiate(TUNNEL)], "{reason:?}");
        let Bench { owner, dp, .. } = &mut bench;
        owner.negotiating(TUNNEL, Time(1_060), dp);
        assert_eq!(first(&bench).negotiating, Some(Time(1_060)));
    }
    // The peer was faster.
    let mut bench = bench();
    bounce(&mut bench, EndReason::PeerTerminate, Time(1_000));
    bench.up(Time(1_020));
    bench.tick(Time(5_000));
    assert!(bench.demands().is_empty());
}

#[test]
fn nobody_negotiates_unasked_for_a_tunnel_that_carried_nothing_or_shall_stay_down() {
    let unasked = |reason, carried, options: &VpnResume, preserve| {
        let mut bench = Bench::new(preserve);
        resume(&mut bench, options);
        let spis = bench.up(Time(0));
        bench.carry(spis.0, carried, carried);
        bench.down(spis, reason, Time(1_000));
        bench.tick(Time(3_000));
        bench.demands().len()
    };
    let default = VpnResume::default();
    assert_eq!(unasked(EndReason::AdministratorReset, 5, &default, true), 1);
    assert_eq!(unasked(EndReason::AdministratorReset, 0, &default, true), 0);
    assert_eq!(
        unasked(EndReason::AdministratorReset, 5, &default, false),
        0
    );
    let off = VpnResume::OFF;
    assert_eq!(unasked(EndReason::AdministratorReset, 5, &off, true), 0);
    assert_eq!(
        unasked(EndReason::AdministratorShutdown, 5, &default, true),
        0
    );
    assert_eq!(unasked(EndReason::MaxTimeExceeded, 5, &default, true), 0);
    assert_eq!(unasked(EndReason::LostContact, 0, &default, true), 0);
}

#[test]
fn a_tunnel_that_was_begun_anew_is_negotiated_until_its_peer_answers() {
    let fails = |bench: &mut Bench, reason, at| {
        bench.tick(at);
        assert_eq!(bench.demands(), [Demand::Initiate(TUNNEL)]);
        let Bench { owner, dp, .. } = bench;
        owner.negotiating(TUNNEL, at, dp);
        owner.negotiation_failed(TUNNEL, reason, at.after_s(27), dp);
        assert_eq!(bench.word().state(), SlotState::Down);
        bench.tick(at.after_s(27));
        bench.demands()
    };
    let begin = |options: &VpnResume| {
        let mut bench = Bench::new(true);
        resume(&mut bench, options);
        let spis = bench.up(Time(0));
        bench.carry(spis.0, 5, 5);
        bench.down(spis, EndReason::AdministratorReset, Time(1_000));
        bench
    };
    let (default, again) = (VpnResume::default(), [Demand::Initiate(TUNNEL)]);
    let mut bench = begin(&default);
    let unanswered = EndReason::LostContact;
    assert_eq!(fails(&mut bench, unanswered, Time(1_000)), again);
    let Bench { owner, dp, .. } = &mut bench;
    owner.negotiating(TUNNEL, Time(28_000), dp);
    owner.negotiation_failed(TUNNEL, unanswered, Time(55_000), dp);
    bench.tick(Time(55_000));
    assert_eq!(bench.demands(), again, "and so on");
    // Not for ever.
    let late = Time(1_000).after_s(ANEW_S);
    let Bench { owner, dp, .. } = &mut bench;
    owner.negotiating(TUNNEL, Time(55_000), dp);
    owner.negotiation_failed(TUNNEL, unanswered, late, dp);
    bench.tick(late.after_s(10));
    assert!(bench.demands().is_empty());
    // Who has refused is not asked again before a packet wants it; nor is anybody on an ASA.
    let refused = EndReason::NoProposal;
    assert_eq!(fails(&mut begin(&default), refused, Time(1_000)), []);
    let mut bench = begin(&default);
    resume(&mut bench, &VpnResume::OFF);
    assert_eq!(fails(&mut bench, unanswered, Time(1_000)), []);
}

#[test]
fn tunnels_that_die_together_negotiate_spread_out_and_one_alone_at_once() {
    const TUNNELS: u32 = 200;
    let mut dp = Fake::default();
    let mut owner = TunnelOwner::default();
    let options = VpnOptions {
        preserve: true,
        resume: ResumePolicy::new(&VpnResume::default()),
        ..VpnOptions::default()
    };
    owner.set_options(options, &mut dp);
    let specs: Vec<TunnelSpec> = (0..TUNNELS)
        .map(|number| TunnelSpec {
            id: TunnelId(number),
            ..spec()
        })
        .collect();
    reconcile(&mut owner, &specs, Time(0), &mut dp);
    let mut bench = Bench {
        slot: owner.slot(TunnelId(0)).unwrap(),
        owner,
        dp,
        outbound_spi: 1,
    };
    let mut pairs = Vec::new();
    for number in 0..TUNNELS {
        let child = ChildSa {
            tunnel: TunnelId(number),
            ..bench.child()
        };
        let inbound = child.inbound_spi;
        pairs.push((TunnelId(number), bench.install(child, Time(0))));
        bench.carry(inbound, 9, 9);
    }
    for (id, spis) in pairs {
        let Bench { owner, dp, .. } = &mut bench;
        dp.inbound.get_mut(&spis.0).unwrap().packets = 5;
        owner.child_down(id, spis, EndReason::AdministratorReset, Time(1_000), dp);
    }
    let mut begun = BTreeSet::new();
    let mut most = 0;
    for ms in 0..=2 * u64::from(TUNNELS) {
        bench.tick(Time(1_000 + ms));
        let demands = bench.demands();
        most = most.max(demands.len());
        begun.extend(demands.into_iter().map(|demand| format!("{demand:?}")));
        assert!(ms > 0 || !begun.is_empty(), "the first waits for nobody");
    }
    assert_eq!(begun.len(), TUNNELS as usize);
    assert!(most <= 20, "{most} at once");
}

#[test]
fn a_cleared_pair_still_receives_for_a_moment_and_never_across_an_edit() {
    let mut bench = bench();
    let spis = bench.up(Time(0));
    bench.carry(spis.0, 10, 10);
    bench.down(spis, EndReason::AdministratorReset, Time(1_000));
    assert!(bench.dp.inbound.contains_key(&spis.0));
    assert_eq!(bench.dp.sealing_spi(bench.slot), None, "nothing is sealed");
    bench.carry(spis.0, 3, 0);
    bench.tick(Time(1_000 + DRAIN_MS - 1));
    assert!(bench.dp.inbound.contains_key(&spis.0));
    bench.tick(Time(1_000 + DRAIN_MS));
    assert!(!bench.dp.inbound.contains_key(&spis.0));
    let tunnel = &bench.owner.tunnels[&TUNNEL];
    assert_eq!(tunnel.past.inbound.packets, 13, "what came late is counted");
    let spis = bench.up(Time(5_000));
    bench.down(spis, EndReason::AdministratorReset, Time(6_000));
    bench.reconcile(&[spec()], Time(6_001));
    assert!(!bench.dp.inbound.contains_key(&spis.0));
    for reason in [
        EndReason::PeerTerminate,
        EndReason::LostContact,
        EndReason::ConfigurationChanged,
        EndReason::MaxTimeExceeded,
    ] {
        let spis = bench.up(Time(9_000));
        bench.down(spis, reason, Time(9_001));
        assert!(!bench.dp.inbound.contains_key(&spis.0), "{reason:?}");
    }
}

#[test]
fn the_flows_are_counted_by_all_workers_one_bounce_at_a_time() {
    let mut bench = bench();
    bounce(&mut bench, EndReason::LostContact, Time(1_000));
    let asked = bench.sweeps(Time(1_000));
    assert_eq!(asked, ["Count(SlotId(0))"]);
    let ticket = bench.dp.tickets;
    bench.owner.swept(ticket, 4, &mut bench.dp);
    assert_eq!(first(&bench).flows, None);
    bench.owner.swept(ticket, 3, &mut bench.dp);
    assert_eq!(first(&bench).flows, Some(7));
    bench.up(Time(2_000));
    bench.sweeps(Time(2_000));
    let reclassify = bench.dp.tickets;
    bench.owner.swept(reclassify, 2, &mut bench.dp);
    bench.owner.swept(reclassify, 1, &mut bench.dp);
    bench.owner.swept(reclassify, 9, &mut bench.dp);
    assert_eq!(first(&bench).tally.reclassified, 3);
}

#[test]
fn a_workers_report_reaches_the_ledger_and_the_line_the_log() {
    let mut bench = bench();
    bench.owner.clearing(Cause::ClearIsakmp);
    bounce(&mut bench, EndReason::AdministratorReset, Time(1_000));
    bench.messages();
    bench.up(Time(1_100));
    bench.tick(Time(1_400));
    bench.messages();
    let record = BounceRecord {
        slot: bench.slot,
        bounce: 1,
        held: 2,
        refused: 0,
        released: 2,
        unreachables: 0,
        resumed: 2,
        far_resets: 0,
        probed_out: 0,
        first_resumed_us: 800,
        last_resumed_us: 900,
    };
    bench.owner.bounce_report(&record, Time(1_500));
    bench.owner.traffic(Time(6_600), &bench.dp);
    let lines = bench.messages();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with(
            "%ASA-5-402901: VPN bounce 1 of crypto map map1 5, peer 209.165.200.10: clear isakmp, \
             back after 100 ms, flows preserved; flows unknown, held 2, released 2, resumed 2"
        ),
        "{lines:?}"
    );
}

/// A packet leaves that wants an answer.
pub(super) fn expect(bench: &mut Bench) {
    let slot = bench.slot;
    bench.dp.outbound.get_mut(&slot).unwrap().1.expecting += 1;
}

/// Looks until something is seen.
pub(super) fn look(bench: &mut Bench, from: u64, until: u64) -> Option<(u64, Sighting)> {
    let path = |_| Some(RoundTrip::first(50));
    (from..until).find_map(|ms| {
        let seen = bench.owner.watch(Time(ms), &mut bench.dp, path);
        seen.first().map(|sighting| (ms, *sighting))
    })
}

#[test]
fn traffic_that_owes_an_answer_raises_a_suspicion_and_the_ledger_names_the_evidence() {
    let mut bench = bench();
    let spis = bench.up(Time(0));
    assert_eq!(look(&mut bench, 0, 1_000), None);
    bench.carry(spis.0, 1, 1);
    assert_eq!(look(&mut bench, 1_000, 2_000), None, "heard, not suspected");
    expect(&mut bench);
    let (at, sighting) = look(&mut bench, 2_000, 3_000).expect("a suspicion");
    assert_eq!(sighting, Sighting::Silent(PEER));
    assert!((2_350..=2_350 + 2 * WATCH_ROUND_MS).contains(&at), "{at}");
    bench.carry(spis.0, 1, 0);
    let (_, sighting) = look(&mut bench, at + 1, at + 100).expect("a sign of life");
    assert_eq!(sighting, Sighting::Heard(PEER));
    expect(&mut bench);
    let (at, _) = look(&mut bench, 4_000, 5_000).expect("a suspicion");
    bench.owner.peer_answered(PEER, Time(at), &mut bench.dp);
    expect(&mut bench);
    let (again, _) = look(&mut bench, at + 1, 9_000).expect("a suspicion");
    assert!(
        again - at >= 700,
        "twice the silence is borne: {}",
        again - at
    );
    bench.down(spis, EndReason::LostContact, Time(again + 900));
    let bounce = first(&bench);
    let evidence = bounce.evidence.expect("evidence");
    assert!(evidence > Time(at) && evidence <= Time(again - 700));
    assert_eq!(bounce.cause, Cause::LostContact);
    // A tunnel that traffic has shown to be dead is negotiated at once.
    bench.tick(Time(again + 900));
    assert_eq!(bench.demands(), [Demand::Initiate(TUNNEL)]);
}

#[test]
fn traffic_is_told_with_the_time_at_which_it_was_seen() {
    let mut bench = bench();
    let spis = bench.up(Time(0));
    bench.carry(spis.0, 1, 1);
    assert_eq!(look(&mut bench, 100, 1_000), None);
    let seen = bench.owner.traffic(Time(1_000), &bench.dp);
    let heard = seen[0].1.inbound.expect("heard");
    assert!(heard <= Time(100 + 2 * WATCH_ROUND_MS), "{heard:?}");
    bench.owner.traffic(Time(2_000), &bench.dp);
    assert_eq!(bench.owner.traffic(Time(3_000), &bench.dp), []);
}

#[test]
fn without_detection_nobody_looks() {
    let mut bench = Bench::new(true);
    bench.up(Time(0));
    let slot = bench.slot;
    bench.dp.outbound.get_mut(&slot).unwrap().1.expecting = 9;
    assert_eq!(look(&mut bench, 0, 60_000), None);
}
