//! A packet as GHASH and counter mode see it together: a row of vectors of two blocks.
//!
//! ```text
//!        even number n of text blocks       odd number
//! GHASH  AAD 1 | 2 3 | .. | n lengths       - AAD | 1 2 | .. | n lengths
//! AES      1 2 | 3 4 | .. | n+1 -             - 1 | 2 3 | .. | n+1 -
//! ```
//!
//! The row ends where the last power of the hash key is due. The AAD stands where the counter is
//! 1, whose keystream masks the tag. Of the text only block `n` may be short of sixteen bytes.

use core::arch::x86_64::{
    __m128i, __m256i, _bzhi_u64, _mm_and_si128, _mm_loadu_si128, _mm_set_epi64x, _mm_setzero_si128,
    _mm_storeu_si128, _mm_xor_si128, _mm256_blend_epi32, _mm256_broadcastsi128_si256,
    _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_set_m128i,
    _mm256_setzero_si256, _mm256_storeu_si256,
};
use core::marker::PhantomData;

use super::super::super::CryptoJob;
use super::super::super::job::AAD_LEN_MAX;
use super::super::key::Key;
use super::super::tag::Tag;
use super::super::vector::BLOCK;
use super::counters::counter_blocks;
use super::vector::{LANES, WIDTH, broadcast, load_block, reverse_block, reverse_bytes, xor};

/// A block of ones with zeros behind it: masks of any number of leading bytes.
static KEEP: [u8; 2 * BLOCK] = {
    let mut bytes = [0; 2 * BLOCK];
    let mut at = 0;
    while at < BLOCK {
        bytes[at] = 0xff;
        at += 1;
    }
    bytes
};

/// Vectors of the row of a packet with `text_len` bytes of text.
#[inline]
pub(super) const fn row_len(text_len: usize) -> usize {
    text_len.div_ceil(BLOCK) / LANES + 1 + text_len.div_ceil(BLOCK) % LANES
}

/// A packet in work.
pub(super) struct Packet<'j> {
    pub(super) key: &'j Key,
    /// Nonce and first round key in both lanes.
    base: __m256i,
    /// Where the row would begin if all of it were memory; perhaps not within the packet.
    row: *mut u8,
    /// Vectors of the row.
    pub(super) row_len: usize,
    /// Counter of the row's first block.
    first: usize,
    /// Bytes of the text's last block.
    tail_len: usize,
    /// AAD and lengths as GHASH takes them, reversed.
    aad: __m128i,
    lengths: __m128i,
    borrowed: PhantomData<&'j mut [u8]>,
}

impl<'j> Packet<'j> {
    /// # Safety
    ///
    /// The job's ICV is a block.
    #[inline]
    #[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
    pub(super) unsafe fn new(job: &'j mut CryptoJob<'_, Key>) -> (Self, Tag<'j>) {
        let (text_len, aad_len) = (job.text_len(), job.aad_len());
        let blocks = text_len.div_ceil(BLOCK);
        let first = 1 - blocks % LANES;
        let nonce = _mm256_broadcastsi128_si256(load_block(&job.iv));
        let nonce = _mm256_blend_epi32::<0x88>(nonce, _mm256_setzero_si256());
        let text = job.packet().as_mut_ptr().wrapping_add(job.text_offset());
        let packet = Self {
            key: job.key,
            base: xor(nonce, broadcast(job.key.initial())),
            row: text.wrapping_sub((LANES - first) * BLOCK),
            row_len: row_len(text_len),
            first,
            tail_len: text_len - blocks.saturating_sub(1) * BLOCK,
            aad: reversed_aad(&job.aad, aad_len),
            lengths: _mm_set_epi64x(8 * aad_len as i64, 8 * text_len as i64),
            borrowed: PhantomData,
        };
        // SAFETY: the ICV lies behind the text in the packet, which the job borrows.
        let icv = unsafe { &mut *text.wrapping_add(text_len).cast() };
        let tag = Tag::new(icv, &mut job.done);
        (packet, tag)
    }

    /// Whether the AAD stands in the first lane.
    #[inline]
    fn is_even(&self) -> bool {
        self.first == 1
    }

    /// Counter blocks of `N` vectors from `at` on, with the first round key.
    #[inline]
    #[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
    pub(super) fn counters<const N: usize>(&self, at: usize) -> [__m256i; N] {
        counter_blocks(self.base, self.first + at * LANES)
    }

    /// Keystream that masks the tag, of the first vector's keystream.
    #[inline]
    #[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
    pub(super) fn mask(&self, stream: __m256i) -> __m128i {
        if self.is_even() {
            _mm256_castsi256_si128(stream)
        } else {
            _mm256_extracti128_si256::<1>(stream)
        }
    }

    /// What GHASH takes of vector `at` while the packet has the ciphertext.
    ///
    /// # Safety
    ///
    /// The vector is in the row; the last two arguments say whether it is the first or last there.
    #[inline]
    #[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
    pub(super) unsafe fn hashed(&self, at: usize, is_first: bool, is_last: bool) -> __m256i {
        match (is_first, is_last) {
            (true, _) => self.first_hashed(),
            (_, true) => self.last_hashed(self.load_tail()),
            // SAFETY: between first and last vector all is text, which this value borrows.
            _ => reverse_bytes(unsafe { _mm256_loadu_si256(self.vector(at).cast()) }),
        }
    }

    /// Encrypts or decrypts vector `at`; when sealing, what GHASH takes of it.
    ///
    /// # Safety
    ///
    /// As for `hashed`.
    #[inline]
    #[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
    pub(super) unsafe fn cross<const SEAL: bool>(
        &mut self,
        at: usize,
        is_first: bool,
        is_last: bool,
        stream: __m256i,
    ) -> __m256i {
        if is_first {
            if let Some(head) = self.head() {
                let stream = _mm256_extracti128_si256::<1>(stream);
                // SAFETY: the block is text, which this value borrows mutably.
                unsafe { _mm_storeu_si128(head, _mm_xor_si128(_mm_loadu_si128(head), stream)) };
            }
            return if SEAL { self.first_hashed() } else { stream };
        }
        if is_last {
            let stream = _mm_and_si128(_mm256_castsi256_si128(stream), self.keep());
            let after = _mm_xor_si128(self.load_tail(), stream);
            self.store_tail(after);
            return self.last_hashed(after);
        }
        let to = self.vector(at).cast();
        // SAFETY: between first and last vector all is text, which this value borrows mutably.
        unsafe {
            let after = xor(_mm256_loadu_si256(to), stream);
            _mm256_storeu_si256(to, after);
            reverse_bytes(after)
        }
    }

    /// Where vector `at` of the row is or would be.
    #[inline]
    fn vector(&self, at: usize) -> *mut u8 {
        self.row.wrapping_add(at * WIDTH)
    }

    /// The block of text in the first vector.
    #[inline]
    fn head(&self) -> Option<*mut __m128i> {
        let has_text = self.is_even() && self.row_len > 1;
        has_text.then_some(self.row.wrapping_add(BLOCK).cast())
    }

    #[inline]
    #[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
    fn first_hashed(&self) -> __m256i {
        if !self.is_even() {
            return _mm256_set_m128i(self.aad, _mm_setzero_si128());
        }
        let behind = match self.head() {
            // SAFETY: the block is text, which this value borrows.
            Some(head) => reverse_block(unsafe { _mm_loadu_si128(head) }),
            None => self.lengths,
        };
        _mm256_set_m128i(behind, self.aad)
    }

    #[inline]
    #[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
    fn last_hashed(&self, tail: __m128i) -> __m256i {
        let tail = reverse_block(_mm_and_si128(tail, self.keep()));
        _mm256_set_m128i(self.lengths, tail)
    }

    /// Where the last block of text is.
    #[inline]
    fn tail(&self) -> *mut u8 {
        self.vector(self.row_len - 1)
    }

    /// Ones where the last block is text.
    #[inline]
    #[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
    fn keep(&self) -> __m128i {
        let mask = KEEP
            .get(BLOCK - self.tail_len..)
            .and_then(<[u8]>::first_chunk);
        mask.map_or_else(|| _mm_setzero_si128(), |mask| load_block(mask))
    }

    #[inline]
    #[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
    fn load_tail(&self) -> __m128i {
        // SAFETY: the block begins within the text, and an ICV as long as a block is behind that.
        unsafe { _mm_loadu_si128(self.tail().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
    fn store_tail(&mut self, block: __m128i) {
        // SAFETY: as in `load_tail`; the borrow is a mutable one.
        unsafe { _mm_storeu_si128(self.tail().cast(), block) }
    }
}

/// The tag of a hash, with the keystream that masks it.
#[inline]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
pub(super) fn tag_of(hash: __m128i, mask: __m128i) -> __m128i {
    _mm_xor_si128(reverse_block(hash), mask)
}

/// The AAD as GHASH takes it, reversed: what is behind it counts as zero.
#[inline]
#[target_feature(enable = "avx2,vaes,vpclmulqdq,bmi2")]
fn reversed_aad(aad: &[u8; AAD_LEN_MAX], len: usize) -> __m128i {
    let word = |at: usize| {
        let bytes = [aad[at], aad[at + 1], aad[at + 2], aad[at + 3]];
        u64::from(u32::from_be_bytes(bytes))
    };
    let (high, low) = (word(0) << 32 | word(4), word(8) << 32);
    let beyond = |bytes: usize| _bzhi_u64(u64::MAX, 64 - 8 * bytes as u32);
    let high = high & !beyond(len.min(8));
    let low = low & !beyond(len.saturating_sub(8));
    _mm_set_epi64x(high.cast_signed(), low.cast_signed())
}
