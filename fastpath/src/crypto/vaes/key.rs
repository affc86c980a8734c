//! Round keys and hash key powers of one SA.

use core::arch::x86_64::{
    __m128i, __m512i, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_aeskeygenassist_si128,
    _mm_clmulepi64_si128, _mm_extract_epi32, _mm_extract_epi64, _mm_set_epi32, _mm_set_epi64x,
    _mm_setzero_si128, _mm_shuffle_epi32, _mm_xor_si128,
};
use zeroize::{Zeroize, Zeroizing};

use super::vector::{BLOCK, LANES, POLYNOMIAL, Product, WIDTH, load};

/// Round keys of AES-256 (FIPS 197 section 5): the cipher's own and the initial one.
pub(super) const ROUND_KEYS_MAX: usize = 15;
/// Vectors of one [`Powers`].
pub(super) const GROUP: usize = 4;
/// Groups of powers of a key.
pub(super) const GROUPS: usize = 3;

/// Sixteen powers of the hash key in descending order.
///
/// Lane `i` of `middles[j]` has in its low half the sum of the halves of lane `i` of
/// `powers[2 * j]`, in its high half that of `powers[2 * j + 1]`.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Powers {
    pub(super) powers: [[u8; WIDTH]; GROUP],
    pub(super) middles: [[u8; WIDTH]; GROUP / 2],
}

impl Powers {
    /// Products of reversed blocks with the powers at `place`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    pub(super) fn product(&self, blocks: __m512i, place: usize) -> Product {
        let powers = load(&self.powers[place]);
        let middles = load(&self.middles[place / 2]);
        Product::of(blocks, powers, middles, place % 2 == 1)
    }
}

/// Keys of one SA, the same for both directions.
///
/// A packet below 600 bytes reads the round keys and the last group of powers: nine cache lines,
/// ten with AES-256.
#[repr(C, align(64))]
pub(crate) struct Key {
    /// The last one is always the last: shorter keys leave the first ones zero.
    pub(super) round_keys: [[u8; BLOCK]; ROUND_KEYS_MAX],
    /// Ten, twelve or fourteen.
    pub(super) rounds: u32,
    /// H^48 to H^33, H^32 to H^17, H^16 to H^1.
    pub(super) groups: [Powers; GROUPS],
}

const _: () = assert!(
    std::mem::offset_of!(Key, groups) == 4 * WIDTH && size_of::<Powers>() == 6 * WIDTH,
    "with the SA's own two lines a short packet stays within twelve"
);

impl Key {
    /// Expands a key of 16, 24 or 32 bytes; `None` for any other length.
    #[target_feature(enable = "aes,pclmulqdq,sse4.1")]
    pub(super) fn expand(key: &[u8]) -> Option<Box<Self>> {
        if !matches!(key.len(), 16 | 24 | 32) {
            return None;
        }
        let empty = Powers {
            powers: [[0; WIDTH]; GROUP],
            middles: [[0; WIDTH]; GROUP / 2],
        };
        let mut expanded = Box::new(Self {
            round_keys: [[0; BLOCK]; ROUND_KEYS_MAX],
            rounds: key.len() as u32 / 4 + 6,
            groups: [empty; GROUPS],
        });
        expanded.expand_round_keys(key);
        expanded.expand_powers();
        Some(expanded)
    }

    /// FIPS 197 section 5.2.
    #[target_feature(enable = "aes,pclmulqdq,sse4.1")]
    fn expand_round_keys(&mut self, key: &[u8]) {
        let key_words = key.len() / 4;
        let mut words = Zeroizing::new([0_u32; ROUND_KEYS_MAX * 4]);
        for (word, bytes) in words.iter_mut().zip(key.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        let mut constant = 1_u8;
        for at in key_words..4 * (self.rounds as usize + 1) {
            let before = words[at - 1];
            let mixed = if at % key_words == 0 {
                // Little-endian words: rotating left by a byte is rotating right here.
                let mixed = substitute(before).rotate_right(8) ^ u32::from(constant);
                constant = (constant << 1) ^ ((constant >> 7) * 0x1b);
                mixed
            } else if key_words > 6 && at % key_words == 4 {
                substitute(before)
            } else {
                before
            };
            words[at] = words[at - key_words] ^ mixed;
        }
        let first = self.first();
        let round_keys = self.round_keys[first..].as_flattened_mut();
        for (bytes, word) in round_keys.as_chunks_mut::<4>().0.iter_mut().zip(&*words) {
            *bytes = word.to_le_bytes();
        }
    }

    /// NIST SP 800-38D section 6.4: powers of the encrypted zero block.
    #[target_feature(enable = "aes,pclmulqdq,sse4.1")]
    fn expand_powers(&mut self) {
        let first = divided_by_x(self.encrypt(_mm_setzero_si128()));
        let mut power = first;
        let blocks = GROUPS * GROUP * LANES;
        for at in (0..blocks).rev() {
            let (group, within) = (at / (GROUP * LANES), at % (GROUP * LANES));
            let (vector, lane) = (within / LANES, within % LANES * BLOCK);
            let halves = from_block(power);
            let bytes = halves.to_le_bytes();
            let middle = (halves as u64 ^ (halves >> 64) as u64).to_le_bytes();
            let into = &mut self.groups[group];
            into.powers[vector][lane..lane + BLOCK].copy_from_slice(&bytes);
            let lane = lane + vector % 2 * 8;
            into.middles[vector / 2][lane..lane + 8].copy_from_slice(&middle);
            power = times(power, first);
        }
    }

    /// AES of one block.
    #[target_feature(enable = "aes,pclmulqdq,sse4.1")]
    fn encrypt(&self, block: __m128i) -> __m128i {
        let first = self.first();
        let mut state = _mm_xor_si128(block, load_block(&self.round_keys[first]));
        for round_key in &self.round_keys[first + 1..ROUND_KEYS_MAX - 1] {
            state = _mm_aesenc_si128(state, load_block(round_key));
        }
        _mm_aesenclast_si128(state, load_block(&self.round_keys[ROUND_KEYS_MAX - 1]))
    }

    /// Place of the initial round key.
    fn first(&self) -> usize {
        ROUND_KEYS_MAX - 1 - self.rounds as usize
    }

    /// The round keys between the initial and the last one.
    #[inline]
    pub(super) fn middle_rounds(&self) -> &[[u8; BLOCK]] {
        let rounds = self.round_keys.get(self.first() + 1..ROUND_KEYS_MAX - 1);
        rounds.unwrap_or_default()
    }

    /// The initial round key.
    #[inline]
    pub(super) fn initial(&self) -> &[u8; BLOCK] {
        let [longest, _, middle, _, shortest, ..] = &self.round_keys;
        match self.rounds {
            10 => shortest,
            12 => middle,
            _ => longest,
        }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.round_keys.zeroize();
        for group in &mut self.groups {
            group.powers.zeroize();
            group.middles.zeroize();
        }
    }
}

/// FIPS 197's SubWord, in time that does not depend on the word.
#[target_feature(enable = "aes,pclmulqdq,sse4.1")]
fn substitute(word: u32) -> u32 {
    let words = _mm_set_epi32(0, 0, word.cast_signed(), 0);
    _mm_extract_epi32::<0>(_mm_aeskeygenassist_si128::<0>(words)).cast_unsigned()
}

/// A block as GHASH writes it, reflected and divided by x.
#[target_feature(enable = "aes,pclmulqdq,sse4.1")]
fn divided_by_x(block: __m128i) -> __m128i {
    let reflected = from_block(block).swap_bytes();
    let carry = reflected >> 127;
    // All ones or nothing: no branch on a secret.
    let wrapped = carry.wrapping_neg() & (0xc2 << 120 | 1);
    to_block(reflected << 1 ^ wrapped)
}

/// The product of two powers.
#[target_feature(enable = "aes,pclmulqdq,sse4.1")]
fn times(a: __m128i, b: __m128i) -> __m128i {
    let polynomial = _mm_set_epi64x(0, POLYNOMIAL);
    let low = _mm_clmulepi64_si128::<0x00>(a, b);
    let high = _mm_clmulepi64_si128::<0x11>(a, b);
    let crossed = _mm_xor_si128(
        _mm_clmulepi64_si128::<0x01>(a, b),
        _mm_clmulepi64_si128::<0x10>(a, b),
    );
    // 64 bits from below, twice.
    let folded = _mm_clmulepi64_si128::<0x00>(low, polynomial);
    let middle = _mm_xor_si128(crossed, _mm_xor_si128(swap_halves(low), folded));
    let folded = _mm_clmulepi64_si128::<0x00>(middle, polynomial);
    _mm_xor_si128(high, _mm_xor_si128(swap_halves(middle), folded))
}

#[target_feature(enable = "aes,pclmulqdq,sse4.1")]
fn swap_halves(block: __m128i) -> __m128i {
    _mm_shuffle_epi32::<0b01_00_11_10>(block)
}

/// A block as a number, its first byte lowest.
#[target_feature(enable = "aes,pclmulqdq,sse4.1")]
fn from_block(block: __m128i) -> u128 {
    let low = _mm_extract_epi64::<0>(block).cast_unsigned();
    let high = _mm_extract_epi64::<1>(block).cast_unsigned();
    u128::from(high) << 64 | u128::from(low)
}

#[target_feature(enable = "aes,pclmulqdq,sse4.1")]
fn to_block(number: u128) -> __m128i {
    _mm_set_epi64x((number >> 64) as i64, number as i64)
}

#[target_feature(enable = "aes,pclmulqdq,sse4.1")]
fn load_block(bytes: &[u8; BLOCK]) -> __m128i {
    to_block(u128::from_le_bytes(*bytes))
}
