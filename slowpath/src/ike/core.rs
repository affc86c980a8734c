//! What all exchanges share: configuration, randomness, actions, phase-2 SAs.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};

use super::api::{Action, EndReason, Entropy, IkeConfig, PeerConfig, TunnelConfig, TunnelId};
use super::children::{Child, Children};
use super::indexed::IndexedConfig;
use super::table::Index;
use super::v1::phase1::{Phase1, Wanted};
use crate::round_trip::RoundTrip;
use crate::time::Time;

/// The parts of the engine that are not phase-1 SAs.
pub(super) struct Core {
    config: IndexedConfig,
    pub(super) entropy: Box<dyn Entropy + Send>,
    pub(super) actions: VecDeque<Action>,
    pub(super) children: Children,
    /// Phase-1 SAs that are up, by peer: who is known.
    pub(super) up: Index<Ipv4Addr>,
    /// Round trips to configured peers.
    paths: BTreeMap<Ipv4Addr, RoundTrip>,
    /// When a configured peer was last probed because of a hint.
    pub(super) hinted: BTreeMap<Ipv4Addr, Time>,
    /// When a pair was last negotiated again because a configured peer could not read a message.
    pub(super) unread: BTreeMap<Ipv4Addr, Time>,
    tickets: BTreeMap<u64, (u64, Option<u32>)>,
    next_ticket: u64,
    /// What quick modes of ours were to bring that have failed in this call.
    pub(super) failed: Vec<Wanted>,
}

impl Core {
    pub(super) fn new(config: IndexedConfig, entropy: Box<dyn Entropy + Send>) -> Self {
        Self {
            config,
            entropy,
            actions: VecDeque::new(),
            children: Children::default(),
            up: Index::default(),
            paths: BTreeMap::new(),
            hinted: BTreeMap::new(),
            unread: BTreeMap::new(),
            tickets: BTreeMap::new(),
            next_ticket: 1,
            failed: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    /// A line about a peer, in the form of LAN-to-LAN groups.
    pub(super) fn log(&mut self, id: u32, level: u8, peer: Ipv4Addr, text: &str) {
        self.push(Action::Log {
            id,
            level,
            text: format!("Group = {peer}, IP = {peer}, {text}"),
        });
    }

    pub(super) fn random(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// A number that is not zero.
    pub(super) fn random_u32(&mut self) -> u32 {
        loop {
            let mut bytes = [0; 4];
            self.entropy.fill(&mut bytes);
            if let number @ 1.. = u32::from_be_bytes(bytes) {
                return number;
            }
        }
    }

    /// The configuration.
    pub(super) const fn config(&self) -> &IkeConfig {
        self.config.plain()
    }

    /// Takes a new configuration, forgets what was known of peers that it no longer has, and
    /// answers the one before.
    pub(super) fn replace_config(&mut self, config: IndexedConfig) -> IndexedConfig {
        let before = std::mem::replace(&mut self.config, config);
        let config = &self.config;
        self.paths.retain(|peer, _| config.peer(*peer).is_some());
        self.hinted.retain(|peer, _| config.peer(*peer).is_some());
        self.unread.retain(|peer, _| config.peer(*peer).is_some());
        before
    }

    pub(super) fn peer(&self, address: Ipv4Addr) -> Option<&PeerConfig> {
        self.config.peer(address)
    }

    /// An exchange with a peer took this long, and nothing of it was sent twice (RFC 6298
    /// section 3).
    pub(super) fn measured(&mut self, peer: Ipv4Addr, sample_ms: u64) {
        if self.peer(peer).is_none() {
            return;
        }
        let path = self.paths.get(&peer);
        let path = path.map_or_else(|| RoundTrip::first(sample_ms), |path| path.then(sample_ms));
        self.paths.insert(peer, path);
    }

    pub(super) fn round_trip(&self, peer: Ipv4Addr) -> Option<RoundTrip> {
        self.paths.get(&peer).copied()
    }

    pub(super) fn tunnel(&self, id: TunnelId) -> Option<&TunnelConfig> {
        self.config.tunnel(id)
    }

    /// The tunnels that name a peer, in the order of the configuration.
    pub(super) fn tunnels_with(&self, peer: Ipv4Addr) -> impl Iterator<Item = &TunnelConfig> {
        self.config.tunnels_with(peer)
    }

    /// Whether there is anything with this peer beside the SA `except`.
    pub(super) fn knows(&self, peer: Ipv4Addr, except: u64) -> bool {
        self.up.of(peer).any(|id| id != except) || self.children.of_peer(peer).next().is_some()
    }

    /// An authenticated packet has come from `remote`. A peer behind a NAT is there from now on
    /// (RFC 3947 section 4); any other one does not move, so that nobody who catches its packets
    /// can draw it elsewhere.
    pub(super) fn follow(&mut self, sa: &mut Phase1, remote: SocketAddrV4) {
        if !sa.nat_there || sa.remote == remote {
            return;
        }
        sa.remote = remote;
        let peer = sa.peer;
        self.push(Action::PeerMoved { peer, remote });
        self.log(
            713_903,
            4,
            peer,
            &format!("NAT mapping has changed to {remote}"),
        );
    }

    /// The number under which a piece of public-key work comes back.
    pub(super) fn ticket(&mut self, phase1: u64, message_id: Option<u32>) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.tickets.insert(ticket, (phase1, message_id));
        ticket
    }

    pub(super) fn redeem(&mut self, ticket: u64) -> Option<(u64, Option<u32>)> {
        self.tickets.remove(&ticket)
    }

    /// A rekey of a tunnel's pairs has come to nothing: they want another one.
    pub(super) fn rekey_again(&mut self, tunnel: TunnelId) {
        let children = self.children.of_tunnel(tunnel);
        let ids: Vec<u64> = children.map(|child| child.id).collect();
        for id in ids {
            self.children.change(id, |child| child.rekeying = false);
        }
    }

    /// The pair that carries a tunnel's packets now.
    pub(super) fn current(&self, tunnel: TunnelId) -> Option<&Child> {
        let mut newest_first = self.children.of_tunnel(tunnel).rev();
        newest_first.find(|child| child.is_current())
    }

    /// Ends the pairs with these numbers and reports each.
    pub(super) fn end_children(&mut self, reason: EndReason, ids: impl IntoIterator<Item = u64>) {
        let ids = ids.into_iter();
        let gone: Vec<Child> = ids.filter_map(|id| self.children.take(id)).collect();
        for child in gone {
            let superseded = !child.is_current() || self.current(child.tunnel).is_some();
            self.push(Action::ChildDown {
                tunnel: child.tunnel,
                inbound_spi: child.inbound_spi,
                outbound_spi: child.outbound_spi,
                reason,
                superseded,
            });
        }
    }

    /// Ends all pairs with a peer.
    pub(super) fn end_children_of(&mut self, reason: EndReason, peer: Ipv4Addr) {
        let all = self.children.of_peer(peer).map(|child| child.id);
        let all: Vec<u64> = all.collect();
        self.end_children(reason, all);
    }
}
