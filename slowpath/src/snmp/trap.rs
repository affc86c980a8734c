//! Traps and their objects.
//!
//! `coldStart`, `linkDown`, `linkUp` and `authenticationFailure` are those of RFC 3418 and
//! RFC 2863; the tunnels' are `cipSecTunnelStart` and `cipSecTunnelStop` of
//! CISCO-IPSEC-FLOW-MONITOR-MIB, with the addresses of both ends behind the objects that it asks
//! for.

use std::net::Ipv4Addr;

use config::SnmpTraps;

use super::ber;

/// `snmpTraps` of SNMPv2-MIB.
const SNMP_TRAPS: [u32; 9] = [1, 3, 6, 1, 6, 3, 1, 1, 5];
/// `ifEntry` of IF-MIB.
const IF_ENTRY: [u32; 9] = [1, 3, 6, 1, 2, 1, 2, 2, 1];
/// `cipSecMIBNotifications` of CISCO-IPSEC-FLOW-MONITOR-MIB.
const IPSEC_TRAPS: [u32; 11] = [1, 3, 6, 1, 4, 1, 9, 9, 171, 2, 0];
/// `cipSecTunnelEntry` there.
const IPSEC_TUNNEL_ENTRY: [u32; 13] = [1, 3, 6, 1, 4, 1, 9, 9, 171, 1, 3, 2, 1];
/// `authAddr` of OLD-CISCO-SYSTEM-MIB: who asked.
const AUTH_ADDR: [u32; 11] = [1, 3, 6, 1, 4, 1, 9, 2, 1, 5, 0];
/// `sysUpTime` and `snmpTrapOID` (RFC 3416 section 4.2.6).
const SYS_UP_TIME: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 3, 0];
const SNMP_TRAP_OID: [u32; 11] = [1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0];
/// SNMP v2c (RFC 1901 section 3).
const VERSION_2C: i32 = 1;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trap {
    /// The box has started.
    ColdStart,
    /// A link went down.
    LinkDown(Link),
    /// A link came up.
    LinkUp(Link),
    /// A query came with a community that is not ours.
    AuthenticationFailure {
        /// Who asked.
        from: Ipv4Addr,
    },
    /// A tunnel came up.
    TunnelStart {
        /// The tunnel.
        tunnel: Tunnel,
        /// Lifetime of its SAs.
        lifetime_s: u32,
        /// The same in kilobytes, where it is bounded so.
        lifetime_kb: Option<u32>,
    },
    /// A tunnel went down.
    TunnelStop {
        /// The tunnel.
        tunnel: Tunnel,
        /// How long it was up.
        active_ms: u64,
    },
}

/// A port's link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// `ifIndex`, from 1.
    pub index: u16,
    /// `Ethernet0/0`.
    pub name: String,
    /// It is not shut down.
    pub wanted: bool,
    /// It is up.
    pub up: bool,
}

/// A tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// `cipSecTunIndex`, from 1.
    pub index: u32,
    /// Our end.
    pub local: Ipv4Addr,
    /// The peer's end.
    pub remote: Ipv4Addr,
}

/// A name and its value, encoded.
type Object = (Vec<u32>, Vec<u8>);

fn below(prefix: &[u32], arcs: &[u32]) -> Vec<u32> {
    [prefix, arcs].concat()
}

/// A column of the interface's row.
fn of_link(column: u32, link: &Link, value: Vec<u8>) -> Object {
    (below(&IF_ENTRY, &[column, u32::from(link.index)]), value)
}

/// A column of the tunnel's row.
fn of_tunnel(column: u32, tunnel: Tunnel, value: Vec<u8>) -> Object {
    (below(&IPSEC_TUNNEL_ENTRY, &[column, tunnel.index]), value)
}

/// `up` or `down` of RFC 2863.
fn status(up: bool) -> Vec<u8> {
    ber::integer(if up { 1 } else { 2 })
}

/// A number whose objects begin at 1.
fn at_least_one(number: u32) -> Vec<u8> {
    ber::integer(i32::try_from(number).unwrap_or(i32::MAX).max(1))
}

fn ends(tunnel: Tunnel) -> [Object; 2] {
    let octets = |address: Ipv4Addr| ber::wrap(ber::tag::OCTETS, &address.octets());
    [
        of_tunnel(4, tunnel, octets(tunnel.local)),
        of_tunnel(5, tunnel, octets(tunnel.remote)),
    ]
}

impl Trap {
    /// Whether `snmp-server enable traps` has it.
    pub const fn is_enabled(&self, traps: &SnmpTraps) -> bool {
        match self {
            Self::ColdStart => traps.cold_start,
            Self::LinkDown(_) => traps.link_down,
            Self::LinkUp(_) => traps.link_up,
            Self::AuthenticationFailure { .. } => traps.authentication,
            Self::TunnelStart { .. } => traps.ipsec_start,
            Self::TunnelStop { .. } => traps.ipsec_stop,
        }
    }

    fn identifier(&self) -> Vec<u32> {
        match self {
            Self::ColdStart => below(&SNMP_TRAPS, &[1]),
            Self::LinkDown(_) => below(&SNMP_TRAPS, &[3]),
            Self::LinkUp(_) => below(&SNMP_TRAPS, &[4]),
            Self::AuthenticationFailure { .. } => below(&SNMP_TRAPS, &[5]),
            Self::TunnelStart { .. } => below(&IPSEC_TRAPS, &[7]),
            Self::TunnelStop { .. } => below(&IPSEC_TRAPS, &[8]),
        }
    }

    fn objects(&self) -> Vec<Object> {
        match self {
            Self::ColdStart => Vec::new(),
            Self::LinkDown(link) | Self::LinkUp(link) => vec![
                of_link(1, link, ber::integer(i32::from(link.index))),
                of_link(7, link, status(link.wanted)),
                of_link(8, link, status(link.up)),
                of_link(2, link, ber::wrap(ber::tag::OCTETS, link.name.as_bytes())),
            ],
            Self::AuthenticationFailure { from } => {
                let address = ber::wrap(ber::tag::IP_ADDRESS, &from.octets());
                vec![(AUTH_ADDR.to_vec(), address)]
            }
            Self::TunnelStart {
                tunnel,
                lifetime_s,
                lifetime_kb,
            } => {
                let size = lifetime_kb.unwrap_or(u32::MAX);
                let mut objects = vec![
                    of_tunnel(9, *tunnel, at_least_one(*lifetime_s)),
                    of_tunnel(8, *tunnel, at_least_one(size)),
                ];
                objects.extend(ends(*tunnel));
                objects
            }
            Self::TunnelStop { tunnel, active_ms } => {
                let ticks = i32::try_from(active_ms / 10).unwrap_or(i32::MAX);
                let mut objects = vec![of_tunnel(10, *tunnel, ber::integer(ticks))];
                objects.extend(ends(*tunnel));
                objects
            }
        }
    }

    /// The datagram (RFC 3416 section 4.2.6). `uptime_ms` is when it happened.
    pub fn datagram(&self, community: &str, request_id: i32, uptime_ms: u64) -> Vec<u8> {
        // TimeTicks begin anew after 497 days.
        let ticks = (uptime_ms / 10) as u32;
        let mut objects = vec![
            (SYS_UP_TIME.to_vec(), ber::time_ticks(ticks)),
            (SNMP_TRAP_OID.to_vec(), ber::oid(&self.identifier())),
        ];
        objects.extend(self.objects());
        let bindings: Vec<u8> = objects
            .iter()
            .flat_map(|(name, value)| {
                ber::wrap(
                    ber::tag::SEQUENCE,
                    &[ber::oid(name), value.clone()].concat(),
                )
            })
            .collect();
        let unit = [
            ber::integer(request_id),
            ber::integer(0),
            ber::integer(0),
            ber::wrap(ber::tag::SEQUENCE, &bindings),
        ];
        let message = [
            ber::integer(VERSION_2C),
            ber::wrap(ber::tag::OCTETS, community.as_bytes()),
            ber::wrap(ber::tag::TRAP_V2, &unit.concat()),
        ];
        ber::wrap(ber::tag::SEQUENCE, &message.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand from RFC 1901, RFC 3416 and X.690.
    #[test]
    fn cold_start_is_as_the_standards_have_it() {
        let datagram = Trap::ColdStart.datagram("public", 1, 1230);
        let expected = [
            [0x30, 0x3a, 0x02, 0x01, 0x01, 0x04, 0x06].as_slice(),
            b"public",
            &[
                0xa7, 0x2d, 0x02, 0x01, 0x01, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00,
            ],
            &[0x30, 0x22],
            &[
                0x30, 0x0d, 0x06, 0x08, 0x2b, 6, 1, 2, 1, 1, 3, 0, 0x43, 0x01, 0x7b,
            ],
            &[0x30, 0x11, 0x06, 0x0a, 0x2b, 6, 1, 6, 3, 1, 1, 4, 1, 0],
        ]
        .concat();
        let oid = [0x06, 0x09, 0x2b, 6, 1, 6, 3, 1, 1, 5, 1];
        // The inner lengths follow from the parts.
        let bindings = 15 + 2 + 12 + oid.len();
        let unit = 9 + 2 + bindings;
        let whole = 3 + 8 + 2 + unit;
        let mut expected = [expected.as_slice(), &oid].concat();
        expected[1] = whole as u8;
        expected[14] = unit as u8;
        expected[25] = bindings as u8;
        expected[42] = (12 + oid.len()) as u8;
        assert_eq!(datagram, expected);
    }

    #[test]
    fn each_trap_has_its_switch() {
        let link = Link {
            index: 1,
            name: String::new(),
            wanted: true,
            up: true,
        };
        let (from, tunnel) = (
            Ipv4Addr::LOCALHOST,
            Tunnel {
                index: 1,
                local: Ipv4Addr::LOCALHOST,
                remote: Ipv4Addr::LOCALHOST,
            },
        );
        let traps = [
            Trap::AuthenticationFailure { from },
            Trap::LinkUp(link.clone()),
            Trap::LinkDown(link),
            Trap::ColdStart,
            Trap::TunnelStart {
                tunnel,
                lifetime_s: 1,
                lifetime_kb: None,
            },
            Trap::TunnelStop {
                tunnel,
                active_ms: 1,
            },
        ];
        let words = [
            "snmp authentication",
            "snmp linkup",
            "snmp linkdown",
            "snmp coldstart",
            "ipsec start",
            "ipsec stop",
        ];
        for (at, word) in words.iter().enumerate() {
            let (config, _) = config::parse(&format!("snmp-server enable traps {word}"));
            for (other, trap) in traps.iter().enumerate() {
                assert_eq!(trap.is_enabled(&config.snmp.traps), at == other, "{word}");
            }
        }
    }
}
