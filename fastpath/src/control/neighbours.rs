//! Next hops, as the slowpath's ARP changes them.

use crate::sync::Arc;
use crate::tunnel::{Adjacencies, Adjacency, AdjacencyId, AdjacencyOwner, NeighbourState};

/// The table of next hops with the right to change it.
#[derive(Debug)]
pub struct Neighbours {
    table: Arc<Adjacencies>,
    owner: AdjacencyOwner,
    /// Policies published so far.
    published: u64,
    /// Of these, the last one that every worker judges by.
    in_force: u64,
}

impl Neighbours {
    pub(super) fn new(table: Arc<Adjacencies>, owner: AdjacencyOwner) -> Self {
        Self {
            table,
            owner,
            published: 0,
            in_force: 0,
        }
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

    /// Takes a next hop out: it is gone at once, and flows that use it look up their route anew.
    /// Its index rests until [`Neighbours::vacate`]. `false` when it was gone already.
    pub fn retire(&mut self, id: AdjacencyId) -> bool {
        self.owner.retire(id, self.published)
    }

    /// Counts the policies that every worker judges by: what was retired before the last of them
    /// was published is named by no flow that has looked since.
    pub fn policies_in_force(&self) -> u64 {
        self.in_force
    }

    /// Lets indices be used again that were retired before policy number `in_force`, and returns
    /// how many. Packets that the rings held when that policy came into force must be gone: call
    /// it some seconds after [`Neighbours::policies_in_force`] has answered the number.
    pub fn vacate(&mut self, in_force: u64) -> usize {
        self.owner.vacate(in_force.min(self.in_force))
    }

    /// Indices that rest. They are free only after another policy was published.
    pub fn quarantined(&self) -> usize {
        self.owner.quarantined()
    }

    pub(super) fn policy_published(&mut self) {
        self.published += 1;
    }

    pub(super) fn policies_passed(&mut self) {
        self.in_force = self.published;
    }
}
