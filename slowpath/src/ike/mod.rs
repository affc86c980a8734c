//! IKEv1, sans-IO: bytes and time in, actions out.

mod api;

pub use api::*;

/// A piece of public-key work.
#[derive(Debug)]
pub struct DhJob;
