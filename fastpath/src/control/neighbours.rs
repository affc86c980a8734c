//! Next hops, as the slowpath's ARP changes them.

use crate::sync::Arc;
use crate::tunnel::{Adjacencies, Adjacency, AdjacencyId, AdjacencyOwner, NeighbourState};

/// The table of next hops with the right to change it.
#[derive(Debug)]
pub struct Neighbours {
    table: Arc<Adjacencies>,
    owner: AdjacencyOwner,
}

impl Neighbours {
    pub(super) fn new(table: Arc<Adjacencies>, owner: AdjacencyOwner) -> Self {
        Self { table, owner }
    }

    /// The index of a next hop, made when it is not there; `None` when there is no room.
    pub fn intern(&self, interface: u8, next_hop: u32) -> Option<AdjacencyId> {
        self.table.intern(interface, next_hop)
    }

    /// A next hop; `None` when it is gone.
    pub fn get(&self, id: AdjacencyId) -> Option<Adjacency> {
        self.owner.get(id)
    }

    /// The next hop at an address, `None` when nobody has asked for it.
    pub fn find(&self, interface: u8, next_hop: u32) -> Option<Adjacency> {
        self.owner.find(interface, next_hop)
    }

    /// All next hops from index `from` on.
    pub fn walk(&self, from: u16) -> impl Iterator<Item = Adjacency> {
        self.owner.walk(from)
    }

    /// A station has told its address; `false` when nobody has asked for it.
    pub fn learn(&mut self, interface: u8, next_hop: u32, mac: [u8; 6]) -> bool {
        self.owner.learn(interface, next_hop, mac)
    }

    /// Changes what is known of a next hop.
    pub fn set_state(&mut self, id: AdjacencyId, state: NeighbourState) -> bool {
        self.owner.set_state(id, state)
    }

    /// Takes a next hop out of use under a policy generation.
    pub fn retire(&mut self, id: AdjacencyId, generation: u64) -> bool {
        self.owner.retire(id, generation)
    }

    /// Lets retired indices be used again, see [`AdjacencyOwner::vacate`].
    pub fn vacate(&mut self, in_force: u64) -> usize {
        self.owner.vacate(in_force)
    }
}
