//! Packets that hosts send, and what is read of those that they get.

use std::net::Ipv4Addr;

use fastpath::packet::protocol;
use fastpath::wire::{Icmp, Ipv4, Tcp, Udp, checksum, ipv4, tcp};

pub(crate) const SYN: u8 = tcp::flag::SYN;
pub(crate) const ACK: u8 = tcp::flag::ACK;
pub(crate) const FIN: u8 = tcp::flag::FIN;
pub(crate) const RST: u8 = tcp::flag::RST;

/// An address and a port.
pub(crate) type End = (&'static str, u16);

pub(crate) fn ip(text: &str) -> u32 {
    text.parse::<Ipv4Addr>().expect("an address").to_bits()
}

/// A packet of any protocol.
pub(crate) fn raw(from: &str, to: &str, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header = Ipv4::emit(ip(from), ip(to), protocol, payload.len());
    [&header.as_bytes()[..], payload].concat()
}

pub(crate) fn udp(from: End, to: End) -> Vec<u8> {
    let segment = [&Udp::emit(from.1, to.1, 4).0[..], b"text"].concat();
    raw(from.0, to.0, protocol::UDP, &segment)
}

/// An ICMP message of a type, which is its identifier too: each type is a flow of its own.
pub(crate) fn icmp(from: &str, to: &str, kind: u8) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0, 0, kind, 0, 1];
    let sum = checksum::checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    raw(from, to, protocol::ICMP, &message)
}

/// A TCP segment with the numbers `seq` and `ack`, which announces `mss` unless that is zero.
pub(crate) fn segment(from: End, to: End, flags: u8, numbers: (u32, u32), mss: u16) -> Vec<u8> {
    tcp(from, to, flags, numbers, mss, b"")
}

/// A TCP segment that says something.
pub(crate) fn says(from: End, to: End, numbers: (u32, u32), text: &[u8]) -> Vec<u8> {
    tcp(from, to, ACK, numbers, 0, text)
}

fn tcp(from: End, to: End, flags: u8, (seq, ack): (u32, u32), mss: u16, text: &[u8]) -> Vec<u8> {
    let words = if mss == 0 { 5 } else { 6 };
    let mut tcp = vec![0; words * 4];
    tcp[..2].copy_from_slice(&from.1.to_be_bytes());
    tcp[2..4].copy_from_slice(&to.1.to_be_bytes());
    tcp[4..8].copy_from_slice(&seq.to_be_bytes());
    tcp[8..12].copy_from_slice(&ack.to_be_bytes());
    tcp[12..16].copy_from_slice(&[(words as u8) << 4, flags, 0x20, 0]);
    if mss != 0 {
        tcp[20..22].copy_from_slice(&[2, 4]);
        tcp[22..].copy_from_slice(&mss.to_be_bytes());
    }
    tcp.extend_from_slice(text);
    let sum = checksum::of_segment(ip(from.0), ip(to.0), protocol::TCP, &tcp);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    raw(from.0, to.0, protocol::TCP, &tcp)
}

pub(crate) fn syn(from: End, to: End) -> Vec<u8> {
    segment(from, to, SYN, (100, 0), 0)
}

/// What the tests look at in a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) src: Ipv4Addr,
    pub(crate) dst: Ipv4Addr,
    pub(crate) protocol: u8,
    /// Zero where there is none.
    pub(crate) sport: u16,
    pub(crate) dport: u16,
    /// TCP flags, or the ICMP type.
    pub(crate) kind: u8,
    /// The segment size that a SYN announces.
    pub(crate) mss: Option<u16>,
    pub(crate) len: usize,
}

impl Seen {
    pub(crate) fn of(packet: &[u8]) -> Self {
        let header = Ipv4::parse(packet).expect("a header");
        let payload = &packet[ipv4::LEN..];
        let mut seen = Self {
            src: Ipv4Addr::from_bits(header.src()),
            dst: Ipv4Addr::from_bits(header.dst()),
            protocol: header.protocol(),
            sport: 0,
            dport: 0,
            kind: 0,
            mss: None,
            len: packet.len(),
        };
        if header.fragment_offset() > 0 {
            return seen;
        }
        match header.protocol() {
            protocol::TCP => {
                let (tcp, _) = Tcp::parse(payload).expect("a segment");
                (seen.sport, seen.dport) = (tcp.src_port(), tcp.dst_port());
                seen.kind = tcp.flags();
                seen.mss = tcp::Options::of(payload).mss().map(|(_, mss)| mss);
            }
            protocol::UDP => {
                let (udp, _) = Udp::parse(payload).expect("a datagram");
                (seen.sport, seen.dport) = (udp.src_port(), udp.dst_port());
            }
            protocol::ICMP => {
                seen.kind = Icmp::parse(payload).expect("a message").0.kind();
            }
            _ => {}
        }
        seen
    }
}
