//! The table of tunnel slots: workers read it, one owner on the slowpath changes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};

use super::asks::Asks;
use super::{SlotId, SlotWord};
use crate::cpu;
use crate::limits::SLOTS_MAX;
use crate::rcu::{Domain, QsReader, RcuCell};

mod owner;
#[cfg(all(test, not(loom)))]
mod tests;

pub use owner::{RetiredSlot, SlotOwner};

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

    /// The longest inner packet; 0 for an index that is out of range.
    #[inline]
    pub fn inner_mtu(&self, id: SlotId) -> u32 {
        self.slot(id)
            .map_or(0, |slot| slot.inner_mtu.load(Ordering::Relaxed))
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
