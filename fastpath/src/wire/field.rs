//! Fields of a header in network byte order; the offset is checked by the compiler.

/// The 16-bit field at `OFFSET`.
#[inline]
pub(super) const fn u16_at<const OFFSET: usize, const LEN: usize>(header: &[u8; LEN]) -> u16 {
    const { assert!(OFFSET + 2 <= LEN, "the field lies inside the header") }
    u16::from_be_bytes([header[OFFSET], header[OFFSET + 1]])
}

/// The 32-bit field at `OFFSET`.
#[inline]
pub(super) const fn u32_at<const OFFSET: usize, const LEN: usize>(header: &[u8; LEN]) -> u32 {
    const { assert!(OFFSET + 4 <= LEN, "the field lies inside the header") }
    u32::from_be_bytes([
        header[OFFSET],
        header[OFFSET + 1],
        header[OFFSET + 2],
        header[OFFSET + 3],
    ])
}

/// The field of `N` bytes at `OFFSET`.
#[inline]
pub(super) fn bytes_at<const OFFSET: usize, const N: usize, const LEN: usize>(
    header: &[u8; LEN],
) -> [u8; N] {
    const { assert!(OFFSET + N <= LEN, "the field lies inside the header") }
    core::array::from_fn(|index| header[OFFSET + index])
}

/// Writes the 16-bit field at `OFFSET`.
#[inline]
pub(super) fn put_u16<const OFFSET: usize, const LEN: usize>(header: &mut [u8; LEN], value: u16) {
    put_bytes::<OFFSET, 2, LEN>(header, value.to_be_bytes());
}

/// Writes the 32-bit field at `OFFSET`.
#[inline]
pub(super) fn put_u32<const OFFSET: usize, const LEN: usize>(header: &mut [u8; LEN], value: u32) {
    put_bytes::<OFFSET, 4, LEN>(header, value.to_be_bytes());
}

/// Writes the field of `N` bytes at `OFFSET`.
#[inline]
pub(super) fn put_bytes<const OFFSET: usize, const N: usize, const LEN: usize>(
    header: &mut [u8; LEN],
    value: [u8; N],
) {
    const { assert!(OFFSET + N <= LEN, "the field lies inside the header") }
    for (index, byte) in value.into_iter().enumerate() {
        header[OFFSET + index] = byte;
    }
}
