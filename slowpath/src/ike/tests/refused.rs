//! Negotiations that one side refuses, and what they leave alone.

use super::*;

const OTHER: TunnelId = TunnelId(77);

/// What end 0 began fails on the peer's answer: its owner is told, and may ask again.
#[test]
fn a_quick_mode_that_fails_on_the_answer_is_told() {
    let mut lab = lab();
    up(&mut lab);
    let spi = *lab.ends[0].children.keys().next().expect("a pair");
    lab.with(0, |engine, now, _| engine.expire(now, spi));
    lab.quiet(1_000);
    lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    lab.ends[0].alter_config(|config| config.tunnels[0].proposals.clear());
    lab.quiet(1_000);
    assert_eq!(lab.ends[0].failed, [EndReason::NoProposal]);
    assert!(lab.ends[0].children.is_empty());
}

/// End 0 begins a tunnel that end 1 does not have, and end 1 one that both have, at the same time:
/// the refusal of the one is not that of the other.
#[test]
fn a_refusal_leaves_what_the_peer_has_begun() {
    let [mut a, b] = pair();
    let mut other = a.tunnels[0].clone();
    other.id = OTHER;
    other.selectors.remote = net(9);
    a.tunnels.push(other);
    let mut lab = Lab::new(a, b);
    up(&mut lab);
    let spi = *lab.ends[1].children.keys().next().expect("a pair");
    lab.with(1, |engine, now, _| engine.expire(now, spi));
    lab.quiet(1_000);
    assert_eq!(lab.agreed(), 0);
    lab.with(0, |engine, now, spis| engine.initiate(now, spis, OTHER));
    lab.with(1, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    lab.quiet(40_000);
    assert_eq!(lab.agreed(), 1);
    assert_eq!(lab.ends[0].failed.len(), 1, "the one that is refused");
    assert!(lab.ends[1].failed.is_empty());
}

/// The third message of the peer's quick mode never comes: the peer is told that its pair is not
/// there, and phase 1, by which both are known to live, goes on.
#[test]
fn a_quick_mode_of_the_peer_that_is_not_finished_ends_alone() {
    const QUICK: usize = 18;
    let mut lab = lab();
    up(&mut lab);
    let phase1 = lab.ends[0].sa().id;
    let child = lab.ends[1].engine.core.current(TUNNEL).expect("a pair");
    let spi = child.inbound_spi;
    let unfinished = |lab: &Lab| {
        lab.ends[0]
            .engine
            .phase1s
            .iter()
            .any(|sa| !sa.quicks.is_empty())
    };
    lab.quiet(10_000);
    lab.with(1, |engine, now, spis| engine.rekey(now, spis, spi));
    while !unfinished(&lab) {
        lab.quiet(1);
    }
    for _ in 0..40_000 {
        lab.quiet(1);
        lab.wire
            .retain(|flight| flight.to != 0 || flight.message[QUICK] != 32);
    }
    assert!(!unfinished(&lab));
    assert_eq!(lab.ends[0].sa().id, phase1);
    lab.with(1, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    lab.quiet(5_000);
    assert_eq!(lab.agreed(), 1);
    assert!(lab.ends.iter().all(|end| end.engine.phase1s.len() == 1));
}
