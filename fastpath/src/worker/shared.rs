//! What all workers read: policy, slots, inbound SAs, next hops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};

use crate::esp::{InboundSa, OutboundSa};
use crate::limits::{PORTS_MAX, SLOTS_MAX};
use crate::policy::Policy;
use crate::rcu::RcuCell;
use crate::sync;
use crate::tunnel::{Adjacencies, AdjacencyId, Sad, SlotId, Slots};

/// Read by every worker, written by the slowpath alone.
#[derive(Debug)]
pub struct Shared {
    /// The snapshot that a burst is judged by.
    pub policy: RcuCell<Policy>,
    /// Tunnel slots with their outbound SAs.
    pub slots: Arc<Slots<OutboundSa>>,
    /// Inbound SAs by SPI.
    pub sad: Arc<Sad<InboundSa>>,
    /// Next hops.
    pub adjacencies: sync::Arc<Adjacencies>,
    /// By which adjacency a slot's peer is reached.
    peer_adjacencies: Box<[AtomicU16]>,
    /// Station addresses of the ports.
    port_macs: [AtomicU64; PORTS_MAX],
    stop: AtomicBool,
}

impl Shared {
    /// Nothing but the tables.
    pub fn new(
        policy: RcuCell<Policy>,
        slots: Arc<Slots<OutboundSa>>,
        sad: Arc<Sad<InboundSa>>,
        adjacencies: sync::Arc<Adjacencies>,
    ) -> Self {
        let none = AdjacencyId::NONE.raw();
        Self {
            policy,
            slots,
            sad,
            adjacencies,
            peer_adjacencies: (0..SLOTS_MAX).map(|_| AtomicU16::new(none)).collect(),
            port_macs: [const { AtomicU64::new(0) }; PORTS_MAX],
            stop: AtomicBool::new(false),
        }
    }

    /// By which adjacency the slot's peer is reached.
    #[inline]
    pub fn peer_adjacency(&self, slot: SlotId) -> u16 {
        self.peer_adjacencies
            .get(usize::from(slot.raw()))
            .map_or(AdjacencyId::NONE.raw(), |raw| raw.load(Ordering::Relaxed))
    }

    /// Sets it.
    pub fn set_peer_adjacency(&self, slot: SlotId, adjacency: AdjacencyId) {
        if let Some(raw) = self.peer_adjacencies.get(usize::from(slot.raw())) {
            raw.store(adjacency.raw(), Ordering::Relaxed);
        }
    }

    /// Station address of a port; zero for a port that was not started.
    #[inline]
    pub fn port_mac(&self, port: u16) -> [u8; 6] {
        let word = self
            .port_macs
            .get(usize::from(port))
            .map_or(0, |mac| mac.load(Ordering::Relaxed));
        let [_, _, mac @ ..] = word.to_be_bytes();
        mac
    }

    /// Sets it.
    pub fn set_port_mac(&self, port: u16, mac: [u8; 6]) {
        let word = mac
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte));
        if let Some(slot) = self.port_macs.get(usize::from(port)) {
            slot.store(word, Ordering::Relaxed);
        }
    }

    /// Asks all workers to end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Whether the workers are to end.
    #[inline]
    pub fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}
