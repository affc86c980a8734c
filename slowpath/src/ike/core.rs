//! What all exchanges share: configuration, randomness, actions, phase-2 SAs.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use super::api::{Action, EndReason, Entropy, IkeConfig, PeerConfig, TunnelConfig, TunnelId};
use crate::time::Time;

/// A phase-2 SA pair in use.
#[derive(Clone, Debug)]
pub(super) struct Child {
    pub(super) tunnel: TunnelId,
    pub(super) peer: Ipv4Addr,
    pub(super) inbound_spi: u32,
    pub(super) outbound_spi: u32,
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
        let (gone, kept) = core::mem::take(&mut self.children)
            .into_iter()
            .partition(ends);
        self.children = kept;
        let gone: Vec<Child> = gone;
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
