//! Some hundred entries of an access list, searched by field: each field of the packet names the
//! entries that can match it, and the first one that all fields name is looked at.
//!
//! What is named is a superset: a mask with holes counts as the prefix that it begins with, and
//! ICMP types do not count. The caller holds each entry against the packet whole.

use config::{MaskedNet, PortMatch};

use super::field::{Field, Range};
use crate::limits::ACL_CHUNK_ENTRIES;
use crate::packet::FlowKey;

/// Bits of a word of [`Members`].
const WORD_BITS: usize = 64;
const WORDS: usize = ACL_CHUNK_ENTRIES / WORD_BITS;

const _: () = assert!(
    ACL_CHUNK_ENTRIES.is_multiple_of(WORD_BITS),
    "a set of entries is whole words"
);

/// A set of entries of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(align(64))]
pub(super) struct Members([u64; WORDS]);

impl Members {
    /// None.
    pub(super) const EMPTY: Self = Self([0; WORDS]);

    /// The first entries.
    fn first_entries(count: usize) -> Self {
        let mut members = Self::EMPTY;
        for entry in 0..count.min(ACL_CHUNK_ENTRIES) {
            members.set(entry as u16, true);
        }
        members
    }

    /// Adds an entry or takes it out.
    pub(super) fn set(&mut self, entry: u16, is_member: bool) {
        let bit = 1 << (usize::from(entry) % WORD_BITS);
        if let Some(word) = self.0.get_mut(usize::from(entry) / WORD_BITS) {
            *word = if is_member { *word | bit } else { *word & !bit };
        }
    }

    /// Keeps what is in `other` too.
    #[inline]
    fn keep(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }

    /// The first that `fits`.
    #[inline]
    fn find(&self, fits: impl Fn(usize) -> bool) -> Option<usize> {
        for (at, word) in self.0.iter().enumerate() {
            let mut left = *word;
            while left != 0 {
                let entry = at * WORD_BITS + left.trailing_zeros() as usize;
                left &= left - 1;
                if fits(entry) {
                    return Some(entry);
                }
            }
        }
        None
    }

    /// Whether an entry is among them.
    #[cfg(test)]
    pub(super) fn has(&self, entry: usize) -> bool {
        self.0[entry / WORD_BITS] & (1 << (entry % WORD_BITS)) != 0
    }

    /// The first of them.
    #[cfg(test)]
    pub(super) fn first(&self) -> Option<usize> {
        self.find(|_| true)
    }
}

/// What an entry asks of the five fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) source: MaskedNet,
    pub(super) destination: MaskedNet,
    pub(super) protocol: Option<u8>,
    pub(super) source_ports: PortMatch,
    pub(super) destination_ports: PortMatch,
}

/// A field of the packet.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Source,
    Destination,
    Protocol,
    SourcePort,
    DestinationPort,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Source,
        Self::Destination,
        Self::Protocol,
        Self::SourcePort,
        Self::DestinationPort,
    ];

    fn asked(self, entry: &Asked) -> Range {
        match self {
            Self::Source => net(entry.source),
            Self::Destination => net(entry.destination),
            Self::Protocol => entry.protocol.map_or(ANY, |number| {
                let number = u32::from(number);
                Range::Inside(number, number)
            }),
            Self::SourcePort => ports(entry.source_ports),
            Self::DestinationPort => ports(entry.destination_ports),
        }
    }

    /// A packet without ports has some value here too. Only entries that ask for no port may match
    /// it, and those are in the set of every value.
    #[inline]
    fn of(self, key: &FlowKey) -> u32 {
        match self {
            Self::Source => key.src,
            Self::Destination => key.dst,
            Self::Protocol => u32::from(key.protocol),
            Self::SourcePort => u32::from(key.sport),
            Self::DestinationPort => u32::from(key.dport),
        }
    }
}

const ANY: Range = Range::Inside(0, u32::MAX);

/// The addresses of the prefix that a mask begins with.
fn net(net: MaskedNet) -> Range {
    let mask = net.mask.to_bits();
    let prefix = u32::MAX.checked_shl(32 - mask.leading_ones()).unwrap_or(0);
    let first = net.address.to_bits() & prefix;
    Range::Inside(first, first | !prefix)
}

fn ports(asked: PortMatch) -> Range {
    let last = u32::from(u16::MAX);
    match asked {
        PortMatch::Any => ANY,
        PortMatch::Eq(port) => Range::Inside(port.into(), port.into()),
        PortMatch::Neq(port) => Range::Outside(port.into(), port.into()),
        PortMatch::Lt(port) => match u32::from(port).checked_sub(1) {
            Some(below) => Range::Inside(0, below),
            None => Range::Nothing,
        },
        PortMatch::Gt(port) if port == u16::MAX => Range::Nothing,
        PortMatch::Gt(port) => Range::Inside(u32::from(port) + 1, last),
        PortMatch::Range(first, last) if first <= last => Range::Inside(first.into(), last.into()),
        PortMatch::Range(..) => Range::Nothing,
    }
}

/// Up to [`ACL_CHUNK_ENTRIES`] entries.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    all: Members,
    /// Fields whose value makes a difference.
    fields: Box<[(Kind, Field)]>,
}

impl Chunk {
    /// The chunk of these entries.
    pub(super) fn build(entries: &[Asked]) -> Self {
        let fields = Kind::ALL.into_iter().map(|kind| {
            let ranges: Vec<Range> = entries.iter().map(|entry| kind.asked(entry)).collect();
            (kind, Field::build(&ranges))
        });
        // A single set is not always the set of all: nobody may match a field at all.
        let all = Members::first_entries(entries.len());
        let fields =
            fields.filter(|(_, field)| !field.is_trivial() || field.members(0) != Some(&all));
        Self {
            all,
            fields: fields.collect(),
        }
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        let fields = self.fields.iter();
        size_of::<Self>() + fields.map(|(_, field)| field.bytes()).sum::<usize>()
    }

    /// The first entry that all fields name and that `fits`.
    #[inline]
    pub(super) fn find(&self, key: &FlowKey, fits: impl Fn(usize) -> bool) -> Option<usize> {
        let mut named = self.all;
        for (kind, field) in &self.fields {
            named.keep(field.members(kind.of(key))?);
        }
        named.find(fits)
    }
}
