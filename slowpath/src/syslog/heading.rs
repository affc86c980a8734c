//! What stands before a message: time, name of the box, priority; the header of RFC 5424.

use config::{Config, DeviceId, Logging, Timestamp};

use super::Message;
use crate::stats::view::duration::CivilTime;

/// APP-NAME of RFC 5424.
const APP_NAME: &str = "holdfast";
/// Longest HOSTNAME of RFC 5424 section 6.
const HOSTNAME_MAX_BYTES: usize = 255;

/// How lines are headed.
#[derive(Clone, Debug, Default)]
pub(super) struct Heading {
    timestamp: Timestamp,
    facility: u8,
    device_id: Option<String>,
    /// HOSTNAME and PROCID of RFC 5424.
    origin: String,
}

impl Heading {
    /// The heading of a configuration.
    pub(super) fn new(config: &Config) -> Self {
        let Logging {
            timestamp,
            facility,
            ..
        } = config.logging;
        let device_id = config.logging.device_id.as_ref();
        let device_id = device_id.map(|id| device_name(id, config));
        let host = device_id.as_ref().unwrap_or(&config.identity.hostname);
        Self {
            timestamp,
            facility,
            origin: format!("{} {APP_NAME} {}", field(host), std::process::id()),
            device_id,
        }
    }

    /// `logging device-id`.
    pub(super) fn device(&self) -> Option<&str> {
        self.device_id.as_deref()
    }

    /// The line for the console, the buffer and the file: without the name of the box.
    pub(super) fn local(&self, message: &Message, unix_ms: u64) -> String {
        match self.stamp(unix_ms) {
            Some(stamp) => format!("{stamp}: {}", message.line()),
            None => message.line(),
        }
    }

    /// What is sent to hosts.
    pub(super) fn wire(&self, message: &Message, unix_ms: u64) -> String {
        let (priority, line) = (self.priority(message.level), message.line());
        let stamp = self.stamp(unix_ms);
        if self.timestamp == Timestamp::Rfc5424 {
            let (stamp, origin) = (stamp.unwrap_or_default(), &self.origin);
            return format!("<{priority}>1 {stamp} {origin} {:06} - {line}", message.id);
        }
        match (stamp, &self.device_id) {
            (None, None) => format!("<{priority}>{line}"),
            (Some(stamp), None) => format!("<{priority}>{stamp}: {line}"),
            (None, Some(device)) => format!("<{priority}>{device} : {line}"),
            (Some(stamp), Some(device)) => format!("<{priority}>{stamp} {device} : {line}"),
        }
    }

    /// Facility and severity (RFC 5424 section 6.2.1).
    fn priority(&self, severity: u8) -> u8 {
        self.facility * 8 + severity
    }

    fn stamp(&self, unix_ms: u64) -> Option<String> {
        let time = CivilTime::from_unix_ms(unix_ms);
        match self.timestamp {
            Timestamp::Off => None,
            Timestamp::Asa => Some(time.log_stamp()),
            Timestamp::Rfc5424 => Some(time.rfc3339()),
        }
    }
}

/// What `logging device-id` stands for.
fn device_name(id: &DeviceId, config: &Config) -> String {
    match id {
        DeviceId::Hostname => config.identity.hostname.clone(),
        DeviceId::Text(text) => text.clone(),
        DeviceId::Context => "system".to_owned(),
        DeviceId::Address(nameif) => {
            let mut interfaces = config.interfaces.iter();
            let interface = interfaces.find(|it| it.nameif.as_ref() == Some(nameif));
            let address = interface.and_then(|interface| interface.address);
            address.map_or_else(|| nameif.clone(), |(address, _)| address.to_string())
        }
    }
}

/// A header field of RFC 5424: printable ASCII without blanks, `-` where there is nothing.
fn field(text: &str) -> String {
    let kept = text.chars().filter(char::is_ascii_graphic);
    let kept: String = kept.take(HOSTNAME_MAX_BYTES).collect();
    if kept.is_empty() {
        "-".to_owned()
    } else {
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nov 23 2026 16:58:42.
    const NOW: u64 = 1_795_453_122_007;
    const INTERFACE: &str = "interface e0/0\n nameif inside\n ip address 10.0.0.1 255.0.0.0\n";

    fn lines(text: &str) -> [String; 2] {
        let (config, _) = config::parse(&format!("hostname head\n{INTERFACE}{text}"));
        let heading = Heading::new(&config);
        let message = Message::new(302_014, 6, "Teardown");
        [heading.local(&message, NOW), heading.wire(&message, NOW)]
    }

    #[test]
    fn time_and_name_stand_before_the_message() {
        let line = "%ASA-6-302014: Teardown";
        assert_eq!(lines(""), [line.to_owned(), format!("<166>{line}")]);
        let stamp = "Nov 23 2026 16:58:42";
        assert_eq!(
            lines("logging timestamp\nlogging facility 16"),
            [format!("{stamp}: {line}"), format!("<134>{stamp}: {line}")]
        );
        for (id, name) in [
            ("hostname", "head"),
            ("string box-7", "box-7"),
            ("ipaddress inside", "10.0.0.1"),
            ("ipaddress nowhere", "nowhere"),
            ("context-name", "system"),
        ] {
            let device = format!("logging device-id {id}");
            let wire = format!("<166>{name} : {line}");
            assert_eq!(lines(&device), [line.to_owned(), wire]);
            let [local, wire] = lines(&format!("{device}\nlogging timestamp"));
            assert_eq!(local, format!("{stamp}: {line}"));
            assert_eq!(wire, format!("<166>{stamp} {name} : {line}"));
        }
    }

    #[test]
    fn rfc_5424_has_its_header() {
        let process = std::process::id();
        let [local, wire] = lines("logging timestamp rfc5424");
        assert_eq!(local, "2026-11-23T16:58:42.007Z: %ASA-6-302014: Teardown");
        let header = format!("<166>1 2026-11-23T16:58:42.007Z head holdfast {process} 302014 -");
        assert_eq!(wire, format!("{header} %ASA-6-302014: Teardown"));
        let [_, wire] = lines("logging timestamp rfc5424\nlogging device-id string x");
        assert!(wire.starts_with("<166>1 2026-11-23T16:58:42.007Z x holdfast "));
    }

    #[test]
    fn a_field_is_ascii_without_blanks() {
        assert_eq!(field("a b\u{e9}\n"), "ab");
        assert_eq!(field(" "), "-");
        assert_eq!(field(&"x".repeat(300)).len(), HOSTNAME_MAX_BYTES);
    }
}
