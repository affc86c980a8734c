//! Ethernet frames with IPv4 inside: building forged ones, reading addresses of seen ones.

use std::net::{Ipv4Addr, SocketAddrV4};

/// Ethernet header, without VLAN tag.
const ETHERNET_BYTES: usize = 14;
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_VLAN: u16 = 0x8100;
const IPV4_BYTES: usize = 20;
const TCP_BYTES: usize = 20;
const PROTOCOL_ICMP: u8 = 1;
const PROTOCOL_TCP: u8 = 6;

/// TCP flag bits (RFC 9293 section 3.1).
pub mod tcp_flags {
    /// FIN.
    pub const FIN: u8 = 0x01;
    /// SYN.
    pub const SYN: u8 = 0x02;
    /// RST.
    pub const RST: u8 = 0x04;
    /// PSH.
    pub const PSH: u8 = 0x08;
    /// ACK.
    pub const ACK: u8 = 0x10;
}

/// A TCP segment to be forged.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Source of the packet.
    pub source: SocketAddrV4,
    /// Destination of the packet.
    pub destination: SocketAddrV4,
    /// [`tcp_flags`].
    pub flags: u8,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// Payload.
    pub payload: Vec<u8>,
}

/// An ICMP error to be forged (RFC 792).
#[derive(Clone, Debug)]
pub struct IcmpError {
    /// Who claims to report it.
    pub source: Ipv4Addr,
    /// Type and code.
    pub kind: [u8; 2],
    /// The four bytes after the checksum; the next hop's MTU of a fragmentation needed (RFC 1191).
    pub rest: u32,
    /// The packet that it quotes; its sender is the destination.
    pub quoted: Segment,
}

/// A frame from `source_mac` to `destination_mac` with an IPv4 packet.
pub fn ethernet(source_mac: [u8; 6], destination_mac: [u8; 6], packet: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(ETHERNET_BYTES + packet.len());
    frame.extend(destination_mac);
    frame.extend(source_mac);
    frame.extend(ETHERTYPE_IPV4.to_be_bytes());
    frame.extend(packet);
    frame
}

/// The segment as an IPv4 packet, checksums right.
pub fn tcp_packet(segment: &Segment) -> Vec<u8> {
    let tcp = tcp_segment(segment);
    let ends = [*segment.source.ip(), *segment.destination.ip()];
    ipv4_packet(PROTOCOL_TCP, ends, &tcp)
}

/// The ICMP error as an IPv4 packet, quoting 28 bytes, checksums right.
pub fn icmp_packet(error: &IcmpError) -> Vec<u8> {
    let quoted = tcp_packet(&error.quoted);
    let mut icmp = error.kind.to_vec();
    icmp.extend([0, 0]);
    icmp.extend(error.rest.to_be_bytes());
    icmp.extend(&quoted[..IPV4_BYTES + 8]);
    let sum = checksum(&[&icmp]);
    icmp[2..4].copy_from_slice(&sum.to_be_bytes());
    let ends = [error.source, *error.quoted.source.ip()];
    ipv4_packet(PROTOCOL_ICMP, ends, &icmp)
}

fn ipv4_packet(protocol: u8, ends: [Ipv4Addr; 2], payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend(((IPV4_BYTES + payload.len()) as u16).to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
    packet.extend(ends[0].octets());
    packet.extend(ends[1].octets());
    let sum = checksum(&[&packet]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend(payload);
    packet
}

fn tcp_segment(segment: &Segment) -> Vec<u8> {
    let tcp_bytes = (TCP_BYTES + segment.payload.len()) as u16;
    let mut tcp = Vec::with_capacity(tcp_bytes.into());
    tcp.extend(segment.source.port().to_be_bytes());
    tcp.extend(segment.destination.port().to_be_bytes());
    tcp.extend(segment.sequence.to_be_bytes());
    tcp.extend(segment.acknowledgement.to_be_bytes());
    tcp.extend([0x50, segment.flags, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.extend(&segment.payload);
    let [high, low] = tcp_bytes.to_be_bytes();
    let sum = checksum(&[
        &segment.source.ip().octets(),
        &segment.destination.ip().octets(),
        &[0, PROTOCOL_TCP, high, low],
        &tcp,
    ]);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    tcp
}

/// The internet checksum (RFC 1071) over parts, of which only the last may have odd length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for pair in parts.iter().flat_map(|part| part.chunks(2)) {
        sum += u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// An IPv4 packet as a sniffer names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Seen {
    /// Source address.
    pub source: Ipv4Addr,
    /// Destination address.
    pub destination: Ipv4Addr,
    /// Protocol number.
    pub protocol: u8,
}

/// The IPv4 packet in a frame, behind at most one VLAN tag; `None` for everything else.
pub fn ipv4_in(frame: &[u8]) -> Option<Ipv4Seen> {
    let ethertype = |at: usize| Some(u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]));
    let start = match ethertype(12)? {
        ETHERTYPE_IPV4 => ETHERNET_BYTES,
        ETHERTYPE_VLAN if ethertype(16)? == ETHERTYPE_IPV4 => ETHERNET_BYTES + 4,
        _ => return None,
    };
    let header = frame.get(start..start + IPV4_BYTES)?;
    let address =
        |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
    (header[0] >> 4 == 4).then(|| Ipv4Seen {
        source: address(12),
        destination: address(16),
        protocol: header[9],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(payload: &[u8]) -> Segment {
        Segment {
            source: "10.224.228.10:80".parse().unwrap(),
            destination: "192.168.30.10:40000".parse().unwrap(),
            flags: tcp_flags::RST | tcp_flags::ACK,
            sequence: 0x0102_0304,
            acknowledgement: 7,
            payload: payload.to_vec(),
        }
    }

    /// The example of RFC 1071 section 3: the sum is ddf2.
    #[test]
    fn the_checksum_is_the_complement_of_the_rfc_sum() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&[&bytes]), !0xddf2);
    }

    #[test]
    fn a_forged_frame_reads_back_and_its_checksums_verify() {
        for payload in [&b""[..], b"x", b"payload"] {
            let frame = ethernet([2; 6], [4; 6], &tcp_packet(&segment(payload)));
            let seen = ipv4_in(&frame).unwrap();
            assert_eq!(seen.source, Ipv4Addr::new(10, 224, 228, 10));
            assert_eq!(seen.destination, Ipv4Addr::new(192, 168, 30, 10));
            assert_eq!(seen.protocol, PROTOCOL_TCP);
            assert_eq!(checksum(&[&frame[14..34]]), 0, "IPv4 header");
            let tcp = &frame[34..];
            let pseudo = [0, PROTOCOL_TCP, 0, tcp.len() as u8];
            assert_eq!(checksum(&[&frame[26..34], &pseudo, tcp]), 0, "TCP");
        }
    }

    #[test]
    fn a_forged_icmp_error_quotes_the_packet_to_its_sender() {
        let packet = icmp_packet(&IcmpError {
            source: Ipv4Addr::new(203, 0, 113, 1),
            kind: [3, 4],
            rest: 576,
            quoted: segment(b""),
        });
        let seen = ipv4_in(&ethernet([2; 6], [4; 6], &packet)).unwrap();
        assert_eq!(seen.destination, Ipv4Addr::new(10, 224, 228, 10));
        assert_eq!(checksum(&[&packet[20..]]), 0, "ICMP");
        assert_eq!(packet[28..48], tcp_packet(&segment(b""))[..20]);
        assert_eq!(packet.len(), 56);
    }

    #[test]
    fn a_tagged_packet_is_seen_and_short_or_foreign_frames_are_not() {
        let plain = ethernet([2; 6], [4; 6], &tcp_packet(&segment(b"")));
        let mut tagged = plain[..12].to_vec();
        tagged.extend([0x81, 0, 0, 5]);
        tagged.extend(&plain[12..]);
        assert_eq!(ipv4_in(&tagged), ipv4_in(&plain));
        assert_eq!(ipv4_in(&plain[..33]), None);
        assert_eq!(ipv4_in(&[0; 10]), None);
        let mut arp = plain.clone();
        arp[12..14].copy_from_slice(&[0x08, 0x06]);
        assert_eq!(ipv4_in(&arp), None);
    }
}
