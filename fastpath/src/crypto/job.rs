//! One packet's work for an engine.

use subtle::ConstantTimeEq;

use crate::esp::{ICV_LEN_MAX, Suite};

/// Bytes of additional authenticated data at most: SPI and 64-bit sequence (RFC 4106 section 5).
pub(crate) const AAD_LEN_MAX: usize = 12;
/// Bytes of text at most: more than an IP packet has.
pub(super) const TEXT_LEN_MAX: usize = 1 << 16;
/// Bytes of half a sequence number.
const HIGH_LEN: usize = 4;

/// One ESP packet to seal or to open in place, with the key that an engine has prepared for its SA:
/// a cache line of facts.
///
/// An HMAC covers everything in front of the ICV, and with ESN the high half of the sequence number
/// behind it, which stands where the ICV will be or was. AES-GCM takes what it authenticates beside
/// the text from its own field.
///
/// An ICV always has its place: engines rely on what is checked where a job is made.
#[derive(Debug)]
pub struct CryptoJob<'a, K> {
    /// The SA's key.
    pub key: &'a K,
    /// From the ESP header to the end of the ICV.
    packet: &'a mut [u8],
    /// CBC: the IV, in its leading bytes with DES. GCM: the nonce in the leading twelve.
    pub iv: [u8; 16],
    /// What GCM authenticates beside the text.
    pub(super) aad: [u8; AAD_LEN_MAX],
    /// What the high half of the sequence number stands upon.
    displaced: [u8; HIGH_LEN],
    text_offset: u8,
    icv_len: u8,
    aad_len: u8,
    has_high: bool,
    /// Whether the packet was sealed, or was authentic and is decrypted.
    pub done: bool,
    /// The caller's own number of the packet.
    pub index: u8,
}

impl<'a, K> CryptoJob<'a, K> {
    /// A job for `suite` over a packet from its ESP header to the end of its ICV, with nothing in
    /// it but ranges; `None` if the packet is too short or too long for that.
    pub fn new(suite: Suite, key: &'a K, packet: &'a mut [u8]) -> Option<Self> {
        let ranges = (suite.esp_head_len() as u8, suite.icv_len() as u8);
        Self::over(key, packet, ranges)
    }

    /// The same with a text that begins at an offset of its own.
    pub(super) fn over(
        key: &'a K,
        packet: &'a mut [u8],
        (text_offset, icv_len): (u8, u8),
    ) -> Option<Self> {
        Self::with(
            key,
            packet,
            (text_offset, icv_len),
            ([0; 16], [0; AAD_LEN_MAX]),
        )
    }

    /// A job of AES-GCM with its nonce and AAD.
    #[inline]
    pub(crate) fn gcm(
        key: &'a K,
        packet: &'a mut [u8],
        ranges: (u8, u8),
        (nonce, aad, aad_len): ([u8; 16], [u8; AAD_LEN_MAX], u8),
    ) -> Option<Self> {
        let mut job = Self::with(key, packet, ranges, (nonce, aad))?;
        job.aad_len = aad_len.min(AAD_LEN_MAX as u8);
        Some(job)
    }

    #[inline]
    fn with(
        key: &'a K,
        packet: &'a mut [u8],
        (text_offset, icv_len): (u8, u8),
        (iv, aad): ([u8; 16], [u8; AAD_LEN_MAX]),
    ) -> Option<Self> {
        let beside = usize::from(text_offset) + usize::from(icv_len);
        let text_len = packet.len().wrapping_sub(beside);
        if text_len > TEXT_LEN_MAX || usize::from(icv_len) > ICV_LEN_MAX {
            return None;
        }
        Some(Self {
            key,
            packet,
            iv,
            aad,
            displaced: [0; HIGH_LEN],
            text_offset,
            icv_len,
            aad_len: 0,
            has_high: false,
            done: false,
            index: 0,
        })
    }

    /// Gives the packet back.
    #[inline]
    pub(crate) fn into_packet(self) -> &'a mut [u8] {
        self.packet
    }
}

impl<K> CryptoJob<'_, K> {
    /// The packet.
    #[inline]
    pub(crate) fn packet(&mut self) -> &mut [u8] {
        self.packet
    }

    /// Where the text begins.
    #[inline]
    pub(crate) fn text_offset(&self) -> usize {
        usize::from(self.text_offset)
    }

    /// Bytes of text, a whole number of the cipher's blocks.
    #[inline]
    pub(crate) fn text_len(&self) -> usize {
        self.packet.len() - self.text_offset() - self.icv_len()
    }

    /// Bytes of the ICV behind the text.
    #[inline]
    pub(super) fn icv_len(&self) -> usize {
        usize::from(self.icv_len)
    }

    #[inline]
    fn text_end(&self) -> usize {
        self.packet.len() - self.icv_len()
    }

    /// The text.
    pub(super) fn text(&mut self) -> &mut [u8] {
        let range = self.text_offset()..self.text_end();
        self.packet.get_mut(range).unwrap_or_default()
    }

    /// The ICV that was made, or is expected: as it is in the packet.
    pub(super) fn icv(&mut self) -> &mut [u8] {
        let end = self.text_end();
        self.packet.get_mut(end..).unwrap_or_default()
    }

    /// Text, ICV and where it is noted that it is done; `None` for an ICV of another length.
    pub(super) fn text_and_icv<const ICV_LEN: usize>(
        &mut self,
    ) -> Option<(&mut [u8], &mut [u8; ICV_LEN], &mut bool)> {
        if self.icv_len() != ICV_LEN {
            return None;
        }
        let offset = self.text_offset();
        let (front, icv) = self.packet.split_last_chunk_mut()?;
        Some((front.get_mut(offset..)?, icv, &mut self.done))
    }

    /// What GCM authenticates beside the text.
    #[cfg(test)]
    pub(crate) fn aad(&self) -> &[u8] {
        self.aad.get(..self.aad_len()).unwrap_or_default()
    }

    #[inline]
    pub(super) fn aad_len(&self) -> usize {
        usize::from(self.aad_len)
    }

    /// Sets it; `false`, and nothing done, if it is too long.
    pub(super) fn set_aad(&mut self, aad: &[u8]) -> bool {
        let Some(field) = self.aad.get_mut(..aad.len()) else {
            return false;
        };
        field.copy_from_slice(aad);
        self.aad_len = aad.len() as u8;
        true
    }

    /// RFC 4303 section 2.2.1: the high half of the sequence number is authenticated behind the
    /// text but not sent. It stands where the ICV will be, or was.
    #[inline]
    pub(crate) fn append_high(&mut self, sequence: u64) {
        let end = self.text_end();
        let field = self.packet.get_mut(end..).and_then(<[u8]>::first_chunk_mut);
        if let Some(field) = field {
            self.displaced = *field;
            *field = ((sequence >> 32) as u32).to_be_bytes();
            self.has_high = true;
        }
    }

    /// Bytes that an HMAC covers, from the start of the packet.
    #[inline]
    pub(super) fn authenticated_len(&self) -> usize {
        self.text_end() + if self.has_high { HIGH_LEN } else { 0 }
    }

    /// Compares the expected ICV with what was computed, in constant time: every byte is looked at,
    /// and only the sum of all differences decides.
    pub(super) fn icv_equals(&self, computed: &[u8]) -> bool {
        let expected = self.packet.get(self.text_end()..).unwrap_or_default();
        let computed = computed.get(..self.icv_len()).unwrap_or_default();
        let (hidden, shown) = if self.has_high {
            (&self.displaced[..], expected.get(HIGH_LEN..))
        } else {
            (&[][..], Some(expected))
        };
        let difference = hidden
            .iter()
            .chain(shown.unwrap_or_default())
            .zip(computed)
            .fold(0, |sum, (mine, theirs)| sum | (mine ^ theirs));
        let complete = !expected.is_empty() && expected.len() == computed.len();
        complete && bool::from(difference.ct_eq(&0_u8))
    }

    /// Puts the ICV that was computed, truncated, behind the text.
    pub(super) fn set_icv(&mut self, computed: &[u8]) {
        let icv = self.icv();
        if let Some(computed) = computed.get(..icv.len()) {
            icv.copy_from_slice(computed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGES: (u8, u8) = (16, 16);

    #[test]
    fn a_job_has_room_for_its_icv_and_a_bounded_text() {
        let long = |len: usize| CryptoJob::over(&(), &mut vec![0; len], RANGES).is_some();
        assert!(!long(31) && long(32) && long(32 + TEXT_LEN_MAX) && !long(33 + TEXT_LEN_MAX));
        let mut packet = [0; 64];
        let icv_len = ICV_LEN_MAX as u8;
        assert!(CryptoJob::over(&(), &mut packet, (8, icv_len)).is_some());
        assert!(CryptoJob::over(&(), &mut packet, (8, icv_len + 1)).is_none());
    }

    #[test]
    fn facts_are_one_line() {
        assert_eq!(size_of::<CryptoJob<'_, ()>>(), 64);
    }

    #[test]
    fn the_high_half_hides_no_byte_of_the_icv() {
        let mut packet: [u8; 48] = core::array::from_fn(|at| at as u8);
        let icv: [u8; 16] = *packet.last_chunk().expect("there is one");
        let mut job = CryptoJob::over(&(), &mut packet, RANGES).expect("it fits");
        assert_eq!((job.text_len(), job.authenticated_len()), (16, 32));
        job.append_high(0x0102_0304_0000_0000);
        assert_eq!(job.authenticated_len(), 36);
        assert_eq!(job.packet()[32..36], [1, 2, 3, 4]);
        assert!(job.icv_equals(&icv));
        for bit in 0..128 {
            let mut other = icv;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!job.icv_equals(&other), "bit {bit}");
        }
        job.set_icv(&[7; 32]);
        assert_eq!(job.icv(), [7; 16]);
    }

    #[test]
    fn an_aad_that_is_too_long_is_refused() {
        let mut packet = [0; 48];
        let mut job = CryptoJob::over(&(), &mut packet, RANGES).expect("it fits");
        assert!(job.set_aad(&[1; 12]) && !job.set_aad(&[2; 13]));
        assert_eq!(job.aad(), [1; 12]);
    }
}
