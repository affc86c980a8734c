//! Establish: the first packet of a flow meets policy, once. What it decides is compiled into the
//! entry, for both directions.

use arrayvec::ArrayVec;

use super::gate::closed;
use super::{lookup, parse, reply};
use crate::burst::Burst;
use crate::conn::{Cold, Hot, Prepared, TcpSide, TcpState, entry_flag, tcp};
use crate::dpdk::Mbuf;
use crate::limits::BURST_MAX;
use crate::packet::{Arrival, FlowKey, Meta, Side, flag, protocol};
use crate::policy::{Decision, Denied, NewFlow, SourceNat};
use crate::tunnel::{AdjacencyId, SlotId};
use crate::verdict::{DropReason, Verdict};
use crate::wire::{Icmp, icmp, tcp as wire_tcp};
use crate::worker::event::{DenyKind, Event, LoggedEntry};
use crate::worker::{Core, View};

/// Makes connections for the packets that have none.
///
/// Cost: misses only. A second look into the table, the policy's rules, one insertion.
pub(super) fn step(core: &mut Core, view: &View<'_>, burst: &mut Burst) {
    let mut keys: ArrayVec<FlowKey, BURST_MAX> = ArrayVec::new();
    for meta in burst.packets().iter().map(Mbuf::meta) {
        if !meta.has(flag::HAS_CONN) {
            // As many places as packets.
            let _ = keys.try_push(meta.key.canonical().0);
        }
    }
    if keys.is_empty() {
        return;
    }
    let mut prepared = Prepared::new();
    core.conns.prepare(&keys, &mut prepared);
    let mut keys = keys.iter().enumerate();
    core.step(burst, |core, packet| {
        if packet.meta().has(flag::HAS_CONN) {
            return Verdict::Continue;
        }
        // There is one for each of them; a packet without one goes nowhere.
        let Some((place, key)) = keys.next() else {
            return Verdict::Drop(DropReason::ConnLimit);
        };
        match core.conns.lookup_one(&prepared, place, key) {
            // Another packet of the burst has made it.
            Some(index) => {
                lookup::has_conn(packet, index);
                Verdict::Continue
            }
            None => match establish(core, view, packet, (&prepared, place)) {
                Ok(()) => Verdict::Continue,
                Err(reason) => Verdict::Drop(reason),
            },
        }
    });
}

/// Everything about a new flow that is known before its entry is made.
struct Plan<'a> {
    /// Where its key was prepared.
    place: (&'a Prepared, usize),
    meta: Meta,
    decision: Decision,
    icmp: [u8; 2],
    segment: Option<&'a tcp::Segment>,
}

fn establish(
    core: &mut Core,
    view: &View<'_>,
    packet: &mut Mbuf,
    place: (&Prepared, usize),
) -> Result<(), DropReason> {
    let meta = *packet.meta();
    if meta.has(flag::ICMP_ERROR) {
        return Err(DropReason::IcmpErrorNoConn);
    }
    let interface = view
        .policy
        .interface_of_port(meta.in_port)
        .ok_or(DropReason::InterfaceDown)?;
    let icmp = icmp_request(&meta, packet.data())?;
    let segment = first_segment(core, view, packet, interface)?;
    let tcp_flags = segment.as_ref().map_or(0, |segment| segment.flags);
    let new = NewFlow {
        key: meta.key,
        arrival: meta.arrival(),
        interface,
        tcp_flags,
        icmp,
    };
    let decision = match view.policy.classify(&new) {
        Ok(decision) => decision,
        Err(denied) => return Err(deny(core, view, packet, &new, denied)),
    };
    for entry in decision.logged.into_iter().flatten() {
        log_access(core, &new, true, decision.egress, entry);
    }
    // A SYN to a tunnel that is down creates nothing: it asks for the tunnel.
    if let Some(reason) = wait_for(view, decision.forward_slot) {
        return Err(reason);
    }
    let plan = Plan {
        place,
        meta,
        decision,
        icmp,
        segment: segment.as_ref(),
    };
    insert(core, view, packet, &plan, interface)
}

/// The segment of a TCP packet that may open a connection.
fn first_segment(
    core: &mut Core,
    view: &View<'_>,
    packet: &Mbuf,
    interface: u8,
) -> Result<Option<tcp::Segment>, DropReason> {
    let meta = packet.meta();
    if meta.key.protocol != protocol::TCP {
        return Ok(None);
    }
    let segment = parse::segment(packet)?;
    use wire_tcp::flag::{ACK, RST, SYN};
    if segment.flags & (SYN | ACK | RST) == SYN {
        return Ok(Some(segment));
    }
    core.event(Event::Denied {
        kind: DenyKind::NoConnection,
        key: meta.key,
        detail: u16::from(segment.flags),
        interface,
        egress: view
            .policy
            .route(meta.key.dst)
            .map_or(u8::MAX, |hit| hit.interface),
        access_group: u16::MAX,
    });
    Err(DropReason::TcpNotSyn)
}

/// Type and code of an ICMP message that may begin a flow.
fn icmp_request(meta: &Meta, data: &[u8]) -> Result<[u8; 2], DropReason> {
    if meta.key.protocol != protocol::ICMP {
        return Ok([0; 2]);
    }
    let message = data.get(usize::from(meta.l4_offset)..).unwrap_or_default();
    let (header, _) = Icmp::parse(message).ok_or(DropReason::BadIcmpHeader)?;
    if icmp::is_request(header.kind()) {
        Ok([header.kind(), header.code()])
    } else {
        Err(DropReason::IcmpNoConn)
    }
}

fn deny(
    core: &mut Core,
    view: &View<'_>,
    packet: &Mbuf,
    new: &NewFlow,
    denied: Denied,
) -> DropReason {
    let tcp = new.key.protocol == protocol::TCP;
    if let Some(kind) = denied.kind {
        let flags = if tcp {
            u16::from(wire_tcp::flag::SYN)
        } else {
            u16::from_be_bytes(new.icmp)
        };
        core.event(Event::Denied {
            kind,
            key: new.key,
            detail: flags,
            interface: new.interface,
            egress: denied.egress.unwrap_or(u8::MAX),
            access_group: denied.access_group,
        });
    }
    if let Some(entry) = denied.logged {
        log_access(core, new, false, denied.egress.unwrap_or(u8::MAX), entry);
    }
    let inbound = denied
        .egress
        .is_some_and(|to| view.policy.is_inbound(new.interface, to));
    if tcp && denied.reason == DropReason::AclDrop && inbound && view.policy.reset_inbound {
        reply::tcp_reset(core, view, packet);
    }
    if denied.reason == DropReason::NoRoute {
        reply::icmp_error(core, view, packet, icmp::Error::NetUnreachable);
    }
    denied.reason
}

fn log_access(core: &mut Core, new: &NewFlow, permitted: bool, egress: u8, entry: LoggedEntry) {
    core.event(Event::AccessLog {
        permitted,
        key: new.key,
        icmp: new.icmp,
        interface: new.interface,
        egress,
        entry,
    });
}

/// Why the slot cannot take the flow now; asks IKE for it when nothing negotiates.
fn wait_for(view: &View<'_>, slot: SlotId) -> Option<DropReason> {
    if slot == SlotId::NONE {
        return None;
    }
    let reason = closed(view.shared.slots.word(slot).state())?;
    if reason == DropReason::NeedIke {
        view.shared.slots.ask(slot);
    }
    Some(reason)
}

fn insert(
    core: &mut Core,
    view: &View<'_>,
    packet: &mut Mbuf,
    plan: &Plan<'_>,
    interface: u8,
) -> Result<(), DropReason> {
    let (key, initiator) = plan.meta.key.canonical();
    let mut hot = hot_of(core, view, plan, &key, initiator)?;
    if let Some(segment) = plan.segment {
        tcp::open(&mut hot, initiator, segment)?;
    }
    let mut cold = cold_of(core, view, plan, initiator, interface);
    if core.conns.len() >= core.conns.capacity() {
        return Err(DropReason::ConnLimit);
    }
    let timeout = core.timeouts.timeout_of(&hot);
    let index = core
        .conns
        .insert_prepared(plan.place.0, plan.place.1, (hot, cold), timeout)
        .map_err(|_| DropReason::ConnLimit)?;
    if let Some(nat) = plan.decision.source_nat {
        let Some((address, port)) = mapped(core, view, nat, key.protocol, index) else {
            core.conns.remove(index);
            return Err(DropReason::NatNoPort);
        };
        (cold.mapped_address, cold.mapped_port) = (address, port);
        if let Some((_, stored)) = core.conns.both_mut(index) {
            (stored.mapped_address, stored.mapped_port) = (address, port);
        }
    }
    announce(core, &hot, &cold);
    lookup::has_conn(packet, index);
    Ok(())
}

/// A mapped address and port for the connection: from the first pool of its rule that has one.
fn mapped(
    core: &mut Core,
    view: &View<'_>,
    nat: SourceNat,
    protocol: u8,
    index: u32,
) -> Option<(u32, u16)> {
    let pools = core::iter::successors(Some(nat.pool), |pool| view.policy.nat.next_pool(*pool));
    for pool in pools {
        let address = view.policy.nat.pools.get(usize::from(pool))?.address;
        if let Some(port) = core.nat.allocate(address, protocol, index, core.tick) {
            return Some((address, port));
        }
    }
    None
}

fn announce(core: &mut Core, hot: &Hot, cold: &Cold) {
    use crate::worker::{record, xlate_record};
    if hot.has(entry_flag::SOURCE_TRANSLATED) {
        let xlate = xlate_record(hot, cold);
        core.event(Event::Xlate {
            built: true,
            xlate,
            duration_s: 0,
        });
    }
    core.event(Event::ConnBuilt(record(hot, cold)));
}

fn hot_of(
    core: &Core,
    view: &View<'_>,
    plan: &Plan<'_>,
    key: &FlowKey,
    initiator: Side,
) -> Result<Hot, DropReason> {
    let decision = &plan.decision;
    let responder = initiator.other();
    let reverse_slot = match plan.meta.arrival() {
        Arrival::Clear => SlotId::NONE,
        Arrival::Tunnel(slot) => slot,
    };
    let mut slots = [SlotId::NONE; 2];
    slots[responder.index()] = decision.forward_slot;
    slots[initiator.index()] = reverse_slot;
    let mut adjacencies = [AdjacencyId::NONE.raw(); 2];
    adjacencies[responder.index()] = adjacency(
        view,
        decision.forward_slot,
        decision.egress,
        decision.next_hop,
    )?;
    let (back, back_hop) = way_back(view, plan);
    adjacencies[initiator.index()] = adjacency(view, reverse_slot, back, back_hop)?;
    let epoch = |slot: SlotId| view.shared.slots.word(slot).epoch();
    let mut flags = 0;
    if initiator == Side::Low {
        flags |= entry_flag::INITIATOR_LOW;
    }
    if decision.inbound {
        flags |= entry_flag::INBOUND;
    }
    if decision.source_nat.is_some() {
        flags |= entry_flag::SOURCE_TRANSLATED;
    }
    Ok(Hot {
        low_address: key.src,
        high_address: key.dst,
        low_port: key.sport,
        high_port: key.dport,
        protocol: key.protocol,
        state: TcpState::None,
        flags,
        last_seen: core.tick,
        epochs: slots.map(epoch),
        slots,
        adjacencies,
        tcp: [TcpSide::default(); 2],
    })
}

/// Interface and next hop by which the initiator is reached: the interface by which it came.
fn way_back(view: &View<'_>, plan: &Plan<'_>) -> (u8, u32) {
    let interface = view
        .policy
        .interface_of_port(plan.meta.in_port)
        .unwrap_or(u8::MAX);
    let hop = view.policy.hop_through(interface, plan.meta.key.src);
    (interface, hop)
}

/// A flow in a tunnel leaves by its slot's peer, whatever that is at the time.
fn adjacency(view: &View<'_>, slot: SlotId, interface: u8, hop: u32) -> Result<u16, DropReason> {
    if slot != SlotId::NONE {
        return Ok(AdjacencyId::NONE.raw());
    }
    view.shared
        .adjacencies
        .intern(interface, hop)
        .map(AdjacencyId::raw)
        .ok_or(DropReason::AdjacencyLimit)
}

fn cold_of(
    core: &mut Core,
    view: &View<'_>,
    plan: &Plan<'_>,
    initiator: Side,
    interface: u8,
) -> Cold {
    let mut interfaces = [plan.decision.egress; 2];
    interfaces[initiator.index()] = interface;
    let mut next_hops = [plan.decision.next_hop; 2];
    next_hops[initiator.index()] = way_back(view, plan).1;
    Cold {
        bytes: 0,
        id: core.next_conn_id(),
        created: core.tick,
        mapped_address: 0,
        mapped_port: 0,
        interfaces,
        generation: 0,
        wheel_next: u32::MAX,
        wheel_prev: u32::MAX,
        route_generation: view.policy.generation,
        icmp: plan.icmp,
        next_hops,
    }
}
