//! Packets of several tiles.

use core::arch::x86_64::{
    __m128i, __m256i, _mm_setzero_si128, _mm256_inserti128_si256, _mm256_setzero_si256,
};

use super::super::super::CryptoJob;
use super::super::key::{GROUPS, Key};
use super::aes::encrypt;
use super::packet::{Packet, tag_of};
use super::vector::{Product, TILE, xor};

/// Vectors of a row from which on a packet uses all powers of the hash key. Below, reduction in
/// between is cheaper than the cache lines.
const ALL_POWERS_FROM: usize = 20;
/// Vectors of a first tile at least, if there are others to take some from: a lone vector waits for
/// its rounds as long as eight.
const FIRST_MIN: usize = 4;

/// How a row of more than one tile is divided: a first and perhaps a second tile, then whole ones.
#[inline]
fn division(row_len: usize) -> (usize, usize) {
    let first = (row_len - 1) % TILE + 1;
    if first < FIRST_MIN {
        let both = first + TILE;
        return (both.div_ceil(2), both / 2);
    }
    (first, 0)
}

/// A packet's GHASH so far.
struct Ghash {
    sum: Product,
    /// What has been reduced.
    hash: __m128i,
    /// Keystream of the tag.
    mask: __m128i,
}

/// Seals or opens a packet whose row is longer than a tile.
///
/// # Safety
///
/// The job's ICV is a block.
#[inline]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
pub(super) unsafe fn one<const SEAL: bool>(job: &mut CryptoJob<'_, Key>) {
    // SAFETY: the caller's promise.
    let (mut packet, tag) = unsafe { Packet::new(job) };
    let mut ghash = Ghash {
        sum: Product::zero(),
        hash: _mm_setzero_si128(),
        mask: _mm_setzero_si128(),
    };
    let (first, second) = division(packet.row_len);
    let (row, hash) = (&mut packet, &mut ghash);
    // SAFETY: the tiles of a division are the row.
    unsafe {
        match first {
            4 => tile::<4, SEAL>(row, 0, hash),
            5 => tile::<5, SEAL>(row, 0, hash),
            6 => tile::<6, SEAL>(row, 0, hash),
            7 => tile::<7, SEAL>(row, 0, hash),
            _ => tile::<8, SEAL>(row, 0, hash),
        }
        match second {
            0 => {}
            4 => tile::<4, SEAL>(row, first, hash),
            _ => tile::<5, SEAL>(row, first, hash),
        }
        let mut at = first + second;
        while at < row.row_len {
            tile::<TILE, SEAL>(row, at, hash);
            at += TILE;
        }
    }
    tag.conclude::<SEAL>(tag_of(ghash.hash, ghash.mask));
}

/// Encrypts or decrypts and hashes `N` vectors.
///
/// # Safety
///
/// The vectors are in the row.
#[inline(never)]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
unsafe fn tile<const N: usize, const SEAL: bool>(
    packet: &mut Packet<'_>,
    first: usize,
    ghash: &mut Ghash,
) {
    let left = packet.row_len - first;
    let has_all = packet.row_len >= ALL_POWERS_FROM && N == TILE;
    let group = if has_all {
        (left / TILE - 1) % GROUPS
    } else {
        0
    };
    let powers = &packet.key.groups[GROUPS - 1 - group];
    let mut sum = ghash.sum;
    let hash = _mm256_inserti128_si256::<0>(_mm256_setzero_si256(), ghash.hash);
    let mut take = |at: usize, mut blocks: __m256i| {
        if at == 0 {
            blocks = xor(blocks, hash);
        }
        sum = sum.plus(Product::of(blocks, powers, TILE - N + at));
        sum.pin();
    };
    let is_first = |at: usize| at == 0 && first == 0;
    let is_last = |at: usize| at + 1 == N && left == N;
    let states = packet.counters::<N>(first);
    let key = packet.key;
    let stream = encrypt(key, states, |turn| {
        if !SEAL && turn < N {
            // SAFETY: the caller's promise.
            take(turn, unsafe {
                packet.hashed(first + turn, is_first(turn), is_last(turn))
            });
        }
    });
    if first == 0 {
        ghash.mask = packet.mask(stream[0]);
    }
    for (at, stream) in stream.into_iter().enumerate() {
        // SAFETY: the caller's promise.
        let hashed = unsafe { packet.cross::<SEAL>(first + at, is_first(at), is_last(at), stream) };
        if SEAL {
            take(at, hashed);
        }
    }
    if group == 0 {
        ghash.hash = sum.reduced();
        ghash.sum = Product::zero();
    } else {
        ghash.hash = _mm_setzero_si128();
        ghash.sum = sum;
    }
}
