//! Packets whose row is one tile: everything of them stays in registers.

use core::arch::x86_64::__m256i;

use super::super::super::CryptoJob;
use super::super::key::{GROUPS, Key};
use super::aes::encrypt;
use super::packet::{Packet, tag_of};
use super::vector::{Product, TILE};

/// Seals or opens a packet.
///
/// # Safety
///
/// The job's ICV is a block, and its row has `N` vectors.
#[inline(never)]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
pub(super) unsafe fn one<const N: usize, const SEAL: bool>(job: &mut CryptoJob<'_, Key>) {
    // SAFETY: the caller's promise.
    let (mut packet, tag) = unsafe { Packet::new(job) };
    packet.row_len = N;
    let powers = &packet.key.groups[GROUPS - 1];
    let mut sum = Product::zero();
    let mut take = |at: usize, blocks: __m256i| {
        let product = Product::of(blocks, powers, TILE - N + at);
        sum = if at == 0 { product } else { sum.plus(product) };
        sum.pin();
    };
    let states = packet.counters::<N>(0);
    let key = packet.key;
    let stream = encrypt(key, states, |turn| {
        if !SEAL && turn < N {
            // SAFETY: the caller's promise.
            take(turn, unsafe {
                packet.hashed(turn, turn == 0, turn + 1 == N)
            });
        }
    });
    let mask = packet.mask(stream[0]);
    for (at, stream) in stream.into_iter().enumerate() {
        // SAFETY: the caller's promise.
        let hashed = unsafe { packet.cross::<SEAL>(at, at == 0, at + 1 == N, stream) };
        if SEAL {
            take(at, hashed);
        }
    }
    tag.conclude::<SEAL>(tag_of(sum.reduced(), mask));
}
