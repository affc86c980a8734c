//! What the commands on traffic mean: access lists, access groups, routes, address translation.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::MaskedNet;

/// An access list, standard or extended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessList {
    /// Its name.
    pub name: String,
    /// Its lines in order, remarks included. Copies of a configuration share them, however many
    /// there are; an edit copies those of its list alone.
    pub lines: Arc<Vec<AclLine>>,
}

/// One line of an access list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AclLine {
    /// `remark TEXT`.
    Remark(String),
    /// `extended permit|deny ...`.
    Extended(AccessEntry),
    /// `standard permit|deny NET`.
    Standard {
        /// Permit or deny.
        permit: bool,
        /// The destination.
        net: MaskedNet,
    },
}

/// An access-list entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccessEntry {
    /// Permit or deny.
    pub permit: bool,
    /// The protocol, `None` for `ip`.
    pub protocol: Option<u8>,
    /// Source net.
    pub source: MaskedNet,
    /// Source ports; TCP and UDP only.
    pub source_ports: PortMatch,
    /// Destination net.
    pub destination: MaskedNet,
    /// Destination ports; TCP and UDP only.
    pub destination_ports: PortMatch,
    /// ICMP type, `None` for all.
    pub icmp_type: Option<u8>,
    /// `log [level] [interval seconds]`, `log disable`.
    pub log: Option<AclLog>,
    /// `inactive`.
    pub inactive: bool,
}

/// The `log` option of an access-list entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AclLog {
    /// `disable`.
    pub disabled: bool,
    /// Syslog level of 106100, default 6.
    pub level: u8,
    /// Seconds between two lines of one flow, default 300.
    pub interval_s: u16,
}

/// Which ports match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PortMatch {
    /// All.
    #[default]
    Any,
    /// `eq`.
    Eq(u16),
    /// `neq`.
    Neq(u16),
    /// `lt`.
    Lt(u16),
    /// `gt`.
    Gt(u16),
    /// `range`, both ends included.
    Range(u16, u16),
}

impl PortMatch {
    /// Whether `port` matches.
    pub const fn matches(self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Eq(other) => port == other,
            Self::Neq(other) => port != other,
            Self::Lt(bound) => port < bound,
            Self::Gt(bound) => port > bound,
            Self::Range(first, last) => first <= port && port <= last,
        }
    }
}

/// `access-group ACL in|out interface NAMEIF`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessGroup {
    /// The access list.
    pub access_list: String,
    /// `in` (packets that enter by the interface) or `out`.
    pub inbound: bool,
    /// The interface.
    pub nameif: String,
}

/// `route NAMEIF NET MASK GATEWAY [METRIC]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Egress interface.
    pub nameif: String,
    /// The destination.
    pub net: MaskedNet,
    /// The next hop.
    pub gateway: Ipv4Addr,
    /// 1 to 255, default 1.
    pub metric: u8,
}

/// `global (NAMEIF) ID interface`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// Egress interface.
    pub nameif: String,
    /// Number that `nat` refers to.
    pub nat_id: u32,
    /// What to map to.
    pub pool: GlobalPool,
}

/// What a `global` maps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GlobalPool {
    /// `interface`: port translation to the interface's own address.
    Interface,
    /// One address: port translation to it.
    Address(Ipv4Addr),
}

/// `nat (NAMEIF) ID ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nat {
    /// Ingress interface.
    pub nameif: String,
    /// 0: no translation.
    pub nat_id: u32,
    /// Which sources.
    pub source: NatSource,
}

/// What a `nat` matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NatSource {
    /// `NET MASK`.
    Net(MaskedNet),
    /// `access-list NAME`.
    AccessList(String),
}
