//! Seal: packets of flows bound to a tunnel become ESP, or are dropped. Nothing leaves in clear.

use arrayvec::ArrayVec;

use super::permit::Outgoing;
use super::{Entrance, LastHop, transmit};
use crate::burst::Burst;
use crate::crypto::Direction;
use crate::dpdk::Mbuf;
use crate::esp::{OutboundSa, SealJob, Sealed, Sealer, seal_burst};
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
pub(super) fn step(core: &mut Core, view: &View<'_>, burst: &mut Burst) {
    if burst.is_empty() {
        return;
    }
    prefetch(core.id, view, burst);
    let mut sas: ArrayVec<&OutboundSa, BURST_MAX> = ArrayVec::new();
    let (mut last, mut spread) = (None, false);
    core.step(burst, |core, packet| {
        let slot = packet.meta().slot;
        let known = last.filter(|tunnel: &Tunnel<'_>| tunnel.slot == slot);
        let Some(tunnel) = known.or_else(|| Tunnel::of(view, slot)) else {
            return Verdict::Drop(DropReason::TunnelDown);
        };
        last = Some(tunnel);
        match make_room(core, packet, &tunnel) {
            Ok(()) => {
                spread |= tunnel.sealer == Sealer::Spread;
                sas.push(tunnel.sa);
                Verdict::Continue
            }
            Err(verdict) => verdict,
        }
    });
    if spread {
        runs::number(core, burst, &mut sas);
    }
    let sealed = seal(core, &sas, burst);
    if !sealed.all() {
        part(core, burst, sealed);
    }
    core.tally.sealed += burst.packets().len() as u64;
    let mut last = LastHop::default();
    for packet in burst.packets_mut().drain(..) {
        transmit::enqueue(core, view, &mut last, Outgoing::sealed(packet));
    }
}

/// Drops what could not be sealed.
#[cold]
fn part(core: &mut Core, burst: &mut Burst, sealed: Sealed) {
    let mut sealed = sealed.each();
    core.step(burst, |_, _| match sealed.next() {
        Some(true) => Verdict::Continue,
        _ => Verdict::Drop(DropReason::SealFailed),
    });
}

/// Asks for the lines of slots, SAs and keys in three passes, so that the misses of a burst
/// overlap. Packets that follow each other through one tunnel cost a comparison. The line that
/// an SA's home writes is left alone by the others.
#[inline]
fn prefetch(worker: u8, view: &View<'_>, burst: &Burst) {
    let mut turns: ArrayVec<(SlotId, usize), BURST_MAX> = ArrayVec::new();
    for packet in burst.packets() {
        let slot = packet.meta().slot;
        if turns.last().is_none_or(|(last, _)| *last != slot) {
            view.shared.slots.prefetch(slot);
            // There are as many places as packets.
            let _ = turns.try_push((slot, packet.len()));
        }
    }
    if turns.len() == 1 {
        return;
    }
    let sas = || {
        let outbound = |(slot, len): &(SlotId, usize)| {
            Some((view.shared.slots.outbound(*slot, view.reader)?, *len))
        };
        turns.iter().filter_map(outbound)
    };
    sas().for_each(|(sa, _)| sa.prefetch());
    sas()
        .filter(|(sa, _)| sa.is_sealed_by(worker))
        .for_each(|(sa, len)| sa.prefetch_to_seal(len));
}

/// What packets that leave by one slot have in common.
#[derive(Clone, Copy)]
struct Tunnel<'r> {
    slot: SlotId,
    sa: &'r OutboundSa,
    sealer: Sealer,
    head_len: usize,
    /// By which the peer is reached.
    adjacency: u16,
}

impl<'r> Tunnel<'r> {
    fn of(view: &View<'r>, slot: SlotId) -> Option<Self> {
        let sa = view.shared.slots.outbound(slot, view.reader)?;
        Some(Self {
            slot,
            sa,
            sealer: sa.sealer(),
            head_len: sa.head_len(),
            adjacency: view.shared.peer_adjacency(slot),
        })
    }
}

/// Everything that can still fail, then the sequence number: it is never returned. Of an SA with
/// which every worker seals the number is taken later, for a run of packets.
#[inline]
fn make_room(core: &mut Core, packet: &mut Mbuf, tunnel: &Tunnel<'_>) -> Result<(), Verdict> {
    let Tunnel { sa, head_len, .. } = *tunnel;
    if let Sealer::Worker(home) = tunnel.sealer
        && home != core.id
    {
        return Err(Core::hand_over(packet, home, Entrance::Seal));
    }
    if !sa.selects(&packet.meta().key) {
        return Err(Verdict::Drop(DropReason::EspSelector));
    }
    let inner_len = packet.len();
    if packet.headroom() < head_len + ethernet::LEN
        || !packet.enclose(head_len, sa.tail_len(inner_len))
    {
        return Err(Verdict::Drop(DropReason::SealFailed));
    }
    let meta = packet.meta_mut();
    meta.l3_len = inner_len as u16;
    meta.adjacency = tunnel.adjacency;
    if matches!(tunnel.sealer, Sealer::Worker(_)) {
        meta.sequence = reserve(core, sa, inner_len).map_err(Verdict::Drop)?;
        if meta.has(flag::EXPECTING) {
            sa.note_expecting(1);
        }
    }
    Ok(())
}

#[inline]
fn reserve(core: &mut Core, sa: &OutboundSa, inner_len: usize) -> Result<u64, DropReason> {
    let reserved = sa.reserve(inner_len);
    tell_lifetime(core, sa, reserved.is_err());
    reserved
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
#[inline]
fn seal(core: &mut Core, sas: &[&OutboundSa], burst: &mut Burst) -> Sealed {
    let jobs = burst.packets_mut().iter_mut().zip(sas).map(|(packet, sa)| {
        let meta = packet.meta();
        SealJob {
            sa,
            sequence: meta.sequence,
            inner_len: usize::from(meta.l3_len),
            packet: packet.data_mut(),
        }
    });
    let begin = core.timing.begin_esp();
    let sealed = seal_burst(&mut core.seal, jobs);
    let packets = burst.packets().iter();
    let lens = packets.map(|packet| usize::from(packet.meta().l3_len));
    core.timing.end_esp(Direction::Seal, begin, lens);
    sealed
}
