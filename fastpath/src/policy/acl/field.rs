//! One field of a packet: which entries of a chunk can match its value.

use std::collections::HashMap;

use super::chunk::Members;
use crate::limits::ACL_CHUNK_ENTRIES;

/// Keys of a node of the search: a cache line, compared at once.
const FANOUT: usize = 16;
/// Intervals of a field at most: each entry adds two bounds to the one at zero.
const INTERVALS_MAX: usize = 2 * ACL_CHUNK_ENTRIES + 1;

const _: () = assert!(
    INTERVALS_MAX <= FANOUT * FANOUT * FANOUT,
    "three nodes lead to every interval"
);

/// Values of a field that an entry asks for: what lies between both ends, or what does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// From the first value to the last.
    Inside(u32, u32),
    /// Every other value.
    Outside(u32, u32),
    /// None at all.
    Nothing,
}

/// A field, cut at every bound that an entry names. Within an interval the same entries match; the
/// sets of all intervals are kept once each.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// First values of every 256th interval, of every 16th, of each.
    top: Box<[u32]>,
    middle: Box<[u32]>,
    starts: Box<[u32]>,
    /// The set of each interval.
    sets_of: Box<[u16]>,
    sets: Box<[Members]>,
}

impl Field {
    /// The field of a chunk, from what its entries ask for.
    pub(super) fn build(ranges: &[Range]) -> Self {
        let mut changes = changes(ranges);
        changes.sort_unstable();
        let mut field = (Vec::new(), Vec::new(), Vec::new());
        let (starts, sets_of, sets) = (&mut field.0, &mut field.1, &mut field.2);
        let mut known: HashMap<Members, u16> = HashMap::new();
        let mut members = Members::EMPTY;
        for group in changes.chunk_by(|one, other| one.at == other.at) {
            for change in group {
                members.set(change.entry, change.enters);
            }
            let set = *known.entry(members).or_insert_with(|| {
                sets.push(members);
                sets.len() as u16 - 1
            });
            if let Some(change) = group.first().filter(|_| sets_of.last() != Some(&set)) {
                starts.push(change.at);
                sets_of.push(set);
            }
        }
        let every = |step: usize| starts.iter().copied().step_by(step).collect();
        Self {
            top: every(FANOUT * FANOUT),
            middle: every(FANOUT),
            starts: every(1),
            sets_of: field.1.into(),
            sets: field.2.into(),
        }
    }

    /// Whether the value makes no difference.
    pub(super) fn is_trivial(&self) -> bool {
        self.sets.len() < 2
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.top)
            + size_of_val(&*self.middle)
            + size_of_val(&*self.starts)
            + size_of_val(&*self.sets_of)
            + size_of_val(&*self.sets)
    }

    /// The entries that match this value.
    #[inline]
    pub(super) fn members(&self, value: u32) -> Option<&Members> {
        let interval = below(
            &self.starts,
            below(&self.middle, below(&self.top, 0, value), value),
            value,
        );
        self.sets.get(usize::from(*self.sets_of.get(interval)?))
    }
}

/// The last place in a node whose key is not above `value`. The first key of a search is zero, so
/// there is one.
#[inline]
fn below(keys: &[u32], node: usize, value: u32) -> usize {
    let first = node * FANOUT;
    let rest = keys.get(first..).unwrap_or_default();
    let count = match rest.first_chunk::<FANOUT>() {
        Some(whole) => whole.iter().map(|key| u32::from(*key <= value)).sum(),
        None => rest.iter().map(|key| u32::from(*key <= value)).sum::<u32>(),
    };
    first + (count as usize).saturating_sub(1)
}

/// An entry begins or ceases to match at a value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    at: u32,
    entry: u16,
    enters: bool,
}

fn changes(ranges: &[Range]) -> Vec<Change> {
    // The interval at zero exists even where nothing matches it.
    let mut changes = vec![Change {
        at: 0,
        entry: 0,
        enters: false,
    }];
    let mut add = |at: Option<u32>, entry: u16, enters| {
        if let Some(at) = at {
            changes.push(Change { at, entry, enters });
        }
    };
    for (entry, range) in (0_u16..).zip(ranges) {
        match *range {
            Range::Inside(first, last) if first <= last => {
                add(Some(first), entry, true);
                add(last.checked_add(1), entry, false);
            }
            Range::Outside(first, last) if first <= last => {
                add((first > 0).then_some(0), entry, true);
                add(Some(first), entry, false);
                add(last.checked_add(1), entry, true);
            }
            Range::Outside(..) => add(Some(0), entry, true),
            Range::Inside(..) | Range::Nothing => {}
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(range: Range, value: u32) -> bool {
        match range {
            Range::Inside(first, last) => (first..=last).contains(&value),
            Range::Outside(first, last) => !(first..=last).contains(&value),
            Range::Nothing => false,
        }
    }

    fn bound() -> impl Strategy<Value = u32> {
        prop_oneof![0_u32..40, any::<u32>(), u32::MAX - 3..=u32::MAX]
    }

    fn range() -> impl Strategy<Value = Range> {
        prop_oneof![
            6 => (bound(), bound()).prop_map(|(a, b)| Range::Inside(a.min(b), a.max(b))),
            1 => (bound(), bound()).prop_map(|(a, b)| Range::Outside(a.min(b), a.max(b))),
            1 => Just(Range::Nothing),
        ]
    }

    proptest! {
        #[test]
        fn every_value_finds_the_entries_that_match_it(
            ranges in prop::collection::vec(range(), 0..ACL_CHUNK_ENTRIES),
            values in prop::collection::vec(bound(), 1..20),
        ) {
            let field = Field::build(&ranges);
            prop_assert!(field.starts.len() <= INTERVALS_MAX);
            let edges = field.starts.iter().flat_map(|at| [*at, at.wrapping_sub(1)]);
            for value in values.into_iter().chain(edges) {
                let members = field.members(value).expect("every value has a set");
                for (entry, range) in ranges.iter().enumerate() {
                    prop_assert_eq!(members.has(entry), matches(*range, value), "{}", value);
                }
            }
        }
    }

    #[test]
    fn the_largest_chunk_has_its_bounds_and_no_more() {
        let ranges: Vec<Range> = (0..ACL_CHUNK_ENTRIES as u32)
            .map(|entry| Range::Inside(entry * 4 + 2, entry * 4 + 3))
            .collect();
        let field = Field::build(&ranges);
        assert_eq!(field.starts.len(), INTERVALS_MAX);
        assert_eq!(field.sets.len(), ACL_CHUNK_ENTRIES + 1);
        for value in 0..ACL_CHUNK_ENTRIES as u32 * 4 + 9 {
            let expected = ranges.iter().position(|range| matches(*range, value));
            assert_eq!(field.members(value).and_then(Members::first), expected);
        }
    }

    #[test]
    fn a_field_that_nobody_asks_about_is_trivial() {
        let any = Range::Inside(0, u32::MAX);
        assert!(Field::build(&[any; 70]).is_trivial());
        assert!(!Field::build(&[any, Range::Inside(4, 4)]).is_trivial());
    }
}
