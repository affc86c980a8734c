//! TCP (RFC 9293): what a middlebox reads and rewrites.

use super::checksum::{self, Delta};
use super::{be16, be32, ipv4, put16, put32};
use crate::packet::protocol;

/// Bytes of a header without options.
pub const HEADER_LEN: usize = 20;
/// Offset of the source port.
pub const SOURCE: usize = 0;
/// Offset of the destination port.
pub const DESTINATION: usize = 2;
/// Offset of the sequence number.
pub const SEQUENCE: usize = 4;
/// Offset of the acknowledgement.
pub const ACKNOWLEDGEMENT: usize = 8;
/// Offset of the flags.
pub const FLAGS: usize = 13;
/// Offset of the window.
pub const WINDOW: usize = 14;
/// Offset of the checksum.
pub const CHECKSUM: usize = 16;

const OPTION_END: u8 = 0;
const OPTION_NOP: u8 = 1;
const OPTION_MSS: u8 = 2;
const OPTION_SCALE: u8 = 3;

/// Bytes of the header, where they are possible within `segment`.
#[inline]
pub fn header_len(segment: &[u8]) -> Option<usize> {
    let len = usize::from(segment.get(12)? >> 4) * 4;
    (HEADER_LEN..=segment.len()).contains(&len).then_some(len)
}

/// The value of an option in a header: its offset in `segment` and its bytes.
fn option(segment: &[u8], wanted: u8) -> Option<(usize, &[u8])> {
    let end = header_len(segment)?;
    let mut at = HEADER_LEN;
    while at < end {
        match *segment.get(at)? {
            OPTION_END => return None,
            OPTION_NOP => at += 1,
            kind => {
                let len = usize::from(*segment.get(at + 1)?);
                if len < 2 || at + len > end {
                    return None;
                }
                if kind == wanted {
                    return Some((at + 2, segment.get(at + 2..at + len)?));
                }
                at += len;
            }
        }
    }
    None
}

/// Shift of the window scale option.
pub fn window_scale(segment: &[u8]) -> Option<u8> {
    match option(segment, OPTION_SCALE)? {
        (_, [shift]) => Some(*shift),
        _ => None,
    }
}

/// Bytes of the maximum segment size option, and where they stand.
pub fn mss(segment: &[u8]) -> Option<(usize, u16)> {
    match option(segment, OPTION_MSS)? {
        (at, [high, low]) => Some((at, u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

/// Brings the MSS option of a SYN between `minimum` and `maximum` (zero: no bound).
pub fn clamp_mss(segment: &mut [u8], minimum: u16, maximum: u16) {
    let Some((at, old)) = mss(segment) else { return };
    let mut new = old.max(minimum);
    if maximum != 0 {
        new = new.min(maximum);
    }
    if new == old {
        return;
    }
    put16(segment, at, new);
    // The option may stand at an odd offset: there a byte of the sum changes its place.
    let (old, new) =
        if at % 2 == 0 { (old, new) } else { (old.swap_bytes(), new.swap_bytes()) };
    update_checksum(segment, Delta::NONE.and16(old, new));
}

/// Applies a change to the checksum.
#[inline]
pub fn update_checksum(segment: &mut [u8], delta: Delta) {
    if let Some(sum) = be16(segment, CHECKSUM) {
        put16(segment, CHECKSUM, delta.apply(sum));
    }
}

/// The IPv4 packet that resets the connection of `packet`, whose TCP header starts at `l4`
/// (RFC 9293 section 3.5.2): one without data for one that came.
pub fn reset_for(packet: &[u8], l4: usize) -> Option<[u8; ipv4::HEADER_LEN + HEADER_LEN]> {
    const RST: u8 = 0x04;
    const ACK: u8 = 0x10;
    let header = ipv4::Header::read(packet)?;
    let segment = packet.get(l4..header.total_len)?;
    let flags = *segment.get(FLAGS)?;
    if flags & RST != 0 {
        return None;
    }
    let payload = segment.len() - header_len(segment)?;
    let length = payload as u32 + u32::from(flags & 0x02 != 0) + u32::from(flags & 0x01 != 0);
    let (sequence, acknowledgement, flags) = if flags & ACK != 0 {
        (be32(segment, ACKNOWLEDGEMENT)?, 0, RST)
    } else {
        (0, be32(segment, SEQUENCE)?.wrapping_add(length), RST | ACK)
    };
    let mut reset = [0; ipv4::HEADER_LEN + HEADER_LEN];
    ipv4::emit(
        &mut reset,
        &ipv4::Emit {
            total_len: (ipv4::HEADER_LEN + HEADER_LEN) as u16,
            id: 0,
            fragment: ipv4::DF,
            ttl: 64,
            protocol: protocol::TCP,
            tos: 0,
            src: header.dst,
            dst: header.src,
        },
    );
    let tcp = reset.get_mut(ipv4::HEADER_LEN..)?;
    put16(tcp, SOURCE, be16(segment, DESTINATION)?);
    put16(tcp, DESTINATION, be16(segment, SOURCE)?);
    put32(tcp, SEQUENCE, sequence);
    put32(tcp, ACKNOWLEDGEMENT, acknowledgement);
    tcp[12] = 0x50;
    tcp[FLAGS] = flags;
    let pseudo = checksum::pseudo_header(header.dst, header.src, protocol::TCP, HEADER_LEN);
    let sum = checksum::finish(checksum::accumulate(pseudo, tcp));
    put16(tcp, CHECKSUM, sum);
    Some(reset)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn syn(options: &[u8]) -> Vec<u8> {
        let mut segment = vec![0; HEADER_LEN];
        segment.extend_from_slice(options);
        segment.resize(segment.len().next_multiple_of(4), 0);
        segment[12] = (segment.len() / 4 << 4) as u8;
        segment[FLAGS] = 2;
        let sum = checksum::internet(&segment);
        put16(&mut segment, CHECKSUM, sum);
        segment
    }

    #[test]
    fn mss_is_found_and_clamped_at_even_and_odd_offsets() {
        for options in [&[2, 4, 0x05, 0xb4][..], &[1, 2, 4, 0x05, 0xb4, 3, 3, 7][..]] {
            let mut segment = syn(options);
            clamp_mss(&mut segment, 0, 1380);
            assert_eq!(mss(&segment).map(|found| found.1), Some(1380));
            assert_eq!(checksum::internet(&segment), 0);
            clamp_mss(&mut segment, 1400, 0);
            assert_eq!(mss(&segment).map(|found| found.1), Some(1400));
            assert_eq!(checksum::internet(&segment), 0);
        }
    }

    #[test]
    fn options_that_lie_are_not_found() {
        assert_eq!(mss(&syn(&[2, 0, 0, 0])), None);
        assert_eq!(mss(&syn(&[2, 40, 0, 0])), None);
        assert_eq!(mss(&syn(&[0, 2, 4, 1, 1])), None);
        assert_eq!(window_scale(&syn(&[3, 3, 9])), Some(9));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes: Vec<u8>, at in 0usize..64) {
            let _ = (header_len(&bytes), mss(&bytes), window_scale(&bytes));
            let _ = reset_for(&bytes, at);
            clamp_mss(&mut bytes, 500, 1300);
        }
    }
}
