//! How full a pool of packet buffers is.

use crate::dpdk::Pool;

/// A pool's level.
///
/// A port of the kernel's packet sockets, a ring and a null port keep no buffer between two
/// bursts: there `taken_at_start` is zero and what is taken at rest is what workers and slowpath
/// hold. The receive rings of a NIC are full of buffers from the start on; its driver refills them
/// and empties its transmit rings in steps, so that the level moves by less than the rings'
/// lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLevel {
    /// The pool's name in DPDK.
    pub name: &'static str,
    /// Buffers in all.
    pub buffers: u32,
    /// Buffers that are free. Exact at rest.
    pub free: u32,
    /// Buffers that the ports had taken when they were started.
    pub taken_at_start: u32,
}

impl PoolLevel {
    pub(super) fn of(name: &'static str, pool: Pool, taken_at_start: u32) -> Self {
        Self {
            name,
            buffers: pool.buffers(),
            free: pool.available(),
            taken_at_start,
        }
    }

    /// Buffers that are not free.
    pub const fn taken(&self) -> u32 {
        self.buffers.saturating_sub(self.free)
    }
}
