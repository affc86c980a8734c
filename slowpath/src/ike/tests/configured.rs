//! A new configuration: what it has no place for ends, step by step.

use super::*;
use crate::ike::limits::ORPHANS_PER_STEP;

/// Tunnels of one peer: more than one step ends, less than one phase-1 SA negotiates at once.
const TUNNELS: u8 = 40;

/// The two ends of many tunnels.
fn many() -> [IkeConfig; 2] {
    let [mut a, mut b] = pair();
    for (config, ours, theirs) in [(&mut a, 0, 100), (&mut b, 100, 0)] {
        let first = config.tunnels[0].clone();
        let tunnel = |index| TunnelConfig {
            id: TunnelId(u32::from(index)),
            selectors: Selectors {
                local: net(ours + index),
                remote: net(theirs + index),
                ..first.selectors
            },
            ..first.clone()
        };
        config.tunnels = (0..TUNNELS).map(tunnel).collect();
    }
    [a, b]
}

/// All of them up, and the configuration of the first end.
fn many_up() -> (Lab, IkeConfig) {
    let [a, b] = many();
    let mut lab = Lab::new(a.clone(), b);
    for index in 0..TUNNELS {
        let id = TunnelId(u32::from(index));
        lab.with(0, |engine, now, spis| engine.initiate(now, spis, id));
    }
    lab.quiet(10_000);
    assert_eq!(lab.agreed(), usize::from(TUNNELS));
    (lab, a)
}

#[test]
fn a_configuration_without_many_tunnels_ends_a_bounded_number_at_once() {
    let (mut lab, mut a) = many_up();
    a.tunnels.truncate(1);
    lab.with(0, |engine, now, spis| drop(engine.configure(now, spis, a)));
    assert_eq!(lab.ends[0].downs.len(), ORPHANS_PER_STEP);
    while lab.ends[0].children.len() > 1 {
        let before = lab.ends[0].downs.len();
        lab.with(0, |engine, now, spis| engine.settle(now, spis));
        let step = lab.ends[0].downs.len() - before;
        assert!((1..=ORPHANS_PER_STEP).contains(&step), "{step}");
    }
    lab.quiet(1_000);
    assert_eq!(lab.agreed(), 1, "the tunnel that is left");
    assert_eq!(lab.ends[1].children.len(), 1, "the peer was told of each");
}

#[test]
fn a_peer_that_goes_is_told_of_all_its_pairs_first() {
    let (mut lab, _) = many_up();
    let none = IkeConfig::default();
    lab.with(0, |engine, now, spis| {
        drop(engine.configure(now, spis, none));
    });
    while !lab.ends[0].engine.ike_sas(lab.now).is_empty() {
        lab.with(0, |engine, now, spis| engine.settle(now, spis));
    }
    assert!(lab.ends[0].children.is_empty());
    let mut downs = lab.ends[0].downs.iter();
    assert!(downs.all(|(reason, _)| *reason == EndReason::ConfigurationChanged));
}
