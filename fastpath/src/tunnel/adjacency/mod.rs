//! Next hops: a fixed table from (interface, next hop) to a MAC address.
//!
//! A flow stores only the 16-bit index of its next hop, without a generation, so an index must not
//! come to name another next hop while a flow may still use it. That is kept in two steps:
//!
//! 1. [`AdjacencyOwner::retire`] takes the next hop out, under the policy generation in force. From
//!    then on the index resolves to [`Resolution::Gone`], searches pass over it, and a flow that
//!    meets it looks up its route anew (`path/rewrite.rs`). Nothing can be misdelivered.
//! 2. [`AdjacencyOwner::vacate`] frees the index for another next hop once every worker has run a
//!    whole loop under a later policy generation. A flow compares the generation of its adjacencies
//!    (`Cold::route_generation`) with the one in force before it uses them, so a flow that got the
//!    index before it was retired looks up its route anew as well, and keeps nothing of what it
//!    had. A worker that runs under the later generation has seen the retirement, which was before
//!    it, and finds the index no more.
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

mod key;
mod owner;
#[cfg(all(test, not(loom)))]
mod tests;
mod value;

pub use owner::AdjacencyOwner;

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

    /// The interface of a next hop as well (index of the policy); `None` when it is gone.
    #[inline]
    pub fn exit(&self, id: AdjacencyId) -> Option<(u8, Resolution)> {
        let entry = self.entries.get(usize::from(id.0))?;
        let (interface, _) = key::parts(entry.key.load(Ordering::Acquire))?;
        let resolution = value::resolution(entry.value.load(Ordering::Acquire));
        Some((interface, resolution))
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
