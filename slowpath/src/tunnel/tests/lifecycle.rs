//! SAs of a tunnel: installation, rekeys, failures, what is asked of IKE.

use super::*;

#[test]
fn the_first_pair_brings_the_tunnel_up_inbound_first() {
    let mut bench = Bench::new(true);
    let (inbound, outbound) = bench.up(Time(0));
    bench.tick(Time(0));
    assert_eq!(
        bench.dp.take_steps(),
        [
            Step::Inbound(inbound),
            Step::Outbound(outbound),
            Step::Up(true),
            Step::Sweep("Reclassify(SlotId(0))".to_owned()),
        ]
    );
    assert_eq!(
        bench.messages(),
        [
            "%ASA-6-602303: IPSEC: An outbound LAN-to-LAN SA (SPI= 0x0000A001) between \
             209.165.201.2 and 209.165.200.10 (user= 209.165.200.10) has been created.",
            "%ASA-6-602303: IPSEC: An inbound LAN-to-LAN SA (SPI= 0x00001001) between \
             209.165.201.2 and 209.165.200.10 (user= 209.165.200.10) has been created.",
        ]
    );
}

#[test]
fn reclassify_vpn_off_leaves_clear_flows_alone_and_so_does_a_rekey() {
    let mut bench = Bench::new(true);
    bench.owner.options.reclassify = false;
    let first = bench.up(Time(0));
    assert!(bench.sweeps(Time(0)).is_empty());
    bench.owner.options.reclassify = true;
    let rekey = ChildSa {
        replaces: Some(first),
        ..bench.child()
    };
    bench.install(rekey, Time(1));
    assert!(bench.sweeps(Time(1)).is_empty());
}

#[test]
fn the_initiator_of_a_rekey_seals_with_the_new_pair_when_the_peer_has_it() {
    let mut bench = Bench::new(false);
    let first = bench.up(Time(0));
    let rekey = ChildSa {
        replaces: Some(first),
        ..bench.child()
    };
    let second = bench.install(rekey, Time(10));
    assert_eq!(bench.dp.sealing_spi(bench.slot), Some(first.1));
    assert!(bench.dp.inbound.contains_key(&first.0));
    bench.owner.child_confirmed(second.0, &mut bench.dp);
    assert_eq!(bench.dp.sealing_spi(bench.slot), Some(second.1));
    assert!(bench.dp.inbound.contains_key(&first.0));
    bench.down(first, EndReason::Rekeyed, Time(20));
    assert!(!bench.dp.inbound.contains_key(&first.0));
    assert_eq!(bench.word().state(), SlotState::Up);
}

#[test]
fn a_rekey_that_nobody_confirms_seals_after_a_second_or_when_the_old_pair_goes() {
    let mut bench = Bench::new(false);
    let first = bench.up(Time(0));
    let rekey = ChildSa {
        replaces: Some(first),
        ..bench.child()
    };
    let second = bench.install(rekey, Time(10));
    bench.tick(Time(1_009));
    assert_eq!(bench.dp.sealing_spi(bench.slot), Some(first.1));
    bench.tick(Time(1_010));
    assert_eq!(bench.dp.sealing_spi(bench.slot), Some(second.1));
    let rekey = ChildSa {
        replaces: Some(second),
        initiator: false,
        ..bench.child()
    };
    let third = bench.install(rekey, Time(2_000));
    // A responder waits: the initiator may not have heard of the pair.
    bench.tick(Time(9_000));
    assert_eq!(bench.dp.sealing_spi(bench.slot), Some(second.1));
    bench.down(second, EndReason::PeerTerminate, Time(9_001));
    assert_eq!(bench.dp.sealing_spi(bench.slot), Some(third.1));
    assert_eq!(bench.word().state(), SlotState::Up);
}

#[test]
fn a_rekey_that_ends_before_it_seals_changes_nothing() {
    let mut bench = Bench::new(false);
    let first = bench.up(Time(0));
    let rekey = ChildSa {
        replaces: Some(first),
        ..bench.child()
    };
    let second = bench.install(rekey, Time(10));
    bench.down(second, EndReason::PeerTerminate, Time(11));
    bench.tick(Time(5_000));
    assert_eq!(bench.dp.sealing_spi(bench.slot), Some(first.1));
    assert_eq!(
        (bench.word().state(), bench.word().epoch()),
        (SlotState::Up, 0)
    );
}

#[test]
fn losing_the_sealing_pair_while_another_receives_is_no_drop_but_asks_again() {
    let mut bench = Bench::new(false);
    bench.up(Time(0));
    let newer = bench.child();
    let newer = bench.install(newer, Time(1));
    bench.owner.child_confirmed(newer.0, &mut bench.dp);
    bench.sweeps(Time(1));
    bench.down(newer, EndReason::PeerTerminate, Time(2));
    assert_eq!(
        (bench.word().state(), bench.word().epoch()),
        (SlotState::Down, 0)
    );
    assert_eq!(bench.dp.sealing_spi(bench.slot), None);
    assert!(bench.sweeps(Time(2)).is_empty());
    bench.dp.ask(bench.slot);
    bench.tick(Time(3));
    assert_eq!(bench.demands(), [Demand::Initiate(TUNNEL)]);
}

#[test]
fn a_pair_that_cannot_be_installed_is_given_back_to_ike() {
    let mut bench = Bench::new(false);
    bench.dp.refuse_inbound = true;
    let spis = bench.up(Time(0));
    assert_eq!(bench.demands(), [Demand::ChildFailed(spis.0)]);
    assert!(bench.dp.reserved.is_empty());
    bench.dp.refuse_inbound = false;
    bench.dp.refuse_outbound = true;
    let spis = bench.up(Time(0));
    assert_eq!(bench.demands(), [Demand::ChildFailed(spis.0)]);
    assert!(bench.dp.inbound.is_empty());
    assert_eq!(bench.word().state(), SlotState::Down);
    let mut foreign = bench.child();
    foreign.tunnel = TunnelId(99);
    let spis = bench.install(foreign, Time(0));
    assert_eq!(bench.demands(), [Demand::ChildFailed(spis.0)]);
    assert!(bench.dp.reserved.is_empty() && bench.messages().is_empty());
}

#[test]
fn a_negotiation_that_failed_is_not_repeated_at_once() {
    let mut bench = Bench::new(false);
    bench.owner.negotiating(TUNNEL, Time(0), &mut bench.dp);
    bench
        .owner
        .negotiation_failed(TUNNEL, EndReason::LostContact, Time(100), &mut bench.dp);
    assert_eq!(bench.word().state(), SlotState::Down);
    bench.dp.ask(bench.slot);
    bench.tick(Time(200));
    bench.tick(Time(2_099));
    assert!(bench.demands().is_empty());
    bench.tick(Time(2_100));
    assert_eq!(bench.demands(), [Demand::Initiate(TUNNEL)]);
    bench.tick(Time(2_200));
    assert!(bench.demands().is_empty());
}

#[test]
fn an_ask_that_leads_to_nothing_may_be_repeated() {
    let mut bench = Bench::new(false);
    bench.dp.ask(bench.slot);
    bench.tick(Time(0));
    assert_eq!(bench.demands().len(), 1);
    bench.dp.ask(bench.slot);
    bench.tick(Time(4_999));
    assert!(bench.demands().is_empty());
    bench.tick(Time(5_000));
    bench.dp.ask(bench.slot);
    bench.tick(Time(5_001));
    assert_eq!(bench.demands(), [Demand::Initiate(TUNNEL)]);
}

#[test]
fn pending_needs_a_tunnel_that_is_down() {
    let mut bench = Bench::new(false);
    bench.up(Time(0));
    bench.owner.negotiating(TUNNEL, Time(0), &mut bench.dp);
    assert_eq!(bench.word().state(), SlotState::Up);
    bench
        .owner
        .negotiation_failed(TUNNEL, EndReason::LostContact, Time(1), &mut bench.dp);
    assert_eq!(bench.word().state(), SlotState::Up);
}

#[test]
fn used_up_lifetimes_ask_for_a_successor_by_either_spi() {
    let mut bench = Bench::new(false);
    let (inbound, outbound) = bench.up(Time(0));
    bench.owner.rekey_wanted(bench.slot, outbound, false);
    bench.owner.rekey_wanted(bench.slot, inbound, true);
    bench.owner.rekey_wanted(bench.slot, 0x7777, false);
    assert_eq!(
        bench.demands(),
        [Demand::Rekey(inbound), Demand::Expire(inbound)]
    );
}

#[test]
fn the_last_pair_with_a_peer_ends_its_session() {
    let mut bench = Bench::new(false);
    let spis = bench.up(Time(0));
    bench.carry(spis.0, 2, 3);
    bench.messages();
    bench.down(spis, EndReason::LostContact, Time(3_723_000));
    let messages = bench.messages();
    assert_eq!(messages.len(), 3);
    assert!(messages[0].contains("602304: IPSEC: An outbound LAN-to-LAN SA (SPI= 0x0000A001)"));
    assert_eq!(
        messages[2],
        "%ASA-4-113019: Group = 209.165.200.10, Username = 209.165.200.10, IP = 209.165.200.10, \
         Session disconnected. Session Type: LAN-to-LAN, Duration: 1h:02m:03s, Bytes xmt: 300, \
         Bytes rcv: 200, Reason: Lost Service"
    );
}

#[test]
fn segments_fit_the_worst_encapsulation() {
    let bench = Bench::new(false);
    // 1500 - 20 - 8 - 8 - 8 - 12 is 1444, 1440 in blocks, less the trailer 1438.
    let mtu = bench.dp.mtus[&bench.slot];
    assert_eq!((mtu.path, mtu.inner, mtu.mss), (1500, 1438, 1398));
    let mut bench = bench;
    bench.up(Time(0));
    let mtu = bench.dp.mtus[&bench.slot];
    assert_eq!((mtu.inner, mtu.mss), (1446, 1398));
    let mut bench = Bench::new(false);
    let child = ChildSa {
        encapsulation: Some((natt(LOCAL), natt(PEER))),
        ..bench.child()
    };
    bench.install(child, Time(0));
    let mtu = bench.dp.mtus[&bench.slot];
    assert_eq!((mtu.inner, mtu.mss), (1438, 1398));
}

#[test]
fn sweeps_wait_for_room_and_keep_their_order() {
    let mut bench = Bench::new(false);
    bench.dp.no_room = true;
    let spis = bench.up(Time(0));
    bench.down(spis, EndReason::PeerTerminate, Time(1));
    assert!(bench.sweeps(Time(1)).is_empty());
    bench.dp.no_room = false;
    assert_eq!(
        bench.sweeps(Time(2)),
        ["Reclassify(SlotId(0))", "SweepStale(SlotId(0))"]
    );
}

#[test]
fn traffic_is_told_once_per_peer_and_direction() {
    let mut bench = Bench::new(false);
    let spis = bench.up(Time(0));
    assert!(bench.owner.traffic(Time(0), &bench.dp).is_empty());
    bench.carry(spis.0, 1, 0);
    let seen = bench.owner.traffic(Time(0), &bench.dp);
    assert_eq!(
        seen,
        [(
            PEER,
            PeerTraffic {
                inbound: Some(Time(0)),
                outbound: false
            }
        )]
    );
    bench.carry(spis.0, 0, 1);
    let seen = bench.owner.traffic(Time(0), &bench.dp);
    assert_eq!(
        seen,
        [(
            PEER,
            PeerTraffic {
                inbound: None,
                outbound: true
            }
        )]
    );
    assert!(bench.owner.traffic(Time(0), &bench.dp).is_empty());
}

#[test]
fn of_two_rekeys_at_once_the_one_that_lost_only_receives() {
    let mut bench = Bench::new(false);
    let first = bench.up(Time(0));
    let lost = ChildSa {
        replaces: Some(first),
        superseded: true,
        ..bench.child()
    };
    let lost = bench.install(lost, Time(1));
    bench.owner.child_confirmed(lost.0, &mut bench.dp);
    bench.tick(Time(5_000));
    assert_eq!(bench.dp.sealing_spi(bench.slot), Some(first.1));
    assert!(bench.dp.inbound.contains_key(&lost.0));
}

#[test]
fn an_sa_is_named_by_its_destination_or_the_peer() {
    let mut bench = Bench::new(false);
    let (inbound, outbound) = bench.up(Time(0));
    for (end, spi, found) in [
        (LOCAL, inbound, true),
        (PEER, inbound, true),
        (PEER, outbound, true),
        (LOCAL, outbound, false),
        (PEER, 0x7777, false),
        (OTHER, inbound, false),
    ] {
        assert_eq!(
            bench.owner.peer_of_sa(end, spi),
            found.then_some(PEER),
            "{end} {spi:#x}"
        );
    }
}
