//! Lookup: from a parsed packet to its connection, and through the gate.

use arrayvec::ArrayVec;

use super::gate::{Gate, compare};
use super::{Entrance, reply};
use crate::burst::Burst;
use crate::dpdk::Mbuf;
use crate::hold;
use crate::limits::BURST_MAX;
use crate::nat::PortBlocks;
use crate::packet::{FlowKey, Side, flag};
use crate::tunnel::SlotId;
use crate::verdict::{DropReason, Verdict};
use crate::worker::event::{Event, IpsecKind, TeardownReason};
use crate::worker::{Core, View};

/// Un-NATs, sends each packet home, finds connections and holds them against the gate. Misses go
/// on without a connection.
///
/// Cost: one home hash per packet; bucket and entry lines prefetched for the whole burst.
pub(super) fn step(core: &mut Core, view: &View<'_>, burst: &mut Burst) {
    let mut keys: ArrayVec<FlowKey, BURST_MAX> = ArrayVec::new();
    core.step(burst, |core, packet| {
        let verdict = send_home(core, view, packet);
        if verdict == Verdict::Continue {
            // As many places as packets.
            let _ = keys.try_push(packet.meta().key.canonical().0);
        }
        verdict
    });
    let mut found = [None; BURST_MAX];
    let places = found.get_mut(..keys.len()).unwrap_or_default();
    core.conns.lookup_burst(&keys, places);
    let mut found = found.into_iter();
    core.step(burst, |core, packet| match found.next().flatten() {
        Some(index) => enter(core, view, packet, index),
        None => Verdict::Continue,
    });
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
        let home = core.home.home(&meta.key);
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

/// The gate. Also entered by `establish` when another packet of the burst made the connection.
pub(super) fn enter(core: &mut Core, view: &View<'_>, packet: &mut Mbuf, index: u32) -> Verdict {
    let (_, side) = packet.meta().key.canonical();
    // An ICMP error travels with the key of the packet that it quotes, reversed.
    let meta = *packet.meta();
    let tick = core.tick;
    core.conns.prefetch_cold(index);
    let Some(hot) = core.conns.hot_mut(index) else {
        return Verdict::Continue;
    };
    match compare(hot, side, meta.arrival(), |slot| {
        view.shared.slots.word(slot)
    }) {
        Gate::Pass => {
            if core.watching && lines_up(core, packet, (index, side)) {
                return Verdict::Drop(DropReason::TunnelPending);
            }
        }
        Gate::Unanswered(slot) => {
            if core.watching && lines_up(core, packet, (index, side)) {
                return Verdict::Drop(DropReason::TunnelPending);
            }
            offer(core, view, packet, (index, side), slot);
        }
        Gate::Waits { reason, slot } => {
            hot.last_seen = tick;
            if reason == DropReason::NeedIke {
                view.shared.slots.ask(slot);
            }
            wait(core, view, packet, (index, side), slot);
            return Verdict::Drop(reason);
        }
        Gate::Foreign(reason) => {
            report_foreign(core, &meta.key, meta.spi);
            return Verdict::Drop(reason);
        }
        Gate::Stale => {
            core.teardown(index, TeardownReason::TunnelTornDown);
            // Without its connection a segment is what `establish` makes of it; the ASA's drop is
            // that of a flow whose tunnel is gone.
            return Verdict::Drop(DropReason::TunnelTornDown);
        }
    }
    let meta = packet.meta_mut();
    meta.conn = index;
    meta.side = side as u8;
    meta.flags |= flag::HAS_CONN;
    Verdict::Continue
}

/// While something is held: whether a packet that passes the gate is held behind older ones.
#[cold]
fn lines_up(core: &mut Core, packet: &Mbuf, at: (u32, Side)) -> bool {
    let now = (core.now_tsc, core.tick);
    hold::observe(&mut core.hold, &core.conns, packet, at, now)
}

/// A packet that the gate drops because its tunnel is not up: a copy may be held, or its sender
/// told.
#[cold]
fn wait(core: &mut Core, view: &View<'_>, packet: &Mbuf, (conn, side): (u32, Side), slot: SlotId) {
    if offer(core, view, packet, (conn, side), slot) && reply::unreachable(core, view, packet) {
        core.hold.note_unreachable(slot);
    }
}

/// Offers a packet for holding; whether its sender should be told that the net is unreachable.
#[cold]
fn offer(
    core: &mut Core,
    view: &View<'_>,
    packet: &Mbuf,
    (conn, side): (u32, Side),
    slot: SlotId,
) -> bool {
    let candidate = hold::Candidate {
        conn,
        side,
        slot,
        word: view.shared.slots.word(slot),
    };
    let now = (core.now_tsc, core.tick);
    hold::offer(&mut core.hold, &core.conns, packet, candidate, now)
}

fn report_foreign(core: &mut Core, key: &FlowKey, spi: u32) {
    core.ipsec_event(Event::Ipsec {
        kind: IpsecKind::NotIpsec,
        spi,
        sequence: 0,
        outer: *key,
        inner: FlowKey::default(),
    });
}
