//! `interface` blocks to the interfaces of a policy.

use config::{Config, Interface};
use fastpath::policy::InterfacePolicy;

use super::Notes;

/// Interfaces of one policy: an index is one byte, and 255 means unknown.
const INTERFACES_MAX: usize = 255;
/// Bytes of an IP packet on an interface without `mtu`.
const MTU_DEFAULT: u16 = 1500;

/// Interfaces in the order of their blocks. A block without a name keeps its place, so that naming
/// one interface does not renumber the others: entries of the connection table hold the numbers.
pub(super) fn compile(
    config: &Config,
    ports: &[(String, u16)],
    notes: &mut Notes,
) -> Vec<InterfacePolicy> {
    if config.interfaces.len() > INTERFACES_MAX {
        notes.warn(
            "interface",
            format!("only the first {INTERFACES_MAX} are used"),
        );
    }
    let blocks = config.interfaces.iter().take(INTERFACES_MAX);
    blocks
        .map(|block| compile_block(config, block, ports, notes))
        .collect()
}

fn compile_block(
    config: &Config,
    block: &Interface,
    ports: &[(String, u16)],
    notes: &mut Notes,
) -> InterfacePolicy {
    let nameif = block.nameif.clone().unwrap_or_default();
    let port = ports
        .iter()
        .find(|(hardware, _)| *hardware == block.hardware)
        .map(|(_, port)| *port);
    let in_use = !nameif.is_empty() && !block.shutdown;
    if in_use && port.is_none() {
        let item = format!("interface {}", block.hardware);
        notes.inactive(item, "there is no device for it; the interface is down");
    }
    let (address, mask) = block.address.map_or((0, 0), |(address, mask)| {
        (address.to_bits(), mask.to_bits())
    });
    let mtu = config.mtus.iter().find(|(name, _)| *name == nameif);
    InterfacePolicy {
        port,
        security_level: security_level(block, &nameif),
        address,
        mask,
        mtu: mtu.map_or(MTU_DEFAULT, |(_, bytes)| *bytes),
        up: in_use && port.is_some(),
        access_in: None,
        access_out: None,
        isakmp: config.isakmp.enabled_on.contains(&nameif),
        crypto_map: None,
        nameif,
    }
}

/// An ASA gives the name `inside` 100 and every other name 0 unless told otherwise.
fn security_level(block: &Interface, nameif: &str) -> u8 {
    let default = if nameif == "inside" { 100 } else { 0 };
    block.security_level.unwrap_or(default)
}

/// The index of the interface with this name.
pub(super) fn index_of(interfaces: &[InterfacePolicy], nameif: &str) -> Option<u8> {
    interfaces
        .iter()
        .position(|interface| !nameif.is_empty() && interface.nameif == nameif)
        .map(|index| index as u8)
}
