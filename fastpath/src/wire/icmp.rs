//! ICMP (RFC 792), as a router makes it (RFC 1812 section 4.3).

use std::borrow::{Borrow, BorrowMut};

use super::checksum::{self, Delta};
use super::field::{put_u16, u16_at};
use super::ipv4::{self, Ipv4};
use crate::packet::protocol;

/// Bytes of the header: type, code, checksum and four bytes that depend on the type.
pub const LEN: usize = 8;
/// Bytes of an error at most, its IPv4 header included (RFC 1812 section 4.3.2.3).
pub const ERROR_LEN_MAX: usize = 576;
/// Bytes of the offending packet that an error quotes at most.
pub const QUOTED_LEN_MAX: usize = ERROR_LEN_MAX - ipv4::LEN - LEN;

const TYPE: usize = 0;
const CODE: usize = 1;
const CHECKSUM: usize = 2;
const IDENTIFIER: usize = 4;
const SEQUENCE: usize = 6;
const NEXT_HOP_MTU: usize = 6;

/// Message types.
pub mod kind {
    /// Answer to an echo request.
    pub const ECHO_REPLY: u8 = 0;
    /// The packet could not be delivered ([`super::code`] says why).
    pub const UNREACHABLE: u8 = 3;
    /// Deprecated (RFC 6633).
    pub const SOURCE_QUENCH: u8 = 4;
    /// Another router is nearer.
    pub const REDIRECT: u8 = 5;
    /// Asks for an echo reply.
    pub const ECHO_REQUEST: u8 = 8;
    /// The TTL or the time for reassembly was used up.
    pub const TIME_EXCEEDED: u8 = 11;
    /// A header field is wrong.
    pub const PARAMETER_PROBLEM: u8 = 12;
    /// Asks for the time.
    pub const TIMESTAMP_REQUEST: u8 = 13;
    /// Tells the time.
    pub const TIMESTAMP_REPLY: u8 = 14;
    /// Deprecated (RFC 6918).
    pub const INFORMATION_REQUEST: u8 = 15;
    /// Deprecated (RFC 6918).
    pub const INFORMATION_REPLY: u8 = 16;
    /// Asks for the net mask; deprecated (RFC 6918).
    pub const MASK_REQUEST: u8 = 17;
    /// Tells the net mask; deprecated (RFC 6918).
    pub const MASK_REPLY: u8 = 18;
}

/// Codes of [`kind::UNREACHABLE`].
pub mod code {
    /// No route to the net.
    pub const NET: u8 = 0;
    /// The host does not answer.
    pub const HOST: u8 = 1;
    /// The host does not speak the protocol.
    pub const PROTOCOL: u8 = 2;
    /// Nobody listens at the port.
    pub const PORT: u8 = 3;
    /// Too big, and not to be fragmented.
    pub const FRAGMENTATION_NEEDED: u8 = 4;
    /// Forbidden by policy.
    pub const ADMINISTRATIVELY_PROHIBITED: u8 = 13;
}

/// Whether a message of this type reports on a packet, which it quotes.
#[inline]
pub const fn is_error(kind: u8) -> bool {
    matches!(
        kind,
        kind::UNREACHABLE
            | kind::SOURCE_QUENCH
            | kind::REDIRECT
            | kind::TIME_EXCEEDED
            | kind::PARAMETER_PROBLEM
    )
}

/// Whether a message of this type asks for an answer and may open a flow.
#[inline]
pub const fn is_request(kind: u8) -> bool {
    matches!(
        kind,
        kind::ECHO_REQUEST
            | kind::TIMESTAMP_REQUEST
            | kind::INFORMATION_REQUEST
            | kind::MASK_REQUEST
    )
}

/// Whether a message of this type carries an identifier: a request or the reply to one.
#[inline]
pub const fn has_identifier(kind: u8) -> bool {
    is_request(kind)
        || matches!(
            kind,
            kind::ECHO_REPLY | kind::TIMESTAMP_REPLY | kind::INFORMATION_REPLY | kind::MASK_REPLY
        )
}

/// An ICMP header.
#[derive(Clone, Copy, Debug)]
pub struct Icmp<T>(pub T);

impl<'a> Icmp<&'a [u8; LEN]> {
    /// The header and what follows it, `None` when the message is shorter.
    #[inline]
    pub fn parse(message: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, rest) = message.split_first_chunk()?;
        Some((Self(header), rest))
    }
}

impl<'a> Icmp<&'a mut [u8; LEN]> {
    /// Like [`Icmp::parse`], to be written.
    #[inline]
    pub fn parse_mut(message: &'a mut [u8]) -> Option<(Self, &'a mut [u8])> {
        let (header, rest) = message.split_first_chunk_mut()?;
        Some((Self(header), rest))
    }
}

impl<T: Borrow<[u8; LEN]>> Icmp<T> {
    /// Type ([`kind`]).
    #[inline]
    pub fn kind(&self) -> u8 {
        self.0.borrow()[TYPE]
    }

    /// Code.
    #[inline]
    pub fn code(&self) -> u8 {
        self.0.borrow()[CODE]
    }

    /// Checksum.
    #[inline]
    pub fn checksum(&self) -> u16 {
        u16_at::<CHECKSUM, LEN>(self.0.borrow())
    }

    /// Identifier of a request or reply.
    #[inline]
    pub fn identifier(&self) -> u16 {
        u16_at::<IDENTIFIER, LEN>(self.0.borrow())
    }

    /// Sequence number of a request or reply.
    #[inline]
    pub fn sequence(&self) -> u16 {
        u16_at::<SEQUENCE, LEN>(self.0.borrow())
    }

    /// MTU of a fragmentation-needed error, zero from routers before RFC 1191.
    #[inline]
    pub fn next_hop_mtu(&self) -> u16 {
        u16_at::<NEXT_HOP_MTU, LEN>(self.0.borrow())
    }
}

impl<T: BorrowMut<[u8; LEN]>> Icmp<T> {
    /// Sets the identifier; the checksum is the caller's.
    #[inline]
    pub fn set_identifier(&mut self, identifier: u16) {
        put_u16::<IDENTIFIER, LEN>(self.0.borrow_mut(), identifier);
    }

    /// Sets the checksum field.
    #[inline]
    pub fn set_checksum(&mut self, checksum: u16) {
        put_u16::<CHECKSUM, LEN>(self.0.borrow_mut(), checksum);
    }

    /// Brings the checksum up to date after `delta`.
    #[inline]
    pub fn update_checksum(&mut self, delta: Delta) {
        let checksum = delta.apply(self.checksum());
        self.set_checksum(checksum);
    }
}

/// Turns an echo request into its reply in place: the payload stays where it is. `false`, and
/// nothing done, for anything but a whole echo request without IPv4 options and with a right
/// checksum.
pub fn reply_to_echo(packet: &mut [u8]) -> bool {
    let Some(request) = Ipv4::parse(packet) else {
        return false;
    };
    let (src, dst) = (request.src(), request.dst());
    let is_whole = request.protocol() == protocol::ICMP && !request.is_fragment();
    let Ok(lengths) = request.lengths(packet.len()) else {
        return false;
    };
    if !is_whole || usize::from(lengths.header) != ipv4::LEN || ipv4::is_unforwardable(src) {
        return false;
    }
    let Some(message) = packet.get_mut(ipv4::LEN..usize::from(lengths.total)) else {
        return false;
    };
    let is_valid = checksum::is_valid(message);
    let Some((mut header, _)) = Icmp::parse_mut(message) else {
        return false;
    };
    if !is_valid || (header.kind(), header.code()) != (kind::ECHO_REQUEST, 0) {
        return false;
    }
    header.0[TYPE] = kind::ECHO_REPLY;
    let word = |kind: u8| u16::from(kind) << 8;
    header.update_checksum(Delta::NONE.u16(word(kind::ECHO_REQUEST), word(kind::ECHO_REPLY)));
    let Some(mut ip) = Ipv4::parse_mut(packet) else {
        return false;
    };
    ip.set_src(dst);
    ip.set_dst(src);
    ip.set_ttl(ipv4::TTL_DEFAULT);
    ip.fill_checksum();
    true
}

/// What an error tells the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// No route.
    NetUnreachable,
    /// The next hop does not answer.
    HostUnreachable,
    /// Nobody takes the protocol.
    ProtocolUnreachable,
    /// Nobody listens at the port.
    PortUnreachable,
    /// Too big and not to be fragmented (RFC 1191 section 4).
    FragmentationNeeded {
        /// Bytes that fit.
        mtu: u16,
    },
    /// Forbidden by policy (RFC 1812 section 5.2.7.1).
    AdministrativelyProhibited,
    /// The TTL is used up.
    TimeExceeded,
}

impl Error {
    /// Type, code and the second word's lower half.
    const fn fields(self) -> (u8, u8, u16) {
        match self {
            Self::NetUnreachable => (kind::UNREACHABLE, code::NET, 0),
            Self::HostUnreachable => (kind::UNREACHABLE, code::HOST, 0),
            Self::ProtocolUnreachable => (kind::UNREACHABLE, code::PROTOCOL, 0),
            Self::PortUnreachable => (kind::UNREACHABLE, code::PORT, 0),
            Self::FragmentationNeeded { mtu } => {
                (kind::UNREACHABLE, code::FRAGMENTATION_NEEDED, mtu)
            }
            Self::AdministrativelyProhibited => {
                (kind::UNREACHABLE, code::ADMINISTRATIVELY_PROHIBITED, 0)
            }
            Self::TimeExceeded => (kind::TIME_EXCEEDED, 0, 0),
        }
    }
}

/// Writes the error about `offending` (an IPv4 packet, as much of it as is at hand) from our
/// address `src` into `out`, and answers its length.
///
/// `None` when no error may be sent (RFC 1812 section 4.3.2.7: about an error, a later fragment, a
/// packet to or from an address that is no host's) or `out` is shorter than the error. It quotes as
/// much of the offending packet as 576 bytes in all allow.
pub fn error(error: Error, src: u32, offending: &[u8], out: &mut [u8]) -> Option<usize> {
    let bad = Ipv4::parse(offending)?;
    let header_len = bad.header_len();
    let is_hosts = !ipv4::is_unforwardable(bad.src()) && !ipv4::is_unforwardable(bad.dst());
    if bad.version() != 4 || header_len < ipv4::LEN || bad.fragment_offset() != 0 || !is_hosts {
        return None;
    }
    if bad.protocol() == protocol::ICMP && is_error(*offending.get(header_len)?) {
        return None;
    }
    let quoted_len = offending
        .len()
        .min(usize::from(bad.total_len()))
        .min(QUOTED_LEN_MAX);
    let quoted = offending.get(..quoted_len)?;
    let out = out.get_mut(..ipv4::LEN + LEN + quoted_len)?;
    let (ip, message) = out.split_first_chunk_mut::<{ ipv4::LEN }>()?;
    *ip = Ipv4::emit(src, bad.src(), protocol::ICMP, LEN + quoted_len).0;
    let (header, body) = message.split_first_chunk_mut::<LEN>()?;
    let (kind, code, word) = error.fields();
    *header = [0; LEN];
    header[TYPE] = kind;
    header[CODE] = code;
    put_u16::<NEXT_HOP_MTU, LEN>(header, word);
    body.copy_from_slice(quoted);
    let sum = checksum::checksum(message);
    let (mut header, _) = Icmp::parse_mut(message)?;
    header.set_checksum(sum);
    Some(ipv4::LEN + LEN + quoted_len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Ipv4::emit(0x0a00_0001, 0x0a00_0002, protocol, payload.len())
            .0
            .to_vec();
        bytes.extend_from_slice(payload);
        bytes
    }

    fn echo(payload: &[u8]) -> Vec<u8> {
        let mut message = vec![kind::ECHO_REQUEST, 0, 0, 0, 0x12, 0x34, 0, 1];
        message.extend_from_slice(payload);
        let sum = checksum::checksum(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        packet(protocol::ICMP, &message)
    }

    #[test]
    fn fragmentation_needed_tells_the_mtu() {
        let big = packet(protocol::UDP, &[7; 1480]);
        let mut out = [0; ERROR_LEN_MAX];
        let what = Error::FragmentationNeeded { mtu: 1400 };
        assert_eq!(error(what, 0x0a00_00fe, &big, &mut out), Some(576));
        let ip = Ipv4::parse(&out).unwrap();
        assert_eq!((ip.src(), ip.dst()), (0x0a00_00fe, 0x0a00_0001));
        assert!(checksum::is_valid(ip.as_bytes()) && checksum::is_valid(&out[20..]));
        let (header, quoted) = Icmp::parse(&out[20..]).unwrap();
        assert_eq!(
            (header.kind(), header.code(), header.next_hop_mtu()),
            (3, 4, 1400)
        );
        assert_eq!(quoted, &big[..548]);
    }

    #[test]
    fn errors_about_what_gets_none() {
        let mut out = [0; ERROR_LEN_MAX];
        let mut send = |bytes: &[u8]| error(Error::TimeExceeded, 1 << 24, bytes, &mut out);
        assert!(send(&packet(protocol::ICMP, &[kind::ECHO_REQUEST; 8])).is_some());
        for kind in [3, 4, 5, 11, 12] {
            assert!(send(&packet(protocol::ICMP, &[kind; 8])).is_none());
        }
        let mut fragment = packet(protocol::UDP, &[0; 8]);
        fragment[7] = 1;
        assert!(send(&fragment).is_none());
        let mut broadcast = packet(protocol::UDP, &[0; 8]);
        broadcast[16..20].fill(0xff);
        assert!(send(&broadcast).is_none());
        assert!(send(&packet(protocol::UDP, &[])[..19]).is_none());
    }

    #[test]
    fn an_error_that_does_not_fit_is_not_sent() {
        let bad = packet(protocol::UDP, &[0; 8]);
        assert!(error(Error::PortUnreachable, 1 << 24, &bad, &mut [0; 55]).is_none());
        assert_eq!(
            error(Error::PortUnreachable, 1 << 24, &bad, &mut [0; 56]),
            Some(56)
        );
    }

    proptest! {
        #[test]
        fn echo_requests_are_answered(payload in prop::collection::vec(any::<u8>(), 0..100)) {
            let request = echo(&payload);
            let mut reply = request.clone();
            prop_assert!(reply_to_echo(&mut reply));
            let ip = Ipv4::parse(&reply).unwrap();
            prop_assert_eq!((ip.src(), ip.dst()), (0x0a00_0002, 0x0a00_0001));
            prop_assert!(checksum::is_valid(ip.as_bytes()));
            prop_assert!(checksum::is_valid(&reply[20..]));
            let (header, rest) = Icmp::parse(&reply[20..]).unwrap();
            prop_assert_eq!((header.kind(), header.identifier()), (kind::ECHO_REPLY, 0x1234));
            prop_assert_eq!(rest, &payload[..]);
            prop_assert!(!reply_to_echo(&mut reply));
        }

        #[test]
        fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut out = [0; ERROR_LEN_MAX];
            if let Some(len) = error(Error::NetUnreachable, 1, &bytes, &mut out) {
                prop_assert!(checksum::is_valid(&out[20..len]));
            }
            let before = bytes.clone();
            if !reply_to_echo(&mut bytes) {
                prop_assert_eq!(before, bytes);
            }
        }
    }
}
