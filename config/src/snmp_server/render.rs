//! `snmp-server` as text.

use crate::render::Sink;
use crate::{Config, Snmp, SnmpHost};

/// Writes the family.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    let snmp = &config.snmp;
    for host in &snmp.hosts {
        let line = host_line(host, out);
        out.line(line);
    }
    if let Some(community) = &snmp.community {
        let line = format!("snmp-server community {}", out.secret(community));
        out.line(line);
    }
    let traps = &snmp.traps;
    named(
        "snmp",
        &[
            (traps.authentication, "authentication"),
            (traps.link_up, "linkup"),
            (traps.link_down, "linkdown"),
            (traps.cold_start, "coldstart"),
        ],
        out,
    );
    named(
        "ipsec",
        &[(traps.ipsec_start, "start"), (traps.ipsec_stop, "stop")],
        out,
    );
}

fn host_line(host: &SnmpHost, out: &Sink) -> String {
    let community = host.community.as_ref();
    let community = community.map_or_else(String::new, |secret| {
        format!(" community {}", out.secret(secret))
    });
    let port = match host.port {
        Snmp::TRAP_PORT => String::new(),
        port => format!(" udp-port {port}"),
    };
    let (nameif, address) = (&host.nameif, host.address);
    format!("snmp-server host {nameif} {address}{community} version 2c{port}")
}

/// The line of the traps of a kind that are on.
fn named(kind: &str, traps: &[(bool, &str)], out: &mut Sink) {
    let on: Vec<&str> = traps
        .iter()
        .filter(|(on, _)| *on)
        .map(|(_, word)| *word)
        .collect();
    if !on.is_empty() {
        out.line(format!("snmp-server enable traps {kind} {}", on.join(" ")));
    }
}
