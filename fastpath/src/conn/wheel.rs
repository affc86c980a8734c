//! The timer wheel: one slot per coarse tick, entries linked through their cold part.
//!
//! It is lazy. A packet only stamps its entry; when a slot comes round, an entry whose stamp has
//! moved on is linked again at its new deadline. A deadline beyond the horizon is looked at once
//! per turn of the wheel. Ticks wrap around at 2^32, so they are only compared by their difference.

use super::entry::Cold;

/// Slots of the wheel: 512 s at eight ticks per second, 16 KiB that stay in the cache.
const SLOTS: u32 = 4096;
/// The farthest deadline that the wheel can tell from a nearer one.
pub(super) const HORIZON_TICKS: u32 = SLOTS - 1;
/// End of a list.
const NIL: u32 = u32::MAX;
/// `wheel_prev` of the first entry in a slot: this bit and the slot's number.
const HEAD: u32 = 1 << 31;

/// Entry numbers stay below the bit that marks a slot.
pub(super) const ENTRIES_MAX: u32 = HEAD;

const _: () = assert!(SLOTS.is_power_of_two(), "a tick is masked to its slot");

/// Heads of the slots and the tick that is being served.
pub(super) struct Wheel {
    heads: Box<[u32]>,
    position: u32,
}

impl Wheel {
    /// Bytes that every wheel takes.
    pub(super) const BYTES: usize = SLOTS as usize * size_of::<u32>();

    pub(super) fn new(now: u32) -> Self {
        Self {
            heads: vec![NIL; SLOTS as usize].into_boxed_slice(),
            position: now,
        }
    }

    /// The tick that is being served.
    #[cfg(test)]
    pub(super) fn position(&self) -> u32 {
        self.position
    }

    /// Links an entry that is not linked. A deadline that has passed is served at the next tick.
    pub(super) fn link(&mut self, cold: &mut [Cold], entry: u32, deadline: u32) {
        let ahead = (deadline.wrapping_sub(self.position) as i32).clamp(1, HORIZON_TICKS as i32);
        let slot = self.position.wrapping_add(ahead as u32) % SLOTS;
        let (Some(head), Some(links)) = (
            self.heads.get_mut(slot as usize),
            cold.get_mut(entry as usize),
        ) else {
            return;
        };
        let next = core::mem::replace(head, entry);
        (links.wheel_next, links.wheel_prev) = (next, HEAD | slot);
        if let Some(second) = cold.get_mut(next as usize) {
            second.wheel_prev = entry;
        }
    }

    /// Links an entry as far ahead as the wheel reaches.
    pub(super) fn link_at_horizon(&mut self, cold: &mut [Cold], entry: u32) {
        self.link(cold, entry, self.position.wrapping_add(HORIZON_TICKS));
    }

    /// Unlinks an entry that is linked.
    pub(super) fn unlink(&mut self, cold: &mut [Cold], entry: u32) {
        let Some(&Cold {
            wheel_next: next,
            wheel_prev: prev,
            ..
        }) = cold.get(entry as usize)
        else {
            return;
        };
        if prev & HEAD != 0 {
            if let Some(head) = self.heads.get_mut((prev & !HEAD) as usize) {
                *head = next;
            }
        } else if let Some(before) = cold.get_mut(prev as usize) {
            before.wheel_next = next;
        }
        if let Some(after) = cold.get_mut(next as usize) {
            after.wheel_prev = prev;
        }
    }

    /// Shortens a long absence to one turn, in which every slot is served once.
    pub(super) fn skip_to_last_turn(&mut self, now: u32) {
        if now.wrapping_sub(self.position) as i32 > HORIZON_TICKS as i32 {
            self.position = now.wrapping_sub(HORIZON_TICKS);
        }
    }

    /// An entry of the tick that is being served.
    pub(super) fn due(&self) -> Option<u32> {
        let entry = *self.heads.get((self.position % SLOTS) as usize)?;
        (entry != NIL).then_some(entry)
    }

    /// Goes on to the next tick unless that lies in the future.
    pub(super) fn step(&mut self, now: u32) -> bool {
        let behind = now.wrapping_sub(self.position) as i32 > 0;
        if behind {
            self.position = self.position.wrapping_add(1);
        }
        behind
    }
}
