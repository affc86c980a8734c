//! Addresses of the closed loop: hosts inside, a peer and servers outside, nets behind tunnels.
//!
//! ```text
//! hosts 10.1.1.1 ...  -- inside 10.1.0.1 [box] 192.0.2.1 outside --  peer 192.0.2.2
//!                                                   |                 |- 10.64.0.0/10 (/24 each)
//!                                          mapped 192.0.2.20 ...      '- servers 198.51.100.0/24
//! ```

use std::net::Ipv4Addr;
use std::sync::Arc;

use config::{AccessEntry, AclLine, MaskedNet, PortMatch};
use fastpath::packet::{FlowKey, protocol};
use fastpath::policy::{
    AccessGroup, Acl, CryptoEntry, CryptoMap, DynamicNat, InterfacePolicy, NatRules, NatSource,
    Policy, Pool, PortTable, PortsOf, Route, RouteTable,
};
use fastpath::tunnel::SlotId;

/// Indices of the two interfaces.
pub(crate) const INSIDE: u8 = 0;
pub(crate) const OUTSIDE: u8 = 1;
/// The box's outer address, and the peer's.
pub(crate) const LOCAL: u32 = 0xc000_0201;
pub(crate) const PEER: u32 = 0xc000_0202;
/// Station address of everything beyond the box.
pub(crate) const FAR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

const INSIDE_ADDRESS: u32 = 0x0a01_0001;
const INSIDE_MASK: u32 = 0xffff_0000;
const OUTSIDE_MASK: u32 = 0xffff_ff00;
const HOST_FIRST: u32 = 0x0a01_0101;
/// Hosts inside: each is a next hop.
pub(crate) const HOSTS: u32 = 250;
const REMOTE_NET: u32 = 0x0a40_0000;
const REMOTE_MASK: u32 = 0xffc0_0000;
const SERVER_NET: u32 = 0xc633_6400;
const MAPPED_FIRST: u32 = 0xc000_0214;
/// Mapped addresses, all that a worker keeps ports of.
pub(crate) const MAPPED: u32 = 8;
const MTU: u16 = 1500;

/// What the policy is to have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// EAL ports inside and outside.
    pub(crate) ports: [u16; 2],
    /// Entries of the access list inside, the last of which permits; 0 for none.
    pub(crate) aces: u32,
    /// Whether sources are translated.
    pub(crate) translated: bool,
}

/// Host `index` inside.
pub(crate) const fn host(index: u32) -> u32 {
    HOST_FIRST + index % HOSTS
}

/// The net behind a tunnel.
fn remote_net(tunnel: u32) -> MaskedNet {
    MaskedNet::new(
        Ipv4Addr::from_bits(REMOTE_NET + (tunnel << 8)),
        Ipv4Addr::from_bits(0xffff_ff00),
    )
}

/// Flow `number` into a tunnel, from inside. UDP.
pub(crate) fn tunnel_flow(number: u32, tunnel: u32) -> FlowKey {
    let port = 1024 + (number / HOSTS) % 60_000;
    let remote = REMOTE_NET + (tunnel << 8) + 1 + (number / HOSTS) / 60_000;
    FlowKey::new(protocol::UDP, host(number), port as u16, remote, 7000)
}

/// Flow `number` to a server in clear, from inside.
pub(crate) fn clear_flow(number: u32, protocol: u8) -> FlowKey {
    let port = 1024 + (number / HOSTS) % 60_000;
    let server = SERVER_NET + 1 + (number / HOSTS / 60_000) % 250;
    FlowKey::new(protocol, host(number), port as u16, server, 443)
}

/// The policy: inside is trusted, outside is not, a crypto map with one entry line per tunnel.
pub(crate) fn policy(shape: Shape, slots: &[SlotId]) -> Policy {
    let interfaces = [inside(shape), outside(shape, !slots.is_empty())];
    let mut policy = Policy {
        generation: 1,
        ports: PortTable::new(&interfaces),
        interfaces: Arc::new(interfaces),
        routes: Arc::new(RouteTable::new(&routes())),
        permit_vpn: true,
        preserve_vpn_flows: true,
        ..Policy::default()
    };
    if !slots.is_empty() {
        policy.crypto = Arc::new([crypto_map(slots)]);
    }
    if shape.translated {
        policy.nat = Arc::new(nat());
    }
    policy
}

fn inside(shape: Shape) -> InterfacePolicy {
    let access_in = (shape.aces > 0).then(|| AccessGroup {
        index: 0,
        acl: Arc::new(Acl::compile(&access_list(shape.aces), PortsOf::Packet)),
    });
    InterfacePolicy {
        port: Some(shape.ports[0]),
        nameif: "inside".to_owned(),
        security_level: 100,
        address: INSIDE_ADDRESS,
        mask: INSIDE_MASK,
        mtu: MTU,
        up: true,
        access_in,
        ..InterfacePolicy::default()
    }
}

fn outside(shape: Shape, encrypts: bool) -> InterfacePolicy {
    InterfacePolicy {
        port: Some(shape.ports[1]),
        nameif: "outside".to_owned(),
        address: LOCAL,
        mask: OUTSIDE_MASK,
        mtu: MTU,
        up: true,
        crypto_map: encrypts.then_some(0),
        ..InterfacePolicy::default()
    }
}

fn routes() -> [Route; 4] {
    let route = |net, mask, interface, gateway| Route {
        net,
        mask,
        interface,
        gateway,
        metric: 0,
    };
    [
        route(INSIDE_ADDRESS & INSIDE_MASK, INSIDE_MASK, INSIDE, None),
        route(LOCAL & OUTSIDE_MASK, OUTSIDE_MASK, OUTSIDE, None),
        route(REMOTE_NET, REMOTE_MASK, OUTSIDE, Some(PEER)),
        route(SERVER_NET, OUTSIDE_MASK, OUTSIDE, Some(PEER)),
    ]
}

fn crypto_map(slots: &[SlotId]) -> CryptoMap {
    let lines: Vec<AclLine> = (0..slots.len() as u32)
        .map(|tunnel| entry(true, MaskedNet::ANY, remote_net(tunnel)))
        .collect();
    CryptoMap {
        name: "bench".to_owned(),
        entries: vec![CryptoEntry {
            sequence: 10,
            acl: Arc::new(Acl::compile(&lines, PortsOf::Packet)),
            slots: slots.to_vec(),
            complete: true,
        }],
    }
}

/// Denies of hosts that send nothing, then one permit: every new flow is held against all.
fn access_list(aces: u32) -> Vec<AclLine> {
    let denied = |index| MaskedNet::host(Ipv4Addr::from_bits(0x0b00_0000 + index));
    (1..aces)
        .map(|index| entry(false, denied(index), MaskedNet::ANY))
        .chain([entry(true, MaskedNet::ANY, MaskedNet::ANY)])
        .collect()
}

fn entry(permit: bool, source: MaskedNet, destination: MaskedNet) -> AclLine {
    AclLine::Extended(AccessEntry {
        permit,
        protocol: None,
        source,
        source_ports: PortMatch::Any,
        destination,
        destination_ports: PortMatch::Any,
        icmp_type: None,
        log: None,
        inactive: false,
    })
}

fn nat() -> NatRules {
    let pool = |index| Pool {
        interface: OUTSIDE,
        nat_id: 1,
        address: MAPPED_FIRST + index,
    };
    NatRules {
        exemptions: Vec::new(),
        dynamic: vec![DynamicNat {
            interface: INSIDE,
            nat_id: 1,
            source: NatSource::Net {
                address: INSIDE_ADDRESS & INSIDE_MASK,
                mask: INSIDE_MASK,
            },
        }],
        pools: (0..MAPPED).map(pool).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn flows_are_distinct_and_routed_to_their_tunnels() {
        let slots: Vec<SlotId> = (0..300).map(SlotId::new).collect();
        let shape = Shape {
            ports: [0, 1],
            aces: 10,
            translated: false,
        };
        let policy = policy(shape, &slots);
        let keys: HashSet<_> = (0..300).map(|number| tunnel_flow(number, number)).collect();
        assert_eq!(keys.len(), 300);
        for (number, slot) in (0..300).zip(&slots) {
            let key = tunnel_flow(number, number);
            let hit = policy.crypto_match(OUTSIDE, &key);
            assert!(
                matches!(hit, fastpath::policy::CryptoMatch::Protected(it) if it.slot == *slot),
                "{hit:?}"
            );
        }
        let clear: HashSet<_> = (0..100_000)
            .map(|at| clear_flow(at, protocol::TCP))
            .collect();
        assert_eq!(clear.len(), 100_000);
    }
}
