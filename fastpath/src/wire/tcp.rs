//! TCP (RFC 9293).

use std::borrow::{Borrow, BorrowMut};

use super::checksum::{self, Delta};
use super::field::{put_u16, put_u32, u16_at, u32_at};
use super::ipv4::{self, Ipv4};
use crate::packet::protocol;

/// Bytes of the header without options.
pub const LEN: usize = 20;
/// Bytes of a reset: IPv4 and TCP headers without options.
pub const RESET_LEN: usize = ipv4::LEN + LEN;

const SRC_PORT: usize = 0;
const DST_PORT: usize = 2;
const SEQUENCE: usize = 4;
const ACKNOWLEDGEMENT: usize = 8;
const DATA_OFFSET: usize = 12;
const FLAGS: usize = 13;
const WINDOW: usize = 14;
const CHECKSUM: usize = 16;

/// Control bits.
pub mod flag {
    /// The sender is done.
    pub const FIN: u8 = 1 << 0;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 1 << 1;
    /// Reset the connection.
    pub const RST: u8 = 1 << 2;
    /// Push.
    pub const PSH: u8 = 1 << 3;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 1 << 4;
    /// The urgent pointer counts.
    pub const URG: u8 = 1 << 5;
}

/// Whether any stack sends this combination: at most one way to begin or end, and everything but
/// the first SYN and a reset acknowledges something (RFC 9293 section 3.10.7). PSH, URG and the
/// bits of ECN are free (RFC 3168 uses two with SYN).
#[inline]
pub const fn flags_are_sane(flags: u8) -> bool {
    let marks = flags & (flag::SYN | flag::FIN | flag::RST);
    marks & marks.wrapping_sub(1) == 0
        && (flags & flag::ACK != 0 || marks & (flag::SYN | flag::RST) != 0)
}

/// Kinds of options (RFC 9293 section 3.2, RFC 7323 section 2.2).
mod option_kind {
    pub(super) const END: u8 = 0;
    pub(super) const NO_OPERATION: u8 = 1;
    pub(super) const MSS: u8 = 2;
    pub(super) const WINDOW_SCALE: u8 = 3;
}

/// Largest shift that a window scale option may ask for (RFC 7323 section 2.3).
pub const WINDOW_SCALE_MAX: u8 = 14;

/// A TCP header without its options.
#[derive(Clone, Copy, Debug)]
pub struct Tcp<T>(pub T);

impl<'a> Tcp<&'a [u8; LEN]> {
    /// The header and what follows it (options, then payload), `None` when the segment is shorter.
    #[inline]
    pub fn parse(segment: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, rest) = segment.split_first_chunk()?;
        Some((Self(header), rest))
    }
}

impl<'a> Tcp<&'a mut [u8; LEN]> {
    /// Like [`Tcp::parse`], to be written.
    #[inline]
    pub fn parse_mut(segment: &'a mut [u8]) -> Option<(Self, &'a mut [u8])> {
        let (header, rest) = segment.split_first_chunk_mut()?;
        Some((Self(header), rest))
    }
}

impl<T: Borrow<[u8; LEN]>> Tcp<T> {
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

    /// Sequence number of the first byte.
    #[inline]
    pub fn sequence(&self) -> u32 {
        u32_at::<SEQUENCE, LEN>(self.0.borrow())
    }

    /// Acknowledgement number.
    #[inline]
    pub fn acknowledgement(&self) -> u32 {
        u32_at::<ACKNOWLEDGEMENT, LEN>(self.0.borrow())
    }

    /// Bytes of the header with options, as it states them.
    #[inline]
    pub fn header_len(&self) -> usize {
        usize::from(self.0.borrow()[DATA_OFFSET] >> 4) * 4
    }

    /// Bits of [`flag`]; the two ECN bits stand above them.
    #[inline]
    pub fn flags(&self) -> u8 {
        self.0.borrow()[FLAGS]
    }

    /// Window before scaling.
    #[inline]
    pub fn window(&self) -> u16 {
        u16_at::<WINDOW, LEN>(self.0.borrow())
    }

    /// Checksum.
    #[inline]
    pub fn checksum(&self) -> u16 {
        u16_at::<CHECKSUM, LEN>(self.0.borrow())
    }
}

impl<T: BorrowMut<[u8; LEN]>> Tcp<T> {
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

    /// Sets the sequence number; the checksum is the caller's.
    #[inline]
    pub fn set_sequence(&mut self, sequence: u32) {
        put_u32::<SEQUENCE, LEN>(self.0.borrow_mut(), sequence);
    }

    /// Sets the acknowledgement number; the checksum is the caller's.
    #[inline]
    pub fn set_acknowledgement(&mut self, acknowledgement: u32) {
        put_u32::<ACKNOWLEDGEMENT, LEN>(self.0.borrow_mut(), acknowledgement);
    }

    /// Sets the control bits; the checksum is the caller's.
    #[inline]
    pub fn set_flags(&mut self, flags: u8) {
        self.0.borrow_mut()[FLAGS] = flags;
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

/// Walks options: kind, place of the value from the start of the options, value. Stops at the end
/// mark and at the first option that does not fit.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Options<'a> {
    /// The options of a whole segment, none when its header does not fit.
    pub fn of(segment: &'a [u8]) -> Self {
        let end = Tcp::parse(segment).map_or(0, |(header, _)| header.header_len());
        Self {
            bytes: segment.get(LEN..end).unwrap_or_default(),
            at: 0,
        }
    }

    /// The value of the maximum segment size option (RFC 9293 section 3.7.1) and where its bytes
    /// stand in the options.
    pub fn mss(self) -> Option<(usize, u16)> {
        self.fixed(option_kind::MSS)
            .map(|(at, bytes)| (at, u16::from_be_bytes(bytes)))
    }

    /// The shift of the window scale option; more than 14 is 14 (RFC 7323 section 2.3).
    pub fn window_scale(self) -> Option<u8> {
        self.fixed(option_kind::WINDOW_SCALE)
            .map(|(_, [shift])| shift.min(WINDOW_SCALE_MAX))
    }

    /// The first option of this kind with a value of exactly `N` bytes.
    fn fixed<const N: usize>(mut self, kind: u8) -> Option<(usize, [u8; N])> {
        self.find_map(|(found, at, value)| {
            let bytes = <[u8; N]>::try_from(value).ok()?;
            (found == kind).then_some((at, bytes))
        })
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u8, usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while self.bytes.get(self.at) == Some(&option_kind::NO_OPERATION) {
            self.at += 1;
        }
        let kind = *self.bytes.get(self.at)?;
        let len = usize::from(*self.bytes.get(self.at + 1)?);
        if kind == option_kind::END || len < 2 {
            return None;
        }
        let at = self.at + 2;
        let end = self.at + len;
        let value = self.bytes.get(at..end)?;
        self.at = end;
        Some((kind, at, value))
    }
}

/// Bounds that `sysopt connection tcpmss` puts on an MSS; zero is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MssBounds {
    /// A larger MSS is lowered to this many bytes.
    pub max: u16,
    /// A smaller MSS is raised to this many bytes, as far as `max` allows.
    pub min: u16,
}

impl MssBounds {
    /// The MSS that takes the place of `mss`.
    pub const fn clamp(self, mss: u16) -> u16 {
        let raised = if mss < self.min { self.min } else { mss };
        if self.max != 0 && raised > self.max {
            self.max
        } else {
            raised
        }
    }
}

/// Clamps the MSS option of a SYN or SYN-ACK in place and keeps its checksum right. Answers the
/// old and the new MSS when it changed; a segment without the option is left alone.
pub fn rewrite_mss(segment: &mut [u8], bounds: MssBounds) -> Option<(u16, u16)> {
    let (at, old) = Options::of(segment).mss()?;
    let new = bounds.clamp(old);
    if new == old {
        return None;
    }
    let value = segment.get_mut(LEN + at..LEN + at + 2)?;
    value.copy_from_slice(&new.to_be_bytes());
    // An option at an odd place straddles two words of the sum: its bytes count swapped.
    let delta = if at % 2 == 0 {
        Delta::NONE.u16(old, new)
    } else {
        Delta::NONE.u16(old.swap_bytes(), new.swap_bytes())
    };
    let (mut header, _) = Tcp::parse_mut(segment)?;
    header.update_checksum(delta);
    Some((old, new))
}

/// The reset that answers `packet` (an IPv4 packet with TCP), as a closed port would send it (RFC
/// 9293 section 3.10.7.1); `None` for what must not be answered: a reset, a fragment, a short
/// packet.
pub fn reset(packet: &[u8]) -> Option<[u8; RESET_LEN]> {
    let ip = Ipv4::parse(packet)?;
    let lengths = ip.lengths(packet.len()).ok()?;
    if ip.protocol() != protocol::TCP || ip.is_fragment() || ipv4::is_unforwardable(ip.src()) {
        return None;
    }
    let segment = packet.get(usize::from(lengths.header)..usize::from(lengths.total))?;
    let (offending, _) = Tcp::parse(segment)?;
    let payload_len = segment.len().checked_sub(offending.header_len())?;
    let flags = offending.flags();
    if flags & flag::RST != 0 || offending.header_len() < LEN {
        return None;
    }
    let mut answer = Tcp([0; LEN]);
    answer.set_src_port(offending.dst_port());
    answer.set_dst_port(offending.src_port());
    answer.0[DATA_OFFSET] = ((LEN / 4) as u8) << 4;
    if flags & flag::ACK != 0 {
        answer.set_sequence(offending.acknowledgement());
        answer.set_flags(flag::RST);
    } else {
        let marks = u32::from(flags & flag::SYN != 0) + u32::from(flags & flag::FIN != 0);
        let end = offending.sequence().wrapping_add(payload_len as u32);
        answer.set_acknowledgement(end.wrapping_add(marks));
        answer.set_flags(flag::RST | flag::ACK);
    }
    let (src, dst) = (ip.dst(), ip.src());
    let sum = checksum::of_segment(src, dst, protocol::TCP, &answer.0);
    answer.set_checksum(sum);
    let header = Ipv4::emit(src, dst, protocol::TCP, LEN);
    let mut out = [0; RESET_LEN];
    out[..ipv4::LEN].copy_from_slice(&header.0);
    out[ipv4::LEN..].copy_from_slice(&answer.0);
    Some(out)
}

#[cfg(test)]
#[path = "tcp_tests.rs"]
mod tests;
