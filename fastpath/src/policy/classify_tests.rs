use std::net::Ipv4Addr;
use std::sync::Arc;

use config::{AccessEntry, AclLine, AclLog, MaskedNet, PortMatch};

use super::super::*;
use super::*;

const OUTSIDE: u8 = 0;
const INSIDE: u8 = 1;
const DMZ: u8 = 2;
const TUNNEL: SlotId = SlotId::new(7);

fn ip(text: &str) -> u32 {
    text.parse::<Ipv4Addr>().unwrap().to_bits()
}

fn net(text: &str) -> MaskedNet {
    let (address, len) = text.split_once('/').unwrap();
    let mask = u32::MAX
        .checked_shl(32 - len.parse::<u32>().unwrap())
        .unwrap_or(0);
    MaskedNet::new(address.parse().unwrap(), Ipv4Addr::from_bits(mask))
}

fn rule(permit: bool, source: &str, destination: &str) -> AclLine {
    AclLine::Extended(AccessEntry {
        permit,
        protocol: None,
        source: net(source),
        source_ports: PortMatch::Any,
        destination: net(destination),
        destination_ports: PortMatch::Any,
        icmp_type: None,
        log: None,
        inactive: false,
    })
}

fn acl(lines: &[AclLine]) -> Arc<Acl> {
    Arc::new(Acl::compile(lines, PortsOf::Packet))
}

fn group(index: u16, lines: &[AclLine]) -> AccessGroup {
    AccessGroup {
        index,
        acl: acl(lines),
    }
}

fn interface(port: u16, level: u8, address: &str, len: u32) -> InterfacePolicy {
    InterfacePolicy {
        port: Some(port),
        security_level: level,
        address: ip(address),
        mask: u32::MAX << (32 - len),
        mtu: 1500,
        up: true,
        ..InterfacePolicy::default()
    }
}

fn route(to: &str, interface: u8, gateway: Option<&str>) -> Route {
    let to = net(to);
    Route {
        net: to.address.to_bits(),
        mask: to.mask.to_bits(),
        interface,
        gateway: gateway.map(ip),
        metric: 1,
    }
}

/// Three interfaces; one tunnel for 10.1.0.0/16 to 192.168.0.0/16; the rest of inside is mapped.
fn policy() -> Policy {
    let mut interfaces = vec![
        interface(0, 0, "209.165.201.2", 29),
        interface(1, 100, "10.0.0.1", 24),
        interface(2, 50, "172.16.0.1", 24),
    ];
    interfaces[0].crypto_map = Some(0);
    let routes = RouteTable::new(&[
        route("209.165.201.0/29", OUTSIDE, None),
        route("10.0.0.0/24", INSIDE, None),
        route("172.16.0.0/24", DMZ, None),
        route("10.0.0.0/8", INSIDE, Some("10.0.0.254")),
        route("0.0.0.0/0", OUTSIDE, Some("209.165.201.1")),
    ]);
    let exempt = rule(true, "10.1.0.0/16", "192.168.0.0/16");
    let nat = NatRules {
        exemptions: vec![(INSIDE, Arc::new(Acl::compile(&[exempt], PortsOf::Nobody)))],
        dynamic: vec![
            dynamic(
                1,
                NatSource::Net {
                    address: 0,
                    mask: 0,
                },
            ),
            dynamic(
                0,
                NatSource::Net {
                    address: ip("10.9.0.0"),
                    mask: 0xffff_0000,
                },
            ),
        ],
        pools: vec![Pool {
            interface: OUTSIDE,
            nat_id: 1,
            address: ip("209.165.201.3"),
        }],
    };
    let protected = CryptoEntry {
        complete: true,
        sequence: 5,
        acl: acl(&[rule(true, "10.1.0.0/16", "192.168.0.0/16")]),
        slots: vec![TUNNEL],
    };
    Policy {
        ports: PortTable::new(&interfaces),
        interfaces: interfaces.into(),
        routes: Arc::new(routes),
        nat: Arc::new(nat),
        crypto: Arc::new([CryptoMap {
            name: "map1".to_owned(),
            entries: vec![protected],
        }]),
        permit_vpn: true,
        ..Policy::default()
    }
}

fn dynamic(nat_id: u32, source: NatSource) -> DynamicNat {
    DynamicNat {
        interface: INSIDE,
        nat_id,
        source,
    }
}

/// The policy with its interfaces changed.
fn with_interfaces(change: impl FnOnce(&mut Vec<InterfacePolicy>)) -> Policy {
    let mut changed = policy();
    let mut interfaces = changed.interfaces.to_vec();
    change(&mut interfaces);
    changed.interfaces = interfaces.into();
    changed
}

fn syn(interface: u8, src: &str, dst: &str) -> NewFlow {
    NewFlow {
        key: FlowKey::new(protocol::TCP, ip(src), 4000, ip(dst), 80),
        arrival: Arrival::Clear,
        interface,
        tcp_flags: tcp::flag::SYN,
        icmp: [0; 2],
    }
}

fn reason(policy: &Policy, new: &NewFlow) -> DropReason {
    policy.classify(new).unwrap_err().reason
}

#[test]
fn a_flow_to_the_tunnel_is_exempt_and_protected() {
    let decision = policy()
        .classify(&syn(INSIDE, "10.1.2.3", "192.168.1.1"))
        .unwrap();
    assert_eq!(decision.egress, OUTSIDE);
    assert_eq!(decision.next_hop, ip("209.165.201.1"));
    assert_eq!(decision.source_nat, None);
    assert_eq!(
        (decision.forward_slot, decision.reverse_slot),
        (TUNNEL, SlotId::NONE)
    );
    assert!(!decision.inbound);
}

#[test]
fn other_flows_are_mapped_and_leave_in_clear() {
    let decision = policy()
        .classify(&syn(INSIDE, "10.1.2.3", "8.8.8.8"))
        .unwrap();
    let nat = SourceNat {
        pool: 0,
        address: ip("209.165.201.3"),
    };
    assert_eq!(decision.source_nat, Some(nat));
    assert_eq!(decision.forward_slot, SlotId::NONE);
}

#[test]
fn the_crypto_map_sees_mapped_addresses() {
    let mut policy = policy();
    let entry = CryptoEntry {
        complete: true,
        sequence: 10,
        acl: acl(&[rule(true, "209.165.201.3/32", "8.8.8.8/32")]),
        slots: vec![SlotId::new(9)],
    };
    policy.crypto = Arc::new([CryptoMap {
        name: "map1".to_owned(),
        entries: vec![entry],
    }]);
    let decision = policy
        .classify(&syn(INSIDE, "10.2.2.3", "8.8.8.8"))
        .unwrap();
    assert_eq!(decision.forward_slot, SlotId::new(9));
}

#[test]
fn a_protected_flow_without_a_slot_does_not_leave() {
    let mut policy = policy();
    let mut map = policy.crypto[0].clone();
    for slots in [vec![SlotId::NONE], vec![]] {
        map.entries[0].slots = slots;
        policy.crypto = Arc::new([map.clone()]);
        let new = syn(INSIDE, "10.1.2.3", "192.168.1.1");
        assert_eq!(reason(&policy, &new), DropReason::NoTunnel);
    }
}

#[test]
fn an_incomplete_entry_is_passed_over_but_not_into_the_clear() {
    let mut policy = policy();
    let complete = CryptoEntry {
        acl: acl(&[rule(true, "10.1.0.0/16", "192.168.1.0/24")]),
        ..policy.crypto[0].entries[0].clone()
    };
    let incomplete = CryptoEntry {
        sequence: 1,
        acl: acl(&[rule(true, "10.1.0.0/16", "192.168.0.0/16")]),
        complete: false,
        slots: Vec::new(),
    };
    policy.crypto = Arc::new([CryptoMap {
        name: "map1".to_owned(),
        entries: vec![incomplete, complete],
    }]);
    let taken = policy
        .classify(&syn(INSIDE, "10.1.2.3", "192.168.1.1"))
        .unwrap();
    assert_eq!(taken.forward_slot, TUNNEL);
    let unserved = syn(INSIDE, "10.1.2.3", "192.168.2.1");
    assert_eq!(reason(&policy, &unserved), DropReason::NoTunnel);
    let from_outside = syn(OUTSIDE, "192.168.2.1", "10.1.2.3");
    assert_eq!(
        reason(&policy, &from_outside),
        DropReason::ClearButProtected
    );
    let other = policy
        .classify(&syn(INSIDE, "10.1.2.3", "8.8.8.8"))
        .unwrap();
    assert_eq!(other.forward_slot, SlotId::NONE);
}

#[test]
fn a_deny_goes_on_to_the_next_entry() {
    let entry = |sequence, lines: &[AclLine], slot| CryptoEntry {
        complete: true,
        sequence,
        acl: acl(lines),
        slots: vec![slot; lines.len()],
    };
    let map = CryptoMap {
        name: "map1".to_owned(),
        entries: vec![
            entry(
                5,
                &[
                    rule(false, "10.1.1.0/24", "0.0.0.0/0"),
                    rule(true, "10.1.0.0/16", "0.0.0.0/0"),
                ],
                SlotId::new(1),
            ),
            entry(
                10,
                &[rule(true, "10.1.1.1/32", "0.0.0.0/0")],
                SlotId::new(2),
            ),
        ],
    };
    let of = |src| map.lookup(&FlowKey::new(6, ip(src), 1, ip("8.8.8.8"), 2));
    let protected = |sequence, line, slot| {
        CryptoMatch::Protected(Protection {
            sequence,
            line,
            slot: SlotId::new(slot),
        })
    };
    assert_eq!(of("10.1.2.1"), protected(5, 1, 1));
    assert_eq!(of("10.1.1.1"), protected(10, 0, 2));
    assert_eq!(of("10.1.1.2"), CryptoMatch::Clear);
}

#[test]
fn a_packet_in_clear_for_a_protected_selector_is_refused() {
    let policy = with_interfaces(|all| {
        all[0].access_in = Some(group(0, &[rule(true, "0.0.0.0/0", "0.0.0.0/0")]));
    });
    let mut new = syn(OUTSIDE, "192.168.1.1", "10.1.2.3");
    assert_eq!(reason(&policy, &new), DropReason::ClearButProtected);
    new.tcp_flags = tcp::flag::ACK;
    assert_eq!(reason(&policy, &new), DropReason::ClearButProtected);
}

#[test]
fn a_flow_out_of_a_tunnel_skips_interface_lists_as_configured() {
    let mut policy = with_interfaces(|all| {
        all[1].access_out = Some(group(3, &[rule(false, "0.0.0.0/0", "0.0.0.0/0")]));
    });
    let mut new = syn(OUTSIDE, "192.168.1.1", "10.1.2.3");
    new.arrival = Arrival::Tunnel(TUNNEL);
    let decision = policy.classify(&new).unwrap();
    assert_eq!(
        (decision.forward_slot, decision.reverse_slot),
        (SlotId::NONE, TUNNEL)
    );
    assert!(decision.inbound);
    policy.permit_vpn = false;
    let denied = policy.classify(&new).unwrap_err();
    assert_eq!(
        (denied.reason, denied.kind),
        (DropReason::AclDrop, Some(DenyKind::SecurityLevel))
    );
    new.arrival = Arrival::Tunnel(SlotId::NONE);
    assert_eq!(reason(&policy, &new), DropReason::WrongTunnel);
}

#[test]
fn security_levels_decide_without_access_groups() {
    let policy = policy();
    assert!(policy.classify(&syn(DMZ, "172.16.0.9", "8.8.8.8")).is_ok());
    let denied = policy
        .classify(&syn(DMZ, "172.16.0.9", "10.0.0.9"))
        .unwrap_err();
    assert_eq!(denied.kind, Some(DenyKind::SecurityLevel));
    assert_eq!(
        (denied.egress, denied.access_group),
        (Some(INSIDE), NO_ACCESS_GROUP)
    );
    let back = policy
        .classify(&syn(INSIDE, "10.0.0.9", "10.7.7.7"))
        .unwrap_err();
    assert_eq!(
        (back.reason, back.egress),
        (DropReason::AclDrop, Some(INSIDE))
    );
}

#[test]
fn access_groups_decide_in_both_directions() {
    let policy = with_interfaces(|all| {
        all[1].access_in = Some(group(4, &[rule(true, "10.0.0.0/24", "0.0.0.0/0")]));
        all[0].access_out = Some(group(
            5,
            &[
                rule(false, "0.0.0.0/0", "9.9.9.9/32"),
                rule(true, "0.0.0.0/0", "0.0.0.0/0"),
            ],
        ));
    });
    let permitted = policy.classify(&syn(INSIDE, "10.0.0.9", "8.8.8.8"));
    assert_eq!(permitted.map(|it| it.logged), Ok([None, None]));
    let by = |src, dst| {
        let denied = policy.classify(&syn(INSIDE, src, dst)).unwrap_err();
        assert_eq!(denied.kind, Some(DenyKind::AccessGroup));
        denied.access_group
    };
    assert_eq!(by("10.3.0.9", "8.8.8.8"), 4);
    assert_eq!(by("10.0.0.9", "9.9.9.9"), 5);
}

/// An entry with its `log` option.
fn logging(permit: bool, destination: &str, log: AclLog) -> AclLine {
    let AclLine::Extended(entry) = rule(permit, "0.0.0.0/0", destination) else {
        unreachable!("rules are extended")
    };
    AclLine::Extended(AccessEntry {
        log: Some(log),
        ..entry
    })
}

#[test]
fn an_entry_says_what_is_logged_of_its_packets() {
    let log = |disabled, level, interval_s| AclLog {
        disabled,
        level,
        interval_s,
    };
    let policy = with_interfaces(|all| {
        all[1].access_in = Some(group(
            4,
            &[
                logging(false, "9.9.9.9/32", log(false, 3, 20)),
                logging(false, "9.9.9.8/32", log(true, 6, 300)),
                logging(true, "8.8.8.8/32", log(false, 6, 300)),
                logging(true, "8.8.8.9/32", log(true, 6, 300)),
            ],
        ));
        all[0].access_out = Some(group(5, &[logging(true, "8.8.8.0/24", log(false, 7, 1))]));
    });
    let asked = |access_group, level, interval_s| {
        Some(LoggedEntry {
            access_group,
            level,
            interval_s,
        })
    };
    let decide = |to| policy.classify(&syn(INSIDE, "10.0.0.9", to));
    let permitted = |to| decide(to).map(|it| it.logged);
    assert_eq!(permitted("8.8.8.8"), Ok([asked(4, 6, 300), asked(5, 7, 1)]));
    assert_eq!(permitted("8.8.8.9"), Ok([None, asked(5, 7, 1)]));
    let denied = |to| {
        let denied = decide(to).unwrap_err();
        assert_eq!(denied.reason, DropReason::AclDrop);
        (denied.kind, denied.logged)
    };
    assert_eq!(denied("9.9.9.9"), (None, asked(4, 3, 20)));
    assert_eq!(denied("9.9.9.8"), (None, None));
    // No entry: the implicit denial is logged as ever.
    assert_eq!(denied("9.9.9.7"), (Some(DenyKind::AccessGroup), None));
}

#[test]
fn only_a_syn_or_a_request_opens_a_flow() {
    let policy = policy();
    let mut new = syn(INSIDE, "10.0.0.9", "8.8.8.8");
    for flags in [0x10, 0x12, 0x04, 0x11] {
        new.tcp_flags = flags;
        let denied = policy.classify(&new).unwrap_err();
        assert_eq!(denied.reason, DropReason::TcpNotSyn);
        assert_eq!(denied.kind, Some(DenyKind::NoConnection));
    }
    new.key.protocol = protocol::ICMP;
    new.icmp = [0, 0];
    assert_eq!(reason(&policy, &new), DropReason::IcmpNoConn);
    new.icmp = [8, 0];
    assert!(policy.classify(&new).is_ok());
}

#[test]
fn translation_that_cannot_be_made_fails() {
    let policy = with_interfaces(|all| {
        all[2].access_in = Some(group(0, &[rule(true, "0.0.0.0/0", "0.0.0.0/0")]));
    });
    // No global on the DMZ for nat 1; from the DMZ the answers of a mapped host would be mapped.
    assert_eq!(
        reason(&policy, &syn(INSIDE, "10.0.0.9", "172.16.0.9")),
        DropReason::NatFailed
    );
    assert_eq!(
        reason(&policy, &syn(DMZ, "172.16.0.9", "10.0.0.9")),
        DropReason::NatFailed
    );
    // GRE has no ports to map.
    let mut gre = syn(INSIDE, "10.0.0.9", "8.8.8.8");
    gre.key = FlowKey::new(47, ip("10.0.0.9"), 0, ip("8.8.8.8"), 0);
    assert_eq!(reason(&policy, &gre), DropReason::NatFailed);
}

#[test]
fn identity_nat_is_for_the_real_host_alone() {
    let policy = with_interfaces(|all| {
        all[0].access_in = Some(group(0, &[rule(true, "0.0.0.0/0", "0.0.0.0/0")]));
    });
    let out = policy
        .classify(&syn(INSIDE, "10.9.0.1", "8.8.8.8"))
        .unwrap();
    assert_eq!(out.source_nat, None);
    assert_eq!(
        reason(&policy, &syn(OUTSIDE, "8.8.8.8", "10.9.0.1")),
        DropReason::NatFailed
    );
}

#[test]
fn an_exemption_counts_in_both_directions() {
    let mut policy = policy();
    policy.crypto = Arc::new([]);
    let policy = Policy {
        interfaces: {
            let mut all = policy.interfaces.to_vec();
            all[0].access_in = Some(group(0, &[rule(true, "0.0.0.0/0", "0.0.0.0/0")]));
            all.into()
        },
        ..policy
    };
    let decision = policy
        .classify(&syn(OUTSIDE, "192.168.1.1", "10.1.2.3"))
        .unwrap();
    assert_eq!(decision.source_nat, None);
    assert!(decision.inbound);
}

#[test]
fn policy_nat_comes_before_regular_nat() {
    let mut policy = policy();
    let mut nat = (*policy.nat).clone();
    nat.dynamic.push(dynamic(
        2,
        NatSource::List(acl(&[rule(true, "10.0.0.9/32", "8.8.0.0/16")])),
    ));
    nat.pools.push(Pool {
        interface: OUTSIDE,
        nat_id: 2,
        address: 77,
    });
    nat.pools.push(Pool {
        interface: OUTSIDE,
        nat_id: 1,
        address: 78,
    });
    assert_eq!(nat.next_pool(0), Some(2));
    assert_eq!((nat.next_pool(1), nat.next_pool(2)), (None, None));
    policy.nat = Arc::new(nat);
    let mapped = |dst| {
        let decision = policy.classify(&syn(INSIDE, "10.0.0.9", dst)).unwrap();
        decision.source_nat.unwrap().address
    };
    assert_eq!(mapped("8.8.8.8"), 77);
    assert_eq!(mapped("9.9.9.9"), ip("209.165.201.3"));
}

#[test]
fn addresses_of_the_box_are_no_destinations_and_no_sources() {
    let policy = policy();
    let r = |interface, src, dst| reason(&policy, &syn(interface, src, dst));
    assert_eq!(r(INSIDE, "10.0.0.9", "209.165.201.2"), DropReason::NotForUs);
    assert_eq!(
        r(INSIDE, "10.0.0.9", "209.165.201.3"),
        DropReason::NatNoPort
    );
    assert_eq!(
        r(INSIDE, "10.0.0.9", "209.165.201.7"),
        DropReason::BadIpAddress
    );
    assert_eq!(
        r(INSIDE, "209.165.201.2", "8.8.8.8"),
        DropReason::BadIpAddress
    );
    assert_eq!(r(INSIDE, "10.0.0.255", "8.8.8.8"), DropReason::BadIpAddress);
    assert_eq!(r(9, "10.0.0.9", "8.8.8.8"), DropReason::InterfaceDown);
}

#[test]
fn without_a_route_nothing_goes() {
    let policy = Policy {
        routes: Arc::default(),
        ..policy()
    };
    let new = syn(INSIDE, "10.0.0.9", "8.8.8.8");
    assert_eq!(reason(&policy, &new), DropReason::NoRoute);
    assert_eq!(reason(&Policy::default(), &new), DropReason::InterfaceDown);
}
