//! Expanded keys as the library wants them.

use config::{Encryption, Hash};
use dpdk_sys::gcm_key_data;
use zeroize::{Zeroize, Zeroizing};

use super::super::{Direction, KeyMaterial};
use super::library::{GcmCalls, Library};

/// Words of one DES key schedule.
const DES_SCHEDULE_WORDS: usize = 16;
/// Words of an AES-256 key schedule: fifteen round keys.
const AES_SCHEDULE_WORDS: usize = 30;
/// Longest block of a hash.
const HASH_BLOCK_LEN_MAX: usize = 128;
/// Longest state of a hash.
const HASH_STATE_LEN_MAX: usize = 64;

const _: () = assert!(
    AES_SCHEDULE_WORDS <= 3 * DES_SCHEDULE_WORDS,
    "one array holds either schedule"
);

/// Keys of one SA and direction.
#[expect(
    clippy::large_enum_variant,
    reason = "boxed as a whole, so that a packet follows one pointer"
)]
pub(crate) enum Key {
    /// CBC with HMAC.
    Cbc(CbcKey),
    /// AES-GCM.
    Gcm(GcmKey),
}

/// Schedule of a block cipher in one direction, and the two hash states of an HMAC.
#[repr(C, align(64))]
pub(crate) struct CbcKey {
    schedule: [u64; 3 * DES_SCHEDULE_WORDS],
    inner: [u8; HASH_STATE_LEN_MAX],
    outer: [u8; HASH_STATE_LEN_MAX],
    pub(super) cipher: BlockCipher,
    pub(super) hash: Hash,
}

/// Block cipher of a [`CbcKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockCipher {
    Des,
    TripleDes,
    /// With the key's length in bytes.
    Aes(u8),
}

/// Round keys and hash key powers.
#[repr(C, align(64))]
pub(crate) struct GcmKey {
    expanded: gcm_key_data,
    pub(super) calls: GcmCalls,
}

impl Key {
    pub(super) fn expand(
        library: &Library,
        material: &KeyMaterial<'_>,
        direction: Direction,
    ) -> Option<Box<Self>> {
        let [gcm128, gcm192, gcm256] = library.gcm;
        let gcm = match material.suite().encryption() {
            Encryption::AesGcm128 => gcm128,
            Encryption::AesGcm192 => gcm192,
            Encryption::AesGcm256 => gcm256,
            _ => return CbcKey::expand(library, material, direction),
        };
        Some(GcmKey::expand(gcm, material.cipher()))
    }
}

impl GcmKey {
    /// `key` is as long as the functions of `calls` say; [`KeyMaterial`] has checked it.
    fn expand(calls: GcmCalls, key: &[u8]) -> Box<Key> {
        let empty = Self {
            expanded: gcm_key_data::default(),
            calls,
        };
        let mut boxed = Box::new(Key::Gcm(empty));
        if let Key::Gcm(gcm) = &mut *boxed {
            // SAFETY: reads 16, 24 or 32 bytes of `key`, which has them, and writes the one
            // structure, which is 64-byte aligned as its header demands.
            unsafe { (calls.expand)(key.as_ptr().cast(), &raw mut gcm.expanded) };
        }
        boxed
    }

    pub(super) fn expanded(&self) -> *const gcm_key_data {
        &raw const self.expanded
    }
}

impl Drop for GcmKey {
    fn drop(&mut self) {
        self.expanded.expanded_keys.zeroize();
        // SAFETY: every variant of the union is plain bytes and this is the longest one; the
        // value came from `default`, which initialises all of it.
        unsafe { self.expanded.ghash_keys.vaes_avx512.shifted_hkey.zeroize() };
    }
}

impl CbcKey {
    fn expand(
        library: &Library,
        material: &KeyMaterial<'_>,
        direction: Direction,
    ) -> Option<Box<Key>> {
        let cipher = match material.suite().encryption() {
            Encryption::Des => BlockCipher::Des,
            Encryption::TripleDes => BlockCipher::TripleDes,
            Encryption::Aes128 => BlockCipher::Aes(16),
            Encryption::Aes192 => BlockCipher::Aes(24),
            Encryption::Aes256 => BlockCipher::Aes(32),
            _ => return None,
        };
        let empty = Self {
            schedule: [0; 3 * DES_SCHEDULE_WORDS],
            inner: [0; HASH_STATE_LEN_MAX],
            outer: [0; HASH_STATE_LEN_MAX],
            cipher,
            hash: material.suite().integrity()?,
        };
        let mut boxed = Box::new(Key::Cbc(empty));
        if let Key::Cbc(key) = &mut *boxed {
            match cipher {
                BlockCipher::Aes(_) => key.expand_aes(library, material.cipher(), direction)?,
                _ => key.expand_des(library, material.cipher()),
            }
            key.expand_hmac(library, material.integrity())?;
        }
        Some(boxed)
    }

    fn expand_aes(&mut self, library: &Library, key: &[u8], direction: Direction) -> Option<()> {
        let [aes128, aes192, aes256] = library.expand_aes;
        let expand = match key.len() {
            16 => aes128,
            24 => aes192,
            32 => aes256,
            _ => return None,
        };
        let mut encrypt = Zeroizing::new(AesSchedule([0; AES_SCHEDULE_WORDS]));
        let mut decrypt = Zeroizing::new(AesSchedule([0; AES_SCHEDULE_WORDS]));
        let (to_encrypt, to_decrypt) = (&raw mut *encrypt, &raw mut *decrypt);
        // SAFETY: reads as many bytes of `key` as it has; writes at most fifteen round keys to
        // each of two 16-byte aligned arrays of that size.
        unsafe { expand(key.as_ptr().cast(), to_encrypt.cast(), to_decrypt.cast()) };
        let chosen = match direction {
            Direction::Seal => &encrypt.0,
            Direction::Open => &decrypt.0,
        };
        for (to, from) in self.schedule.iter_mut().zip(chosen) {
            *to = *from;
        }
        Some(())
    }

    fn expand_des(&mut self, library: &Library, key: &[u8]) {
        let schedules = self.schedule.chunks_exact_mut(DES_SCHEDULE_WORDS);
        for (schedule, part) in schedules.zip(key.chunks_exact(8)) {
            // SAFETY: reads 8 bytes of `part` and writes 16 words of `schedule`, which are what
            // the two chunks have.
            unsafe { (library.expand_des)(schedule.as_mut_ptr(), part.as_ptr().cast()) };
        }
    }

    /// RFC 2104 section 4: the states behind the padded key, once per key.
    fn expand_hmac(&mut self, library: &Library, key: &[u8]) -> Option<()> {
        let one_block = library.hash_one_block(self.hash);
        for (state, pad) in [(&mut self.inner, 0x36), (&mut self.outer, 0x5c)] {
            let mut block = Zeroizing::new([pad; HASH_BLOCK_LEN_MAX]);
            for (to, from) in block.get_mut(..key.len())?.iter_mut().zip(key) {
                *to ^= *from;
            }
            // SAFETY: reads one block, at most 128 bytes, and writes one state, at most 64.
            unsafe { one_block(block.as_ptr().cast(), state.as_mut_ptr().cast()) };
        }
        Some(())
    }

    /// The schedule; with 3DES three, one behind the other.
    pub(super) fn schedule(&self) -> *const u64 {
        self.schedule.as_ptr()
    }

    /// The three schedules of 3DES.
    pub(super) fn des_schedules(&self) -> [*const u64; 3] {
        let first = self.schedule.as_ptr();
        // `wrapping_add` stays within the array of three schedules.
        [
            first,
            first.wrapping_add(DES_SCHEDULE_WORDS),
            first.wrapping_add(2 * DES_SCHEDULE_WORDS),
        ]
    }

    pub(super) fn inner(&self) -> *const u8 {
        self.inner.as_ptr()
    }

    pub(super) fn outer(&self) -> *const u8 {
        self.outer.as_ptr()
    }
}

impl Drop for CbcKey {
    fn drop(&mut self) {
        self.schedule.zeroize();
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

/// An AES key schedule while it is being made.
#[repr(C, align(16))]
struct AesSchedule([u64; AES_SCHEDULE_WORDS]);

impl Zeroize for AesSchedule {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}
