//! IKEv1, sans-IO: bytes and time in, actions out.
//!
//! Main mode with pre-shared keys, quick mode, informational exchange, dead peer detection and NAT
//! traversal (RFC 2407, 2408, 2409, 3706, 3947). Aggressive mode, XAUTH and mode configuration are
//! not answered. Nothing here opens a socket, reads a clock or knows the fastpath.

mod api;
mod children;
mod core;
mod crypto;
mod detect;
mod engine;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod indexed;
mod limits;
mod proposal;
mod table;
mod timers;
mod v1;
mod wire;

#[cfg(test)]
mod tests;

pub use api::*;
pub use crypto::dh::{DhJob, DhResult};
pub use engine::Engine;
pub use error::IkeError;
pub use indexed::IndexedConfig;

/// UDP port of IKE (RFC 2408 section 2.5.1).
pub const IKE_PORT: u16 = 500;
/// UDP port of IKE and of ESP behind a NAT (RFC 3947 section 4, RFC 3948).
pub const NATT_PORT: u16 = 4500;
