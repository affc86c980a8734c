//! Jobs of AES-GCM (RFC 4106), whose parts are worked out in registers.
//!
//! A job is read by vectors soon after it was written. What was written in smaller pieces would
//! have to reach the cache first.

use super::suite::{ESP_HEADER_LEN, SALT_LEN};
use crate::crypto::{AAD_LEN_MAX, CryptoJob};

/// Bytes of the explicit IV.
const IV_LEN: usize = 8;
/// Bytes of the ICV of all its suites.
const ICV_LEN: usize = 16;
/// Where the text begins, and bytes of the ICV.
const RANGES: (u8, u8) = ((ESP_HEADER_LEN + IV_LEN) as u8, ICV_LEN as u8);

/// What makes the job of one packet.
#[derive(Clone, Copy)]
pub(super) struct GcmFacts {
    pub(super) salt: [u8; SALT_LEN],
    /// The IV in the packet.
    pub(super) explicit: [u8; IV_LEN],
    pub(super) spi: u32,
    pub(super) sequence: u64,
    pub(super) esn: bool,
}

impl GcmFacts {
    /// The job of a packet from its ESP header to the end of its ICV; `None` if it is too short or
    /// too long.
    #[inline]
    pub(super) fn job<'a, K>(
        self,
        key: &'a K,
        packet: &'a mut [u8],
        index: usize,
    ) -> Option<CryptoJob<'a, K>> {
        let (aad, aad_len) = self.aad();
        let mut job = CryptoJob::gcm(key, packet, RANGES, (self.nonce(), aad, aad_len))?;
        job.index = index as u8;
        Some(job)
    }

    /// RFC 4106 section 4: salt, then the explicit IV.
    #[inline]
    fn nonce(&self) -> [u8; 16] {
        let explicit = u128::from(u64::from_le_bytes(self.explicit));
        (u128::from(u32::from_le_bytes(self.salt)) | explicit << 32).to_le_bytes()
    }

    /// RFC 4106 section 5: the SPI and the whole sequence number.
    #[inline]
    fn aad(&self) -> ([u8; AAD_LEN_MAX], u8) {
        let (high, low) = ((self.sequence >> 32) as u32, self.sequence as u32);
        let (second, third, len) = if self.esn {
            (high, low, AAD_LEN_MAX as u8)
        } else {
            (low, 0, 8)
        };
        let front = u64::from(self.spi) << 32 | u64::from(second);
        let both = u128::from(front.to_be()) | u128::from(third.to_be()) << 64;
        let [aad @ .., _, _, _, _] = both.to_le_bytes();
        (aad, len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonce_and_aad_are_those_of_rfc_4106() {
        let facts = |esn| GcmFacts {
            salt: [1, 2, 3, 4],
            explicit: [5, 6, 7, 8, 9, 10, 11, 12],
            spi: 0x0a0b_0c0d,
            sequence: 0x1122_3344_5566_7788,
            esn,
        };
        let mut packet = [0; 64];
        let job = facts(true).job(&(), &mut packet, 3).expect("it fits");
        assert_eq!(job.iv, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0, 0, 0]);
        let whole = [
            0x0a, 0x0b, 0x0c, 0x0d, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
        ];
        assert_eq!(job.aad(), whole);
        assert_eq!((job.text_offset(), job.text_len(), job.index), (16, 32, 3));
        let job = facts(false).job(&(), &mut packet, 3).expect("it fits");
        assert_eq!(job.aad(), [0x0a, 0x0b, 0x0c, 0x0d, 0x55, 0x66, 0x77, 0x88]);
        assert!(facts(false).job(&(), &mut packet[..31], 3).is_none());
    }
}
