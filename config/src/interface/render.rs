//! `interface` blocks and `mtu` as text.

use crate::render::Sink;
use crate::{Config, Interface};

/// Writes the blocks, what is unset in its `no` form, as an ASA does.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    for interface in &config.interfaces {
        out.line(format!("interface {}", interface.hardware));
        block(interface, out);
        out.separator();
    }
}

fn block(interface: &Interface, out: &mut Sink) {
    for line in &interface.kept {
        out.nested(line);
    }
    if interface.shutdown {
        out.nested("shutdown");
    } else if out.all() {
        out.nested("no shutdown");
    }
    match &interface.nameif {
        Some(name) => out.nested(format!("nameif {name}")),
        None => out.nested("no nameif"),
    }
    match interface.security_level {
        Some(level) => out.nested(format!("security-level {level}")),
        None => out.nested("no security-level"),
    }
    match interface.address {
        Some((address, mask)) => out.nested(format!("ip address {address} {mask}")),
        None => out.nested("no ip address"),
    }
    if let Some(device) = &interface.device {
        out.nested(format!("device {device}"));
    }
}

/// Default of `mtu`.
const MTU_BYTES: u16 = 1500;

/// Writes `mtu`s; with defaults one for every named interface.
pub(crate) fn render_mtus(config: &Config, out: &mut Sink) {
    for (nameif, bytes) in &config.mtus {
        out.line(format!("mtu {nameif} {bytes}"));
    }
    if out.all() {
        let set = |name: &&String| !config.mtus.iter().any(|(other, _)| other == *name);
        let names = config.interfaces.iter().filter_map(|i| i.nameif.as_ref());
        for nameif in names.filter(set) {
            out.line(format!("mtu {nameif} {MTU_BYTES}"));
        }
    }
}
