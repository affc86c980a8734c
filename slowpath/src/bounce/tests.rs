use std::net::Ipv4Addr;

use fastpath::tunnel::{BounceRecord, SlotId};
use proptest::prelude::*;

use super::*;

const PEER: Ipv4Addr = Ipv4Addr::new(209, 165, 200, 10);

fn begin(slot: u16) -> Begin {
    Begin {
        tunnel: TunnelId(u32::from(slot)),
        slot: SlotId::new(slot),
        peer: PEER,
        map_name: "map1".to_owned(),
        sequence: 5,
        cause: Cause::ClearIpsec,
        preserved: true,
        evidence: None,
    }
}

fn record(slot: u16, bounce: u32) -> BounceRecord {
    BounceRecord {
        slot: SlotId::new(slot),
        bounce,
        held: 0,
        refused: 0,
        released: 0,
        unreachables: 0,
        resumed: 0,
        far_resets: 0,
        probed_out: 0,
        first_resumed_us: 0,
        last_resumed_us: 0,
    }
}

fn lines(ledger: &mut Ledger) -> Vec<String> {
    std::iter::from_fn(|| ledger.poll_message())
        .map(|message| message.line())
        .collect()
}

#[test]
fn a_bounce_settles_with_one_line_when_nothing_more_is_heard() {
    let mut ledger = Ledger::default();
    let number = ledger.begin(begin(0), Time(1_000));
    ledger.tick(Time(60_000));
    assert!(lines(&mut ledger).is_empty(), "it is not back yet");
    ledger.ready(number, Time(60_100));
    ledger.proven(number, Proof::ThirdMessage, Time(60_120));
    ledger.counted(number, 3);
    let resumed = BounceRecord {
        resumed: 2,
        first_resumed_us: 900,
        last_resumed_us: 1_500,
        ..record(0, number)
    };
    ledger.report(&resumed, Time(62_000));
    ledger.reclassified(SlotId::new(0), 1);
    ledger.tick(Time(66_999));
    assert!(lines(&mut ledger).is_empty());
    ledger.tick(Time(67_000));
    assert_eq!(
        lines(&mut ledger),
        [
            "%ASA-5-402901: VPN bounce 1 of crypto map map1 5, peer 209.165.200.10: clear ipsec, \
             back after 59100 ms, flows preserved; flows 3, held 0, released 0, resumed 2, timed \
             out 0, reset by the far end 0, reclassified 1"
        ]
    );
    ledger.tick(Time(90_000));
    assert!(lines(&mut ledger).is_empty(), "once");
    assert_eq!(ledger.latency_us().len(), 2);
}

#[test]
fn what_workers_say_while_the_slot_is_down_belongs_to_the_open_bounce() {
    let mut ledger = Ledger::default();
    let first = ledger.begin(begin(0), Time(0));
    let other = ledger.begin(begin(1), Time(0));
    ledger.ready(first, Time(100));
    let second = ledger.begin(begin(0), Time(200));
    // The worker knows the first number alone, so it says that plus one: the other slot's.
    let held = BounceRecord {
        held: 7,
        ..record(0, other)
    };
    ledger.report(&held, Time(300));
    let late = BounceRecord {
        resumed: 1,
        first_resumed_us: 5,
        last_resumed_us: 5,
        ..record(0, first)
    };
    ledger.report(&late, Time(300));
    let tally = |number| ledger.get(number).unwrap().tally;
    assert_eq!((tally(second).held, tally(other).held), (7, 0));
    assert_eq!((tally(first).resumed, tally(second).resumed), (1, 0));
    ledger.report(&record(9, 77), Time(300));
    assert_eq!(ledger.strays(), 1);
}

#[test]
fn the_ring_is_bounded_and_forgets_the_oldest() {
    let mut ledger = Ledger::default();
    for time in 0..3_000 {
        ledger.begin(begin((time % 5) as u16), Time(time));
    }
    assert_eq!(ledger.bounces().count(), BOUNCES_MAX);
    assert_eq!(ledger.bounces().next().unwrap().number, 3_000 - 1_023);
    assert!(ledger.get(1).is_none() && ledger.get(3_000).is_some());
    let unsettled = ledger.bounces().filter(|bounce| !bounce.settled).count();
    assert_eq!(unsettled, 5, "the newest of each slot");
}

#[test]
fn a_far_end_that_resets_twice_is_named_once() {
    let mut ledger = Ledger::default();
    let mut named = 0;
    for round in 0..5_u64 {
        let number = ledger.begin(begin(0), Time(round * 10_000));
        ledger.ready(number, Time(round * 10_000 + 50));
        let resets = BounceRecord {
            far_resets: 4,
            resumed: 1,
            first_resumed_us: 1,
            last_resumed_us: 1,
            ..record(0, number)
        };
        ledger.report(&resets, Time(round * 10_000 + 90));
        ledger.tick(Time(round * 10_000 + 6_000));
        let told = lines(&mut ledger);
        named += told
            .iter()
            .filter(|line| line.starts_with("%ASA-4-402902: Flows to peer 209.165.200.10 "))
            .count();
        assert_eq!(named, usize::from(round > 0), "round {round}");
    }
    assert_eq!(ledger.forgetful_peers(), [PEER]);
    let number = ledger.begin(begin(0), Time(100_000));
    ledger.ready(number, Time(100_050));
    let fine = BounceRecord {
        resumed: 4,
        first_resumed_us: 1,
        last_resumed_us: 1,
        ..record(0, number)
    };
    ledger.report(&fine, Time(100_060));
    ledger.tick(Time(110_000));
    assert!(ledger.forgetful_peers().is_empty());
}

proptest! {
    #[test]
    fn no_order_of_events_makes_a_ledger_that_contradicts_itself(
        events in proptest::collection::vec((0_u8..6, 0_u16..4, 0_u32..40), 0..300)
    ) {
        let mut ledger = Ledger::default();
        for (place, (kind, slot, number)) in events.into_iter().enumerate() {
            let now = Time(place as u64 * 700);
            match kind {
                0 => { ledger.begin(begin(slot), now); }
                1 => ledger.ready(number, now),
                2 => ledger.proven(number, Proof::Wait, now),
                3 => ledger.report(&BounceRecord { held: 1, ..record(slot, number) }, now),
                4 => ledger.removed(SlotId::new(slot)),
                _ => ledger.tick(now),
            }
            let open = ledger.bounces().filter(|it| !it.settled);
            let open: Vec<_> = open.map(|it| it.slot).collect();
            let distinct: std::collections::BTreeSet<_> = open.iter().collect();
            prop_assert_eq!(open.len(), distinct.len(), "one open bounce per slot");
        }
        let settled = ledger.bounces().filter(|it| it.settled).count();
        let told = lines(&mut ledger).iter().filter(|line| line.contains("-402901: ")).count();
        prop_assert_eq!(settled, told);
    }
}
