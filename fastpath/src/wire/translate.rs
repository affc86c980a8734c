//! Translation of one endpoint of a packet in place, checksums included (RFC 3022 section 4).

use std::borrow::Borrow;

use super::checksum::Delta;
use super::icmp::{self, Icmp};
use super::ipv4::{self, Ipv4};
use super::tcp::Tcp;
use super::udp::Udp;
use crate::packet::protocol;

/// Which endpoint of a packet is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Source address and port.
    Source,
    /// Destination address and port.
    Destination,
}

impl End {
    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Source => Self::Destination,
            Self::Destination => Self::Source,
        }
    }

    /// Where its port stands in a TCP or UDP header, which both begin with the ports.
    const fn port_offset(self) -> usize {
        match self {
            Self::Source => 0,
            Self::Destination => 2,
        }
    }

    fn address<T: Borrow<[u8; ipv4::LEN]>>(self, ip: &Ipv4<T>) -> u32 {
        match self {
            Self::Source => ip.src(),
            Self::Destination => ip.dst(),
        }
    }
}

/// Puts `address` and `port` in the place of one endpoint of `packet` (from its IPv4 header on),
/// whose transport header begins at `l4_offset`. For ICMP the port is the identifier; other
/// protocols have none. `None`, with the packet as it was, when the headers do not lie in it.
#[inline]
pub fn translate(
    packet: &mut [u8],
    l4_offset: usize,
    end: End,
    address: u32,
    port: u16,
) -> Option<()> {
    let (head, segment) = packet.split_at_mut_checked(l4_offset)?;
    let mut ip = Ipv4::parse_mut(head)?;
    let protocol = ip.protocol();
    let delta = Delta::NONE.u32(end.address(&ip), address);
    translate_port(segment, protocol, end, port, delta)?;
    put_address(&mut ip, end, address);
    ip.update_checksum(delta);
    Some(())
}

/// Like [`translate`] for an ICMP error: the error's own `end` becomes `address`, and so does the
/// opposite end of the packet that it quotes, with `port` (RFC 5508 section 4).
pub fn translate_error(
    packet: &mut [u8],
    l4_offset: usize,
    end: End,
    address: u32,
    port: u16,
) -> Option<()> {
    let (head, message) = packet.split_at_mut_checked(l4_offset)?;
    let mut outer = Ipv4::parse_mut(head)?;
    let (mut header, quoted) = Icmp::parse_mut(message)?;
    let change = translate_quoted(quoted, end.other(), address, port)?;
    header.update_checksum(change);
    let old = end.address(&outer);
    put_address(&mut outer, end, address);
    outer.update_checksum(Delta::NONE.u32(old, address));
    Some(())
}

/// Writes one address; the checksum is the caller's.
#[inline]
fn put_address(ip: &mut Ipv4<&mut [u8; ipv4::LEN]>, end: End, address: u32) {
    match end {
        End::Source => ip.set_src(address),
        End::Destination => ip.set_dst(address),
    }
}

/// Writes the port of a whole segment and brings its checksum up to date; `addresses` is what
/// changed in the pseudo header.
#[inline]
fn translate_port(
    segment: &mut [u8],
    protocol: u8,
    end: End,
    port: u16,
    addresses: Delta,
) -> Option<()> {
    match protocol {
        protocol::TCP => {
            let (mut header, _) = Tcp::parse_mut(segment)?;
            let old = replace_port(header.0, end, port);
            header.update_checksum(addresses.u16(old, port));
        }
        protocol::UDP => {
            let (mut header, _) = Udp::parse_mut(segment)?;
            let old = replace_port(header.0, end, port);
            header.update_checksum(addresses.u16(old, port));
        }
        protocol::ICMP => {
            let (mut header, _) = Icmp::parse_mut(segment)?;
            if icmp::has_identifier(header.kind()) {
                let old = header.identifier();
                header.set_identifier(port);
                header.update_checksum(Delta::NONE.u16(old, port));
            }
        }
        _ => {}
    }
    Some(())
}

/// Writes one port of a TCP or UDP header and answers the one that was there.
#[inline]
fn replace_port<const LEN: usize>(header: &mut [u8; LEN], end: End, port: u16) -> u16 {
    let at = end.port_offset();
    let old = u16::from_be_bytes([header[at], header[at + 1]]);
    header[at..at + 2].copy_from_slice(&port.to_be_bytes());
    old
}

/// Writes one endpoint of a quoted packet, of whose segment eight bytes are certain, and answers
/// what changed under the checksum of the error. The quoted transport checksum is brought up to
/// date where it is quoted (UDP) and left alone where it lies further behind (TCP).
fn translate_quoted(quoted: &mut [u8], end: End, address: u32, port: u16) -> Option<Delta> {
    let header_len = Ipv4::parse(quoted)?.header_len();
    let (head, segment) = quoted.split_at_mut_checked(header_len)?;
    let segment: &mut [u8; 8] = segment.first_chunk_mut()?;
    let mut ip = Ipv4::parse_mut(head)?;
    let addresses = Delta::NONE.u32(end.address(&ip), address);
    let (port_at, checksum_at) = match ip.protocol() {
        protocol::TCP => (Some(end.port_offset()), None),
        protocol::UDP => (Some(end.port_offset()), Some(6)),
        protocol::ICMP if icmp::has_identifier(segment[0]) => (Some(4), Some(2)),
        _ => (None, None),
    };
    let mut change = addresses;
    let mut ports = Delta::NONE;
    if let Some(at) = port_at {
        let old_port = u16::from_be_bytes([segment[at], segment[at + 1]]);
        segment[at..at + 2].copy_from_slice(&port.to_be_bytes());
        ports = Delta::NONE.u16(old_port, port);
        change = change.and(ports);
    }
    if let Some(at) = checksum_at {
        let before = u16::from_be_bytes([segment[at], segment[at + 1]]);
        let after = if ip.protocol() == protocol::UDP {
            addresses.and(ports).apply_udp(before)
        } else {
            ports.apply(before)
        };
        segment[at..at + 2].copy_from_slice(&after.to_be_bytes());
        change = change.u16(before, after);
    }
    let before = ip.checksum();
    put_address(&mut ip, end, address);
    ip.update_checksum(addresses);
    Some(change.u16(before, ip.checksum()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{checksum, datagram};
    use super::*;

    const REAL: u32 = 0x0a00_0001;
    const MAPPED: u32 = 0xd1a5_c902;
    const PEER: u32 = 0x0808_0808;

    fn packet(protocol: u8, src: u32, dst: u32, sport: u16, dport: u16, payload: &[u8]) -> Vec<u8> {
        let mut segment = match protocol {
            protocol::TCP => vec![0; 20],
            _ => vec![0; 8],
        };
        if protocol == protocol::ICMP {
            segment[0] = icmp::kind::ECHO_REQUEST;
            segment[4..6].copy_from_slice(&sport.to_be_bytes());
        } else {
            segment[..2].copy_from_slice(&sport.to_be_bytes());
            segment[2..4].copy_from_slice(&dport.to_be_bytes());
        }
        if protocol == protocol::TCP {
            segment[12..14].copy_from_slice(&[0x50, 0x10]);
        }
        segment.extend_from_slice(payload);
        let len = segment.len() as u16;
        match protocol {
            protocol::TCP => {
                let sum = checksum::of_segment(src, dst, protocol, &segment);
                segment[16..18].copy_from_slice(&sum.to_be_bytes());
            }
            protocol::UDP => {
                segment[4..6].copy_from_slice(&len.to_be_bytes());
                let sum = checksum::of_segment(src, dst, protocol, &segment);
                segment[6..8].copy_from_slice(&checksum::udp_on_wire(sum).to_be_bytes());
            }
            _ => {
                let sum = checksum::checksum(&segment);
                segment[2..4].copy_from_slice(&sum.to_be_bytes());
            }
        }
        let mut bytes = Ipv4::emit(src, dst, protocol, segment.len()).0.to_vec();
        bytes.append(&mut segment);
        bytes
    }

    fn error(src: u32, dst: u32, quoted: &[u8]) -> Vec<u8> {
        let mut message = vec![3, 4, 0, 0, 0, 0, 5, 0];
        message.extend_from_slice(quoted);
        let sum = checksum::checksum(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        let mut bytes = Ipv4::emit(src, dst, protocol::ICMP, message.len())
            .0
            .to_vec();
        bytes.append(&mut message);
        bytes
    }

    const PROTOCOLS: [u8; 3] = [protocol::TCP, protocol::UDP, protocol::ICMP];

    proptest! {
        #[test]
        fn a_translated_packet_is_the_packet_made_anew(
            which in 0usize..3, sport: u16, mapped: u16, dport: u16,
            payload in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let proto = PROTOCOLS[which];
            let mut bytes = packet(proto, REAL, PEER, sport, dport, &payload);
            prop_assert_eq!(translate(&mut bytes, 20, End::Source, MAPPED, mapped), Some(()));
            prop_assert_eq!(&bytes, &packet(proto, MAPPED, PEER, mapped, dport, &payload));
            prop_assert_eq!(translate(&mut bytes, 20, End::Source, REAL, sport), Some(()));
            prop_assert_eq!(&bytes, &packet(proto, REAL, PEER, sport, dport, &payload));
        }

        #[test]
        fn a_translated_error_is_the_error_made_anew(
            which in 0usize..3, sport: u16, mapped: u16, dport: u16, whole: bool,
        ) {
            let proto = PROTOCOLS[which];
            let keep = if whole || proto != protocol::TCP { usize::MAX } else { 28 };
            let quote = |src, port| {
                let mut bytes = packet(proto, src, PEER, port, dport, &[1, 2, 3]);
                bytes.truncate(keep);
                bytes
            };
            let mut bytes = error(PEER, MAPPED, &quote(MAPPED, mapped));
            translate_error(&mut bytes, 20, End::Destination, REAL, sport).unwrap();
            prop_assert!(checksum::is_valid(&bytes[..20]));
            prop_assert!(checksum::is_valid(&bytes[20..]));
            let parsed = datagram::parse(&bytes, bytes.len()).unwrap();
            let original = quote(REAL, sport);
            let expected = datagram::parse(&error(PEER, REAL, &original), bytes.len()).unwrap();
            prop_assert_eq!(parsed, expected);
            if proto != protocol::TCP {
                prop_assert_eq!(&bytes[28..], &original[..]);
            }
            prop_assert!(checksum::is_valid(&bytes[28..48]));
        }

        #[test]
        fn arbitrary_bytes_never_panic(
            mut bytes in prop::collection::vec(any::<u8>(), 0..90), at in 0usize..100,
        ) {
            let before = bytes.clone();
            if translate(&mut bytes, at, End::Destination, 1, 2).is_none() {
                prop_assert_eq!(&bytes, &before);
            }
            let before = bytes.clone();
            if translate_error(&mut bytes, at, End::Source, 1, 2).is_none() {
                prop_assert_eq!(&bytes, &before);
            }
        }
    }

    #[test]
    fn a_udp_packet_without_checksum_stays_without() {
        let mut bytes = packet(protocol::UDP, REAL, PEER, 1, 2, b"x");
        bytes[ipv4::LEN + 6..ipv4::LEN + 8].fill(0);
        translate(&mut bytes, 20, End::Source, MAPPED, 9).unwrap();
        assert_eq!(bytes[ipv4::LEN + 6..ipv4::LEN + 8], [0, 0]);
    }
}
