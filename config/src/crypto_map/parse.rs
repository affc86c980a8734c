//! Effects of `crypto map`.

use std::net::Ipv4Addr;

use crate::edit::{Edit, Refusal, room};
use crate::grammar::args::Args;
use crate::grammar::kind::Value;
use crate::legacy;
use crate::limits;
use crate::{Config, CryptoMap, CryptoMapEntry};

/// Changes the entry that the line names, which is made where it is not there (but not for
/// `no`), and goes where nothing is set in it.
fn with_entry(
    edit: &mut Edit<'_>,
    args: &Args,
    change: impl FnOnce(&mut CryptoMapEntry) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let (name, sequence) = (args.text("map name")?, args.short("sequence")?);
    let maps = &mut edit.config.crypto_maps;
    let known = maps.iter().position(|map| map.name == name);
    let blank = || CryptoMapEntry {
        sequence,
        ..CryptoMapEntry::default()
    };
    let found = known.and_then(|at| {
        let entries = maps.get(at).map(|map| &map.entries)?;
        entries
            .binary_search_by_key(&sequence, |entry| entry.sequence)
            .ok()
    });
    if found.is_none() && args.negated {
        return Ok(());
    }
    let before = known
        .zip(found)
        .and_then(|(map, at)| maps.get(map)?.entries.get(at));
    let mut entry = before.cloned().unwrap_or_else(blank);
    change(&mut entry)?;
    let map = if let Some(at) = known {
        at
    } else {
        room(maps.len(), limits::CRYPTO_MAPS, args.span, "crypto maps")?;
        maps.push(new_map(name.to_owned()));
        maps.len() - 1
    };
    let Some(map) = maps.get_mut(map) else {
        return Err(Refusal::Incomplete);
    };
    let unset = entry == blank();
    match found {
        Some(at) if unset => drop(map.entries.remove(at)),
        Some(at) => map.entries[at] = entry,
        None if unset => {}
        None => {
            let entries = &mut map.entries;
            room(
                entries.len(),
                limits::CRYPTO_MAP_ENTRIES,
                args.span,
                "entries of a map",
            )?;
            let at = entries.partition_point(|other| other.sequence < sequence);
            entries.insert(at, entry);
        }
    }
    drop_empty(edit.config);
    Ok(())
}

const fn new_map(name: String) -> CryptoMap {
    CryptoMap {
        name,
        entries: Vec::new(),
        interface: None,
    }
}

/// A map without entries that is nowhere applied is none.
fn drop_empty(config: &mut Config) {
    let maps = &mut config.crypto_maps;
    maps.retain(|map| !map.entries.is_empty() || map.interface.is_some());
}

pub(super) fn match_address(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    with_entry(edit, args, |entry| {
        entry.access_list = if args.negated {
            None
        } else {
            Some(args.text("acl")?.to_owned())
        };
        Ok(())
    })
}

pub(super) fn set_peer(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let addresses = args
        .all("peer address")
        .filter_map(|item| match item.value {
            Value::Address(address) => Some((item.span, address)),
            _ => None,
        });
    let peers: Vec<_> = addresses.collect();
    with_entry(edit, args, |entry| {
        if args.negated {
            let named = |peer: &Ipv4Addr| peers.iter().any(|(_, other)| other == peer);
            entry
                .peers
                .retain(|peer| !(peers.is_empty() || named(peer)));
            return Ok(());
        }
        for (span, peer) in &peers {
            if peer.is_unspecified() || peer.is_multicast() || peer.is_broadcast() {
                let message = format!("{peer} is no address of a peer.");
                return Err(Refusal::at(*span, "peer-address", message));
            }
            if !entry.peers.contains(peer) {
                room(entry.peers.len(), limits::PEERS, *span, "peers of an entry")?;
                entry.peers.push(*peer);
            }
        }
        Ok(())
    })
}

pub(super) fn set_transform_set(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let mut names: Vec<String> = Vec::new();
    for item in args.all("set name") {
        if !names.contains(&item.text) {
            let bound = limits::TRANSFORM_SETS_PER_ENTRY;
            room(names.len(), bound, item.span, "transform sets of an entry")?;
            names.push(item.text.clone());
        }
    }
    with_entry(edit, args, |entry| {
        match args.negated {
            true if names.is_empty() => entry.transform_sets.clear(),
            true => entry.transform_sets.retain(|name| !names.contains(name)),
            false => entry.transform_sets = names,
        }
        Ok(())
    })
}

/// Default of `set pfs`.
const PFS_GROUP: u8 = 2;

pub(super) fn set_pfs(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let group = args.find_number("group").and_then(|n| u8::try_from(n).ok());
    let group = group.unwrap_or(PFS_GROUP);
    with_entry(edit, args, |entry| {
        entry.pfs = (!args.negated).then_some(group);
        Ok(())
    })?;
    if !args.negated {
        legacy::group(edit, args.span_of("pfs"), group);
    }
    Ok(())
}

pub(super) fn set_lifetime(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    args.each_once()?;
    let value = |name| args.find_number(name).filter(|_| !args.negated);
    with_entry(edit, args, |entry| {
        if args.has("seconds") {
            entry.lifetime.seconds = value("time");
        }
        if args.has("kilobytes") {
            entry.lifetime.kilobytes = value("traffic");
        }
        Ok(())
    })
}

pub(super) fn set_spread(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let window = args.find_number("packets").filter(|_| !args.negated);
    with_entry(edit, args, |entry| {
        entry.spread_peer_window = window;
        Ok(())
    })
}

/// Keeps the words from `set` on.
pub(super) fn keep(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let from_set: Vec<_> = args
        .items
        .iter()
        .skip_while(|item| item.name != "set")
        .filter(|item| item.name != "ikev1")
        .collect();
    let key = from_set.iter().take(2).map(|item| item.text.as_str());
    let key = key.collect::<Vec<_>>().join(" ");
    let line = from_set.iter().map(|item| item.text.as_str());
    let line = line.collect::<Vec<_>>().join(" ");
    with_entry(edit, args, |entry| {
        crate::kept::set_keyed(&mut entry.kept, &key, line, args)
    })
}

pub(super) fn interface(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let name = args.text("map name")?;
    if args.negated {
        let nameif = args.find_text("nameif");
        for map in edit
            .config
            .crypto_maps
            .iter_mut()
            .filter(|map| map.name == name)
        {
            if nameif.is_none_or(|nameif| map.interface.as_deref() == Some(nameif)) {
                map.interface = None;
            }
        }
        drop_empty(edit.config);
        return Ok(());
    }
    let nameif = args.text("nameif")?;
    let maps = &mut edit.config.crypto_maps;
    if !maps.iter().any(|map| map.name == name) {
        room(maps.len(), limits::CRYPTO_MAPS, args.span, "crypto maps")?;
        maps.push(new_map(name.to_owned()));
    }
    let mut replaced = None;
    for map in maps {
        if map.name == name {
            map.interface = Some(nameif.to_owned());
        } else if map.interface.as_deref() == Some(nameif) {
            map.interface = None;
            replaced = Some(map.name.clone());
        }
    }
    if let Some(other) = replaced {
        let message = format!("{nameif} had the map {other}, which is now nowhere applied.");
        let help = "An interface has one crypto map; its entries are told apart by number.";
        edit.warn(args.span, "crypto-map-replaced", message, help);
        drop_empty(edit.config);
    }
    Ok(())
}

pub(super) fn entry(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    if !args.negated {
        return Ok(());
    }
    let name = args.text("map name")?;
    let sequence = args.find_number("sequence").map(|_| args.short("sequence"));
    let maps = &mut edit.config.crypto_maps;
    match sequence.transpose()? {
        None => maps.retain(|map| map.name != name),
        Some(sequence) => {
            for map in maps.iter_mut().filter(|map| map.name == name) {
                map.entries.retain(|entry| entry.sequence != sequence);
            }
            drop_empty(edit.config);
        }
    }
    Ok(())
}
