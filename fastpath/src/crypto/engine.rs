//! What an engine is.

use std::fmt;

use super::CryptoJob;
use crate::esp::Suite;

/// Which way an SA's packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Direction {
    /// Outbound: encrypt, then authenticate.
    Seal = 0,
    /// Inbound: verify, then decrypt.
    Open = 1,
}

/// The engines there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EngineKind {
    /// RustCrypto: works everywhere, and is the oracle of the others.
    Portable = 0,
    /// libipsec-mb: many packets side by side in SIMD lanes.
    IpsecMb = 1,
    /// Ours: AES-GCM on the widest vectors that the CPU has, 512 or 256 bits.
    Vaes = 2,
}

impl EngineKind {
    /// Every engine.
    pub const ALL: [Self; 3] = [Self::Portable, Self::IpsecMb, Self::Vaes];
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::IpsecMb => "ipsec-mb",
            Self::Vaes => "vaes",
        })
    }
}

/// Keys of one SA as IKE derived them, without the GCM salt.
#[derive(Clone, Copy)]
pub struct KeyMaterial<'a> {
    suite: Suite,
    cipher: &'a [u8],
    integrity: &'a [u8],
}

impl fmt::Debug for KeyMaterial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyMaterial({}, *)", self.suite)
    }
}

impl<'a> KeyMaterial<'a> {
    /// Keys for `suite`; `None` if a length is wrong. Keys of DES are taken with any parity.
    pub fn new(suite: Suite, cipher: &'a [u8], integrity: &'a [u8]) -> Option<Self> {
        let fits =
            cipher.len() == suite.cipher_key_len() && integrity.len() == suite.integrity_key_len();
        fits.then_some(Self {
            suite,
            cipher,
            integrity,
        })
    }

    /// The suite.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The cipher's key, [`Suite::cipher_key_len`] bytes.
    pub fn cipher(&self) -> &'a [u8] {
        self.cipher
    }

    /// The HMAC's key, [`Suite::integrity_key_len`] bytes.
    pub fn integrity(&self) -> &'a [u8] {
        self.integrity
    }
}

/// An implementation of the suites.
///
/// Calls take the packets of a burst, of possibly many SAs, each with its own key, and work in
/// place. State that calls change belongs to one worker and is passed in.
pub trait Engine {
    /// Expanded keys of one SA for one direction; zeroized when dropped.
    type Key: Send + Sync;
    /// What a worker needs for its calls.
    type Worker;

    /// Whether the engine has the suite.
    fn has(_: Suite) -> bool {
        true
    }

    /// Expands keys; `None` if the engine does not have the suite.
    fn prepare(&self, material: &KeyMaterial<'_>, direction: Direction) -> Option<Box<Self::Key>>;

    /// Encrypts and authenticates; sets `icv` and `done` of every job that succeeds.
    fn seal(worker: &mut Self::Worker, jobs: &mut [CryptoJob<'_, Self::Key>]);

    /// Verifies and decrypts; sets `done` of every job whose ICV fits. The text of any other job
    /// is lost.
    fn open(worker: &mut Self::Worker, jobs: &mut [CryptoJob<'_, Self::Key>]);
}
