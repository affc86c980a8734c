//! `crypto map`: which entries are complete, and what they say to the workers.

use std::net::Ipv4Addr;

use config::{AccessList, AclLine, Config, CryptoMapEntry, Encryption, Secret, TunnelGroup};
use fastpath::policy::{CryptoEntry, CryptoMap, InterfacePolicy, PortsOf};
use fastpath::tunnel::SlotId;

use super::Notes;
use super::access::{AclCache, find_list};
use super::interfaces::index_of;
use super::tunnels::TunnelKey;
use crate::ike::EspSuite;

/// The tunnel group of LAN-to-LAN peers that have none of their own.
const DEFAULT_GROUP: &str = "DefaultL2LGroup";

/// A complete crypto map entry.
#[derive(Debug)]
pub(super) struct ActiveEntry<'a> {
    /// Name of the map.
    pub(super) map: &'a str,
    /// The entry.
    pub(super) entry: &'a CryptoMapEntry,
    /// Its access list.
    pub(super) list: &'a AccessList,
    /// Interface, its place and its address.
    pub(super) nameif: &'a str,
    /// Index of the interface in the policy.
    pub(super) interface: u8,
    /// Our address.
    pub(super) local: Ipv4Addr,
    /// ESP proposals in order of preference.
    pub(super) suites: Vec<EspSuite>,
}

/// The complete entries of all applied crypto maps, in order; the others are noted.
pub(super) fn active_entries<'a>(config: &'a Config, notes: &mut Notes) -> Vec<ActiveEntry<'a>> {
    let mut active = Vec::new();
    for (index, map) in config.crypto_maps.iter().enumerate() {
        let Some(nameif) = map.interface.as_deref() else {
            notes.inactive(format!("crypto map {}", map.name), "it has no interface");
            continue;
        };
        // An interface has one crypto map; the one that was applied last takes the place.
        let mut later = config.crypto_maps.iter().skip(index + 1);
        if let Some(other) = later.find(|other| other.interface == map.interface) {
            let text = format!("crypto map {} took its place on {nameif}", other.name);
            notes.inactive(format!("crypto map {}", map.name), text);
            continue;
        }
        let place = config
            .interfaces
            .iter()
            .position(|block| block.nameif.as_deref() == Some(nameif));
        let address = place.and_then(|place| config.interfaces[place].address);
        let (Some(place), Some((local, _))) = (place, address) else {
            let text = format!("interface {nameif} has no address");
            notes.inactive(format!("crypto map {}", map.name), text);
            continue;
        };
        let mut entries: Vec<&CryptoMapEntry> = map.entries.iter().collect();
        entries.sort_by_key(|entry| entry.sequence);
        for entry in entries {
            let item = format!("crypto map {} {}", map.name, entry.sequence);
            match complete(config, entry, &item, notes) {
                Ok((list, suites)) => active.push(ActiveEntry {
                    map: &map.name,
                    entry,
                    list,
                    nameif,
                    interface: u8::try_from(place).unwrap_or(u8::MAX),
                    local,
                    suites,
                }),
                Err(missing) => notes.inactive(item, missing),
            }
        }
    }
    active
}

/// Access list and proposals of an entry, or what it lacks.
fn complete<'a>(
    config: &'a Config,
    entry: &CryptoMapEntry,
    item: &str,
    notes: &mut Notes,
) -> Result<(&'a AccessList, Vec<EspSuite>), String> {
    let name = entry
        .access_list
        .as_deref()
        .ok_or("it has no match address")?;
    let list = find_list(config, name).ok_or(format!("access list {name} has no entry"))?;
    if entry.peers.is_empty() {
        return Err("it has no peer".to_owned());
    }
    if !entry
        .peers
        .iter()
        .any(|peer| key_of(config, *peer).is_some())
    {
        return Err("no peer of it has a pre-shared key".to_owned());
    }
    let suites: Vec<EspSuite> = entry
        .transform_sets
        .iter()
        .filter_map(|name| match suite(config, name) {
            Ok(suite) => Some(suite),
            Err(text) => {
                notes.warn(item, format!("transform set {name} {text}"));
                None
            }
        })
        .collect();
    if suites.is_empty() {
        return Err("it has no usable transform set".to_owned());
    }
    Ok((list, suites))
}

/// What a transform set proposes. Nothing is proposed that does not encrypt, or whose integrity
/// nobody checks (RFC 4303 section 5, RFC 8221 section 4).
fn suite(config: &Config, name: &str) -> Result<EspSuite, &'static str> {
    let sets = &config.ipsec.transform_sets;
    let set = sets
        .iter()
        .find(|set| set.name == name)
        .ok_or("is not defined")?;
    let encryption = set.encryption.ok_or("does not encrypt and is not used")?;
    let is_aead = matches!(
        encryption,
        Encryption::AesGcm128 | Encryption::AesGcm192 | Encryption::AesGcm256
    );
    if set.integrity.is_none() && !is_aead {
        return Err("does not authenticate and is not used");
    }
    Ok(EspSuite {
        encryption,
        integrity: set.integrity.filter(|_| !is_aead),
    })
}

/// The tunnel group of a peer: its own, else the default one.
pub(super) fn group_of(config: &Config, peer: Ipv4Addr) -> Option<&TunnelGroup> {
    let named = |name: &str| {
        let mut groups = config.tunnel_groups.iter();
        groups.find(|group| group.name == name)
    };
    named(&peer.to_string()).or_else(|| named(DEFAULT_GROUP))
}

/// The key of a peer; a row of `*` is none.
pub(super) fn key_of(config: &Config, peer: Ipv4Addr) -> Option<&Secret> {
    let key = group_of(config, peer)?.pre_shared_key.as_ref()?;
    (!key.is_masked() && !key.expose().is_empty()).then_some(key)
}

/// The crypto maps for the workers, bound to their interfaces. `slot_of` answers
/// [`SlotId::NONE`] for a tunnel without a slot: what it covers is dropped.
pub(super) fn compile(
    config: &Config,
    interfaces: &mut [InterfacePolicy],
    acls: &mut AclCache,
    slot_of: impl Fn(&TunnelKey) -> SlotId,
) -> Vec<CryptoMap> {
    let mut maps: Vec<CryptoMap> = Vec::new();
    // What is left out has been noted when it was planned.
    let entries = active_entries(config, &mut Notes::default());
    for active in entries {
        let name = &active.list.name;
        let (Some(acl), Some(index)) = (
            acls.get(config, name, PortsOf::Packet),
            index_of(interfaces, active.nameif),
        ) else {
            continue;
        };
        let entry = CryptoEntry {
            sequence: active.entry.sequence,
            acl,
            slots: slots(&active, &slot_of),
        };
        let interface = &mut interfaces[usize::from(index)];
        let bound = interface
            .crypto_map
            .filter(|at| maps[*at].name == active.map);
        if let Some(at) = bound {
            maps[at].entries.push(entry);
        } else {
            interface.crypto_map = Some(maps.len());
            maps.push(CryptoMap {
                name: active.map.to_owned(),
                entries: vec![entry],
            });
        }
    }
    maps
}

/// The slot of each line; none at all when line numbers would not be unique in 16 bits.
fn slots(active: &ActiveEntry<'_>, slot_of: impl Fn(&TunnelKey) -> SlotId) -> Vec<SlotId> {
    if active.list.lines.len() > usize::from(u16::MAX) {
        return Vec::new();
    }
    let of_line = |line: &AclLine| match line {
        AclLine::Extended(entry) if entry.permit && !entry.inactive => {
            slot_of(&TunnelKey::new(active.map, active.entry.sequence, entry))
        }
        _ => SlotId::NONE,
    };
    active.list.lines.iter().map(of_line).collect()
}
