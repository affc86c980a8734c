//! Planned bounces: all packets in order, bounded.

use fastpath::limits::HOLD_DEPTH;
use fastpath::verdict::DropReason;

use super::harness::{ACK, CLIENT_SEQ, SERVER_SEQ, acknowledges, one_hop_on, says, text_at, with};

#[test]
fn everything_is_held_in_order_and_nothing_overtakes() {
    with(|lab| {
        let flow = lab.connect(1, 0);
        lab.down_planned(0);
        let mut sent: Vec<_> = (0..20)
            .map(|at| lab.client(flow, text_at(at * 4, b"text")))
            .collect();
        // A copy of something in the middle is nothing new.
        lab.client(flow, text_at(12, b"text"));
        sent.push(lab.client(
            flow,
            says(ACK, CLIENT_SEQ.wrapping_add(80), SERVER_SEQ, b""),
        ));
        lab.up(0);
        lab.release(0, 1000);
        lab.run(3_050);
        let before = lab.drops(DropReason::TunnelPending);
        sent.push(lab.client(flow, text_at(80, b"late")));
        assert_eq!(lab.drops(DropReason::TunnelPending), before + 1);
        // The first ones are answered before the last ones have left.
        lab.server(flow, acknowledges(8));
        lab.run(40_000);
        let expected: Vec<_> = sent.iter().map(|packet| one_hop_on(packet)).collect();
        assert_eq!(lab.sealed(), expected);
        lab.server(flow, acknowledges(84));
        let report = lab.report(0);
        assert_eq!((report.held, report.released, report.resumed), (1, 22, 1));
        lab.client(flow, text_at(84, b"goes on"));
        assert_eq!(lab.sealed().len(), 1, "nothing waits any more");
    });
}

#[test]
fn beyond_the_depth_only_the_oldest_is_kept_up_to_date() {
    with(|lab| {
        let flow = lab.connect(1, 0);
        lab.down_planned(0);
        let depth = HOLD_DEPTH as u32;
        for at in 0..depth + 10 {
            lab.client(flow, text_at(at * 4, b"text"));
        }
        let retransmitted = lab.client(flow, text_at(0, b"text, and more of it"));
        lab.up(0);
        lab.release(0, 1_000_000);
        lab.run(5_000);
        let sealed = lab.sealed();
        assert_eq!(sealed.len(), HOLD_DEPTH);
        assert_eq!(sealed[0], one_hop_on(&retransmitted));
        assert_eq!(lab.report(0).refused, 10);
    });
}

#[test]
fn flows_take_turns() {
    with(|lab| {
        let flows: Vec<_> = (1..=3).map(|client| lab.connect(client, 0)).collect();
        lab.down_planned(0);
        for flow in &flows {
            for at in 0..4 {
                lab.client(*flow, text_at(at * 4, b"text"));
            }
        }
        lab.up(0);
        lab.release(0, 1_000);
        lab.run(9_000);
        let sources: Vec<u8> = lab.sealed().iter().map(|packet| packet[15]).collect();
        assert!(sources.len() >= 9);
        for round in sources.chunks_exact(3) {
            let mut round = round.to_vec();
            round.sort_unstable();
            assert_eq!(round, [1, 2, 3], "{sources:?}");
        }
    });
}

#[test]
fn the_mark_ends_with_the_tunnel() {
    with(|lab| {
        let flow = lab.connect(1, 0);
        lab.down_planned(0);
        lab.up(0);
        lab.down(0);
        lab.client(flow, text_at(0, b"text"));
        lab.client(flow, text_at(4, b"text"));
        lab.up(0);
        lab.release(0, 100_000);
        lab.run(5_000);
        assert_eq!(lab.sealed().len(), 1, "one packet, not two");
    });
}
