//! Next hops: a fixed table from (interface, next hop) to a MAC address.
//!
//! A flow stores only the 16-bit index of its next hop, without a generation, so an index must not
//! come to name another next hop while a flow may still use it. That is kept in two steps:
//!
//! 1. [`AdjacencyOwner::retire`] takes the next hop out, under the policy generation in force. From
//!    then on the index resolves to [`Resolution::Gone`], searches pass over it, and a flow that
//!    meets it looks up its route anew. Nothing can be misdelivered.
//! 2. [`AdjacencyOwner::vacate`] frees the index for another next hop once every worker has run a
//!    whole loop under a later policy generation. A flow compares the generation of its adjacencies
//!    (`Cold::route_generation`) with the one in force before it uses them, so a flow that got the
//!    index before it was retired looks up its route anew as well. A worker that runs under the
//!    later generation has seen the retirement, which was before it, and finds the index no more.
//!
//! When free entries run short while the policy stands still, the owner publishes the same policy
//! under the next generation. Flows store 16 bits of it: a flow would have to sleep through 65,536
//! generations to mistake one for another.

use std::collections::VecDeque;
use std::fmt;
use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::limits::{ADJACENCIES_MAX, ADJACENCY_PROBE_MAX};
use crate::sync::{Arc, AtomicU64, Ordering};

/// Index of a next hop as a flow stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct AdjacencyId(u16);

impl AdjacencyId {
    /// No next hop; resolves to [`Resolution::Gone`].
    pub const NONE: Self = Self(u16::MAX);

    /// The next hop with a stored index.
    pub const fn from_raw(index: u16) -> Self {
        Self(index)
    }

    /// The index as it is stored.
    pub const fn raw(self) -> u16 {
        self.0
    }
}

/// What is known of a next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum NeighbourState {
    /// It was asked for and has not answered yet.
    Incomplete = 0,
    /// It has answered.
    Reachable = 1,
    /// It has answered, and is being asked again.
    Stale = 2,
    /// It does not answer.
    Failed = 3,
}

/// What a packet's next hop comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Send it there.
    Mac([u8; 6]),
    /// ARP has no answer yet.
    Unresolved,
    /// ARP had no answer.
    Failed,
    /// The index names no next hop any more: look up the route again.
    Gone,
}

/// A next hop as its owner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adjacency {
    /// Its index.
    pub id: AdjacencyId,
    /// Interface (index of the policy) behind which it stands.
    pub interface: u8,
    /// Its IPv4 address, host byte order.
    pub next_hop: u32,
    /// What is known of it.
    pub state: NeighbourState,
    /// Its MAC address, once it has answered.
    pub mac: Option<[u8; 6]>,
}

/// The word of an entry's key: two bits of kind, 8 of interface, 32 of next hop.
mod key {
    /// Never used: a search ends here.
    pub(super) const EMPTY: u64 = 0;
    /// Was used: a search goes on, an insertion may take it.
    pub(super) const VACANT: u64 = 3 << 62;
    const OCCUPIED: u64 = 1 << 62;
    const RETIRED: u64 = 2 << 62;
    const KIND: u64 = 3 << 62;

    pub(super) const fn occupied(interface: u8, next_hop: u32) -> u64 {
        OCCUPIED | (interface as u64) << 32 | next_hop as u64
    }

    pub(super) const fn retired(key: u64) -> u64 {
        key & !KIND | RETIRED
    }

    pub(super) const fn parts(key: u64) -> Option<(u8, u32)> {
        if key & KIND == OCCUPIED {
            Some(((key >> 32) as u8, key as u32))
        } else {
            None
        }
    }
}

/// The word of an entry's value: 8 bits of state, 48 of MAC address; zero is incomplete.
mod value {
    use super::{NeighbourState, Resolution};

    const STATE_SHIFT: u32 = 48;
    pub(super) const INCOMPLETE: u64 = 0;
    pub(super) const GONE: u64 = 0xff << STATE_SHIFT;

    pub(super) fn new(state: NeighbourState, mac: [u8; 6]) -> u64 {
        let mac = mac
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte));
        (state as u64) << STATE_SHIFT | mac
    }

    pub(super) const fn mac(value: u64) -> [u8; 6] {
        match value.to_be_bytes().last_chunk() {
            Some(mac) => *mac,
            None => [0; 6],
        }
    }

    pub(super) const fn state(value: u64) -> Option<NeighbourState> {
        match value >> STATE_SHIFT {
            0 => Some(NeighbourState::Incomplete),
            1 => Some(NeighbourState::Reachable),
            2 => Some(NeighbourState::Stale),
            3 => Some(NeighbourState::Failed),
            _ => None,
        }
    }

    pub(super) const fn resolution(value: u64) -> Resolution {
        match state(value) {
            Some(NeighbourState::Reachable | NeighbourState::Stale) => Resolution::Mac(mac(value)),
            Some(NeighbourState::Incomplete) => Resolution::Unresolved,
            Some(NeighbourState::Failed) => Resolution::Failed,
            None => Resolution::Gone,
        }
    }
}

#[repr(align(16))]
struct Entry {
    /// Workers change it from empty or vacant to occupied, the owner everything else.
    key: AtomicU64,
    /// Written by the owner alone.
    value: AtomicU64,
}

/// All next hops, shared by the workers.
pub struct Adjacencies {
    entries: Box<[Entry]>,
    hash_key: [u8; 16],
}

impl fmt::Debug for Adjacencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adjacencies").finish_non_exhaustive()
    }
}

/// Where a key is or could go.
enum Place {
    At(usize),
    /// The word that is there now can be replaced.
    Free(usize, u64),
    Nowhere,
}

impl Adjacencies {
    /// An empty table, and its owner. `hash_key` is fresh and secret, so that nobody can choose
    /// addresses that collide.
    pub fn new(hash_key: [u8; 16]) -> (Arc<Self>, AdjacencyOwner) {
        Self::with_len(ADJACENCIES_MAX, hash_key)
    }

    /// `len` is a power of two.
    pub(super) fn with_len(len: usize, hash_key: [u8; 16]) -> (Arc<Self>, AdjacencyOwner) {
        let entry = |_| Entry {
            key: AtomicU64::new(key::EMPTY),
            value: AtomicU64::new(value::INCOMPLETE),
        };
        let table = Arc::new(Self {
            entries: (0..len).map(entry).collect(),
            hash_key,
        });
        let owner = AdjacencyOwner {
            table: table.clone(),
            quarantine: VecDeque::new(),
        };
        (table, owner)
    }

    /// The index of a next hop, made when it is not there; `None` when there is no room near its
    /// place. For `establish`: takes no lock, and writes only when the next hop is new.
    pub fn intern(&self, interface: u8, next_hop: u32) -> Option<AdjacencyId> {
        let wanted = key::occupied(interface, next_hop);
        // Each turn after the first is somebody else's insertion into one of the places.
        for _ in 0..ADJACENCY_PROBE_MAX {
            match self.search(wanted) {
                Place::At(index) => return Some(AdjacencyId(index as u16)),
                Place::Nowhere => return None,
                Place::Free(index, seen) => {
                    let key = &self.entries.get(index)?.key;
                    let taken =
                        key.compare_exchange(seen, wanted, Ordering::AcqRel, Ordering::Relaxed);
                    if taken.is_ok() {
                        return Some(AdjacencyId(index as u16));
                    }
                }
            }
        }
        None
    }

    /// Where a packet with this next hop goes. One load.
    #[inline]
    pub fn resolve(&self, id: AdjacencyId) -> Resolution {
        self.entries
            .get(usize::from(id.0))
            .map_or(Resolution::Gone, |entry| {
                value::resolution(entry.value.load(Ordering::Acquire))
            })
    }

    /// Interface (index of the policy) and address of a next hop; `None` when it is gone.
    #[inline]
    pub fn key(&self, id: AdjacencyId) -> Option<(u8, u32)> {
        let entry = self.entries.get(usize::from(id.0))?;
        key::parts(entry.key.load(Ordering::Acquire))
    }

    fn search(&self, wanted: u64) -> Place {
        let mut free = None;
        for index in self.probe(wanted) {
            let Some(entry) = self.entries.get(index) else {
                break;
            };
            let found = entry.key.load(Ordering::Acquire);
            if found == wanted {
                return Place::At(index);
            }
            if found == key::EMPTY || found == key::VACANT {
                free = free.or(Some((index, found)));
            }
            if found == key::EMPTY {
                break;
            }
        }
        free.map_or(Place::Nowhere, |(index, found)| Place::Free(index, found))
    }

    /// The places of a key, nearest first.
    fn probe(&self, wanted: u64) -> impl Iterator<Item = usize> + use<> {
        let mut hasher = SipHasher13::new_with_key(&self.hash_key);
        hasher.write_u64(wanted);
        let first = hasher.finish() as usize;
        let len = self.entries.len();
        (0..len.min(ADJACENCY_PROBE_MAX)).map(move |step| first.wrapping_add(step) & (len - 1))
    }
}

/// The only one who learns MAC addresses and takes next hops out.
pub struct AdjacencyOwner {
    table: Arc<Adjacencies>,
    /// Retired indices, oldest first, with the policy generation in force at their retirement.
    quarantine: VecDeque<(u16, u64)>,
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

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    const KEY: [u8; 16] = *b"hash key of test";
    const MAC: [u8; 6] = [2, 0, 0x5e, 0x10, 0xff, 1];

    #[test]
    fn a_next_hop_goes_through_its_states() {
        let (table, mut owner) = Adjacencies::new(KEY);
        let id = table.intern(3, 0x0a000001).unwrap();
        assert_eq!(table.intern(3, 0x0a000001), Some(id));
        assert_ne!(table.intern(4, 0x0a000001), Some(id));
        assert_eq!(table.key(id), Some((3, 0x0a000001)));
        assert_eq!(table.resolve(id), Resolution::Unresolved);
        assert!(!owner.set_state(id, NeighbourState::Stale));
        assert!(owner.set_state(id, NeighbourState::Failed));
        assert_eq!(table.resolve(id), Resolution::Failed);
        assert!(!owner.learn(3, 0x0a000002, MAC));
        assert!(owner.learn(3, 0x0a000001, MAC));
        assert_eq!(table.resolve(id), Resolution::Mac(MAC));
        assert!(owner.set_state(id, NeighbourState::Stale));
        assert_eq!(table.resolve(id), Resolution::Mac(MAC));
        assert_eq!(
            owner.find(3, 0x0a000001).unwrap().state,
            NeighbourState::Stale
        );
        assert!(owner.set_state(id, NeighbourState::Incomplete));
        assert_eq!(table.resolve(id), Resolution::Unresolved);
        assert_eq!(owner.get(id).unwrap().mac, None);
        assert_eq!(owner.walk(0).count(), 2);
    }

    #[test]
    fn what_is_no_index_is_gone() {
        let (table, mut owner) = Adjacencies::new(KEY);
        let beyond = AdjacencyId::from_raw(ADJACENCIES_MAX as u16);
        for id in [AdjacencyId::NONE, beyond] {
            assert_eq!(table.resolve(id), Resolution::Gone);
            assert_eq!(table.key(id), None);
            assert!(!owner.set_state(id, NeighbourState::Failed));
            assert!(!owner.retire(id, 0));
        }
    }

    #[test]
    fn an_index_is_not_reused_before_the_next_policy_generation() {
        let (table, mut owner) = Adjacencies::with_len(1, KEY);
        let id = table.intern(0, 1).unwrap();
        assert!(owner.learn(0, 1, MAC));
        assert!(owner.retire(id, 7));
        assert!(!owner.retire(id, 7));
        assert_eq!(table.resolve(id), Resolution::Gone);
        assert_eq!(table.key(id), None);
        assert_eq!(owner.walk(0).next(), None);
        for next_hop in [1, 2] {
            assert_eq!(table.intern(0, next_hop), None);
        }
        assert!(!owner.learn(0, 1, MAC));
        assert_eq!(owner.vacate(7), 0);
        assert_eq!(owner.quarantined(), 1);
        assert_eq!(owner.vacate(8), 1);
        assert_eq!(table.intern(0, 2), Some(id));
        assert_eq!(table.resolve(id), Resolution::Unresolved);
        assert_eq!(owner.get(id).unwrap().next_hop, 2);
    }

    #[test]
    fn the_table_can_be_filled_well_before_a_search_fails() {
        let (table, _owner) = Adjacencies::new(KEY);
        let count = ADJACENCIES_MAX as u32 * 3 / 4;
        let ids: HashSet<_> = (0..count)
            .map(|hop| table.intern(1, hop).unwrap())
            .collect();
        assert_eq!(ids.len(), count as usize);
        assert!((count..2 * ADJACENCIES_MAX as u32).any(|hop| table.intern(1, hop).is_none()));
        assert!((0..count).all(|hop| table.intern(1, hop).is_some()));
    }

    #[test]
    fn workers_that_meet_agree_on_the_index() {
        let (table, _owner) = Adjacencies::new(KEY);
        let interned = |table: Arc<Adjacencies>| {
            move || {
                (0..5000)
                    .map(|hop| table.intern(0, hop % 2500))
                    .collect::<Vec<_>>()
            }
        };
        let workers = [(); 3].map(|()| thread::spawn(interned(table.clone())));
        let [first, second, third] = workers.map(|worker| worker.join().unwrap());
        assert!(first.iter().all(Option::is_some));
        assert_eq!(first, second);
        assert_eq!(second, third);
        assert_eq!(first.iter().collect::<HashSet<_>>().len(), 2500);
    }

    proptest! {
        #[test]
        fn behaves_as_a_map(steps in prop::collection::vec((0_u8..5, 0_u32..12), 0..200)) {
            let (table, mut owner) = Adjacencies::with_len(8, KEY);
            let mut map: HashMap<u32, (AdjacencyId, Resolution)> = HashMap::new();
            let mut resting = HashSet::new();
            for (generation, (step, hop)) in (0_u64..).zip(steps) {
                let mac = [generation as u8, 0, 0, 0, 0, hop as u8];
                let known = map.get(&hop).copied();
                match (step, known) {
                    (0, Some((id, _))) => prop_assert_eq!(table.intern(0, hop), Some(id)),
                    (0, None) => {
                        let id = table.intern(0, hop);
                        prop_assert_eq!(id.is_none(), map.len() + resting.len() == 8);
                        if let Some(id) = id {
                            prop_assert!(!resting.contains(&id));
                            map.insert(hop, (id, Resolution::Unresolved));
                        }
                    }
                    (1, known) => {
                        prop_assert_eq!(owner.learn(0, hop, mac), known.is_some());
                        if let Some(entry) = map.get_mut(&hop) {
                            entry.1 = Resolution::Mac(mac);
                        }
                    }
                    (2, Some((id, _))) => {
                        prop_assert!(owner.retire(id, generation));
                        map.remove(&hop);
                        resting.insert(id);
                    }
                    (3, _) => {
                        prop_assert_eq!(owner.vacate(generation), resting.len());
                        resting.clear();
                    }
                    _ => {}
                }
                for (hop, (id, resolution)) in &map {
                    prop_assert_eq!(table.key(*id), Some((0, *hop)));
                    prop_assert_eq!(table.resolve(*id), *resolution);
                }
                for id in &resting {
                    prop_assert_eq!(table.resolve(*id), Resolution::Gone);
                }
            }
        }
    }
}
