//! The table of tunnel slots: workers read it, one owner on the slowpath changes it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use super::asks::{Asks, Heard};
use super::{SlotId, SlotState, SlotWord};
use crate::cpu;
use crate::limits::{SLOTS_MAX, WORKERS_MAX};
use crate::rcu::{Domain, LimboFull, Publisher, QsReader, RcuCell};

/// Which worker seals what leaves by a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealer {
    /// One, which alone advances the sequence number.
    Worker(u8),
    /// Whichever has the packet: the peer's replay window takes the reordering.
    Spread,
}

const SPREAD: u8 = u8::MAX;
const _: () = assert!(
    WORKERS_MAX <= SPREAD as usize,
    "a worker fits beside `spread`"
);

/// How large packets may be on their way through a slot. Zero: not known yet, nothing fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TunnelMtu {
    /// Path MTU towards the peer in bytes, outer IPv4 header included.
    pub path: u32,
    /// Largest inner packet in bytes that fits the path once it is sealed by the current SA.
    pub inner: u32,
    /// Largest TCP segment in bytes for the worst encapsulation that the slot may come back with.
    pub mss: u16,
}

/// One slot: what a packet needs of it is one cache line.
#[repr(align(64))]
struct Slot<Out: Send + Sync + 'static> {
    word: AtomicU64,
    outbound: RcuCell<Out>,
    path_mtu: AtomicU32,
    inner_mtu: AtomicU32,
    mss: AtomicU16,
    sealer: AtomicU8,
}

const _: () = assert!(size_of::<Slot<u64>>() == 64, "a slot is one cache line");

impl<Out: Send + Sync> Slot<Out> {
    fn absent(domain: &Domain) -> Self {
        Self {
            word: AtomicU64::new(SlotWord::NONE.raw()),
            outbound: RcuCell::new(domain),
            path_mtu: AtomicU32::new(0),
            inner_mtu: AtomicU32::new(0),
            mss: AtomicU16::new(0),
            sealer: AtomicU8::new(0),
        }
    }

    #[inline]
    fn word(&self) -> SlotWord {
        SlotWord::from_raw(self.word.load(Ordering::Acquire))
    }
}

/// All tunnel slots, each with the outbound SA that it points to now.
pub struct Slots<Out: Send + Sync + 'static> {
    slots: Box<[Slot<Out>]>,
    asks: Asks,
}

impl<Out: Send + Sync> std::fmt::Debug for Slots<Out> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slots").finish_non_exhaustive()
    }
}

impl<Out: Send + Sync> Slots<Out> {
    /// [`SLOTS_MAX`] slots that nobody has, and their owner.
    pub fn new(domain: &Domain) -> (Arc<Self>, SlotOwner<Out>) {
        let (asks, heard) = Asks::new(SLOTS_MAX);
        let slots = Arc::new(Self {
            slots: (0..SLOTS_MAX).map(|_| Slot::absent(domain)).collect(),
            asks,
        });
        let owner = SlotOwner {
            slots: slots.clone(),
            heard,
            free: (0..SLOTS_MAX as u16)
                .map(|index| RetiredSlot(SlotId::new(index)))
                .collect(),
        };
        (slots, owner)
    }

    /// State, stamp and epoch in one load: the gate's right side. [`SlotWord::NONE`] for an index
    /// that is out of range.
    #[inline]
    pub fn word(&self, id: SlotId) -> SlotWord {
        self.slot(id).map_or(SlotWord::NONE, Slot::word)
    }

    /// Asks the slowpath to start IKE for a slot that is down. Costs one load while it is latched.
    #[inline]
    pub fn ask(&self, id: SlotId) {
        self.asks.ask(usize::from(id.raw()));
    }

    /// The SA that seals what leaves by this slot. `None`: the packet is dropped, never sent clear.
    #[inline]
    pub fn outbound<'r>(&'r self, id: SlotId, reader: &'r QsReader) -> Option<&'r Out> {
        self.slot(id)?.outbound.load(reader)
    }

    /// Who seals what leaves by this slot.
    #[inline]
    pub fn sealer(&self, id: SlotId) -> Option<Sealer> {
        match self.slot(id)?.sealer.load(Ordering::Relaxed) {
            SPREAD => Some(Sealer::Spread),
            worker => Some(Sealer::Worker(worker)),
        }
    }

    /// How large packets may be. The three numbers may be of two moments.
    #[inline]
    pub fn mtu(&self, id: SlotId) -> TunnelMtu {
        self.slot(id)
            .map_or_else(TunnelMtu::default, |slot| TunnelMtu {
                path: slot.path_mtu.load(Ordering::Relaxed),
                inner: slot.inner_mtu.load(Ordering::Relaxed),
                mss: slot.mss.load(Ordering::Relaxed),
            })
    }

    /// Asks for the slot's line, for a batch that reads it soon.
    #[inline]
    pub fn prefetch(&self, id: SlotId) {
        if let Some(slot) = self.slot(id) {
            cpu::prefetch(slot);
        }
    }

    #[inline]
    fn slot(&self, id: SlotId) -> Option<&Slot<Out>> {
        self.slots.get(usize::from(id.raw()))
    }
}

/// A slot that was taken out of use and that flows may still name.
///
/// It goes back to [`SlotOwner::release`] when every worker has swept the flows of the slot: an
/// index that is given out again names another tunnel, and flows carry only the index.
#[derive(Debug)]
#[must_use = "a slot that is not released is lost"]
pub struct RetiredSlot(SlotId);

impl RetiredSlot {
    /// Which one.
    pub fn id(&self) -> SlotId {
        self.0
    }
}

/// The only one who changes slots. Calls about a slot that nobody has change nothing and return
/// `false`.
pub struct SlotOwner<Out: Send + Sync + 'static> {
    slots: Arc<Slots<Out>>,
    heard: Heard,
    /// First in, first out, so that an index rests as long as possible.
    free: VecDeque<RetiredSlot>,
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
    pub fn allocate(&mut self, sealer: Sealer, mtu: TunnelMtu) -> Option<SlotId> {
        let id = self.free.pop_front()?.id();
        let slot = self.slots.slot(id)?;
        store_mtu(slot, mtu);
        store_sealer(slot, sealer);
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
        self.change(id, |word| {
            let down = word.with_state(SlotState::Down);
            if word.preserve() {
                down
            } else {
                down.with_next_epoch()
            }
        })
    }

    /// Stamps the live contexts (`sysopt connection preserve-vpn-flows immediate`).
    pub fn stamp_preserve(&mut self, id: SlotId, preserve: bool) -> bool {
        self.change(id, |word| {
            SlotWord::new(word.state(), preserve, word.epoch())
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

    /// Changes who seals. Only while the slot has no outbound SA: two sealers of one SA would
    /// use a sequence number twice.
    pub fn set_sealer(&mut self, id: SlotId, sealer: Sealer) -> bool {
        let slot = self.live(id).filter(|slot| slot.outbound.is_empty());
        slot.is_some_and(|slot| {
            store_sealer(slot, sealer);
            true
        })
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

fn store_sealer<Out: Send + Sync>(slot: &Slot<Out>, sealer: Sealer) {
    let raw = match sealer {
        Sealer::Worker(worker) => worker,
        Sealer::Spread => SPREAD,
    };
    slot.sealer.store(raw, Ordering::Relaxed);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MTU: TunnelMtu = TunnelMtu {
        path: 1500,
        inner: 1438,
        mss: 1380,
    };

    fn allocated() -> (Arc<Slots<u32>>, SlotOwner<u32>, Domain, Publisher, SlotId) {
        let (domain, publisher) = Domain::new(1);
        let (slots, mut owner) = Slots::new(&domain);
        let id = owner.allocate(Sealer::Worker(3), MTU).unwrap();
        (slots, owner, domain, publisher, id)
    }

    fn asked(owner: &mut SlotOwner<u32>) -> Vec<SlotId> {
        let mut asked = Vec::new();
        owner.take_asks(|id| asked.push(id));
        asked
    }

    #[test]
    fn what_nobody_has_is_absent_and_does_nothing() {
        let (domain, mut publisher) = Domain::new(1);
        let (slots, mut owner) = Slots::<u32>::new(&domain);
        let reader = domain.reader(0).unwrap();
        for id in [SlotId::new(5), SlotId::NONE] {
            assert!(slots.word(id).absent());
            assert_eq!(slots.word(id).state(), SlotState::Down);
            assert!(!owner.bring_up(id, true));
            assert!(
                owner
                    .publish_outbound(&mut publisher, id, Box::new(1))
                    .is_err()
            );
            assert!(owner.retire(&mut publisher, id).is_none());
            assert!(slots.word(id).absent());
            assert_eq!(slots.outbound(id, &reader), None);
            slots.ask(id);
        }
        assert!(asked(&mut owner).is_empty());
    }

    #[test]
    fn a_bounce_without_preserve_raises_the_epoch_and_with_it_does_not() {
        let (slots, mut owner, _domain, _publisher, id) = allocated();
        for (preserve, epoch) in [(false, 1), (true, 1), (true, 1), (false, 2)] {
            assert!(owner.bring_up(id, preserve));
            assert_eq!(slots.word(id).state(), SlotState::Up);
            assert_eq!(slots.word(id).preserve(), preserve);
            assert!(owner.take_down(id));
            assert_eq!(slots.word(id).state(), SlotState::Down);
            assert_eq!(slots.word(id).preserve(), preserve);
            assert_eq!(slots.word(id).epoch(), epoch);
        }
    }

    #[test]
    fn a_swap_shows_the_new_sa_and_frees_the_old_one_later() {
        let (slots, mut owner, domain, mut publisher, id) = allocated();
        let mut reader = domain.reader(0).unwrap();
        assert_eq!(slots.outbound(id, &reader), None);
        for sa in [1, 2] {
            owner
                .publish_outbound(&mut publisher, id, Box::new(sa))
                .unwrap();
            assert_eq!(slots.outbound(id, &reader), Some(&sa));
        }
        assert_eq!(publisher.poll(), 0);
        reader.quiescent();
        assert_eq!(publisher.poll(), 1);
        assert!(!owner.set_sealer(id, Sealer::Spread));
        assert!(owner.remove_outbound(&mut publisher, id));
        assert!(!owner.remove_outbound(&mut publisher, id));
        assert_eq!(slots.outbound(id, &reader), None);
        assert!(owner.set_sealer(id, Sealer::Spread));
        assert_eq!(slots.sealer(id), Some(Sealer::Spread));
        assert_eq!(slots.mtu(id), MTU);
    }

    #[test]
    fn a_slot_that_goes_down_asks_again() {
        let (slots, mut owner, _domain, _publisher, id) = allocated();
        slots.ask(id);
        assert_eq!(asked(&mut owner), [id]);
        owner.set_state(id, SlotState::Pending);
        slots.ask(id);
        assert!(asked(&mut owner).is_empty());
        owner.set_state(id, SlotState::Down);
        assert!(asked(&mut owner).is_empty());
        slots.ask(id);
        assert_eq!(asked(&mut owner), [id]);
    }

    #[test]
    fn a_retired_slot_comes_back_last_and_with_another_epoch() {
        let (slots, mut owner, domain, mut publisher, id) = allocated();
        let reader = domain.reader(0).unwrap();
        owner
            .publish_outbound(&mut publisher, id, Box::new(1))
            .unwrap();
        owner.bring_up(id, true);
        let retired = owner.retire(&mut publisher, id).unwrap();
        assert!(slots.word(id).absent());
        assert_eq!(slots.outbound(id, &reader), None);
        assert_eq!(owner.free(), SLOTS_MAX - 1);
        owner.release(retired);
        for _ in 1..SLOTS_MAX {
            assert_ne!(owner.allocate(Sealer::Spread, MTU), Some(id));
        }
        assert_eq!(owner.allocate(Sealer::Spread, MTU), Some(id));
        assert_eq!(owner.allocate(Sealer::Spread, MTU), None);
        assert_eq!(slots.word(id), SlotWord::new(SlotState::Down, false, 1));
    }

    proptest! {
        #[test]
        fn a_word_keeps_its_parts_apart(state in 0_u8..4, preserve: bool, epoch: u16) {
            let state = [
                SlotState::Down,
                SlotState::Pending,
                SlotState::Up,
                SlotState::Deleting,
            ][usize::from(state)];
            let word = SlotWord::new(state, preserve, epoch);
            prop_assert_eq!((word.state(), word.preserve()), (state, preserve));
            prop_assert_eq!(word.epoch(), epoch);
            prop_assert!(!word.absent());
            let next = word.with_next_epoch();
            prop_assert_eq!(next, SlotWord::new(state, preserve, epoch.wrapping_add(1)));
            let pending = word.into_absent().with_state(SlotState::Pending);
            prop_assert!(pending.absent());
            prop_assert_eq!((pending.preserve(), pending.epoch()), (preserve, epoch));
            prop_assert_eq!(pending.state(), SlotState::Pending);
        }
    }
}
