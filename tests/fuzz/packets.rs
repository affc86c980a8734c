//! IPv4 packets to begin with.

use fastpath::packet::protocol;
use fastpath::wire::{Ipv4, checksum};

const SRC: u32 = 0x0a00_0001;
const DST: u32 = 0xc000_0201;

fn ipv4(protocol: u8, mut segment: Vec<u8>, sum_at: Option<usize>) -> Vec<u8> {
    if let Some(at) = sum_at {
        let sum = if protocol == protocol::ICMP {
            checksum::checksum(&segment)
        } else {
            checksum::of_segment(SRC, DST, protocol, &segment)
        };
        segment[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
    let header = Ipv4::emit(SRC, DST, protocol, segment.len());
    [&header.as_bytes()[..], &segment].concat()
}

/// One packet of every kind that the product tells apart.
pub(super) fn all() -> Vec<Vec<u8>> {
    let syn = [
        &[0x80, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x80, 2, 0xff, 0xff][..],
        &[0, 0, 0, 0, 2, 4, 5, 0xb4, 1, 3, 3, 7, 1, 1, 4, 2],
    ];
    let ack = [
        &[0x80, 0, 0, 80, 0, 0, 0, 2, 0, 0, 0, 9, 0x50, 0x18, 1, 0][..],
        &[0, 0, 0, 0, b'd', b'a', b't', b'a'],
    ];
    let udp = |port: u16, payload: &[u8]| {
        let len = (8 + payload.len()) as u16;
        let head = [0xfde8_u16, port, len, 0].map(u16::to_be_bytes).concat();
        ipv4(protocol::UDP, [&head, payload].concat(), Some(6))
    };
    let dns = udp(53, b"question");
    let mut error = vec![3, 4, 0, 0, 0, 0, 5, 0x78];
    error.extend_from_slice(&dns);
    let echo = [&[8, 0, 0, 0, 0, 7, 0, 1][..], b"ping"].concat();
    let ike = [&[7; 16][..], &[1, 0x10, 2, 0, 0, 0, 0, 0, 0, 0, 0, 28]].concat();
    vec![
        ipv4(protocol::TCP, syn.concat(), Some(16)),
        ipv4(protocol::TCP, ack.concat(), Some(16)),
        ipv4(protocol::ICMP, echo, Some(2)),
        ipv4(protocol::ICMP, error, Some(2)),
        ipv4(protocol::ESP, vec![0x55; 64], None),
        udp(500, &ike),
        udp(4500, &[&[0; 4], &ike[..]].concat()),
        udp(4500, &[0x55; 64]),
        udp(4500, &[0xff]),
        dns,
    ]
}
