//! Each numbered decision on semantics that tunnel ownership keeps, by its number.

use super::*;

const REASONS: [EndReason; 5] = [
    EndReason::AdministratorReset,
    EndReason::PeerTerminate,
    EndReason::LostContact,
    EndReason::MaxTimeExceeded,
    EndReason::InitialContact,
];

#[test]
fn decision_1_a_drop_sweeps_only_what_the_epoch_makes_stale() {
    // SweepStale takes TCP flows of an older epoch; SweepSlot would take every protocol.
    let mut bench = Bench::new(false);
    let spis = bench.up(Time(0));
    bench.sweeps(Time(0));
    bench.down(spis, EndReason::PeerTerminate, Time(1));
    assert_eq!(bench.word().epoch(), 1);
    assert_eq!(bench.sweeps(Time(1)), ["SweepStale(SlotId(0))"]);
}

#[test]
fn decision_2_nothing_happens_to_preserved_flows_and_their_timers() {
    let mut bench = Bench::new(true);
    let spis = bench.up(Time(0));
    bench.sweeps(Time(0));
    bench.down(spis, EndReason::PeerTerminate, Time(1));
    assert_eq!(bench.word().epoch(), 0);
    assert!(bench.sweeps(Time(3_600_000)).is_empty());
}

#[test]
fn decision_3_a_flow_resumes_on_the_same_slot_with_every_peer_of_the_list() {
    let mut bench = Bench::new(true);
    let spis = bench.up(Time(0));
    bench.down(spis, EndReason::LostContact, Time(1));
    let second = ChildSa {
        peer: OTHER,
        remote: OTHER,
        ..bench.child()
    };
    bench.install(second, Time(2));
    let word = bench.word();
    assert_eq!((word.state(), word.epoch()), (SlotState::Up, 0));
    // An edit that moves the line or adds a peer keeps the slot, another identity gets another.
    let mut edited = spec();
    edited.peers.push(Ipv4Addr::new(192, 0, 2, 1));
    bench.reconcile(&[edited], Time(3));
    assert_eq!(bench.owner.slot(TUNNEL), Some(bench.slot));
    let stranger = TunnelSpec {
        id: TunnelId(6),
        ..spec()
    };
    bench.reconcile(&[stranger], Time(4));
    assert_eq!(bench.owner.slot(TUNNEL), None);
    assert_ne!(bench.owner.slot(TunnelId(6)), Some(bench.slot));
}

#[test]
fn decision_4_narrower_selectors_tear_down_what_lies_outside() {
    let mut bench = Bench::new(true);
    let spis = bench.up(Time(0));
    bench.down(spis, EndReason::PeerTerminate, Time(1));
    bench.sweeps(Time(1));
    let mut narrow = bench.child();
    narrow.selectors.remote = net(9);
    bench.install(narrow, Time(2));
    let sweeps = bench.sweeps(Time(2));
    assert!(
        sweeps[0].starts_with("SweepOutside { slot: SlotId(0)"),
        "{sweeps:?}"
    );
    assert!(sweeps[0].contains("10.224.9.0"), "{sweeps:?}");
}

#[test]
fn decision_5_a_packet_for_a_tunnel_that_is_down_asks_ike_once() {
    let mut bench = Bench::new(true);
    bench.dp.ask(bench.slot);
    bench.dp.ask(bench.slot);
    bench.tick(Time(0));
    assert_eq!(bench.demands(), [Demand::Initiate(TUNNEL)]);
    bench.owner.negotiating(TUNNEL, Time(0), &mut bench.dp);
    assert_eq!(bench.word().state(), SlotState::Pending);
    bench.dp.ask(bench.slot);
    bench.tick(Time(10));
    assert!(bench.demands().is_empty());
}

#[test]
fn decision_6_preserve_covers_every_kind_of_drop() {
    for reason in REASONS {
        for preserve in [true, false] {
            let mut bench = Bench::new(preserve);
            let spis = bench.up(Time(0));
            bench.down(spis, reason, Time(1));
            let word = bench.word();
            assert_eq!(word.state(), SlotState::Down, "{reason:?}");
            assert_eq!(word.epoch(), u16::from(!preserve), "{reason:?}");
            let swept = bench.sweeps(Time(1));
            let stale = swept.iter().any(|sweep| sweep.starts_with("SweepStale"));
            assert_eq!(stale, !preserve, "{reason:?}: {swept:?}");
            let contexts = bench.owner.vpn_contexts(&bench.dp).contexts.len();
            assert_eq!(contexts, if preserve { 2 } else { 0 }, "{reason:?}");
        }
    }
}

#[test]
fn decision_7_a_rekey_is_no_drop() {
    let mut bench = Bench::new(false);
    let first = bench.up(Time(0));
    let before = bench.owner.vpn_contexts(&bench.dp).contexts;
    bench.carry(first.0, 3, 4);
    bench.sweeps(Time(0));
    let mut rekey = bench.child();
    rekey.initiator = false;
    rekey.replaces = Some(first);
    let second = bench.install(rekey, Time(1));
    bench.owner.child_confirmed(second.0, &mut bench.dp);
    bench.down(first, EndReason::Rekeyed, Time(2));
    let word = bench.word();
    assert_eq!((word.state(), word.epoch()), (SlotState::Up, 0));
    assert!(bench.sweeps(Time(2)).is_empty());
    bench.carry(second.0, 1, 0);
    let after = bench.owner.vpn_contexts(&bench.dp).contexts;
    for (old, new) in before.iter().zip(&after) {
        assert_eq!((old.ctx, old.pointer), (new.ctx, new.pointer));
        assert_ne!(old.spi, new.spi);
        assert_eq!((old.rekey_calls, new.rekey_calls), (0, 1));
    }
    assert_eq!([after[0].rekey_packets, after[1].rekey_packets], [1, 0]);
    assert_eq!([after[0].packets, after[1].packets], [4, 4]);
}

#[test]
fn every_worker_seals_from_the_next_pair_on() {
    let mut bench = Bench::new(false);
    let first = bench.up(Time(0));
    let spreads = |bench: &Bench| {
        let table = bench.owner.ipsec_sas(None, Time(0), &bench.dp);
        let shown = table.interfaces[0].tunnels[0].outbound[0].spread;
        (bench.dp.spread, shown)
    };
    let spread = TunnelSpec {
        spread: true,
        ..spec()
    };
    bench.reconcile(&[spread], Time(1));
    assert_eq!(spreads(&bench), (false, false), "one worker has this SA");
    let mut rekey = bench.child();
    rekey.initiator = false;
    rekey.replaces = Some(first);
    let second = bench.install(rekey, Time(1));
    bench.owner.child_confirmed(second.0, &mut bench.dp);
    assert_eq!(spreads(&bench), (true, true));
}

#[test]
fn decision_8_the_stamp_stays_on_a_preserved_slot_that_is_down() {
    let mut bench = Bench::new(true);
    let spis = bench.up(Time(0));
    bench.down(spis, EndReason::LostContact, Time(1));
    assert!(bench.word().preserve());
    assert_ne!(bench.word().state(), SlotState::Up);
}

#[test]
fn decision_11_the_three_states_of_a_tunnel_that_takes_no_packet() {
    let mut bench = Bench::new(true);
    assert_eq!(bench.word().state(), SlotState::Down);
    bench.owner.negotiating(TUNNEL, Time(0), &mut bench.dp);
    assert_eq!(bench.word().state(), SlotState::Pending);
    let spis = bench.up(Time(0));
    bench.dp.take_steps();
    bench.down(spis, EndReason::AdministratorReset, Time(1));
    assert_eq!(
        bench.dp.take_steps(),
        [
            Step::State(SlotState::Deleting),
            Step::RemoveOutbound,
            Step::RemoveInbound(spis.0),
            Step::TakeDown,
        ]
    );
}

#[test]
fn decision_12_the_option_is_stamped_when_contexts_are_made() {
    let mut bench = Bench::new(true);
    let first = bench.up(Time(0));
    bench.options(false, false);
    assert!(bench.word().preserve());
    // A rekey makes no context.
    let mut rekey = bench.child();
    rekey.replaces = Some(first);
    rekey.initiator = false;
    let second = bench.install(rekey, Time(1));
    bench.down(first, EndReason::Rekeyed, Time(1));
    assert!(bench.word().preserve());
    bench.down(second, EndReason::PeerTerminate, Time(2));
    assert_eq!(bench.word().epoch(), 0);
    bench.up(Time(3));
    assert!(!bench.word().preserve());
}

#[test]
fn decision_12_turned_on_while_up_it_waits_for_the_rebuild() {
    let mut bench = Bench::new(false);
    let spis = bench.up(Time(0));
    bench.options(true, false);
    assert!(!bench.word().preserve());
    bench.down(spis, EndReason::AdministratorReset, Time(1));
    assert_eq!(bench.word().epoch(), 1);
    bench.up(Time(2));
    assert!(bench.word().preserve());
}

#[test]
fn decision_12_immediate_stamps_live_contexts_both_ways() {
    let mut bench = Bench::new(false);
    bench.up(Time(0));
    bench.options(true, true);
    assert!(bench.word().preserve());
    bench.options(false, false);
    assert!(!bench.word().preserve());
    assert_eq!(
        (bench.word().state(), bench.word().epoch()),
        (SlotState::Up, 0)
    );
}

#[test]
fn decision_12_immediate_off_ends_what_only_the_stamp_kept() {
    let mut bench = Bench::new(true);
    bench.options(true, true);
    let spis = bench.up(Time(0));
    bench.down(spis, EndReason::LostContact, Time(1));
    bench.owner.negotiating(TUNNEL, Time(0), &mut bench.dp);
    bench.sweeps(Time(1));
    bench.options(false, false);
    let word = bench.word();
    assert_eq!((word.state(), word.epoch()), (SlotState::Pending, 1));
    assert_eq!(bench.sweeps(Time(2)), ["SweepStale(SlotId(0))"]);
}

#[test]
fn decision_13_a_tunnel_that_leaves_the_configuration_takes_its_flows_along() {
    let mut bench = Bench::new(true);
    let spis = bench.up(Time(0));
    bench.down(spis, EndReason::LostContact, Time(1));
    bench.sweeps(Time(1));
    bench.reconcile(&[], Time(2));
    assert_eq!(bench.dp.take_steps(), [Step::Retire]);
    // No sweep before the policy that named the slot is gone: it could make new flows of it.
    assert!(bench.sweeps(Time(3)).is_empty());
    bench.owner.policy_published();
    assert_eq!(bench.sweeps(Time(4)), ["SweepSlot(SlotId(0))"]);
    let ticket = bench.dp.tickets;
    bench.owner.swept(ticket, 0, &mut bench.dp);
    assert!(bench.dp.take_steps().is_empty());
    bench.owner.swept(ticket, 0, &mut bench.dp);
    assert_eq!(bench.dp.take_steps(), [Step::Release]);
}

#[test]
fn decision_14_an_edit_that_keeps_the_tunnel_touches_nothing_of_it() {
    let mut bench = Bench::new(true);
    bench.up(Time(0));
    bench.sweeps(Time(0));
    bench.reconcile(&[spec()], Time(1));
    bench.owner.policy_published();
    bench.tick(Time(2));
    assert!(bench.dp.take_steps().is_empty());
}

#[test]
fn decision_16_preserve_is_off_and_reclassify_on_by_default() {
    let options = VpnOptions::new(&config::Sysopt::default(), &config::VpnResume::OFF, 64);
    assert_eq!(options, VpnOptions::default());
    assert!(!options.preserve && !options.immediate && options.reclassify);
}
