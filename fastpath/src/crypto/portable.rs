//! The portable engine: RustCrypto's ciphers and hashes, packet by packet.

use aes::{Aes128Dec, Aes128Enc, Aes192Dec, Aes192Enc, Aes256Dec, Aes256Enc};
use aes_gcm::AesGcm;
use aes_gcm::aead::AeadInOut;
use cipher::consts::U12;
use cipher::{
    Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit,
    KeyInit,
};
use config::{Encryption, Hash};
use des::{Des, TdesEde3};
use hmac::{Hmac, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::{CryptoJob, Direction, Engine, KeyMaterial};

/// RustCrypto.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

/// Expanded keys of one SA and direction. RustCrypto zeroizes each part when it is dropped.
#[expect(
    clippy::large_enum_variant,
    reason = "boxed as a whole, so that a packet follows one pointer"
)]
#[repr(align(64))]
pub(crate) enum Key {
    Gcm128(AesGcm<Aes128Enc, U12>),
    Gcm192(AesGcm<Aes192Enc, U12>),
    Gcm256(AesGcm<Aes256Enc, U12>),
    Cbc(CbcCipher, HmacKey),
}

const _: () = assert!(
    size_of::<AesGcm<Aes256Enc, U12>>() <= 6 * 64,
    "with the SA's own two lines a GCM packet stays below twelve"
);

/// A cipher for CBC; AES has one key schedule per direction.
pub(crate) enum CbcCipher {
    Des(Des),
    TripleDes(TdesEde3),
    Aes128Enc(Aes128Enc),
    Aes128Dec(Aes128Dec),
    Aes192Enc(Aes192Enc),
    Aes192Dec(Aes192Dec),
    Aes256Enc(Aes256Enc),
    Aes256Dec(Aes256Dec),
}

/// An HMAC that has taken in its key.
pub(crate) enum HmacKey {
    Md5(Hmac<Md5>),
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

impl Engine for Portable {
    type Key = Key;
    type Worker = ();

    fn prepare(&self, material: &KeyMaterial<'_>, direction: Direction) -> Option<Box<Key>> {
        let key = material.cipher();
        let prepared = match material.suite().encryption() {
            Encryption::AesGcm128 => Key::Gcm128(AesGcm::new_from_slice(key).ok()?),
            Encryption::AesGcm192 => Key::Gcm192(AesGcm::new_from_slice(key).ok()?),
            Encryption::AesGcm256 => Key::Gcm256(AesGcm::new_from_slice(key).ok()?),
            encryption => Key::Cbc(
                CbcCipher::new(encryption, key, direction)?,
                HmacKey::new(material.suite().integrity()?, material.integrity())?,
            ),
        };
        Some(Box::new(prepared))
    }

    fn seal((): &mut (), jobs: &mut [CryptoJob<'_, Key>]) {
        for job in jobs {
            job.done = seal(job);
        }
    }

    fn open((): &mut (), jobs: &mut [CryptoJob<'_, Key>]) {
        for job in jobs {
            job.done = open(job);
        }
    }
}

fn seal(job: &mut CryptoJob<'_, Key>) -> bool {
    match job.key {
        Key::Gcm128(gcm) => seal_gcm(gcm, job),
        Key::Gcm192(gcm) => seal_gcm(gcm, job),
        Key::Gcm256(gcm) => seal_gcm(gcm, job),
        Key::Cbc(cipher, hmac) => {
            let iv = job.iv;
            if !cipher.encrypt(&iv, job.text()) {
                return false;
            }
            let (icv, len) = hmac.compute(authenticated(job));
            job.set_icv(icv.get(..len).unwrap_or_default());
            true
        }
    }
}

fn open(job: &mut CryptoJob<'_, Key>) -> bool {
    match job.key {
        Key::Gcm128(gcm) => open_gcm(gcm, job),
        Key::Gcm192(gcm) => open_gcm(gcm, job),
        Key::Gcm256(gcm) => open_gcm(gcm, job),
        Key::Cbc(cipher, hmac) => {
            let (icv, len) = hmac.compute(authenticated(job));
            if !job.icv_equals(icv.get(..len).unwrap_or_default()) {
                return false;
            }
            let iv = job.iv;
            cipher.decrypt(&iv, job.text())
        }
    }
}

fn seal_gcm<C: AeadInOut<NonceSize = U12>>(gcm: &C, job: &mut CryptoJob<'_, Key>) -> bool {
    let (nonce, aad, aad_len) = (nonce(job), job.aad, job.aad_len());
    let aad = aad.get(..aad_len).unwrap_or_default();
    match gcm.encrypt_inout_detached(&nonce, aad, job.text().into()) {
        Ok(tag) => {
            job.set_icv(&tag);
            true
        }
        Err(_) => false,
    }
}

fn open_gcm<C>(gcm: &C, job: &mut CryptoJob<'_, Key>) -> bool
where
    C: AeadInOut<NonceSize = U12>,
{
    let (nonce, aad, aad_len) = (nonce(job), job.aad, job.aad_len());
    let aad = aad.get(..aad_len).unwrap_or_default();
    let Ok(tag) = Array::try_from(&*job.icv()) else {
        return false;
    };
    gcm.decrypt_inout_detached(&nonce, aad, job.text().into(), &tag)
        .is_ok()
}

/// What an HMAC covers.
fn authenticated<'j>(job: &'j mut CryptoJob<'_, Key>) -> &'j [u8] {
    let len = job.authenticated_len();
    job.packet().get(..len).unwrap_or_default()
}

fn nonce(job: &CryptoJob<'_, Key>) -> Array<u8, U12> {
    Array::from_fn(|index| job.iv.get(index).copied().unwrap_or_default())
}

impl CbcCipher {
    fn new(encryption: Encryption, key: &[u8], direction: Direction) -> Option<Self> {
        let seal = direction == Direction::Seal;
        Some(match encryption {
            Encryption::Des => Self::Des(Des::new_from_slice(key).ok()?),
            Encryption::TripleDes => Self::TripleDes(TdesEde3::new_from_slice(key).ok()?),
            Encryption::Aes128 if seal => Self::Aes128Enc(Aes128Enc::new_from_slice(key).ok()?),
            Encryption::Aes128 => Self::Aes128Dec(Aes128Dec::new_from_slice(key).ok()?),
            Encryption::Aes192 if seal => Self::Aes192Enc(Aes192Enc::new_from_slice(key).ok()?),
            Encryption::Aes192 => Self::Aes192Dec(Aes192Dec::new_from_slice(key).ok()?),
            Encryption::Aes256 if seal => Self::Aes256Enc(Aes256Enc::new_from_slice(key).ok()?),
            Encryption::Aes256 => Self::Aes256Dec(Aes256Dec::new_from_slice(key).ok()?),
            Encryption::AesGcm128 | Encryption::AesGcm192 | Encryption::AesGcm256 => return None,
        })
    }

    /// Encrypts whole blocks; false if `text` has others or the key is for the other direction.
    fn encrypt(&self, iv: &[u8; 16], text: &mut [u8]) -> bool {
        match self {
            Self::Des(cipher) => encrypt(cipher, iv, text),
            Self::TripleDes(cipher) => encrypt(cipher, iv, text),
            Self::Aes128Enc(cipher) => encrypt(cipher, iv, text),
            Self::Aes192Enc(cipher) => encrypt(cipher, iv, text),
            Self::Aes256Enc(cipher) => encrypt(cipher, iv, text),
            Self::Aes128Dec(_) | Self::Aes192Dec(_) | Self::Aes256Dec(_) => false,
        }
    }

    /// Decrypts whole blocks; false if `text` has others or the key is for the other direction.
    fn decrypt(&self, iv: &[u8; 16], text: &mut [u8]) -> bool {
        match self {
            Self::Des(cipher) => decrypt(cipher, iv, text),
            Self::TripleDes(cipher) => decrypt(cipher, iv, text),
            Self::Aes128Dec(cipher) => decrypt(cipher, iv, text),
            Self::Aes192Dec(cipher) => decrypt(cipher, iv, text),
            Self::Aes256Dec(cipher) => decrypt(cipher, iv, text),
            Self::Aes128Enc(_) | Self::Aes192Enc(_) | Self::Aes256Enc(_) => false,
        }
    }
}

fn encrypt<C: BlockCipherEncrypt>(cipher: &C, iv: &[u8; 16], text: &mut [u8]) -> bool {
    let iv = Array::from_fn(|index| iv.get(index).copied().unwrap_or_default());
    let (blocks, rest) = Array::slice_as_chunks_mut(text);
    cbc::Encryptor::inner_iv_init(cipher, &iv).encrypt_blocks(blocks);
    rest.is_empty()
}

fn decrypt<C: BlockCipherDecrypt>(cipher: &C, iv: &[u8; 16], text: &mut [u8]) -> bool {
    let iv = Array::from_fn(|index| iv.get(index).copied().unwrap_or_default());
    let (blocks, rest) = Array::slice_as_chunks_mut(text);
    cbc::Decryptor::inner_iv_init(cipher, &iv).decrypt_blocks(blocks);
    rest.is_empty()
}

/// Longest output of a hash.
const DIGEST_LEN_MAX: usize = 64;

impl HmacKey {
    fn new(hash: Hash, key: &[u8]) -> Option<Self> {
        Some(match hash {
            Hash::Md5 => Self::Md5(Hmac::new_from_slice(key).ok()?),
            Hash::Sha1 => Self::Sha1(Hmac::new_from_slice(key).ok()?),
            Hash::Sha256 => Self::Sha256(Hmac::new_from_slice(key).ok()?),
            Hash::Sha384 => Self::Sha384(Hmac::new_from_slice(key).ok()?),
            Hash::Sha512 => Self::Sha512(Hmac::new_from_slice(key).ok()?),
        })
    }

    /// The whole HMAC and its length.
    fn compute(&self, text: &[u8]) -> ([u8; DIGEST_LEN_MAX], usize) {
        match self {
            Self::Md5(hmac) => compute(hmac, text),
            Self::Sha1(hmac) => compute(hmac, text),
            Self::Sha256(hmac) => compute(hmac, text),
            Self::Sha384(hmac) => compute(hmac, text),
            Self::Sha512(hmac) => compute(hmac, text),
        }
    }
}

fn compute<M: Mac + Clone>(keyed: &M, text: &[u8]) -> ([u8; DIGEST_LEN_MAX], usize) {
    let mut hmac = keyed.clone();
    hmac.update(text);
    let digest = hmac.finalize().into_bytes();
    let mut out = [0; DIGEST_LEN_MAX];
    for (to, from) in out.iter_mut().zip(&digest) {
        *to = *from;
    }
    (out, digest.len())
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    #[test]
    fn every_part_of_a_key_is_zeroized() {
        fn zeroized<T: ZeroizeOnDrop>() {}
        zeroized::<AesGcm<Aes128Enc, U12>>();
        zeroized::<AesGcm<Aes192Enc, U12>>();
        zeroized::<AesGcm<Aes256Enc, U12>>();
        zeroized::<Des>();
        zeroized::<TdesEde3>();
        zeroized::<Aes128Enc>();
        zeroized::<Aes128Dec>();
        zeroized::<Aes192Enc>();
        zeroized::<Aes192Dec>();
        zeroized::<Aes256Enc>();
        zeroized::<Aes256Dec>();
        // An HMAC is nothing but two states of its hash.
        zeroized::<Md5>();
        zeroized::<Sha1>();
        zeroized::<Sha256>();
        zeroized::<Sha384>();
        zeroized::<Sha512>();
    }
}
