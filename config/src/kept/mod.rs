//! Commands that are accepted, kept and rendered, and have no effect.

mod block;
mod parse;
mod render;
mod rows;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use block::{set_keyed, set_line};
pub(crate) use render::render;
pub(crate) use rows::ROWS;

/// Where kept commands stand in a rendered configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Passwords,
    System,
    Screen,
    Logging,
    Device,
    Servers,
    Crypto,
    Access,
    Policies,
    Prompt,
}

/// The slots of first words, in the order in which they are rendered.
const ORDER: &[(&str, Slot)] = &[
    ("enable", Slot::Passwords),
    ("passwd", Slot::Passwords),
    ("banner", Slot::System),
    ("boot", Slot::System),
    ("ftp", Slot::System),
    ("clock", Slot::System),
    ("pager", Slot::Screen),
    ("logging", Slot::Logging),
    ("failover", Slot::Device),
    ("icmp", Slot::Device),
    ("asdm", Slot::Device),
    ("arp", Slot::Device),
    ("dynamic-access-policy-record", Slot::Servers),
    ("http", Slot::Servers),
    ("snmp-server", Slot::Servers),
    ("crypto", Slot::Crypto),
    ("telnet", Slot::Access),
    ("ssh", Slot::Access),
    ("console", Slot::Access),
    ("threat-detection", Slot::Access),
    ("ntp", Slot::Access),
    ("class-map", Slot::Policies),
    ("policy-map", Slot::Policies),
    ("service-policy", Slot::Policies),
    ("prompt", Slot::Prompt),
];

/// The place of a kept line among kept lines.
fn rank(line: &str) -> Option<usize> {
    let line = line.strip_prefix("no ").unwrap_or(line);
    let first = line.split(' ').next()?;
    ORDER.iter().position(|(word, _)| *word == first)
}
