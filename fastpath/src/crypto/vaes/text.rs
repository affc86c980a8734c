//! A packet's text as GHASH and counter mode see it together: a row of vectors.
//!
//! ```text
//! lane   0 ..   | pad | pad + 1 ..        .. 4 Z - 2 | 4 Z - 1
//! GHASH  nothing| AAD | ciphertext, zeros behind it  | lengths
//! AES    nothing|  -  | counters 2, 3, ..            | counter 1: masks the tag
//! ```
//!
//! The row ends where the last power of the hash key is due, so that every packet finds the powers
//! at the same places. Of the first and the last vector only the text's own bytes are touched.

use core::arch::x86_64::{
    __m512i, _bzhi_u64, _mm512_loadu_si512, _mm512_mask_loadu_epi8, _mm512_mask_mov_epi8,
    _mm512_mask_storeu_epi8, _mm512_storeu_si512,
};
use core::marker::PhantomData;

use super::vector::{BLOCK, LANES, WIDTH};

/// Blocks of a row that are not text: the AAD and the lengths.
const EXTRA_BLOCKS: usize = 2;
/// A text's length with the extra blocks, and what rounding up takes.
const ROUND_UP: usize = EXTRA_BLOCKS * BLOCK + BLOCK - 1;

/// Vectors of the row of a packet with `text_len` bytes of text.
#[inline]
pub(super) const fn row_len(text_len: usize) -> usize {
    (text_len + ROUND_UP + WIDTH - BLOCK) / WIDTH
}

/// Bytes in front of the AAD: 0, 16, 32 or 48.
#[inline]
pub(super) const fn pad_len(text_len: usize) -> usize {
    ((text_len + ROUND_UP) & !(BLOCK - 1)).wrapping_neg() % WIDTH
}

/// Bytes of text in the last vector, if the text does not begin there: 33 to 48.
#[inline]
pub(super) const fn tail_len(text_len: usize) -> usize {
    (text_len + ROUND_UP) % BLOCK + 1 + (LANES - 2) * BLOCK
}

/// Where in its row a vector stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    First,
    Middle,
    Last,
    /// First and last.
    Only,
}

impl Place {
    /// The place of vector `at` of `row_len`.
    #[inline]
    pub(super) const fn of(at: usize, row_len: usize) -> Self {
        match (at == 0, at + 1 == row_len) {
            (true, true) => Self::Only,
            (true, false) => Self::First,
            (false, true) => Self::Last,
            (false, false) => Self::Middle,
        }
    }

    /// Whether the AAD is here.
    #[inline]
    pub(super) const fn has_aad(self) -> bool {
        matches!(self, Self::First | Self::Only)
    }

    /// Whether the lengths are here.
    #[inline]
    pub(super) const fn has_lengths(self) -> bool {
        matches!(self, Self::Last | Self::Only)
    }
}

/// The text of a packet as a row of vectors.
pub(super) struct Text<'a> {
    /// Where the row would begin if all of it were memory; perhaps not within the packet.
    base: *mut u8,
    /// Which bytes of the first and of the last vector are text.
    head: u64,
    tail: u64,
    borrowed: PhantomData<&'a mut [u8]>,
}

impl Text<'_> {
    /// The `len` bytes of text at `start`.
    ///
    /// # Safety
    ///
    /// They belong to a packet that is borrowed as long as this value is.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    pub(super) unsafe fn new(start: *mut u8, len: usize) -> Self {
        let pad_len = pad_len(len);
        Self {
            base: start.wrapping_sub(pad_len + BLOCK),
            head: u64::MAX << BLOCK << pad_len,
            tail: _bzhi_u64(u64::MAX, tail_len(len) as u32),
            borrowed: PhantomData,
        }
    }

    #[inline]
    fn mask(&self, place: Place) -> u64 {
        match place {
            Place::First => self.head,
            Place::Middle => u64::MAX,
            Place::Last => self.tail,
            Place::Only => self.head & self.tail,
        }
    }

    /// Vector `at` of the row; bytes that are not text are taken from `beside`.
    ///
    /// # Safety
    ///
    /// The vector's place in the row is `place`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    pub(super) unsafe fn load(&self, at: usize, place: Place, beside: __m512i) -> __m512i {
        let from = self.base.wrapping_add(at * WIDTH).cast_const();
        if place == Place::Middle {
            // SAFETY: between the first and the last vector all is text, which this value borrows.
            return unsafe { _mm512_loadu_si512(from.cast()) };
        }
        // SAFETY: of a vector at its place, the mask leaves bytes of the text alone, which this
        // value borrows; a masked load touches no other.
        unsafe { _mm512_mask_loadu_epi8(beside, self.mask(place), from.cast()) }
    }

    /// Writes the bytes of vector `at` that are text.
    ///
    /// # Safety
    ///
    /// As for `load`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    pub(super) unsafe fn store(&mut self, at: usize, place: Place, bytes: __m512i) {
        let to = self.base.wrapping_add(at * WIDTH);
        if place == Place::Middle {
            // SAFETY: as in `load`; the borrow is a mutable one.
            return unsafe { _mm512_storeu_si512(to.cast(), bytes) };
        }
        // SAFETY: as in `load`; the borrow is a mutable one.
        unsafe { _mm512_mask_storeu_epi8(to.cast(), self.mask(place), bytes) }
    }

    /// `bytes` where a vector at this place is text, `beside` elsewhere.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    pub(super) fn blend(&self, place: Place, beside: __m512i, bytes: __m512i) -> __m512i {
        if place == Place::Middle {
            return bytes;
        }
        _mm512_mask_mov_epi8(beside, self.mask(place), bytes)
    }
}
