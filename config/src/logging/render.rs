//! `logging` as text.

use super::parse::SYSLOG_PORT;
use crate::grammar::names::{LEVELS, show};
use crate::render::Sink;
use crate::{
    Config, DeviceId, LogFilter, LogRateLimit, LogRule, LogTransport, Logging, LoggingHost,
    RateLimited, Timestamp,
};

/// Default of `buffer-size`.
const BUFFER_BYTES: u32 = 4096;

fn severity(level: u8) -> String {
    show(LEVELS, u32::from(level))
}

fn filter(filter: &LogFilter) -> String {
    match filter {
        LogFilter::Level(level) => severity(*level),
        LogFilter::List(name) => name.clone(),
    }
}

/// Writes the family.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    let logging = &config.logging;
    out.flag(logging.enabled, false, "logging enable");
    match logging.timestamp {
        Timestamp::Rfc5424 => out.line("logging timestamp rfc5424"),
        stamp => out.flag(stamp == Timestamp::Asa, false, "logging timestamp"),
    }
    lists(logging, out);
    destinations(logging, out);
    details(logging, out);
}

fn lists(logging: &Logging, out: &mut Sink) {
    for list in &logging.lists {
        for rule in &list.rules {
            let rule = match rule {
                LogRule::Level { level, class } => {
                    let class = class.map_or(String::new(), |it| format!(" class {}", it.name()));
                    format!("level {}{class}", severity(*level))
                }
                LogRule::Messages { first, last } if first == last => format!("message {first}"),
                LogRule::Messages { first, last } => format!("message {first}-{last}"),
            };
            out.line(format!("logging list {} {rule}", list.name));
        }
    }
}

fn destinations(logging: &Logging, out: &mut Sink) {
    match logging.buffer_size_bytes {
        Some(bytes) => out.line(format!("logging buffer-size {bytes}")),
        None if out.all() => out.line(format!("logging buffer-size {BUFFER_BYTES}")),
        None => {}
    }
    for (word, wanted) in [
        ("console", &logging.console),
        ("buffered", &logging.buffered),
        ("trap", &logging.trap),
    ] {
        if let Some(wanted) = wanted {
            out.line(format!("logging {word} {}", filter(wanted)));
        }
    }
    for host in &logging.hosts {
        out.line(host_line(host));
    }
    out.flag(logging.permit_hostdown, false, "logging permit-hostdown");
    if let Some((path, wanted)) = &logging.file {
        out.line(format!("logging file {path} {}", filter(wanted)));
    }
}

fn host_line(host: &LoggingHost) -> String {
    let port = match (host.transport, host.port) {
        (LogTransport::Udp, SYSLOG_PORT) => String::new(),
        (LogTransport::Udp, port) => format!(" udp/{port}"),
        (LogTransport::Tcp, port) => format!(" tcp/{port}"),
    };
    format!("logging host {} {}{port}", host.nameif, host.address)
}

fn details(logging: &Logging, out: &mut Sink) {
    if logging.facility != Logging::FACILITY || out.all() {
        out.line(format!("logging facility {}", logging.facility));
    }
    if let Some(id) = &logging.device_id {
        let id = match id {
            DeviceId::Hostname => "hostname".to_owned(),
            DeviceId::Address(nameif) => format!("ipaddress {nameif}"),
            DeviceId::Text(text) => format!("string {text}"),
            DeviceId::Context => "context-name".to_owned(),
        };
        out.line(format!("logging device-id {id}"));
    }
    if logging.queue != Logging::QUEUE || out.all() {
        out.line(format!("logging queue {}", logging.queue));
    }
    for message in &logging.messages {
        let id = message.id;
        if let Some(level) = message.level {
            out.line(format!("logging message {id} level {}", severity(level)));
        }
        if !message.enabled {
            out.line(format!("no logging message {id}"));
        }
    }
    for limit in &logging.rate_limits {
        out.line(rate_limit(limit));
    }
}

fn rate_limit(limit: &LogRateLimit) -> String {
    let rate = limit.limit.map_or_else(
        || "unlimited".to_owned(),
        |(number, interval_s)| format!("{number} {interval_s}"),
    );
    let of = match limit.of {
        RateLimited::Level(level) => format!("level {}", severity(level)),
        RateLimited::Message(id) => format!("message {id}"),
    };
    format!("logging rate-limit {rate} {of}")
}
