//! Keys out of the exchanges (RFC 2409 sections 5 and 5.5, appendix B).

use config::{Encryption, Hash};
use zeroize::Zeroizing;

use super::cipher;
use super::prf::{hash, prf};

/// What phase 1 agrees on.
#[derive(Clone)]
pub(in crate::ike) struct Phase1Keys {
    pub(in crate::ike) hash: Hash,
    pub(in crate::ike) cipher: Encryption,
    pub(in crate::ike) skeyid: Zeroizing<Vec<u8>>,
    pub(in crate::ike) skeyid_d: Zeroizing<Vec<u8>>,
    pub(in crate::ike) skeyid_a: Zeroizing<Vec<u8>>,
    pub(in crate::ike) encryption: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Phase1Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Phase1Keys(*)")
    }
}

/// What both sides contributed to phase 1.
pub(in crate::ike) struct Contributions<'a> {
    pub(in crate::ike) pre_shared_key: &'a [u8],
    pub(in crate::ike) nonce_i: &'a [u8],
    pub(in crate::ike) nonce_r: &'a [u8],
    pub(in crate::ike) shared: &'a [u8],
    pub(in crate::ike) cookie_i: &'a [u8; 8],
    pub(in crate::ike) cookie_r: &'a [u8; 8],
}

impl Phase1Keys {
    /// SKEYID and its derivatives with pre-shared keys.
    pub(in crate::ike) fn derive(
        h: Hash,
        cipher: Encryption,
        from: &Contributions<'_>,
    ) -> Option<Self> {
        let skeyid = prf(h, from.pre_shared_key, &[from.nonce_i, from.nonce_r]);
        let tail = |number: &'static [u8]| [from.shared, from.cookie_i, from.cookie_r, number];
        let skeyid_d = prf(h, &skeyid, &tail(&[0]));
        let [shared, cookie_i, cookie_r, one] = tail(&[1]);
        let skeyid_a = prf(h, &skeyid, &[&skeyid_d, shared, cookie_i, cookie_r, one]);
        let [shared, cookie_i, cookie_r, two] = tail(&[2]);
        let skeyid_e = prf(h, &skeyid, &[&skeyid_a, shared, cookie_i, cookie_r, two]);
        let encryption = stretch(h, &skeyid_e, cipher::key_len(cipher)?);
        Some(Self {
            hash: h,
            cipher,
            skeyid,
            skeyid_d,
            skeyid_a,
            encryption,
        })
    }

    /// IV of the first encrypted message of phase 1.
    pub(in crate::ike) fn first_iv(&self, public_i: &[u8], public_r: &[u8]) -> Vec<u8> {
        self.iv(&[public_i, public_r])
    }

    /// IV of the first message of a phase-2 exchange.
    pub(in crate::ike) fn exchange_iv(&self, last_block: &[u8], message_id: u32) -> Vec<u8> {
        self.iv(&[last_block, &message_id.to_be_bytes()])
    }

    fn iv(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut iv = hash(self.hash, parts);
        iv.truncate(cipher::block_len(self.cipher));
        iv
    }

    /// `len` bytes for an SA with this SPI.
    pub(in crate::ike) fn child(
        &self,
        from: &ChildContributions<'_>,
        len: usize,
    ) -> Zeroizing<Vec<u8>> {
        let spi = from.spi.to_be_bytes();
        let protocol = [from.protocol];
        let shared = from.shared.unwrap_or_default();
        let parts = [shared, &protocol, &spi, from.nonce_i, from.nonce_r];
        let mut keymat = Zeroizing::new(Vec::with_capacity(len + 64));
        let mut block = prf(self.hash, &self.skeyid_d, &parts);
        while keymat.len() < len {
            keymat.extend_from_slice(&block);
            let [shared, protocol, spi, nonce_i, nonce_r] = parts;
            let next = [block.as_slice(), shared, protocol, spi, nonce_i, nonce_r];
            block = prf(self.hash, &self.skeyid_d, &next);
        }
        keymat.truncate(len);
        keymat
    }
}

/// What both sides contributed to a phase-2 SA.
pub(in crate::ike) struct ChildContributions<'a> {
    pub(in crate::ike) shared: Option<&'a [u8]>,
    pub(in crate::ike) protocol: u8,
    pub(in crate::ike) spi: u32,
    pub(in crate::ike) nonce_i: &'a [u8],
    pub(in crate::ike) nonce_r: &'a [u8],
}

/// SKEYID_e as a key: its first bytes, or the chain of appendix B where it is too short.
fn stretch(h: Hash, skeyid_e: &[u8], len: usize) -> Zeroizing<Vec<u8>> {
    if skeyid_e.len() >= len {
        return Zeroizing::new(skeyid_e.get(..len).unwrap_or_default().to_vec());
    }
    let mut key = Zeroizing::new(Vec::with_capacity(len + 64));
    let mut block = prf(h, skeyid_e, &[&[0]]);
    while key.len() < len {
        key.extend_from_slice(&block);
        block = prf(h, skeyid_e, &[&block]);
    }
    key.truncate(len);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    /// NIST CAVS vectors of the IKEv1 key derivation with pre-shared keys.
    #[test]
    fn published_vectors() {
        let text = include_str!("vectors/nist_ikev1_psk.txt");
        let mut cases = 0;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split(' ').collect();
            let hash = match fields[0] {
                "sha1" => Hash::Sha1,
                "sha256" => Hash::Sha256,
                "sha384" => Hash::Sha384,
                _ => Hash::Sha512,
            };
            let bytes: Vec<Vec<u8>> = fields[1..].iter().map(|field| unhex(field)).collect();
            let from = Contributions {
                pre_shared_key: &bytes[5],
                nonce_i: &bytes[2],
                nonce_r: &bytes[3],
                shared: &bytes[4],
                cookie_i: bytes[0].as_slice().try_into().unwrap(),
                cookie_r: bytes[1].as_slice().try_into().unwrap(),
            };
            let keys = Phase1Keys::derive(hash, Encryption::Aes128, &from).unwrap();
            assert_eq!(*keys.skeyid, bytes[6]);
            assert_eq!(*keys.skeyid_d, bytes[7]);
            assert_eq!(*keys.skeyid_a, bytes[8]);
            assert_eq!(*keys.encryption, bytes[9][..16]);
            cases += 1;
        }
        assert_eq!(cases, 25);
    }
}
