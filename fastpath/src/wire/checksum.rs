//! The Internet checksum: whole (RFC 1071) and incremental (RFC 1624).

/// One's complement sum of `bytes` as big-endian words, not complemented; an odd last byte is
/// padded with zero.
///
/// The sum of byte-swapped words is the byte-swapped sum (RFC 1071 section 2), so the words are
/// added in the CPU's order, 32 bits at a time, and swapped once at the end.
#[inline]
pub fn sum(bytes: &[u8]) -> u16 {
    let mut total = 0u64;
    let (words, tail) = bytes.as_chunks::<4>();
    for word in words {
        total += u64::from(u32::from_ne_bytes(*word));
    }
    if let [a, b, ..] = tail {
        total += u64::from(u16::from_ne_bytes([*a, *b]));
    }
    if let [last] | [_, _, last] = tail {
        total += u64::from(u16::from_ne_bytes([*last, 0]));
    }
    u16::from_be(fold(total))
}

/// The checksum that goes into a header whose checksum field is zero.
#[inline]
pub fn checksum(bytes: &[u8]) -> u16 {
    !sum(bytes)
}

/// [`is_valid`] of an IPv4 header without options, in three words.
#[inline]
pub fn header_is_valid(header: &[u8; 20]) -> bool {
    let (words, rest) = header.as_chunks::<8>();
    let rest = rest.first_chunk().copied().map_or(0, u32::from_ne_bytes);
    let total = words.iter().fold(u64::from(rest), |total, word| {
        let (total, carry) = total.overflowing_add(u64::from_ne_bytes(*word));
        total + u64::from(carry)
    });
    fold(total) == 0xffff
}

/// Whether `bytes` with their checksum field in place sum up as they should.
#[inline]
pub fn is_valid(bytes: &[u8]) -> bool {
    sum(bytes) == 0xffff
}

/// Sum of the TCP or UDP pseudo header (RFC 9293 section 3.1, RFC 768).
#[inline]
pub fn pseudo_header(src: u32, dst: u32, protocol: u8, segment_len: u16) -> u16 {
    fold(halves(src) + halves(dst) + u64::from(protocol) + u64::from(segment_len))
}

/// The checksum of a TCP or UDP segment whose checksum field is zero. For UDP a result of zero is
/// sent as 0xffff; see [`udp_on_wire`].
#[inline]
pub fn of_segment(src: u32, dst: u32, protocol: u8, segment: &[u8]) -> u16 {
    let pseudo = pseudo_header(src, dst, protocol, segment.len() as u16);
    !fold(u64::from(pseudo) + u64::from(sum(segment)))
}

/// Whether the checksum of a TCP or UDP segment fits. A UDP segment without a checksum is for the
/// caller to tell apart.
#[inline]
pub fn segment_is_valid(src: u32, dst: u32, protocol: u8, segment: &[u8]) -> bool {
    of_segment(src, dst, protocol, segment) == 0
}

/// A computed UDP checksum as it is sent: zero means none (RFC 768).
#[inline]
pub const fn udp_on_wire(checksum: u16) -> u16 {
    if checksum == 0 { 0xffff } else { checksum }
}

/// What changed in the bytes under a checksum, gathered so that it is applied once.
///
/// RFC 1624 equation 3: the complement of the old checksum, plus the complement of each old word,
/// plus each new word, complemented. With a correct old checksum the result is, bit for bit, the
/// checksum of the new bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta(u64);

impl Delta {
    /// Nothing changed.
    pub const NONE: Self = Self(0);

    /// And a 16-bit word went from `old` to `new`.
    #[inline]
    #[must_use]
    pub const fn u16(self, old: u16, new: u16) -> Self {
        Self(self.0 + !old as u64 + new as u64)
    }

    /// And a 32-bit word went from `old` to `new`.
    #[inline]
    #[must_use]
    pub const fn u32(self, old: u32, new: u32) -> Self {
        Self(self.0 + halves(!old) + halves(new))
    }

    /// And what `other` says.
    #[inline]
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// The new checksum for the old one (IPv4, TCP, ICMP).
    #[inline]
    pub const fn apply(self, checksum: u16) -> u16 {
        if self.0 == 0 {
            return checksum;
        }
        !fold(!checksum as u64 + self.0)
    }

    /// The new checksum of a UDP segment: none stays none, and a computed zero is 0xffff.
    #[inline]
    pub const fn apply_udp(self, checksum: u16) -> u16 {
        if checksum == 0 {
            return 0;
        }
        udp_on_wire(self.apply(checksum))
    }
}

/// Both halves of a 32-bit word, added.
const fn halves(word: u32) -> u64 {
    (word >> 16) as u64 + (word & 0xffff) as u64
}

/// Adds the carries until 16 bits are left.
#[inline]
const fn fold(total: u64) -> u16 {
    // The upper half of a number added to itself with its halves changed round is their sum, and
    // the carry of the lower half comes into it: end-around.
    let total = (total.wrapping_add(total.rotate_right(32)) >> 32) as u32;
    (total.wrapping_add(total.rotate_right(16)) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slow_sum(bytes: &[u8]) -> u16 {
        let mut total = 0u32;
        for pair in bytes.chunks(2) {
            let word = [pair[0], pair.get(1).copied().unwrap_or(0)];
            total += u32::from(u16::from_be_bytes(word));
            total = (total >> 16) + (total & 0xffff);
        }
        total as u16
    }

    #[test]
    fn rfc1071_example() {
        // Section 3: the bytes 00 01 f2 03 f4 f5 f6 f7 sum to ddf2.
        assert_eq!(
            sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]),
            0xddf2
        );
    }

    #[test]
    fn rfc1624_example() {
        // Section 4: the sum comes to 0x0000 with 0x5555 becoming 0x3285 under 0xdd2f.
        assert_eq!(Delta::NONE.u16(0x5555, 0x3285).apply(0xdd2f), 0x0000);
    }

    #[test]
    fn udp_without_checksum_stays_without() {
        assert_eq!(Delta::NONE.u32(1, 2).apply_udp(0), 0);
        assert_eq!(Delta::NONE.u16(0x5555, 0x3285).apply_udp(0xdd2f), 0xffff);
    }

    proptest! {
        #[test]
        fn a_valid_header_is_known(mut header: [u8; 20], wrong: bool) {
            header[10..12].fill(0);
            let right = checksum(&header).to_be_bytes();
            header[10..12].copy_from_slice(&right);
            header[12] ^= u8::from(wrong);
            prop_assert_eq!(header_is_valid(&header), !wrong);
            prop_assert_eq!(is_valid(&header), !wrong);
        }

        #[test]
        fn fast_sum_is_the_slow_sum(bytes in prop::collection::vec(any::<u8>(), 0..2100)) {
            prop_assert_eq!(sum(&bytes), slow_sum(&bytes));
        }

        #[test]
        fn incremental_is_recomputed(
            mut words in prop::collection::vec(any::<u16>(), 4..40),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u16>()), 0..8),
        ) {
            let bytes = |words: &[u16]| -> Vec<u8> {
                words.iter().flat_map(|word| word.to_be_bytes()).collect()
            };
            words[0] |= 0x4000;
            let before = checksum(&bytes(&words));
            let mut delta = Delta::NONE;
            for (index, new) in changes {
                let at = 1 + index.index(words.len() - 1);
                delta = delta.u16(words[at], new);
                words[at] = new;
            }
            prop_assert_eq!(delta.apply(before), checksum(&bytes(&words)));
        }

        #[test]
        fn a_32_bit_change_is_two_16_bit_changes(old: u32, new: u32, before in 0..0xffffu16) {
            let halves = Delta::NONE
                .u16((old >> 16) as u16, (new >> 16) as u16)
                .u16(old as u16, new as u16);
            prop_assert_eq!(Delta::NONE.u32(old, new).apply(before), halves.apply(before));
        }

        #[test]
        fn incremental_udp_is_recomputed(
            src: u32, dst: u32, new_src: u32, payload in prop::collection::vec(any::<u8>(), 8..60),
        ) {
            let mut segment = payload;
            segment[6..8].fill(0);
            let before = udp_on_wire(of_segment(src, dst, 17, &segment));
            let after = udp_on_wire(of_segment(new_src, dst, 17, &segment));
            prop_assert_eq!(Delta::NONE.u32(src, new_src).apply_udp(before), after);
            segment[6..8].copy_from_slice(&after.to_be_bytes());
            prop_assert!(segment_is_valid(new_src, dst, 17, &segment));
            segment[0] ^= 1;
            prop_assert!(!segment_is_valid(new_src, dst, 17, &segment));
        }
    }
}
