//! Tunnels that are up and do not answer.

use config::VpnResume;

use super::resume::{bench, expect, first, look, orders, resume};
use super::*;
use crate::bounce::Cause;
use crate::ike::Proof;
use crate::round_trip::RoundTrip;
use crate::tunnel::Sighting;
use crate::tunnel::silence::UNANSWERED_MS;
use crate::tunnel::watch::WATCH_ROUND_MS;

/// The round trip that [`look`] tells of.
const TRIP_MS: u64 = 50;

/// A tunnel that is suspected: its bench, its pair, and when that was.
fn suspected() -> (Bench, (u32, u32), u64) {
    let mut bench = bench();
    let spis = bench.up(Time(0));
    bench.carry(spis.0, 1, 1);
    assert_eq!(look(&mut bench, 0, 1_000), None);
    bench.tick(Time(1_000));
    expect(&mut bench);
    let (at, _) = look(&mut bench, 1_000, 2_000).expect("a suspicion");
    bench.dp.take_steps();
    (bench, spis, at)
}

/// As [`suspected`], and the first probe was not answered in time.
fn silent() -> (Bench, (u32, u32), u64) {
    let (mut bench, spis, at) = suspected();
    let due = at + TRIP_MS + UNANSWERED_MS;
    assert_eq!(look(&mut bench, at + 1, due), None);
    assert_eq!(bench.dp.take_steps(), []);
    assert_eq!(look(&mut bench, due, due + 2 * WATCH_ROUND_MS), None);
    assert_eq!(bench.dp.take_steps(), [Step::Silent(true)]);
    assert!(bench.word().silent() && bench.word().state() == SlotState::Up);
    (bench, spis, due + 2 * WATCH_ROUND_MS)
}

#[test]
fn copies_are_held_once_the_first_probe_is_not_answered_and_leave_with_the_answer() {
    let (mut bench, _, now) = silent();
    let bounce = first(&bench);
    assert_eq!((bounce.cause, bounce.preserved), (Cause::Silence, true));
    assert!(bounce.evidence.is_some() && bounce.ready.is_none());
    let Bench { owner, dp, .. } = &mut bench;
    owner.measured(TUNNEL, Some(RoundTrip::first(TRIP_MS)));
    owner.peer_answered(PEER, Time(now + 300), dp);
    let steps = bench.dp.take_steps();
    assert_eq!(steps[0], Step::Silent(false));
    let Step::Order(order) = steps[1] else {
        panic!("{steps:?}");
    };
    assert_eq!((order.slot, order.bounce), (bench.slot, 1));
    assert_eq!(order.round_trip_us, 1_000 * TRIP_MS as u32);
    let bounce = first(&bench);
    assert_eq!(bounce.ready, Some(Time(now + 300)));
    assert_eq!(bounce.proven, Some((Time(now + 300), Proof::Answer)));
    assert_eq!(bench.demands(), [], "the tunnel is up");
}

#[test]
fn a_packet_of_the_peer_ends_it_too() {
    let (mut bench, spis, now) = silent();
    bench.carry(spis.0, 1, 0);
    let (_, sighting) = look(&mut bench, now, now + 100).expect("a sign of life");
    assert_eq!(sighting, Sighting::Heard(PEER));
    assert!(!bench.word().silent());
    assert_eq!(orders(&mut bench).len(), 1);
    assert_eq!(
        first(&bench).proven.map(|(_, proof)| proof),
        Some(Proof::Traffic)
    );
    bench.owner.traffic(Time(now + 10_000), &bench.dp);
    let lines = bench.messages();
    assert!(
        lines
            .last()
            .is_some_and(|line| line.contains("silence, back after")),
        "{lines:?}"
    );
}

#[test]
fn a_quick_answer_is_no_bounce() {
    let (mut bench, _, at) = suspected();
    bench
        .owner
        .peer_answered(PEER, Time(at + TRIP_MS), &mut bench.dp);
    assert_eq!(look(&mut bench, at + TRIP_MS, at + 500), None);
    assert_eq!(bench.dp.take_steps(), []);
    assert!(bench.owner.ledger().get(1).is_none());
}

#[test]
fn a_peer_that_is_declared_dead_makes_one_bounce_of_both() {
    let (mut bench, spis, now) = silent();
    let evidence = first(&bench).evidence;
    bench.down(spis, EndReason::LostContact, Time(now + 900));
    let bounce = first(&bench);
    assert_eq!(bounce.cause, Cause::LostContact);
    assert_eq!((bounce.down, bounce.evidence), (Time(now + 900), evidence));
    assert_eq!(bench.owner.ledger().made(), 1);
    assert!(!bench.word().silent());
    bench.tick(Time(now + 900));
    assert_eq!(bench.demands(), [Demand::Initiate(TUNNEL)]);
    bench.up(Time(now + 2_000));
    bench.tick(Time(now + 4_000));
    let order = orders(&mut bench);
    assert_eq!(order[0].bounce, 1);
}

#[test]
fn a_suspicion_that_nobody_settles_and_an_edit_end_it() {
    let (mut bench, _, now) = silent();
    look(&mut bench, now, now + 4_000);
    assert!(!bench.word().silent());
    assert_eq!(orders(&mut bench).len(), 1);

    let (mut bench, _, now) = silent();
    resume(&mut bench, &VpnResume::OFF);
    look(&mut bench, now, now + 100);
    assert!(!bench.word().silent());
}

#[test]
fn without_preserve_or_hold_nothing_is_held() {
    for (preserve, hold) in [(false, true), (true, false)] {
        let mut bench = Bench::new(preserve);
        let mut options = VpnResume::default();
        if !hold {
            options.hold_memory_mb = None;
        }
        resume(&mut bench, &options);
        let spis = bench.up(Time(0));
        bench.carry(spis.0, 1, 1);
        assert_eq!(look(&mut bench, 0, 1_000), None);
        expect(&mut bench);
        assert!(look(&mut bench, 1_000, 2_000).is_some());
        look(&mut bench, 2_000, 3_000);
        assert!(!bench.dp.take_steps().contains(&Step::Silent(true)));
        assert!(bench.owner.ledger().get(1).is_none());
    }
}
