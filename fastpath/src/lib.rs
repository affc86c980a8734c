//! Everything of Holdfast that runs on a polling core.

pub mod conn;
pub mod counters;
pub mod cpu;
pub mod crypto;
pub mod esp;
pub mod histogram;
pub mod limits;
pub mod nat;
pub mod packet;
pub mod policy;
pub mod rcu;
pub mod ring;
mod sync;
pub mod tunnel;
pub mod verdict;
pub mod wire;
pub mod worker;
