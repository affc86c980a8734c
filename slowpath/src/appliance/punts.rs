//! Packets that the workers sent here: IKE, ARP, echo requests, packets that wait for a next hop.

use fastpath::control::Punt;
use fastpath::dpdk::Mbuf;
use fastpath::packet::flag;
use fastpath::tunnel::AdjacencyId;
use fastpath::verdict::{DropReason, PuntClass};

use super::Appliance;
use crate::limits::PUNTS_PER_TURN;
use crate::local;
use crate::neighbour::Effect;
use crate::syslog::Message;
use crate::time::Time;
use crate::too_big;
use crate::tunnel::SpiPool;

impl Appliance {
    pub(super) fn take_punts(&mut self, now: Time) -> bool {
        let punts = self.fastpath.punts(PUNTS_PER_TURN);
        let busy = !punts.is_empty();
        for punt in punts {
            self.take_punt(punt, now);
        }
        busy
    }

    fn take_punt(&mut self, punt: Punt, now: Time) {
        let Punt {
            class,
            port,
            packet,
        } = punt;
        match class {
            PuntClass::Ike => self.take_ike(packet, port, now),
            PuntClass::Arp => {
                let hops = self.fastpath.neighbours();
                let effects = self.arp.frame(port, packet.data(), &self.net, hops, now);
                self.fastpath.consume(packet, DropReason::ArpConsumed);
                self.arp_effects(effects, now);
            }
            PuntClass::Icmp => self.take_icmp(packet, now),
            PuntClass::Neighbour => {
                let id = AdjacencyId::from_raw(packet.meta().adjacency);
                let hops = self.fastpath.neighbours();
                let effects = self.arp.want(id, Some(packet), &self.net, hops, now);
                self.arp_effects(effects, now);
            }
            PuntClass::Other => self.fastpath.consume(packet, DropReason::NotForUs),
        }
    }

    fn take_ike(&mut self, packet: Mbuf, port: u16, now: Time) {
        let answers = self
            .net
            .by_port(port)
            .is_some_and(|interface| interface.isakmp);
        let datagram = local::ike_datagram(packet.data()).filter(|_| answers);
        let Some(datagram) = datagram else {
            self.fastpath.consume(packet, DropReason::NotForUs);
            return;
        };
        self.engine
            .datagram(now, &mut SpiPool(&mut self.fastpath), datagram);
        self.fastpath.consume(packet, DropReason::IkeConsumed);
    }

    fn take_icmp(&mut self, packet: Mbuf, now: Time) {
        // An answer in clear to what came through a tunnel would tell outsiders of it.
        if packet.meta().has(flag::DECRYPTED) {
            self.fastpath.consume(packet, DropReason::NotForUs);
            return;
        }
        if let Some(peer) = local::unreachable_peer(packet.data()) {
            self.engine.hint(now, peer);
        }
        if let Some(report) = too_big::parse(packet.data()) {
            self.tunnels.too_big(&report, now, &mut self.fastpath);
        } else if let Some((to, reply)) = local::echo_reply(packet.data())
            && let Some((adjacency, _)) = self.way_to(to)
        {
            self.fastpath.inject_ip(adjacency, &reply);
        }
        self.fastpath.consume(packet, DropReason::LocalConsumed);
    }

    /// Tells the sender of a packet in clear that its next hop does not answer; one per next hop
    /// and round of requests. Later packets are answered by the workers, by the same rules.
    fn host_unreachable(&mut self, packet: &Mbuf) {
        let meta = packet.meta();
        if meta.has(flag::DECRYPTED) || meta.has(flag::UNQUOTABLE) {
            return;
        }
        let came_by = self.net.by_port(meta.in_port);
        let Some((index, source)) = came_by.map(|it| (it.index, it.address)) else {
            return;
        };
        let answer = local::host_unreachable(packet.data(), source);
        let Some((to, answer)) = answer.filter(|(to, _)| !self.policy.is_own(to.to_bits())) else {
            return;
        };
        let hop = self.policy.hop_through(index, to.to_bits());
        if let Some(adjacency) = self.fastpath.neighbours().intern(index, hop) {
            self.fastpath.inject_ip(adjacency, &answer);
        }
    }

    pub(super) fn arp_effects(&mut self, effects: Vec<Effect<Mbuf>>, now: Time) {
        for effect in effects {
            match effect {
                Effect::Frame { port, frame } => {
                    self.fastpath.inject_frame(port, &frame);
                }
                Effect::Send(packet) => {
                    self.fastpath.inject_held(packet);
                }
                Effect::Drop(packet, reason) => {
                    if reason == DropReason::NoAdjacency {
                        self.host_unreachable(&packet);
                    }
                    self.fastpath.consume(packet, reason);
                }
                Effect::Collision {
                    port,
                    address,
                    mac,
                    request,
                } => {
                    let kind = if request { "request" } else { "response" };
                    let address = std::net::Ipv4Addr::from_bits(address);
                    let nameif = self.net.by_port(port).map_or("unknown", |it| &it.nameif);
                    let text = format!(
                        "Received ARP {kind} collision from {address}/{mac} on interface {nameif}"
                    );
                    self.log(&Message::new(405_001, 4, text), now);
                }
            }
        }
    }
}
