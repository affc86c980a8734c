//! Lookup: from a parsed packet to its connection.

use arrayvec::ArrayVec;

use super::Entrance;
use crate::burst::Burst;
use crate::dpdk::Mbuf;
use crate::limits::BURST_MAX;
use crate::nat::PortBlocks;
use crate::packet::{FlowKey, Side, flag};
use crate::verdict::{DropReason, Verdict};
use crate::worker::{Core, View};

/// Un-NATs, sends each packet home and finds connections. Returns whether any packet has none.
///
/// Cost: one home hash per packet where there are several workers; lines of index and entries
/// prefetched for the whole burst.
#[inline(never)]
pub(super) fn step(core: &mut Core, view: &View<'_>, burst: &mut Burst) -> bool {
    let mut keys: ArrayVec<FlowKey, BURST_MAX> = ArrayVec::new();
    core.step(burst, |core, packet| {
        let verdict = send_home(core, view, packet);
        if verdict == Verdict::Continue {
            let (key, side) = packet.meta().key.canonical();
            packet.meta_mut().side = side as u8;
            // As many places as packets.
            let _ = keys.try_push(key);
        }
        verdict
    });
    let mut found = [None; BURST_MAX];
    let found = found.get_mut(..keys.len()).unwrap_or_default();
    core.conns.lookup_burst(&keys, found);
    let mut missing = false;
    for (packet, index) in burst.packets_mut().iter_mut().zip(found) {
        match *index {
            Some(index) => {
                core.conns.prefetch_cold(index);
                has_conn(packet, index);
            }
            None => missing = true,
        }
    }
    missing
}

/// Notes a packet's connection.
#[inline]
pub(super) fn has_conn(packet: &mut Mbuf, index: u32) {
    let meta = packet.meta_mut();
    meta.conn = index;
    meta.flags |= flag::HAS_CONN;
}

/// Restores the real destination of what was sent to a mapped address, and hands over what another
/// worker owns.
///
/// A mapped port belongs to the worker that allocated it, so the port itself names the home. What
/// comes out of a tunnel may be sent to a mapped address too: the crypto map sees translated
/// packets. Whether it is the flow's own tunnel is the gate's question.
fn send_home(core: &mut Core, view: &View<'_>, packet: &mut Mbuf) -> Verdict {
    let meta = packet.meta();
    let mapped = !meta.has(flag::UNTRANSLATED) && view.policy.is_mapped(meta.key.dst);
    if !mapped {
        // A worker that is alone owns everything.
        let home = (core.workers > 1).then(|| core.home.home(&meta.key));
        let Some(home) = home else {
            return Verdict::Continue;
        };
        return if home == core.id {
            Verdict::Continue
        } else {
            Core::hand_over(packet, home, Entrance::Lookup)
        };
    }
    let port = meta.key.dport;
    if !PortBlocks::is_given_out(port) {
        return Verdict::Drop(DropReason::NotForUs);
    }
    let owner = core.blocks.owner_of(port);
    if owner == core.id {
        untranslate(core, packet)
    } else {
        Core::hand_over(packet, owner, Entrance::Lookup)
    }
}

/// The packet stays as it is on the wire; its key becomes that of the real flow.
fn untranslate(core: &mut Core, packet: &mut Mbuf) -> Verdict {
    let meta = *packet.meta();
    let found = core
        .nat
        .lookup(meta.key.dst, meta.key.protocol, meta.key.dport);
    let Some((index, hot)) = found.and_then(|index| Some((index, core.conns.hot(index)?))) else {
        return Verdict::Drop(DropReason::NatNoPort);
    };
    let (real, responder) = match hot.initiator() {
        Side::Low => (hot.key().reversed(), Side::High),
        Side::High => (hot.key(), Side::Low),
    };
    // Port translation is address-and-port-dependent: only the flow's own responder gets through.
    if (real.src, real.sport) != (meta.key.src, meta.key.sport) {
        return Verdict::Drop(DropReason::NatNoPort);
    }
    let meta = packet.meta_mut();
    meta.key = real;
    meta.flags |= flag::UNTRANSLATED;
    meta.conn = index;
    meta.side = responder as u8;
    Verdict::Continue
}
