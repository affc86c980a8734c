//! Tunnel slots and what they point to.

mod slot;

pub use slot::{SlotId, SlotState, SlotWord};
