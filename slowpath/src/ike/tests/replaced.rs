//! Phase-1 SAs that others have taken over from.

use super::*;
use crate::ike::limits::PHASE1_PER_PEER_MAX;

/// The initiator's cookies of the phase-1 SAs at each end.
fn cookies(lab: &Lab) -> [Vec<[u8; 8]>; 2] {
    lab.ends.each_ref().map(|end| {
        let sas = end.engine.phase1s.iter();
        sas.map(|sa| sa.cookie_i).collect()
    })
}

fn both_begin(lab: &mut Lab, apart_ms: u64) {
    lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    lab.quiet(apart_ms);
    lab.with(1, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
}

/// Both sides begin at once, hence have two phase-1 SAs, of which each may take another one for the
/// current one: one is left, the same for both, and the pairs have not suffered.
#[test]
fn of_two_that_began_at_once_both_sides_keep_the_same_one() {
    for apart_ms in [0, 1, 4, 7, 11, 16] {
        for (delay_ms, seed) in [(5, 1), (25, 2), (5, 3), (25, 4)] {
            let mut lab = lab();
            (lab.delay_ms, lab.random) = (delay_ms, Seeded(seed));
            both_begin(&mut lab, apart_ms);
            lab.quiet(2_000);
            lab.quiet(60_000);
            let [ours, theirs] = cookies(&lab);
            assert_eq!((ours.len(), &ours), (1, &theirs), "{apart_ms} ms apart");
            assert!(lab.agreed() >= 1);
            let downs = lab.ends.iter().flat_map(|end| &end.downs);
            assert!(downs.into_iter().all(|(_, superseded)| *superseded));
            lab.quiet(600_000);
            assert_eq!(cookies(&lab), [ours, theirs], "probes keep it");
        }
    }
}

/// The path breaks and comes back, again and again; both sides have begun meanwhile.
#[test]
fn bounces_leave_no_phase_1_behind() {
    let mut lab = lab();
    up(&mut lab);
    for bounce in 0..3 * PHASE1_PER_PEER_MAX {
        lab.loss_percent = 100;
        lab.quiet(30_000);
        assert!(cookies(&lab).iter().all(Vec::is_empty), "bounce {bounce}");
        both_begin(&mut lab, 3);
        lab.quiet(2_000);
        lab.loss_percent = 0;
        lab.quiet(5_000);
        assert!(lab.agreed() >= 1, "bounce {bounce}");
        assert!(cookies(&lab).iter().all(|sas| sas.len() <= 2));
    }
}

/// A peer whose traffic tells of its death has gone with all that was up, whichever SA was probed.
#[test]
fn a_dead_peer_takes_the_replaced_ones_along() {
    let mut lab = lab();
    both_begin(&mut lab, 0);
    lab.quiet(2_000);
    assert!(cookies(&lab).iter().all(|sas| sas.len() == 2));
    lab.loss_percent = 100;
    lab.with(0, |engine, now, _| engine.suspect(now, B));
    lab.quiet(3_000);
    assert!(cookies(&lab)[0].is_empty());
}

/// Phase 1 is negotiated anew more often than replaced SAs end: the oldest of them make room.
#[test]
fn replaced_ones_make_room_for_others() {
    let mut lab = lab();
    up(&mut lab);
    for turn in 0..3 * PHASE1_PER_PEER_MAX {
        let before = lab.ends[0].engine.phase1s.current(B).map(|sa| sa.id);
        let before = before.expect("an SA");
        let now = lab.now;
        lab.ends[0]
            .engine
            .phase1s
            .change(before, |sa| sa.rekey_at = Some(now));
        lab.quiet(500);
        let ends = lab.ends.each_ref();
        let [ours, theirs] = [(ends[0], B), (ends[1], A)]
            .map(|(end, peer)| end.engine.phase1s.current(peer).expect("an SA"));
        assert_ne!(ours.id, before, "turn {turn}");
        assert_eq!(ours.cookie_i, theirs.cookie_i, "turn {turn}");
        assert!(
            cookies(&lab)
                .iter()
                .all(|sas| sas.len() <= PHASE1_PER_PEER_MAX)
        );
    }
    assert_eq!(lab.agreed(), 1);
    assert!(lab.ends.iter().all(|end| end.downs.is_empty()));
}

/// The peer takes no phase 1 for a while, and answers probes all the time: the SA is replaced
/// before it ends, and no pair is lost.
#[test]
fn a_replacement_that_fails_is_tried_again() {
    let [mut a, mut b] = pair();
    for config in [&mut a, &mut b] {
        config.policies[0].lifetime_s = 1_000;
    }
    let mut lab = Lab::new(a, b);
    up(&mut lab);
    let first = lab.ends[0].sa().id;
    lab.ends[1].alter_config(|config| config.policies[0].hash = Hash::Md5);
    lab.quiet(920_000);
    assert_eq!(
        lab.ends[0].engine.phase1s.current(B).map(|sa| sa.id),
        Some(first)
    );
    lab.ends[1].alter_config(|config| config.policies[0].hash = Hash::Sha1);
    lab.quiet(60_000);
    let current = lab.ends[0].engine.phase1s.current(B).map(|sa| sa.id);
    assert!(current.is_some_and(|id| id != first), "{current:?}");
    lab.quiet(60_000);
    assert_eq!(lab.agreed(), 1);
    assert!(lab.ends.iter().all(|end| end.downs.is_empty()));
}
