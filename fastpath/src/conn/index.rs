//! The index of the table: cache-line buckets of tags, two places for every key.
//!
//! A bucket is one line: ten 16-bit tags that one SIMD comparison searches, ten entry numbers, and
//! the number of keys that would live here but live in their second place. While that number is
//! zero, a search reads this one line and no other. A key goes to its first place, else to its
//! second; where both are full, one of their twenty keys moves to its own other place. So an insert
//! touches at most 2 + 20 buckets, and nothing is ever resized.
#![expect(
    unsafe_code,
    reason = "the SIMD load of a bucket's tags has no safe form"
)]

use crate::cpu::{in_huge_pages, prefetch};

/// Entries of a bucket: what fills a cache line with 16-bit tags and 32-bit numbers.
const WAYS: usize = 10;
/// One bit per entry of a bucket.
const WAYS_MASK: u32 = (1 << WAYS) - 1;
/// Entries per bucket when the table is full: 0.7 of the ways. A tenth of the buckets overflow
/// then, and a place for a key is found at the first displacement.
const ENTRIES_PER_BUCKET: u32 = 7;
/// Two places are two buckets.
const BUCKETS_MIN: u32 = 2;
/// Tag of an unused way.
const EMPTY: u16 = 0;

/// No place was found within the bound of probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoPlace;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Bucket {
    tags: [u16; WAYS],
    /// Keys whose first place is here and that are kept in their second.
    elsewhere: u32,
    entries: [u32; WAYS],
}

const _: () = assert!(size_of::<Bucket>() == 64, "a bucket is one cache line");

impl Bucket {
    const UNUSED: Self = Self {
        tags: [EMPTY; WAYS],
        elsewhere: 0,
        entries: [0; WAYS],
    };

    /// One bit for every way with this tag.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn ways_with(&self, tag: u16) -> u32 {
        use core::arch::x86_64::{
            __m128i, _mm_cmpeq_epi16, _mm_loadu_si128, _mm_movemask_epi8, _mm_packs_epi16,
            _mm_set1_epi16,
        };
        // SAFETY: SSE2 is part of x86-64. The two loads cover bytes 0 to 31 of the bucket, which
        // is 64 bytes of initialised integers without padding, behind one reference.
        let found = unsafe {
            let line = core::ptr::from_ref(self).cast::<__m128i>();
            let wanted = _mm_set1_epi16(tag as i16);
            let low = _mm_cmpeq_epi16(_mm_loadu_si128(line), wanted);
            let high = _mm_cmpeq_epi16(_mm_loadu_si128(line.add(1)), wanted);
            _mm_movemask_epi8(_mm_packs_epi16(low, high))
        };
        found as u32 & WAYS_MASK
    }

    /// One bit for every way with this tag.
    #[cfg(not(target_arch = "x86_64"))]
    #[inline]
    fn ways_with(&self, tag: u16) -> u32 {
        self.ways_with_portable(tag)
    }

    /// [`Self::ways_with`] without SIMD.
    #[cfg(any(test, not(target_arch = "x86_64")))]
    fn ways_with_portable(&self, tag: u16) -> u32 {
        let bits = self.tags.iter().enumerate();
        bits.fold(0, |mask, (way, held)| mask | u32::from(*held == tag) << way)
    }

    fn free_way(&self) -> Option<usize> {
        first_way(self.ways_with(EMPTY))
    }

    /// The entry of a way; a number beyond every table for a way that there is not.
    #[inline]
    fn entry(&self, way: usize) -> u32 {
        self.entries.get(way).copied().unwrap_or(u32::MAX)
    }

    #[inline]
    fn set(&mut self, way: usize, tag: u16, entry: u32) {
        if let (Some(held_tag), Some(held)) = (self.tags.get_mut(way), self.entries.get_mut(way)) {
            (*held_tag, *held) = (tag, entry);
        }
    }

    #[inline]
    fn clear(&mut self, way: usize) {
        if let Some(tag) = self.tags.get_mut(way) {
            *tag = EMPTY;
        }
    }
}

fn first_way(mask: u32) -> Option<usize> {
    (mask != 0).then(|| mask.trailing_zeros() as usize)
}

/// Where a key may live.
#[derive(Clone, Copy)]
struct Place {
    first: usize,
    second: usize,
    tag: u16,
}

/// What the first look at a bucket says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Candidate {
    /// This entry has the tag; its key decides.
    Entry(u32),
    /// Not here, but it may be in the second place.
    Elsewhere,
    /// Nowhere.
    Absent,
}

/// The index: hashes in, entry numbers out. It never sees a key.
pub(super) struct Index {
    buckets: Box<[Bucket]>,
}

impl Index {
    const fn bucket_count(capacity: u32) -> u32 {
        let wanted = capacity.div_ceil(ENTRIES_PER_BUCKET);
        if wanted < BUCKETS_MIN {
            BUCKETS_MIN
        } else {
            wanted
        }
    }

    /// Bytes that an index for `capacity` entries takes.
    pub(super) const fn bytes_for(capacity: u32) -> usize {
        Self::bucket_count(capacity) as usize * size_of::<Bucket>()
    }

    pub(super) fn new(capacity: u32) -> Self {
        let count = Self::bucket_count(capacity) as usize;
        Self {
            buckets: in_huge_pages(Bucket::UNUSED, count),
        }
    }

    /// Scales 32 bits to a bucket number without a division.
    #[inline]
    fn scale(&self, bits: u32) -> usize {
        ((u64::from(bits) * self.buckets.len() as u64) >> 32) as usize
    }

    #[inline]
    fn first(&self, hash: u64) -> usize {
        self.scale((hash >> 32) as u32)
    }

    /// From a product over all bits, so that keys that share a first place do not share a second.
    #[inline]
    fn second(&self, hash: u64) -> usize {
        let product = (hash ^ (hash >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let second = self.scale((product >> 32) as u32);
        if second != self.first(hash) {
            second
        } else if second + 1 < self.buckets.len() {
            second + 1
        } else {
            0
        }
    }

    #[inline]
    const fn tag(hash: u64) -> u16 {
        let tag = hash as u16;
        if tag == EMPTY { 1 } else { tag }
    }

    #[inline]
    fn place(&self, hash: u64) -> Place {
        Place {
            first: self.first(hash),
            second: self.second(hash),
            tag: Self::tag(hash),
        }
    }

    /// Bytes that are held.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    /// Keys that are kept in their second place.
    #[cfg(test)]
    pub(super) fn elsewhere(&self) -> u32 {
        self.buckets.iter().map(|bucket| bucket.elsewhere).sum()
    }

    /// Numbers of the two buckets of a hash.
    #[cfg(test)]
    pub(super) fn places(&self, hash: u64) -> (usize, usize) {
        (self.first(hash), self.second(hash))
    }

    #[inline]
    pub(super) fn prefetch_first(&self, hash: u64) {
        if let Some(bucket) = self.buckets.get(self.first(hash)) {
            prefetch(bucket);
        }
    }

    #[inline]
    pub(super) fn prefetch_second(&self, hash: u64) {
        if let Some(bucket) = self.buckets.get(self.second(hash)) {
            prefetch(bucket);
        }
    }

    /// The first entry in the first place whose tag fits.
    #[inline]
    pub(super) fn candidate_first(&self, hash: u64) -> Candidate {
        let Some(bucket) = self.buckets.get(self.first(hash)) else {
            return Candidate::Absent;
        };
        match first_way(bucket.ways_with(Self::tag(hash))) {
            Some(way) => Candidate::Entry(bucket.entry(way)),
            None if bucket.elsewhere != 0 => Candidate::Elsewhere,
            None => Candidate::Absent,
        }
    }

    /// The first entry in the second place whose tag fits.
    #[inline]
    pub(super) fn candidate_second(&self, hash: u64) -> Candidate {
        let Some(bucket) = self.buckets.get(self.second(hash)) else {
            return Candidate::Absent;
        };
        match first_way(bucket.ways_with(Self::tag(hash))) {
            Some(way) => Candidate::Entry(bucket.entry(way)),
            None => Candidate::Absent,
        }
    }

    /// The entry of this hash that `fits`.
    #[inline]
    pub(super) fn find(&self, hash: u64, fits: impl Fn(u32) -> bool) -> Option<u32> {
        let (bucket, way) = self.locate(hash, fits)?;
        Some(self.buckets.get(bucket)?.entry(way))
    }

    #[inline]
    fn locate(&self, hash: u64, fits: impl Fn(u32) -> bool) -> Option<(usize, usize)> {
        let place = self.place(hash);
        let in_bucket = |number: usize| {
            let bucket = self.buckets.get(number)?;
            let mut ways = bucket.ways_with(place.tag);
            while let Some(way) = first_way(ways) {
                if fits(bucket.entry(way)) {
                    return Some((number, way));
                }
                ways &= ways - 1;
            }
            None
        };
        in_bucket(place.first).or_else(|| {
            if self.buckets.get(place.first)?.elsewhere == 0 {
                return None;
            }
            in_bucket(place.second)
        })
    }

    /// Adds an entry. `hash_of` gives the hash of an entry that is already in the index.
    pub(super) fn insert(
        &mut self,
        hash: u64,
        entry: u32,
        hash_of: impl Fn(u32) -> u64,
    ) -> Result<(), NoPlace> {
        let place = self.place(hash);
        let (number, way) = self
            .free_in(place.first)
            .or_else(|| self.free_in(place.second))
            .or_else(|| self.displace(place.first, &hash_of))
            .or_else(|| self.displace(place.second, &hash_of))
            .ok_or(NoPlace)?;
        if let Some(bucket) = self.buckets.get_mut(number) {
            bucket.set(way, place.tag, entry);
        }
        if number != place.first {
            self.moved_out(place.first);
        }
        Ok(())
    }

    /// One more key lives in its second place.
    fn moved_out(&mut self, first: usize) {
        if let Some(bucket) = self.buckets.get_mut(first) {
            bucket.elsewhere += 1;
        }
    }

    /// One less.
    fn moved_home(&mut self, first: usize) {
        if let Some(bucket) = self.buckets.get_mut(first) {
            bucket.elsewhere -= 1;
        }
    }

    fn free_in(&self, number: usize) -> Option<(usize, usize)> {
        let way = self.buckets.get(number)?.free_way()?;
        Some((number, way))
    }

    /// Moves one entry of a full bucket to its other place and gives the way that it leaves.
    fn displace(&mut self, number: usize, hash_of: &impl Fn(u32) -> u64) -> Option<(usize, usize)> {
        for way in 0..WAYS {
            let bucket = self.buckets.get(number)?;
            let (tag, entry) = (*bucket.tags.get(way)?, bucket.entry(way));
            let place = self.place(hash_of(entry));
            let leaves_first = place.first == number;
            let other = if leaves_first {
                place.second
            } else {
                place.first
            };
            let bucket = self.buckets.get_mut(other)?;
            let Some(free) = bucket.free_way() else {
                continue;
            };
            bucket.set(free, tag, entry);
            self.buckets.get_mut(number)?.clear(way);
            if leaves_first {
                self.moved_out(place.first);
            } else {
                self.moved_home(place.first);
            }
            return Some((number, way));
        }
        None
    }

    /// Takes an entry out; says whether it was there.
    pub(super) fn remove(&mut self, hash: u64, entry: u32) -> bool {
        let Some((number, way)) = self.locate(hash, |held| held == entry) else {
            return false;
        };
        if let Some(bucket) = self.buckets.get_mut(number) {
            bucket.clear(way);
        }
        let first = self.first(hash);
        if number != first {
            self.moved_home(first);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn simd_and_portable_search_agree(
            tags: [u16; WAYS],
            elsewhere: u32,
            entries: [u32; WAYS],
            pick in 0..WAYS,
        ) {
            let bucket = Bucket { tags, elsewhere, entries };
            for tag in [tags[pick], EMPTY, entries[0] as u16, elsewhere as u16] {
                prop_assert_eq!(bucket.ways_with(tag), bucket.ways_with_portable(tag));
            }
        }

        #[test]
        fn the_two_places_differ_and_exist(hash: u64, capacity in 1_u32..5000) {
            let index = Index::new(capacity);
            let place = index.place(hash);
            prop_assert_ne!(place.first, place.second);
            prop_assert!(place.first.max(place.second) < index.buckets.len());
            prop_assert_ne!(place.tag, EMPTY);
        }
    }

    #[test]
    fn one_pair_of_places_holds_twenty_and_then_refuses() {
        let mut index = Index::new(1000);
        let hash = 0x1234_5678_9abc_def0;
        for entry in 0..2 * WAYS as u32 {
            assert_eq!(index.insert(hash, entry, |_| hash), Ok(()));
        }
        assert_eq!(index.insert(hash, 99, |_| hash), Err(NoPlace));
        assert!(index.remove(hash, 3));
        assert_eq!(index.insert(hash, 99, |_| hash), Ok(()));
        assert_eq!(index.find(hash, |entry| entry == 99), Some(99));
        for entry in (0..2 * WAYS as u32).filter(|entry| *entry != 3) {
            assert!(index.remove(hash, entry));
            assert!(!index.remove(hash, entry));
        }
        assert!(index.remove(hash, 99));
        assert_eq!(index.elsewhere(), 0);
    }
}
