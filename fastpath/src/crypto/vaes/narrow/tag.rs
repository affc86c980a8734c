//! What a packet's authenticity depends on.

use core::arch::x86_64::{__m128i, _mm_test_all_zeros, _mm_xor_si128};

use super::super::vector::BLOCK;
use super::vector::{load_block, reverse_block, store_block};
use crate::esp::ICV_LEN_MAX;

/// Where a packet's tag goes, or what it has to be.
pub(super) struct Tag<'j> {
    icv: &'j mut [u8; BLOCK],
    done: &'j mut bool,
}

impl<'j> Tag<'j> {
    #[inline]
    pub(super) fn new(icv: &'j mut [u8; ICV_LEN_MAX], done: &'j mut bool) -> Self {
        let icv = icv.first_chunk_mut().expect("an ICV has room for a block");
        Self { icv, done }
    }

    /// Gives the tag out, or compares it with the expected one, all bytes at once.
    #[inline]
    #[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
    pub(super) fn conclude<const SEAL: bool>(self, hash: __m128i, mask: __m128i) {
        let tag = _mm_xor_si128(reverse_block(hash), mask);
        if SEAL {
            store_block(self.icv, tag);
            *self.done = true;
        } else {
            let differences = _mm_xor_si128(load_block(self.icv), tag);
            *self.done = _mm_test_all_zeros(differences, differences) == 1;
        }
    }
}
