//! UDP (RFC 768).

use std::borrow::{Borrow, BorrowMut};

use super::checksum::{self, Delta};
use super::field::{put_u16, u16_at};
use crate::packet::protocol;

/// Bytes of the header.
pub const LEN: usize = 8;

/// Ports at which the box itself listens.
pub mod port {
    /// IKE (RFC 2408 section 2.5.1).
    pub const IKE: u16 = 500;
    /// IKE and ESP behind a NAT (RFC 3947 section 4, RFC 3948).
    pub const NAT_TRAVERSAL: u16 = 4500;
}

const SRC_PORT: usize = 0;
const DST_PORT: usize = 2;
const LENGTH: usize = 4;
const CHECKSUM: usize = 6;

/// A UDP header.
#[derive(Clone, Copy, Debug)]
pub struct Udp<T>(pub T);

impl<'a> Udp<&'a [u8; LEN]> {
    /// The header and what follows it, `None` when the segment is shorter.
    #[inline]
    pub fn parse(segment: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, payload) = segment.split_first_chunk()?;
        Some((Self(header), payload))
    }
}

impl<'a> Udp<&'a mut [u8; LEN]> {
    /// Like [`Udp::parse`], to be written.
    #[inline]
    pub fn parse_mut(segment: &'a mut [u8]) -> Option<(Self, &'a mut [u8])> {
        let (header, payload) = segment.split_first_chunk_mut()?;
        Some((Self(header), payload))
    }
}

impl Udp<[u8; LEN]> {
    /// A header from its parts, without checksum (RFC 768 allows none; RFC 3948 section 2.1 asks
    /// for none).
    pub fn emit(src_port: u16, dst_port: u16, payload_len: usize) -> Self {
        let mut header = Self([0; LEN]);
        header.set_src_port(src_port);
        header.set_dst_port(dst_port);
        header.set_length((LEN + payload_len) as u16);
        header
    }
}

impl<T: Borrow<[u8; LEN]>> Udp<T> {
    /// Source port.
    #[inline]
    pub fn src_port(&self) -> u16 {
        u16_at::<SRC_PORT, LEN>(self.0.borrow())
    }

    /// Destination port.
    #[inline]
    pub fn dst_port(&self) -> u16 {
        u16_at::<DST_PORT, LEN>(self.0.borrow())
    }

    /// Bytes of header and payload.
    #[inline]
    pub fn length(&self) -> u16 {
        u16_at::<LENGTH, LEN>(self.0.borrow())
    }

    /// Checksum, zero for none.
    #[inline]
    pub fn checksum(&self) -> u16 {
        u16_at::<CHECKSUM, LEN>(self.0.borrow())
    }
}

impl<T: BorrowMut<[u8; LEN]>> Udp<T> {
    /// Sets the source port; the checksum is the caller's.
    #[inline]
    pub fn set_src_port(&mut self, port: u16) {
        put_u16::<SRC_PORT, LEN>(self.0.borrow_mut(), port);
    }

    /// Sets the destination port; the checksum is the caller's.
    #[inline]
    pub fn set_dst_port(&mut self, port: u16) {
        put_u16::<DST_PORT, LEN>(self.0.borrow_mut(), port);
    }

    /// Sets the length; the checksum is the caller's.
    #[inline]
    pub fn set_length(&mut self, length: u16) {
        put_u16::<LENGTH, LEN>(self.0.borrow_mut(), length);
    }

    /// Sets the checksum field.
    #[inline]
    pub fn set_checksum(&mut self, checksum: u16) {
        put_u16::<CHECKSUM, LEN>(self.0.borrow_mut(), checksum);
    }

    /// Brings the checksum up to date after `delta`; none stays none.
    #[inline]
    pub fn update_checksum(&mut self, delta: Delta) {
        let checksum = delta.apply_udp(self.checksum());
        self.set_checksum(checksum);
    }
}

/// Whether the checksum of a UDP segment fits; none is always right.
pub fn checksum_is_valid(src: u32, dst: u32, segment: &[u8]) -> bool {
    match Udp::parse(segment) {
        Some((header, _)) if header.checksum() == 0 => true,
        Some(_) => checksum::segment_is_valid(src, dst, protocol::UDP, segment),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn checksum_of_a_dns_query() {
        // 10.0.0.1:1024 asks 10.0.0.2:53 with the two bytes 68 69; computed by hand.
        let mut segment = vec![0x04, 0x00, 0x00, 0x35, 0x00, 0x0a, 0, 0, 0x68, 0x69];
        let (src, dst) = (0x0a00_0001, 0x0a00_0002);
        let sum = 0x0a00 + 1 + 0x0a00 + 2 + 17 + 10 + 0x0400 + 0x35 + 0x0a + 0x6869;
        assert_eq!(
            checksum::of_segment(src, dst, protocol::UDP, &segment),
            !(sum as u16)
        );
        assert!(checksum_is_valid(src, dst, &segment));
        segment[6..8].copy_from_slice(&(!(sum as u16)).to_be_bytes());
        assert!(checksum_is_valid(src, dst, &segment));
        segment[9] ^= 0x10;
        assert!(!checksum_is_valid(src, dst, &segment));
        assert!(!checksum_is_valid(src, dst, &segment[..7]));
    }

    proptest! {
        #[test]
        fn emitted_headers_parse(
            src: u16, dst: u16, rest in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut segment = Udp::emit(src, dst, rest.len()).0.to_vec();
            segment.extend_from_slice(&rest);
            let (header, payload) = Udp::parse(&segment).unwrap();
            prop_assert_eq!((header.src_port(), header.dst_port()), (src, dst));
            prop_assert_eq!(usize::from(header.length()), segment.len());
            prop_assert_eq!(header.checksum(), 0);
            prop_assert_eq!(payload, &rest[..]);
        }
    }
}
