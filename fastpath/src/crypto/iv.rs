//! Initialisation vectors for CBC that nobody can predict.

use std::fmt;

use aes::Aes128Enc;
use cipher::{Array, BlockCipherEncrypt, KeyInit};

/// Blocks that are made in one go, so that the cipher's pipeline is filled.
const BATCH: usize = 8;

/// IVs of one worker: a counter, encrypted under a key that only this worker knows.
///
/// RFC 3602 section 3 asks for IVs that are chosen at random and never follow from the one
/// before; a permutation of a counter under a secret key never repeats as well.
pub struct IvGenerator {
    cipher: Aes128Enc,
    counter: u128,
    ready: [[u8; 16]; BATCH],
    used: usize,
}

impl fmt::Debug for IvGenerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IvGenerator(*)")
    }
}

impl IvGenerator {
    /// A generator; `key` is random and used by this worker alone.
    pub fn new(key: &[u8; 16]) -> Self {
        Self {
            cipher: Aes128Enc::new(&Array(*key)),
            counter: 0,
            ready: [[0; 16]; BATCH],
            used: BATCH,
        }
    }

    /// The next IV; DES takes its leading eight bytes.
    #[inline]
    pub fn next_iv(&mut self) -> [u8; 16] {
        if self.used >= BATCH {
            self.refill();
        }
        let iv = self.ready.get(self.used).copied().unwrap_or_default();
        self.used += 1;
        iv
    }

    fn refill(&mut self) {
        let mut blocks = [Array([0; 16]); BATCH];
        for block in &mut blocks {
            block.0 = self.counter.to_le_bytes();
            self.counter = self.counter.wrapping_add(1);
        }
        self.cipher.encrypt_blocks(&mut blocks);
        self.ready = blocks.map(|block| block.0);
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ivs_differ_and_depend_on_the_key() {
        let mut first = IvGenerator::new(&[1; 16]);
        let mut second = IvGenerator::new(&[2; 16]);
        let seen: HashSet<[u8; 16]> = (0..1000)
            .flat_map(|_| [first.next_iv(), second.next_iv()])
            .collect();
        assert_eq!(seen.len(), 2000);
        let halves: HashSet<[u8; 8]> = seen
            .iter()
            .filter_map(|iv| iv[..8].try_into().ok())
            .collect();
        assert_eq!(halves.len(), 2000);
    }

    #[test]
    fn an_iv_is_the_encrypted_counter() {
        // NIST SP 800-38A F.5.1 uses this key; the zero block under it is common knowledge.
        let key = 0x2b7e1516_28aed2a6_abf71588_09cf4f3c_u128.to_be_bytes();
        let mut generator = IvGenerator::new(&key);
        let zero = generator.next_iv();
        assert_eq!(
            u128::from_be_bytes(zero),
            0x7df76b0c_1ab899b3_3e42f047_b91b546f
        );
    }
}
