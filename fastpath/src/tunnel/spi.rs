//! Inbound SPIs: a keyed permutation of index, home and generation.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

/// The lowest SPI that may be chosen: those below are reserved (RFC 4303 section 2.1).
pub const SPI_MIN: u32 = 256;

const ROUNDS: usize = 6;

const INDEX_BITS: u32 = 15;
const HOME_BITS: u32 = 6;
const GENERATION_BITS: u32 = 11;
const _: () = assert!(INDEX_BITS + HOME_BITS + GENERATION_BITS == 32);

/// Generations are 1 to this. Never 0, so that the parts as a number are never below [`SPI_MIN`].
pub(super) const GENERATION_MAX: u16 = (1 << GENERATION_BITS) - 1;
const _: () = assert!(1 << (INDEX_BITS + HOME_BITS) >= SPI_MIN);

/// What an SPI says to us, and to nobody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SpiParts {
    /// Place in the table.
    pub(super) index: u16,
    /// The worker that opens the SA's packets.
    pub(super) home: u8,
    /// Raised when the place is used again.
    pub(super) generation: u16,
}

impl SpiParts {
    const fn pack(self) -> u32 {
        (self.generation as u32) << (INDEX_BITS + HOME_BITS)
            | (self.home as u32) << INDEX_BITS
            | self.index as u32
    }

    const fn unpack(raw: u32) -> Self {
        Self {
            index: (raw & ((1 << INDEX_BITS) - 1)) as u16,
            home: (raw >> INDEX_BITS & ((1 << HOME_BITS) - 1)) as u8,
            generation: (raw >> (INDEX_BITS + HOME_BITS)) as u16,
        }
    }
}

/// A Feistel network over two halves of 16 bits. The round function is multiply, add, shift with
/// secret 64-bit factors, which is strongly universal in its 16 bits: a few cycles, and with the
/// six rounds no sequence of SPIs shows the next one.
pub(super) struct SpiPermutation {
    rounds: [(u64, u64); ROUNDS],
    key: [u8; 16],
}

impl SpiPermutation {
    pub(super) fn new(key: [u8; 16]) -> Self {
        let draw = |label: usize| keyed(&key, label as u64);
        Self {
            rounds: std::array::from_fn(|round| (draw(2 * round) | 1, draw(2 * round + 1))),
            key,
        }
    }

    /// The SPI. `parts` must have a generation from 1 to [`GENERATION_MAX`].
    pub(super) fn seal(&self, parts: SpiParts) -> u32 {
        // Values below the minimum are walked past, along the cycle. As no input is below it
        // either, the walk ends at an SPI that no other parts have.
        let mut raw = self.forward(parts.pack());
        while raw < SPI_MIN {
            raw = self.forward(raw);
        }
        raw
    }

    /// What the SPI says; `None` below the minimum. Any other number says something.
    #[inline]
    pub(super) fn open(&self, spi: u32) -> Option<SpiParts> {
        if spi < SPI_MIN {
            return None;
        }
        let mut raw = self.backward(spi);
        while raw < SPI_MIN {
            raw = self.backward(raw);
        }
        Some(SpiParts::unpack(raw))
    }

    /// Where the generations of a place begin, so that a restart does not begin where the last
    /// run did.
    pub(super) fn first_generation(&self, index: u16) -> u16 {
        let draw = keyed(&self.key, u64::from(index) + 2 * ROUNDS as u64);
        1 + (draw % u64::from(GENERATION_MAX)) as u16
    }

    #[inline]
    fn forward(&self, raw: u32) -> u32 {
        let (mut left, mut right) = ((raw >> 16) as u16, raw as u16);
        for round in &self.rounds {
            (left, right) = (right, left ^ mix(*round, right));
        }
        u32::from(left) << 16 | u32::from(right)
    }

    #[inline]
    fn backward(&self, raw: u32) -> u32 {
        let (mut left, mut right) = ((raw >> 16) as u16, raw as u16);
        for round in self.rounds.iter().rev() {
            (left, right) = (right ^ mix(*round, left), left);
        }
        u32::from(left) << 16 | u32::from(right)
    }
}

#[inline]
fn mix((factor, addend): (u64, u64), half: u16) -> u16 {
    (u64::from(half).wrapping_mul(factor).wrapping_add(addend) >> 48) as u16
}

fn keyed(key: &[u8; 16], label: u64) -> u64 {
    let mut hasher = SipHasher24::new_with_key(key);
    hasher.write_u64(label);
    hasher.finish()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn parts()(index in 0_u16..1 << 15, home in 0_u8..64, generation in 1..=GENERATION_MAX)
            -> SpiParts
        {
            SpiParts { index, home, generation }
        }
    }

    proptest! {
        #[test]
        fn an_spi_opens_to_its_parts(key: [u8; 16], parts in parts()) {
            let permutation = SpiPermutation::new(key);
            let spi = permutation.seal(parts);
            prop_assert!(spi >= SPI_MIN);
            prop_assert_eq!(permutation.open(spi), Some(parts));
        }

        #[test]
        fn what_would_be_reserved_is_walked_past(key: [u8; 16], low in 0..SPI_MIN) {
            let permutation = SpiPermutation::new(key);
            prop_assert_eq!(permutation.open(low), None);
            // The parts that the bare network would send to a reserved SPI.
            let raw = permutation.backward(low);
            let parts = SpiParts::unpack(raw);
            if parts.generation > 0 {
                let spi = permutation.seal(parts);
                prop_assert!(spi >= SPI_MIN);
                prop_assert_eq!(permutation.open(spi), Some(parts));
            }
        }

        #[test]
        fn first_generations_are_legal(key: [u8; 16], index in 0_u16..1 << 15) {
            let first = SpiPermutation::new(key).first_generation(index);
            prop_assert!((1..=GENERATION_MAX).contains(&first));
        }
    }

    #[test]
    fn neighbours_have_no_related_spis() {
        let permutation = SpiPermutation::new(*b"0123456789abcdef");
        let parts = |index, generation| SpiParts {
            index,
            home: 0,
            generation,
        };
        let spis: Vec<u32> = (0..4096)
            .map(|index| permutation.seal(parts(index, 1)))
            .collect();
        let differences: HashSet<u32> = spis
            .windows(2)
            .map(|pair| pair[1].wrapping_sub(pair[0]))
            .collect();
        assert!(differences.len() > 4050, "{}", differences.len());
        // Each bit of the SPI is set about half of the time.
        for bit in 0..32 {
            let ones = spis.iter().filter(|&spi| spi >> bit & 1 == 1).count();
            assert!((1800..2300).contains(&ones), "bit {bit}: {ones}");
        }
        let other = SpiPermutation::new(*b"1123456789abcdef");
        let same =
            (0..4096).filter(|&index| other.seal(parts(index, 1)) == spis[usize::from(index)]);
        assert_eq!(same.count(), 0);
    }
}
