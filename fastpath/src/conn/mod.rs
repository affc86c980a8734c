//! The connection table: one shard per worker, one entry for both directions of a flow.

mod entry;

pub use entry::{Cold, ConnId, Hot, TcpSide, TcpState, entry_flag, side_flag};

/// Ticks of the coarse clock per second.
pub const TICKS_PER_S: u32 = 8;
