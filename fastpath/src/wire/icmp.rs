//! ICMP (RFC 792).

use super::{be16, checksum, ipv4, put16};
use crate::packet::protocol;

/// Bytes of the header.
pub const HEADER_LEN: usize = 8;
/// Echo reply.
pub const ECHO_REPLY: u8 = 0;
/// Destination unreachable.
pub const UNREACHABLE: u8 = 3;
/// Source quench; never forwarded (RFC 6633).
pub const SOURCE_QUENCH: u8 = 4;
/// Redirect.
pub const REDIRECT: u8 = 5;
/// Echo request.
pub const ECHO: u8 = 8;
/// Time exceeded.
pub const TIME_EXCEEDED: u8 = 11;
/// Parameter problem.
pub const PARAMETER_PROBLEM: u8 = 12;
/// Code of "fragmentation needed".
pub const FRAGMENTATION_NEEDED: u8 = 4;

/// Offset of the checksum.
pub const CHECKSUM: usize = 2;
/// Offset of the identifier of queries.
pub const IDENTIFIER: usize = 4;
/// Offset of the next-hop MTU of "fragmentation needed" (RFC 1191 section 4).
pub const MTU: usize = 6;

/// Bytes of an error at the most (RFC 1812 section 4.3.2.3).
pub const ERROR_LEN_MAX: usize = 576;

/// An error that the box sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// No route.
    NetUnreachable,
    /// The next hop does not answer.
    HostUnreachable,
    /// Too big for the path, which takes so many bytes.
    TooBig(u16),
    /// The packet has made its last hop.
    TimeExceeded,
}

impl Error {
    const fn parts(self) -> (u8, u8, u16) {
        match self {
            Self::NetUnreachable => (UNREACHABLE, 0, 0),
            Self::HostUnreachable => (UNREACHABLE, 1, 0),
            Self::TooBig(mtu) => (UNREACHABLE, FRAGMENTATION_NEEDED, mtu),
            Self::TimeExceeded => (TIME_EXCEEDED, 0, 0),
        }
    }
}

/// Type and code.
#[inline]
pub fn kind(message: &[u8]) -> Option<[u8; 2]> {
    (message.len() >= HEADER_LEN).then_some(*message.first_chunk()?)
}

/// Whether a message of this type quotes a packet.
#[inline]
pub const fn is_error(icmp_type: u8) -> bool {
    matches!(
        icmp_type,
        UNREACHABLE | SOURCE_QUENCH | REDIRECT | TIME_EXCEEDED | PARAMETER_PROBLEM
    )
}

/// Whether a message of this type answers another.
#[inline]
pub const fn is_reply(icmp_type: u8) -> bool {
    matches!(icmp_type, ECHO_REPLY | 10 | 14 | 16 | 18)
}

/// Whether a message of this type carries an identifier.
#[inline]
pub const fn has_identifier(icmp_type: u8) -> bool {
    matches!(icmp_type, ECHO_REPLY | ECHO | 13..=18)
}

/// The identifier of a query or its answer.
#[inline]
pub fn identifier(message: &[u8]) -> Option<u16> {
    be16(message, IDENTIFIER)
}

/// Writes an IPv4 packet with an error about `offending` (which starts with its IPv4 header) into
/// `out` and returns its length. `None` where none may be sent: about an ICMP error, a fragment
/// other than the first, or a packet from no single host (RFC 1122 section 3.2.2).
pub fn emit_error(out: &mut [u8], source: u32, offending: &[u8], error: Error) -> Option<usize> {
    let header = ipv4::Header::read(offending)?;
    if !ipv4::is_host(header.src) || header.fragment_offset() != 0 {
        return None;
    }
    if header.protocol == protocol::ICMP && is_error(*offending.get(header.header_len)?) {
        return None;
    }
    let quoted = offending.len().min(ERROR_LEN_MAX - ipv4::HEADER_LEN - HEADER_LEN);
    let len = ipv4::HEADER_LEN + HEADER_LEN + quoted;
    let packet = out.get_mut(..len)?;
    ipv4::emit(
        packet,
        &ipv4::Emit {
            total_len: len as u16,
            id: 0,
            fragment: 0,
            ttl: 64,
            protocol: protocol::ICMP,
            // Internetwork control, as errors are (RFC 1812 section 4.3.2.5).
            tos: 0xc0,
            src: source,
            dst: header.src,
        },
    );
    let message = packet.get_mut(ipv4::HEADER_LEN..)?;
    let (icmp_type, code, mtu) = error.parts();
    message.get_mut(..HEADER_LEN)?.copy_from_slice(&[icmp_type, code, 0, 0, 0, 0, 0, 0]);
    put16(message, MTU, mtu);
    message.get_mut(HEADER_LEN..)?.copy_from_slice(offending.get(..quoted)?);
    let sum = checksum::internet(message);
    put16(message, CHECKSUM, sum);
    Some(len)
}

/// Turns an echo request (an IPv4 packet) into its reply in place. `false` when it is none.
pub fn answer_echo(packet: &mut [u8]) -> bool {
    let Some(header) = ipv4::Header::read(packet) else { return false };
    let Some(message) = packet.get_mut(header.header_len..header.total_len) else { return false };
    if header.protocol != protocol::ICMP || kind(message) != Some([ECHO, 0]) {
        return false;
    }
    put16(message, 0, 0);
    put16(message, CHECKSUM, 0);
    let sum = checksum::internet(message);
    put16(message, CHECKSUM, sum);
    let fresh = ipv4::Emit {
        total_len: header.total_len as u16,
        id: 0,
        fragment: 0,
        ttl: 64,
        protocol: protocol::ICMP,
        tos: packet.get(ipv4::TOS).copied().unwrap_or(0),
        src: header.dst,
        dst: header.src,
    };
    if header.header_len != ipv4::HEADER_LEN {
        return false;
    }
    ipv4::emit(packet, &fresh);
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn echo() -> Vec<u8> {
        let mut packet = vec![0; 60];
        let header = ipv4::Emit {
            total_len: 60,
            id: 1,
            fragment: 0,
            ttl: 9,
            protocol: protocol::ICMP,
            tos: 0,
            src: 0x0a00_0001,
            dst: 0x0a00_0002,
        };
        ipv4::emit(&mut packet, &header);
        packet[20] = ECHO;
        let sum = checksum::internet(&packet[20..]);
        put16(&mut packet[20..], CHECKSUM, sum);
        packet
    }

    #[test]
    fn an_echo_is_answered_to_its_sender() {
        let mut packet = echo();
        assert!(answer_echo(&mut packet));
        let header = ipv4::Header::check(&packet).unwrap();
        assert_eq!((header.src, header.dst), (0x0a00_0002, 0x0a00_0001));
        assert_eq!(checksum::internet(&packet[20..]), 0);
        assert!(!answer_echo(&mut packet), "a reply is not answered");
    }

    #[test]
    fn an_error_quotes_what_it_is_about_and_nothing_answers_an_error() {
        let mut out = [0; ERROR_LEN_MAX];
        let len = emit_error(&mut out, 0x0a00_00fe, &echo(), Error::TooBig(1400)).unwrap();
        ipv4::Header::check(&out[..len]).unwrap();
        assert_eq!(checksum::internet(&out[20..len]), 0);
        assert_eq!(be16(&out[20..], MTU), Some(1400));
        assert_eq!(&out[28..len], echo().as_slice());
        let error = out[..len].to_vec();
        assert_eq!(emit_error(&mut out, 1, &error, Error::TimeExceeded), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes: Vec<u8>) {
            let mut out = [0; ERROR_LEN_MAX];
            let _ = emit_error(&mut out, 1, &bytes, Error::TimeExceeded);
            answer_echo(&mut bytes);
        }
    }
}
