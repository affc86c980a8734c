//! Commands on tunnels.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{distinct, maybe, name, some_of, unicast};
use crate::{
    CryptoMap, CryptoMapEntry, Encryption, Hash, Ipsec, Isakmp, IsakmpAuthentication,
    IsakmpIdentity, IsakmpPolicy, Keepalive, SaLifetime, Secret, TransformSet, TunnelGroup,
    TunnelGroupKind,
};

fn cbc() -> impl Strategy<Value = Encryption> {
    prop_oneof![
        Just(Encryption::Des),
        Just(Encryption::TripleDes),
        Just(Encryption::Aes128),
        Just(Encryption::Aes192),
        Just(Encryption::Aes256),
    ]
}

fn gcm() -> impl Strategy<Value = Encryption> {
    prop_oneof![
        Just(Encryption::AesGcm128),
        Just(Encryption::AesGcm192),
        Just(Encryption::AesGcm256),
    ]
}

fn hash() -> impl Strategy<Value = Hash> {
    prop_oneof![
        Just(Hash::Md5),
        Just(Hash::Sha1),
        Just(Hash::Sha256),
        Just(Hash::Sha384),
        Just(Hash::Sha512),
    ]
}

fn group() -> impl Strategy<Value = u8> {
    proptest::sample::select(vec![1, 2, 5, 14, 15, 16])
}

fn policy() -> impl Strategy<Value = IsakmpPolicy> {
    let lifetime_s = prop_oneof![Just(0), 120..=2_147_483_647_u32];
    (1..=65534_u16, cbc(), hash(), group(), lifetime_s).prop_map(
        |(priority, encryption, hash, group, lifetime_s)| IsakmpPolicy {
            priority,
            encryption,
            hash,
            group,
            lifetime_s,
        },
    )
}

pub(super) fn isakmp() -> impl Strategy<Value = Isakmp> {
    let authentication = prop_oneof![
        2 => Just(None),
        1 => Just(Some(IsakmpAuthentication::RsaSig)),
        1 => Just(Some(IsakmpAuthentication::Crack)),
    ];
    let identity = prop_oneof![
        Just(IsakmpIdentity::Address),
        Just(IsakmpIdentity::Hostname),
        Just(IsakmpIdentity::Auto),
        name().prop_map(IsakmpIdentity::KeyId),
    ];
    (
        vec(name(), 0..3),
        vec((authentication, policy()), 0..5),
        identity,
        maybe(10_u16..=3600),
    )
        .prop_map(|(enabled_on, policies, identity, nat_traversal_s)| {
            let mut policies = distinct(policies, |(_, policy)| policy.priority);
            policies.sort_by_key(|(_, policy)| policy.priority);
            let mut isakmp = Isakmp {
                enabled_on: distinct(enabled_on, Clone::clone),
                identity,
                nat_traversal_s,
                ..Isakmp::default()
            };
            for (authentication, policy) in policies {
                match authentication {
                    None => isakmp.policies.push(policy),
                    Some(way) => isakmp.unusable_policies.push((way, policy)),
                }
            }
            isakmp
        })
}

pub(super) fn ipsec() -> impl Strategy<Value = Ipsec> {
    let transforms = prop_oneof![
        (cbc(), maybe(hash())).prop_map(|(cipher, hash)| (Some(cipher), hash)),
        gcm().prop_map(|cipher| (Some(cipher), None)),
        hash().prop_map(|hash| (None, Some(hash))),
    ];
    let set = (name(), transforms).prop_map(|(name, (encryption, integrity))| TransformSet {
        name,
        encryption,
        integrity,
    });
    let window = proptest::sample::select(vec![64, 128, 256, 512, 1024, 2048, 4096, 8192]);
    let lifetime = (120..=2_147_483_647_u32, 10..=2_147_483_647_u32);
    (vec(set, 0..5), lifetime, window).prop_map(|(sets, lifetime, replay_window)| Ipsec {
        transform_sets: distinct(sets, |set| set.name.clone()),
        lifetime: SaLifetime {
            seconds: Some(lifetime.0),
            kilobytes: Some(lifetime.1),
        },
        replay_window,
    })
}

fn entry() -> impl Strategy<Value = CryptoMapEntry> {
    (
        1_u16..,
        maybe(name()),
        vec(unicast(), 0..=10),
        vec(name(), 0..=11),
        maybe(group()),
        (
            maybe(120..=2_147_483_647_u32),
            maybe(10..=2_147_483_647_u32),
        ),
        maybe(64..=1_048_576_u32),
        some_of(&[
            "set connection-type answer-only",
            "set phase1-mode main",
            "set reverse-route",
            "set nat-t-disable",
        ]),
    )
        .prop_map(
            |(sequence, access_list, peers, sets, pfs, (seconds, kilobytes), window, kept)| {
                CryptoMapEntry {
                    sequence,
                    access_list,
                    peers: distinct(peers, |peer| *peer),
                    transform_sets: distinct(sets, Clone::clone),
                    pfs,
                    lifetime: SaLifetime { seconds, kilobytes },
                    spread_peer_window: window,
                    kept: kept.into_iter().map(str::to_owned).collect(),
                }
            },
        )
        .prop_filter("an entry without anything is none", |entry| {
            *entry
                != CryptoMapEntry {
                    sequence: entry.sequence,
                    ..CryptoMapEntry::default()
                }
        })
}

pub(super) fn maps() -> impl Strategy<Value = Vec<CryptoMap>> {
    let map = (name(), vec(entry(), 0..4), maybe(name())).prop_map(|(name, entries, interface)| {
        let mut entries = distinct(entries, |entry| entry.sequence);
        entries.sort_by_key(|entry| entry.sequence);
        CryptoMap {
            name,
            entries,
            interface,
        }
    });
    vec(map, 0..4).prop_map(|maps| {
        let mut maps = distinct(maps, |map| map.name.clone());
        for at in 1..maps.len() {
            let (before, rest) = maps.split_at_mut(at);
            if before
                .iter()
                .any(|other| other.interface == rest[0].interface)
            {
                rest[0].interface = None;
            }
        }
        maps.retain(|map| !map.entries.is_empty() || map.interface.is_some());
        maps
    })
}

pub(super) fn tunnel_group() -> impl Strategy<Value = TunnelGroup> {
    let kind = prop_oneof![
        Just(TunnelGroupKind::LanToLan),
        Just(TunnelGroupKind::RemoteAccess),
    ];
    let name = prop_oneof![name(), unicast().prop_map(|peer| peer.to_string())];
    let on = (10_u16..=3600, 2_u16..=10).prop_map(|(threshold_s, retry_s)| Keepalive {
        enabled: true,
        threshold_s,
        retry_s,
    });
    let off = Keepalive {
        enabled: false,
        ..Keepalive::default()
    };
    let kept = some_of(&[
        "general-attributes default-group-policy p",
        "general-attributes address-pool a b",
        "ipsec-attributes peer-id-validate nocheck",
        "ipsec-attributes chain",
    ]);
    let keepalive = prop_oneof![on, Just(off)];
    (name, kind, maybe("[!-~]{1,128}"), keepalive, kept).prop_map(
        |(name, kind, key, keepalive, kept)| TunnelGroup {
            name,
            kind,
            pre_shared_key: key.map(Secret::new),
            keepalive,
            kept: kept
                .into_iter()
                .filter_map(|line| line.split_once(' '))
                .map(|(block, line)| (block.to_owned(), line.to_owned()))
                .collect(),
        },
    )
}
