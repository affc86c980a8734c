//! The same on vectors of 256 bits, for CPUs that have no others.
//!
//! Sixteen registers hold a tile of eight vectors, between whose rounds of AES GHASH has its turns.
//! Packets of one tile ([`short`]) stay in registers, others go tile by tile ([`long`]). One
//! packet's latency hides behind the next one's work as far as the CPU looks ahead, which is about
//! a tile.

mod aes;
mod counters;
mod long;
mod packet;
mod short;
mod vector;

use super::super::CryptoJob;
use super::key::Key;
use super::vector::BLOCK;
use packet::row_len;

/// Seals or opens every job of which the ICV is a block.
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
pub(super) fn run<const SEAL: bool>(jobs: &mut [CryptoJob<'_, Key>]) {
    for job in jobs {
        job.done = false;
        if job.icv_len() != BLOCK {
            continue;
        }
        // SAFETY: the ICV is a block, and this is the length of the row.
        unsafe {
            match row_len(job.text_len()) {
                1 => short::one::<1, SEAL>(job),
                2 => short::one::<2, SEAL>(job),
                3 => short::one::<3, SEAL>(job),
                4 => short::one::<4, SEAL>(job),
                5 => short::one::<5, SEAL>(job),
                6 => short::one::<6, SEAL>(job),
                7 => short::one::<7, SEAL>(job),
                8 => short::one::<8, SEAL>(job),
                _ => long::one::<SEAL>(job),
            }
        }
    }
}
