//! `logging` as text.

use super::parse::SYSLOG_PORT;
use crate::Config;
use crate::grammar::names::{LEVELS, show};
use crate::render::Sink;

/// Default of `buffer-size`.
const BUFFER_BYTES: u32 = 4096;

/// Writes the family.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    let logging = &config.logging;
    let name = |level: u8| show(LEVELS, u32::from(level));
    out.flag(logging.enabled, false, "logging enable");
    out.flag(logging.timestamp, false, "logging timestamp");
    match logging.buffer_size_bytes {
        Some(bytes) => out.line(format!("logging buffer-size {bytes}")),
        None if out.all() => out.line(format!("logging buffer-size {BUFFER_BYTES}")),
        None => {}
    }
    if let Some(level) = logging.buffered {
        out.line(format!("logging buffered {}", name(level)));
    }
    if let Some(level) = logging.trap {
        out.line(format!("logging trap {}", name(level)));
    }
    for host in &logging.hosts {
        let port = match host.port {
            SYSLOG_PORT => String::new(),
            port => format!(" udp/{port}"),
        };
        out.line(format!(
            "logging host {} {}{port}",
            host.nameif, host.address
        ));
    }
    if let Some((path, level)) = &logging.file {
        out.line(format!("logging file {path} {}", name(*level)));
    }
}
