//! Ciphers and MACs behind one trait whose calls take many packets.
//!
//! ```text
//!            Engines (one per process: which engine for which suite and size)
//!               |  prepares                          |  makes, one per worker
//!            KeySet (per SA and direction)        EngineWorkers (mutable state)
//!               |                                    |
//!               +--------> CryptoJob (per packet) <--+
//!                               |
//!             Engine::seal / Engine::open: a burst of jobs of many SAs
//! ```
//!
//! Engines are chosen once, by [`Engines::probe`]: an engine that fails a known answer is not
//! used, and of those that pass the fastest is taken per suite, direction and size class.

mod calibration;
mod engine;
mod engines;
mod ipsec_mb;
mod iv;
mod job;
mod keys;
mod known_answer;
mod portable;
mod vaes;

pub use calibration::Trial;
pub use engine::{Direction, Engine, EngineKind, KeyMaterial};
pub use engines::{Choice, EngineWorkers, Engines, WorkerError};
pub(crate) use engines::{IpsecMbJob, PortableJob, VaesJob};
pub use iv::IvGenerator;
pub(crate) use job::AAD_LEN_MAX;
pub use job::CryptoJob;
pub(crate) use keys::PacketKey;
pub use keys::{KeyError, KeySet, SIZE_CLASS_BOUNDS, SIZE_CLASSES, size_class};
pub(crate) use vaes::Key as VaesKey;
