//! `show logging`: the header and the buffer.
//!
//! The lines are from published samples, without those that came after 8.2. `File logging` is
//! ours and printed only where a file is configured.

use std::net::Ipv4Addr;

use config::{LogFilter, Timestamp};
use serde::Serialize;

use super::Append;

use crate::syslog::level_name;

/// How lines begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimestampView {
    /// With the message.
    #[default]
    Disabled,
    /// With date and time.
    Enabled,
    /// With the time of RFC 5424.
    Rfc5424,
}

impl From<Timestamp> for TimestampView {
    fn from(timestamp: Timestamp) -> Self {
        match timestamp {
            Timestamp::Off => Self::Disabled,
            Timestamp::Asa => Self::Enabled,
            Timestamp::Rfc5424 => Self::Rfc5424,
        }
    }
}

impl TimestampView {
    const fn text(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
            Self::Rfc5424 => "enabled, rfc5424",
        }
    }
}

/// State of the log and its buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LoggingView {
    /// `logging enable`.
    pub enabled: bool,
    /// `logging timestamp`.
    pub timestamp: TimestampView,
    /// `logging facility`.
    pub facility: u8,
    /// `logging device-id`, as it is printed.
    pub device_id: Option<String>,
    /// `logging console`.
    pub console: Option<SinkView>,
    /// `logging buffered`.
    pub buffered: Option<SinkView>,
    /// `logging trap`.
    pub trap: Option<SinkView>,
    /// `logging host`s.
    pub hosts: Vec<HostView>,
    /// `logging permit-hostdown`.
    pub permit_hostdown: bool,
    /// `logging file`: path and counters.
    pub file: Option<(String, SinkView)>,
    /// Messages that a rate limit kept back.
    pub rate_limited: u64,
    /// The buffer's lines, oldest first.
    pub buffer: Vec<String>,
}

/// A place where messages go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SinkView {
    /// Least important level that goes there, where no list says it.
    pub level: Option<u8>,
    /// The list whose messages go there.
    pub list: Option<String>,
    /// Messages that went there.
    pub messages: u64,
}

impl SinkView {
    /// A place that takes what `filter` says.
    pub fn new(filter: &LogFilter, messages: u64) -> Self {
        let (level, list) = match filter {
            LogFilter::Level(level) => (Some(*level), None),
            LogFilter::List(name) => (None, Some(name.clone())),
        };
        Self {
            level,
            list,
            messages,
        }
    }

    fn filter(&self) -> String {
        match (&self.list, self.level) {
            (Some(list), _) => format!("list {list}"),
            (None, level) => format!("level {}", level_name(level.unwrap_or_default())),
        }
    }
}

/// A syslog host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostView {
    /// Name of the interface.
    pub nameif: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Whether it is reached over TCP.
    pub tcp: bool,
    /// Its port.
    pub port: u16,
    /// Messages sent.
    pub sent: u64,
    /// Messages that could not be sent.
    pub errors: u64,
    /// Messages that found its queue full.
    pub dropped: u64,
    /// It does not answer.
    pub down: bool,
}

const fn on_off(on: bool) -> &'static str {
    if on { "enabled" } else { "disabled" }
}

fn sink(sink: Option<&SinkView>, facility: &str) -> String {
    sink.map_or_else(
        || "disabled".to_owned(),
        |sink| {
            let (filter, messages) = (sink.filter(), sink.messages);
            format!("{filter}{facility}, {messages} messages logged")
        },
    )
}

impl LoggingView {
    /// `show logging`.
    pub fn render(&self) -> String {
        let facility = format!(", facility {}", self.facility);
        let mut out = format!(
            "Syslog logging: {}\n    Facility: {}\n    Timestamp logging: {}\n    \
             Standby logging: disabled\n    Debug-trace logging: disabled\n    \
             Console logging: {}\n    Monitor logging: disabled\n    \
             Buffer logging: {}\n    Trap logging: {}\n",
            on_off(self.enabled),
            self.facility,
            self.timestamp.text(),
            sink(self.console.as_ref(), ""),
            sink(self.buffered.as_ref(), ""),
            sink(self.trap.as_ref(), &facility),
        );
        for host in &self.hosts {
            host.render(&mut out);
        }
        if self.hosts.iter().any(|host| host.tcp) {
            let permit = on_off(self.permit_hostdown);
            out.append(format_args!("    Permit-hostdown logging: {permit}\n"));
        }
        if let Some((path, counters)) = &self.file {
            let state = sink(Some(counters), "");
            out.append(format_args!("    File logging: {path}, {state}\n"));
        }
        let device = self.device_id.as_deref().unwrap_or("disabled");
        out.append(format_args!(
            "    History logging: disabled\n    Device ID: {device}\n    \
             Mail logging: disabled\n    ASDM logging: disabled\n",
        ));
        if self.rate_limited > 0 {
            let count = self.rate_limited;
            out.append(format_args!("    Rate limited: {count} messages\n"));
        }
        for line in &self.buffer {
            out.push_str(line);
            out.push('\n');
        }
        out
    }
}

impl HostView {
    fn render(&self, out: &mut String) {
        let Self {
            nameif,
            address,
            port,
            sent,
            errors,
            dropped,
            ..
        } = self;
        let way = if self.tcp {
            format!(" tcp/{port} TX:{sent}")
        } else {
            format!(", UDP TX:{sent}")
        };
        let down = if self.down { "  not responding" } else { "" };
        out.append(format_args!(
            "        Logging to {nameif} {address}{way} errors: {errors}  dropped: {dropped}{down}\n",
        ));
    }
}

/// `show logging queue`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueueView {
    /// Messages that may wait for each destination.
    pub limit: usize,
    /// Messages that found a queue full.
    pub dropped: u64,
    /// Messages that wait, where most do.
    pub waiting: usize,
    /// Most that ever did.
    pub most: usize,
}

impl QueueView {
    /// The lines of `show logging queue`.
    pub fn render(&self) -> String {
        format!(
            "Logging Queue length limit : {} msg(s)\n{} msg(s) discarded due to queue overflow\n\
             Current {} msg on queue, {} msgs most on queue\n",
            self.limit, self.dropped, self.waiting, self.most
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(level: u8, messages: u64) -> SinkView {
        SinkView::new(&LogFilter::Level(level), messages)
    }

    fn host(tcp: bool) -> HostView {
        HostView {
            nameif: "inside".to_owned(),
            address: Ipv4Addr::new(10, 67, 88, 90),
            tcp,
            port: if tcp { 1470 } else { 514 },
            sent: 323,
            errors: 0,
            dropped: 1,
            down: tcp,
        }
    }

    #[test]
    fn header_and_buffer_are_those_of_8_2() {
        let view = LoggingView {
            enabled: true,
            timestamp: TimestampView::Enabled,
            facility: 20,
            buffered: Some(level(4, 10_003)),
            trap: Some(level(6, 39_294)),
            hosts: vec![host(false)],
            file: Some(("/var/log/holdfast.log".to_owned(), level(7, 12))),
            buffer: vec!["%ASA-6-199002: Startup completed.  Beginning operation.".to_owned()],
            ..LoggingView::default()
        };
        let expected = "\
Syslog logging: enabled
    Facility: 20
    Timestamp logging: enabled
    Standby logging: disabled
    Debug-trace logging: disabled
    Console logging: disabled
    Monitor logging: disabled
    Buffer logging: level warnings, 10003 messages logged
    Trap logging: level informational, facility 20, 39294 messages logged
        Logging to inside 10.67.88.90, UDP TX:323 errors: 0  dropped: 1
    File logging: /var/log/holdfast.log, level debugging, 12 messages logged
    History logging: disabled
    Device ID: disabled
    Mail logging: disabled
    ASDM logging: disabled
%ASA-6-199002: Startup completed.  Beginning operation.
";
        assert_eq!(view.render(), expected);
    }

    #[test]
    fn lists_tcp_hosts_and_the_box_s_name_are_shown() {
        let view = LoggingView {
            enabled: true,
            timestamp: TimestampView::Rfc5424,
            facility: 16,
            device_id: Some("hostname \"head\"".to_owned()),
            console: Some(level(3, 2)),
            trap: Some(SinkView::new(&LogFilter::List("vpn".to_owned()), 7)),
            hosts: vec![host(true)],
            rate_limited: 9,
            ..LoggingView::default()
        };
        let text = view.render();
        for line in [
            "    Facility: 16",
            "    Timestamp logging: enabled, rfc5424",
            "    Console logging: level errors, 2 messages logged",
            "    Trap logging: list vpn, facility 16, 7 messages logged",
            "        Logging to inside 10.67.88.90 tcp/1470 TX:323 errors: 0  dropped: 1  not \
             responding",
            "    Permit-hostdown logging: disabled",
            "    Device ID: hostname \"head\"",
            "    Rate limited: 9 messages",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
    }

    #[test]
    fn what_is_off_says_so() {
        let text = LoggingView::default().render();
        assert!(text.starts_with("Syslog logging: disabled\n"));
        assert!(
            text.contains("    Buffer logging: disabled\n    Trap logging: disabled\n    Hist")
        );
    }

    #[test]
    fn the_queue_is_shown() {
        let queue = QueueView {
            limit: 512,
            dropped: 3,
            waiting: 5,
            most: 512,
        };
        assert_eq!(
            queue.render(),
            "Logging Queue length limit : 512 msg(s)\n3 msg(s) discarded due to queue overflow\n\
             Current 5 msg on queue, 512 msgs most on queue\n"
        );
    }
}
