//! The control side of Holdfast.

pub mod apply;
pub mod cli;
pub mod control_socket;
pub mod ike;
pub mod stats;
pub mod syslog;
pub mod time;
