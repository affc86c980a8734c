//! `crypto map`: which entries are complete, and what they say to the workers.

use std::net::Ipv4Addr;

use config::{AccessList, AclLine, Config, CryptoMapEntry, Encryption, Secret, TunnelGroup};
use fastpath::policy::{CryptoEntry, CryptoMap, InterfacePolicy, PortsOf};
use fastpath::tunnel::SlotId;

use super::Notes;
use super::access::{AclCache, find_list};
use super::identities::TunnelKey;
use super::interfaces::index_of;
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
    /// Name of the interface.
    pub(super) nameif: &'a str,
    /// Our address.
    pub(super) local: Ipv4Addr,
    /// ESP proposals in order of preference.
    pub(super) suites: Vec<EspSuite>,
}

/// An entry that claims packets, complete or not.
#[derive(Debug)]
struct Claim<'a> {
    map: &'a str,
    entry: &'a CryptoMapEntry,
    list: &'a AccessList,
    nameif: &'a str,
    /// Our address and the ESP proposals; `None` for an incomplete entry, which has no tunnel.
    terms: Option<(Ipv4Addr, Vec<EspSuite>)>,
}

/// The complete entries of all applied crypto maps, in order; the others are noted.
pub(super) fn active_entries<'a>(config: &'a Config, notes: &mut Notes) -> Vec<ActiveEntry<'a>> {
    let claims = claims(config, notes).into_iter();
    let active = claims.filter_map(|claim| {
        let (local, suites) = claim.terms?;
        Some(ActiveEntry {
            map: claim.map,
            entry: claim.entry,
            list: claim.list,
            nameif: claim.nameif,
            local,
            suites,
        })
    });
    active.collect()
}

/// The entries of all applied crypto maps whose access list says what they claim, in order. What
/// is not complete is noted.
fn claims<'a>(config: &'a Config, notes: &mut Notes) -> Vec<Claim<'a>> {
    let mut claims = Vec::new();
    for (index, map) in config.crypto_maps.iter().enumerate() {
        let item = format!("crypto map {}", map.name);
        let Some(nameif) = map.interface.as_deref() else {
            notes.inactive(item, "it has no interface");
            continue;
        };
        // An interface has one crypto map; the one that was applied last takes the place.
        let mut later = config.crypto_maps.iter().skip(index + 1);
        if let Some(other) = later.find(|other| other.interface == map.interface) {
            let text = format!("crypto map {} took its place on {nameif}", other.name);
            notes.inactive(item, text);
            continue;
        }
        let mut blocks = config.interfaces.iter();
        let Some(place) = blocks.position(|block| block.nameif.as_deref() == Some(nameif)) else {
            notes.inactive(item, format!("no interface is named {nameif}"));
            continue;
        };
        let local = config.interfaces[place].address.map(|(local, _)| local);
        if local.is_none() {
            let text = format!("interface {nameif} has no address{DROPPED}");
            notes.inactive(item, text);
        }
        let mut entries: Vec<&CryptoMapEntry> = map.entries.iter().collect();
        entries.sort_by_key(|entry| entry.sequence);
        for entry in entries {
            let item = format!("crypto map {} {}", map.name, entry.sequence);
            match list_of(config, entry) {
                Ok(list) => claims.push(Claim {
                    map: &map.name,
                    entry,
                    list,
                    nameif,
                    terms: terms(config, entry, local, &item, notes),
                }),
                Err(missing) => notes.inactive(item, missing),
            }
        }
    }
    claims
}

/// What becomes of the packets that an incomplete entry claims: a missing line must not send them
/// out in clear.
const DROPPED: &str = "; what its access list permits is dropped";

fn list_of<'a>(config: &'a Config, entry: &CryptoMapEntry) -> Result<&'a AccessList, String> {
    let name = entry
        .access_list
        .as_deref()
        .ok_or("it has no match address")?;
    find_list(config, name).ok_or(format!("access list {name} has no entry"))
}

/// What a tunnel of the entry needs; what is missing is noted.
fn terms(
    config: &Config,
    entry: &CryptoMapEntry,
    local: Option<Ipv4Addr>,
    item: &str,
    notes: &mut Notes,
) -> Option<(Ipv4Addr, Vec<EspSuite>)> {
    let has_key = |peer: &Ipv4Addr| key_of(config, *peer).is_some();
    let suites = suites(config, entry, item, notes);
    let missing = if entry.peers.is_empty() {
        "it has no peer"
    } else if !entry.peers.iter().any(has_key) {
        "no peer of it has a pre-shared key"
    } else if suites.is_empty() {
        "it has no usable transform set"
    } else {
        return local.map(|local| (local, suites));
    };
    notes.inactive(item, format!("{missing}{DROPPED}"));
    None
}

fn suites(config: &Config, entry: &CryptoMapEntry, item: &str, notes: &mut Notes) -> Vec<EspSuite> {
    let sets = entry.transform_sets.iter();
    let usable = sets.filter_map(|name| match suite(config, name) {
        Ok(suite) => Some(suite),
        Err(text) => {
            notes.warn(item, format!("transform set {name} {text}"));
            None
        }
    });
    usable.collect()
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
/// [`SlotId::NONE`] for a tunnel without a slot: what it covers is dropped, and so is what an
/// incomplete entry covers.
pub(super) fn compile(
    config: &Config,
    interfaces: &mut [InterfacePolicy],
    acls: &mut AclCache,
    slot_of: impl Fn(&TunnelKey) -> SlotId,
) -> Vec<CryptoMap> {
    let mut maps: Vec<CryptoMap> = Vec::new();
    // What is left out has been noted when it was planned.
    for claim in claims(config, &mut Notes::default()) {
        let name = &claim.list.name;
        let (Some(acl), Some(index)) = (
            acls.get(config, name, PortsOf::Packet),
            index_of(interfaces, claim.nameif),
        ) else {
            continue;
        };
        let entry = CryptoEntry {
            sequence: claim.entry.sequence,
            acl,
            complete: claim.terms.is_some(),
            slots: slots(&claim, &slot_of),
        };
        let interface = &mut interfaces[usize::from(index)];
        let bound = interface
            .crypto_map
            .filter(|at| maps[*at].name == claim.map);
        if let Some(at) = bound {
            maps[at].entries.push(entry);
        } else {
            interface.crypto_map = Some(maps.len());
            maps.push(CryptoMap {
                name: claim.map.to_owned(),
                entries: vec![entry],
            });
        }
    }
    maps
}

/// The slot of each line; none at all for an incomplete entry, and when line numbers would not be
/// unique in 16 bits.
fn slots(claim: &Claim<'_>, slot_of: impl Fn(&TunnelKey) -> SlotId) -> Vec<SlotId> {
    if claim.terms.is_none() || claim.list.lines.len() > usize::from(u16::MAX) {
        return Vec::new();
    }
    let of_line = |line: &AclLine| match line {
        AclLine::Extended(entry) if entry.permit && !entry.inactive => {
            slot_of(&TunnelKey::new(claim.map, claim.entry.sequence, entry))
        }
        _ => SlotId::NONE,
    };
    claim.list.lines.iter().map(of_line).collect()
}
