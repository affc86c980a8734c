//! Identities of tunnels across edits of the configuration.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use config::{AccessEntry, MaskedNet, PortMatch};

use crate::ike::TunnelId;

/// What makes a tunnel this tunnel: its crypto map entry and what its access-list entry says, not
/// where that stands in the list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TunnelKey {
    map: String,
    sequence: u16,
    protocol: Option<u8>,
    nets: [MaskedNet; 2],
    ports: [(u8, u16, u16); 2],
    icmp_type: Option<u8>,
}

impl TunnelKey {
    /// The key of one access-list entry of one crypto map entry.
    pub(super) fn new(map: &str, sequence: u16, entry: &AccessEntry) -> Self {
        Self {
            map: map.to_owned(),
            sequence,
            protocol: entry.protocol,
            nets: [entry.source, entry.destination],
            ports: [entry.source_ports, entry.destination_ports].map(as_numbers),
            icmp_type: entry.icmp_type,
        }
    }
}

const fn as_numbers(ports: PortMatch) -> (u8, u16, u16) {
    match ports {
        PortMatch::Any => (0, 0, 0),
        PortMatch::Eq(port) => (1, port, 0),
        PortMatch::Neq(port) => (2, port, 0),
        PortMatch::Lt(port) => (3, port, 0),
        PortMatch::Gt(port) => (4, port, 0),
        PortMatch::Range(first, last) => (5, first, last),
    }
}

/// A tunnel that some configuration asked for.
#[derive(Debug)]
struct Known {
    id: TunnelId,
    peers: Vec<Ipv4Addr>,
    /// The plan that asked for it last.
    plan: u64,
}

/// The tunnels of the last plan.
#[derive(Debug, Default)]
pub(super) struct TunnelRegistry {
    known: HashMap<TunnelKey, Known>,
    next: u32,
    plan: u64,
}

impl TunnelRegistry {
    /// Begins a plan.
    pub(super) fn begin(&mut self) {
        self.plan += 1;
    }

    /// The identity of a tunnel with these peers, and whether this plan asks for it the first time.
    ///
    /// All peers of a list are one identity. A list that shares no peer with the former one is
    /// somebody else's: it is another tunnel, which must not inherit flows.
    pub(super) fn resolve(&mut self, key: TunnelKey, peers: &[Ipv4Addr]) -> (TunnelId, bool) {
        let plan = self.plan;
        if let Some(known) = self.known.get_mut(&key)
            && known.peers.iter().any(|peer| peers.contains(peer))
        {
            let first = known.plan != plan;
            known.plan = plan;
            known.peers = peers.to_vec();
            return (known.id, first);
        }
        let id = TunnelId(self.next);
        self.next = self.next.wrapping_add(1);
        let known = Known {
            id,
            peers: peers.to_vec(),
            plan,
        };
        self.known.insert(key, known);
        (id, true)
    }

    /// Ends a plan: what it did not ask for is forgotten.
    pub(super) fn end(&mut self) {
        let plan = self.plan;
        self.known.retain(|_, known| known.plan == plan);
    }

    /// The identity of a tunnel of the last plan.
    pub(super) fn find(&self, key: &TunnelKey) -> Option<TunnelId> {
        self.known.get(key).map(|known| known.id)
    }
}
