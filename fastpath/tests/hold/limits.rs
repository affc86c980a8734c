//! Bounds: pace, memory, options that change, net-unreachables.

use fastpath::limits::UNREACHABLES_PER_SOURCE;
use fastpath::packet::protocol;
use fastpath::tunnel::ResumeOptions;
use fastpath::verdict::DropReason;
use fastpath::wire::Ipv4;
use fastpath::worker::event::Event;

use super::harness::{
    ACK, CLIENT_SEQ, SERVER_SEQ, SYN, client_address, one_hop_on, options, says, text_at, with,
};

#[test]
fn the_release_keeps_its_pace_and_doubles_it_every_round_trip() {
    with(|lab| {
        let flows: Vec<_> = (0..100).map(|at| lab.connect(1 + at % 40, 0)).collect();
        lab.down(0);
        for flow in &flows {
            lab.client(*flow, text_at(0, b"text"));
        }
        lab.up(0);
        assert_eq!(lab.release(0, 1000), 100);
        let mut per_round_trip = Vec::new();
        for _ in 0..3 {
            lab.run(10_000);
            per_round_trip.push(lab.sealed().len());
        }
        // The third one has what is left, and the first second copies.
        assert!((10..=11).contains(&per_round_trip[0]), "{per_round_trip:?}");
        assert!((19..=21).contains(&per_round_trip[1]), "{per_round_trip:?}");
        assert!((38..=42).contains(&per_round_trip[2]), "{per_round_trip:?}");
    });
}

#[test]
fn a_pool_of_another_size_takes_over_what_is_held() {
    with(|lab| {
        let flows: Vec<_> = (1..=200).map(|at| lab.connect(at, 0)).collect();
        lab.down(0);
        let held: Vec<_> = flows
            .iter()
            .map(|flow| lab.client(*flow, text_at(0, b"text")))
            .collect();
        for memory in [8 << 20, 1 << 20] {
            lab.set_options(ResumeOptions {
                hold_memory_bytes: memory,
                ..options(true, false)
            });
        }
        lab.up(0);
        assert_eq!(lab.release(0, 1_000_000), 200);
        lab.run(5_000);
        let mut expected: Vec<_> = held.iter().map(|packet| one_hop_on(packet)).collect();
        let mut sealed = lab.sealed();
        expected.sort();
        sealed.sort();
        assert_eq!(sealed, expected);
    });
}

#[test]
fn a_pool_that_is_full_refuses_or_lets_go_and_says_so() {
    with(|lab| {
        // Sixty cells: twenty flows of different hosts, three cells each.
        lab.set_options(ResumeOptions {
            hold_memory_bytes: 60 * 72,
            ..options(true, false)
        });
        let flows: Vec<_> = (1..=60).map(|at| lab.connect(at, at as u16 % 3)).collect();
        for tunnel in 0..3 {
            lab.down(tunnel);
        }
        for flow in &flows {
            lab.client(*flow, text_at(0, b"text"));
        }
        let (mut held, mut refused, mut released) = (0, 0, 0);
        for tunnel in 0..3 {
            lab.up(tunnel);
            released += lab.release(tunnel, 1_000_000);
        }
        lab.run(130_000);
        for event in lab.events.drain(..) {
            if let Event::Bounce(record) = event {
                held += record.held;
                refused += record.refused;
            }
        }
        assert_eq!(lab.sealed().len() as u32, released * 2);
        assert!((15..=20).contains(&released), "{released}");
        assert!(refused >= 40 && held >= released, "{refused} {held}");
    });
}

#[test]
fn retransmissions_that_nobody_holds_are_answered_within_bounds() {
    with(|lab| {
        lab.set_options(options(false, true));
        let flow = lab.connect(9, 0);
        let mut young = flow;
        young.port += 1;
        lab.down(0);
        // A tick's budget must be whole.
        lab.run(130_000);
        lab.clear();
        let mut last = Vec::new();
        for _ in 0..u32::from(UNREACHABLES_PER_SOURCE) + 3 {
            last = lab.client(flow, text_at(0, b"text of which eight bytes are enough"));
        }
        let answers = lab.clear();
        assert_eq!(answers.len(), usize::from(UNREACHABLES_PER_SOURCE));
        let icmp = &answers[0];
        let header = Ipv4::parse(icmp).expect("a packet");
        assert_eq!(header.protocol(), protocol::ICMP);
        assert_eq!(header.dst(), client_address(9));
        assert_eq!(icmp[20..22], [3, 0], "net unreachable");
        assert_eq!(icmp[28..], last[..], "quoted as the host sent it");
        lab.run(130_000);
        // Neither a SYN, nor a pure ACK, nor later text, nor another protocol.
        lab.client(young, says(SYN, 5, 0, b""));
        lab.client(flow, says(ACK, CLIENT_SEQ, SERVER_SEQ, b""));
        lab.client(flow, text_at(8, b"later"));
        let datagram = [
            &Ipv4::emit(client_address(9), 0x0a40_0007, protocol::UDP, 8).as_bytes()[..],
            &[0x20, 0, 0x20, 1, 0, 8, 0, 0],
        ]
        .concat();
        lab.client_raw(&datagram);
        assert!(lab.clear().is_empty());
        assert_eq!(
            lab.report(0).unreachables,
            u32::from(UNREACHABLES_PER_SOURCE)
        );
        assert!(lab.drops(DropReason::NeedIke) > 0);
    });
}

#[test]
fn what_is_held_is_not_answered() {
    with(|lab| {
        lab.set_options(options(true, true));
        let flow = lab.connect(9, 0);
        lab.down(0);
        lab.run(130_000);
        lab.clear();
        lab.client(flow, text_at(0, b"text"));
        assert!(lab.clear().is_empty());
    });
}
