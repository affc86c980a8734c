//! IKEv1, sans-IO: bytes and time in, actions out.
//!
//! Main mode with pre-shared keys, quick mode, informational exchange, dead peer detection and NAT
//! traversal (RFC 2407, 2408, 2409, 3706, 3947). Aggressive mode, XAUTH and mode configuration are
//! not answered. Nothing here opens a socket, reads a clock or knows the fastpath.

mod api;
mod core;
mod crypto;
mod engine;
mod error;
mod limits;
mod proposal;
mod timers;
mod v1;
mod wire;

#[cfg(test)]
mod tests;

pub use api::*;
pub use crypto::dh::{DhJob, DhResult};
pub use engine::Engine;
pub use error::IkeError;
