//! IKE's place in the loop: timers, actions, what tunnels ask of it, its packets.

use std::net::{Ipv4Addr, SocketAddrV4};

use fastpath::tunnel::AdjacencyId;

use super::Appliance;
use crate::bounce::Cause;
use crate::ike::{Action, ClearScope, Suspicion, TunnelId};
use crate::limits::{ACTIONS_PER_TURN, PEERS_PER_TURN};
use crate::local;
use crate::syslog::Message;
use crate::time::Time;
use crate::tunnel::{Demand, Sighting, SpiPool};

/// Bytes of the largest IKE packet when the interface is not known.
const MTU_DEFAULT: u16 = 1500;

impl Appliance {
    /// Timers that are due, demands, actions.
    pub(super) fn run_ike(&mut self, now: Time) {
        if self.engine.next_timeout().is_some_and(|at| at <= now) {
            self.engine.timeout(now, &mut SpiPool(&mut self.fastpath));
        }
        self.run_demands(now);
        for _ in 0..ACTIONS_PER_TURN {
            let Some(action) = self.engine.poll_action() else {
                break;
            };
            self.act(action, now);
            self.run_demands(now);
        }
    }

    fn run_demands(&mut self, now: Time) {
        while let Some(demand) = self.tunnels.poll_demand() {
            match demand {
                Demand::Initiate(tunnel) => {
                    self.engine
                        .initiate(now, &mut SpiPool(&mut self.fastpath), tunnel);
                }
                Demand::Rekey(spi) => {
                    self.engine
                        .rekey(now, &mut SpiPool(&mut self.fastpath), spi);
                }
                Demand::Expire(spi) => self.engine.expire(now, spi),
                Demand::ChildFailed(spi) => self.engine.child_failed(now, spi),
            }
        }
    }

    fn act(&mut self, action: Action, now: Time) {
        match action {
            Action::Send {
                local,
                remote,
                message,
                keepalive,
            } => {
                self.send_ike(local, remote, &message, keepalive);
            }
            Action::Compute(job) => {
                if let Err(job) = self.offload.compute(job) {
                    let text = "Public-key work refused: too much of it waits".to_owned();
                    self.log(&Message::new(713_902, 3, text), now);
                    let spis = &mut SpiPool(&mut self.fastpath);
                    self.engine.not_computed(now, spis, &job);
                }
            }
            Action::Negotiating(tunnel) => {
                self.publishing.negotiation_begun(tunnel, now);
                self.tunnels.negotiating(tunnel, now, &mut self.fastpath);
            }
            Action::NegotiationFailed { tunnel, reason } => {
                self.publishing.negotiation_ended(tunnel, now, false);
                self.tunnels
                    .negotiation_failed(tunnel, reason, now, &mut self.fastpath);
            }
            Action::ChildUp(child) => {
                let tunnel = child.tunnel;
                self.publishing.negotiation_ended(tunnel, now, true);
                self.tunnels
                    .measured(tunnel, self.engine.round_trip(child.peer));
                self.names
                    .selectors
                    .insert(child.inbound_spi, child.selectors);
                self.tunnels.child_up(child, now, &mut self.fastpath);
                self.bind_peer(tunnel, now);
            }
            Action::ChildConfirmed { inbound_spi } => {
                self.tunnels
                    .child_confirmed(inbound_spi, &mut self.fastpath);
                self.bind_peers(now);
            }
            Action::ChildDown {
                tunnel,
                inbound_spi,
                outbound_spi,
                reason,
                ..
            } => {
                let spis = (inbound_spi, outbound_spi);
                self.tunnels
                    .child_down(tunnel, spis, reason, now, &mut self.fastpath);
                self.names.selectors.remove(&inbound_spi);
            }
            Action::Log { id, level, text } => self.log(&Message::new(id, level, text), now),
            Action::PeerReceives { inbound_spi, proof } => {
                self.tunnels
                    .peer_receives(inbound_spi, proof, now, &mut self.fastpath);
            }
            Action::PeerAnswered { peer } => {
                self.tunnels.peer_answered(peer, now, &mut self.fastpath);
            }
            Action::PeerMoved { peer, remote } => self.move_peer(peer, remote, now),
            Action::IkeUp { peer } => {
                let tunnels = &self.tunnels;
                self.publishing
                    .phase1_up(now, |tunnel| tunnels.peer(tunnel) == Some(peer));
            }
            Action::IkeDown { .. } => {}
        }
    }

    fn send_ike(
        &mut self,
        local: SocketAddrV4,
        remote: SocketAddrV4,
        message: &[u8],
        keepalive: bool,
    ) {
        let Some((adjacency, mtu)) = self.way_to(*remote.ip()) else {
            return;
        };
        self.identification = self.identification.wrapping_add(1);
        let id = self.identification;
        for packet in local::ike_packets(local, remote, message, keepalive, id, mtu) {
            self.fastpath.inject_ip(adjacency, &packet);
        }
    }

    /// Next hop towards an address, and the MTU of the interface there.
    pub(super) fn way_to(&mut self, address: Ipv4Addr) -> Option<(AdjacencyId, u16)> {
        let hit = self.policy.route(address.to_bits())?;
        let mtu = self
            .policy
            .interface(hit.interface)
            .map_or(MTU_DEFAULT, |it| it.mtu);
        let adjacency = self
            .fastpath
            .neighbours()
            .intern(hit.interface, hit.next_hop)?;
        Some((adjacency, mtu))
    }

    /// Tells the workers by which next hop a tunnel's peer is reached, and asks for it.
    fn bind_peer(&mut self, id: TunnelId, now: Time) {
        let (Some(slot), Some(peer)) = (self.tunnels.slot(id), self.tunnels.peer(id)) else {
            return;
        };
        let way = self.way_to(peer).map(|(adjacency, _)| adjacency);
        let shared = self.fastpath.shared();
        shared.set_peer_adjacency(slot, way.unwrap_or(AdjacencyId::NONE));
        if let Some(adjacency) = way {
            let hops = self.fastpath.neighbours();
            let effects = self.arp.want(adjacency, None, &self.net, hops, now);
            self.arp_effects(effects, now);
        }
    }

    /// A peer behind a NAT is elsewhere now.
    pub(super) fn move_peer(&mut self, peer: Ipv4Addr, remote: SocketAddrV4, now: Time) {
        for id in self.tunnels.peer_moved(peer, remote, &mut self.fastpath) {
            self.bind_peer(id, now);
        }
    }

    /// Goes on with the round over all tunnels' peers, if one is under way.
    pub(super) fn bind_peers(&mut self, now: Time) {
        let Some(from) = self.bind_from else { return };
        let round: Vec<TunnelId> = self.tunnels.ids_from(from).take(PEERS_PER_TURN).collect();
        self.bind_from = match round.last() {
            Some(last) if round.len() == PEERS_PER_TURN => Some(TunnelId(last.0.wrapping_add(1))),
            _ => None,
        };
        for id in round {
            self.bind_peer(id, now);
        }
    }

    /// Looks at what tunnels carry: a peer that owes answers is probed.
    pub(super) fn watch_peers(&mut self, now: Time) {
        let Self {
            tunnels,
            engine,
            fastpath,
            ..
        } = self;
        for sighting in tunnels.watch(now, fastpath, |peer| engine.round_trip(peer)) {
            match sighting {
                Sighting::Heard(peer) => engine.inbound_seen(now, peer),
                Sighting::Silent(peer) => {
                    if engine.suspect(now, peer) == Suspicion::Unable {
                        tunnels.peer_answered(peer, now, fastpath);
                    }
                }
            }
        }
    }

    pub(super) fn clear_isakmp(&mut self, scope: ClearScope, now: Time) {
        self.tunnels.clearing(Cause::ClearIsakmp);
        self.engine
            .clear_isakmp(now, &mut SpiPool(&mut self.fastpath), scope);
        self.run_ike(now);
    }

    pub(super) fn clear_pair(&mut self, peer: Ipv4Addr, spi: u32, now: Time) {
        self.tunnels.clearing(Cause::ClearIpsec);
        self.engine.clear_pair(now, peer, spi);
        self.run_ike(now);
    }

    pub(super) fn clear_ipsec(&mut self, scope: ClearScope, now: Time) {
        self.tunnels.clearing(Cause::ClearIpsec);
        self.engine.clear_ipsec(now, scope);
        self.run_ike(now);
    }
}
