//! Packets for the box itself: ARP, IKE, ICMP echo; and those that wait for a next hop.

use std::net::{Ipv4Addr, SocketAddrV4};

use fastpath::control::Punt;
use fastpath::dpdk::Mbuf;
use fastpath::tunnel::AdjacencyId;
use fastpath::verdict::{DropReason, PuntClass};

use super::{Appliance, PUNTS_PER_TURN};
use crate::local;
use crate::neighbour::Effect;
use crate::time::Time;
use crate::tunnel::SpiPool;

impl Appliance {
    pub(super) fn punts(&mut self, now: Time) -> bool {
        let punts = self.fastpath.punts(PUNTS_PER_TURN);
        let any = !punts.is_empty();
        for punt in punts {
            self.punt(punt, now);
        }
        self.fastpath.set_held(self.resolver.held() as u64);
        any
    }

    fn punt(&mut self, punt: Punt, now: Time) {
        let Punt { class, port, packet } = punt;
        match class {
            PuntClass::Arp => {
                let effects = self.resolver.frame(
                    port,
                    packet.data(),
                    &self.net,
                    self.fastpath.neighbours(),
                    now,
                );
                self.fastpath.consume(packet, DropReason::ArpConsumed);
                self.take_effects(effects);
            }
            PuntClass::Neighbour => {
                let id = AdjacencyId::from_raw(packet.meta().adjacency);
                let hops = self.fastpath.neighbours();
                let effects = self.resolver.want(id, Some(packet), &self.net, hops, now);
                self.take_effects(effects);
            }
            PuntClass::Ike => self.ike(packet, now),
            PuntClass::Icmp => self.echo(packet, now),
            PuntClass::Other => self.fastpath.consume(packet, DropReason::LocalConsumed),
        }
    }

    fn ike(&mut self, packet: Mbuf, now: Time) {
        if let Some(datagram) = local::ike_datagram(packet.data()) {
            let interface = self.net.by_address(*datagram.local.ip());
            if interface.is_some_and(|interface| interface.isakmp) {
                self.engine.datagram(now, &mut SpiPool(&mut self.fastpath), datagram);
            }
        }
        self.fastpath.consume(packet, DropReason::IkeConsumed);
    }

    fn echo(&mut self, packet: Mbuf, now: Time) {
        let reply = local::echo_reply(packet.data());
        self.fastpath.consume(packet, DropReason::LocalConsumed);
        if let Some((to, reply)) = reply {
            self.send_ip(to, &reply, now);
        }
    }

    /// Sends an IKE message in as many packets as it takes.
    pub(super) fn send_ike(
        &mut self,
        local: SocketAddrV4,
        remote: SocketAddrV4,
        message: &[u8],
        keepalive: bool,
        now: Time,
    ) {
        let mtu = self.net.by_address(*local.ip()).map_or(MTU_MIN, |interface| interface.mtu);
        self.identification = self.identification.wrapping_add(1);
        let id = self.identification;
        for packet in local::ike_packets(local, remote, message, keepalive, id, mtu) {
            self.send_ip(*remote.ip(), &packet, now);
        }
    }

    fn send_ip(&mut self, to: Ipv4Addr, packet: &[u8], now: Time) {
        if let Some(adjacency) = self.next_hop(to, now) {
            self.fastpath.inject_ip(adjacency, packet);
        }
    }

    /// The adjacency by which an address is reached; asks for it when it is new.
    fn next_hop(&mut self, to: Ipv4Addr, now: Time) -> Option<AdjacencyId> {
        let hit = self.routes.lookup(to.to_bits())?;
        let id = self.fastpath.neighbours().intern(hit.interface, hit.next_hop)?;
        let effects = self.resolver.want(id, None, &self.net, self.fastpath.neighbours(), now);
        self.take_effects(effects);
        Some(id)
    }

    /// Points every slot at its peer's next hop.
    pub(super) fn bind_peers(&mut self, now: Time) {
        let peers: Vec<_> = self
            .tunnels
            .iter()
            .filter_map(|(id, slot, _)| Some((slot, self.tunnels.peer(id)?)))
            .collect();
        for (slot, peer) in peers {
            if let Some(adjacency) = self.next_hop(peer, now) {
                self.fastpath.shared().set_peer_adjacency(slot, adjacency);
            }
        }
    }

    pub(super) fn take_effects(&mut self, effects: Vec<Effect<Mbuf>>) {
        for effect in effects {
            match effect {
                Effect::Frame { port, frame } => {
                    self.fastpath.inject_frame(port, &frame);
                }
                Effect::Send(packet) => {
                    self.fastpath.inject_held(packet);
                }
                Effect::Drop(packet, reason) => self.fastpath.consume(packet, reason),
                Effect::Collision { .. } => {}
            }
        }
    }
}

/// The MTU that every IPv4 link has (RFC 791 section 3.1: 68, and 576 for what hosts accept).
const MTU_MIN: u16 = 576;
