//! Seal: packets of flows bound to a tunnel become ESP, or are dropped. Nothing leaves in clear.

use arrayvec::ArrayVec;

use super::permit::Outgoing;
use super::{Entrance, LastHop, transmit};
use crate::burst::Burst;
use crate::crypto::Direction;
use crate::dpdk::Mbuf;
use crate::esp::{Growth, OutboundSa, SealJob, Sealed, Sealer, seal_runs};
use crate::limits::BURST_MAX;
use crate::packet::flag;
use crate::tunnel::SlotId;
use crate::verdict::{DropReason, Verdict};
use crate::wire::ethernet;
use crate::worker::event::Event;
use crate::worker::{Core, View};

mod runs;

/// Seals a burst, each packet at the sealing home of its SA if that has one, and queues what is
/// sealed.
///
/// Each packet keeps the SA that its sequence number was reserved from: the slot may point to
/// another one a moment later, and a number of one SA under the key of another would be a nonce
/// used twice.
///
/// Cost: the slot's line, the SA's lines, one crypto call per burst.
#[inline(never)]
pub(super) fn step(core: &mut Core, view: &View<'_>, burst: &mut Burst) {
    if burst.is_empty() {
        return;
    }
    prefetch(core, view, burst);
    let mut runs: ArrayVec<Run<'_>, BURST_MAX> = ArrayVec::new();
    let id = core.id;
    core.step(burst, |_, packet| {
        let slot = packet.meta().slot;
        if runs.last().is_none_or(|run| run.slot != slot) {
            let Some(run) = Run::of(view, slot) else {
                return Verdict::Drop(DropReason::TunnelDown);
            };
            // There are as many places as packets; what has none goes by nobody else's SA.
            if runs.try_push(run).is_err() {
                return Verdict::Drop(DropReason::TunnelDown);
            }
        }
        match runs.last_mut().map(|run| run.take(id, packet)) {
            Some(Ok(())) => Verdict::Continue,
            Some(Err(verdict)) => verdict,
            None => Verdict::Drop(DropReason::TunnelDown),
        }
    });
    runs::number(core, burst, &mut runs);
    let sealed = seal(core, &runs, burst);
    if sealed.count() != burst.packets().len() {
        part(core, burst, sealed);
    }
    core.tally.sealed += burst.packets().len() as u64;
    let mut last = LastHop::default();
    for packet in burst.packets_mut().drain(..) {
        transmit::enqueue(core, view, &mut last, Outgoing::sealed(packet));
    }
}

/// Drops what was not sealed.
#[cold]
fn part(core: &mut Core, burst: &mut Burst, sealed: Sealed) {
    let mut sealed = sealed.each();
    core.step(burst, |_, _| match sealed.next() {
        Some(true) => Verdict::Continue,
        _ => Verdict::Drop(DropReason::SealFailed),
    });
}

/// Asks for the lines of slots, SAs and keys in three passes, so that the misses of a burst
/// overlap. Packets that follow each other through one tunnel cost a comparison, and a burst
/// through the SA of the burst before asks for nothing. The line that an SA's home writes is left
/// alone by the others.
#[inline]
fn prefetch(core: &mut Core, view: &View<'_>, burst: &Burst) {
    let worker = core.id;
    let mut turns: ArrayVec<(SlotId, usize), BURST_MAX> = ArrayVec::new();
    for packet in burst.packets() {
        let slot = packet.meta().slot;
        if turns.last().is_none_or(|(last, _)| *last != slot) {
            view.shared.slots.prefetch(slot);
            // There are as many places as packets.
            let _ = turns.try_push((slot, packet.len()));
        }
    }
    let sas = || {
        let outbound = |(slot, len): &(SlotId, usize)| {
            Some((view.shared.slots.outbound(*slot, view.reader)?, *len))
        };
        turns.iter().filter_map(outbound)
    };
    let first = sas()
        .next()
        .map_or(0, |(sa, _)| core::ptr::from_ref(sa).addr());
    let known = core.sealed_with == first && turns.len() == 1;
    core.sealed_with = first;
    if known {
        return;
    }
    sas().for_each(|(sa, _)| sa.prefetch());
    sas()
        .filter(|(sa, _)| sa.is_sealed_by(worker))
        .for_each(|(sa, len)| sa.prefetch_to_seal(len));
}

/// Packets of a burst that follow each other through one slot, and what they have in common.
struct Run<'r> {
    slot: SlotId,
    sa: &'r OutboundSa,
    growth: Growth,
    /// The one worker that seals them, if not all do.
    home: Option<u8>,
    /// By which the peer is reached.
    adjacency: u16,
    packets: usize,
    /// Bytes of the inner packets.
    bytes: usize,
    /// Packets whose TCP flows wait for an answer.
    expecting: usize,
}

impl<'r> Run<'r> {
    /// No packets yet.
    fn of(view: &View<'r>, slot: SlotId) -> Option<Self> {
        let sa = view.shared.slots.outbound(slot, view.reader)?;
        let home = match sa.sealer() {
            Sealer::Worker(home) => Some(home),
            Sealer::Spread => None,
        };
        Some(Self {
            slot,
            sa,
            growth: sa.growth(),
            home,
            adjacency: view.shared.peer_adjacency(slot),
            packets: 0,
            bytes: 0,
            expecting: 0,
        })
    }

    /// Makes room in a packet: everything that can fail before it gets its number.
    #[inline]
    fn take(&mut self, id: u8, packet: &mut Mbuf) -> Result<(), Verdict> {
        if let Some(home) = self.home.filter(|home| *home != id) {
            return Err(Core::hand_over(packet, home, Entrance::Seal));
        }
        if !self.sa.selects(&packet.meta().key) {
            return Err(Verdict::Drop(DropReason::EspSelector));
        }
        let inner_len = packet.len();
        let (front, behind) = (self.growth.head_len(), self.growth.tail_len(inner_len));
        // The Ethernet header comes later.
        if !packet.enclose(front, behind) || packet.headroom() < ethernet::LEN {
            return Err(Verdict::Drop(DropReason::SealFailed));
        }
        let meta = packet.meta_mut();
        meta.l3_len = inner_len as u16;
        meta.adjacency = self.adjacency;
        self.packets += 1;
        self.bytes += inner_len;
        self.expecting += usize::from(meta.has(flag::EXPECTING));
        Ok(())
    }
}

/// Asks for another SA where this one's life ends, or has ended.
#[inline]
fn tell_lifetime(core: &mut Core, sa: &OutboundSa, hard: bool) {
    if sa.take_soft() || hard {
        core.rekey_wanted(Event::RekeyWanted {
            slot: sa.slot(),
            spi: sa.spi(),
            hard,
        });
    }
}

/// One crypto call for the burst.
#[inline(never)]
fn seal(core: &mut Core, runs: &[Run<'_>], burst: &mut Burst) -> Sealed {
    let mut packets = burst.packets_mut().as_mut_slice();
    let runs = runs.iter().map_while(|run| {
        let (these, others) = core::mem::take(&mut packets).split_at_mut_checked(run.packets)?;
        packets = others;
        let jobs = these.iter_mut().map(|packet| {
            let meta = packet.meta();
            SealJob {
                sa: run.sa,
                sequence: meta.sequence,
                inner_len: usize::from(meta.l3_len),
                packet: packet.data_mut(),
            }
        });
        Some((run.sa, jobs))
    });
    let begin = core.timing.begin_esp();
    let sealed = seal_runs(&mut core.seal, runs);
    let packets = burst.packets().iter();
    let lens = packets.map(|packet| usize::from(packet.meta().l3_len));
    core.timing.end_esp(Direction::Seal, begin, lens);
    sealed
}
