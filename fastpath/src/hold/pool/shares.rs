//! Who has how much of the pool, and who gives way when there is no room.

use arrayvec::ArrayVec;

use super::{Offer, Pool};
use crate::hold::cells::NIL;
use crate::hold::holder::{Holder, Stage};
use crate::hold::list::List;
use crate::limits::{HOLD_SLOT_SHARE, HOLD_SOURCE_SHARE};
use crate::tunnel::SlotId;

/// What the pool knows of a source address; one cell.
mod source {
    pub(super) const ADDRESS: usize = 0;
    pub(super) const BUCKET_NEXT: usize = 1;
    pub(super) const USED: usize = 2;
    pub(super) const NEWEST: usize = 3;
    pub(super) const OLDEST: usize = 4;
}

impl Pool {
    /// Makes `wanted` cells free for an offer, at the cost of others than `spared`.
    pub(super) fn make_room(&mut self, wanted: u32, offer: &Offer<'_>, spared: u32) -> bool {
        while self.cells.free() < wanted {
            match self.victim(wanted, offer) {
                Some(victim) if victim != spared => self.evict(victim),
                _ => return false,
            }
        }
        true
    }

    fn victim(&self, wanted: u32, offer: &Offer<'_>) -> Option<u32> {
        let own = self.find_source(offer.source);
        if let Some(own) = own.filter(|own| self.used_by(*own) + wanted > self.source_share()) {
            return Some(self.source_list(own).oldest);
        }
        let used = self.account(offer.slot)?.used;
        if used > 0 && used + wanted > self.slot_share() {
            return self.least_of(offer.slot);
        }
        if let Some(source) = self.greedy_sources.first() {
            return Some(self.source_list(*source).oldest);
        }
        match self.greedy_slots.first() {
            Some(slot) => self.least_of(*slot),
            None => self.least_recent(),
        }
    }

    /// The holder of a slot that is missed least: what has left already goes first.
    fn least_of(&self, slot: SlotId) -> Option<u32> {
        let mut stages = Stage::ALL.into_iter().rev();
        stages.find_map(|stage| self.oldest(slot, stage))
    }

    fn evict(&mut self, at: u32) {
        let holder = self.holder(at);
        if let Some(account) = self.accounts.get_mut(usize::from(holder.slot.raw())) {
            if account.evicted == 0 && holder.packets > 0 {
                // A slot is in the list once, and there is room for every slot.
                self.robbed.push(holder.slot);
            }
            account.evicted += u32::from(holder.packets);
        }
        self.remove(at);
    }

    pub(super) fn source_share(&self) -> u32 {
        self.cells.total() / HOLD_SOURCE_SHARE as u32
    }

    pub(super) fn slot_share(&self) -> u32 {
        self.cells.total() / HOLD_SLOT_SHARE as u32
    }

    fn source_bucket(&self, address: u32) -> usize {
        self.key.hash_address(address) as usize & (self.sources.len() - 1)
    }

    /// The address of a source.
    pub(super) fn address(&self, at: u32) -> u32 {
        self.cells.cell(at)[source::ADDRESS]
    }

    pub(super) fn find_source(&self, address: u32) -> Option<u32> {
        let mut at = self.sources[self.source_bucket(address)];
        while at != NIL {
            let cell = self.cells.cell(at);
            if cell[source::ADDRESS] == address {
                return Some(at);
            }
            at = cell[source::BUCKET_NEXT];
        }
        None
    }

    /// The cell of a source address, made when there is none.
    pub(super) fn source(&mut self, address: u32) -> Option<u32> {
        if let Some(at) = self.find_source(address) {
            return Some(at);
        }
        let at = self.cells.take()?;
        let bucket = self.source_bucket(address);
        let head = std::mem::replace(&mut self.sources[bucket], at);
        let cell = self.cells.cell_mut(at)?;
        cell[source::ADDRESS] = address;
        cell[source::BUCKET_NEXT] = head;
        cell[source::USED] = 1;
        cell[source::NEWEST] = NIL;
        cell[source::OLDEST] = NIL;
        Some(at)
    }

    /// Frees a source that has no holder any more.
    pub(super) fn leave_source(&mut self, at: u32) {
        let cell = *self.cells.cell(at);
        if cell[source::NEWEST] != NIL {
            return;
        }
        let bucket = self.source_bucket(cell[source::ADDRESS]);
        let next = cell[source::BUCKET_NEXT];
        if self.sources[bucket] == at {
            self.sources[bucket] = next;
        } else {
            let mut before = self.sources[bucket];
            while before != NIL {
                let following = self.cells.cell(before)[source::BUCKET_NEXT];
                if following == at {
                    self.cells.set(before, source::BUCKET_NEXT, next);
                    break;
                }
                before = following;
            }
        }
        self.greedy_sources.retain(|greedy| *greedy != at);
        self.cells.give(at);
    }

    fn used_by(&self, at: u32) -> u32 {
        self.cells.cell(at)[source::USED]
    }

    pub(super) fn source_list(&self, at: u32) -> List {
        let cell = self.cells.cell(at);
        List {
            newest: cell[source::NEWEST],
            oldest: cell[source::OLDEST],
        }
    }

    pub(super) fn set_source_list(&mut self, at: u32, list: List) {
        self.cells.set(at, source::NEWEST, list.newest);
        self.cells.set(at, source::OLDEST, list.oldest);
    }

    pub(super) fn charge(&mut self, holder: &Holder, cells: u32) {
        self.set_used(holder, |used| used + cells);
    }

    pub(super) fn uncharge(&mut self, holder: &Holder, cells: u32) {
        self.set_used(holder, |used| used.saturating_sub(cells));
    }

    fn set_used(&mut self, holder: &Holder, change: impl Fn(u32) -> u32) {
        let used = change(self.used_by(holder.source));
        self.cells.set(holder.source, source::USED, used);
        let greedy = used > self.source_share();
        note_greedy(&mut self.greedy_sources, holder.source, greedy);
        let share = self.slot_share();
        if let Some(account) = self.accounts.get_mut(usize::from(holder.slot.raw())) {
            account.used = change(account.used);
            note_greedy(&mut self.greedy_slots, holder.slot, account.used > share);
        }
    }
}

/// Keeps the list of those beyond their share: fewer than there are shares.
fn note_greedy<T: Copy + PartialEq, const N: usize>(
    list: &mut ArrayVec<T, N>,
    one: T,
    greedy: bool,
) {
    let at = list.iter().position(|other| *other == one);
    match (at, greedy) {
        (None, true) => drop(list.try_push(one)),
        (Some(at), false) => drop(list.swap_remove(at)),
        _ => {}
    }
}
