//! Protocol headers, one file per protocol: field offsets as a table, checked accessors over bytes.
//!
//! `get` style accessors return `None` for what lies beyond the slice, `put` style ones leave a
//! slice that is too short alone, so no input panics. A step checks a header once and then reads.

pub mod arp;
pub mod checksum;
pub mod ethernet;
pub mod icmp;
pub mod ipv4;
pub mod tcp;
pub mod udp;

/// Reads two bytes, big-endian.
#[inline]
pub fn be16(bytes: &[u8], offset: usize) -> Option<u16> {
    let field = bytes.get(offset..)?.first_chunk()?;
    Some(u16::from_be_bytes(*field))
}

/// Reads four bytes, big-endian.
#[inline]
pub fn be32(bytes: &[u8], offset: usize) -> Option<u32> {
    let field = bytes.get(offset..)?.first_chunk()?;
    Some(u32::from_be_bytes(*field))
}

/// Writes two bytes, big-endian.
#[inline]
pub fn put16(bytes: &mut [u8], offset: usize, value: u16) {
    if let Some(field) = bytes.get_mut(offset..).and_then(<[u8]>::first_chunk_mut) {
        *field = value.to_be_bytes();
    }
}

/// Writes four bytes, big-endian.
#[inline]
pub fn put32(bytes: &mut [u8], offset: usize, value: u32) {
    if let Some(field) = bytes.get_mut(offset..).and_then(<[u8]>::first_chunk_mut) {
        *field = value.to_be_bytes();
    }
}
