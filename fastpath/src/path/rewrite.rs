//! Rewrite: the gate, then what the entry says is done to the packet. TCP state, translation, TTL,
//! MSS; packets in clear leave here with their permit, the others go on to be sealed.

mod admit;
mod fragments;
mod next_hop;

use super::gate::{compare, passes};
use super::permit::Outgoing;
use super::{LastHop, establish, parse, reply, transmit};
use crate::burst::Burst;
use crate::conn::tcp::{self, Progress};
use crate::conn::{Cold, Hot, entry_flag};
use crate::dpdk::Mbuf;
use crate::packet::{Meta, Side, flag, protocol};
use crate::tunnel::SlotId;
use crate::verdict::{DropReason, Verdict};
use crate::wire::tcp::MssBounds;
use crate::wire::translate::{End, translate, translate_error};
use crate::wire::{Ipv4, icmp};
use crate::worker::event::TeardownReason;
use crate::worker::{Core, View};

/// Holds each packet against its entry and applies that.
///
/// A SYN that reuses a closed connection ends it and meets policy as the first packet of a new one,
/// and so does what another packet of the burst has taken the entry from: the bursts of these are
/// short and rare, so the line is run again for them alone.
///
/// Cost: both lines of the entry, the packet's first line.
#[inline(never)]
pub(super) fn step(core: &mut Core, view: &View<'_>, burst: &mut Burst) {
    let mut reopening = Burst::default();
    apply(core, view, burst, &mut reopening);
    if !reopening.is_empty() {
        establish::step(core, view, &mut reopening);
        let mut lost = Burst::default();
        apply(core, view, &mut reopening, &mut lost);
        for packet in lost.packets_mut().drain(..) {
            core.decided
                .push(packet, Verdict::Drop(DropReason::TcpNotSyn));
        }
        for packet in reopening.packets_mut().drain(..) {
            keep(core, burst, packet);
        }
    }
}

/// Behind it `burst` has what is to be sealed, and `reopening` what has lost its entry.
fn apply(core: &mut Core, view: &View<'_>, burst: &mut Burst, reopening: &mut Burst) {
    let mut seen = 0;
    core.step(burst, |core, packet| match rewrite(core, view, packet) {
        Ok(next) => {
            seen |= next as u8;
            Verdict::Continue
        }
        Err(reason) => Verdict::Drop(reason),
    });
    if seen & !(Next::Seal as u8) == 0 {
        return;
    }
    let mut last = LastHop::default();
    if seen == Next::Leave as u8 {
        for packet in burst.packets_mut().drain(..) {
            send(core, view, &mut last, packet);
        }
    } else {
        part(core, view, burst, &mut last, reopening);
    }
}

/// What becomes of a packet whose entry was applied; a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Next {
    /// It leaves whole, through a tunnel.
    Seal = 1,
    /// It leaves whole, in clear.
    Leave = 2,
    /// It is to be cut.
    Cut = 4,
    /// Its entry is gone; it is the first packet of another connection.
    Establish = 8,
}

/// Sends packets in clear, cuts what is too long, keeps the rest for `seal`; those that have no
/// entry any more go to `reopening`.
fn part(
    core: &mut Core,
    view: &View<'_>,
    burst: &mut Burst,
    last: &mut LastHop,
    reopening: &mut Burst,
) {
    let mut packets = core::mem::take(burst.packets_mut());
    for packet in packets.drain(..) {
        let meta = packet.meta();
        if !meta.has(flag::HAS_CONN) {
            if let Err(packet) = reopening.push(packet) {
                core.decided
                    .push(packet, Verdict::Drop(DropReason::TcpSynDiff));
            }
        } else if meta.fragment_mtu != 0 {
            cut(core, view, burst, last, packet);
        } else if meta.slot != SlotId::NONE {
            keep(core, burst, packet);
        } else {
            send(core, view, last, packet);
        }
    }
}

/// Sends the packet's fragments by its way.
#[cold]
fn cut(core: &mut Core, view: &View<'_>, burst: &mut Burst, last: &mut LastHop, packet: Mbuf) {
    let Some(fragments) = fragments::cut(core, &packet) else {
        return core
            .decided
            .push(packet, Verdict::Drop(DropReason::FragmentFailed));
    };
    core.tally.created += fragments.len() as u64 - 1;
    for fragment in fragments {
        if fragment.meta().slot == SlotId::NONE {
            send(core, view, last, fragment);
        } else {
            keep(core, burst, fragment);
        }
    }
}

/// Sends a packet in clear, unless its entry says otherwise.
#[expect(
    clippy::inline_always,
    reason = "it is the loop of those that call it for a burst"
)]
#[inline(always)]
fn send(core: &mut Core, view: &View<'_>, last: &mut LastHop, packet: Mbuf) {
    if is_unsealed(core, packet.meta()) {
        return core
            .decided
            .push(packet, Verdict::Drop(DropReason::Unsealed));
    }
    transmit::enqueue(core, view, last, Outgoing::rewritten(packet));
}

/// Keeps a packet for `seal`.
fn keep(core: &mut Core, burst: &mut Burst, packet: Mbuf) {
    if let Err(packet) = burst.push(packet) {
        core.decided
            .push(packet, Verdict::Drop(DropReason::FragmentFailed));
    }
}

/// Whether a packet is about to leave in clear although its entry says by a tunnel: what the
/// packet carries is compared with the entry once more where it leaves.
fn is_unsealed(core: &Core, meta: &Meta) -> bool {
    let to = meta.sender().other();
    meta.slot == SlotId::NONE
        && core
            .conns
            .hot(meta.conn)
            .is_some_and(|hot| hot.slots[to.index()] != SlotId::NONE)
}

#[inline]
fn rewrite(core: &mut Core, view: &View<'_>, packet: &mut Mbuf) -> Result<Next, DropReason> {
    let meta = packet.meta();
    let (index, from) = (meta.conn, meta.sender());
    let to = from.other();
    let Some((mut hot, mut cold)) = core.conns.both_mut(index) else {
        return lost(packet);
    };
    let word = |slot| view.shared.slots.word(slot);
    if core.watching || !passes(hot, from, meta.arrival(), word) {
        let gate = compare(hot, from, meta.arrival(), word);
        admit::judge(core, view, packet, gate)?;
        let Some(both) = core.conns.both_mut(index) else {
            return lost(packet);
        };
        (hot, cold) = both;
    }
    next_hop::refresh(view, hot, cold, to);
    let slot = hot.slots[to.index()];
    let mtu = mtu(view, cold, to, slot);
    let header = Ipv4::parse(packet.data());
    let header = header.ok_or(DropReason::TruncatedFrame)?;
    if header.ttl() <= 1 {
        reply::icmp_error(core, view, packet, icmp::Error::TimeExceeded);
        return Err(DropReason::TtlExceeded);
    }
    let must_cut = packet.len() > mtu;
    if must_cut && header.dont_fragment() {
        // The sender is told (RFC 1191).
        let error = icmp::Error::FragmentationNeeded { mtu: mtu as u16 };
        reply::icmp_error(core, view, packet, error);
        return Err(DropReason::MtuExceeded);
    }
    let mut progress = Progress::None;
    if packet.meta().key.protocol == protocol::TCP && !packet.meta().has(flag::ICMP_ERROR) {
        progress = track(hot, packet, from)?;
        if progress == Progress::Reopen {
            return reopen(core, packet);
        }
        clamp(view, packet, hot);
    }
    hot.last_seen = core.tick;
    cold.bytes += packet.len() as u64;
    if hot.has(entry_flag::SOURCE_TRANSLATED) {
        apply_translation(packet, hot, cold, from);
    }
    if let Some(mut header) = Ipv4::parse_mut(packet.data_mut()) {
        header.decrement_ttl();
    }
    let facts = packet.meta_mut();
    if facts.has(flag::DECRYPTED) {
        facts.flags = (facts.flags | flag::UNQUOTABLE) & !flag::DECRYPTED;
    }
    facts.slot = slot;
    facts.adjacency = hot.adjacencies[to.index()];
    facts.fragment_mtu = if must_cut { mtu as u16 } else { 0 };
    if progress != Progress::None {
        finish(core, view, index, from, progress);
    }
    Ok(if must_cut {
        Next::Cut
    } else if slot == SlotId::NONE {
        Next::Leave
    } else {
        Next::Seal
    })
}

/// The entry is gone since it was found: another packet of the burst has ended the connection.
#[cold]
fn lost(packet: &mut Mbuf) -> Result<Next, DropReason> {
    let meta = packet.meta_mut();
    if meta.has(flag::UNTRANSLATED) {
        return Err(DropReason::NatNoPort);
    }
    meta.flags &= !flag::HAS_CONN;
    meta.conn = u32::MAX;
    Ok(Next::Establish)
}

/// Ends the closed connection that a SYN reuses (RFC 9293 section 3.6.1); nothing of it is
/// inherited. What came to a mapped port cannot open anything: the translation was the closed
/// connection's.
#[cold]
fn reopen(core: &mut Core, packet: &mut Mbuf) -> Result<Next, DropReason> {
    let meta = packet.meta();
    if !meta.has(flag::UNTRANSLATED) {
        core.teardown(meta.conn, TeardownReason::TcpFins);
    }
    lost(packet)
}

/// Writes the mapped source into packets of the initiator, the real destination into the others;
/// in an ICMP error also into the packet that it quotes. The key becomes that which the peer of a
/// tunnel sees: with the mapped source.
fn apply_translation(packet: &mut Mbuf, hot: &Hot, cold: &Cold, from: Side) {
    let by_initiator = from == hot.initiator();
    let (end, address, port) = if by_initiator {
        (End::Source, cold.mapped_address, cold.mapped_port)
    } else {
        let (address, port) = match hot.initiator() {
            Side::Low => (hot.low_address, hot.low_port),
            Side::High => (hot.high_address, hot.high_port),
        };
        (End::Destination, address, port)
    };
    let meta = packet.meta_mut();
    meta.flags |= flag::UNQUOTABLE;
    if by_initiator {
        (meta.key.src, meta.key.sport) = (address, port);
    }
    let (l4_offset, error) = (usize::from(meta.l4_offset), meta.has(flag::ICMP_ERROR));
    // The headers were parsed, so they lie in the packet.
    let _ = if error {
        translate_error(packet.data_mut(), l4_offset, end, address, port)
    } else {
        translate(packet.data_mut(), l4_offset, end, address, port)
    };
}

/// Bytes of the largest packet on the way to `to`.
fn mtu(view: &View<'_>, cold: &Cold, to: Side, slot: SlotId) -> usize {
    if slot != SlotId::NONE {
        return view.shared.slots.inner_mtu(slot) as usize;
    }
    let interface = view.policy.interface(cold.interfaces[to.index()]);
    interface.map_or(0, |interface| usize::from(interface.mtu))
}

/// Moves the TCP state; nothing moves for a segment that does not fit.
fn track(hot: &mut Hot, packet: &mut Mbuf, from: Side) -> Result<Progress, DropReason> {
    let segment = parse::segment(packet)?;
    let progress = tcp::track(hot, from, &segment)?;
    let sender = &hot.tcp[from.index()];
    if sender.end != sender.unacked {
        packet.meta_mut().flags |= flag::EXPECTING;
    }
    Ok(progress)
}

/// Brings the MSS of a SYN within `sysopt connection tcpmss` and what either tunnel takes.
fn clamp(view: &View<'_>, packet: &mut Mbuf, hot: &Hot) {
    let l4_offset = usize::from(packet.meta().l4_offset);
    let bytes = packet.data_mut().get_mut(l4_offset..).unwrap_or_default();
    let syn = bytes
        .get(13)
        .is_some_and(|flags| flags & crate::wire::tcp::flag::SYN != 0);
    if !syn {
        return;
    }
    let tunnels = hot.slots.iter().filter(|slot| **slot != SlotId::NONE);
    let max = tunnels
        .map(|slot| view.shared.slots.mtu(*slot).mss)
        .chain([view.policy.tcpmss])
        .filter(|mss| *mss != 0)
        .min()
        .unwrap_or(0);
    let bounds = MssBounds {
        max,
        min: view.policy.tcpmss_minimum,
    };
    crate::wire::tcp::rewrite_mss(bytes, bounds);
}

/// What the segment meant for the connection's life.
#[cold]
fn finish(core: &mut Core, view: &View<'_>, index: u32, from: Side, progress: Progress) {
    match progress {
        Progress::HalfClosed => {
            let deadline = core.tick.wrapping_add(core.timeouts.half_closed);
            core.conns.rearm(index, deadline);
        }
        Progress::Closed if view.policy.timewait => {
            core.conns
                .rearm(index, core.tick.wrapping_add(core.timeouts.time_wait));
        }
        Progress::Closed => core.teardown(index, TeardownReason::TcpFins),
        Progress::Reset => {
            if let Some(slot) = core.conns.hot(index).map(|hot| hot.slots[from.index()]) {
                core.hold.note_reset(slot, core.now_tsc);
            }
            let inbound = core.conns.hot(index).is_some_and(|hot| {
                let foreign = if hot.has(entry_flag::INBOUND) {
                    hot.initiator()
                } else {
                    hot.initiator().other()
                };
                foreign == from
            });
            let reason = if inbound {
                TeardownReason::TcpResetOutside
            } else {
                TeardownReason::TcpResetInside
            };
            core.teardown(index, reason);
        }
        _ => {}
    }
}
