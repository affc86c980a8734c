//! `nat` and `global` to the translation rules.

use config::{Config, GlobalPool};
use fastpath::nat::ADDRESSES_MAX;
use fastpath::policy::{DynamicNat, InterfacePolicy, NatRules, NatSource, Pool, PortsOf};

use super::Notes;
use super::access::AclCache;
use super::interfaces::index_of;

/// The rules of `nat` and the pools of `global`.
pub(super) fn compile(
    config: &Config,
    interfaces: &[InterfacePolicy],
    acls: &mut AclCache,
    notes: &mut Notes,
) -> NatRules {
    let mut rules = NatRules {
        pools: compile_pools(config, interfaces, notes),
        ..NatRules::default()
    };
    for nat in &config.nats {
        compile_rule(config, nat, interfaces, acls, &mut rules, notes);
    }
    rules
}

fn compile_rule(
    config: &Config,
    nat: &config::Nat,
    interfaces: &[InterfacePolicy],
    acls: &mut AclCache,
    rules: &mut NatRules,
    notes: &mut Notes,
) {
    let item = format!("nat ({}) {}", nat.nameif, nat.nat_id);
    let Some(interface) = index_of(interfaces, &nat.nameif) else {
        notes.inactive(item, format!("no interface is named {}", nat.nameif));
        return;
    };
    let source = match &nat.source {
        config::NatSource::Net(net) => NatSource::Net {
            address: net.address.to_bits(),
            mask: net.mask.to_bits(),
        },
        config::NatSource::AccessList(name) => {
            let ports = if nat.nat_id == 0 {
                PortsOf::Nobody
            } else {
                PortsOf::Packet
            };
            let Some(acl) = acls.get(config, name, ports) else {
                notes.inactive(item, format!("access list {name} has no entry"));
                return;
            };
            if nat.nat_id == 0 {
                rules.exemptions.push((interface, acl));
                return;
            }
            NatSource::List(acl)
        }
    };
    if nat.nat_id != 0 && !config.globals.iter().any(|pool| pool.nat_id == nat.nat_id) {
        notes.warn(
            item,
            "no global has this number; what matches cannot be translated",
        );
    }
    rules.dynamic.push(DynamicNat {
        interface,
        nat_id: nat.nat_id,
        source,
    });
}

fn compile_pools(config: &Config, interfaces: &[InterfacePolicy], notes: &mut Notes) -> Vec<Pool> {
    let mut pools: Vec<Pool> = Vec::new();
    for global in &config.globals {
        let item = format!("global ({}) {}", global.nameif, global.nat_id);
        let Some(interface) = index_of(interfaces, &global.nameif) else {
            notes.inactive(item, format!("no interface is named {}", global.nameif));
            continue;
        };
        let address = match global.pool {
            GlobalPool::Interface => interfaces[usize::from(interface)].address,
            GlobalPool::Address(address) => address.to_bits(),
        };
        if address == 0 {
            notes.inactive(item, "the interface has no address");
            continue;
        }
        pools.push(Pool {
            interface,
            nat_id: global.nat_id,
            address,
        });
    }
    let mut addresses: Vec<u32> = pools.iter().map(|pool| pool.address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.len() > ADDRESSES_MAX {
        let text = format!("more than {ADDRESSES_MAX} mapped addresses; the last may get no port");
        notes.warn("global", text);
    }
    pools
}
