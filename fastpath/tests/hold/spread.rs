//! An SA with which every worker seals: its numbers are taken for runs of packets.

use fastpath::packet::protocol;
use fastpath::verdict::DropReason;
use fastpath::wire::{Ipv4, Udp};
use fastpath::worker::event::Event;

use super::harness::{client_address, server_address, text_at, with};

const CLIENT: u32 = 50;
const LEN: usize = 100;

/// A datagram of `LEN` bytes to a tunnel's server; its last byte is its number.
fn datagram(tunnel: u16, number: u8) -> Vec<u8> {
    let payload = [&[0; LEN - 29][..], &[number]].concat();
    let udp = Udp::emit(6_000, 6_001, payload.len()).0;
    let (from, to) = (client_address(CLIENT), server_address(tunnel));
    let header = Ipv4::emit(from, to, protocol::UDP, udp.len() + payload.len());
    [&header.as_bytes()[..], &udp, &payload].concat()
}

#[test]
fn the_life_of_an_sa_may_end_in_the_middle_of_a_run() {
    with(|lab| {
        lab.learn(CLIENT);
        let home = lab.slot(0);
        lab.spread(0, 5 * LEN as u64 + 50);
        // The packets of the other tunnel, whose SA has a home, cut the runs: three fit, of the
        // next three two, of the last two none.
        let tunnels = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0];
        let burst: Vec<_> = tunnels.into_iter().zip(0..).collect();
        let packets: Vec<_> = burst.iter().map(|(to, n)| datagram(*to, *n)).collect();
        lab.client_burst(&packets);
        let sealed = lab.sealed();
        let numbers: Vec<u8> = sealed.iter().filter_map(|it| it.last().copied()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 7]);
        assert_eq!(lab.drops(DropReason::EspLifetime), 3);
        let wanted = |event: &Event| match event {
            Event::RekeyWanted { slot, hard, .. } => Some((*slot, *hard)),
            _ => None,
        };
        let wanted: Vec<_> = lab.events.iter().filter_map(wanted).collect();
        assert!(wanted.contains(&(home, true)), "{wanted:?}");
        assert!(wanted.iter().all(|(slot, _)| *slot == home), "{wanted:?}");
    });
}

#[test]
fn what_waits_for_answers_is_counted_for_the_whole_run() {
    with(|lab| {
        lab.spread(0, u64::MAX);
        let flow = lab.connect(CLIENT + 1, 0);
        let before = lab.expecting(0);
        for at in 0..3 {
            lab.client(flow, text_at(at, b"x"));
        }
        assert_eq!(lab.expecting(0) - before, 3);
        assert_eq!(lab.sealed().len(), 3);
    });
}
