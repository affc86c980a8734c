//! What a packet's authenticity depends on: the block behind its text.

use core::arch::x86_64::{
    __m128i, _mm_loadu_si128, _mm_storeu_si128, _mm_test_all_zeros, _mm_xor_si128,
};

use super::vector::BLOCK;

/// Where a packet's tag goes, and what stands there.
pub(super) struct Tag<'j> {
    icv: &'j mut [u8; BLOCK],
    /// The ICV as it came. It is read before the text is written: a vector of text reaches over
    /// it, and the CPU would wait for that to have got to the cache.
    expected: __m128i,
    done: &'j mut bool,
}

impl<'j> Tag<'j> {
    #[inline]
    #[target_feature(enable = "sse4.1")]
    pub(super) fn new(icv: &'j mut [u8; BLOCK], done: &'j mut bool) -> Self {
        Self {
            // SAFETY: reads the sixteen bytes of the array, at any alignment.
            expected: unsafe { _mm_loadu_si128(icv.as_ptr().cast()) },
            icv,
            done,
        }
    }

    /// Gives the tag out, or compares it with the expected one, all bytes at once.
    #[inline]
    #[target_feature(enable = "sse4.1")]
    pub(super) fn conclude<const SEAL: bool>(self, tag: __m128i) {
        if SEAL {
            // SAFETY: writes the sixteen bytes of the array, at any alignment.
            unsafe { _mm_storeu_si128(self.icv.as_mut_ptr().cast(), tag) };
            *self.done = true;
        } else {
            let differences = _mm_xor_si128(self.expected, tag);
            *self.done = _mm_test_all_zeros(differences, differences) == 1;
        }
    }
}
