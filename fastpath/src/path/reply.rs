//! Answers that the line makes itself: ICMP errors and TCP resets. Never more than one per packet,
//! never longer than what it answers allows, and within the worker's budget.

use super::permit::Outgoing;
use super::{LastHop, transmit};
use crate::dpdk::Mbuf;
use crate::packet::{Arrival, FlowKey, flag};
use crate::tunnel::{AdjacencyId, SlotId};
use crate::verdict::{DropReason, Verdict};
use crate::wire::{icmp, ipv4, tcp};
use crate::worker::{Core, View};

/// Tells the sender of `packet` why it was dropped (RFC 1812 section 4.3); whether it was told.
pub(super) fn icmp_error(
    core: &mut Core,
    view: &View<'_>,
    packet: &Mbuf,
    error: icmp::Error,
) -> bool {
    core.may_send_icmp_error() && tell(core, view, packet, error)
}

/// Tells the sender of `packet` that its net is unreachable while a tunnel is down (RFC 6069);
/// whether it was told.
pub(super) fn unreachable(core: &mut Core, view: &View<'_>, packet: &Mbuf) -> bool {
    core.may_send_unreachable() && tell(core, view, packet, icmp::Error::NetUnreachable)
}

/// Tells the sender of a packet that is about to leave that the next hop does not answer (RFC 1812
/// section 4.3.3.1). What came out of a tunnel would be quoted in clear, what is translated with
/// addresses that its sender does not know; and what we send ourselves has no sender.
#[cold]
pub(super) fn host_unreachable(core: &mut Core, view: &View<'_>, packet: &Mbuf) {
    let source = super::parse::addresses(packet.data()).map(|key| key.src);
    let is_foreign = source.is_some_and(|source| !view.policy.is_own(source));
    if is_foreign && !packet.meta().has(flag::UNQUOTABLE) {
        icmp_error(core, view, packet, icmp::Error::HostUnreachable);
    }
}

fn tell(core: &mut Core, view: &View<'_>, packet: &Mbuf, error: icmp::Error) -> bool {
    let Some(source) = own_address(view, packet) else {
        return false;
    };
    let mut bytes = [0; icmp::ERROR_LEN_MAX];
    let len = icmp::error(error, source, packet.data(), &mut bytes);
    if let Some(len) = len {
        send(core, view, packet, bytes.get(..len).unwrap_or_default());
    }
    len.is_some()
}

/// Resets the connection of a TCP packet that was denied (`service resetinbound`).
pub(super) fn tcp_reset(core: &mut Core, view: &View<'_>, packet: &Mbuf) {
    if !core.may_send_icmp_error() {
        return;
    }
    if let Some(reset) = tcp::reset(packet.data()) {
        send(core, view, packet, &reset);
    }
}

/// The address of the interface by which the packet came.
fn own_address(view: &View<'_>, packet: &Mbuf) -> Option<u32> {
    let interface = view.policy.interface_of_port(packet.meta().in_port)?;
    Some(view.policy.interface(interface)?.address)
}

/// Sends `bytes` back by the way that `packet` came: in clear, or through its tunnel.
fn send(core: &mut Core, view: &View<'_>, packet: &Mbuf, bytes: &[u8]) {
    let Some(mut answer) = core.pool.allocate_with(bytes) else {
        return;
    };
    core.tally.created += 1;
    let origin = packet.meta();
    let destination = super::parse::addresses(bytes).unwrap_or_default();
    match origin.arrival() {
        Arrival::Tunnel(slot) => {
            let meta = answer.meta_mut();
            meta.slot = slot;
            meta.key = destination;
            if let Err(answer) = core.replies.push(answer) {
                core.decided
                    .push(answer, Verdict::Drop(DropReason::NoBuffer));
            }
        }
        Arrival::Clear => {
            let adjacency = way_back(view, packet, &destination);
            let meta = answer.meta_mut();
            meta.slot = SlotId::NONE;
            meta.adjacency = adjacency.raw();
            transmit::enqueue(core, view, &mut LastHop::default(), Outgoing::reply(answer));
        }
    }
}

/// By the interface by which the packet came, whatever the routes say: an answer to a forged
/// source goes back to where the forger stands.
fn way_back(view: &View<'_>, packet: &Mbuf, answer: &FlowKey) -> AdjacencyId {
    let Some(interface) = view.policy.interface_of_port(packet.meta().in_port) else {
        return AdjacencyId::NONE;
    };
    let hop = view.policy.hop_through(interface, answer.dst);
    view.shared
        .adjacencies
        .intern(interface, hop)
        .unwrap_or(AdjacencyId::NONE)
}

const _: () = assert!(ipv4::LEN == 20, "answers have headers without options");
