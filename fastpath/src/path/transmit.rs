//! Transmit: permitted packets get their Ethernet header and go to their port's queue.

use arrayvec::ArrayVec;

use super::permit::Outgoing;
use super::reply;
use crate::dpdk::{Mbuf, TxQueue};
use crate::limits::BURST_MAX;
use crate::tunnel::{AdjacencyId, Resolution};
use crate::verdict::{DropReason, PuntClass, Verdict};
use crate::wire::Mac;
use crate::wire::ethernet::{self, HeaderWords, ethertype};
use crate::worker::{Core, View};

/// A worker's transmit queues with what waits for the end of the burst.
#[derive(Debug)]
pub(crate) struct OutQueues {
    ports: Vec<Option<OutQueue>>,
}

#[derive(Debug)]
struct OutQueue {
    queue: TxQueue,
    waiting: ArrayVec<Mbuf, BURST_MAX>,
}

impl OutQueues {
    /// The queues of one worker; their ports may have gaps.
    pub(crate) fn new(queues: Vec<TxQueue>) -> Self {
        let len = queues
            .iter()
            .map(|queue| usize::from(queue.port()) + 1)
            .max()
            .unwrap_or(0);
        let mut ports: Vec<Option<OutQueue>> = std::iter::repeat_with(|| None).take(len).collect();
        for queue in queues {
            let port = usize::from(queue.port());
            ports[port] = Some(OutQueue {
                queue,
                waiting: ArrayVec::new(),
            });
        }
        Self { ports }
    }
}

/// Where packets with one adjacency leave, and the Ethernet header that they get.
#[derive(Clone, Copy)]
struct Hop {
    adjacency: u16,
    port: u16,
    interface: u8,
    header: HeaderWords,
}

/// The next hop of the packet before: packets of a burst that leave by one adjacency, or by others
/// of its interface, follow each other. It is kept for no longer than a burst, because what it says
/// may change.
#[derive(Clone, Copy, Default)]
pub(crate) struct LastHop(Option<Hop>);

impl LastHop {
    #[inline]
    fn to(&mut self, view: &View<'_>, adjacency: u16) -> Result<&Hop, Verdict> {
        let known = self.0.as_ref().map(|hop| hop.adjacency);
        if known != Some(adjacency) {
            self.look_up(view, adjacency)?;
        }
        self.0.as_ref().ok_or(GONE)
    }

    #[inline]
    fn look_up(&mut self, view: &View<'_>, adjacency: u16) -> Result<(), Verdict> {
        let id = AdjacencyId::from_raw(adjacency);
        let (interface, resolution) = view.shared.adjacencies.exit(id).ok_or(GONE)?;
        let destination = match resolution {
            Resolution::Mac(mac) => Mac(mac),
            Resolution::Unresolved => return Err(Verdict::Punt(PuntClass::Neighbour)),
            Resolution::Failed | Resolution::Gone => return Err(GONE),
        };
        match &mut self.0 {
            Some(hop) if hop.interface == interface => {
                hop.adjacency = adjacency;
                hop.header = hop.header.towards(destination);
            }
            hop => *hop = Some(Hop::of(view, adjacency, interface, destination)?),
        }
        Ok(())
    }
}

impl Hop {
    #[inline(never)]
    fn of(view: &View<'_>, adjacency: u16, interface: u8, mac: Mac) -> Result<Self, Verdict> {
        let up = view.policy.interface(interface).filter(|it| it.up);
        let port = up.and_then(|it| it.port);
        let port = port.ok_or(Verdict::Drop(DropReason::InterfaceDown))?;
        let own = Mac(view.shared.port_mac(port));
        Ok(Self {
            adjacency,
            port,
            interface,
            header: HeaderWords::new(mac, own, ethertype::IPV4),
        })
    }
}

const GONE: Verdict = Verdict::Drop(DropReason::NoAdjacency);

/// Puts a permitted IP packet (data starts at the IPv4 header) into its port's queue.
///
/// 1. next hop from the adjacency, 2. fourteen bytes in front: its MAC, ours, 0x0800.
///
/// Cost: the packet's first line; the adjacency's two words once per run of packets.
#[expect(
    clippy::inline_always,
    reason = "it is the loop of those that call it for a burst"
)]
#[inline(always)]
pub(crate) fn enqueue(core: &mut Core, view: &View<'_>, last: &mut LastHop, outgoing: Outgoing) {
    let mut packet = outgoing.into_packet();
    let hop = match last.to(view, packet.meta().adjacency) {
        Ok(hop) => hop,
        Err(verdict) => return nowhere(core, view, packet, verdict),
    };
    if !packet.prepend(ethernet::LEN) {
        return nowhere(core, view, packet, Verdict::Drop(DropReason::InterfaceDown));
    }
    let port = hop.port;
    if let Some(frame) = packet.data_mut().first_chunk_mut() {
        hop.header.write(frame);
    }
    queue(core, port, packet);
}

#[cold]
fn nowhere(core: &mut Core, view: &View<'_>, packet: Mbuf, verdict: Verdict) {
    if verdict == Verdict::Drop(DropReason::NoAdjacency) {
        reply::host_unreachable(core, view, &packet);
    }
    core.decided.push(packet, verdict);
}

/// Puts a whole frame of the slowpath into the queue of the port that its facts name.
pub(crate) fn enqueue_frame(core: &mut Core, outgoing: Outgoing) {
    let packet = outgoing.into_packet();
    let port = packet.meta().in_port;
    queue(core, port, packet);
}

#[inline]
fn queue(core: &mut Core, port: u16, packet: Mbuf) {
    let Some(Some(out)) = core.out.ports.get_mut(usize::from(port)) else {
        return core
            .decided
            .push(packet, Verdict::Drop(DropReason::InterfaceDown));
    };
    if out.waiting.is_full() {
        send(out, &mut core.tally, &mut core.decided);
    }
    if let Err(full) = out.waiting.try_push(packet) {
        core.decided
            .push(full.element(), Verdict::Drop(DropReason::TransmitFull));
    }
}

/// Sends what waits, one burst per port; what a port refuses is a counted drop.
pub(super) fn flush(core: &mut Core) {
    for out in core.out.ports.iter_mut().flatten() {
        if !out.waiting.is_empty() {
            send(out, &mut core.tally, &mut core.decided);
        }
    }
}

fn send(
    out: &mut OutQueue,
    tally: &mut crate::counters::Tally,
    decided: &mut crate::burst::Decided,
) {
    let bytes: usize = out.waiting.iter().map(Mbuf::len).sum();
    let sent = out.queue.transmit(&mut out.waiting);
    let refused: usize = out.waiting.iter().map(Mbuf::len).sum();
    tally.sent += sent as u64;
    tally.sent_bytes += (bytes - refused) as u64;
    for packet in out.waiting.drain(..) {
        decided.push(packet, Verdict::Drop(DropReason::TransmitFull));
    }
}
