//! The Internet checksum (RFC 1071) and its incremental update (RFC 1624).

/// Ones' complement sum of `bytes` on top of `sum`, not folded. Odd lengths are padded with zero.
#[inline]
pub fn accumulate(mut sum: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        sum += u64::from(u32::from_be_bytes(*word));
    }
    let mut last = [0; 4];
    for (place, byte) in last.iter_mut().zip(rest) {
        *place = *byte;
    }
    sum + u64::from(u32::from_be_bytes(last))
}

/// Folds a sum and complements it.
#[inline]
pub const fn finish(mut sum: u64) -> u16 {
    sum = (sum & 0xffff_ffff) + (sum >> 32);
    sum = (sum & 0xffff_ffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    !(sum as u16)
}

/// The checksum of `bytes`; zero over bytes that hold a right one.
#[inline]
pub fn internet(bytes: &[u8]) -> u16 {
    finish(accumulate(0, bytes))
}

/// Sum of the pseudo header of TCP and UDP, not folded.
#[inline]
pub const fn pseudo_header(src: u32, dst: u32, protocol: u8, len: usize) -> u64 {
    src as u64 + dst as u64 + protocol as u64 + len as u64
}

/// A change of fields, as what has to be added to the sum of the packet.
///
/// `HC' = ~(~HC + ~m + m')` (RFC 1624 equation 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta(u64);

impl Delta {
    /// Nothing changes.
    pub const NONE: Self = Self(0);

    /// And a 16-bit field changes.
    #[inline]
    pub const fn and16(self, old: u16, new: u16) -> Self {
        Self(self.0 + !old as u64 + new as u64)
    }

    /// And a 32-bit field changes.
    #[inline]
    pub const fn and32(self, old: u32, new: u32) -> Self {
        Self(self.0)
            .and16((old >> 16) as u16, (new >> 16) as u16)
            .and16(old as u16, new as u16)
    }

    /// The checksum after the change.
    #[inline]
    pub const fn apply(self, checksum: u16) -> u16 {
        finish(!checksum as u64 + self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The worked example of RFC 1071 section 3.
    #[test]
    fn rfc_1071_example() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(!internet(&bytes), 0xddf2);
    }

    /// The worked example of RFC 1624 section 4, where equation 2 goes wrong.
    #[test]
    fn rfc_1624_example() {
        assert_eq!(Delta::NONE.and16(0x5555, 0x3285).apply(0xdd2f), 0x0000);
    }

    proptest! {
        #[test]
        fn incremental_equals_recomputed(
            mut bytes in prop::collection::vec(any::<u8>(), 20..80),
            at in 0usize..4, new: u32,
        ) {
            // A header is never all zero, the one case in which the two forms of zero differ.
            bytes[19] |= 1;
            let offset = at * 4;
            let before = internet(&bytes);
            let old = super::super::be32(&bytes, offset).unwrap();
            super::super::put32(&mut bytes, offset, new);
            prop_assert_eq!(Delta::NONE.and32(old, new).apply(before), internet(&bytes));
        }

        #[test]
        fn a_packet_with_its_checksum_sums_to_zero(mut bytes in prop::collection::vec(any::<u8>(), 2..99)) {
            super::super::put16(&mut bytes, 0, 0);
            let sum = internet(&bytes);
            super::super::put16(&mut bytes, 0, sum);
            prop_assert_eq!(internet(&bytes), 0);
        }
    }
}
