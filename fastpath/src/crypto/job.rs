//! One packet's work for an engine.

use subtle::ConstantTimeEq;

use crate::esp::{ICV_LEN_MAX, Suite};

/// Bytes of additional authenticated data at most: SPI and 64-bit sequence (RFC 4106 section 5).
pub(crate) const AAD_LEN_MAX: usize = 12;

/// One packet to seal or to open in place, with the key that an engine has prepared for its SA.
///
/// An HMAC covers the first `authenticated_len` bytes of `packet`; with ESN the caller has written
/// the high half of the sequence number into the last four of them (RFC 4303 section 2.2.1).
/// AES-GCM takes what it authenticates beside the text from `aad`.
#[derive(Debug)]
pub struct CryptoJob<'a, K> {
    /// The SA's key.
    pub key: &'a K,
    /// The packet from the ESP header on.
    pub packet: &'a mut [u8],
    /// Where the text to encrypt or decrypt begins.
    pub text_offset: usize,
    /// Bytes of text, a whole number of blocks.
    pub text_len: usize,
    /// Bytes of `packet` that an HMAC covers.
    pub authenticated_len: usize,
    /// CBC: the IV, in its leading bytes with DES. GCM: the nonce in the leading twelve.
    pub iv: [u8; 16],
    /// What GCM authenticates beside the text.
    pub aad: [u8; AAD_LEN_MAX],
    /// Bytes of `aad`.
    pub aad_len: usize,
    /// The ICV: made by `seal`, expected by `open`.
    pub icv: [u8; ICV_LEN_MAX],
    /// Bytes of the ICV.
    pub icv_len: usize,
    /// Whether the packet was sealed, or was authentic and is decrypted.
    pub done: bool,
    /// The caller's own number of the packet.
    pub index: usize,
}

impl<K> CryptoJob<'_, K> {
    /// Whether the ranges lie within the packet. An engine does not touch a job that fails.
    pub(super) fn fits(&self) -> bool {
        let text_end = self.text_offset.checked_add(self.text_len);
        text_end.is_some_and(|end| end <= self.packet.len())
            && self.authenticated_len <= self.packet.len()
            && self.aad_len <= AAD_LEN_MAX
            && self.icv_len <= ICV_LEN_MAX
    }

    /// The text; empty if the ranges do not fit.
    pub(super) fn text(&mut self) -> &mut [u8] {
        let end = self.text_offset.saturating_add(self.text_len);
        self.packet
            .get_mut(self.text_offset..end)
            .unwrap_or_default()
    }

    /// Compares the expected ICV with what was computed, in constant time: every byte is looked at,
    /// and only the sum of all differences decides.
    pub(super) fn icv_equals(&self, computed: &[u8]) -> bool {
        let expected = self.icv.get(..self.icv_len).unwrap_or_default();
        let computed = computed.get(..self.icv_len).unwrap_or_default();
        let difference = expected
            .iter()
            .zip(computed)
            .fold(0, |sum, (mine, theirs)| sum | (mine ^ theirs));
        let complete = !expected.is_empty() && expected.len() == computed.len();
        complete && bool::from(difference.ct_eq(&0_u8))
    }

    /// Stores the ICV that was computed, truncated.
    pub(super) fn set_icv(&mut self, computed: &[u8]) {
        let icv = self.icv.get_mut(..self.icv_len);
        if let (Some(icv), Some(computed)) = (icv, computed.get(..self.icv_len)) {
            icv.copy_from_slice(computed);
        }
    }
}

/// Lengths of a suite that a job is made with.
impl<'a, K> CryptoJob<'a, K> {
    /// A job over `packet` for `suite`, with nothing in it but ranges: the text behind header and
    /// IV, and everything up to its end authenticated.
    pub fn new(suite: Suite, key: &'a K, packet: &'a mut [u8], text_len: usize) -> Self {
        let text_offset = suite.esp_head_len();
        Self {
            key,
            packet,
            text_offset,
            text_len,
            authenticated_len: text_offset + text_len,
            iv: [0; 16],
            aad: [0; AAD_LEN_MAX],
            aad_len: 0,
            icv: [0; ICV_LEN_MAX],
            icv_len: suite.icv_len(),
            done: false,
            index: 0,
        }
    }
}
