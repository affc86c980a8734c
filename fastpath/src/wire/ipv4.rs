//! IPv4 (RFC 791).

use super::checksum::{self, Delta};
use super::{be16, be32, put16, put32};
use crate::verdict::DropReason;

/// Bytes of a header without options.
pub const HEADER_LEN: usize = 20;

/// Offset of the type of service (DSCP and ECN).
pub const TOS: usize = 1;
/// Offset of the total length.
pub const TOTAL_LEN: usize = 2;
/// Offset of the identification.
pub const ID: usize = 4;
/// Offset of the flags and the fragment offset.
pub const FRAGMENT: usize = 6;
/// Offset of the time to live.
pub const TTL: usize = 8;
/// Offset of the protocol.
pub const PROTOCOL: usize = 9;
/// Offset of the header checksum.
pub const CHECKSUM: usize = 10;
/// Offset of the source address.
pub const SOURCE: usize = 12;
/// Offset of the destination address.
pub const DESTINATION: usize = 16;

/// Don't fragment.
pub const DF: u16 = 0x4000;
/// More fragments.
pub const MF: u16 = 0x2000;
/// The fragment offset in units of eight bytes.
pub const OFFSET_MASK: u16 = 0x1fff;

/// What a checked header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the header, options included.
    pub header_len: usize,
    /// Bytes of the packet.
    pub total_len: usize,
    /// Flags and fragment offset.
    pub fragment: u16,
    /// Protocol.
    pub protocol: u8,
    /// Source address, host byte order.
    pub src: u32,
    /// Destination address, host byte order.
    pub dst: u32,
}

impl Header {
    /// Reads a header and checks all that it says of itself, the checksum included.
    #[inline]
    pub fn check(packet: &[u8]) -> Result<Self, DropReason> {
        let first = *packet.first().ok_or(DropReason::TruncatedFrame)?;
        let header_len = usize::from(first & 0x0f) * 4;
        if first >> 4 != 4 || header_len < HEADER_LEN {
            return Err(DropReason::BadIpHeader);
        }
        let header = packet.get(..header_len).ok_or(DropReason::TruncatedFrame)?;
        if checksum::internet(header) != 0 {
            return Err(DropReason::BadIpChecksum);
        }
        let parsed = Self::read(header).ok_or(DropReason::TruncatedFrame)?;
        if parsed.total_len < header_len {
            return Err(DropReason::BadIpHeader);
        }
        if parsed.total_len > packet.len() {
            return Err(DropReason::TruncatedFrame);
        }
        Ok(parsed)
    }

    /// Reads a header without checking it against anything (as in a quoted packet).
    #[inline]
    pub fn read(packet: &[u8]) -> Option<Self> {
        Some(Self {
            header_len: usize::from(packet.first()? & 0x0f) * 4,
            total_len: usize::from(be16(packet, TOTAL_LEN)?),
            fragment: be16(packet, FRAGMENT)?,
            protocol: *packet.get(PROTOCOL)?,
            src: be32(packet, SOURCE)?,
            dst: be32(packet, DESTINATION)?,
        })
    }

    /// Whether the packet is a piece of a datagram.
    #[inline]
    pub const fn is_fragment(&self) -> bool {
        self.fragment & (MF | OFFSET_MASK) != 0
    }

    /// Where the piece begins, in bytes.
    #[inline]
    pub const fn fragment_offset(&self) -> usize {
        (self.fragment & OFFSET_MASK) as usize * 8
    }

    /// Whether the sender forbids fragments.
    #[inline]
    pub const fn dont_fragment(&self) -> bool {
        self.fragment & DF != 0
    }
}

/// Whether a source address can be a host's (RFC 1122 section 3.2.1.3).
#[inline]
pub const fn is_host(address: u32) -> bool {
    !matches!(address >> 24, 0 | 127 | 224..=255)
}

/// Whether a destination may be forwarded to: no multicast, no local broadcast, no loopback.
#[inline]
pub const fn is_forwardable(address: u32) -> bool {
    is_host(address)
}

/// Lowers the time to live by one and updates the checksum.
#[inline]
pub fn decrement_ttl(packet: &mut [u8]) {
    let Some(old) = be16(packet, TTL) else { return };
    let new = old.wrapping_sub(0x0100);
    put16(packet, TTL, new);
    update_checksum(packet, Delta::NONE.and16(old, new));
}

/// Applies a change of header fields to the header checksum.
#[inline]
pub fn update_checksum(packet: &mut [u8], delta: Delta) {
    if let Some(sum) = be16(packet, CHECKSUM) {
        put16(packet, CHECKSUM, delta.apply(sum));
    }
}

/// What [`emit`] writes.
#[derive(Clone, Copy, Debug)]
pub struct Emit {
    /// Bytes of the packet, header included.
    pub total_len: u16,
    /// Identification.
    pub id: u16,
    /// Flags and fragment offset.
    pub fragment: u16,
    /// Time to live.
    pub ttl: u8,
    /// Protocol.
    pub protocol: u8,
    /// Type of service.
    pub tos: u8,
    /// Source, host byte order.
    pub src: u32,
    /// Destination, host byte order.
    pub dst: u32,
}

/// Writes a header without options into the first twenty bytes, with its checksum.
pub fn emit(packet: &mut [u8], header: &Emit) {
    let Some(bytes) = packet.first_chunk_mut::<HEADER_LEN>() else { return };
    *bytes = [0; HEADER_LEN];
    bytes[0] = 0x45;
    bytes[TOS] = header.tos;
    put16(bytes, TOTAL_LEN, header.total_len);
    put16(bytes, ID, header.id);
    put16(bytes, FRAGMENT, header.fragment);
    bytes[TTL] = header.ttl;
    bytes[PROTOCOL] = header.protocol;
    put32(bytes, SOURCE, header.src);
    put32(bytes, DESTINATION, header.dst);
    let sum = checksum::internet(bytes);
    put16(bytes, CHECKSUM, sum);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet() -> [u8; 24] {
        let mut packet = [0; 24];
        let header = Emit {
            total_len: 24,
            id: 7,
            fragment: DF,
            ttl: 64,
            protocol: 17,
            tos: 0,
            src: 0x0a00_0001,
            dst: 0x0a00_0002,
        };
        emit(&mut packet, &header);
        packet
    }

    #[test]
    fn what_is_emitted_passes_the_check() {
        let header = Header::check(&packet()).unwrap();
        assert_eq!((header.src, header.dst, header.protocol), (0x0a00_0001, 0x0a00_0002, 17));
        assert!(header.dont_fragment() && !header.is_fragment());
    }

    #[test]
    fn a_lower_ttl_keeps_the_checksum_right() {
        let mut packet = packet();
        for ttl in (0..64).rev() {
            decrement_ttl(&mut packet);
            assert_eq!(packet[TTL], ttl);
            Header::check(&packet).unwrap();
        }
    }

    #[test]
    fn what_is_wrong_has_its_own_reason() {
        let good = packet();
        let with = |at: usize, byte: u8| {
            let mut bad = good;
            bad[at] = byte;
            Header::check(&bad).unwrap_err()
        };
        assert_eq!(with(0, 0x65), DropReason::BadIpHeader);
        assert_eq!(with(0, 0x44), DropReason::BadIpHeader);
        assert_eq!(with(8, 63), DropReason::BadIpChecksum);
        assert_eq!(Header::check(&good[..23]), Err(DropReason::TruncatedFrame));
        assert_eq!(Header::check(&good[..19]), Err(DropReason::TruncatedFrame));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes: Vec<u8>) {
            let _ = Header::check(&bytes);
            decrement_ttl(&mut bytes);
        }
    }
}
