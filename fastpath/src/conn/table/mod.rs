//! The table of one worker: entries, their index, their timers. One owner, nothing shared.
//!
//! All memory is taken at start and written once; there is no resize. The hot and the cold parts
//! lie in two arrays of their own, so that a packet in the middle of a flow reads one line of the
//! index and one line of the entry.

mod burst;
#[cfg(test)]
mod tests;

use std::fmt;

pub use self::burst::Prepared;
use super::entry::{Cold, ConnId, Hot, TcpSide, TcpState, entry_flag};
use super::hash::{HashKey, hash_one};
use super::index::Index;
use super::wheel::{ENTRIES_MAX, Wheel};
use crate::cpu::{in_huge_pages, prefetch};
use crate::packet::FlowKey;
use crate::tunnel::SlotId;

/// Ticks that one call of [`ConnTable::advance`] catches up after a delay.
const TICKS_PER_ADVANCE_MAX: u32 = 64;
/// End of the list of free entries.
const NONE: u32 = u32::MAX;
/// Bytes that an IPv4 flow may take, index and timers included.
const BYTES_PER_FLOW_MAX: usize = 128;

const _: () = assert!(
    ConnTable::bytes_for(4096) <= 4096 * BYTES_PER_FLOW_MAX,
    "a flow fits two cache lines with everything that belongs to it"
);
const _: () = assert!(
    ConnTable::bytes_for(1 << 24) <= (1 << 24) * BYTES_PER_FLOW_MAX,
    "a flow fits two cache lines with everything that belongs to it"
);

/// The table takes no further entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection table is full")]
pub struct Full;

/// The connections of one worker.
pub struct ConnTable {
    key: HashKey,
    hot: Box<[Hot]>,
    cold: Box<[Cold]>,
    index: Index,
    wheel: Wheel,
    /// First entry of the list of freed ones, linked through [`Cold::wheel_next`].
    free: u32,
    /// Entries below this have been used at least once.
    fresh: u32,
    used: u32,
    most_used: u32,
}

impl fmt::Debug for ConnTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnTable")
            .field("len", &self.used)
            .field("capacity", &self.hot.len())
            .finish_non_exhaustive()
    }
}

impl ConnTable {
    const fn clamp_capacity(capacity: u32) -> u32 {
        if capacity == 0 {
            1
        } else if capacity > ENTRIES_MAX {
            ENTRIES_MAX
        } else {
            capacity
        }
    }

    /// Bytes that a table for `capacity` entries takes, all in.
    pub const fn bytes_for(capacity: u32) -> usize {
        let capacity = Self::clamp_capacity(capacity);
        let entry = size_of::<Hot>() + size_of::<Cold>();
        capacity as usize * entry + Index::bytes_for(capacity) + Wheel::BYTES
    }

    /// A table for `capacity` entries (1 to 2^31) at coarse time `now`.
    pub fn new(capacity: u32, key: HashKey, now: u32) -> Self {
        let capacity = Self::clamp_capacity(capacity);
        Self {
            key,
            hot: in_huge_pages(UNUSED_HOT, capacity as usize),
            cold: in_huge_pages(UNUSED_COLD, capacity as usize),
            index: Index::new(capacity),
            wheel: Wheel::new(now),
            free: NONE,
            fresh: 0,
            used: 0,
            most_used: 0,
        }
    }

    /// Entries in use.
    pub const fn len(&self) -> u32 {
        self.used
    }

    /// Whether no entry is in use.
    pub const fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Entries that fit.
    pub const fn capacity(&self) -> u32 {
        self.hot.len() as u32
    }

    /// Highest [`Self::len`] so far.
    pub const fn most_used(&self) -> u32 {
        self.most_used
    }

    #[inline]
    fn fits(&self, entry: u32, key: &FlowKey) -> bool {
        self.hot
            .get(entry as usize)
            .is_some_and(|hot| same_key(hot, key))
    }

    /// The entry of a canonical key; an entry marked [`entry_flag::DEAD`] is a miss.
    pub fn lookup(&self, key: &FlowKey) -> Option<u32> {
        self.lookup_hash(hash_one(self.key, key), key)
    }

    fn lookup_hash(&self, hash: u64, key: &FlowKey) -> Option<u32> {
        self.index.find(hash, |entry| self.fits(entry, key))
    }

    /// Adds an entry whose canonical key is absent and gives its number. The table sets
    /// [`Cold::generation`] and the wheel's links, and arms the timer at `hot.last_seen` plus
    /// `timeout_ticks` (0: never).
    ///
    /// # Errors
    /// [`Full`] when every entry is in use, or when the key's places are (which, below capacity,
    /// nobody can bring about without the hash key).
    pub fn insert(&mut self, hot: Hot, cold: Cold, timeout_ticks: u32) -> Result<u32, Full> {
        let hash = hash_one(self.key, &hot.key());
        self.insert_hashed(hash, hot, cold, timeout_ticks)
    }

    /// [`Self::insert`] of the key that was prepared at `place`: its hash is known, and its lines
    /// of the index are on their way.
    ///
    /// # Errors
    /// As those of [`Self::insert`]; also when nothing was prepared there.
    pub fn insert_prepared(
        &mut self,
        prepared: &Prepared,
        place: usize,
        (hot, cold): (Hot, Cold),
        timeout_ticks: u32,
    ) -> Result<u32, Full> {
        let hash = prepared.hash(place).ok_or(Full)?;
        debug_assert_eq!(hash, hash_one(self.key, &hot.key()), "the same key");
        self.insert_hashed(hash, hot, cold, timeout_ticks)
    }

    #[inline]
    fn insert_hashed(
        &mut self,
        hash: u64,
        hot: Hot,
        cold: Cold,
        timeout_ticks: u32,
    ) -> Result<u32, Full> {
        debug_assert!(self.lookup(&hot.key()).is_none(), "a key has one entry");
        let entry = match self.free {
            NONE if (self.fresh as usize) < self.hot.len() => self.fresh,
            NONE => return Err(Full),
            freed => freed,
        };
        let secret = self.key;
        let entries = &self.hot;
        self.index
            .insert(hash, entry, |other| {
                let key = entries.get(other as usize).map(Hot::key);
                hash_one(secret, &key.unwrap_or_default())
            })
            .map_err(|_| Full)?;
        let (Some(hot_place), Some(cold_place)) = (
            self.hot.get_mut(entry as usize),
            self.cold.get_mut(entry as usize),
        ) else {
            return Err(Full);
        };
        let after = cold_place.wheel_next;
        let generation = cold_place.generation.wrapping_add(1);
        *hot_place = Hot {
            flags: hot.flags | entry_flag::IN_USE,
            ..hot
        };
        *cold_place = Cold { generation, ..cold };
        if entry == self.free {
            self.free = after;
            self.prefetch_free();
        } else {
            self.fresh += 1;
        }
        self.arm(entry, hot.last_seen, timeout_ticks);
        self.used += 1;
        self.most_used = self.most_used.max(self.used);
        Ok(entry)
    }

    /// Asks for the lines that the next insertion will write: an entry that was freed long ago is
    /// in no cache any more. Fresh ones follow each other, which the CPU foresees.
    #[inline]
    fn prefetch_free(&self) {
        if let (Some(hot), Some(cold)) = (
            self.hot.get(self.free as usize),
            self.cold.get(self.free as usize),
        ) {
            prefetch(hot);
            prefetch(cold);
        }
    }

    fn arm(&mut self, entry: u32, last_seen: u32, timeout_ticks: u32) {
        if timeout_ticks == 0 {
            self.wheel.link_at_horizon(&mut self.cold, entry);
        } else {
            let deadline = last_seen.wrapping_add(timeout_ticks);
            self.wheel.link(&mut self.cold, entry, deadline);
        }
    }

    /// Takes an entry out; `None` when it is not in use.
    pub fn remove(&mut self, entry: u32) -> Option<(Hot, Cold)> {
        let hot = *self.hot(entry)?;
        let was_there = self.index.remove(hash_one(self.key, &hot.key()), entry);
        debug_assert!(was_there, "the key of an entry never changes");
        self.wheel.unlink(&mut self.cold, entry);
        let place = self.cold.get_mut(entry as usize)?;
        let cold = *place;
        place.wheel_next = self.free;
        self.hot.get_mut(entry as usize)?.flags = 0;
        self.free = entry;
        self.used -= 1;
        let flags = hot.flags & !entry_flag::IN_USE;
        Some((Hot { flags, ..hot }, cold))
    }

    /// The hot part of an entry in use.
    #[inline]
    pub fn hot(&self, entry: u32) -> Option<&Hot> {
        let hot = self.hot.get(entry as usize)?;
        hot.has(entry_flag::IN_USE).then_some(hot)
    }

    /// The hot part of an entry in use. Its key and [`entry_flag::IN_USE`] are the table's.
    #[inline]
    pub fn hot_mut(&mut self, entry: u32) -> Option<&mut Hot> {
        let hot = self.hot.get_mut(entry as usize)?;
        hot.has(entry_flag::IN_USE).then_some(hot)
    }

    /// Asks for the cold part of an entry, for who will rewrite its packet soon.
    #[inline]
    pub fn prefetch_cold(&self, entry: u32) {
        if let Some(cold) = self.cold.get(entry as usize) {
            crate::cpu::prefetch(cold);
        }
    }

    /// The cold part of an entry in use.
    #[inline]
    pub fn cold(&self, entry: u32) -> Option<&Cold> {
        self.hot(entry)?;
        self.cold.get(entry as usize)
    }

    /// The cold part of an entry in use. Its generation and links are the table's.
    #[inline]
    pub fn cold_mut(&mut self, entry: u32) -> Option<&mut Cold> {
        self.hot(entry)?;
        self.cold.get_mut(entry as usize)
    }

    /// Both parts of an entry in use; what [`Self::hot_mut`] and [`Self::cold_mut`] say holds.
    #[inline]
    pub fn both_mut(&mut self, entry: u32) -> Option<(&mut Hot, &mut Cold)> {
        let hot = self.hot.get_mut(entry as usize)?;
        if !hot.has(entry_flag::IN_USE) {
            return None;
        }
        Some((hot, self.cold.get_mut(entry as usize)?))
    }

    /// Whether a remembered number and generation still name the same connection.
    pub fn is_current(&self, entry: u32, generation: u32) -> bool {
        self.cold(entry)
            .is_some_and(|cold| cold.generation == generation)
    }

    /// Arms the timer anew, where the timeout has become shorter than the wheel knows. A deadline
    /// that has passed is served at the next tick. Does nothing for an entry not in use.
    pub fn rearm(&mut self, entry: u32, deadline_tick: u32) {
        if self.hot(entry).is_some() {
            self.wheel.unlink(&mut self.cold, entry);
            self.wheel.link(&mut self.cold, entry, deadline_tick);
        }
    }

    /// Serves the timers up to coarse time `now`: looks at no more than `budget` entries and no
    /// more than 64 ticks, and returns the number of entries looked at. What is left is served by
    /// the next call.
    ///
    /// `timeout_of` gives an entry's idle timeout in ticks, 0 for never. Entries that have been
    /// idle for as long go to `expired`; they stay in the table, and are reported again at the next
    /// tick until the caller removes them. A timeout that has become shorter is noticed at the
    /// latest after one turn of the wheel (512 s), at once after [`Self::rearm`].
    pub fn advance(
        &mut self,
        now: u32,
        budget: usize,
        timeout_of: impl Fn(&Hot) -> u32,
        mut expired: impl FnMut(u32),
    ) -> usize {
        self.wheel.skip_to_last_turn(now);
        let mut ticks = 0;
        let mut looked_at = 0;
        while looked_at < budget {
            let Some(entry) = self.wheel.due() else {
                if ticks == TICKS_PER_ADVANCE_MAX || !self.wheel.step(now) {
                    break;
                }
                ticks += 1;
                continue;
            };
            looked_at += 1;
            // The wheel links entries of the table alone.
            let Some(hot) = self.hot.get(entry as usize) else {
                break;
            };
            let (last_seen, timeout) = (hot.last_seen, timeout_of(hot));
            let idle = (now.wrapping_sub(last_seen) as i32).max(0) as u32;
            self.wheel.unlink(&mut self.cold, entry);
            if timeout != 0 && idle >= timeout {
                self.wheel.link(&mut self.cold, entry, now.wrapping_add(1));
                expired(entry);
            } else {
                self.arm(entry, last_seen, timeout);
            }
        }
        looked_at
    }

    /// Shows the entries in use among the next `limit` numbers from `cursor` (0 to begin) and gives
    /// the cursor of the next step, `None` after the last. Between steps the table may change: an
    /// entry that lives through the whole walk is shown exactly once.
    pub fn walk(
        &self,
        cursor: u32,
        limit: usize,
        mut visit: impl FnMut(u32, &Hot, &Cold),
    ) -> Option<u32> {
        let end = (cursor as usize)
            .saturating_add(limit.max(1))
            .min(self.fresh as usize) as u32;
        for entry in cursor..end {
            if let (Some(hot), Some(cold)) = (self.hot(entry), self.cold.get(entry as usize)) {
                visit(entry, hot, cold);
            }
        }
        (end < self.fresh).then_some(end)
    }
}

/// Whether a live entry has this key, in words.
#[inline]
fn same_key(hot: &Hot, key: &FlowKey) -> bool {
    let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let ports = |low: u16, high: u16| u32::from(low) | u32::from(high) << 16;
    pair(hot.low_address, hot.high_address) == pair(key.src, key.dst)
        && ports(hot.low_port, hot.high_port) == ports(key.sport, key.dport)
        && hot.protocol == key.protocol
        && !hot.has(entry_flag::DEAD)
}

pub(super) const UNUSED_HOT: Hot = Hot {
    low_address: 0,
    high_address: 0,
    low_port: 0,
    high_port: 0,
    protocol: 0,
    state: TcpState::None,
    flags: 0,
    last_seen: 0,
    epochs: [0; 2],
    slots: [SlotId::NONE; 2],
    adjacencies: [u16::MAX; 2],
    tcp: [TcpSide::NEVER_SEEN; 2],
};

pub(super) const UNUSED_COLD: Cold = Cold {
    bytes: 0,
    id: ConnId(0),
    created: 0,
    mapped_address: 0,
    mapped_port: 0,
    interfaces: [0; 2],
    generation: 0,
    wheel_next: NONE,
    wheel_prev: NONE,
    route_generation: 0,
    next_hops: [0; 2],
    icmp: [0; 2],
};
