//! Public-key work for which there is no room.

use super::*;

/// Two ends that run Diffie-Hellman for their pairs too.
fn with_pfs() -> Lab {
    let [mut a, mut b] = pair();
    for config in [&mut a, &mut b] {
        config.tunnels[0].pfs = Some(2);
    }
    Lab::new(a, b)
}

/// Whichever piece of either end's work is refused: nothing waits for it, and the tunnel comes up
/// when it is asked for again.
#[test]
fn a_negotiation_whose_work_is_refused_ends_and_may_begin_again() {
    for (end, done) in [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1)] {
        let mut lab = with_pfs();
        lab.refuses = Some((end, done));
        lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
        lab.quiet(200);
        assert_eq!(lab.agreed(), 0, "end {end} after {done}");
        if end == 0 {
            assert_eq!(lab.ends[0].failed.len(), 1, "end {end} after {done}");
        }
        lab.quiet(60_000);
        lab.refuses = None;
        lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
        lab.quiet(1_000);
        assert_eq!(lab.agreed(), 1, "end {end} after {done}");
        // The owner gives back those of pairs that have ended.
        let pairs = |end: &End| end.children.len() + end.downs.len();
        let kept = |end: &End| end.spis.reserved.len() == pairs(end);
        assert!(lab.ends.iter().all(kept), "no SPI is left over");
    }
}
