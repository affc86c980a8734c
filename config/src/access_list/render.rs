//! `access-list`s as text.

use std::fmt::Write;

use crate::grammar::names::{ICMP_TYPES, LEVELS, PROTOCOLS, Transport, show, show_port};
use crate::render::Sink;
use crate::{AccessEntry, AccessList, AclLine, AclLog, Config, MaskedNet, PortMatch};

/// Writes the family.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    for list in &config.access_lists {
        for line in list.lines.iter() {
            out.line(list.line_text(line));
        }
    }
}

impl AccessList {
    /// The command that makes `line` a line of this list, as a configuration shows it.
    pub fn line_text(&self, line: &AclLine) -> String {
        format!("access-list {} {}", self.name, show_line(line))
    }
}

fn show_line(line: &AclLine) -> String {
    match line {
        AclLine::Remark(words) => format!("remark {words}"),
        AclLine::Standard { permit, net } => {
            format!("standard {} {}", action(*permit), show_net(*net))
        }
        AclLine::Extended(entry) => show_entry(entry),
    }
}

const fn action(permit: bool) -> &'static str {
    if permit { "permit" } else { "deny" }
}

/// An entry as it is written behind the name of its list: `extended permit ip ...`.
pub(crate) fn show_entry(entry: &AccessEntry) -> String {
    let transport = match entry.protocol {
        Some(6) => Some(Transport::Tcp),
        Some(17) => Some(Transport::Udp),
        _ => None,
    };
    let protocol = match entry.protocol {
        None => "ip".to_owned(),
        Some(1) => "icmp".to_owned(),
        Some(6) => "tcp".to_owned(),
        Some(17) => "udp".to_owned(),
        Some(number) => show(PROTOCOLS, u32::from(number)),
    };
    let mut text = format!(
        "extended {} {protocol} {}",
        action(entry.permit),
        show_net(entry.source)
    );
    show_ports(&mut text, entry.source_ports, transport);
    // Writing to a String does not fail.
    let _ = write!(text, " {}", show_net(entry.destination));
    show_ports(&mut text, entry.destination_ports, transport);
    if let Some(icmp_type) = entry.icmp_type {
        let _ = write!(text, " {}", show(ICMP_TYPES, u32::from(icmp_type)));
    }
    if let Some(log) = entry.log {
        show_log(&mut text, log);
    }
    if entry.inactive {
        text.push_str(" inactive");
    }
    text
}

fn show_net(net: MaskedNet) -> String {
    if net == MaskedNet::ANY {
        "any".to_owned()
    } else if net == MaskedNet::host(net.address) {
        format!("host {}", net.address)
    } else {
        net.to_string()
    }
}

fn show_ports(text: &mut String, ports: PortMatch, transport: Option<Transport>) {
    let port = |port| transport.map_or_else(String::new, |t| show_port(port, t));
    let shown = match ports {
        PortMatch::Any => return,
        PortMatch::Eq(other) => format!(" eq {}", port(other)),
        PortMatch::Neq(other) => format!(" neq {}", port(other)),
        PortMatch::Lt(bound) => format!(" lt {}", port(bound)),
        PortMatch::Gt(bound) => format!(" gt {}", port(bound)),
        PortMatch::Range(first, last) => format!(" range {} {}", port(first), port(last)),
    };
    text.push_str(&shown);
}

fn show_log(text: &mut String, log: AclLog) {
    text.push_str(" log");
    if log.disabled {
        text.push_str(" disable");
        return;
    }
    if log.level != 6 {
        let _ = write!(text, " {}", show(LEVELS, u32::from(log.level)));
    }
    if log.interval_s != 300 {
        let _ = write!(text, " interval {}", log.interval_s);
    }
}
