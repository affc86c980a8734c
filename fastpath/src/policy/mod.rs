//! The compiled policy: interfaces, routes, access lists, NAT rules, crypto maps.
//!
//! A [`Policy`] is an immutable snapshot that workers read and the control side replaces whole. It
//! is a tree of shared parts: an edit makes new parts for what changed and shares the rest. Only
//! the first packet of a flow reads it ([`Policy::classify`]); established flows hold what was
//! decided then.

mod acl;
mod classify;
mod crypto;
mod interface;
mod nat_rule;
mod route;

use std::sync::Arc;

pub use acl::{Acl, AclMatch, EntryLog, PortsOf};
pub use classify::{Decision, Denied, Logged, NO_ACCESS_GROUP, NewFlow, SourceNat};
pub use crypto::{CryptoEntry, CryptoMap, CryptoMatch, Protection};
pub use interface::{AccessGroup, Ingress, InterfacePolicy, PortTable};
pub use nat_rule::{DynamicNat, NatOutcome, NatRules, NatSource, Pool};
pub use route::{Route, RouteHit, RouteTable};

/// Idle timers in seconds; zero is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Established TCP.
    pub conn_s: u32,
    /// TCP with one FIN.
    pub half_closed_s: u32,
    /// UDP.
    pub udp_s: u32,
    /// ICMP.
    pub icmp_s: u32,
    /// Translations, and with them their connections.
    pub xlate_s: u32,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            conn_s: 3_600,
            half_closed_s: 600,
            udp_s: 120,
            icmp_s: 2,
            xlate_s: 10_800,
        }
    }
}

/// One generation of the configuration, compiled. The default permits and routes nothing.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Counts up with every snapshot, and wraps.
    pub generation: u16,
    /// Interfaces; events and entries name them by their index here.
    pub interfaces: Arc<[InterfacePolicy]>,
    /// Interface of each port.
    pub ports: PortTable,
    /// Connected and static routes.
    pub routes: Arc<RouteTable>,
    /// Translation rules.
    pub nat: Arc<NatRules>,
    /// Crypto maps; interfaces name them by their index here.
    pub crypto: Arc<[CryptoMap]>,
    /// Names of the access lists of access groups; events name them by their index here.
    pub access_groups: Arc<[String]>,
    /// Idle timers.
    pub timeouts: Timeouts,
    /// Bytes to which the MSS of a SYN is lowered, zero for no bound.
    pub tcpmss: u16,
    /// Bytes to which it is raised, zero for no bound.
    pub tcpmss_minimum: u16,
    /// A closed connection lingers.
    pub timewait: bool,
    /// Flows out of a tunnel skip the interfaces' access lists.
    pub permit_vpn: bool,
    /// Flows in clear that a tunnel now covers are torn down when it comes up.
    pub reclassify_vpn: bool,
    /// VPN contexts are made with PRESERVE.
    pub preserve_vpn_flows: bool,
    /// The stamp is put on live contexts too.
    pub preserve_immediate: bool,
    /// Denied inbound TCP is answered with a reset.
    pub reset_inbound: bool,
    /// TCP to the least secure interface itself is answered with a reset.
    pub reset_outside: bool,
}

impl Policy {
    /// What is known of an EAL port, `None` when the port is not configured or shut down.
    #[inline]
    pub fn ingress(&self, port: u16) -> Option<&Ingress> {
        self.ports.get(port)
    }

    /// Its interface.
    #[inline]
    pub fn interface_of_port(&self, port: u16) -> Option<u8> {
        self.ingress(port).map(|ingress| ingress.interface)
    }

    /// The interface with this index.
    #[inline]
    pub fn interface(&self, index: u8) -> Option<&InterfacePolicy> {
        self.interfaces.get(usize::from(index))
    }

    /// Whether `address` is what translation maps to, so that a packet to it may be un-NATed.
    #[inline]
    pub fn is_mapped(&self, address: u32) -> bool {
        self.nat.pools.iter().any(|pool| pool.address == address)
    }

    /// Whether an address is the box's: of an interface or mapped.
    pub fn is_own(&self, address: u32) -> bool {
        self.has_address(address) || self.is_mapped(address)
    }

    /// Whether an interface has this address.
    fn has_address(&self, address: u32) -> bool {
        self.interfaces.iter().any(|own| own.address == address)
    }

    /// The next hop by which `address` is reached through an interface, whatever the routes prefer:
    /// an answer to a source that may be forged goes back to where the packet came from.
    pub fn hop_through(&self, interface: u8, address: u32) -> u32 {
        let hit = self.route(address);
        let hit = hit.filter(|hit| hit.interface == interface);
        hit.map_or(address, |hit| hit.next_hop)
    }

    /// Where packets to `destination` leave.
    #[inline]
    pub fn route(&self, destination: u32) -> Option<RouteHit> {
        self.routes.lookup(destination)
    }

    /// What the crypto map of `interface` says about a packet that leaves by it, its addresses as
    /// they are after translation. Asked again for a flow in clear when a tunnel comes up
    /// (`sysopt connection reclassify-vpn`).
    #[inline]
    pub fn crypto_match(&self, interface: u8, key: &crate::packet::FlowKey) -> CryptoMatch {
        self.interface(interface)
            .and_then(|interface| self.crypto.get(interface.crypto_map?))
            .map_or(CryptoMatch::Clear, |map| map.lookup(key))
    }
}
