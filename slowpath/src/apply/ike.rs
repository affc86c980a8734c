//! What IKE needs to know: peers with their keys, and one tunnel per permit line; and the same
//! tunnels as their owner sees them.

use config::{AccessEntry, AclLine, Config, CryptoMapEntry, Keepalive, PortMatch};

use super::Notes;
use super::crypto::{ActiveEntry, group_of, key_of};
use super::identities::{TunnelKey, TunnelRegistry};
use crate::ike::{IkeConfig, PeerConfig, Selectors, TunnelConfig, TunnelId};
use crate::tunnel::TunnelSpec;

/// Seconds that an IPsec SA lives when nothing says otherwise (the ASA's default).
const LIFETIME_DEFAULT_S: u32 = 28_800;
/// MTU of an interface that does not name one.
const MTU_DEFAULT: u16 = 1500;

/// IKE's configuration, and the tunnels in the same order as there.
pub(super) fn plan(
    config: &Config,
    entries: &[ActiveEntry<'_>],
    registry: &mut TunnelRegistry,
    reordering_packets: u32,
    notes: &mut Notes,
) -> (IkeConfig, Vec<TunnelSpec>) {
    let mut policies = config.isakmp.policies.clone();
    policies.sort_by_key(|policy| policy.priority);
    let mut ike = IkeConfig {
        policies,
        identity: config.isakmp.identity.clone(),
        fqdn: fqdn(config),
        nat_traversal_s: config.isakmp.nat_traversal_s,
        ..IkeConfig::default()
    };
    let mut specs = Vec::new();
    registry.begin();
    for active in entries {
        let item = format!("crypto map {} {}", active.map, active.entry.sequence);
        if !config
            .isakmp
            .enabled_on
            .iter()
            .any(|on| on == active.nameif)
        {
            let text = format!(
                "crypto isakmp is not enabled on {}; what it covers is dropped",
                active.nameif
            );
            notes.warn(item, text);
            continue;
        }
        add_peers(config, active, &mut ike, &item, notes);
        let spread = is_spread(active.entry, reordering_packets, &item, notes);
        for (line, acl_line) in active.list.lines.iter().enumerate() {
            let AclLine::Extended(entry) = acl_line else {
                continue;
            };
            if !entry.permit || entry.inactive {
                continue;
            }
            // What a flow matched is told in 16 bits.
            let fits = u16::try_from(line).is_ok();
            let Some(selectors) = selectors(entry).filter(|_| fits) else {
                let text = format!(
                    "line {} of access list {} has no form in IKE; what it covers is dropped",
                    line + 1,
                    active.list.name
                );
                notes.warn(item.clone(), text);
                continue;
            };
            let key = TunnelKey::new(active.map, active.entry.sequence, entry);
            let (id, is_first) = registry.resolve(key, &active.entry.peers);
            if is_first {
                let tunnel = tunnel(config, active, id, selectors);
                specs.push(TunnelSpec {
                    spread,
                    ..spec(config, active, &tunnel, acl_line)
                });
                ike.tunnels.push(tunnel);
            }
        }
    }
    registry.end();
    (ike, specs)
}

/// Whether every worker may seal for an entry that asks for it: the peer drops what others have
/// overtaken by more packets than its replay window has (RFC 4303 section 3.4.3).
fn is_spread(
    entry: &CryptoMapEntry,
    reordering_packets: u32,
    item: &str,
    notes: &mut Notes,
) -> bool {
    let Some(window) = entry.spread_peer_window else {
        return false;
    };
    if window < reordering_packets {
        let text = format!(
            "the workers of this box can bring {reordering_packets} packets of an SA out of order, \
             the peer's window has {window}; one worker seals"
        );
        notes.inactive(format!("{item} set spread"), text);
    }
    (1..=window).contains(&reordering_packets)
}

fn fqdn(config: &Config) -> String {
    let identity = &config.identity;
    match &identity.domain_name {
        Some(domain) => format!("{}.{domain}", identity.hostname),
        None => identity.hostname.clone(),
    }
}

/// Adds the entry's peers, each once.
fn add_peers(
    config: &Config,
    active: &ActiveEntry<'_>,
    ike: &mut IkeConfig,
    item: &str,
    notes: &mut Notes,
) {
    for &address in &active.entry.peers {
        if ike.peers.iter().any(|peer| peer.address == address) {
            continue;
        }
        let pre_shared_key = key_of(config, address).cloned();
        if pre_shared_key.is_none() {
            notes.warn(item, format!("peer {address} has no pre-shared key"));
        }
        let keepalive =
            group_of(config, address).map_or_else(Keepalive::default, |group| group.keepalive);
        ike.peers.push(PeerConfig {
            address,
            pre_shared_key,
            keepalive,
        });
    }
}

/// The selectors of an entry. IKEv1 can name one port on each side or all of them (RFC 2407
/// section 4.6.2); an entry that asks for more has none, rather than wider ones.
fn selectors(entry: &AccessEntry) -> Option<Selectors> {
    let port = |ports| match ports {
        PortMatch::Any => Some(0),
        PortMatch::Eq(port) if port != 0 => Some(port),
        _ => None,
    };
    if entry.icmp_type.is_some() {
        return None;
    }
    Some(Selectors {
        local: entry.source,
        remote: entry.destination,
        protocol: entry.protocol.unwrap_or(0),
        local_port: port(entry.source_ports)?,
        remote_port: port(entry.destination_ports)?,
    })
}

fn tunnel(
    config: &Config,
    active: &ActiveEntry<'_>,
    id: TunnelId,
    selectors: Selectors,
) -> TunnelConfig {
    let own = active.entry.lifetime;
    let global = config.ipsec.lifetime;
    TunnelConfig {
        id,
        map_name: active.map.to_owned(),
        nameif: active.nameif.to_owned(),
        local: active.local,
        peers: active.entry.peers.clone(),
        selectors,
        proposals: active.suites.clone(),
        pfs: active.entry.pfs,
        lifetime_s: own.seconds.or(global.seconds).unwrap_or(LIFETIME_DEFAULT_S),
        lifetime_kb: own.kilobytes.or(global.kilobytes),
    }
}

fn spec(
    config: &Config,
    active: &ActiveEntry<'_>,
    tunnel: &TunnelConfig,
    line: &AclLine,
) -> TunnelSpec {
    let mtu = config.mtus.iter().find(|(name, _)| *name == tunnel.nameif);
    TunnelSpec {
        id: tunnel.id,
        map_name: tunnel.map_name.clone(),
        sequence: active.entry.sequence,
        selectors: tunnel.selectors,
        access_list_line: Some(active.list.line_text(line)),
        nameif: tunnel.nameif.clone(),
        local: tunnel.local,
        peers: tunnel.peers.clone(),
        proposals: tunnel.proposals.clone(),
        path_mtu: mtu.map_or(MTU_DEFAULT, |(_, bytes)| *bytes),
        spread: false,
    }
}
