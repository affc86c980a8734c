//! A worker: one polling core with everything that it owns.

mod core;
mod dispose;
pub mod event;
mod idle;
pub mod request;
mod shared;
mod timing;
mod turn;

pub(crate) use self::core::{Budget, Core, View, record, xlate_record};
pub(crate) use dispose::Exits;
pub use idle::Idle;
pub use shared::Shared;
pub use timing::{ResumeHistogram, SAMPLE_BURSTS_DEFAULT, Step, Timing, WorkerHistogram};
pub(crate) use timing::{nanoseconds, ns_per_cycle};
pub(crate) use turn::{Entries, Worker};
