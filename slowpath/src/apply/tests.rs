use std::net::Ipv4Addr;

use config::{
    AccessEntry, AccessList, AclLine, CryptoMap, CryptoMapEntry, Encryption, Global, GlobalPool,
    Hash, Interface, IsakmpPolicy, Keepalive, MaskedNet, Nat, NatSource, PortMatch, Route, Secret,
    TransformSet, TunnelGroup, TunnelGroupKind,
};
use fastpath::packet::{Arrival, FlowKey, protocol};
use fastpath::policy::{CryptoMatch, Decision, Denied, NewFlow, Protection, SourceNat};
use fastpath::verdict::DropReason;
use fastpath::wire::tcp::flag::SYN;

use super::*;
use crate::ike::TunnelId;

const OUTSIDE: u8 = 0;
const INSIDE: u8 = 1;

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn net(address: &str, mask: &str) -> MaskedNet {
    MaskedNet::new(ip(address), ip(mask))
}

fn permit(source: MaskedNet, destination: MaskedNet) -> AclLine {
    AclLine::Extended(AccessEntry {
        permit: true,
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

fn list(name: &str, lines: Vec<AclLine>) -> AccessList {
    AccessList {
        name: name.to_owned(),
        lines: Arc::new(lines),
    }
}

fn interface(hardware: &str, nameif: &str, level: u8, address: &str, mask: &str) -> Interface {
    Interface {
        hardware: hardware.to_owned(),
        nameif: Some(nameif.to_owned()),
        security_level: Some(level),
        address: Some((ip(address), ip(mask))),
        ..Interface::default()
    }
}

fn route(nameif: &str, net: MaskedNet, gateway: &str) -> Route {
    Route {
        nameif: nameif.to_owned(),
        net,
        gateway: ip(gateway),
        metric: 1,
    }
}

fn group(name: &str, key: &str) -> TunnelGroup {
    TunnelGroup {
        name: name.to_owned(),
        kind: TunnelGroupKind::LanToLan,
        pre_shared_key: Some(Secret::new(key.to_owned())),
        keepalive: Keepalive::default(),
        kept: Vec::new(),
    }
}

fn isakmp_policy(priority: u16, encryption: Encryption) -> IsakmpPolicy {
    IsakmpPolicy {
        priority,
        encryption,
        hash: Hash::Sha1,
        group: 2,
        lifetime_s: 86_400,
    }
}

/// The sample configuration to the letter: a masked key, and a host route where a default route
/// was meant.
fn seed() -> Config {
    let any = MaskedNet::ANY;
    let first = net("10.224.228.0", "255.255.255.128");
    let second = net("10.224.52.0", "255.255.255.128");
    let both = vec![permit(first, any), permit(second, any)];
    let mut config = Config {
        interfaces: vec![
            interface(
                "Ethernet0/0",
                "outside",
                0,
                "209.165.201.2",
                "255.255.255.248",
            ),
            interface("Ethernet0/1", "inside", 100, "10.224.9.5", "255.255.255.0"),
            Interface {
                hardware: "Ethernet0/2".to_owned(),
                shutdown: true,
                ..Interface::default()
            },
            interface(
                "Management0/0",
                "management",
                100,
                "10.224.14.10",
                "255.255.255.0",
            ),
        ],
        access_lists: vec![
            list("test", both.clone()),
            list("100", both),
            list(
                "inside_access_out",
                vec![permit(any, net("10.224.228.0", "255.255.255.1"))],
            ),
        ],
        globals: vec![Global {
            nameif: "outside".to_owned(),
            nat_id: 1,
            pool: GlobalPool::Interface,
        }],
        nats: vec![
            Nat {
                nameif: "inside".to_owned(),
                nat_id: 0,
                source: NatSource::AccessList("test".to_owned()),
            },
            Nat {
                nameif: "inside".to_owned(),
                nat_id: 1,
                source: NatSource::Net(net("10.224.10.0", "255.255.255.0")),
            },
        ],
        routes: vec![
            route("inside", net("10.0.0.0", "255.0.0.0"), "10.224.9.1"),
            route(
                "outside",
                net("0.0.0.0", "255.255.255.255"),
                "209.165.201.1",
            ),
        ],
        crypto_maps: vec![CryptoMap {
            name: "map1".to_owned(),
            entries: vec![CryptoMapEntry {
                sequence: 5,
                access_list: Some("100".to_owned()),
                peers: vec![ip("209.165.200.10")],
                transform_sets: vec!["testSET".to_owned()],
                ..CryptoMapEntry::default()
            }],
            interface: Some("outside".to_owned()),
        }],
        tunnel_groups: vec![group("209.165.200.10", "*")],
        ..Config::default()
    };
    config.identity.hostname = "CiscoASA".to_owned();
    config.identity.domain_name = Some("example.com".to_owned());
    config.sysopt.preserve_vpn_flows = true;
    config.service.reset_outside = true;
    config.isakmp.enabled_on = vec!["outside".to_owned()];
    config.isakmp.policies = vec![
        isakmp_policy(10, Encryption::Des),
        isakmp_policy(5, Encryption::TripleDes),
    ];
    config.ipsec.transform_sets = vec![
        transform_set("ESP-AES-256-MD5", Some(Encryption::Aes256), Some(Hash::Md5)),
        transform_set("testSET", Some(Encryption::TripleDes), Some(Hash::Md5)),
    ];
    config
}

fn transform_set(
    name: &str,
    encryption: Option<Encryption>,
    integrity: Option<Hash>,
) -> TransformSet {
    TransformSet {
        name: name.to_owned(),
        encryption,
        integrity,
    }
}

/// The sample configuration as it was meant: with a key and a default route.
fn meant() -> Config {
    let mut config = seed();
    config.tunnel_groups = vec![group("209.165.200.10", "a long shared secret")];
    config.routes[1].net = MaskedNet::ANY;
    config
}

/// The lines of the crypto map's access list.
fn lines(config: &mut Config) -> &mut Vec<AclLine> {
    Arc::make_mut(&mut config.access_lists[1].lines)
}

fn ids(plan: &Plan) -> Vec<TunnelId> {
    plan.ike.tunnels.iter().map(|tunnel| tunnel.id).collect()
}

fn bindings(plan: &Plan) -> Bindings {
    let slots = plan.ike.tunnels.iter().enumerate();
    Bindings {
        ports: vec![("Ethernet0/0".to_owned(), 0), ("Ethernet0/1".to_owned(), 1)],
        slots: slots
            .map(|(index, tunnel)| TunnelBinding {
                tunnel: tunnel.id,
                slot: SlotId::new(100 + index as u16),
            })
            .collect(),
    }
}

fn apply(config: &Config) -> (Plan, Applied) {
    let mut compiler = Compiler::default();
    let plan = compiler.plan(config);
    let applied = compiler.policy(config, &bindings(&plan));
    (plan, applied)
}

fn key(src: &str, dst: &str) -> FlowKey {
    FlowKey::new(
        protocol::TCP,
        ip(src).to_bits(),
        1135,
        ip(dst).to_bits(),
        80,
    )
}

fn open(policy: &Policy, interface: u8, src: &str, dst: &str) -> Result<Decision, Denied> {
    policy.classify(&NewFlow {
        key: key(src, dst),
        arrival: Arrival::Clear,
        interface,
        tcp_flags: SYN,
        icmp: [0; 2],
    })
}

#[test]
fn the_flow_of_the_note_goes_through_the_tunnel_untranslated() {
    let (_, applied) = apply(&meant());
    let decision = open(&applied.policy, INSIDE, "10.224.228.10", "192.168.30.7").unwrap();
    assert_eq!(decision.egress, OUTSIDE);
    assert_eq!(decision.next_hop, ip("209.165.201.1").to_bits());
    assert_eq!(decision.source_nat, None);
    assert_eq!(decision.forward_slot, SlotId::new(100));
    let hit = applied
        .policy
        .crypto_match(OUTSIDE, &key("10.224.228.10", "192.168.30.7"));
    let expected = Protection {
        sequence: 5,
        line: 0,
        slot: SlotId::new(100),
    };
    assert_eq!(hit, CryptoMatch::Protected(expected));
    let second = open(&applied.policy, INSIDE, "10.224.52.10", "192.168.30.7").unwrap();
    assert_eq!(second.forward_slot, SlotId::new(101));
}

#[test]
fn other_inside_hosts_leave_as_the_outside_address() {
    let (_, applied) = apply(&meant());
    let decision = open(&applied.policy, INSIDE, "10.224.10.9", "8.8.8.8").unwrap();
    let nat = SourceNat {
        pool: 0,
        address: ip("209.165.201.2").to_bits(),
    };
    assert_eq!(decision.source_nat, Some(nat));
    assert_eq!(decision.forward_slot, SlotId::NONE);
    let neither = open(&applied.policy, INSIDE, "10.224.11.9", "8.8.8.8").unwrap();
    assert_eq!(
        (neither.source_nat, neither.forward_slot),
        (None, SlotId::NONE)
    );
}

#[test]
fn the_seed_to_the_letter_has_no_way_out_and_says_so() {
    let (plan, applied) = apply(&seed());
    let denied = open(&applied.policy, INSIDE, "10.224.228.10", "192.168.30.7").unwrap_err();
    assert_eq!(denied.reason, DropReason::NoRoute);
    assert!(plan.ike.tunnels.is_empty());
    assert!(has(
        &plan.notes,
        NoteKind::Inactive,
        "crypto map map1 5",
        "pre-shared key"
    ));
    assert!(has(
        &applied.notes,
        NoteKind::Warning,
        "route outside 0.0.0.0",
        "default route"
    ));
    assert!(has(
        &applied.notes,
        NoteKind::Inactive,
        "interface Management0/0",
        "device"
    ));
    assert_eq!(applied.notes.len(), 2);
}

fn has(notes: &[Note], kind: NoteKind, item: &str, text: &str) -> bool {
    notes
        .iter()
        .any(|note| note.kind == kind && note.item.starts_with(item) && note.text.contains(text))
}

#[test]
fn ike_gets_one_tunnel_per_line() {
    let (plan, _) = apply(&meant());
    assert!(plan.notes.is_empty(), "{:?}", plan.notes);
    assert_eq!(plan.ike.fqdn, "CiscoASA.example.com");
    let order: Vec<u16> = plan
        .ike
        .policies
        .iter()
        .map(|policy| policy.priority)
        .collect();
    assert_eq!(order, [5, 10]);
    assert_eq!(plan.ike.peers.len(), 1);
    let key = plan.ike.peers[0].pre_shared_key.as_ref().unwrap();
    assert_eq!(key.expose(), "a long shared secret");
    assert_eq!(plan.ike.tunnels.len(), 2);
    let tunnel = &plan.ike.tunnels[1];
    assert_eq!(tunnel.local, ip("209.165.201.2"));
    assert_eq!(
        tunnel.selectors.local,
        net("10.224.52.0", "255.255.255.128")
    );
    assert_eq!(tunnel.selectors.remote, MaskedNet::ANY);
    assert_eq!(
        (tunnel.lifetime_s, tunnel.lifetime_kb),
        (28_800, Some(4_608_000))
    );
    let expected = crate::ike::EspSuite {
        encryption: Encryption::TripleDes,
        integrity: Some(Hash::Md5),
    };
    assert_eq!(tunnel.proposals, [expected]);
}

#[test]
fn scalars_are_taken_over() {
    let mut config = meant();
    config.mtus = vec![("outside".to_owned(), 1400)];
    config.timeouts.udp_s = 77;
    let (_, applied) = apply(&config);
    let policy = applied.policy;
    assert_eq!((policy.tcpmss, policy.timeouts.udp_s), (1380, 77));
    assert!(policy.preserve_vpn_flows && policy.permit_vpn && policy.reset_outside);
    assert!(!policy.reset_inbound);
    assert_eq!(
        (policy.interfaces[0].mtu, policy.interfaces[1].mtu),
        (1400, 1500)
    );
    assert_eq!(policy.interface_of_port(1), Some(INSIDE));
    let outside = policy.ingress(0).expect("the port is up");
    assert!(outside.is_local(ip("209.165.201.2").to_bits()));
    assert!(policy.interfaces[0].isakmp && !policy.interfaces[1].isakmp);
    assert!(!policy.interfaces[3].up);
}

#[test]
fn an_unrelated_edit_keeps_tunnels_and_shares_access_lists() {
    let mut config = meant();
    let mut compiler = Compiler::default();
    let before = compiler.plan(&config);
    let old = compiler.policy(&config, &bindings(&before)).policy;
    let remark = AclLine::Remark("head office".to_owned());
    lines(&mut config).insert(0, remark);
    config.crypto_maps[0].entries[0]
        .peers
        .push(ip("209.165.200.11"));
    config.routes.push(route(
        "inside",
        net("172.16.0.0", "255.240.0.0"),
        "10.224.9.1",
    ));
    let after = compiler.plan(&config);
    assert_eq!(ids(&before), ids(&after));
    assert!(has(
        &after.notes,
        NoteKind::Warning,
        "crypto map map1 5",
        "209.165.200.11"
    ));
    let new = compiler.policy(&config, &bindings(&after)).policy;
    assert!(Arc::ptr_eq(
        &old.nat.exemptions[0].1,
        &new.nat.exemptions[0].1
    ));
    let decision = open(&new, INSIDE, "10.224.228.10", "192.168.30.7").unwrap();
    assert_eq!(decision.forward_slot, SlotId::new(100));
}

#[test]
fn another_peer_or_another_line_is_another_tunnel() {
    let mut config = meant();
    let mut compiler = Compiler::default();
    let before = compiler.plan(&config);
    config.crypto_maps[0].entries[0].peers = vec![ip("198.51.100.1")];
    config
        .tunnel_groups
        .push(group("198.51.100.1", "another secret"));
    let other_peer = compiler.plan(&config);
    let all: HashSet<_> = [ids(&before), ids(&other_peer)]
        .concat()
        .into_iter()
        .collect();
    assert_eq!(all.len(), 4);
    lines(&mut config).remove(0);
    let fewer = compiler.plan(&config);
    assert_eq!(ids(&fewer), [ids(&other_peer)[1]]);
    // The slots of the first plan are of no use to anybody now.
    let stale = bindings(&before);
    let policy = compiler.policy(&config, &stale).policy;
    let denied = open(&policy, INSIDE, "10.224.52.10", "192.168.30.7").unwrap_err();
    assert_eq!(denied.reason, DropReason::NoTunnel);
}

#[test]
fn the_owner_is_told_what_an_edit_changes() {
    let mut config = meant();
    let mut compiler = Compiler::default();
    let first = compiler.plan(&config);
    assert_eq!(first.tunnels.left(), 2);
    // Of two tunnels that asked for a slot one has none: the next plan asks again.
    let mut given = bindings(&first);
    given.slots.truncate(1);
    compiler.policy(&config, &given);
    config.identity.hostname = "Other".to_owned();
    assert_eq!(compiler.plan(&config).tunnels.left(), 1);
    compiler.policy(&config, &bindings(&first));
    assert_eq!(compiler.plan(&config).tunnels.left(), 0);
    config.mtus.push(("outside".to_owned(), 1_300));
    assert_eq!(compiler.plan(&config).tunnels.left(), 2);
    assert_eq!(compiler.plan(&config).tunnels.left(), 0);
    lines(&mut config).remove(0);
    assert_eq!(compiler.plan(&config).tunnels.left(), 1);
}

#[test]
fn every_worker_seals_where_the_peers_window_bears_it() {
    let mut config = meant();
    let item = "crypto map map1 5 set spread";
    let mut compiler = Compiler::new(2176);
    let given = bindings(&compiler.plan(&config));
    compiler.policy(&config, &given);
    // The tunnels that are described anew, and whether the item is noted as refused.
    let mut set = |window| {
        config.crypto_maps[0].entries[0].spread_peer_window = window;
        let plan = compiler.plan(&config);
        let refused = has(&plan.notes, NoteKind::Inactive, item, "2176");
        assert_eq!(plan.notes.len(), usize::from(refused), "{:?}", plan.notes);
        (plan.tunnels.left(), refused)
    };
    assert_eq!(set(Some(2175)), (0, true));
    assert_eq!(set(Some(2176)), (2, false));
    assert_eq!(set(Some(4096)), (0, false));
    assert_eq!(set(None), (2, false));
    // One worker brings nothing out of order, and has nobody to share an SA with.
    config.crypto_maps[0].entries[0].spread_peer_window = Some(64);
    let mut alone = Compiler::new(0);
    let given = bindings(&alone.plan(&config));
    alone.policy(&config, &given);
    config.crypto_maps[0].entries[0].spread_peer_window = None;
    let plan = alone.plan(&config);
    assert_eq!((plan.tunnels.left(), plan.notes.len()), (0, 0));
}

#[test]
fn a_note_is_new_once() {
    let noted = |compiler, config: &Config| {
        let config = Arc::new(config.clone());
        let planned = PlanJob::new(compiler, config).run();
        let compiled = planned.compile(Vec::new()).run();
        let items = compiled.fresh.iter().map(|note| note.item.clone());
        (compiled.compiler, compiled.noted, items.collect::<Vec<_>>())
    };
    let mut config = meant();
    let (compiler, count, before) = noted(Compiler::default(), &config);
    assert_eq!((count, before.len()), (3, 3), "{before:?}");
    config.crypto_maps[0].entries[0].peers.clear();
    let (compiler, count, fresh) = noted(compiler, &config);
    assert_eq!((count, fresh), (4, vec!["crypto map map1 5".to_owned()]));
    let (_, count, fresh) = noted(compiler, &config);
    assert_eq!((count, fresh.len()), (4, 0));
}

#[test]
fn repeated_lines_are_one_tunnel() {
    let mut config = meant();
    let twice = config.access_lists[1].lines[0].clone();
    lines(&mut config).push(twice);
    let (plan, _) = apply(&config);
    assert_eq!((plan.ike.tunnels.len(), plan.tunnels.left()), (2, 2));
}

#[test]
fn entries_that_name_no_packets_match_nothing() {
    let lacks = |change: &dyn Fn(&mut Config), text: &str| {
        assert_eq!(incomplete(change, text), CryptoMatch::Clear, "{text}");
    };
    lacks(
        &|config| config.crypto_maps[0].entries[0].access_list = None,
        "match address",
    );
    lacks(
        &|config| drop(config.access_lists.remove(1)),
        "access list 100",
    );
    lacks(
        &|config| config.crypto_maps[0].interface = None,
        "interface",
    );
}

#[test]
fn what_an_incomplete_entry_claims_is_dropped() {
    let lacks = |change: &dyn Fn(&mut Config), text: &str| {
        let text = format!("{text}; what its access list permits is dropped");
        let CryptoMatch::Protected(protection) = incomplete(change, &text) else {
            panic!("{text}");
        };
        assert_eq!(protection.slot, SlotId::NONE, "{text}");
    };
    lacks(
        &|config| config.crypto_maps[0].entries[0].peers.clear(),
        "it has no peer",
    );
    lacks(
        &|config| config.tunnel_groups.clear(),
        "no peer of it has a pre-shared key",
    );
    lacks(
        &|config| config.tunnel_groups[0].pre_shared_key = Some(Secret::new("*".to_owned())),
        "no peer of it has a pre-shared key",
    );
    lacks(
        &|config| config.ipsec.transform_sets.clear(),
        "it has no usable transform set",
    );
    lacks(
        &|config| config.interfaces[0].address = None,
        "interface outside has no address",
    );
}

/// What an incomplete configuration says about a packet of its crypto map, once it was noted.
fn incomplete(change: &dyn Fn(&mut Config), text: &str) -> CryptoMatch {
    let mut config = meant();
    change(&mut config);
    let (plan, applied) = apply(&config);
    let noted = has(&plan.notes, NoteKind::Inactive, "crypto map map1", text);
    assert!(noted, "{text}: {:?}", plan.notes);
    assert!(plan.ike.tunnels.is_empty());
    applied
        .policy
        .crypto_match(OUTSIDE, &key("10.224.228.10", "192.168.30.7"))
}

#[test]
fn transform_sets_that_protect_nothing_are_not_proposed() {
    let mut config = meant();
    config.ipsec.transform_sets = vec![
        transform_set("null", None, Some(Hash::Sha1)),
        transform_set("bare", Some(Encryption::Aes256), None),
        transform_set("gcm", Some(Encryption::AesGcm256), None),
    ];
    config.crypto_maps[0].entries[0].transform_sets =
        ["null", "bare", "gcm"].map(str::to_owned).to_vec();
    let (plan, _) = apply(&config);
    let proposals = &plan.ike.tunnels[0].proposals;
    assert_eq!(proposals.len(), 1);
    assert_eq!(proposals[0].encryption, Encryption::AesGcm256);
    assert!(has(
        &plan.notes,
        NoteKind::Warning,
        "crypto map map1 5",
        "does not encrypt"
    ));
    assert!(has(
        &plan.notes,
        NoteKind::Warning,
        "crypto map map1 5",
        "does not authenticate"
    ));
}

#[test]
fn what_ike_cannot_say_is_dropped_not_widened() {
    let mut config = meant();
    if let AclLine::Extended(entry) = &mut lines(&mut config)[0] {
        entry.protocol = Some(protocol::TCP);
        entry.destination_ports = PortMatch::Range(80, 90);
    }
    let (plan, applied) = apply(&config);
    assert_eq!(plan.ike.tunnels.len(), 1);
    assert!(has(
        &plan.notes,
        NoteKind::Warning,
        "crypto map map1 5",
        "line 1"
    ));
    let denied = open(&applied.policy, INSIDE, "10.224.228.10", "192.168.30.7").unwrap_err();
    assert_eq!(denied.reason, DropReason::NoTunnel);
}

#[test]
fn without_isakmp_the_tunnel_stays_closed() {
    let mut config = meant();
    config.isakmp.enabled_on.clear();
    let (plan, applied) = apply(&config);
    assert!(plan.ike.tunnels.is_empty());
    assert_eq!(plan.tunnels.left(), 0);
    assert!(has(
        &plan.notes,
        NoteKind::Warning,
        "crypto map map1 5",
        "not enabled"
    ));
    let denied = open(&applied.policy, INSIDE, "10.224.228.10", "192.168.30.7").unwrap_err();
    assert_eq!(denied.reason, DropReason::NoTunnel);
}

#[test]
fn an_interface_has_one_crypto_map() {
    let mut config = meant();
    let mut other = config.crypto_maps[0].clone();
    other.name = "map2".to_owned();
    config.crypto_maps.push(other);
    let (plan, applied) = apply(&config);
    assert!(has(
        &plan.notes,
        NoteKind::Inactive,
        "crypto map map1",
        "map2"
    ));
    let mut tunnels = plan.ike.tunnels.iter();
    assert!(tunnels.all(|tunnel| tunnel.map_name == "map2"));
    assert_eq!(
        (plan.ike.tunnels.len(), applied.policy.crypto.len()),
        (2, 1)
    );
}

#[test]
fn access_groups_are_bound_or_noted() {
    let mut config = meant();
    let bind = |access_list: &str, inbound, nameif: &str| config::AccessGroup {
        access_list: access_list.to_owned(),
        inbound,
        nameif: nameif.to_owned(),
    };
    config.access_groups = vec![
        bind("nowhere", true, "outside"),
        bind("inside_access_out", false, "inside"),
        bind("100", true, "dmz"),
    ];
    let (_, applied) = apply(&config);
    let names: Vec<&str> = applied
        .policy
        .access_groups
        .iter()
        .map(String::as_str)
        .collect();
    assert_eq!(names, ["nowhere", "inside_access_out", "100"]);
    assert!(applied.policy.interfaces[0].access_in.is_none());
    let bound = applied.policy.interfaces[1].access_out.as_ref().unwrap();
    assert_eq!((bound.index, bound.acl.len()), (1, 1));
    assert!(has(
        &applied.notes,
        NoteKind::Inactive,
        "access-group nowhere",
        "no entry"
    ));
    assert!(has(
        &applied.notes,
        NoteKind::Inactive,
        "access-group 100",
        "dmz"
    ));
}

#[test]
fn rules_for_unknown_interfaces_are_noted() {
    let mut config = meant();
    config.interfaces[1].nameif = Some("lan".to_owned());
    let (_, applied) = apply(&config);
    for item in ["route inside", "nat (inside) 0", "nat (inside) 1"] {
        assert!(
            has(&applied.notes, NoteKind::Inactive, item, "inside"),
            "{item}"
        );
    }
    assert!(applied.policy.nat.dynamic.is_empty());
    assert_eq!(applied.policy.routes.len(), 3);
}
