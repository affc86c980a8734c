//! IPv4 (RFC 791).

use std::borrow::{Borrow, BorrowMut};

use super::checksum::{self, Delta};
use super::field::{put_u16, put_u32, u16_at, u32_at};
use crate::verdict::DropReason;

/// Bytes of the header without options.
pub const LEN: usize = 20;

/// Version 4, five words of header.
const BARE: u8 = 0x45;

const VERSION_IHL: usize = 0;
const TOS: usize = 1;
const TOTAL_LEN: usize = 2;
const IDENTIFICATION: usize = 4;
const FRAGMENT: usize = 6;
const TTL: usize = 8;
const PROTOCOL: usize = 9;
const CHECKSUM: usize = 10;
const SRC: usize = 12;
const DST: usize = 16;

/// Do not fragment.
pub const DONT_FRAGMENT: u16 = 0x4000;
/// More fragments follow.
pub const MORE_FRAGMENTS: u16 = 0x2000;
/// Offset of a fragment in units of eight bytes.
pub const OFFSET_MASK: u16 = 0x1fff;

/// TTL of packets that the box itself makes (RFC 1700).
pub const TTL_DEFAULT: u8 = 64;

/// An IPv4 header without its options.
#[derive(Clone, Copy, Debug)]
pub struct Ipv4<T>(pub T);

/// Lengths that a header states and that fit its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// Bytes of the header with options, 20 to 60.
    pub header: u16,
    /// Bytes of header and payload; the frame may be padded behind.
    pub total: u16,
}

impl<'a> Ipv4<&'a [u8; LEN]> {
    /// The header at the start of `packet`; only the presence of its 20 bytes is checked.
    #[inline]
    pub fn parse(packet: &'a [u8]) -> Option<Self> {
        packet.first_chunk().map(Self)
    }
}

impl<'a> Ipv4<&'a mut [u8; LEN]> {
    /// Like [`Ipv4::parse`], to be written.
    #[inline]
    pub fn parse_mut(packet: &'a mut [u8]) -> Option<Self> {
        packet.first_chunk_mut().map(Self)
    }
}

impl Ipv4<[u8; LEN]> {
    /// A header without options for a packet of the box itself, checksum included: never
    /// fragmented on its way, so that its identification may be zero (RFC 6864 section 4.1).
    pub fn emit(src: u32, dst: u32, protocol: u8, payload_len: usize) -> Self {
        let mut header = Self([0; LEN]);
        header.0[VERSION_IHL] = BARE;
        header.set_total_len((LEN + payload_len) as u16);
        header.set_fragment_word(DONT_FRAGMENT);
        header.set_ttl(TTL_DEFAULT);
        header.0[PROTOCOL] = protocol;
        header.set_src(src);
        header.set_dst(dst);
        header.fill_checksum();
        header
    }
}

impl<T: Borrow<[u8; LEN]>> Ipv4<T> {
    /// The header's own bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8; LEN] {
        self.0.borrow()
    }

    /// IP version.
    #[inline]
    pub fn version(&self) -> u8 {
        self.as_bytes()[VERSION_IHL] >> 4
    }

    /// Whether it says that it is IPv4 and has no options.
    #[inline]
    pub fn is_bare(&self) -> bool {
        self.as_bytes()[VERSION_IHL] == BARE
    }

    /// Bytes of the header with options, as it states them.
    #[inline]
    pub fn header_len(&self) -> usize {
        usize::from(self.as_bytes()[VERSION_IHL] & 0x0f) * 4
    }

    /// DSCP and ECN.
    #[inline]
    pub fn tos(&self) -> u8 {
        self.as_bytes()[TOS]
    }

    /// Bytes of header and payload, as the header states them.
    #[inline]
    pub fn total_len(&self) -> u16 {
        u16_at::<TOTAL_LEN, LEN>(self.as_bytes())
    }

    /// Identification, common to the fragments of a datagram.
    #[inline]
    pub fn identification(&self) -> u16 {
        u16_at::<IDENTIFICATION, LEN>(self.as_bytes())
    }

    /// The word with [`DONT_FRAGMENT`], [`MORE_FRAGMENTS`] and [`OFFSET_MASK`].
    #[inline]
    pub fn fragment_word(&self) -> u16 {
        u16_at::<FRAGMENT, LEN>(self.as_bytes())
    }

    /// Whether the packet must not be fragmented.
    #[inline]
    pub fn dont_fragment(&self) -> bool {
        self.fragment_word() & DONT_FRAGMENT != 0
    }

    /// Whether the packet is a part of a datagram.
    #[inline]
    pub fn is_fragment(&self) -> bool {
        self.fragment_word() & (MORE_FRAGMENTS | OFFSET_MASK) != 0
    }

    /// Where the payload stands in its datagram, in bytes.
    #[inline]
    pub fn fragment_offset(&self) -> usize {
        usize::from(self.fragment_word() & OFFSET_MASK) * 8
    }

    /// Time to live.
    #[inline]
    pub fn ttl(&self) -> u8 {
        self.as_bytes()[TTL]
    }

    /// IP protocol number.
    #[inline]
    pub fn protocol(&self) -> u8 {
        self.as_bytes()[PROTOCOL]
    }

    /// Header checksum.
    #[inline]
    pub fn checksum(&self) -> u16 {
        u16_at::<CHECKSUM, LEN>(self.as_bytes())
    }

    /// Source.
    #[inline]
    pub fn src(&self) -> u32 {
        u32_at::<SRC, LEN>(self.as_bytes())
    }

    /// Destination.
    #[inline]
    pub fn dst(&self) -> u32 {
        u32_at::<DST, LEN>(self.as_bytes())
    }

    /// The stated lengths, checked against the `packet_len` bytes that are there from the start of
    /// the header on.
    #[inline]
    pub fn lengths(&self, packet_len: usize) -> Result<Lengths, DropReason> {
        let header = self.header_len();
        let total = self.total_len();
        if self.version() != 4 || header < LEN || usize::from(total) < header {
            return Err(DropReason::BadIpHeader);
        }
        if usize::from(total) > packet_len {
            return Err(DropReason::TruncatedFrame);
        }
        Ok(Lengths {
            header: header as u16,
            total,
        })
    }
}

impl<T: BorrowMut<[u8; LEN]>> Ipv4<T> {
    /// Sets DSCP and ECN; the checksum is the caller's.
    #[inline]
    pub fn set_tos(&mut self, tos: u8) {
        self.0.borrow_mut()[TOS] = tos;
    }

    /// Sets the total length; the checksum is the caller's.
    #[inline]
    pub fn set_total_len(&mut self, len: u16) {
        put_u16::<TOTAL_LEN, LEN>(self.0.borrow_mut(), len);
    }

    /// Sets the identification; the checksum is the caller's.
    #[inline]
    pub fn set_identification(&mut self, identification: u16) {
        put_u16::<IDENTIFICATION, LEN>(self.0.borrow_mut(), identification);
    }

    /// Sets flags and offset; the checksum is the caller's.
    #[inline]
    pub fn set_fragment_word(&mut self, word: u16) {
        put_u16::<FRAGMENT, LEN>(self.0.borrow_mut(), word);
    }

    /// Sets the time to live; the checksum is the caller's.
    #[inline]
    pub fn set_ttl(&mut self, ttl: u8) {
        self.0.borrow_mut()[TTL] = ttl;
    }

    /// Sets the checksum field.
    #[inline]
    pub fn set_checksum(&mut self, checksum: u16) {
        put_u16::<CHECKSUM, LEN>(self.0.borrow_mut(), checksum);
    }

    /// Sets the source; the checksum is the caller's.
    #[inline]
    pub fn set_src(&mut self, address: u32) {
        put_u32::<SRC, LEN>(self.0.borrow_mut(), address);
    }

    /// Sets the destination; the checksum is the caller's.
    #[inline]
    pub fn set_dst(&mut self, address: u32) {
        put_u32::<DST, LEN>(self.0.borrow_mut(), address);
    }

    /// Computes the checksum of a header without options.
    #[inline]
    pub fn fill_checksum(&mut self) {
        self.set_checksum(0);
        let checksum = checksum::checksum(self.0.borrow());
        self.set_checksum(checksum);
    }

    /// Brings the checksum up to date after `delta`.
    #[inline]
    pub fn update_checksum(&mut self, delta: Delta) {
        let checksum = delta.apply(self.checksum());
        self.set_checksum(checksum);
    }

    /// Takes one hop off and keeps the checksum right; `false`, and nothing done, when no further
    /// hop is allowed (RFC 1812 section 5.3.1).
    #[inline]
    pub fn decrement_ttl(&mut self) -> bool {
        let ttl = self.ttl();
        if ttl <= 1 {
            return false;
        }
        self.set_ttl(ttl - 1);
        // The protocol beside it stays: the word has lost one in its upper half.
        self.update_checksum(const { Delta::NONE.u16(0x0100, 0) });
        true
    }
}

/// Whether no host can send from `address`, or nobody forwards to it: "this network", loopback,
/// multicast, class E and the limited broadcast (RFC 1812 sections 5.3.7 and 4.2.2.11).
#[inline]
pub const fn is_unforwardable(address: u32) -> bool {
    let first = address >> 24;
    first == 0 || first == 127 || first >= 224
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_header_checksum() {
        // The classic worked example: 172.16.10.99 to 172.16.10.12, checksum b1e6.
        let bytes = [
            0x45, 0x00, 0x00, 0x3c, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x06, 0xb1, 0xe6, 0xac, 0x10,
            0x0a, 0x63, 0xac, 0x10, 0x0a, 0x0c,
        ];
        assert!(checksum::is_valid(&bytes));
        let mut header = Ipv4(bytes);
        header.fill_checksum();
        assert_eq!(header.checksum(), 0xb1e6);
        assert_eq!(
            header.lengths(60),
            Ok(Lengths {
                header: 20,
                total: 60
            })
        );
        assert_eq!(header.lengths(59), Err(DropReason::TruncatedFrame));
    }

    #[test]
    fn wrong_lengths_are_refused() {
        let mut header = Ipv4::emit(1, 2, 6, 0);
        header.0[0] = 0x44;
        assert_eq!(header.lengths(100), Err(DropReason::BadIpHeader));
        header.0[0] = 0x65;
        assert_eq!(header.lengths(100), Err(DropReason::BadIpHeader));
        header.0[0] = 0x46;
        assert_eq!(header.lengths(100), Err(DropReason::BadIpHeader));
    }

    #[test]
    fn no_hop_is_left() {
        let mut header = Ipv4::emit(1, 2, 6, 0);
        header.set_ttl(1);
        assert!(!header.decrement_ttl());
        assert_eq!(header.ttl(), 1);
    }

    #[test]
    fn addresses_that_nobody_forwards() {
        for address in [0, 0x7f00_0001, 0xe000_0001, 0xffff_ffff, 0xf000_0000] {
            assert!(is_unforwardable(address));
        }
        assert!(!is_unforwardable(0x0a00_0001) && !is_unforwardable(0xdfff_ffff));
    }

    proptest! {
        #[test]
        fn every_hop_keeps_the_checksum(src: u32, dst: u32, protocol: u8, ttl in 2u8..) {
            let mut header = Ipv4::emit(src, dst, protocol, 40);
            header.set_ttl(ttl);
            header.fill_checksum();
            prop_assert!(header.decrement_ttl());
            let incremental = header.checksum();
            header.fill_checksum();
            prop_assert_eq!(header.checksum(), incremental);
        }

        #[test]
        fn emitted_headers_parse(src: u32, dst: u32, protocol: u8, len in 0usize..65_000) {
            let emitted = Ipv4::emit(src, dst, protocol, len);
            let header = Ipv4::parse(&emitted.0).unwrap();
            prop_assert_eq!((header.src(), header.dst()), (src, dst));
            prop_assert_eq!(header.protocol(), protocol);
            prop_assert_eq!(usize::from(header.total_len()), LEN + len);
            prop_assert!(checksum::is_valid(header.as_bytes()));
            prop_assert!(!header.is_fragment() && header.dont_fragment());
        }
    }
}
