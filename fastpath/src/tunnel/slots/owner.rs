//! Who changes slots: the tunnel owner on the slowpath.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Slot, Slots, TunnelMtu};
use crate::rcu::{LimboFull, Publisher};
use crate::tunnel::asks::Heard;
use crate::tunnel::{SlotId, SlotState, SlotWord};

/// A slot that was taken out of use and that flows may still name.
///
/// It goes back to [`SlotOwner::release`] when every worker has swept the flows of the slot: an
/// index that is given out again names another tunnel, and flows carry only the index.
#[derive(Debug)]
#[must_use = "a slot that is not released is lost"]
pub struct RetiredSlot(pub(super) SlotId);

impl RetiredSlot {
    /// Which one.
    pub fn id(&self) -> SlotId {
        self.0
    }
}

/// The only one who changes slots. Calls about a slot that nobody has change nothing and return
/// `false`.
pub struct SlotOwner<Out: Send + Sync + 'static> {
    pub(super) slots: Arc<Slots<Out>>,
    pub(super) heard: Heard,
    /// First in, first out, so that an index rests as long as possible.
    pub(super) free: VecDeque<RetiredSlot>,
}

impl<Out: Send + Sync> std::fmt::Debug for SlotOwner<Out> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SlotOwner")
            .field("free", &self.free.len())
            .finish_non_exhaustive()
    }
}

impl<Out: Send + Sync> SlotOwner<Out> {
    /// A slot, down and without PRESERVE; `None` when all are in use.
    pub fn allocate(&mut self, mtu: TunnelMtu) -> Option<SlotId> {
        let id = self.free.pop_front()?.id();
        let slot = self.slots.slot(id)?;
        store_mtu(slot, mtu);
        // The epoch goes on from the last tenant's.
        let word = SlotWord::new(SlotState::Down, false, slot.word().epoch());
        slot.word.store(word.raw(), Ordering::Release);
        self.heard.rearm(&self.slots.asks, usize::from(id.raw()));
        Some(id)
    }

    /// Takes a slot out of use: absent and empty from now on, its flows stale.
    pub fn retire(&mut self, publisher: &mut Publisher, id: SlotId) -> Option<RetiredSlot> {
        let word = self.word(id)?.with_state(SlotState::Down).with_next_epoch();
        self.store(id, word.into_absent());
        publisher.remove(&self.slots.slot(id)?.outbound);
        Some(RetiredSlot(id))
    }

    /// Gives the index back, once no worker has a flow of the slot.
    pub fn release(&mut self, slot: RetiredSlot) {
        self.free.push_back(slot);
    }

    /// Slots that can be allocated.
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// State, stamp and epoch; `None` for a slot that nobody has.
    pub fn word_of(&self, id: SlotId) -> Option<SlotWord> {
        self.word(id)
    }

    /// Changes the state. Down rearms the latch, so that the next packet asks for IKE.
    pub fn set_state(&mut self, id: SlotId, state: SlotState) -> bool {
        self.change(id, |word| word.with_state(state))
    }

    /// Up, with or without PRESERVE: the stamp is that of the VPN contexts which are made now.
    pub fn bring_up(&mut self, id: SlotId, preserve: bool) -> bool {
        self.change(id, |word| {
            SlotWord::new(SlotState::Up, preserve, word.epoch())
        })
    }

    /// Down. Without PRESERVE the epoch is raised in the same store: its TCP flows are stale at
    /// once.
    pub fn take_down(&mut self, id: SlotId) -> bool {
        self.go_down(id, false)
    }

    /// As [`SlotOwner::take_down`], on purpose (`clear crypto`, the peer's DELETE): until the slot
    /// is up or taken down otherwise, packets of preserved flows are held in order. The mark stays
    /// while the state goes through Pending and Deleting.
    pub fn take_down_planned(&mut self, id: SlotId) -> bool {
        self.go_down(id, true)
    }

    fn go_down(&mut self, id: SlotId, planned: bool) -> bool {
        self.change(id, |word| {
            let down = word.with_state(SlotState::Down).with_silent(false);
            if word.preserve() {
                down.with_planned(planned)
            } else {
                down.with_planned(false).with_next_epoch()
            }
        })
    }

    /// Stamps the live contexts (`sysopt connection preserve-vpn-flows immediate`).
    pub fn stamp_preserve(&mut self, id: SlotId, preserve: bool) -> bool {
        self.change(id, |word| {
            SlotWord::new(word.state(), preserve, word.epoch())
                .with_planned(preserve && word.planned())
                .with_silent(word.silent())
        })
    }

    /// The peer of a slot that is up owes answers, or has given one: see [`SlotWord::silent`].
    pub fn set_silent(&mut self, id: SlotId, silent: bool) -> bool {
        self.change(id, |word| {
            word.with_silent(silent && word.state() == SlotState::Up)
        })
    }

    /// Makes the slot's TCP flows stale.
    pub fn raise_epoch(&mut self, id: SlotId) -> bool {
        self.change(id, SlotWord::with_next_epoch)
    }

    /// Swaps the SA that seals. Touches no flow: the cost does not depend on how many there are.
    pub fn publish_outbound(
        &mut self,
        publisher: &mut Publisher,
        id: SlotId,
        sa: Box<Out>,
    ) -> Result<(), LimboFull<Out>> {
        match self.live(id) {
            Some(slot) => publisher.publish(&slot.outbound, sa),
            None => Err(LimboFull(sa)),
        }
    }

    /// Takes the SA away; `false` when there was none.
    pub fn remove_outbound(&mut self, publisher: &mut Publisher, id: SlotId) -> bool {
        self.live(id)
            .is_some_and(|slot| publisher.remove(&slot.outbound))
    }

    /// The SA that seals now, for `show`.
    pub fn outbound<'p>(&'p self, publisher: &'p Publisher, id: SlotId) -> Option<&'p Out> {
        publisher.peek(&self.live(id)?.outbound)
    }

    /// Changes how large packets may be.
    pub fn set_mtu(&mut self, id: SlotId, mtu: TunnelMtu) -> bool {
        self.live(id).is_some_and(|slot| {
            store_mtu(slot, mtu);
            true
        })
    }

    /// Calls `each` with every slot that has asked for IKE. A slot is named once, until it is
    /// rearmed or goes down again. Looks at four words when nobody asks.
    pub fn take_asks(&mut self, mut each: impl FnMut(SlotId)) {
        let slots = &self.slots;
        self.heard.take(&slots.asks, |index| {
            let id = SlotId::new(index as u16);
            if !slots.word(id).absent() {
                each(id);
            }
        });
    }

    /// Lets the next packet ask again.
    pub fn rearm(&mut self, id: SlotId) {
        self.heard.rearm(&self.slots.asks, usize::from(id.raw()));
    }

    fn word(&self, id: SlotId) -> Option<SlotWord> {
        self.live(id).map(Slot::word)
    }

    fn live(&self, id: SlotId) -> Option<&Slot<Out>> {
        self.slots.slot(id).filter(|slot| !slot.word().absent())
    }

    fn change(&mut self, id: SlotId, new: impl FnOnce(SlotWord) -> SlotWord) -> bool {
        let Some(word) = self.word(id).map(new) else {
            return false;
        };
        self.store(id, word);
        if word.state() == SlotState::Down {
            self.rearm(id);
        }
        true
    }

    /// We are the only writer: no read-modify-write is needed.
    fn store(&self, id: SlotId, word: SlotWord) {
        if let Some(slot) = self.slots.slot(id) {
            slot.word.store(word.raw(), Ordering::Release);
        }
    }
}

fn store_mtu<Out: Send + Sync>(slot: &Slot<Out>, mtu: TunnelMtu) {
    slot.path_mtu.store(mtu.path, Ordering::Relaxed);
    slot.inner_mtu.store(mtu.inner, Ordering::Relaxed);
    slot.mss.store(mtu.mss, Ordering::Relaxed);
}
