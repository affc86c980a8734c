//! `logging`: which messages go where, and in which form.

use std::net::Ipv4Addr;

use crate::LogClass;

/// `logging`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// `enable`.
    pub enabled: bool,
    /// `timestamp [rfc5424]`.
    pub timestamp: Timestamp,
    /// `console`: the process's standard error.
    pub console: Option<LogFilter>,
    /// `buffered`.
    pub buffered: Option<LogFilter>,
    /// `buffer-size BYTES`, default 4096.
    pub buffer_size_bytes: Option<u32>,
    /// `trap`: what goes to the hosts.
    pub trap: Option<LogFilter>,
    /// `host NAMEIF ADDRESS [tcp/PORT | udp/PORT]`.
    pub hosts: Vec<LoggingHost>,
    /// `permit-hostdown`, kept: traffic never waits for a host.
    pub permit_hostdown: bool,
    /// Ours: `file PATH LEVEL`.
    pub file: Option<(String, LogFilter)>,
    /// `list`s in the order of first mention.
    pub lists: Vec<LogList>,
    /// `facility`, 16 to 23.
    pub facility: u8,
    /// `device-id`.
    pub device_id: Option<DeviceId>,
    /// `rate-limit`s.
    pub rate_limits: Vec<LogRateLimit>,
    /// `queue`, messages that may wait for a destination; 0 for as many as there is room for.
    pub queue: u16,
    /// `message`s that are not at their default, by number.
    pub messages: Vec<LogMessage>,
}

impl Logging {
    /// Facility where the configuration names none: local4.
    pub const FACILITY: u8 = 20;
    /// Messages that may wait for a destination, as on an ASA.
    pub const QUEUE: u16 = 512;
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            enabled: false,
            timestamp: Timestamp::Off,
            console: None,
            buffered: None,
            buffer_size_bytes: None,
            trap: None,
            hosts: Vec::new(),
            permit_hostdown: false,
            file: None,
            lists: Vec::new(),
            facility: Self::FACILITY,
            device_id: None,
            rate_limits: Vec::new(),
            queue: Self::QUEUE,
            messages: Vec::new(),
        }
    }
}

/// How a line begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timestamp {
    /// With the message.
    #[default]
    Off,
    /// `Nov 23 2026 16:58:42: `.
    Asa,
    /// `2026-11-23T16:58:42.000Z`; what goes to hosts is in the form of RFC 5424.
    Rfc5424,
}

/// Which messages go to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFilter {
    /// Those up to a severity.
    Level(u8),
    /// Those that the `logging list` of this name has.
    List(String),
}

/// `logging host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggingHost {
    /// Interface behind which the host stands.
    pub nameif: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// How it is reached.
    pub transport: LogTransport,
    /// Its port, default 514 of UDP and 1470 of TCP.
    pub port: u16,
}

/// How a syslog host is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTransport {
    /// A datagram per message.
    Udp,
    /// A line per message.
    Tcp,
}

/// `logging list NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogList {
    /// Its name.
    pub name: String,
    /// A message that one of them takes is in the list.
    pub rules: Vec<LogRule>,
}

/// A line of a `logging list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogRule {
    /// `level LEVEL [class CLASS]`.
    Level {
        /// Least important severity.
        level: u8,
        /// Only messages of this class.
        class: Option<LogClass>,
    },
    /// `message FIRST[-LAST]`: both included.
    Messages {
        /// First number.
        first: u32,
        /// Last number.
        last: u32,
    },
}

impl LogRule {
    /// Whether a message of this number and severity is taken.
    pub fn takes(&self, id: u32, severity: u8) -> bool {
        match self {
            Self::Level { level, class } => {
                severity <= *level && class.is_none_or(|class| class.has(id))
            }
            Self::Messages { first, last } => (*first..=*last).contains(&id),
        }
    }
}

/// `logging device-id`: what names the box in messages to hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceId {
    /// `hostname`.
    Hostname,
    /// `ipaddress NAMEIF`: the address of that interface.
    Address(String),
    /// `string TEXT`.
    Text(String),
    /// `context-name`: `system`, as there are no contexts.
    Context,
}

/// `logging rate-limit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRateLimit {
    /// What is limited.
    pub of: RateLimited,
    /// Messages and seconds; `None`: unlimited, also where the message has a limit of its own.
    pub limit: Option<(u32, u32)>,
}

/// What a rate limit is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RateLimited {
    /// All messages of a severity together that have no limit of their own.
    Level(u8),
    /// One message.
    Message(u32),
}

/// `logging message ID` that is not at its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogMessage {
    /// Its number.
    pub id: u32,
    /// Whether it is written at all.
    pub enabled: bool,
    /// Its severity where that is not the one that it is made with.
    pub level: Option<u8>,
}
