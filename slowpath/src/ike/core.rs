//! What all exchanges share: configuration, randomness, actions, phase-2 SAs.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};

use super::api::{Action, EndReason, Entropy, IkeConfig, PeerConfig, TunnelConfig, TunnelId};
use super::v1::phase1::Phase1;
use crate::round_trip::RoundTrip;
use crate::time::Time;

/// A phase-2 SA pair in use.
#[derive(Clone, Debug)]
pub(super) struct Child {
    pub(super) tunnel: TunnelId,
    pub(super) peer: Ipv4Addr,
    pub(super) inbound_spi: u32,
    pub(super) outbound_spi: u32,
    /// We began its exchange.
    pub(super) initiator: bool,
    pub(super) created: Time,
    pub(super) expires: Time,
    pub(super) rekey_at: Time,
    /// A rekey of this pair is under way.
    pub(super) rekeying: bool,
    /// Replaced: until then it still receives.
    pub(super) superseded_until: Option<Time>,
}

/// The parts of the engine that are not phase-1 SAs.
pub(super) struct Core {
    pub(super) config: IkeConfig,
    pub(super) entropy: Box<dyn Entropy + Send>,
    pub(super) actions: VecDeque<Action>,
    pub(super) children: Vec<Child>,
    /// Phase-1 SAs that are up, by identifier: who is known.
    pub(super) up: BTreeMap<u32, Ipv4Addr>,
    /// Round trips to configured peers.
    paths: BTreeMap<Ipv4Addr, RoundTrip>,
    /// When a configured peer was last probed because of a hint.
    pub(super) hinted: BTreeMap<Ipv4Addr, Time>,
    /// When a pair was last negotiated again because a configured peer could not read a message.
    pub(super) unread: BTreeMap<Ipv4Addr, Time>,
    tickets: BTreeMap<u64, (u32, Option<u32>)>,
    next_ticket: u64,
}

impl Core {
    pub(super) fn new(config: IkeConfig, entropy: Box<dyn Entropy + Send>) -> Self {
        Self {
            config,
            entropy,
            actions: VecDeque::new(),
            children: Vec::new(),
            up: BTreeMap::new(),
            paths: BTreeMap::new(),
            hinted: BTreeMap::new(),
            unread: BTreeMap::new(),
            tickets: BTreeMap::new(),
            next_ticket: 1,
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

    pub(super) fn peer(&self, address: Ipv4Addr) -> Option<&PeerConfig> {
        self.config
            .peers
            .iter()
            .find(|peer| peer.address == address)
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

    /// Forgets what was known of peers that are not configured any more.
    pub(super) fn forget_strangers(&mut self) {
        let peers = &self.config.peers;
        let known = |address: &Ipv4Addr| peers.iter().any(|peer| peer.address == *address);
        self.paths.retain(|address, _| known(address));
        self.hinted.retain(|address, _| known(address));
        self.unread.retain(|address, _| known(address));
    }

    pub(super) fn tunnel(&self, id: TunnelId) -> Option<&TunnelConfig> {
        self.config.tunnels.iter().find(|tunnel| tunnel.id == id)
    }

    /// Whether there is anything with this peer beside the SA `except`.
    pub(super) fn knows(&self, peer: Ipv4Addr, except: u32) -> bool {
        self.up
            .iter()
            .any(|(id, known)| *known == peer && *id != except)
            || self.children.iter().any(|child| child.peer == peer)
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
    pub(super) fn ticket(&mut self, phase1: u32, message_id: Option<u32>) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.tickets.insert(ticket, (phase1, message_id));
        ticket
    }

    pub(super) fn redeem(&mut self, ticket: u64) -> Option<(u32, Option<u32>)> {
        self.tickets.remove(&ticket)
    }

    /// The pair that carries a tunnel's packets now.
    pub(super) fn current(&self, tunnel: TunnelId) -> Option<&Child> {
        self.children
            .iter()
            .rev()
            .find(|child| child.tunnel == tunnel && child.superseded_until.is_none())
    }

    /// Ends the pairs that `ends` names and reports each.
    pub(super) fn end_children(&mut self, reason: EndReason, ends: impl Fn(&Child) -> bool) {
        let gone = self.children.extract_if(.., |child| ends(child));
        let gone: Vec<Child> = gone.collect();
        for child in gone {
            let superseded =
                child.superseded_until.is_some() || self.current(child.tunnel).is_some();
            self.push(Action::ChildDown {
                tunnel: child.tunnel,
                inbound_spi: child.inbound_spi,
                outbound_spi: child.outbound_spi,
                reason,
                superseded,
            });
        }
    }
}
