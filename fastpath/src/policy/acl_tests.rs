use std::net::Ipv4Addr;

use config::AccessEntry;
use proptest::prelude::*;

use super::*;

fn entry(permit: bool) -> AccessEntry {
    AccessEntry {
        permit,
        protocol: None,
        source: MaskedNet::ANY,
        source_ports: PortMatch::Any,
        destination: MaskedNet::ANY,
        destination_ports: PortMatch::Any,
        icmp_type: None,
        log: None,
        inactive: false,
    }
}

fn compile(entries: Vec<AccessEntry>) -> Acl {
    let lines: Vec<AclLine> = entries.into_iter().map(AclLine::Extended).collect();
    Acl::compile(&lines, PortsOf::Packet)
}

/// What the lines mean, read one by one.
fn interpret(lines: &[AclLine], key: &FlowKey, icmp_type: u8, ports: PortsOf) -> Option<AclMatch> {
    lines.iter().enumerate().find_map(|(line, acl_line)| {
        let (permit, hit) = match acl_line {
            AclLine::Remark(_) => return None,
            AclLine::Standard { permit, net } => (*permit, net.contains(key.dst)),
            AclLine::Extended(entry) => {
                let strict = ports == PortsOf::Packet;
                let has_ports = key.protocol == 6 || key.protocol == 17;
                let port_ok = |rule: PortMatch, port| {
                    !strict || rule == PortMatch::Any || has_ports && rule.matches(port)
                };
                let icmp_ok = !strict
                    || entry.icmp_type.is_none()
                    || key.protocol == 1 && entry.icmp_type == Some(icmp_type);
                let hit = !entry.inactive
                    && entry.protocol.is_none_or(|number| number == key.protocol)
                    && entry.source.contains(key.src)
                    && entry.destination.contains(key.dst)
                    && port_ok(entry.source_ports, key.sport)
                    && port_ok(entry.destination_ports, key.dport)
                    && icmp_ok;
                (entry.permit, hit)
            }
        };
        hit.then_some(AclMatch {
            permit,
            line: line as u16,
            log: EntryLog::Denials,
        })
    })
}

#[test]
fn nothing_is_permitted_by_an_empty_list() {
    let acl = compile(vec![]);
    assert!(acl.is_empty());
    assert!(!acl.permits(&FlowKey::new(6, 1, 2, 3, 4), None));
}

#[test]
fn the_first_match_decides() {
    let host = |address: u32| MaskedNet::host(Ipv4Addr::from_bits(address));
    let deny = AccessEntry {
        source: host(7),
        ..entry(false)
    };
    let acl = compile(vec![deny, entry(true)]);
    let key = |src| FlowKey::new(6, src, 1, 9, 2);
    assert_eq!(
        acl.lookup(&key(7), None),
        Some(AclMatch {
            permit: false,
            line: 0,
            log: EntryLog::Denials,
        })
    );
    assert_eq!(
        acl.lookup(&key(8), None),
        Some(AclMatch {
            permit: true,
            line: 1,
            log: EntryLog::Denials,
        })
    );
}

#[test]
fn the_mask_of_the_seed_matches_by_its_bits() {
    let odd = AccessEntry {
        destination: MaskedNet::new(
            Ipv4Addr::new(10, 224, 228, 0),
            Ipv4Addr::new(255, 255, 255, 1),
        ),
        ..entry(true)
    };
    let acl = compile(vec![odd]);
    let to = |last: u32| FlowKey::new(6, 1, 1, 0x0ae0_e400 | last, 2);
    assert!(acl.permits(&to(2), None) && acl.permits(&to(254), None));
    assert!(!acl.permits(&to(1), None) && !acl.permits(&to(255), None));
}

#[test]
fn a_port_rule_is_not_for_protocols_without_ports() {
    let neq = AccessEntry {
        source_ports: PortMatch::Neq(9),
        ..entry(true)
    };
    let acl = compile(vec![neq]);
    assert!(acl.permits(&FlowKey::new(17, 1, 8, 2, 2), None));
    assert!(!acl.permits(&FlowKey::new(47, 1, 0, 2, 0), None));
}

fn masks() -> impl Strategy<Value = u32> {
    prop_oneof![
        Just(0u32),
        Just(!0),
        Just(!0 << 2),
        Just(!0xf | 1),
        Just(!5)
    ]
}

fn net() -> impl Strategy<Value = MaskedNet> {
    (0u32..16, masks()).prop_map(|(address, mask)| {
        MaskedNet::new(Ipv4Addr::from_bits(address), Ipv4Addr::from_bits(mask))
    })
}

fn port_rule() -> impl Strategy<Value = PortMatch> {
    prop_oneof![
        3 => Just(PortMatch::Any),
        1 => (0u16..8).prop_map(PortMatch::Eq),
        1 => (0u16..8).prop_map(PortMatch::Neq),
        1 => (0u16..8).prop_map(PortMatch::Lt),
        1 => (0u16..8).prop_map(PortMatch::Gt),
        1 => (0u16..8, 0u16..8).prop_map(|(a, b)| PortMatch::Range(a.min(b), a.max(b))),
    ]
}

prop_compose! {
    fn extended()(
        permit: bool,
        protocol in prop::option::of(prop::sample::select(vec![1u8, 6, 17, 47])),
        source in net(), source_ports in port_rule(),
        destination in net(), destination_ports in port_rule(),
        icmp_type in prop::option::weighted(0.2, 0u8..4),
        inactive in prop::bool::weighted(0.1),
    ) -> AclLine {
        AclLine::Extended(AccessEntry {
            permit, protocol, source, source_ports, destination, destination_ports, icmp_type,
            log: None, inactive,
        })
    }
}

fn line() -> impl Strategy<Value = AclLine> {
    prop_oneof![
        10 => extended(),
        1 => (any::<bool>(), net()).prop_map(|(permit, net)| AclLine::Standard { permit, net }),
        1 => Just(AclLine::Remark("of no effect".to_owned())),
    ]
}

proptest! {
    #[test]
    fn compiled_lists_mean_what_their_lines_mean(
        lines in prop::collection::vec(line(), 0..40),
        packets in prop::collection::vec(
            (
                prop::sample::select(vec![1u8, 6, 17, 47]),
                0u32..16, 0u16..8, 0u32..16, 0u16..8, 0u8..4,
            ),
            1..40,
        ),
    ) {
        for ports in [PortsOf::Packet, PortsOf::Nobody] {
            for cut in [Cut::LIMITS, ALL_IN_CHUNKS] {
                let acl = Acl::compile_cut(&lines, ports, cut);
                for (protocol, src, sport, dst, dport, kind) in &packets {
                    let key = FlowKey::new(*protocol, *src, *sport, *dst, *dport);
                    prop_assert_eq!(
                        acl.lookup(&key, Some(*kind)),
                        interpret(&lines, &key, *kind, ports)
                    );
                }
            }
        }
    }
}

/// Even a single entry is searched by field.
const ALL_IN_CHUNKS: Cut = Cut {
    lanes_entries_max: 0,
    bytes_max: usize::MAX,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Lists of several chunks, of which some are compiled and some are not.
    #[test]
    fn long_lists_mean_what_their_lines_mean(
        seed in prop::collection::vec(line(), 200..400),
        length in 1..3 * ACL_CHUNK_ENTRIES,
        bytes_max in prop_oneof![Just(0), Just(200_000_usize), Just(usize::MAX)],
        spread in 1_u32..1 << 20,
        packets in prop::collection::vec(
            (
                prop::sample::select(vec![1u8, 6, 17, 47]),
                0u32..16, 0u16..8, 0u32..16, 0u16..8, 0u8..4, any::<prop::sample::Index>(),
            ),
            1..200,
        ),
    ) {
        // The same shapes again and again, each time in another part of the address space.
        let lines: Vec<AclLine> = seed
            .iter()
            .cycle()
            .take(length)
            .zip(0..)
            .map(|(line, at)| moved(line, at / seed.len() as u32 * spread * 16))
            .collect();
        let cut = Cut { bytes_max, ..Cut::LIMITS };
        let acl = Acl::compile_cut(&lines, PortsOf::Packet, cut);
        prop_assert!(bytes_max != usize::MAX || length < 300 || !acl.chunks.is_empty());
        for (protocol, src, sport, dst, dport, kind, at) in &packets {
            let by = at.index(length) as u32 / seed.len() as u32 * spread * 16;
            let (src, dst) = (src.wrapping_add(by), dst.wrapping_add(by));
            let key = FlowKey::new(*protocol, src, *sport, dst, *dport);
            prop_assert_eq!(
                acl.lookup(&key, Some(*kind)),
                interpret(&lines, &key, *kind, PortsOf::Packet)
            );
        }
    }
}

/// The line with its nets moved up.
fn moved(line: &AclLine, by: u32) -> AclLine {
    let net = |net: MaskedNet| {
        let address = net.address.to_bits().wrapping_add(by);
        MaskedNet::new(Ipv4Addr::from_bits(address), net.mask)
    };
    match line {
        AclLine::Extended(entry) => AclLine::Extended(AccessEntry {
            source: net(entry.source),
            destination: net(entry.destination),
            ..entry.clone()
        }),
        AclLine::Standard { permit, net: of } => AclLine::Standard {
            permit: *permit,
            net: net(*of),
        },
        AclLine::Remark(_) => line.clone(),
    }
}

#[test]
fn short_lists_stay_in_lanes_and_memory_is_bounded() {
    let host = |address: u32| AccessEntry {
        source: MaskedNet::host(Ipv4Addr::from_bits(address * 3)),
        destination: MaskedNet::host(Ipv4Addr::from_bits(address * 5)),
        ..entry(false)
    };
    let list = |count: usize| (0..count as u32).map(host).collect::<Vec<_>>();
    assert!(compile(list(ACL_LANES_ENTRIES_MAX)).chunks.is_empty());
    assert_eq!(compile(list(ACL_LANES_ENTRIES_MAX + 1)).chunks.len(), 1);
    // A rest that is short stays in lanes too.
    let acl = compile(list(ACL_CHUNK_ENTRIES + 8));
    assert_eq!((acl.chunks.len(), acl.len()), (1, ACL_CHUNK_ENTRIES + 8));
    let acl = compile(list(65_000));
    let bytes: usize = acl.chunks.iter().map(Chunk::bytes).sum();
    assert!(bytes <= ACL_CHUNKS_BYTES_MAX, "{bytes}");
    for at in [0, 1023, 1024, 30_000, 64_999] {
        let key = FlowKey::new(6, at * 3, 1, at * 5, 2);
        let expected = AclMatch {
            permit: false,
            line: at as u16,
            log: EntryLog::Denials,
        };
        assert_eq!(acl.lookup(&key, None), Some(expected));
        assert_eq!(acl.lookup(&key.reversed(), None).is_some(), at == 0);
    }
}
