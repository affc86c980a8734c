//! `show logging`: the header and the buffer.
//!
//! The lines are from published samples, without those that came after 8.2. `File logging` is
//! ours and printed only where a file is configured.

use std::net::Ipv4Addr;

use serde::Serialize;

use super::Append;

use crate::syslog::level_name;

/// State of the log and its buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LoggingView {
    /// `logging enable`.
    pub enabled: bool,
    /// `logging timestamp`.
    pub timestamp: bool,
    /// `logging buffered`.
    pub buffered: Option<SinkView>,
    /// `logging trap`.
    pub trap: Option<SinkView>,
    /// `logging host`s.
    pub hosts: Vec<HostView>,
    /// `logging file`: path and counters.
    pub file: Option<(String, SinkView)>,
    /// Lines that found the writer's queue full.
    pub queue_dropped: u64,
    /// The buffer's lines, oldest first.
    pub buffer: Vec<String>,
}

/// A place where messages go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SinkView {
    /// Least important level that goes there.
    pub level: u8,
    /// Messages that went there.
    pub messages: u64,
}

/// A syslog host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostView {
    /// Name of the interface.
    pub nameif: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Datagrams sent.
    pub sent: u64,
    /// Datagrams that the system refused.
    pub errors: u64,
}

const fn on_off(on: bool) -> &'static str {
    if on { "enabled" } else { "disabled" }
}

fn sink(sink: Option<&SinkView>, facility: &str) -> String {
    sink.map_or_else(
        || "disabled".to_owned(),
        |sink| {
            let (level, messages) = (level_name(sink.level), sink.messages);
            format!("level {level}{facility}, {messages} messages logged")
        },
    )
}

impl LoggingView {
    /// `show logging`.
    pub fn render(&self) -> String {
        let mut out = format!(
            "Syslog logging: {}\n    Facility: 20\n    Timestamp logging: {}\n    \
             Standby logging: disabled\n    Debug-trace logging: disabled\n    \
             Console logging: disabled\n    Monitor logging: disabled\n    \
             Buffer logging: {}\n    Trap logging: {}\n",
            on_off(self.enabled),
            on_off(self.timestamp),
            sink(self.buffered.as_ref(), ""),
            sink(self.trap.as_ref(), ", facility 20"),
        );
        for host in &self.hosts {
            out.append(format_args!(
                "        Logging to {} {}, UDP TX:{} errors: {}  dropped: {}\n",
                host.nameif, host.address, host.sent, host.errors, self.queue_dropped
            ));
        }
        if let Some((path, counters)) = &self.file {
            let state = sink(Some(counters), "");
            out.append(format_args!("    File logging: {path}, {state}\n"));
        }
        out.push_str(
            "    History logging: disabled\n    Device ID: disabled\n    \
             Mail logging: disabled\n    ASDM logging: disabled\n",
        );
        for line in &self.buffer {
            out.push_str(line);
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_buffer_are_those_of_8_2() {
        let view = LoggingView {
            enabled: true,
            timestamp: true,
            buffered: Some(SinkView {
                level: 4,
                messages: 10_003,
            }),
            trap: Some(SinkView {
                level: 6,
                messages: 39_294,
            }),
            hosts: vec![HostView {
                nameif: "inside".to_owned(),
                address: Ipv4Addr::new(10, 67, 88, 90),
                sent: 323,
                errors: 0,
            }],
            file: Some((
                "/var/log/holdfast.log".to_owned(),
                SinkView {
                    level: 7,
                    messages: 12,
                },
            )),
            queue_dropped: 1,
            buffer: vec!["%ASA-6-199002: Startup completed.  Beginning operation.".to_owned()],
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
    fn what_is_off_says_so() {
        let text = LoggingView::default().render();
        assert!(text.starts_with("Syslog logging: disabled\n"));
        assert!(
            text.contains("    Buffer logging: disabled\n    Trap logging: disabled\n    Hist")
        );
    }
}
