//! Commands on traffic.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{address, contiguous_mask, maybe, name};
use crate::{
    AccessEntry, AccessGroup, AccessList, AclLine, AclLog, Global, GlobalPool, MaskedNet, Nat,
    NatSource, PortMatch, Route,
};

fn net() -> impl Strategy<Value = MaskedNet> {
    prop_oneof![
        Just(MaskedNet::ANY),
        address().prop_map(MaskedNet::host),
        (address(), address()).prop_map(|(address, mask)| MaskedNet::new(address, mask)),
        (address(), contiguous_mask(0)).prop_map(|(address, mask)| MaskedNet::new(address, mask)),
    ]
}

fn ports() -> impl Strategy<Value = PortMatch> {
    let port = prop_oneof![any::<u16>(), 0_u16..600];
    prop_oneof![
        Just(PortMatch::Any),
        port.clone().prop_map(PortMatch::Eq),
        port.clone().prop_map(PortMatch::Neq),
        port.clone().prop_map(PortMatch::Lt),
        port.clone().prop_map(PortMatch::Gt),
        (port.clone(), port).prop_map(|(a, b)| PortMatch::Range(a.min(b), a.max(b))),
    ]
}

type Matched = (Option<u8>, PortMatch, PortMatch, Option<u8>);

fn protocol() -> impl Strategy<Value = Matched> {
    let any_port = PortMatch::Any;
    prop_oneof![
        Just((None, any_port, any_port, None)),
        (1_u8..).prop_map(move |number| (Some(number), any_port, any_port, None)),
        (prop_oneof![Just(6), Just(17)], ports(), ports()).prop_map(|(number, from, to)| (
            Some(number),
            from,
            to,
            None
        )),
        maybe(any::<u8>()).prop_map(move |kind| (Some(1), any_port, any_port, kind)),
    ]
}

fn log() -> impl Strategy<Value = AclLog> {
    let usual = (0_u8..8, 1_u16..=600).prop_map(|(level, interval_s)| AclLog {
        disabled: false,
        level,
        interval_s,
    });
    let off = AclLog {
        disabled: true,
        level: 6,
        interval_s: 300,
    };
    prop_oneof![usual, Just(off)]
}

fn extended() -> impl Strategy<Value = AclLine> {
    let flags = any::<(bool, bool)>();
    (flags, protocol(), net(), net(), maybe(log())).prop_map(
        |((permit, inactive), matched, source, destination, log)| {
            let (protocol, source_ports, destination_ports, icmp_type) = matched;
            AclLine::Extended(AccessEntry {
                permit,
                protocol,
                source,
                source_ports,
                destination,
                destination_ports,
                icmp_type,
                log,
                inactive,
            })
        },
    )
}

fn standard() -> impl Strategy<Value = AclLine> {
    (any::<bool>(), net()).prop_map(|(permit, net)| AclLine::Standard { permit, net })
}

fn remark() -> impl Strategy<Value = AclLine> {
    "[!-~ü]([ -~\\tü]{0,20}[!-~ü])?".prop_map(AclLine::Remark)
}

pub(super) fn access_list() -> impl Strategy<Value = AccessList> {
    let lines = prop_oneof![
        vec(prop_oneof![extended(), extended(), remark()], 1..6),
        vec(prop_oneof![standard(), standard(), remark()], 1..6),
    ];
    (name(), lines).prop_map(|(name, lines)| AccessList {
        name,
        lines: lines.into(),
    })
}

pub(super) fn access_group() -> impl Strategy<Value = AccessGroup> {
    (name(), any::<bool>(), name()).prop_map(|(access_list, inbound, nameif)| AccessGroup {
        access_list,
        inbound,
        nameif,
    })
}

pub(super) fn route() -> impl Strategy<Value = Route> {
    (name(), address(), contiguous_mask(0), address(), 1_u8..).prop_map(
        |(nameif, address, mask, gateway, metric)| Route {
            nameif,
            net: MaskedNet::new(address, mask),
            gateway,
            metric,
        },
    )
}

pub(super) fn global() -> impl Strategy<Value = Global> {
    let pool = prop_oneof![
        Just(GlobalPool::Interface),
        address().prop_map(GlobalPool::Address),
    ];
    (name(), 1_u32..=2_147_483_647, pool).prop_map(|(nameif, nat_id, pool)| Global {
        nameif,
        nat_id,
        pool,
    })
}

pub(super) fn nats() -> impl Strategy<Value = Vec<Nat>> {
    let source = prop_oneof![
        net().prop_map(NatSource::Net),
        name().prop_map(NatSource::AccessList),
    ];
    let nat = ("[a-c]", 0_u32..4, source).prop_map(|(nameif, nat_id, source)| Nat {
        nameif,
        nat_id,
        source,
    });
    vec(nat, 0..6).prop_map(|nats| {
        let mut kept: Vec<Nat> = Vec::new();
        for nat in nats {
            let list = |nat: &Nat| matches!(nat.source, NatSource::AccessList(_));
            let clash = |other: &Nat| {
                let exemptions = list(other) && list(&nat) && other.nat_id == 0 && nat.nat_id == 0;
                other.nameif == nat.nameif && (exemptions || other.source == nat.source)
            };
            if !kept.iter().any(clash) {
                kept.push(nat);
            }
        }
        kept
    })
}
