//! `crypto map`s as text.

use crate::render::Sink;
use crate::{Config, CryptoMapEntry};

/// Writes the family.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    for map in &config.crypto_maps {
        for entry in &map.entries {
            let head = format!("crypto map {} {}", map.name, entry.sequence);
            for line in entry_lines(entry) {
                out.line(format!("{head} {line}"));
            }
        }
        if let Some(nameif) = &map.interface {
            out.line(format!("crypto map {} interface {nameif}", map.name));
        }
    }
}

fn entry_lines(entry: &CryptoMapEntry) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(acl) = &entry.access_list {
        lines.push(format!("match address {acl}"));
    }
    if let Some(group) = entry.pfs {
        lines.push(format!("set pfs group{group}"));
    }
    if !entry.peers.is_empty() {
        let peers: Vec<_> = entry.peers.iter().map(ToString::to_string).collect();
        lines.push(format!("set peer {}", peers.join(" ")));
    }
    if !entry.transform_sets.is_empty() {
        lines.push(format!(
            "set transform-set {}",
            entry.transform_sets.join(" ")
        ));
    }
    if let Some(seconds) = entry.lifetime.seconds {
        lines.push(format!(
            "set security-association lifetime seconds {seconds}"
        ));
    }
    if let Some(kilobytes) = entry.lifetime.kilobytes {
        lines.push(format!(
            "set security-association lifetime kilobytes {kilobytes}"
        ));
    }
    if let Some(packets) = entry.spread_peer_window {
        lines.push(format!("set spread peer-window {packets}"));
    }
    lines.extend(entry.kept.iter().cloned());
    lines
}
