//! A worker: one polling core with everything that it owns.

mod core;
mod dispose;
pub mod event;
mod idle;
pub mod request;
mod shared;
mod turn;

pub(crate) use self::core::{Budget, Core, View, record, xlate_record};
pub(crate) use dispose::Exits;
pub use idle::Idle;
pub use shared::Shared;
pub(crate) use turn::{Entries, Worker};
