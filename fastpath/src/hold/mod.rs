//! Held packets: how preserved flows resume one round trip after their tunnel.
//!
//! While a slot with PRESERVE is not up, what its TCP flows send is dropped at the gate. Without
//! help a flow goes on when its sender's retransmission timer, doubled again and again, runs out
//! the next time. So the gate shows every packet that it drops to [`offer`], which keeps a copy of
//! the one that matters: the segment with the oldest byte that is not acknowledged, or, where
//! nothing is outstanding, the latest pure ACK. When the slot is up and its peer receives, the
//! tunnel's owner orders the [release](order): the copies take up the line where the originals left
//! it, and the far end's acknowledgement sets the sender going.
//!
//! Between the moment when the path breaks and that when the peer is known to be dead the slot is
//! still up. Once its peer [owes answers](crate::tunnel::SlotWord::silent), what leaves is offered
//! too, and goes on.
//!
//! A bounce that is planned holds all packets in order instead, and nothing has to be sent twice.
//!
//! ```text
//! gate: waits -> offer -> select -> pool         (copies; the original is dropped and counted)
//! gate: unanswered -> offer -> ...               (copies; the original goes on)
//! order -> pace -> step -> lookup .. transmit    (each copy counts as created)
//! gate: passes -> observe                        (the answer frees the copy)
//! ```
//!
//! Memory comes from the slowpath and goes back to it ([`Setup`]); the pool is bounded, and so is
//! each source's and each slot's part of it. An entry of the connection table knows nothing of all
//! this, and nothing here outlives the generation of its entry.

mod answer;
mod books;
mod cells;
mod holder;
mod list;
mod offer;
mod pace;
mod pool;
mod probe;
mod release;
mod select;
mod setup;
#[cfg(test)]
mod testing;
mod unreachable;

pub(crate) use answer::observe;
pub(crate) use offer::{Candidate, offer};
pub(crate) use release::{order, step};
pub(crate) use setup::Setup;

use books::Books;
use pool::Pool;
use probe::Stamps;
use unreachable::SourceBudget;

use crate::conn::HashKey;
use crate::histogram::Recorder;
use crate::limits::{FAR_RESET_WATCH_US, HOLD_MOVE_STEP};
use crate::packet::Side;
use crate::ring::{Consumer, Producer};
use crate::tunnel::{BounceRecord, ResumeOptions, SlotId};

/// Everything that a worker holds, and what it works with.
pub(crate) struct Hold {
    options: ResumeOptions,
    pool: Option<Pool>,
    /// `None` until the first options come.
    books: Option<Books>,
    /// What was seen of connections; only while probes are configured.
    stamps: Option<Stamps>,
    /// What was in use before: its holders still have to move, then it goes back.
    former: Option<Box<Setup>>,
    setups: Consumer<Box<Setup>>,
    retired: Producer<Box<Setup>>,
    /// Microseconds from the order to each resumed flow.
    latency: Recorder,
    sources: SourceBudget,
    key: HashKey,
    tsc_per_us: u64,
    /// Where the next step begins in the list of slots.
    cursor: usize,
    /// A transmit queue was full: nothing is released before.
    paused_until_us: u64,
}

impl Hold {
    /// Nothing is held until options come. `tsc_hz` is the frequency of the clock that
    /// [`Hold::now_us`] is given.
    pub(crate) fn new(
        setups: Consumer<Box<Setup>>,
        retired: Producer<Box<Setup>>,
        latency: Recorder,
        key: HashKey,
        tsc_hz: u64,
    ) -> Self {
        Self {
            options: ResumeOptions::OFF,
            pool: None,
            books: None,
            stamps: None,
            former: None,
            setups,
            retired,
            latency,
            sources: SourceBudget::new(),
            key,
            tsc_per_us: (tsc_hz / 1_000_000).max(1),
            cursor: 0,
            paused_until_us: 0,
        }
    }

    fn now_us(&self, tsc: u64) -> u64 {
        tsc / self.tsc_per_us
    }

    /// Whether packets that pass the gate must be [observed](observe), and steps taken.
    pub(crate) fn is_watching(&self) -> bool {
        let held = self.pool.as_ref().is_some_and(|pool| pool.count() > 0);
        held || self.former.is_some() || self.stamps.is_some()
    }

    /// Once per coarse tick: new options come into force, and `write` gets the reports that are
    /// due, as long as it takes them.
    pub(crate) fn begin_tick(&mut self, tick: u32, write: impl FnMut(BounceRecord) -> bool) {
        self.latency.turn();
        self.take_setup();
        if let (Some(books), Some(options)) = (&mut self.books, self.options.probe) {
            books.end_probing(options, tick);
        }
        let Some(books) = &mut self.books else {
            return;
        };
        if let Some(pool) = &mut self.pool {
            pool.take_evicted(|slot, count| {
                books.note(slot, |report| report.refused += count);
            });
        }
        books.report(write);
    }

    fn take_setup(&mut self) {
        if self.former.is_some() {
            return;
        }
        let Some(mut setup) = self.setups.pop() else {
            return;
        };
        std::mem::swap(&mut self.options, &mut setup.options);
        if !setup.keeps_pool {
            std::mem::swap(&mut self.pool, &mut setup.pool);
        }
        if self.books.is_none() {
            std::mem::swap(&mut self.books, &mut setup.books);
        }
        if setup.stamps.is_some() || self.options.probe.is_none() {
            std::mem::swap(&mut self.stamps, &mut setup.stamps);
        }
        self.put_former(setup);
    }

    /// What still has to move or to go back. There is none before; it is forgotten rather than
    /// dropped, so that no polling core has code that frees.
    fn put_former(&mut self, setup: Box<Setup>) {
        std::mem::forget(self.former.replace(setup));
    }

    /// One bounded step of moving what the former pool holds into the new one, the least recently
    /// active flows first, so that a smaller pool ends up with the others.
    fn move_step(&mut self) {
        let Some(former) = &mut self.former else {
            return;
        };
        if let (Some(from), Some(to)) = (&mut former.pool, &mut self.pool) {
            for _ in 0..HOLD_MOVE_STEP {
                let Some(at) = from.least_recent() else {
                    break;
                };
                to.adopt(from, at);
            }
            if from.count() > 0 {
                return;
            }
        }
        if let Some(former) = self.former.take()
            && let Err(former) = self.retired.push(former)
        {
            self.put_former(former);
        }
    }

    /// Moves the holder of a flow's direction now, if it is still in the former pool.
    fn adopt(&mut self, conn: u32, side: Side) {
        let former = self.former.as_mut().and_then(|setup| setup.pool.as_mut());
        if let (Some(from), Some(to)) = (former, &mut self.pool)
            && let Some(at) = from.find(conn, side)
        {
            to.adopt(from, at);
        }
    }

    /// The connection is gone: nothing of it is held any more.
    pub(crate) fn forget(&mut self, conn: u32) {
        let former = self.former.as_mut().and_then(|setup| setup.pool.as_mut());
        for pool in [former, self.pool.as_mut()].into_iter().flatten() {
            for side in [Side::Low, Side::High] {
                if let Some(at) = pool.find(conn, side) {
                    pool.remove(at);
                }
            }
        }
    }

    /// A reset that came out of a slot has ended a flow.
    pub(crate) fn note_reset(&mut self, slot: SlotId, now_tsc: u64) {
        let now_us = self.now_us(now_tsc);
        let Some(books) = &mut self.books else {
            return;
        };
        let release = books.get(slot).and_then(|book| book.release);
        let started_us = release.map(|release| release.started_us());
        if started_us.is_some_and(|at| now_us.saturating_sub(at) < FAR_RESET_WATCH_US) {
            books.note(slot, |report| report.far_resets += 1);
        }
    }
}
