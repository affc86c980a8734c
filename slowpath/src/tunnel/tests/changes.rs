//! What is told of tunnels.

use super::*;
use crate::tunnel::{Change, TunnelChange};

fn changes(bench: &mut Bench) -> Vec<Change> {
    let told: Vec<TunnelChange> = std::iter::from_fn(|| bench.owner.poll_change()).collect();
    for change in &told {
        assert_eq!(
            (change.tunnel, change.local, change.remote),
            (TUNNEL, LOCAL, PEER)
        );
    }
    told.into_iter().map(|it| it.change).collect()
}

#[test]
fn up_and_down_are_told_once_and_a_rekey_is_neither() {
    let mut bench = Bench::new(true);
    let first = bench.up(Time(100));
    let child = bench.child();
    let up = Change::Up {
        lifetime_s: child.lifetime_s,
        lifetime_kb: child.lifetime_kb,
    };
    assert_eq!(changes(&mut bench), [up]);
    let rekey = ChildSa {
        replaces: Some(first),
        ..bench.child()
    };
    let second = bench.install(rekey, Time(200));
    bench.owner.child_confirmed(second.0, &mut bench.dp);
    bench.down(first, EndReason::Rekeyed, Time(300));
    assert_eq!(changes(&mut bench), []);
    bench.down(second, EndReason::PeerTerminate, Time(5_100));
    assert_eq!(changes(&mut bench), [Change::Down { active_ms: 5_000 }]);
    bench.up(Time(6_000));
    assert_eq!(changes(&mut bench), [up]);
}

#[test]
fn a_tunnel_that_is_removed_goes_down() {
    let mut bench = Bench::new(true);
    bench.up(Time(0));
    changes(&mut bench);
    bench.reconcile(&[], Time(40));
    assert_eq!(changes(&mut bench), [Change::Down { active_ms: 40 }]);
}
