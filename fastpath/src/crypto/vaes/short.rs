//! Short packets: one or four at a time, each a row of at most four vectors.
//!
//! Four packets fill the pipelines of AES and multiplication: while one waits for its last round,
//! the others have theirs. Their four products are reduced together, one packet per lane.

use core::arch::x86_64::{
    __m512i, _bzhi_u64, _mm_xor_si128, _mm512_aesenc_epi128, _mm512_aesenclast_epi128,
    _mm512_castsi512_si128, _mm512_extracti32x4_epi32, _mm512_mask_set1_epi64,
    _mm512_maskz_broadcast_i32x4, _mm512_maskz_loadu_epi8, _mm512_setzero_si512,
};

use super::super::CryptoJob;
use super::super::job::AAD_LEN_MAX;
use super::key::{GROUP, GROUPS, Key, ROUND_KEYS_MAX};
use super::tag::Tag;
use super::text::{Place, Text, pad_len};
use super::vector::{
    BLOCK, LANES, Product, WIDTH, broadcast, lane_sum, last_lanes, load, load_block, reverse_bytes,
    xor,
};

/// Vectors of the longest row that is short.
pub(super) const SHORT_ROW_MAX: usize = GROUP;

/// Counter blocks without a nonce: by length of the row, pad and vector.
static COUNTERS: [[[Counters; SHORT_ROW_MAX]; LANES]; SHORT_ROW_MAX] = counters_of_rows();

/// Counter blocks of one vector.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Counters([u8; WIDTH]);

const fn counters_of_rows() -> [[[Counters; SHORT_ROW_MAX]; LANES]; SHORT_ROW_MAX] {
    let mut rows = [[[Counters([0; WIDTH]); SHORT_ROW_MAX]; LANES]; SHORT_ROW_MAX];
    let mut at = 0;
    while at < SHORT_ROW_MAX * LANES * SHORT_ROW_MAX * LANES {
        let (lane, vector) = (at % LANES, at / LANES % SHORT_ROW_MAX);
        let pad = at / (LANES * SHORT_ROW_MAX) % LANES;
        let last_vector = at / (LANES * SHORT_ROW_MAX * LANES);
        let block = vector * LANES + lane;
        // The AAD's lane is nobody's counter; the text begins behind it with the counter 2.
        let counter = match block > pad {
            _ if vector == last_vector && lane + 1 == LANES => 1,
            true => block - pad + 1,
            false => 0,
        };
        rows[last_vector][pad][vector].0[lane * BLOCK + BLOCK - 1] = counter as u8;
        at += 1;
    }
    rows
}

/// A packet in work.
pub(super) struct Lane<'j> {
    pub(super) key: &'j Key,
    pub(super) text: Text<'j>,
    iv: &'j [u8; BLOCK],
    aad: &'j [u8; AAD_LEN_MAX],
    aad_len: usize,
    text_len: usize,
    pub(super) tag: Tag<'j>,
}

impl<'j> Lane<'j> {
    /// # Safety
    ///
    /// The job's ICV is a block.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    pub(super) unsafe fn new(job: &'j mut CryptoJob<'_, Key>) -> Self {
        let (key, lengths) = (job.key, (job.text_len(), job.aad_len()));
        // SAFETY: the caller's promise.
        unsafe { Self::known(job, key, lengths) }
    }

    /// The same for a job of which key and lengths of text and AAD are known: packets that have
    /// them in common are then seen to.
    ///
    /// # Safety
    ///
    /// The job's ICV is a block, and these are its own.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    pub(super) unsafe fn known(
        job: &'j mut CryptoJob<'_, Key>,
        key: &'j Key,
        (text_len, aad_len): (usize, usize),
    ) -> Self {
        let text = job.packet().as_mut_ptr().wrapping_add(job.text_offset());
        // SAFETY: the text lies within the packet, which the job borrows, and the ICV behind it.
        let (text, tag) = unsafe {
            (
                Text::new(text, text_len),
                Tag::new(&mut *text.wrapping_add(text_len).cast(), &mut job.done),
            )
        };
        Self {
            key,
            text,
            iv: &job.iv,
            aad: &job.aad,
            aad_len,
            text_len,
            tag,
        }
    }

    /// The nonce and the first round key in every lane.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    fn base(&self) -> __m512i {
        self.base_with(broadcast(self.key.initial()))
    }

    /// The same with the first round key, which is `initial` in every lane.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    pub(super) fn base_with(&self, initial: __m512i) -> __m512i {
        let nonce = _mm512_maskz_broadcast_i32x4(0x7777, load_block(self.iv));
        xor(nonce, initial)
    }

    /// Lanes in front of the AAD.
    #[inline]
    pub(super) fn pad(&self) -> usize {
        pad_len(self.text_len) / BLOCK % LANES
    }

    /// Counter blocks of a row of `Z` vectors with the first round key.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    fn counters<const Z: usize>(&self) -> [__m512i; Z] {
        let mut row = [self.base(); Z];
        for (state, counters) in row.iter_mut().zip(&COUNTERS[Z - 1][self.pad()]) {
            *state = xor(*state, load(&counters.0));
        }
        row
    }

    /// What stands beside the text: the AAD, the lengths.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    pub(super) fn beside(&self, place: Place) -> __m512i {
        let mut blocks = _mm512_setzero_si512();
        if place.has_aad() {
            blocks = load_aad(self.aad, self.aad_len, pad_len(self.text_len));
        }
        if place.has_lengths() {
            blocks = with_lengths(blocks, self.aad_len, self.text_len);
        }
        blocks
    }
}

/// The AAD behind `pad_len` zeros, and zeros behind it.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) fn load_aad(aad: &[u8; AAD_LEN_MAX], aad_len: usize, pad_len: usize) -> __m512i {
    let mask = _bzhi_u64((1 << AAD_LEN_MAX) - 1, aad_len as u32) << pad_len;
    let from = aad.as_ptr().wrapping_sub(pad_len);
    // SAFETY: the mask leaves at most the bytes of the array; a masked load touches no other.
    unsafe { _mm512_maskz_loadu_epi8(mask, from.cast()) }
}

/// Adds the block of lengths in the last lane.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) fn with_lengths(blocks: __m512i, aad_len: usize, text_len: usize) -> __m512i {
    let bits = |bytes: usize| (bytes as u64 * 8).to_be().cast_signed();
    let blocks = _mm512_mask_set1_epi64(blocks, 0x40, bits(aad_len));
    _mm512_mask_set1_epi64(blocks, 0x80, bits(text_len))
}

/// AES of the rows' counter blocks. All keys have equally many rounds.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn encrypt<const Z: usize, const P: usize, const SEAL: bool, const SAME: bool>(
    keys: [&Key; P],
    mut rows: [[__m512i; Z]; P],
) -> [[__m512i; Z]; P] {
    if keys[0].rounds > 10 {
        if keys[0].rounds > 12 {
            one_round::<Z, P, SAME>(keys, &mut rows, 1);
            one_round::<Z, P, SAME>(keys, &mut rows, 2);
        }
        one_round::<Z, P, SAME>(keys, &mut rows, 3);
        one_round::<Z, P, SAME>(keys, &mut rows, 4);
    }
    for round in 5..ROUND_KEYS_MAX - 1 {
        one_round::<Z, P, SAME>(keys, &mut rows, round);
    }
    for (row, key) in rows.iter_mut().zip(keys) {
        let key = if SAME { keys[0] } else { key };
        let round_key = broadcast(&key.round_keys[ROUND_KEYS_MAX - 1]);
        for state in row {
            *state = _mm512_aesenclast_epi128(*state, round_key);
        }
    }
    rows
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn one_round<const Z: usize, const P: usize, const SAME: bool>(
    keys: [&Key; P],
    rows: &mut [[__m512i; Z]; P],
    round: usize,
) {
    for (row, key) in rows.iter_mut().zip(keys) {
        let round_key = broadcast(&if SAME { keys[0] } else { key }.round_keys[round]);
        for state in row {
            *state = _mm512_aesenc_epi128(*state, round_key);
        }
    }
}

/// Encrypts or decrypts one packet's text; the products of its row.
///
/// `SAME` and `AT` make one instance per call of it, which the compiler then inlines.
///
/// # Safety
///
/// The packet's row has `Z` vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
unsafe fn cross<const Z: usize, const SEAL: bool, const SAME: bool, const AT: usize>(
    lane: &mut Lane<'_>,
    keystream: &[__m512i; Z],
    key: &Key,
) -> Product {
    let powers = &key.groups[GROUPS - 1];
    let mut sum = Product::zero();
    for (at, stream) in keystream.iter().enumerate() {
        let place = Place::of(at, Z);
        let beside = lane.beside(place);
        // SAFETY: by the caller's promise this is the vector's place.
        let before = unsafe { lane.text.load(at, place, beside) };
        let after = xor(before, *stream);
        // SAFETY: as above.
        unsafe { lane.text.store(at, place, after) };
        let hashed = if SEAL {
            lane.text.blend(place, beside, after)
        } else {
            before
        };
        let product = powers.product(reverse_bytes(hashed), GROUP - Z + at);
        sum = if at == 0 { product } else { sum.plus(product) };
    }
    sum
}

/// Seals or opens four packets whose keys have equally many rounds.
///
/// # Safety
///
/// The jobs' ICVs are blocks, and their rows have `Z` vectors.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) unsafe fn four<const Z: usize, const SEAL: bool, const SAME: bool>(
    [a, b, c, d]: [&mut CryptoJob<'_, Key>; LANES],
) {
    // SAFETY: the caller's promise.
    let [mut a, mut b, mut c, mut d] =
        unsafe { [Lane::new(a), Lane::new(b), Lane::new(c), Lane::new(d)] };
    let shared = a.key;
    let keys = [&a, &b, &c, &d].map(|lane| if SAME { shared } else { lane.key });
    let rows = [a.counters(), b.counters(), c.counters(), d.counters()];
    let streams = encrypt::<Z, LANES, SEAL, SAME>(keys, rows);
    let masks = last_lanes(streams.map(|row| row[Z - 1]));
    // SAFETY: the caller's promise.
    let products = unsafe {
        [
            cross::<Z, SEAL, SAME, 0>(&mut a, &streams[0], keys[0]),
            cross::<Z, SEAL, SAME, 1>(&mut b, &streams[1], keys[1]),
            cross::<Z, SEAL, SAME, 2>(&mut c, &streams[2], keys[2]),
            cross::<Z, SEAL, SAME, 3>(&mut d, &streams[3], keys[3]),
        ]
    };
    let tags = xor(reverse_bytes(Product::gathered(&products).reduced()), masks);
    conclude_all::<SEAL>([a.tag, b.tag, c.tag, d.tag], tags);
}

/// Seals or opens one packet.
///
/// # Safety
///
/// The job's ICV is a block, and its row has `Z` vectors.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) unsafe fn one<const Z: usize, const SEAL: bool>(job: &mut CryptoJob<'_, Key>) {
    // SAFETY: the caller's promise.
    let mut lane = unsafe { Lane::new(job) };
    let key = lane.key;
    let [stream] = encrypt::<Z, 1, SEAL, true>([key], [lane.counters()]);
    let mask = _mm512_extracti32x4_epi32::<3>(stream[Z - 1]);
    // SAFETY: the caller's promise.
    let product = unsafe { cross::<Z, SEAL, true, LANES>(&mut lane, &stream, key) };
    let hash = lane_sum(product.reduced());
    let tag = _mm_xor_si128(_mm512_castsi512_si128(reverse_bytes(hash)), mask);
    lane.tag.conclude::<SEAL>(tag);
}

/// Concludes four packets, each with its lane of `tags`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) fn conclude_all<const SEAL: bool>([a, b, c, d]: [Tag<'_>; LANES], tags: __m512i) {
    a.conclude::<SEAL>(_mm512_castsi512_si128(tags));
    b.conclude::<SEAL>(_mm512_extracti32x4_epi32::<1>(tags));
    c.conclude::<SEAL>(_mm512_extracti32x4_epi32::<2>(tags));
    d.conclude::<SEAL>(_mm512_extracti32x4_epi32::<3>(tags));
}
