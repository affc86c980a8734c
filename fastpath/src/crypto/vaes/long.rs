//! Long packets: one at a time, four vectors per step.
//!
//! GHASH of a step stands between the rounds of AES: of the same step when opening, of the one
//! before when sealing, whose ciphertext is ready by then.

use core::arch::x86_64::{
    __m512i, _bzhi_u64, _mm_xor_si128, _mm512_add_epi32, _mm512_aesenc_epi128,
    _mm512_aesenclast_epi128, _mm512_castsi512_si128, _mm512_extracti32x4_epi32,
    _mm512_mask_loadu_epi8, _mm512_mask_mov_epi8, _mm512_mask_mov_epi32, _mm512_mask_storeu_epi8,
    _mm512_maskz_broadcast_i32x4, _mm512_set_epi32, _mm512_set1_epi32, _mm512_setzero_si512,
    _mm512_storeu_si512,
};

use super::super::CryptoJob;
use super::key::{GROUP, GROUPS, Key, ROUND_KEYS_MAX};
use super::short::{load_aad, with_lengths};
use super::tag::Tag;
use super::text::{pad_len, row_len, tail_len};
use super::vector::{
    BLOCK, LANES, Product, WIDTH, broadcast, lane_sum, load, load_block, reverse_bytes,
    reverse_counters, xor,
};

/// Bytes of text from which on a packet may use all powers of the hash key. Below, reduction in
/// between is cheaper than the cache lines.
pub(super) const ALL_POWERS_FROM: usize = 600;
/// Bytes of text for whose counters one byte is enough.
pub(super) const BYTE_COUNTERS_MAX: usize = 253 * BLOCK;

/// Where a packet's row has come to. Counters of `WIDE` rows take more than one byte.
struct Row<'a, const WIDE: bool> {
    key: &'a Key,
    /// Round keys of the nine rounds that every key has, and of those that longer keys add.
    rounds: &'a [[u8; BLOCK]; 9],
    more_rounds: &'a [[u8; BLOCK]],
    /// Nonce and first round key in every lane.
    base: __m512i,
    /// Counters of the next vector: in the last byte of each lane, or little-endian in its last
    /// word.
    counters: __m512i,
    sum: Product,
    /// What has been reduced, in the first lane, reversed as products are.
    hash: __m512i,
    /// Vectors to be hashed.
    left: usize,
    /// Groups of powers in use: one or all.
    groups: usize,
}

impl<const WIDE: bool> Row<'_, WIDE> {
    /// The next counter blocks; with `LAST`, the last one is the tag's.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    fn counters<const N: usize, const LAST: bool>(&mut self) -> [__m512i; N] {
        let unit = if WIDE {
            LANES as i32
        } else {
            (LANES as i32) << 24
        };
        let step = _mm512_set_epi32(unit, 0, 0, 0, unit, 0, 0, 0, unit, 0, 0, 0, unit, 0, 0, 0);
        let mut states = [self.base; N];
        for (at, state) in states.iter_mut().enumerate() {
            let mut counters = self.counters;
            if WIDE {
                counters = reverse_counters(counters);
            }
            if LAST && at + 1 == N {
                counters = _mm512_mask_mov_epi32(counters, 0x8000, _mm512_set1_epi32(1 << 24));
            }
            *state = xor(*state, counters);
            self.counters = _mm512_add_epi32(self.counters, step);
        }
        states
    }

    /// Keystream for the next vectors. Between the rounds, `blocks` go into the sum.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    fn step<const N: usize, const H: usize, const LAST: bool, const SITE: u8>(
        &mut self,
        mut blocks: [__m512i; H],
    ) -> [__m512i; N] {
        let mut states = self.counters::<N, LAST>();
        let group = self.left.wrapping_sub(1) / GROUP % self.groups;
        let powers = &self.key.groups[GROUPS - 1 - group % GROUPS];
        if H > 0 {
            blocks[0] = xor(blocks[0], self.hash);
            self.left -= H;
        }
        for (round, round_key) in self.rounds.iter().enumerate() {
            one_round(&mut states, broadcast(round_key));
            let block = round / 2;
            if round % 2 == 1 && block < H {
                let product = powers.product(blocks[block], GROUP - H + block);
                self.sum = self.sum.plus(product);
            }
        }
        if !self.more_rounds.is_empty() {
            for round_key in self.more_rounds {
                one_round(&mut states, broadcast(round_key));
            }
        }
        let last = broadcast(&self.key.round_keys[ROUND_KEYS_MAX - 1]);
        for state in &mut states {
            *state = _mm512_aesenclast_epi128(*state, last);
        }
        if H > 0 {
            self.hash = _mm512_setzero_si512();
            if group == 0 {
                self.hash = lane_sum(self.sum.reduced());
                self.sum = Product::zero();
            }
        }
        states
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn one_round<const N: usize>(states: &mut [__m512i; N], round_key: __m512i) {
    for state in states {
        *state = _mm512_aesenc_epi128(*state, round_key);
    }
}

/// A text in vectors.
struct Parts<'a> {
    /// The end of the row's first vector.
    head: &'a mut [u8],
    middle: &'a mut [[u8; WIDTH]],
    /// The beginning of the row's last vector.
    tail: &'a mut [u8],
}

impl<'a> Parts<'a> {
    #[inline]
    fn new(text: &'a mut [u8]) -> Option<Self> {
        let (head_len, tail_len) = (WIDTH - BLOCK - pad_len(text.len()), tail_len(text.len()));
        let (head, rest) = text.split_at_mut_checked(head_len)?;
        let (middle, tail) = rest.split_at_mut_checked(rest.len().checked_sub(tail_len)?)?;
        let (middle, _) = middle.as_chunks_mut();
        Some(Self { head, middle, tail })
    }
}

/// Seals or opens one packet whose row is longer than four vectors and whose ICV is a block.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) fn one<const SEAL: bool, const WIDE: bool>(job: &mut CryptoJob<'_, Key>) {
    let (key, aad_len, text_len) = (job.key, job.aad_len(), job.text_len());
    let pad_len = pad_len(text_len);
    let nonce = _mm512_maskz_broadcast_i32x4(0x7777, load_block(&job.iv));
    let aad = load_aad(&job.aad, aad_len, pad_len);
    let Some((rounds, more_rounds)) = key.middle_rounds().split_first_chunk() else {
        return;
    };
    let mut row = Row::<WIDE> {
        key,
        rounds,
        more_rounds,
        base: xor(nonce, broadcast(key.initial())),
        counters: first_counters::<WIDE>((pad_len / BLOCK) as i32),
        sum: Product::zero(),
        hash: _mm512_setzero_si512(),
        left: row_len(text_len),
        groups: if text_len < ALL_POWERS_FROM {
            1
        } else {
            GROUPS
        },
    };
    let early_len = (row.left - 1) % GROUP;
    let Some((text, icv, done)) = job.text_and_icv() else {
        return;
    };
    let tag = Tag::new(icv, done);
    let Some(parts) = Parts::new(text) else {
        return;
    };
    let Some((early, middle)) = parts.middle.split_at_mut_checked(early_len) else {
        return;
    };
    match early_len {
        0 => begin::<1, SEAL, WIDE>(&mut row, parts.head, aad, early),
        1 => begin::<2, SEAL, WIDE>(&mut row, parts.head, aad, early),
        2 => begin::<3, SEAL, WIDE>(&mut row, parts.head, aad, early),
        _ => begin::<4, SEAL, WIDE>(&mut row, parts.head, aad, early),
    }
    let lengths = with_lengths(_mm512_setzero_si512(), aad_len, text_len);
    let (steps, end) = middle.as_chunks_mut::<GROUP>();
    let (Ok(end), tail) = (<&mut [_; GROUP - 1]>::try_from(end), parts.tail) else {
        return;
    };
    let mask = if SEAL {
        seal(&mut row, steps, end, tail, lengths)
    } else {
        open(&mut row, steps, end, tail, lengths)
    };
    let mask = _mm512_extracti32x4_epi32::<3>(mask);
    tag.conclude::<SEAL>(_mm_xor_si128(
        _mm512_castsi512_si128(reverse_bytes(row.hash)),
        mask,
    ));
}

/// Counters of the first vector of a row: the text begins behind the AAD with 2.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) fn first_counters<const WIDE: bool>(pad: i32) -> __m512i {
    let shift = if WIDE { 0 } else { 24 };
    let [a, b, c, d] = [1, 2, 3, 4].map(|lane: i32| (lane - pad) << shift);
    _mm512_set_epi32(d, 0, 0, 0, c, 0, 0, 0, b, 0, 0, 0, a, 0, 0, 0)
}

/// The vectors in front of the first whole step.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn begin<const N: usize, const SEAL: bool, const WIDE: bool>(
    row: &mut Row<'_, WIDE>,
    head: &mut [u8],
    aad: __m512i,
    early: &mut [[u8; WIDTH]],
) {
    let mut blocks = [_mm512_setzero_si512(); N];
    let stream = row.step::<N, 0, false, 0>([]);
    blocks[0] = reverse_bytes(cross_end::<SEAL>(head, stream[0], aad));
    for ((bytes, stream), blocks) in early.iter_mut().zip(&stream[1..]).zip(&mut blocks[1..]) {
        *blocks = reverse_bytes(cross::<SEAL>(bytes, *stream));
    }
    let [] = row.step::<0, N, false, 0>(blocks);
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn seal<const WIDE: bool>(
    row: &mut Row<'_, WIDE>,
    steps: &mut [[[u8; WIDTH]; GROUP]],
    end: &mut [[u8; WIDTH]; GROUP - 1],
    tail: &mut [u8],
    lengths: __m512i,
) -> __m512i {
    let stream: [_; GROUP] = if let Some((first, steps)) = steps.split_first_mut() {
        let stream = row.step::<GROUP, 0, false, 1>([]);
        let mut blocks = cross_all::<true>(first, stream);
        for step in steps {
            let stream = row.step::<GROUP, GROUP, false, 2>(blocks);
            blocks = cross_all::<true>(step, stream);
        }
        row.step::<GROUP, GROUP, true, 3>(blocks)
    } else {
        row.step::<GROUP, 0, true, 4>([])
    };
    let mut blocks = [_mm512_setzero_si512(); GROUP];
    for ((bytes, stream), blocks) in end.iter_mut().zip(stream).zip(&mut blocks) {
        *blocks = reverse_bytes(cross::<true>(bytes, stream));
    }
    blocks[GROUP - 1] = reverse_bytes(cross_start::<true>(tail, stream[GROUP - 1], lengths));
    let [] = row.step::<0, GROUP, false, 5>(blocks);
    stream[GROUP - 1]
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn open<const WIDE: bool>(
    row: &mut Row<'_, WIDE>,
    steps: &mut [[[u8; WIDTH]; GROUP]],
    end: &mut [[u8; WIDTH]; GROUP - 1],
    tail: &mut [u8],
    lengths: __m512i,
) -> __m512i {
    for step in steps {
        let mut blocks = [_mm512_setzero_si512(); GROUP];
        for (bytes, blocks) in step.iter().zip(&mut blocks) {
            *blocks = reverse_bytes(load(bytes));
        }
        let stream: [_; GROUP] = row.step::<GROUP, GROUP, false, 6>(blocks);
        for (bytes, stream) in step.iter_mut().zip(stream) {
            cross::<false>(bytes, stream);
        }
    }
    let mut blocks = [_mm512_setzero_si512(); GROUP];
    for (bytes, blocks) in end.iter().zip(&mut blocks) {
        *blocks = reverse_bytes(load(bytes));
    }
    blocks[GROUP - 1] = reverse_bytes(load_start(tail, lengths));
    let stream: [_; GROUP] = row.step::<GROUP, GROUP, true, 7>(blocks);
    for (bytes, stream) in end.iter_mut().zip(stream) {
        cross::<false>(bytes, stream);
    }
    cross_start::<false>(tail, stream[GROUP - 1], lengths);
    stream[GROUP - 1]
}

/// Encrypts or decrypts the vectors of a step; the ciphertext as GHASH takes it.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn cross_all<const SEAL: bool>(
    step: &mut [[u8; WIDTH]; GROUP],
    stream: [__m512i; GROUP],
) -> [__m512i; GROUP] {
    let mut blocks = [_mm512_setzero_si512(); GROUP];
    for ((bytes, stream), blocks) in step.iter_mut().zip(stream).zip(&mut blocks) {
        *blocks = reverse_bytes(cross::<SEAL>(bytes, stream));
    }
    blocks
}

/// Encrypts or decrypts a vector; the ciphertext.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn cross<const SEAL: bool>(bytes: &mut [u8; WIDTH], stream: __m512i) -> __m512i {
    let before = load(bytes);
    let after = xor(before, stream);
    // SAFETY: writes the 64 bytes of the array, at any alignment.
    unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), after) };
    if SEAL { after } else { before }
}

/// The beginning of a vector, and behind it what stands `beside`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn load_start(bytes: &[u8], beside: __m512i) -> __m512i {
    let mask = start_mask(bytes.len());
    // SAFETY: the mask leaves bytes of the slice alone; a masked load touches no other.
    unsafe { _mm512_mask_loadu_epi8(beside, mask, bytes.as_ptr().cast()) }
}

/// The first `len` bytes of a vector.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn start_mask(len: usize) -> u64 {
    _bzhi_u64(u64::MAX, len.min(WIDTH) as u32)
}

/// Encrypts or decrypts the beginning of a vector; the ciphertext and what stands `beside`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn cross_start<const SEAL: bool>(bytes: &mut [u8], stream: __m512i, beside: __m512i) -> __m512i {
    let mask = start_mask(bytes.len());
    let before = load_start(bytes, beside);
    let after = xor(before, stream);
    // SAFETY: the mask leaves bytes of the slice alone; a masked store touches no other.
    unsafe { _mm512_mask_storeu_epi8(bytes.as_mut_ptr().cast(), mask, after) };
    if SEAL {
        _mm512_mask_mov_epi8(beside, mask, after)
    } else {
        before
    }
}

/// Encrypts or decrypts the end of a vector; the ciphertext and what stands `beside`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn cross_end<const SEAL: bool>(bytes: &mut [u8], stream: __m512i, beside: __m512i) -> __m512i {
    let len = bytes.len().min(WIDTH);
    let mask = !start_mask(WIDTH - len);
    let at = bytes.as_mut_ptr().wrapping_add(len).wrapping_sub(WIDTH);
    // SAFETY: the mask leaves bytes of the slice alone; a masked load touches no other.
    let before = unsafe { _mm512_mask_loadu_epi8(beside, mask, at.cast()) };
    let after = xor(before, stream);
    // SAFETY: the mask leaves bytes of the slice alone; a masked store touches no other.
    unsafe { _mm512_mask_storeu_epi8(at.cast(), mask, after) };
    if SEAL {
        _mm512_mask_mov_epi8(beside, mask, after)
    } else {
        before
    }
}
