//! A burst of packets on the line, and those that left it with a verdict.

use arrayvec::ArrayVec;

use crate::dpdk::Mbuf;
use crate::limits::BURST_MAX;
use crate::verdict::Verdict;

/// The packets that go from step to step.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    packets: ArrayVec<Mbuf, BURST_MAX>,
}

/// Packets that a step has decided about; the worker disposes of them in one place.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    packets: ArrayVec<(Mbuf, Verdict), DECIDED_MAX>,
}

/// A whole burst may be decided about and answered packet by packet.
const DECIDED_MAX: usize = 2 * BURST_MAX;

impl Burst {
    /// The packets, for a queue to fill.
    pub(crate) fn packets_mut(&mut self) -> &mut ArrayVec<Mbuf, BURST_MAX> {
        &mut self.packets
    }

    /// The packets.
    pub(crate) fn packets(&self) -> &[Mbuf] {
        &self.packets
    }

    /// Adds a packet; gives it back when the burst is full.
    pub(crate) fn push(&mut self, packet: Mbuf) -> Result<(), Mbuf> {
        self.packets
            .try_push(packet)
            .map_err(arrayvec::CapacityError::element)
    }

    /// Whether no packet is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }
}

impl Decided {
    /// Adds a packet with its verdict.
    #[inline]
    pub(crate) fn push(&mut self, packet: Mbuf, verdict: Verdict) {
        // The bound holds because every step decides about a packet once and the worker empties the
        // list after each burst; a packet beyond it would be freed here, never sent.
        let _ = self.packets.try_push((packet, verdict));
    }

    /// Takes everything.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (Mbuf, Verdict)> + '_ {
        self.packets.drain(..)
    }

    /// Whether nothing was decided.
    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }
}
