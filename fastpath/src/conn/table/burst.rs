//! Lookups of a whole burst in stages, so that the cache misses of its keys overlap.

use super::ConnTable;
use crate::conn::hash::{LANES, hash_lanes, hash_one};
use crate::conn::index::Candidate;
use crate::cpu::prefetch;
use crate::limits::BURST_MAX;
use crate::packet::FlowKey;

/// Hashes of a burst between [`ConnTable::prepare`] and [`ConnTable::lookup_prepared`].
#[derive(Clone, Copy)]
pub struct Prepared {
    hashes: [u64; BURST_MAX],
    len: usize,
}

impl Prepared {
    /// No hashes yet.
    pub const fn new() -> Self {
        Self {
            hashes: [0; BURST_MAX],
            len: 0,
        }
    }

    /// The hash of the key at `place`.
    #[inline]
    pub(super) fn hash(&self, place: usize) -> Option<u64> {
        let hashes = self.hashes.get(..self.len)?;
        hashes.get(place).copied()
    }
}

impl Default for Prepared {
    fn default() -> Self {
        Self::new()
    }
}

impl ConnTable {
    /// [`Self::lookup`] for up to [`BURST_MAX`] canonical keys at once; `found` is as long as
    /// `keys`.
    #[inline]
    pub fn lookup_burst(&self, keys: &[FlowKey], found: &mut [Option<u32>]) {
        let mut prepared = Prepared::new();
        self.prepare(keys, &mut prepared);
        self.lookup_prepared(keys, &prepared, found);
    }

    /// First half of [`Self::lookup_burst`]: hashes, and prefetches of the index. Useful work done
    /// before the second half hides the memory's latency.
    #[inline]
    pub fn prepare(&self, keys: &[FlowKey], prepared: &mut Prepared) {
        debug_assert!(keys.len() <= BURST_MAX, "a burst is bounded");
        prepared.len = keys.len().min(BURST_MAX);
        let keys = keys.get(..prepared.len).unwrap_or_default();
        let (groups, rest) = keys.as_chunks::<LANES>();
        let (group_hashes, rest_hashes) = prepared.hashes.as_chunks_mut::<LANES>();
        for (hashes, group) in group_hashes.iter_mut().zip(groups) {
            *hashes = hash_lanes(self.key, group);
            for hash in hashes {
                self.index.prefetch_first(*hash);
            }
        }
        debug_assert!(rest_hashes.is_empty(), "a burst is whole groups");
        let done = groups.len() * LANES;
        for (hash, key) in prepared.hashes.iter_mut().skip(done).zip(rest) {
            *hash = hash_one(self.key, key);
            self.index.prefetch_first(*hash);
        }
    }

    /// Second half of [`Self::lookup_burst`], for the same keys as the first: compares tags,
    /// prefetches entries, compares keys.
    #[inline]
    pub fn lookup_prepared(
        &self,
        keys: &[FlowKey],
        prepared: &Prepared,
        found: &mut [Option<u32>],
    ) {
        debug_assert!(keys.len() == prepared.len && found.len() == keys.len());
        let hashes = prepared.hashes.get(..prepared.len).unwrap_or_default();
        let mut candidates = [Candidate::Absent; BURST_MAX];
        for (candidate, hash) in candidates.iter_mut().zip(hashes) {
            *candidate = self.index.candidate_first(*hash);
            match *candidate {
                Candidate::Entry(entry) => self.prefetch_entry(entry),
                Candidate::Elsewhere => self.index.prefetch_second(*hash),
                Candidate::Absent => {}
            }
        }
        for (candidate, hash) in candidates.iter_mut().zip(hashes) {
            if *candidate == Candidate::Elsewhere {
                *candidate = self.index.candidate_second(*hash);
                if let Candidate::Entry(entry) = *candidate {
                    self.prefetch_entry(entry);
                }
            }
        }
        let looked_up = candidates.iter().zip(hashes).zip(keys);
        for (out, ((candidate, hash), key)) in found.iter_mut().zip(looked_up) {
            *out = match *candidate {
                Candidate::Entry(entry) if self.fits(entry, key) => Some(entry),
                Candidate::Entry(_) => self.lookup_hash(*hash, key),
                Candidate::Elsewhere | Candidate::Absent => None,
            };
        }
    }

    /// [`Self::lookup`] of the key that was prepared at `place`.
    #[inline]
    pub fn lookup_one(&self, prepared: &Prepared, place: usize, key: &FlowKey) -> Option<u32> {
        self.lookup_hash(prepared.hash(place)?, key)
    }

    #[inline]
    fn prefetch_entry(&self, entry: u32) {
        if let Some(hot) = self.hot.get(entry as usize) {
            prefetch(hot);
        }
    }
}
