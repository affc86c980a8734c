//! Everything of Holdfast that runs on a polling core.

mod burst;
pub mod conn;
pub mod control;
pub mod counters;
pub mod cpu;
pub mod crypto;
pub mod dpdk;
pub mod esp;
pub mod histogram;
mod hold;
pub mod limits;
pub mod nat;
pub mod packet;
mod path;
pub mod policy;
pub mod rcu;
pub mod ring;
mod sync;
pub mod testing;
pub mod tunnel;
pub mod verdict;
pub mod wire;
pub mod worker;
