//! The connection table: one shard per worker, one entry for both directions of a flow.

mod entry;
mod flags;
mod hash;
pub mod home;
mod index;
mod raw;
mod table;
pub mod tcp;
mod timeout;
mod wheel;

pub use entry::{Cold, ConnId, Hot, TcpSide, TcpState, entry_flag, side_flag};
pub use flags::{FLAGS_LEN_MAX, show_flags};
pub use hash::HashKey;
pub use home::HomeMap;
pub use raw::{COLD_BYTES, HOT_BYTES};
pub use table::{ConnTable, Full, Prepared};
pub use timeout::{Timeouts, expiry_reason};

/// Ticks of the coarse clock per second.
pub const TICKS_PER_S: u32 = 8;
