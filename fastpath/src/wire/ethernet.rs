//! Ethernet II.

use super::be16;

/// Bytes of the header.
pub const HEADER_LEN: usize = 14;
/// EtherType of IPv4.
pub const TYPE_IPV4: u16 = 0x0800;
/// EtherType of ARP.
pub const TYPE_ARP: u16 = 0x0806;
/// The address of every station.
pub const BROADCAST: [u8; 6] = [0xff; 6];

const DESTINATION: usize = 0;
const SOURCE: usize = 6;
const TYPE: usize = 12;

/// Destination and EtherType; `None` for a frame without a whole header.
#[inline]
pub fn parse(frame: &[u8]) -> Option<([u8; 6], u16)> {
    let kind = be16(frame, TYPE)?;
    let destination = frame.get(DESTINATION..)?.first_chunk()?;
    Some((*destination, kind))
}

/// Writes the header into the first bytes of `frame`.
#[inline]
pub fn emit(frame: &mut [u8], destination: [u8; 6], source: [u8; 6], kind: u16) {
    if let Some(header) = frame.first_chunk_mut::<HEADER_LEN>() {
        header[DESTINATION..SOURCE].copy_from_slice(&destination);
        header[SOURCE..TYPE].copy_from_slice(&source);
        header[TYPE..].copy_from_slice(&kind.to_be_bytes());
    }
}
