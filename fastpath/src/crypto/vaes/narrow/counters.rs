//! Counter blocks.

use core::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_set_epi32, _mm256_set_epi64x, _mm256_shuffle_epi8,
};

use super::super::vector::BLOCK;
use super::vector::{LANES, TILE, load, xor};

/// Counters that one byte holds.
const BYTE_COUNTERS: usize = 1 << 8;

/// Blocks with nothing but those counters.
static COUNTERS: Counters = Counters::new();

#[repr(C, align(64))]
struct Counters([[u8; BLOCK]; BYTE_COUNTERS]);

impl Counters {
    const fn new() -> Self {
        let mut blocks = [[0; BLOCK]; BYTE_COUNTERS];
        let mut at = 0;
        while at < BYTE_COUNTERS {
            blocks[at][BLOCK - 1] = at as u8;
            at += 1;
        }
        Self(blocks)
    }
}

/// Counters from `first` on, added to `base`: the nonce, perhaps with a round key.
#[inline]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
pub(super) fn counter_blocks<const N: usize>(base: __m256i, first: usize) -> [__m256i; N] {
    let mut blocks = [base; N];
    if let Some(counters) = COUNTERS.0.get(first..first + TILE * LANES)
        && let (counters, _) = counters.as_flattened().as_chunks()
        && let Some(counters) = counters.first_chunk::<TILE>()
    {
        for (blocks, counters) in blocks.iter_mut().zip(counters) {
            *blocks = xor(*blocks, load(counters));
        }
        return blocks;
    }
    let (first, step) = (first as i32, LANES as i32);
    let step = _mm256_set_epi32(step, 0, 0, 0, step, 0, 0, 0);
    let mut counters = _mm256_set_epi32(first + 1, 0, 0, 0, first, 0, 0, 0);
    for blocks in &mut blocks {
        *blocks = xor(*blocks, reverse_counters(counters));
        counters = _mm256_add_epi32(counters, step);
    }
    blocks
}

/// The last word of each block in network byte order; the others are zero.
#[inline]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
fn reverse_counters(counters: __m256i) -> __m256i {
    const HIGH: i64 = 0x0c0d_0e0f_8080_8080_u64.cast_signed();
    const LOW: i64 = 0x8080_8080_8080_8080_u64.cast_signed();
    _mm256_shuffle_epi8(counters, _mm256_set_epi64x(HIGH, LOW, HIGH, LOW))
}
