//! Four blocks of 16 bytes in one vector: AES rounds and the arithmetic of GHASH.
//!
//! GHASH numbers its bits from the left (NIST SP 800-38D section 6.3); carry-less multiplication
//! numbers them from the right. So blocks are reversed byte by byte, and the hash key's powers are
//! kept divided by x, which makes up for the one bit by which a reflected product is off.

use core::arch::x86_64::{
    __m128i, __m512i, _mm_loadu_si128, _mm_xor_si128, _mm256_castsi256_si128,
    _mm256_extracti128_si256, _mm256_xor_si256, _mm512_broadcast_i32x4, _mm512_castsi512_si256,
    _mm512_clmulepi64_epi128, _mm512_extracti64x4_epi64, _mm512_loadu_si512, _mm512_set_epi64,
    _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_shuffle_epi32, _mm512_shuffle_i64x2,
    _mm512_ternarylogic_epi64, _mm512_xor_si512, _mm512_zextsi128_si512,
};

/// Bytes of a block.
pub(super) const BLOCK: usize = 16;
/// Blocks of a vector.
pub(super) const LANES: usize = 4;
/// Bytes of a vector.
pub(super) const WIDTH: usize = BLOCK * LANES;

/// Sixteen bytes in all four lanes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) fn broadcast(bytes: &[u8; BLOCK]) -> __m512i {
    _mm512_broadcast_i32x4(load_block(bytes))
}

/// One block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) fn load_block(bytes: &[u8; BLOCK]) -> __m128i {
    // SAFETY: reads the sixteen bytes of the array, at any alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// Four blocks.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) fn load(bytes: &[u8; WIDTH]) -> __m512i {
    // SAFETY: reads the 64 bytes of the array, at any alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// `a ^ b`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) fn xor(a: __m512i, b: __m512i) -> __m512i {
    _mm512_xor_si512(a, b)
}

/// `a ^ b ^ c`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi64::<0x96>(a, b, c)
}

/// Each block with its bytes in reverse order.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) fn reverse_bytes(blocks: __m512i) -> __m512i {
    const HIGH: i64 = 0x0001_0203_0405_0607;
    const LOW: i64 = 0x0809_0a0b_0c0d_0e0f;
    let order = _mm512_set_epi64(HIGH, LOW, HIGH, LOW, HIGH, LOW, HIGH, LOW);
    _mm512_shuffle_epi8(blocks, order)
}

/// The last word of each block in network byte order; the others are zero.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) fn reverse_counters(counters: __m512i) -> __m512i {
    const HIGH: i64 = 0x0c0d_0e0f_8080_8080_u64.cast_signed();
    const LOW: i64 = 0x8080_8080_8080_8080_u64.cast_signed();
    let order = _mm512_set_epi64(HIGH, LOW, HIGH, LOW, HIGH, LOW, HIGH, LOW);
    _mm512_shuffle_epi8(counters, order)
}

/// Each block with its halves exchanged.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) fn swap_halves(blocks: __m512i) -> __m512i {
    _mm512_shuffle_epi32::<0b01_00_11_10>(blocks)
}

/// A sum of 256-bit products by Karatsuba's three parts: low and high halves, and the product of
/// the halves' sums.
#[derive(Clone, Copy)]
pub(super) struct Product {
    low: __m512i,
    high: __m512i,
    middle: __m512i,
}

impl Product {
    /// No product.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    pub(super) fn zero() -> Self {
        let zero = _mm512_setzero_si512();
        Self {
            low: zero,
            high: zero,
            middle: zero,
        }
    }

    /// Products of four blocks with four powers. The sums of the powers' halves are in the low
    /// half of each lane of `middles`, or in the high half if the powers' place is `odd`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    pub(super) fn of(blocks: __m512i, powers: __m512i, middles: __m512i, odd: bool) -> Self {
        let sums = xor(blocks, swap_halves(blocks));
        Self {
            low: _mm512_clmulepi64_epi128::<0x00>(blocks, powers),
            high: _mm512_clmulepi64_epi128::<0x11>(blocks, powers),
            middle: if odd {
                _mm512_clmulepi64_epi128::<0x10>(sums, middles)
            } else {
                _mm512_clmulepi64_epi128::<0x00>(sums, middles)
            },
        }
    }

    /// The sum of two.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            low: xor(self.low, other.low),
            high: xor(self.high, other.high),
            middle: xor(self.middle, other.middle),
        }
    }

    /// The remainder modulo GHASH's polynomial, lane by lane: 64 bits from below, twice.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    pub(super) fn reduced(self) -> __m512i {
        let polynomial =
            _mm512_set_epi64(0, POLYNOMIAL, 0, POLYNOMIAL, 0, POLYNOMIAL, 0, POLYNOMIAL);
        let middle = xor3(self.middle, self.low, self.high);
        let folded = _mm512_clmulepi64_epi128::<0x00>(self.low, polynomial);
        let middle = xor3(middle, swap_halves(self.low), folded);
        let folded = _mm512_clmulepi64_epi128::<0x00>(middle, polynomial);
        xor3(self.high, swap_halves(middle), folded)
    }

    /// Lane by lane the sums of four products' lanes: one GHASH per lane.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
    pub(super) fn gathered(of: &[Self; LANES]) -> Self {
        Self {
            low: lane_sums(of.map(|product| product.low)),
            high: lane_sums(of.map(|product| product.high)),
            middle: lane_sums(of.map(|product| product.middle)),
        }
    }
}

/// x^127 + x^126 + x^121 reflected: the part of the polynomial that a reduction multiplies with.
pub(super) const POLYNOMIAL: i64 = 0xc2 << 56;

/// The sum of each vector's lanes, the first vector's in the first lane.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
fn lane_sums([a, b, c, d]: [__m512i; LANES]) -> __m512i {
    let ab = xor(
        _mm512_shuffle_i64x2::<0b01_00_01_00>(a, b),
        _mm512_shuffle_i64x2::<0b11_10_11_10>(a, b),
    );
    let cd = xor(
        _mm512_shuffle_i64x2::<0b01_00_01_00>(c, d),
        _mm512_shuffle_i64x2::<0b11_10_11_10>(c, d),
    );
    xor(
        _mm512_shuffle_i64x2::<0b10_00_10_00>(ab, cd),
        _mm512_shuffle_i64x2::<0b11_01_11_01>(ab, cd),
    )
}

/// The last lane of each vector, the first vector's in the first lane.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) fn last_lanes([a, b, c, d]: [__m512i; LANES]) -> __m512i {
    let ab = _mm512_shuffle_i64x2::<0b11_11_11_11>(a, b);
    let cd = _mm512_shuffle_i64x2::<0b11_11_11_11>(c, d);
    _mm512_shuffle_i64x2::<0b10_00_10_00>(ab, cd)
}

/// The sum of the lanes, in the first lane; the others are zero.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,vpclmulqdq,bmi2")]
pub(super) fn lane_sum(blocks: __m512i) -> __m512i {
    let halves = _mm256_xor_si256(
        _mm512_castsi512_si256(blocks),
        _mm512_extracti64x4_epi64::<1>(blocks),
    );
    _mm512_zextsi128_si512(_mm_xor_si128(
        _mm256_castsi256_si128(halves),
        _mm256_extracti128_si256::<1>(halves),
    ))
}
