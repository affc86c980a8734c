//! Tunnel slots and what they point to, inbound SAs, and next hops: what policy names by index
//! and what changes without it.

mod adjacency;
mod asks;
mod resume;
mod sad;
mod slot;
mod slots;
mod spi;

pub use adjacency::{
    Adjacencies, Adjacency, AdjacencyId, AdjacencyOwner, NeighbourState, Resolution,
};
pub use resume::{BounceRecord, ProbeOptions, ReleaseOrder, ResumeOptions};
pub use sad::{Found, HasSpi, InstallError, Located, Sad, SadOwner};
pub use slot::{SlotId, SlotState, SlotWord};
pub use slots::{RetiredSlot, SlotOwner, Slots, TunnelMtu};
pub use spi::SPI_MIN;

#[cfg(all(test, loom))]
mod loom_models;
