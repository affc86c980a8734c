//! First messages of somebody who writes a peer's address on them and sees no answer.

use super::*;
use crate::ike::limits::{UNPROVEN_MAX, UNPROVEN_PER_PEER_MAX};

/// A first message that the lab's end 1 would send, and where it goes.
fn first_message() -> Flight {
    let mut lab = lab();
    lab.with(1, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    lab.wire.remove(0)
}

/// End 0 gets the message with another cookie, from `peer`.
fn forge(lab: &mut Lab, flight: &Flight, number: u32, peer: Ipv4Addr) {
    let mut message = flight.message.clone();
    message[..4].copy_from_slice(&number.to_be_bytes());
    lab.with(0, |engine, now, spis| {
        let datagram = Datagram {
            local: flight.local,
            remote: SocketAddrV4::new(peer, 500),
            message: &message,
        };
        engine.datagram(now, spis, datagram);
    });
}

/// A thousand forged messages per second, for ten seconds: the peer negotiates, and its tunnel
/// lives.
#[test]
fn a_flood_of_first_messages_keeps_no_peer_out() {
    let flight = first_message();
    let mut lab = lab();
    let mut number = 1;
    let mut flood = |lab: &mut Lab, for_ms: u64| {
        for _ in 0..for_ms {
            forge(lab, &flight, number, B);
            number += 1;
            // What answers to nobody's message gets lost.
            lab.wire
                .retain(|flight| flight.to != 1 || flight.message[..2] != [0, 0]);
            lab.quiet(1);
            assert!(lab.ends[0].engine.phase1s.len() <= UNPROVEN_PER_PEER_MAX + 3);
        }
    };
    flood(&mut lab, 5_000);
    lab.with(1, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    flood(&mut lab, 1_000);
    assert_eq!(lab.agreed(), 1);
    flood(&mut lab, 4_000);
    assert_eq!(lab.agreed(), 1);
    assert!(lab.ends.iter().all(|end| end.downs.is_empty()));
}

/// First messages that nobody stands behind, before and after: this end begins by itself, at once.
#[test]
fn a_forged_first_message_keeps_nobody_from_beginning() {
    let flight = first_message();
    let mut lab = lab();
    forge(&mut lab, &flight, 1, B);
    lab.wire.clear();
    lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    assert_eq!(lab.wire.len(), 1, "a first message of our own");
    lab.wire.clear();
    for number in 2..5 {
        forge(&mut lab, &flight, number, B);
        lab.wire.clear();
        lab.quiet(100);
    }
    // Ours got lost; it is sent again.
    lab.quiet(15_000);
    assert_eq!(lab.agreed(), 1);
}

/// Tunnels that wait for an SA that this end has begun go on with the one that the peer has begun,
/// if that is up first.
#[test]
fn what_waits_goes_on_with_whatever_sa_is_up_first() {
    let mut lab = lab();
    lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    // Ours gets lost, and is sent again in seconds.
    lab.wire.clear();
    lab.with(1, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    lab.quiet(200);
    assert!(lab.agreed() >= 1);
    let waits = |sa: &Phase1| !sa.waiting.is_empty();
    assert!(!lab.ends[0].engine.phase1s.iter().any(waits));
}

#[test]
fn what_is_not_proven_is_bounded_for_all_peers_together() {
    let flight = first_message();
    let [mut a, b] = pair();
    let peers = 2 * UNPROVEN_MAX / UNPROVEN_PER_PEER_MAX;
    let address = |at: usize| Ipv4Addr::from_bits(0x0a63_0000 + at as u32);
    for at in 0..peers {
        let mut peer = a.peers[0].clone();
        peer.address = address(at);
        a.peers.push(peer);
    }
    let mut lab = Lab::new(a, b);
    for number in 0..UNPROVEN_MAX as u32 + 500 {
        forge(&mut lab, &flight, number, address(number as usize % peers));
        lab.wire.clear();
    }
    assert_eq!(lab.ends[0].engine.phase1s.len(), UNPROVEN_MAX);
}
