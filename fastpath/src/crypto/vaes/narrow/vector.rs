//! Two blocks of 16 bytes in one vector: the arithmetic of GHASH, as in [`super::super::vector`].

use core::arch::asm;
use core::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm_set_epi64x, _mm_shuffle_epi8, _mm_xor_si128,
    _mm256_broadcastsi128_si256, _mm256_castsi256_si128, _mm256_clmulepi64_epi128,
    _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_set_epi64x, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_shuffle_epi32, _mm256_xor_si256,
};

use super::super::key::{GROUP, Powers};
use super::super::vector::{self, BLOCK, POLYNOMIAL};

/// Blocks of a vector.
pub(super) const LANES: usize = 2;
/// Bytes of a vector.
pub(super) const WIDTH: usize = BLOCK * LANES;
/// Vectors of one group of powers.
pub(super) const TILE: usize = GROUP * vector::WIDTH / WIDTH;

/// One block.
#[inline]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
pub(super) fn load_block(bytes: &[u8; BLOCK]) -> __m128i {
    // SAFETY: reads the sixteen bytes of the array, at any alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// Sixteen bytes in both lanes.
#[inline]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
pub(super) fn broadcast(bytes: &[u8; BLOCK]) -> __m256i {
    _mm256_broadcastsi128_si256(load_block(bytes))
}

/// Two blocks.
#[inline]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
pub(super) fn load(bytes: &[u8; WIDTH]) -> __m256i {
    // SAFETY: reads the 32 bytes of the array, at any alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// Keeps the compiler from moving what makes `blocks` behind what comes after: it would undo the
/// interleaving of AES and GHASH, which it takes for independent work in any order.
#[inline]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
pub(super) fn pin(blocks: &mut __m256i) {
    let mut same = *blocks;
    // SAFETY: no instruction.
    unsafe { asm!("/* {0} */", inout(ymm_reg) same, options(nomem, nostack, preserves_flags)) };
    *blocks = same;
}

/// `a ^ b`.
#[inline]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
pub(super) fn xor(a: __m256i, b: __m256i) -> __m256i {
    _mm256_xor_si256(a, b)
}

/// The bytes of a block in reverse order.
const HIGH: i64 = 0x0001_0203_0405_0607;
const LOW: i64 = 0x0809_0a0b_0c0d_0e0f;

/// Each block with its bytes in reverse order.
#[inline]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
pub(super) fn reverse_bytes(blocks: __m256i) -> __m256i {
    _mm256_shuffle_epi8(blocks, _mm256_set_epi64x(HIGH, LOW, HIGH, LOW))
}

/// As [`reverse_bytes`] of one block.
#[inline]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
pub(super) fn reverse_block(block: __m128i) -> __m128i {
    _mm_shuffle_epi8(block, _mm_set_epi64x(HIGH, LOW))
}

/// Each block with its halves exchanged.
#[inline]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
fn swap_halves(blocks: __m256i) -> __m256i {
    _mm256_shuffle_epi32::<0b01_00_11_10>(blocks)
}

/// A sum of products by Karatsuba's three parts.
#[derive(Clone, Copy)]
pub(super) struct Product {
    low: __m256i,
    high: __m256i,
    middle: __m256i,
}

impl Product {
    /// No product.
    #[inline]
    #[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
    pub(super) fn zero() -> Self {
        let zero = _mm256_setzero_si256();
        Self {
            low: zero,
            high: zero,
            middle: zero,
        }
    }

    /// Products of two reversed blocks with the powers at `place` of a group, which are laid out
    /// for vectors of four blocks: vectors 0 and 1 here are the first one there.
    #[inline]
    #[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
    pub(super) fn of(blocks: __m256i, group: &Powers, place: usize) -> Self {
        let place = place % TILE;
        let (powers, _) = group.powers.as_flattened().as_chunks::<WIDTH>();
        let (middles, _) = group.middles.as_flattened().as_chunks::<WIDTH>();
        let powers = load(&powers[place]);
        let middles = load(&middles[place / 4 * 2 + place % 2]);
        let sums = xor(blocks, swap_halves(blocks));
        Self {
            low: _mm256_clmulepi64_epi128::<0x00>(blocks, powers),
            high: _mm256_clmulepi64_epi128::<0x11>(blocks, powers),
            middle: if place / 2 % 2 == 1 {
                _mm256_clmulepi64_epi128::<0x10>(sums, middles)
            } else {
                _mm256_clmulepi64_epi128::<0x00>(sums, middles)
            },
        }
    }

    /// As the function.
    #[inline]
    #[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
    pub(super) fn pin(&mut self) {
        pin(&mut self.low);
        pin(&mut self.high);
        pin(&mut self.middle);
    }

    /// The sum of two.
    #[inline]
    #[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            low: xor(self.low, other.low),
            high: xor(self.high, other.high),
            middle: xor(self.middle, other.middle),
        }
    }

    /// The sum of both lanes' remainders modulo GHASH's polynomial: 64 bits from below, twice.
    #[inline]
    #[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
    pub(super) fn reduced(self) -> __m128i {
        let polynomial = _mm256_set_epi64x(0, POLYNOMIAL, 0, POLYNOMIAL);
        let middle = xor(self.middle, xor(self.low, self.high));
        let folded = _mm256_clmulepi64_epi128::<0x00>(self.low, polynomial);
        let middle = xor(xor(middle, swap_halves(self.low)), folded);
        let folded = _mm256_clmulepi64_epi128::<0x00>(middle, polynomial);
        let lanes = xor(xor(self.high, swap_halves(middle)), folded);
        _mm_xor_si128(
            _mm256_castsi256_si128(lanes),
            _mm256_extracti128_si256::<1>(lanes),
        )
    }
}
