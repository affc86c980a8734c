//! Jobs of AES-GCM (RFC 4106), whose parts are worked out in registers.
//!
//! A job is read by vectors soon after it was written. What was written in smaller pieces would
//! have to reach the cache first.

use super::suite::{SALT_LEN, Suite};
use crate::crypto::{AAD_LEN_MAX, CryptoJob};
use crate::esp::ICV_LEN_MAX;

/// Bytes of the ICV of all its suites.
pub(super) const GCM_ICV_LEN: usize = 16;

/// What makes the job of one packet.
#[derive(Clone, Copy)]
pub(super) struct GcmFacts {
    pub(super) salt: [u8; SALT_LEN],
    /// The IV in the packet.
    pub(super) explicit: [u8; 8],
    pub(super) spi: u32,
    pub(super) sequence: u64,
    pub(super) esn: bool,
}

impl GcmFacts {
    /// The job without the ICV that is expected of a packet to open: see [`expect_icv`].
    #[inline]
    pub(super) fn job<'a, K>(
        self,
        suite: Suite,
        key: &'a K,
        packet: &'a mut [u8],
        text_len: usize,
        index: usize,
    ) -> CryptoJob<'a, K> {
        let text_offset = suite.esp_head_len();
        let (aad, aad_len) = self.aad();
        CryptoJob {
            key,
            packet,
            text_offset,
            text_len,
            authenticated_len: text_offset + text_len,
            iv: self.nonce(),
            aad,
            aad_len,
            icv: [0; ICV_LEN_MAX],
            icv_len: GCM_ICV_LEN,
            done: false,
            index,
        }
    }

    /// RFC 4106 section 4: salt, then the explicit IV.
    #[inline]
    fn nonce(&self) -> [u8; 16] {
        let explicit = u128::from(u64::from_le_bytes(self.explicit));
        (u128::from(u32::from_le_bytes(self.salt)) | explicit << 32).to_le_bytes()
    }

    /// RFC 4106 section 5: the SPI and the whole sequence number.
    #[inline]
    fn aad(&self) -> ([u8; AAD_LEN_MAX], usize) {
        let number = if self.esn {
            self.sequence
        } else {
            self.sequence << 32
        };
        let both = u128::from(self.spi) << 64 | u128::from(number);
        let aad = both.to_be_bytes().last_chunk().copied().unwrap_or_default();
        (aad, if self.esn { AAD_LEN_MAX } else { 8 })
    }
}

/// Takes the ICV behind the text as the expected one, in a job that has its place already: a job
/// that is made with it is put together in memory, from pieces of two sizes.
#[inline]
pub(super) fn expect_icv<K>(job: &mut CryptoJob<'_, K>) {
    let behind = job.packet.get(job.text_offset + job.text_len..);
    let found = behind.and_then(<[u8]>::first_chunk::<GCM_ICV_LEN>);
    if let (Some(found), Some(icv)) = (found, job.icv.first_chunk_mut()) {
        *icv = *found;
    }
}

#[cfg(test)]
mod tests {
    use config::Encryption;

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
        let suite = Suite::new(Encryption::AesGcm128, None).expect("a suite");
        let mut packet = [0; 64];
        packet[48..].fill(7);
        let mut job = facts(true).job(suite, &(), &mut packet, 32, 3);
        assert_eq!(job.iv, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0, 0, 0]);
        let whole = [
            0x0a, 0x0b, 0x0c, 0x0d, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
        ];
        assert_eq!((job.aad, job.aad_len), (whole, 12));
        assert_eq!((job.text_offset, job.text_len, job.index), (16, 32, 3));
        expect_icv(&mut job);
        assert_eq!((job.icv[..16].to_vec(), job.icv_len), (vec![7; 16], 16));
        let job = facts(false).job(suite, &(), &mut packet, 32, 3);
        let low = [0x0a, 0x0b, 0x0c, 0x0d, 0x55, 0x66, 0x77, 0x88, 0, 0, 0, 0];
        assert_eq!((job.aad, job.aad_len), (low, 8));
    }
}
