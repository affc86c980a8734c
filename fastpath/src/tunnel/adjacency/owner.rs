//! Who learns MAC addresses and takes next hops out.

use std::collections::VecDeque;
use std::fmt;

use super::{Adjacencies, Adjacency, AdjacencyId, NeighbourState, key, value};
use crate::sync::{Arc, Ordering};

/// The only one who learns MAC addresses and takes next hops out.
pub struct AdjacencyOwner {
    pub(super) table: Arc<Adjacencies>,
    /// Retired indices, oldest first, with the policy generation in force at their retirement.
    pub(super) quarantine: VecDeque<(u16, u64)>,
}

impl fmt::Debug for AdjacencyOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdjacencyOwner")
            .field("quarantine", &self.quarantine.len())
            .finish_non_exhaustive()
    }
}

impl AdjacencyOwner {
    /// A next hop, `None` when it is gone.
    pub fn get(&self, id: AdjacencyId) -> Option<Adjacency> {
        let (interface, next_hop) = self.table.key(id)?;
        let entry = self.table.entries.get(usize::from(id.0))?;
        let value = entry.value.load(Ordering::Relaxed);
        let state = value::state(value)?;
        let answered = matches!(state, NeighbourState::Reachable | NeighbourState::Stale);
        Some(Adjacency {
            id,
            interface,
            next_hop,
            state,
            mac: answered.then(|| value::mac(value)),
        })
    }

    /// The next hop at this address, `None` when no flow has asked for it.
    pub fn find(&self, interface: u8, next_hop: u32) -> Option<Adjacency> {
        self.places(interface, next_hop).find_map(|id| self.get(id))
    }

    /// All next hops from index `from` on, by index. To be bounded by the caller with `take`.
    pub fn walk(&self, from: u16) -> impl Iterator<Item = Adjacency> {
        (from..self.table.entries.len() as u16).filter_map(|index| self.get(AdjacencyId(index)))
    }

    /// The next hop has answered; `false` when nobody has asked for it, so that strangers fill no
    /// table.
    pub fn learn(&mut self, interface: u8, next_hop: u32, mac: [u8; 6]) -> bool {
        let value = value::new(NeighbourState::Reachable, mac);
        // Two workers that insert while an index is vacated may make two entries of one key.
        let mut known = false;
        for id in self.places(interface, next_hop) {
            known |= self.set(id, value);
        }
        known
    }

    /// Changes what is known of a next hop. Its MAC address stays; without one it can be neither
    /// reachable nor stale, and `false` says so, or that it is gone.
    pub fn set_state(&mut self, id: AdjacencyId, state: NeighbourState) -> bool {
        let Some(adjacency) = self.get(id) else {
            return false;
        };
        let mac = match (state, adjacency.mac) {
            (NeighbourState::Incomplete | NeighbourState::Failed, _) => [0; 6],
            (_, Some(mac)) => mac,
            (_, None) => return false,
        };
        self.set(id, value::new(state, mac))
    }

    /// Takes a next hop out: it is gone at once. `generation` is the policy generation in force.
    /// `false` when it was gone already.
    pub fn retire(&mut self, id: AdjacencyId, generation: u64) -> bool {
        let Some(entry) = self.table.entries.get(usize::from(id.0)) else {
            return false;
        };
        let key = entry.key.load(Ordering::Acquire);
        if key::parts(key).is_none() {
            return false;
        }
        entry.key.store(key::retired(key), Ordering::Release);
        entry.value.store(value::GONE, Ordering::Release);
        self.quarantine.push_back((id.0, generation));
        true
    }

    /// Lets the indices that were retired before `in_force` name other next hops, and returns how
    /// many. Every worker must have run a whole loop under policy generation `in_force`, so that
    /// the rings between workers hold no packet from before.
    pub fn vacate(&mut self, in_force: u64) -> usize {
        let before = self.quarantine.len();
        while let Some((index, _)) = self
            .quarantine
            .pop_front_if(|(_, retired)| *retired < in_force)
        {
            if let Some(entry) = self.table.entries.get(usize::from(index)) {
                // The value first: who takes the key finds it incomplete.
                entry.value.store(value::INCOMPLETE, Ordering::Release);
                entry.key.store(key::VACANT, Ordering::Release);
            }
        }
        before - self.quarantine.len()
    }

    /// Indices that were retired and cannot be used again yet. When many are, publish the policy
    /// under its next generation.
    pub fn quarantined(&self) -> usize {
        self.quarantine.len()
    }

    /// Every entry of a key, as a rule one.
    fn places(&self, interface: u8, next_hop: u32) -> impl Iterator<Item = AdjacencyId> + use<> {
        let wanted = key::occupied(interface, next_hop);
        let table = self.table.clone();
        self.table.probe(wanted).filter_map(move |index| {
            let id = AdjacencyId(index as u16);
            (table.key(id) == Some((interface, next_hop))).then_some(id)
        })
    }

    fn set(&mut self, id: AdjacencyId, value: u64) -> bool {
        let Some(entry) = self.table.entries.get(usize::from(id.0)) else {
            return false;
        };
        // We alone take keys out, so it stays while we look.
        let occupied = key::parts(entry.key.load(Ordering::Acquire)).is_some();
        if occupied {
            entry.value.store(value, Ordering::Release);
        }
        occupied
    }
}
