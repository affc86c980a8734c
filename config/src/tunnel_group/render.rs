//! `tunnel-group`s as text.

use crate::mode::TunnelBlock;
use crate::render::Sink;
use crate::{Config, Keepalive, TunnelGroup, TunnelGroupKind};

/// Writes the family.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    for group in &config.tunnel_groups {
        let kind = match group.kind {
            TunnelGroupKind::LanToLan => "ipsec-l2l",
            TunnelGroupKind::RemoteAccess => "remote-access",
        };
        out.line(format!("tunnel-group {} type {kind}", group.name));
        for block in [TunnelBlock::General, TunnelBlock::Ipsec] {
            let lines = block_lines(group, block, out);
            if !lines.is_empty() {
                out.line(format!("tunnel-group {} {}", group.name, block.keyword()));
            }
            for line in lines {
                out.nested(line);
            }
        }
    }
}

fn block_lines(group: &TunnelGroup, block: TunnelBlock, out: &Sink) -> Vec<String> {
    let mut lines = Vec::new();
    if block == TunnelBlock::Ipsec {
        if let Some(key) = &group.pre_shared_key {
            lines.push(format!("pre-shared-key {}", out.secret(key)));
        }
        if group.keepalive != Keepalive::default() || out.all() {
            lines.push(show_keepalive(group.keepalive));
        }
    }
    let kept = group.kept.iter().filter(|(of, _)| of == block.keyword());
    lines.extend(kept.map(|(_, line)| line.clone()));
    lines
}

fn show_keepalive(keepalive: Keepalive) -> String {
    if !keepalive.enabled {
        return "isakmp keepalive disable".to_owned();
    }
    let (threshold_s, retry_s) = (keepalive.threshold_s, keepalive.retry_s);
    format!("isakmp keepalive threshold {threshold_s} retry {retry_s}")
}
