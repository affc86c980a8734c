//! What the line tells the sender of a packet that cannot go on.

use fastpath::limits::ICMP_ERRORS_PER_TICK;
use fastpath::packet::protocol;
use fastpath::wire::{Icmp, Ipv4, Udp};

use super::harness::{
    ACK, CLIENT_SEQ, INSIDE_ADDRESS, SERVER_SEQ, client_address, says, server_address, with,
};
use fastpath::tunnel::NeighbourState;
use fastpath::verdict::DropReason;

const CLIENT: u32 = 41;
const NOWHERE: u32 = 0xac10_0001;

fn datagram(to: u32, ttl: u8, payload_len: usize) -> Vec<u8> {
    let udp = Udp::emit(5_000, 5_001, payload_len).0;
    let from = client_address(CLIENT);
    let header = Ipv4::emit(from, to, protocol::UDP, udp.len() + payload_len);
    let mut packet = [&header.as_bytes()[..], &udp, &vec![0; payload_len]].concat();
    let mut header = Ipv4::parse_mut(&mut packet).expect("a header");
    header.set_ttl(ttl);
    header.set_fragment_word(0x4000);
    header.fill_checksum();
    packet
}

#[test]
fn senders_hear_of_the_last_hop_of_the_size_and_of_no_route() {
    with(|lab| {
        lab.learn(CLIENT);
        let server = server_address(0);
        for (packet, kind, code, mtu) in [
            (datagram(server, 1, 10), 11, 0, 0),
            (datagram(server, 64, 1_473), 3, 4, 1_500_u16),
            (datagram(NOWHERE, 64, 10), 3, 0, 0),
        ] {
            lab.client_raw(&packet);
            let told = lab.clear();
            assert_eq!(told.len(), 1, "{kind} {code}");
            let header = Ipv4::parse(&told[0]).expect("a header");
            assert_eq!(header.src(), INSIDE_ADDRESS);
            assert_eq!(header.dst(), client_address(CLIENT));
            let (icmp, rest) = Icmp::parse(&told[0][20..]).expect("ICMP");
            assert_eq!((icmp.kind(), icmp.code()), (kind, code));
            assert_eq!(told[0][26..28], mtu.to_be_bytes());
            // The quoted packet is as it came.
            assert_eq!(rest[..28], packet[..28]);
            assert!(lab.sealed().is_empty());
        }
    });
}

#[test]
fn no_more_is_told_than_the_budget_of_a_tick() {
    with(|lab| {
        lab.learn(CLIENT);
        let packet = datagram(server_address(0), 1, 10);
        let ask = |lab: &mut super::harness::Lab| {
            for _ in 0..2 * ICMP_ERRORS_PER_TICK {
                lab.client_raw(&packet);
            }
            lab.clear().len()
        };
        lab.run(130_000);
        assert_eq!(ask(lab), ICMP_ERRORS_PER_TICK as usize);
        assert_eq!(ask(lab), 0);
        lab.run(130_000);
        assert_eq!(ask(lab), ICMP_ERRORS_PER_TICK as usize);
    });
}

#[test]
fn nobody_outside_is_told_of_what_came_out_of_a_tunnel() {
    with(|lab| {
        let flow = lab.connect(CLIENT, 0);
        lab.clear();
        lab.set_client_state(CLIENT, NeighbourState::Failed);
        let created = lab.fastpath.counters()[0].created;
        let dropped = lab.drops(DropReason::NoAdjacency);
        lab.server(flow, says(ACK, SERVER_SEQ, CLIENT_SEQ, b"secret"));
        assert_eq!(lab.drops(DropReason::NoAdjacency), dropped + 1);
        assert_eq!(lab.fastpath.counters()[0].created, created);
        assert!(lab.sealed().is_empty() && lab.clear().is_empty());
        lab.learn(CLIENT);
    });
}
