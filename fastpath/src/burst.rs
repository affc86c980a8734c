//! A burst of packets on the line, and those that left it with a verdict.

use arrayvec::ArrayVec;

use crate::dpdk::Mbuf;
use crate::limits::BURST_MAX;
use crate::verdict::Verdict;

/// The packets that go from step to step.
#[derive(Debug, Default)]
pub struct Burst {
    packets: ArrayVec<Mbuf, BURST_MAX>,
}

/// Packets that a step has decided about; the worker disposes of them in one place.
#[derive(Debug, Default)]
pub struct Decided {
    packets: ArrayVec<(Mbuf, Verdict), DECIDED_MAX>,
}

/// A whole burst may be decided about and answered packet by packet.
const DECIDED_MAX: usize = 2 * BURST_MAX;

impl Burst {
    /// The packets, for a queue to fill.
    pub fn packets_mut(&mut self) -> &mut ArrayVec<Mbuf, BURST_MAX> {
        &mut self.packets
    }

    /// The packets.
    pub fn packets(&self) -> &[Mbuf] {
        &self.packets
    }

    /// Adds a packet; gives it back when the burst is full.
    pub fn push(&mut self, packet: Mbuf) -> Result<(), Mbuf> {
        self.packets.try_push(packet).map_err(|full| full.element())
    }

    /// Number of packets.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether no packet is left.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Asks `step` about every packet; those that do not go on move to `decided`.
    ///
    /// Cost: eight bytes moved per packet.
    #[inline]
    pub fn step(&mut self, decided: &mut Decided, mut step: impl FnMut(&mut Mbuf) -> Verdict) {
        let mut rest = core::mem::take(&mut self.packets);
        for mut packet in rest.drain(..) {
            match step(&mut packet) {
                Verdict::Continue => self.packets.push(packet),
                verdict => decided.push(packet, verdict),
            }
        }
    }
}

impl Decided {
    /// Adds a packet with its verdict.
    #[inline]
    pub fn push(&mut self, packet: Mbuf, verdict: Verdict) {
        // The bound holds because every step decides about a packet once and the worker empties the
        // list after each burst; a packet beyond it would be freed here, never sent.
        let _ = self.packets.try_push((packet, verdict));
    }

    /// Takes everything.
    pub fn drain(&mut self) -> impl Iterator<Item = (Mbuf, Verdict)> + '_ {
        self.packets.drain(..)
    }

    /// Whether nothing was decided.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }
}
