//! AES of counter blocks.

use core::arch::x86_64::{__m256i, _mm256_aesenc_epi128, _mm256_aesenclast_epi128};

use super::super::key::{Key, ROUND_KEYS_MAX};
use super::vector::{broadcast, pin};

/// AES of `N` vectors of counter blocks, which have the first round key. Between the rounds there
/// are eight turns, in which `between` does other work.
#[inline]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
pub(super) fn encrypt<const N: usize>(
    key: &Key,
    mut states: [__m256i; N],
    mut between: impl FnMut(usize),
) -> [__m256i; N] {
    if key.rounds > 10 {
        if key.rounds > 12 {
            one_round(key, &mut states, 1);
            one_round(key, &mut states, 2);
        }
        one_round(key, &mut states, 3);
        one_round(key, &mut states, 4);
    }
    // Not a loop: the compiler would keep it as one.
    one_round(key, &mut states, 5);
    between(0);
    one_round(key, &mut states, 6);
    between(1);
    one_round(key, &mut states, 7);
    between(2);
    one_round(key, &mut states, 8);
    between(3);
    one_round(key, &mut states, 9);
    between(4);
    one_round(key, &mut states, 10);
    between(5);
    one_round(key, &mut states, 11);
    between(6);
    one_round(key, &mut states, 12);
    between(7);
    one_round(key, &mut states, 13);
    let round_key = broadcast(&key.round_keys[ROUND_KEYS_MAX - 1]);
    for state in &mut states {
        *state = _mm256_aesenclast_epi128(*state, round_key);
    }
    states
}

#[inline]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
fn one_round<const N: usize>(key: &Key, states: &mut [__m256i; N], round: usize) {
    let round_key = broadcast(&key.round_keys[round]);
    for state in states {
        *state = _mm256_aesenc_epi128(*state, round_key);
        pin(state);
    }
}
