//! The word of an entry's key: two bits of kind, 8 of interface, 32 of next hop.

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
