//! ASA configuration text in, validated model out; pure.

mod address;
mod model;
mod secret;

pub use address::MaskedNet;
pub use model::*;
pub use secret::Secret;
