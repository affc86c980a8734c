//! CBC encryption of phase-1 and phase-2 messages (RFC 2409 appendix B).

use aes::{Aes128, Aes192, Aes256};
use cbc::{Decryptor, Encryptor};
use cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding};
use config::Encryption;
use des::{Des, TdesEde3};

/// Bytes of a block and of the IV.
pub(in crate::ike) const fn block_len(cipher: Encryption) -> usize {
    match cipher {
        Encryption::Des | Encryption::TripleDes => 8,
        _ => 16,
    }
}

/// Bytes of the key; `None` for what is no cipher of IKEv1.
pub(in crate::ike) const fn key_len(cipher: Encryption) -> Option<usize> {
    match cipher {
        Encryption::Des => Some(8),
        Encryption::TripleDes => Some(24),
        Encryption::Aes128 => Some(16),
        Encryption::Aes192 => Some(24),
        Encryption::Aes256 => Some(32),
        Encryption::AesGcm128 | Encryption::AesGcm192 | Encryption::AesGcm256 => None,
    }
}

macro_rules! with_cipher {
    ($cipher:expr, $name:ident => $body:expr) => {
        match $cipher {
            Encryption::Des => {
                type $name = Des;
                $body
            }
            Encryption::TripleDes => {
                type $name = TdesEde3;
                $body
            }
            Encryption::Aes128 => {
                type $name = Aes128;
                $body
            }
            Encryption::Aes192 => {
                type $name = Aes192;
                $body
            }
            Encryption::Aes256 => {
                type $name = Aes256;
                $body
            }
            _ => None,
        }
    };
}

/// Pads `text` with zeros to whole blocks and encrypts it. `None` for a key or IV of another
/// length than the cipher's.
pub(in crate::ike) fn encrypt(
    cipher: Encryption,
    key: &[u8],
    iv: &[u8],
    text: &[u8],
) -> Option<Vec<u8>> {
    let mut bytes = text.to_vec();
    bytes.resize(text.len().next_multiple_of(block_len(cipher)), 0);
    let len = bytes.len();
    with_cipher!(cipher, C => {
        let mode = Encryptor::<C>::new_from_slices(key, iv).ok()?;
        mode.encrypt_padded::<NoPadding>(&mut bytes, len).ok()?;
        Some(bytes)
    })
}

/// Decrypts whole blocks.
pub(in crate::ike) fn decrypt(
    cipher: Encryption,
    key: &[u8],
    iv: &[u8],
    bytes: &[u8],
) -> Option<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    if bytes.is_empty() || !bytes.len().is_multiple_of(block_len(cipher)) {
        return None;
    }
    with_cipher!(cipher, C => {
        let mode = Decryptor::<C>::new_from_slices(key, iv).ok()?;
        mode.decrypt_padded::<NoPadding>(&mut bytes).ok()?;
        Some(bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Encryption; 5] = [
        Encryption::Des,
        Encryption::TripleDes,
        Encryption::Aes128,
        Encryption::Aes192,
        Encryption::Aes256,
    ];

    #[test]
    fn what_is_encrypted_is_decrypted_and_padded() {
        for which in ALL {
            let key: Vec<u8> = (1..=key_len(which).unwrap() as u8).collect();
            let iv = vec![9; block_len(which)];
            let bytes = encrypt(which, &key, &iv, b"seventeen bytes!!").unwrap();
            assert!(bytes.len().is_multiple_of(block_len(which)));
            let text = decrypt(which, &key, &iv, &bytes).unwrap();
            assert_eq!(&text[..17], b"seventeen bytes!!");
            assert!(text[17..].iter().all(|byte| *byte == 0));
            assert!(decrypt(which, &key, &iv, &bytes[1..]).is_none());
        }
    }

    /// NIST SP 800-38A F.2.1, first block.
    #[test]
    fn published_vector() {
        let key = 0x2b7e151628aed2a6abf7158809cf4f3cu128.to_be_bytes();
        let iv = 0x000102030405060708090a0b0c0d0e0fu128.to_be_bytes();
        let text = 0x6bc1bee22e409f96e93d7e117393172au128.to_be_bytes();
        let expected = 0x7649abac8119b246cee98e9b12e9197du128.to_be_bytes();
        assert_eq!(
            encrypt(Encryption::Aes128, &key, &iv, &text).unwrap(),
            expected
        );
    }
}
