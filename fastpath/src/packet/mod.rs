//! A packet on the line: its buffer's private line of facts.

pub mod key;
mod meta;

pub use key::{FlowKey, Side, protocol};
pub use meta::{Arrival, META_LEN, Meta, flag};
