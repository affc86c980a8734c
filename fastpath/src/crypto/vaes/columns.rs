//! Long packets of one SA with rows of one length: four at a time, a vector of each per step.
//!
//! GHASH of four vectors stands between the rounds of AES of four others: of the same column when
//! opening, of the one before when sealing, whose ciphertext is ready by then. The products of all
//! four packets are reduced together: every fourth column, or every twelfth one where packets are
//! long enough for all powers of the hash key.

use core::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_aesenc_epi128, _mm512_aesenclast_epi128,
    _mm512_mask_mov_epi32, _mm512_maskz_shuffle_i64x2, _mm512_set_epi64, _mm512_set1_epi32,
    _mm512_setzero_si512,
};

use super::super::CryptoJob;
use super::key::{GROUP, GROUPS, Key, Powers, ROUND_KEYS_MAX};
use super::long::{ALL_POWERS_FROM, first_counters};
use super::short::{Lane, conclude_all};
use super::text::{Place, row_len};
use super::vector::{LANES, Product, broadcast, last_lanes, reverse_bytes, xor};

/// Vectors of the longest row whose counters take one byte.
pub(super) const COLUMNS_MAX: usize = 63;

const _: () = assert!(
    COLUMNS_MAX * LANES <= u8::MAX as usize,
    "a byte is enough for a counter"
);

/// Vectors of a row from which on all powers are used.
const ALL_POWERS_ROW: usize = row_len(ALL_POWERS_FROM) + 1;

/// Four packets in work. `EVEN` makes one instance of each step per call, which the compiler then
/// inlines.
struct Columns<'j, const SEAL: bool, const EVEN: bool> {
    key: &'j Key,
    lanes: [Lane<'j>; LANES],
    bases: [__m512i; LANES],
    /// Counters of each packet's first vector.
    counters: [__m512i; LANES],
    /// How far the counters have come since, in the last byte of each lane.
    distance: __m512i,
    sums: [Product; LANES],
    /// What has been reduced and not been taken up again: one packet per lane.
    hashes: __m512i,
    /// Sealing: ciphertext of the last two columns, reversed, that is to be hashed.
    pending: [[__m512i; LANES]; 2],
    /// Keystream of the tags.
    masks: __m512i,
    /// The powers of the next columns to be hashed, and how many groups come after these before a
    /// reduction.
    powers: &'j Powers,
    group: usize,
    /// Groups between two reductions: one or all.
    groups: usize,
}

impl<const SEAL: bool, const EVEN: bool> Columns<'_, SEAL, EVEN> {
    /// The first vector of all packets, whose powers are those at `POWERS`: 1 or 3.
    ///
    /// # Safety
    ///
    /// It is not the last one.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    unsafe fn single<const POWERS: usize>(&mut self) {
        let states = [self.states::<false>()];
        let [streams] = self.encrypt(states, |_, _| ());
        // SAFETY: the caller's promise.
        let blocks = unsafe { self.cross(0, Place::First, streams) };
        if SEAL {
            self.pending[1] = blocks;
            return;
        }
        for (packet, blocks) in blocks.into_iter().enumerate() {
            self.absorb(blocks, POWERS, packet);
        }
        if POWERS == GROUP - 1 {
            self.end_group();
        }
    }

    /// Vectors `at` and `at + 1` of all packets, whose powers are those from `POWERS` on: 0 or 2.
    ///
    /// # Safety
    ///
    /// `FIRST` and `LAST` say whether they are the rows' first or last.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    unsafe fn pair<const POWERS: usize, const FIRST: bool, const LAST: bool>(&mut self, at: usize) {
        let places = [
            if FIRST { Place::First } else { Place::Middle },
            if LAST { Place::Last } else { Place::Middle },
        ];
        let powers = if SEAL { (POWERS + 2) % GROUP } else { POWERS };
        let mut blocks = self.pending;
        if !SEAL {
            for ((row, place), at) in blocks.iter_mut().zip(places).zip(at..) {
                for (blocks, lane) in row.iter_mut().zip(&self.lanes) {
                    // SAFETY: the caller's promise.
                    let bytes = unsafe { lane.text.load(at, place, lane.beside(place)) };
                    *blocks = reverse_bytes(bytes);
                }
            }
        }
        let states = [self.states::<false>(), self.states::<LAST>()];
        let streams = self.encrypt(states, |columns, packet| {
            if !(SEAL && FIRST) {
                columns.absorb(blocks[0][packet], powers, packet);
                columns.absorb(blocks[1][packet], powers + 1, packet);
            }
        });
        if powers + 2 == GROUP && !(SEAL && FIRST) {
            self.end_group();
        }
        // SAFETY: the caller's promise.
        self.pending = unsafe {
            [
                self.cross(at, places[0], streams[0]),
                self.cross(at + 1, places[1], streams[1]),
            ]
        };
        if LAST {
            self.masks = last_lanes(streams[1]);
        }
    }

    /// Encrypts or decrypts vector `at` of all packets; the ciphertext, reversed, when sealing or
    /// at the first place.
    ///
    /// # Safety
    ///
    /// The vectors' place is `place`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    unsafe fn cross(
        &mut self,
        at: usize,
        place: Place,
        streams: [__m512i; LANES],
    ) -> [__m512i; LANES] {
        let mut blocks = streams;
        for (blocks, lane) in blocks.iter_mut().zip(&mut self.lanes) {
            let beside = lane.beside(place);
            // SAFETY: the caller's promise.
            let before = unsafe { lane.text.load(at, place, beside) };
            let after = xor(before, *blocks);
            // SAFETY: the caller's promise.
            unsafe { lane.text.store(at, place, after) };
            *blocks = reverse_bytes(if SEAL {
                lane.text.blend(place, beside, after)
            } else {
                before
            });
        }
        blocks
    }

    /// The next counter blocks with the first round key.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    fn states<const LAST: bool>(&mut self) -> [__m512i; LANES] {
        let mut states = self.bases;
        for (state, first) in states.iter_mut().zip(&self.counters) {
            let mut counters = _mm512_add_epi32(*first, self.distance);
            if LAST {
                counters = _mm512_mask_mov_epi32(counters, 0x8000, _mm512_set1_epi32(1 << 24));
            }
            *state = xor(*state, counters);
        }
        let four = (LANES as i64) << 56;
        let step = _mm512_set_epi64(four, 0, four, 0, four, 0, four, 0);
        self.distance = _mm512_add_epi32(self.distance, step);
        states
    }

    /// Takes a packet's reversed blocks into its sum; `place` is that of their powers.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    fn absorb(&mut self, mut blocks: __m512i, place: usize, packet: usize) {
        if place == 0 {
            blocks = xor(blocks, lane_of(self.hashes, packet));
        }
        self.sums[packet] = self.sums[packet].plus(self.powers.product(blocks, place));
    }

    /// All powers of a group have been used: those of the next one follow, or a reduction.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    fn end_group(&mut self) {
        if self.group == 0 {
            self.hashes = Product::gathered(&self.sums).reduced();
            self.sums = [Product::zero(); LANES];
            self.group = self.groups - 1;
        } else {
            self.hashes = _mm512_setzero_si512();
            self.group -= 1;
        }
        self.powers = &self.key.groups[GROUPS - 1 - self.group % GROUPS];
    }

    /// AES of `C` vectors of each packet; `between` is done once per packet between the rounds.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    fn encrypt<const C: usize>(
        &mut self,
        mut states: [[__m512i; LANES]; C],
        between: impl Fn(&mut Self, usize),
    ) -> [[__m512i; LANES]; C] {
        if self.key.rounds > 10 {
            if self.key.rounds > 12 {
                one_round(self.key, &mut states, 1);
                one_round(self.key, &mut states, 2);
            }
            one_round(self.key, &mut states, 3);
            one_round(self.key, &mut states, 4);
        }
        for round in 5..ROUND_KEYS_MAX - 1 {
            one_round(self.key, &mut states, round);
            if round % 2 == 1 && (round - 5) / 2 < LANES {
                between(self, (round - 5) / 2);
            }
        }
        let round_key = broadcast(&self.key.round_keys[ROUND_KEYS_MAX - 1]);
        for state in states.as_flattened_mut() {
            *state = _mm512_aesenclast_epi128(*state, round_key);
        }
        states
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn one_round<const C: usize>(key: &Key, states: &mut [[__m512i; LANES]; C], round: usize) {
    let round_key = broadcast(&key.round_keys[round]);
    for state in states.as_flattened_mut() {
        *state = _mm512_aesenc_epi128(*state, round_key);
    }
}

/// Lane `at` of the vector in the first lane; the others are zero.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn lane_of(hashes: __m512i, at: usize) -> __m512i {
    match at {
        0 => _mm512_maskz_shuffle_i64x2::<0>(0b11, hashes, hashes),
        1 => _mm512_maskz_shuffle_i64x2::<1>(0b11, hashes, hashes),
        2 => _mm512_maskz_shuffle_i64x2::<2>(0b11, hashes, hashes),
        _ => _mm512_maskz_shuffle_i64x2::<3>(0b11, hashes, hashes),
    }
}

/// Seals or opens four packets of one key. With `EVEN`, their texts and their AADs are equally
/// long, and what depends on that alone is worked out once.
///
/// # Safety
///
/// The jobs have one key, their ICVs are blocks, and their rows have `row_len` vectors, more than
/// four and at most [`COLUMNS_MAX`]. `EVEN` is true.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) unsafe fn four<'j, const SEAL: bool, const EVEN: bool>(
    [a, b, c, d]: [&'j mut CryptoJob<'_, Key>; LANES],
    row_len: usize,
) {
    let (zero, key) = (_mm512_setzero_si512(), a.key);
    let initial = broadcast(key.initial());
    let first = (a.text_len(), a.aad_len());
    let lane = |job: &'j mut CryptoJob<'_, Key>| {
        let own = (job.text_len(), job.aad_len());
        // SAFETY: the caller's promise.
        unsafe { Lane::known(job, key, if EVEN { first } else { own }) }
    };
    let lanes = [lane(a), lane(b), lane(c), lane(d)];
    let [a, b, c, d] = &lanes;
    let groups = if row_len < ALL_POWERS_ROW { 1 } else { GROUPS };
    let group = if groups == 1 {
        0
    } else {
        (row_len - 1) / GROUP % GROUPS
    };
    let mut columns = Columns::<SEAL, EVEN> {
        key,
        bases: [a, b, c, d].map(|lane| lane.base_with(initial)),
        counters: [a, b, c, d].map(|lane| first_counters::<false>(lane.pad() as i32)),
        distance: zero,
        sums: [Product::zero(); LANES],
        hashes: zero,
        pending: [[zero; LANES]; 2],
        masks: zero,
        powers: &key.groups[GROUPS - 1 - group],
        group,
        groups,
        lanes,
    };
    // SAFETY: the caller's promise; the first, all in the middle and the last vectors.
    unsafe {
        match row_len % GROUP {
            0 => columns.pair::<0, true, false>(0),
            1 => columns.single::<3>(),
            2 => columns.pair::<2, true, false>(0),
            _ => columns.single::<1>(),
        }
        let mut left = (row_len - 1) / 2 * 2;
        while left > 2 {
            if left.is_multiple_of(GROUP) {
                columns.pair::<0, false, false>(row_len - left);
            } else {
                columns.pair::<2, false, false>(row_len - left);
            }
            left -= 2;
        }
        columns.pair::<2, false, true>(row_len - 2);
    }
    if SEAL {
        for packet in 0..LANES {
            columns.absorb(columns.pending[0][packet], GROUP - 2, packet);
            columns.absorb(columns.pending[1][packet], GROUP - 1, packet);
        }
        columns.end_group();
    }
    let tags = xor(reverse_bytes(columns.hashes), columns.masks);
    let [a, b, c, d] = columns.lanes;
    conclude_all::<SEAL>([a.tag, b.tag, c.tag, d.tag], tags);
}
