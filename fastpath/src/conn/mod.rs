//! The connection table: one shard per worker, one entry for both directions of a flow.

mod entry;
mod hash;
mod index;
mod table;
pub mod tcp;
mod wheel;

pub use entry::{Cold, ConnId, Hot, TcpSide, TcpState, entry_flag, side_flag};
pub use hash::HashKey;
pub use table::{ConnTable, Full, Prepared};

/// Ticks of the coarse clock per second.
pub const TICKS_PER_S: u32 = 8;
