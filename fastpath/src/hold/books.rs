//! What a worker remembers of each slot's bounces, and what it reports of them.

use super::pace::Pace;
use crate::conn::TICKS_PER_S;
use crate::limits::{BOUNCE_REPORTS_PER_TICK, PROBE_SLACK_S, RELEASE_SLOTS_STEP, SLOTS_MAX};
use crate::tunnel::{BounceRecord, ProbeOptions, SlotId};

/// One slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Book {
    /// Number of the last bounce that was released.
    pub(super) bounce: u32,
    /// The release in force; it ends when the slot goes down again.
    pub(super) release: Option<Pace>,
    /// Coarse time from which on its flows may be too silent.
    pub(super) probing_since: Option<u32>,
    /// Stands in the list of slots whose holders are served.
    pub(super) active: bool,
    /// Has something to report.
    dirty: bool,
    report: BounceRecord,
}

/// All slots.
#[derive(Debug)]
pub(super) struct Books {
    slots: Box<[Book]>,
    /// Slots whose holders are served; room for every slot.
    pub(super) active: Vec<SlotId>,
    dirty: Vec<SlotId>,
    /// Slots whose silent flows are probed; room for every slot.
    pub(super) probed: Vec<SlotId>,
    /// Where the next look at those begins.
    cursor: usize,
}

const fn nothing(slot: SlotId, bounce: u32) -> BounceRecord {
    BounceRecord {
        slot,
        bounce,
        held: 0,
        refused: 0,
        released: 0,
        unreachables: 0,
        resumed: 0,
        far_resets: 0,
        probed_out: 0,
        first_resumed_us: 0,
        last_resumed_us: 0,
    }
}

impl Books {
    pub(super) fn new() -> Self {
        let book = |index| Book {
            bounce: 0,
            release: None,
            probing_since: None,
            active: false,
            dirty: false,
            report: nothing(SlotId::new(index), 0),
        };
        Self {
            slots: (0..SLOTS_MAX as u16).map(book).collect(),
            active: Vec::with_capacity(SLOTS_MAX),
            dirty: Vec::with_capacity(SLOTS_MAX),
            probed: Vec::with_capacity(SLOTS_MAX),
            cursor: 0,
        }
    }

    pub(super) fn get(&self, slot: SlotId) -> Option<&Book> {
        self.slots.get(usize::from(slot.raw()))
    }

    pub(super) fn get_mut(&mut self, slot: SlotId) -> Option<&mut Book> {
        self.slots.get_mut(usize::from(slot.raw()))
    }

    /// Notes something for the slot's next report.
    pub(super) fn note(&mut self, slot: SlotId, change: impl FnOnce(&mut BounceRecord)) {
        let Some(book) = self.slots.get_mut(usize::from(slot.raw())) else {
            return;
        };
        change(&mut book.report);
        if !book.dirty {
            book.dirty = true;
            self.dirty.push(slot);
        }
    }

    /// Notes a flow that resumed `after_us` after the order.
    pub(super) fn note_resumed(&mut self, slot: SlotId, after_us: u64) {
        // Zero means none.
        let after_us = after_us.clamp(1, u64::from(u32::MAX)) as u32;
        self.note(slot, |report| {
            report.resumed += 1;
            report.last_resumed_us = report.last_resumed_us.max(after_us);
            if report.first_resumed_us == 0 || after_us < report.first_resumed_us {
                report.first_resumed_us = after_us;
            }
        });
    }

    /// From now on flows of the slot may be too silent.
    pub(super) fn begin_probing(&mut self, slot: SlotId, tick: u32) {
        if let Some(book) = self.slots.get_mut(usize::from(slot.raw()))
            && book.probing_since.replace(tick).is_none()
        {
            self.probed.push(slot);
        }
    }

    /// Ends the probing of slots whose flows have all answered or gone by now; looks at some of
    /// them.
    pub(super) fn end_probing(&mut self, options: ProbeOptions, tick: u32) {
        let rounds = u32::from(options.retries) + 1;
        let seconds = u32::from(options.idle_s) + rounds * u32::from(options.interval_s);
        let patience = (seconds + PROBE_SLACK_S) * TICKS_PER_S;
        for _ in 0..RELEASE_SLOTS_STEP.min(self.probed.len()) {
            let place = self.cursor % self.probed.len().max(1);
            let Some(slot) = self.probed.get(place).copied() else {
                return;
            };
            let over = |since: u32| tick.wrapping_sub(since) > patience;
            match self.get_mut(slot) {
                Some(book) if book.probing_since.is_some_and(over) => {
                    book.probing_since = None;
                    self.probed.swap_remove(place);
                }
                _ => self.cursor = place + 1,
            }
        }
    }

    /// Puts a slot among those whose holders are served.
    pub(super) fn activate(&mut self, slot: SlotId) {
        if let Some(book) = self.slots.get_mut(usize::from(slot.raw()))
            && !book.active
        {
            book.active = true;
            self.active.push(slot);
        }
    }

    /// Takes the slot at this place of the list out of it.
    pub(super) fn deactivate(&mut self, place: usize) {
        let slot = self.active.swap_remove(place);
        if let Some(book) = self.slots.get_mut(usize::from(slot.raw())) {
            book.active = false;
        }
    }

    /// Hands over the reports of this tick; what `write` refuses stays for the next one.
    pub(super) fn report(&mut self, mut write: impl FnMut(BounceRecord) -> bool) {
        for _ in 0..BOUNCE_REPORTS_PER_TICK {
            let Some(&slot) = self.dirty.last() else {
                return;
            };
            if let Some(book) = self.slots.get_mut(usize::from(slot.raw())) {
                // What happens while the slot is down belongs to the bounce that is to come.
                let ahead = u32::from(book.release.is_none());
                book.report.bounce = book.bounce.wrapping_add(ahead);
                if !write(book.report) {
                    return;
                }
                book.report = nothing(slot, 0);
                book.dirty = false;
            }
            self.dirty.pop();
        }
    }
}
