//! What is incomplete: kept, inactive, and worth a warning.

mod logs;

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

use crate::diagnostic::{Diagnostic, Severity};
use crate::{AclLine, Config, CryptoMap, CryptoMapEntry, GlobalPool, NatSource, TunnelGroupKind};

/// Warnings about references that lead nowhere and about parts that are not there yet. They are
/// on the configuration as a whole: they have no line. Takes time linear in the configuration.
pub fn check(config: &Config) -> Vec<Diagnostic> {
    let mut check = Check::new(config);
    check.interfaces();
    check.access_lists();
    check.access_groups();
    check.routes();
    check.translation();
    check.isakmp();
    check.crypto_maps();
    check.tunnel_groups();
    check.logging();
    check.snmp();
    check.found
}

struct Check<'a> {
    config: &'a Config,
    nameifs: HashSet<&'a str>,
    access_lists: HashSet<&'a str>,
    transform_sets: HashSet<&'a str>,
    /// Whether the LAN-to-LAN group of this name has a key that can be used.
    keys: HashMap<&'a str, bool>,
    found: Vec<Diagnostic>,
}

impl<'a> Check<'a> {
    fn new(config: &'a Config) -> Self {
        let nameifs = config.interfaces.iter().filter_map(|i| i.nameif.as_deref());
        let sets = config.ipsec.transform_sets.iter();
        let groups = config.tunnel_groups.iter();
        let groups = groups.filter(|group| group.kind == TunnelGroupKind::LanToLan);
        let usable = groups.map(|group| {
            let key = group.pre_shared_key.as_ref();
            (group.name.as_str(), key.is_some_and(|key| !key.is_masked()))
        });
        Self {
            config,
            nameifs: nameifs.collect(),
            access_lists: config
                .access_lists
                .iter()
                .map(|list| list.name.as_str())
                .collect(),
            transform_sets: sets.map(|set| set.name.as_str()).collect(),
            keys: usable.collect(),
            found: Vec::new(),
        }
    }

    fn warn(&mut self, code: &'static str, message: String, help: &str) {
        let warning = Diagnostic::global(Severity::Warning, code, message);
        self.found.push(warning.helped(help));
    }

    fn need_nameif(&mut self, nameif: &str, what: &str) {
        if !self.nameifs.contains(nameif) {
            let message = format!("{what}: no interface is named {nameif}.");
            self.warn(
                "unknown-interface",
                message,
                "Write `nameif` in the interface's block.",
            );
        }
    }

    fn need_access_list(&mut self, name: &str, what: &str) {
        if !self.access_lists.contains(name) {
            let message = format!("{what}: there is no access list {name}.");
            self.warn(
                "unknown-access-list",
                message,
                "It has no effect until the list is there.",
            );
        }
    }

    fn interfaces(&mut self) {
        for interface in &self.config.interfaces {
            let hardware = &interface.hardware;
            if interface.nameif.is_some()
                && interface.device.is_none()
                && interface.port().is_none()
            {
                let message = format!("{hardware} has no device and stays down.");
                let help = "Write `device` and the EAL's name of the port in its block.";
                self.warn("interface-without-device", message, help);
            }
            if interface.shutdown {
                continue;
            }
            if interface.nameif.is_some() && interface.address.is_none() {
                let message = format!("{hardware} has a name and no address.");
                self.warn("interface-without-address", message, "Write `ip address`.");
            }
            if interface.nameif.is_none() && interface.address.is_some() {
                let message = format!("{hardware} has an address and no name: nothing uses it.");
                self.warn("interface-without-name", message, "Write `nameif`.");
            }
        }
        for (nameif, _) in &self.config.mtus {
            self.need_nameif(nameif, "mtu");
        }
    }

    fn access_lists(&mut self) {
        for list in &self.config.access_lists {
            let mut seen = HashSet::new();
            for (index, line) in list.lines.iter().enumerate() {
                if !matches!(line, AclLine::Remark(_)) && !seen.insert(line) {
                    let number = index + 1;
                    let message =
                        format!("Line {number} of access list {} repeats one.", list.name);
                    self.warn(
                        "repeated-line",
                        message,
                        "The first of the two is the one that counts.",
                    );
                }
            }
        }
    }

    fn access_groups(&mut self) {
        for group in &self.config.access_groups {
            let what = format!("access-group {}", group.access_list);
            self.need_access_list(&group.access_list, &what);
            self.need_nameif(&group.nameif, &what);
        }
    }

    fn routes(&mut self) {
        for route in &self.config.routes {
            let what = format!("route to {}", route.net);
            self.need_nameif(&route.nameif, &what);
            if route.net.address.is_unspecified() && route.net.mask == Ipv4Addr::BROADCAST {
                let message = "The route to 0.0.0.0 255.255.255.255 is to one host.".to_owned();
                let help = "If the default route is meant, write `0.0.0.0 0.0.0.0`.";
                self.warn("host-route-to-zeros", message, help);
            }
        }
    }

    fn translation(&mut self) {
        for global in &self.config.globals {
            let what = format!("global {}", global.nat_id);
            self.need_nameif(&global.nameif, &what);
            if let GlobalPool::Address(address) = global.pool
                && address.is_unspecified()
            {
                let message = format!("{what}: 0.0.0.0 is no address to translate to.");
                self.warn(
                    "global-address",
                    message,
                    "Write `interface` or an address.",
                );
            }
        }
        let pools: HashSet<u32> = self.config.globals.iter().map(|g| g.nat_id).collect();
        for nat in &self.config.nats {
            let what = format!("nat {}", nat.nat_id);
            self.need_nameif(&nat.nameif, &what);
            if let NatSource::AccessList(name) = &nat.source {
                self.need_access_list(name, &what);
            }
            if nat.nat_id != 0 && !pools.contains(&nat.nat_id) {
                let message = format!("{what}: there is no global of this number.");
                let help = format!("Write `global (outside) {} interface`.", nat.nat_id);
                self.warn("nat-without-global", message, &help);
            }
        }
    }

    fn isakmp(&mut self) {
        for nameif in &self.config.isakmp.enabled_on {
            self.need_nameif(nameif, "crypto isakmp enable");
        }
    }

    fn crypto_maps(&mut self) {
        let applied = self
            .config
            .crypto_maps
            .iter()
            .any(|map| map.interface.is_some());
        if applied && self.config.isakmp.policies.is_empty() {
            let message = "A crypto map is applied and there is no ISAKMP policy.".to_owned();
            self.warn(
                "no-isakmp-policy",
                message,
                "Write `crypto isakmp policy 10`.",
            );
        }
        for map in &self.config.crypto_maps {
            self.crypto_map(map);
            for entry in &map.entries {
                self.entry(&map.name, entry);
            }
        }
    }

    fn crypto_map(&mut self, map: &CryptoMap) {
        let name = &map.name;
        let Some(nameif) = &map.interface else {
            let message = format!("The crypto map {name} is applied to no interface.");
            let help = format!("Write `crypto map {name} interface` and the interface's name.");
            self.warn("crypto-map-not-applied", message, &help);
            return;
        };
        self.need_nameif(nameif, &format!("crypto map {name}"));
        if !self.config.isakmp.enabled_on.contains(nameif) {
            let message = format!("The crypto map {name} is on {nameif}, where IKE is off.");
            let help = format!("Write `crypto isakmp enable {nameif}`.");
            self.warn("isakmp-not-enabled", message, &help);
        }
        if map.entries.is_empty() {
            let message = format!("The crypto map {name} has no entry.");
            self.warn(
                "crypto-map-empty",
                message,
                "Write `crypto map ... match address`.",
            );
        }
    }

    fn entry(&mut self, map: &str, entry: &CryptoMapEntry) {
        let what = format!("crypto map {map} {}", entry.sequence);
        let mut missing = Vec::new();
        match &entry.access_list {
            Some(name) => self.need_access_list(name, &what),
            None => missing.push("`match address`"),
        }
        if entry.peers.is_empty() {
            missing.push("`set peer`");
        }
        if entry.transform_sets.is_empty() {
            missing.push("`set transform-set`");
        }
        if !missing.is_empty() {
            let message = format!("{what} is incomplete: {} is missing.", missing.join(", "));
            self.warn(
                "crypto-map-incomplete",
                message,
                "Until then the entry has no tunnel, and what its access list permits is dropped.",
            );
        }
        for name in &entry.transform_sets {
            if !self.transform_sets.contains(name.as_str()) {
                let message = format!("{what}: there is no transform set {name}.");
                self.warn(
                    "unknown-transform-set",
                    message,
                    "Write `crypto ipsec transform-set`.",
                );
            }
        }
        for peer in &entry.peers {
            self.peer_key(*peer, &what);
        }
    }

    /// The group of the peer's address, or the default group, has the key.
    fn peer_key(&mut self, peer: Ipv4Addr, what: &str) {
        let own = self.keys.get(peer.to_string().as_str());
        let usable = own.or_else(|| self.keys.get("DefaultL2LGroup")).copied();
        if usable != Some(true) {
            let message = format!("{what}: there is no usable key for the peer {peer}.");
            let help = format!(
                "Write `tunnel-group {peer} type ipsec-l2l`, `tunnel-group {peer} \
                 ipsec-attributes` and `pre-shared-key`."
            );
            self.warn("peer-without-key", message, &help);
        }
    }

    fn tunnel_groups(&mut self) {
        let entries = self.config.crypto_maps.iter().flat_map(|map| &map.entries);
        let peers: HashSet<Ipv4Addr> = entries.flat_map(|entry| &entry.peers).copied().collect();
        for group in &self.config.tunnel_groups {
            let Ok(address) = group.name.parse::<Ipv4Addr>() else {
                continue;
            };
            if group.kind == TunnelGroupKind::LanToLan && !peers.contains(&address) {
                let message = format!("No crypto map has the peer of tunnel-group {address}.");
                self.warn(
                    "tunnel-group-unused",
                    message,
                    "Write `crypto map ... set peer`.",
                );
            }
        }
    }
}
