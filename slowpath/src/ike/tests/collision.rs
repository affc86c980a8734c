//! Both sides negotiate at once.

use super::*;
use crate::ike::error::notify;
use crate::ike::v1::informational;
use crate::ike::wire::control::Notify;
use crate::ike::wire::payload;
use crate::ike::wire::sa::protocol;

/// The pair that carries packets at each end: inbound and outbound SPI.
fn current(lab: &Lab) -> [(u32, u32); 2] {
    lab.ends.each_ref().map(|end| {
        let child = end.engine.core.current(TUNNEL).expect("a pair");
        (child.inbound_spi, child.outbound_spi)
    })
}

#[test]
fn both_sides_may_begin_at_once() {
    let mut lab = lab();
    lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    lab.with(1, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    lab.quiet(120_000);
    let logs = lab.ends.each_ref().map(|end| (&end.logs, &end.downs));
    assert!(lab.agreed() >= 1, "{logs:?}");
}

/// Pairs of a fast tunnel with few kilobytes are replaced every few seconds: whatever their SPIs
/// and whoever begins, the new pair takes over at both ends. The end that did not begin the pair
/// waits until nobody can take both for begun at once.
#[test]
fn a_rekey_takes_over_however_young_the_pair_is() {
    for (age_ms, patience_ms) in [(2_500, 500), (1_500, 1_500), (300, 2_500)] {
        for seed in 0..8 {
            let mut lab = lab();
            (lab.delay_ms, lab.random) = (20, Seeded(seed * 7_919 + 1));
            up(&mut lab);
            for turn in 0..20 {
                lab.quiet(age_ms);
                let before = current(&lab);
                let end = turn / 3 % 2;
                let spi = before[end].0;
                lab.with(end, |engine, now, spis| engine.rekey(now, spis, spi));
                lab.quiet(patience_ms);
                let [ours, theirs] = current(&lab);
                assert_ne!([ours, theirs], before, "turn {turn} at {age_ms} ms");
                assert_eq!(ours, (theirs.1, theirs.0), "turn {turn} at {age_ms} ms");
            }
        }
    }
}

/// Both begin a rekey at the same time, again and again, some of their messages are lost: they
/// agree on one of the pairs.
#[test]
fn rekeys_of_both_sides_at_once_leave_one_pair_for_both() {
    for seed in 0..40 {
        let mut lab = lab();
        (lab.delay_ms, lab.random) = (20, Seeded(seed * 7_919 + 1));
        up(&mut lab);
        for _ in 0..3 {
            lab.loss_percent = if seed % 2 == 0 { 0 } else { 15 };
            for end in 0..2 {
                let child = lab.ends[end].engine.core.current(TUNNEL).expect("a pair");
                let spi = child.inbound_spi;
                lab.with(end, |engine, now, spis| engine.rekey(now, spis, spi));
                lab.quiet(seed % 50);
            }
            // Not so long that a peer is taken for dead.
            lab.quiet(4_000);
            lab.loss_percent = 0;
            lab.quiet(100_000);
            let spis = current(&lab);
            assert_eq!(spis[0], (spis[1].1, spis[1].0), "seed {seed}");
        }
        let all = lab.ends.iter().flat_map(|end| &end.downs);
        assert!(all.into_iter().all(|(_, superseded)| *superseded), "{seed}");
    }
}

/// A peer that is no Holdfast keeps the state of three exchanges, and both sides begin while it is
/// suspected of being dead: no probe pushes out an exchange, and we send by the pair that it began.
#[test]
fn a_peer_that_keeps_three_exchanges_is_not_asked_while_both_negotiate() {
    for apart_ms in [0, 3, 4, 6, 9] {
        let mut lab = lab();
        lab.delay_ms = 10;
        up(&mut lab);
        lab.ends[0].alter_sa(|sa| sa.sas_before_answer = false);
        lab.memory = Some(Memory::new(3));
        lab.with(0, |engine, now, _| engine.clear_ipsec(now, ClearScope::All));
        lab.quiet(500);
        assert_eq!(lab.agreed(), 0);
        let first = usize::from(apart_ms % 2 == 1);
        for end in [first, 1 - first] {
            lab.with(end, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
            lab.quiet(apart_ms);
        }
        lab.with(0, |engine, now, _| engine.suspect(now, B));
        lab.quiet(2_000);
        let [ours, theirs] = lab.ends.each_ref().map(|end| end.children.len());
        assert_eq!((lab.agreed(), ours, theirs), (2, 2, 2), "{apart_ms} ms");
        let carries = current(&lab)[0].0;
        let child = &lab.ends[0].children[&carries];
        assert!(!child.initiator, "{apart_ms} ms: theirs carries");
        assert!(lab.ends[0].proofs.iter().any(|(spi, ..)| *spi == carries));
    }
}

/// The exchange that keeps probes away ends with it: a peer that dies in its middle is found out.
#[test]
fn a_quick_mode_puts_off_the_end_of_a_dead_peer_by_a_second() {
    let mut lab = lab();
    up(&mut lab);
    lab.loss_percent = 100;
    let spi = *lab.ends[0].children.keys().next().unwrap();
    lab.with(0, |engine, now, spis| engine.rekey(now, spis, spi));
    lab.with(0, |engine, now, _| engine.suspect(now, B));
    lab.quiet(1_000);
    assert!(lab.ends[0].downs.is_empty());
    lab.quiet(1_500);
    let reasons: Vec<_> = lab.ends[0].downs.iter().map(|down| down.0).collect();
    assert_eq!(reasons, [EndReason::LostContact]);
}

/// The third message of a pair does not reach the peer's quick mode, which says so.
#[test]
fn a_pair_whose_third_message_the_peer_could_not_read_is_negotiated_again() {
    let mut lab = lab();
    up(&mut lab);
    lab.ends[0].alter_sa(|sa| sa.sas_before_answer = false);
    lab.with(0, |engine, now, _| engine.clear_ipsec(now, ClearScope::All));
    lab.quiet(500);
    lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    lab.quiet(1_000);
    let [(first, _), _] = current(&lab);
    // The peer's complaint, as it would send it: twice.
    for _ in 0..2 {
        complain(&mut lab);
    }
    lab.quiet(500);
    let [(second, _), theirs] = current(&lab);
    assert_ne!(first, second);
    assert_eq!(theirs.1, second);
    complain(&mut lab);
    lab.quiet(500);
    assert_eq!(current(&lab)[0].0, second, "not again so soon");
    lab.quiet(20_000);
    complain(&mut lab);
    lab.quiet(500);
    assert_eq!(current(&lab)[0].0, second, "the pair is not young any more");
}

/// End 1 tells end 0, authenticated, that it could not read a message.
fn complain(lab: &mut Lab) {
    lab.with(1, |engine, _, _| {
        let sa = engine.phase1s.iter().next().expect("an SA");
        let notify = Notify {
            protocol: protocol::ISAKMP,
            kind: notify::PAYLOAD_MALFORMED,
            spi: Vec::new(),
            data: Vec::new(),
        };
        informational::send(&mut engine.core, sa, payload::NOTIFY, &notify.emit())
            .expect("it has keys");
    });
}

/// The replaced pair still receives when the next rekey leads nowhere: it is the newest pair that
/// wants another one.
#[test]
fn a_rekey_that_leads_nowhere_is_tried_again() {
    let mut lab = lab();
    up(&mut lab);
    let rekey = |lab: &mut Lab| {
        let spi = current(lab)[0].0;
        lab.with(0, |engine, now, spis| engine.rekey(now, spis, spi));
    };
    rekey(&mut lab);
    lab.quiet(1_000);
    assert_eq!(lab.ends[0].children.len(), 2, "one of them replaced");
    let before = current(&lab)[0];
    rekey(&mut lab);
    // The answer names what is not wanted any more.
    let unwanted = EspSuite {
        encryption: Encryption::Aes256,
        ..suite()
    };
    lab.ends[0].alter_config(|config| config.tunnels[0].proposals = vec![unwanted]);
    lab.quiet(1_500);
    assert_eq!(current(&lab)[0], before);
    assert!(lab.ends[0].failed.is_empty(), "the tunnel has its pair");
    lab.ends[0].alter_config(|config| config.tunnels[0].proposals = vec![suite()]);
    // Nobody asks again: kilobytes are told to be used up once.
    lab.quiet(5_000);
    assert_ne!(current(&lab)[0], before);
}
