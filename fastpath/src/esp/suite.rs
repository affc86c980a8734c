//! What an SA encrypts and authenticates with, and what that adds to a packet.

use std::fmt;

use config::{Encryption, Hash};

/// Cipher and integrity algorithm of a child SA.
///
/// Only combinations that authenticate exist: CBC with an HMAC, or AES-GCM alone (RFC 4303 section
/// 3.2.3 lets one do without; encryption alone falls to active attacks).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Suite {
    encryption: Encryption,
    integrity: Option<Hash>,
}

/// Bytes of the ESP header: SPI and sequence number (RFC 4303 section 2).
pub const ESP_HEADER_LEN: usize = 8;
/// Bytes of the ESP trailer: pad length and next header (RFC 4303 section 2).
pub const ESP_TRAILER_LEN: usize = 2;
/// Largest ICV of any suite: HMAC-SHA-512-256.
pub const ICV_LEN_MAX: usize = 32;
/// Bytes that GCM takes from the keying material behind the key (RFC 4106 section 8.1).
pub const SALT_LEN: usize = 4;

/// Bytes that an SA with a 64-bit block cipher may carry: 2^29 blocks, far enough below the
/// birthday bound of 2^32 that equal ciphertext blocks stay unlikely (one chance in 2^7).
const SMALL_BLOCK_BYTES_MAX: u64 = 1 << 32;

/// How dear a suite is, so that measuring it takes no longer than it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CostClass {
    /// AES-GCM.
    Gcm,
    /// AES-CBC with an HMAC.
    AesCbc,
    /// DES with an HMAC.
    Des,
    /// 3DES with an HMAC.
    TripleDes,
}

impl Suite {
    /// The suite of these algorithms; `None` for CBC without and for GCM with an HMAC.
    pub const fn new(encryption: Encryption, integrity: Option<Hash>) -> Option<Self> {
        match (is_gcm(encryption), integrity) {
            (true, None) | (false, Some(_)) => Some(Self {
                encryption,
                integrity,
            }),
            _ => None,
        }
    }

    /// Every suite there is.
    pub fn all() -> impl Iterator<Item = Self> {
        let hashes = [None].into_iter().chain(HASHES.map(Some));
        hashes.flat_map(|hash| {
            CIPHERS
                .into_iter()
                .filter_map(move |it| Self::new(it, hash))
        })
    }

    /// The cipher.
    pub const fn encryption(self) -> Encryption {
        self.encryption
    }

    /// The HMAC, `None` with GCM.
    pub const fn integrity(self) -> Option<Hash> {
        self.integrity
    }

    /// Whether encryption and integrity are one (AES-GCM, RFC 4106).
    pub const fn is_gcm(self) -> bool {
        is_gcm(self.encryption)
    }

    /// Whether the cipher is DES, once or three times: some engines look nothing up in tables for
    /// it and take microseconds per byte.
    pub(crate) const fn is_des(self) -> bool {
        matches!(self.encryption, Encryption::Des | Encryption::TripleDes)
    }

    /// Bytes to a multiple of which payload, padding and trailer come together: the cipher's
    /// block, and four with GCM (RFC 4303 section 2.4).
    pub const fn block_len(self) -> usize {
        match self.encryption {
            Encryption::Des | Encryption::TripleDes => 8,
            Encryption::Aes128 | Encryption::Aes192 | Encryption::Aes256 => 16,
            Encryption::AesGcm128 | Encryption::AesGcm192 | Encryption::AesGcm256 => 4,
        }
    }

    /// Bytes of the IV in the packet.
    pub const fn iv_len(self) -> usize {
        match self.encryption {
            Encryption::Aes128 | Encryption::Aes192 | Encryption::Aes256 => 16,
            _ => 8,
        }
    }

    /// Bytes of the ICV (RFC 2403, 2404, 4868 section 2.3, 4106 section 6).
    pub const fn icv_len(self) -> usize {
        match self.integrity {
            None => 16,
            Some(Hash::Md5 | Hash::Sha1) => 12,
            Some(Hash::Sha256) => 16,
            Some(Hash::Sha384) => 24,
            Some(Hash::Sha512) => 32,
        }
    }

    /// Bytes of encryption keying material, with GCM the salt behind the key included.
    pub const fn encryption_key_len(self) -> usize {
        self.cipher_key_len() + if self.is_gcm() { SALT_LEN } else { 0 }
    }

    /// Bytes of the cipher's key proper.
    pub const fn cipher_key_len(self) -> usize {
        match self.encryption {
            Encryption::Des => 8,
            Encryption::Aes128 | Encryption::AesGcm128 => 16,
            Encryption::TripleDes | Encryption::Aes192 | Encryption::AesGcm192 => 24,
            Encryption::Aes256 | Encryption::AesGcm256 => 32,
        }
    }

    /// Bytes of integrity keying material: the hash's output (RFC 4868 section 2.1.1); none with
    /// GCM.
    pub const fn integrity_key_len(self) -> usize {
        match self.integrity {
            None => 0,
            Some(Hash::Md5) => 16,
            Some(Hash::Sha1) => 20,
            Some(Hash::Sha256) => 32,
            Some(Hash::Sha384) => 48,
            Some(Hash::Sha512) => 64,
        }
    }

    /// Bytes of padding for `inner_len` bytes of payload.
    pub const fn pad_len(self, inner_len: usize) -> usize {
        // Blocks are powers of two.
        (inner_len + ESP_TRAILER_LEN).wrapping_neg() & (self.block_len() - 1)
    }

    /// Bytes behind the payload: padding, trailer and ICV.
    pub const fn tail_len(self, inner_len: usize) -> usize {
        self.pad_len(inner_len) + ESP_TRAILER_LEN + self.icv_len()
    }

    /// Bytes in front of the payload from the ESP header on: header and IV.
    pub const fn esp_head_len(self) -> usize {
        ESP_HEADER_LEN + self.iv_len()
    }

    /// Bytes that an SA of this suite may carry at most, whatever was negotiated.
    pub const fn lifetime_bytes_max(self) -> Option<u64> {
        match self.encryption {
            Encryption::Des | Encryption::TripleDes => Some(SMALL_BLOCK_BYTES_MAX),
            _ => None,
        }
    }

    /// How dear the suite is.
    pub const fn cost_class(self) -> CostClass {
        match self.encryption {
            Encryption::Des => CostClass::Des,
            Encryption::TripleDes => CostClass::TripleDes,
            Encryption::Aes128 | Encryption::Aes192 | Encryption::Aes256 => CostClass::AesCbc,
            Encryption::AesGcm128 | Encryption::AesGcm192 | Encryption::AesGcm256 => CostClass::Gcm,
        }
    }

    /// A small number of its own, below [`Suite::COUNT`].
    pub const fn index(self) -> usize {
        let hash = match self.integrity {
            None => 0,
            Some(hash) => 1 + hash as usize,
        };
        hash * CIPHERS.len() + self.encryption as usize
    }

    /// Bound of [`Suite::index`].
    pub const COUNT: usize = CIPHERS.len() * (HASHES.len() + 1);
}

const CIPHERS: [Encryption; 8] = [
    Encryption::Des,
    Encryption::TripleDes,
    Encryption::Aes128,
    Encryption::Aes192,
    Encryption::Aes256,
    Encryption::AesGcm128,
    Encryption::AesGcm192,
    Encryption::AesGcm256,
];

const HASHES: [Hash; 5] = [
    Hash::Md5,
    Hash::Sha1,
    Hash::Sha256,
    Hash::Sha384,
    Hash::Sha512,
];

const fn is_gcm(encryption: Encryption) -> bool {
    matches!(
        encryption,
        Encryption::AesGcm128 | Encryption::AesGcm192 | Encryption::AesGcm256
    )
}

impl fmt::Display for Suite {
    /// The words of `crypto ipsec transform-set`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.encryption {
            Encryption::Des => "esp-des",
            Encryption::TripleDes => "esp-3des",
            Encryption::Aes128 => "esp-aes",
            Encryption::Aes192 => "esp-aes-192",
            Encryption::Aes256 => "esp-aes-256",
            Encryption::AesGcm128 => "esp-aes-gcm",
            Encryption::AesGcm192 => "esp-aes-gcm-192",
            Encryption::AesGcm256 => "esp-aes-gcm-256",
        })?;
        f.write_str(match self.integrity {
            None => "",
            Some(Hash::Md5) => " esp-md5-hmac",
            Some(Hash::Sha1) => " esp-sha-hmac",
            Some(Hash::Sha256) => " esp-sha256-hmac",
            Some(Hash::Sha384) => " esp-sha384-hmac",
            Some(Hash::Sha512) => " esp-sha512-hmac",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn refuses_what_does_not_authenticate_once() {
        assert_eq!(Suite::new(Encryption::Aes128, None), None);
        assert_eq!(Suite::new(Encryption::TripleDes, None), None);
        assert_eq!(Suite::new(Encryption::AesGcm256, Some(Hash::Sha1)), None);
    }

    #[test]
    fn every_suite_has_an_index_of_its_own() {
        let all: Vec<Suite> = Suite::all().collect();
        assert_eq!(all.len(), 5 * 5 + 3);
        let indices: HashSet<usize> = all.iter().map(|suite| suite.index()).collect();
        assert_eq!(indices.len(), all.len());
        assert!(indices.iter().all(|index| *index < Suite::COUNT));
    }

    #[test]
    fn padding_fills_whole_blocks() {
        for suite in Suite::all() {
            for inner_len in 0..200 {
                let pad_len = suite.pad_len(inner_len);
                assert!(pad_len < suite.block_len());
                let text_len = inner_len + pad_len + ESP_TRAILER_LEN;
                assert_eq!(text_len % suite.block_len(), 0);
                assert_eq!(suite.tail_len(inner_len), pad_len + 2 + suite.icv_len());
            }
            assert!(suite.icv_len() <= ICV_LEN_MAX);
        }
    }
}
