//! `snmp-server`: where SNMP v2c traps go, and which.

use std::net::Ipv4Addr;

use crate::Secret;

/// `snmp-server`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snmp {
    /// `host`s.
    pub hosts: Vec<SnmpHost>,
    /// `community`: for hosts that name none.
    pub community: Option<Secret>,
    /// `enable traps`.
    pub traps: SnmpTraps,
}

impl Snmp {
    /// Port of a trap receiver (RFC 3417 section 3.1).
    pub const TRAP_PORT: u16 = 162;
}

/// `snmp-server host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnmpHost {
    /// Interface behind which the host stands.
    pub nameif: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// `community`.
    pub community: Option<Secret>,
    /// `udp-port`.
    pub port: u16,
}

/// `snmp-server enable traps`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnmpTraps {
    /// `snmp authentication`.
    pub authentication: bool,
    /// `snmp linkup`.
    pub link_up: bool,
    /// `snmp linkdown`.
    pub link_down: bool,
    /// `snmp coldstart`.
    pub cold_start: bool,
    /// `ipsec start`.
    pub ipsec_start: bool,
    /// `ipsec stop`.
    pub ipsec_stop: bool,
}

impl SnmpTraps {
    /// Whether none is sent.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
