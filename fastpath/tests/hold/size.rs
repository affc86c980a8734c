//! Packets that do not fit: put together before they are sealed, cut before they are sealed, and
//! segments that are announced smaller.

use fastpath::limits::FRAGMENTS_MAX;
use fastpath::packet::protocol;
use fastpath::verdict::DropReason;
use fastpath::wire::{Ipv4, Udp, checksum};

use super::harness::{Lab, SYN, client_address, server_address, with};

const CLIENT: u32 = 40;
const MORE: u16 = 0x2000;
/// What the tunnels of the lab take, and what a SYN may announce through them.
const INNER_MTU: usize = 1500;
const TUNNEL_MSS: u16 = 1300;

/// A datagram of the client's with `payload_len` bytes that tell their place.
fn datagram(payload_len: usize) -> Vec<u8> {
    between(client_address(CLIENT), server_address(0), payload_len)
}

fn between(from: u32, to: u32, payload_len: usize) -> Vec<u8> {
    let udp = Udp::emit(5_000, 5_001, payload_len).0;
    let payload: Vec<u8> = (0..payload_len).map(|at| (at % 251) as u8).collect();
    let header = Ipv4::emit(from, to, protocol::UDP, udp.len() + payload_len);
    [&header.as_bytes()[..], &udp, &payload].concat()
}

/// A packet in fragments of `step` bytes, a multiple of eight.
fn cut(packet: &[u8], step: usize, identification: u16) -> Vec<Vec<u8>> {
    let pieces = packet[20..].chunks(step).enumerate();
    let fragment = |(at, piece): (usize, &[u8])| {
        let mut fragment = [&packet[..20], piece].concat();
        let more = if 20 + at * step + piece.len() < packet.len() {
            MORE
        } else {
            0
        };
        let mut header = Ipv4::parse_mut(&mut fragment[..20]).expect("a header");
        header.set_total_len((20 + piece.len()) as u16);
        header.set_identification(identification);
        header.set_fragment_word((at * step / 8) as u16 | more);
        header.fill_checksum();
        fragment
    };
    pieces.map(fragment).collect()
}

/// Payloads of fragments in the order of their offsets.
fn joined(mut fragments: Vec<Vec<u8>>) -> Vec<u8> {
    let offset = |fragment: &Vec<u8>| u16::from_be_bytes([fragment[6], fragment[7]]) & 0x1fff;
    fragments.sort_by_key(offset);
    fragments.iter().flat_map(|it| it[20..].to_vec()).collect()
}

fn held(lab: &Lab) -> u64 {
    lab.fastpath.counters()[0].held
}

#[test]
fn a_datagram_in_fragments_is_put_together_and_cut_to_the_tunnel() {
    with(|lab| {
        lab.learn(CLIENT);
        let whole = datagram(3_000);
        for fragment in cut(&whole, 1_000, 77).iter().rev() {
            assert!(lab.sealed().is_empty());
            lab.client_raw(fragment);
        }
        let sealed = lab.sealed();
        assert_eq!(sealed.len(), 3);
        for fragment in &sealed {
            let header = Ipv4::parse(fragment).expect("a header");
            assert!(fragment.len() <= INNER_MTU && header.ttl() == 63);
            assert!(checksum::is_valid(&fragment[..20]));
        }
        assert_eq!(joined(sealed), &whole[20..]);
        assert_eq!(held(lab), 0);
    });
}

#[test]
fn fragments_out_of_a_tunnel_are_put_together_and_cut_to_the_wire() {
    with(|lab| {
        lab.learn(CLIENT);
        let whole = between(server_address(0), client_address(CLIENT), 2_500);
        for fragment in cut(&whole, 1_200, 80) {
            assert!(lab.clear().is_empty());
            lab.server_raw(0, &fragment);
        }
        let clear = lab.clear();
        assert_eq!(clear.len(), 2);
        for fragment in &clear {
            assert!(fragment.len() <= 1_500 && checksum::is_valid(&fragment[..20]));
        }
        assert_eq!(joined(clear), &whole[20..]);
        // What came by different ways is not put together.
        let mixed = cut(&datagram(1_500), 1_000, 81);
        let before = lab.drops(DropReason::FragmentOverlap);
        lab.client_raw(&mixed[0]);
        lab.server_raw(0, &mixed[1]);
        assert!(lab.sealed().is_empty() && lab.clear().is_empty());
        lab.pass(10);
        assert_eq!(held(lab), 0);
        assert_eq!(lab.drops(DropReason::FragmentOverlap), before);
    });
}

#[test]
fn more_fragments_than_the_library_takes_and_such_as_stay_alone_are_dropped() {
    with(|lab| {
        lab.learn(CLIENT);
        let before = lab.drops(DropReason::FragmentOverlap);
        let too_many = cut(&datagram(8 * FRAGMENTS_MAX), 8, 78);
        assert_eq!(too_many.len(), FRAGMENTS_MAX + 1);
        for fragment in &too_many {
            lab.client_raw(fragment);
        }
        let lost = lab.drops(DropReason::FragmentOverlap) - before;
        assert_eq!(lost + held(lab), too_many.len() as u64);
        assert!(lost > 0, "the library has given the datagram up");
        lab.client_raw(&cut(&datagram(2_000), 1_000, 79)[0]);
        let before = lab.drops(DropReason::FragmentTimeout);
        let waiting = held(lab);
        assert!(waiting > 0);
        lab.pass(10);
        assert_eq!(lab.drops(DropReason::FragmentTimeout) - before, waiting);
        assert!(held(lab) == 0 && lab.sealed().is_empty());
    });
}

#[test]
fn a_syn_announces_no_more_than_its_tunnel_takes() {
    with(|lab| {
        lab.learn(CLIENT);
        let (from, to) = (client_address(CLIENT), server_address(0));
        for (port, announced, passed) in [(2_001, 1_460, TUNNEL_MSS), (2_002, 1_200, 1_200)] {
            let mut tcp = vec![0; 24];
            tcp[..2].copy_from_slice(&u16::to_be_bytes(port));
            tcp[2..4].copy_from_slice(&443_u16.to_be_bytes());
            tcp[12..16].copy_from_slice(&[0x60, SYN, 0xf0, 0]);
            tcp[20..22].copy_from_slice(&[2, 4]);
            tcp[22..].copy_from_slice(&u16::to_be_bytes(announced));
            let sum = checksum::of_segment(from, to, protocol::TCP, &tcp);
            tcp[16..18].copy_from_slice(&sum.to_be_bytes());
            let header = Ipv4::emit(from, to, protocol::TCP, tcp.len());
            lab.client_raw(&[&header.as_bytes()[..], &tcp].concat());
            let sealed = lab.sealed();
            assert_eq!(sealed.len(), 1);
            assert_eq!(sealed[0][42..44], u16::to_be_bytes(passed));
            assert!(checksum::segment_is_valid(
                from,
                to,
                protocol::TCP,
                &sealed[0][20..]
            ));
        }
    });
}
