//! A wrong TCP checksum moves no state.

use fastpath::conn::tcp::tcp_flag::{ACK, FIN, RST, SYN};
use fastpath::verdict::DropReason;
use fastpath::worker::event::Event;

use super::harness::{CLIENT, INSIDE, OUTSIDE, SERVER, Segment, interfaces, policy, take};

fn spoilt(segment: Segment) -> Vec<u8> {
    let mut packet = segment.packet();
    packet[36] ^= 0x40;
    packet
}

#[test]
fn what_begins_or_ends_a_connection_needs_a_right_checksum() {
    let mut line = take();
    line.publish(policy(&interfaces()));
    let bad = Some(DropReason::BadTcpChecksum);
    let client = |flags, seq, ack| Segment {
        from: (CLIENT, 22_001),
        to: (SERVER, 80),
        flags,
        seq,
        ack,
    };
    let answer = Segment {
        from: (SERVER, 80),
        to: (CLIENT, 22_001),
        flags: SYN | ACK,
        seq: 500,
        ack: 101,
    };
    line.send_and_see(INSIDE, &spoilt(client(SYN, 100, 0)), bad);
    line.wait_for(|_| true);
    assert!(line.events.is_empty(), "no connection");
    line.send_and_see(INSIDE, &client(SYN, 100, 0).packet(), None);
    line.send_and_see(OUTSIDE, &spoilt(answer), bad);
    line.send_and_see(OUTSIDE, &answer.packet(), None);
    line.send_and_see(INSIDE, &client(ACK, 101, 501).packet(), None);
    for flags in [FIN | ACK, RST] {
        line.send_and_see(INSIDE, &spoilt(client(flags, 101, 501)), bad);
    }
    let ended = |event: &Event| matches!(event, Event::ConnTeardown { .. });
    assert!(!line.events.iter().any(ended));
    // The receiver judges what carries data or acknowledges only.
    line.send_and_see(INSIDE, &spoilt(client(ACK, 101, 501)), None);
}
