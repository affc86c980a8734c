//! UDP (RFC 768).

use super::{be16, checksum::Delta, put16};

/// Bytes of the header.
pub const HEADER_LEN: usize = 8;
/// Offset of the source port.
pub const SOURCE: usize = 0;
/// Offset of the destination port.
pub const DESTINATION: usize = 2;
/// Offset of the length.
pub const LEN: usize = 4;
/// Offset of the checksum.
pub const CHECKSUM: usize = 6;

/// Ports and length, where the length is possible within `datagram`.
#[inline]
pub fn parse(datagram: &[u8]) -> Option<(u16, u16, usize)> {
    let len = usize::from(be16(datagram, LEN)?);
    let possible = (HEADER_LEN..=datagram.len()).contains(&len);
    possible.then_some((be16(datagram, SOURCE)?, be16(datagram, DESTINATION)?, len))
}

/// Writes a header with checksum zero (allowed over IPv4) in front of the payload.
pub fn emit(datagram: &mut [u8], source: u16, destination: u16) {
    let len = datagram.len() as u16;
    put16(datagram, SOURCE, source);
    put16(datagram, DESTINATION, destination);
    put16(datagram, LEN, len);
    put16(datagram, CHECKSUM, 0);
}

/// Applies a change to the checksum. Zero means that there is none and stays; a sum that comes out
/// as zero is sent as all ones.
#[inline]
pub fn update_checksum(datagram: &mut [u8], delta: Delta) {
    match be16(datagram, CHECKSUM) {
        None | Some(0) => {}
        Some(sum) => {
            let new = delta.apply(sum);
            put16(datagram, CHECKSUM, if new == 0 { 0xffff } else { new });
        }
    }
}
