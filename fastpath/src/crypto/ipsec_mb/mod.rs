//! libipsec-mb: packets of a burst side by side in SIMD lanes.
//!
//! AES-CBC with HMAC-SHA goes through the library step by step, all packets of a kind at each
//! ([`worker`]). The other CBC suites use the job interface, which collects packets until its lanes
//! are full; every burst is flushed before the call returns, so the library never holds a packet
//! longer. GCM goes packet by packet.

#![expect(unsafe_code, reason = "FFI to libipsec-mb")]

mod key;
mod library;
mod worker;

use super::{CryptoJob, Direction, Engine, KeyMaterial};

pub(crate) use key::Key;
pub(super) use library::Library;
pub(super) use worker::Worker;

/// libipsec-mb on this CPU.
#[derive(Clone, Copy, Debug)]
pub(super) struct IpsecMb {
    library: Library,
}

impl IpsecMb {
    /// The library; `None` if it does not run here.
    pub(super) fn new() -> Option<Self> {
        Some(Self {
            library: Library::load()?,
        })
    }
}

impl Engine for IpsecMb {
    type Key = Key;
    type Worker = Worker;

    fn prepare(&self, material: &KeyMaterial<'_>, direction: Direction) -> Option<Box<Key>> {
        Key::expand(&self.library, material, direction)
    }

    fn seal(worker: &mut Worker, jobs: &mut [CryptoJob<'_, Key>]) {
        worker.run(jobs, Direction::Seal);
    }

    fn open(worker: &mut Worker, jobs: &mut [CryptoJob<'_, Key>]) {
        worker.run(jobs, Direction::Open);
    }
}
