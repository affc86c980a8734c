//! The word of an entry's value: 8 bits of state, 48 of MAC address; zero is incomplete.

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
