//! What IKE needs to know: peers with their keys, and one tunnel per permit line.

use config::{AccessEntry, AclLine, Config, Keepalive, PortMatch};

use super::crypto::{ActiveEntry, group_of, key_of};
use super::tunnels::{TunnelKey, TunnelRegistry};
use super::{Notes, PlannedTunnel};
use crate::ike::{IkeConfig, PeerConfig, Selectors, TunnelConfig, TunnelId};

/// Seconds that an IPsec SA lives when nothing says otherwise (the ASA's default).
const LIFETIME_DEFAULT_S: u32 = 28_800;

/// IKE's configuration, and the tunnels in the same order as there.
pub(super) fn plan(
    config: &Config,
    entries: &[ActiveEntry<'_>],
    registry: &mut TunnelRegistry,
    notes: &mut Notes,
) -> (IkeConfig, Vec<PlannedTunnel>) {
    let mut policies = config.isakmp.policies.clone();
    policies.sort_by_key(|policy| policy.priority);
    let mut ike = IkeConfig {
        policies,
        identity: config.isakmp.identity.clone(),
        fqdn: fqdn(config),
        nat_traversal_s: config.isakmp.nat_traversal_s,
        ..IkeConfig::default()
    };
    let mut tunnels = Vec::new();
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
        for (line, acl_line) in active.list.lines.iter().enumerate() {
            let AclLine::Extended(entry) = acl_line else {
                continue;
            };
            if !entry.permit || entry.inactive {
                continue;
            }
            let Some((line, selectors)) = u16::try_from(line).ok().zip(selectors(entry)) else {
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
                ike.tunnels.push(tunnel(config, active, id, selectors));
                tunnels.push(planned(active, id, line));
            }
        }
    }
    registry.end();
    (ike, tunnels)
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

fn planned(active: &ActiveEntry<'_>, id: TunnelId, line: u16) -> PlannedTunnel {
    PlannedTunnel {
        id,
        map: active.map.to_owned(),
        sequence: active.entry.sequence,
        access_list: active.list.name.clone(),
        line,
        interface: active.interface,
    }
}
