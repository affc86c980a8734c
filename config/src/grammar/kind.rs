//! The kinds of arguments: which words they take and what they mean.

use std::net::Ipv4Addr;

use super::names::{PORTS, Transport};
use crate::Secret;
use crate::limits;
use crate::model::AddressName;

/// The kind of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A word of printable ASCII of at most so many characters.
    Word(usize),
    /// `inside`.
    Nameif,
    /// `(inside)`.
    ParenNameif,
    /// `Ethernet0/0`, abbreviated or not.
    Hardware,
    /// A host name (RFC 1123 section 2.1).
    HostName,
    /// A domain name.
    DomainName,
    /// A symbolic name of an address.
    SymbolicName,
    /// A number between two bounds, both included.
    Number(u32, u32),
    /// Zero, or a number between two bounds, both included.
    NumberOrZero(u32, u32),
    /// A dotted quad, `0`, or a symbolic name.
    Address,
    /// `H:MM:SS` of at least so many seconds.
    Duration(u32),
    /// `0`, or `H:MM:SS` of at least so many seconds.
    DurationOrZero(u32),
    /// A port's number or name.
    Port(Transport),
    /// A Diffie-Hellman group's number.
    Group,
    /// `udp/514`, `tcp/1470`, as a number with [`TCP`] set for the latter.
    SyslogPort,
    /// `302013` or `302013-302016`.
    MessageRange,
    /// A word that must not be seen.
    Secret,
    /// The rest of the line, of at most so many characters.
    Rest(usize),
}

/// What a word means.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A keyword.
    Flag,
    Number(u32),
    Address(Ipv4Addr),
    Text(String),
    Secret(Secret),
}

/// The names that may stand for addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Symbols<'a> {
    /// These.
    Known(&'a [AddressName]),
    /// Any: help and completion do not see the configuration.
    Any,
}

/// Longest `timeout`: 1193:00:00, as on an ASA.
pub(crate) const DURATION_MAX_S: u32 = 1193 * 3600;

/// Hardware names, in full.
const HARDWARE: [&str; 4] = [
    "Ethernet",
    "GigabitEthernet",
    "TenGigabitEthernet",
    "Management",
];

impl Kind {
    /// The meaning of `word`; else what would be right, where the word says more than nothing.
    pub(crate) fn read(self, word: &str, symbols: Symbols<'_>) -> Result<Value, Option<String>> {
        let text = |fits: bool| fits.then(|| Value::Text(word.to_owned())).ok_or(None);
        match self {
            Self::Word(max) => bounded(word, max).map(Value::Text),
            Self::Nameif => bounded(word, limits::NAMEIF_CHARS).map(Value::Text),
            Self::ParenNameif => {
                let inner = word.strip_prefix('(').and_then(|w| w.strip_suffix(')'));
                let help = "Write the interface in parentheses: `(inside)`.";
                let inner = inner.ok_or(Some(help.to_owned()))?;
                bounded(inner, limits::NAMEIF_CHARS).map(Value::Text)
            }
            Self::Hardware => hardware(word).map(Value::Text),
            Self::HostName => text(is_label(word)),
            Self::DomainName => {
                text(word.len() <= limits::DOMAIN_CHARS && word.split('.').all(is_label))
            }
            Self::SymbolicName => text(is_symbol(word)),
            Self::Number(min, max) => number(word, min, max, false),
            Self::NumberOrZero(min, max) => number(word, min, max, true),
            Self::Address => address(word, symbols),
            Self::Duration(min_s) => duration(word, min_s, false),
            Self::DurationOrZero(min_s) => duration(word, min_s, true),
            Self::Port(transport) => port(word, transport),
            Self::Group => group(word),
            Self::SyslogPort => syslog_port(word),
            Self::MessageRange => match message_range(word) {
                Some(_) => Ok(Value::Text(word.to_owned())),
                None => Err(Some(
                    "Write a number of six digits, or `302013-302016`.".to_owned(),
                )),
            },
            Self::Secret => {
                let text = bounded(word, limits::KEY_CHARS)?;
                Ok(Value::Secret(Secret::new(text)))
            }
            Self::Rest(max) => match word.chars().count() {
                0 => Err(None),
                count if count > max => Err(Some(format!("At most {max} characters."))),
                _ => Ok(Value::Text(word.to_owned())),
            },
        }
    }

    /// What `?` shows in the place of the argument `name`.
    pub(crate) fn placeholder(self, name: &str) -> String {
        match self {
            Self::Number(min, max) => format!("<{min}-{max}>"),
            Self::NumberOrZero(min, max) => format!("<0 | {min}-{max}>"),
            Self::Address => {
                if name.contains("mask") {
                    "A.B.C.D (mask)".to_owned()
                } else {
                    "A.B.C.D".to_owned()
                }
            }
            Self::Duration(_) => "<h:mm:ss>".to_owned(),
            Self::DurationOrZero(_) => "<0 | h:mm:ss>".to_owned(),
            Self::ParenNameif => "(<nameif>)".to_owned(),
            Self::SyslogPort => "udp/<1-65535> or tcp/<1-65535>".to_owned(),
            Self::MessageRange => "<100000-999999>[-<100000-999999>]".to_owned(),
            Self::Group => "<1 | 2 | 5 | 14 | 15 | 16>".to_owned(),
            Self::Rest(_) => "LINE".to_owned(),
            _ => format!("<{name}>"),
        }
    }

    /// The fixed words that an argument of this kind may be.
    pub(crate) fn words(self) -> impl Iterator<Item = &'static str> {
        let transport = match self {
            Self::Port(transport) => Some(transport),
            _ => None,
        };
        PORTS
            .iter()
            .filter(move |entry| transport.is_some_and(|t| entry.is_of(t)))
            .map(|entry| entry.name)
    }
}

fn bounded(word: &str, max: usize) -> Result<String, Option<String>> {
    if word.len() > max {
        return Err(Some(format!("At most {max} characters.")));
    }
    if !word.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Some("Printable ASCII characters only.".to_owned()));
    }
    if word.is_empty() {
        Err(None)
    } else {
        Ok(word.to_owned())
    }
}

/// RFC 1123 section 2.1: letters, digits and hyphens, no hyphen at either end.
fn is_label(word: &str) -> bool {
    let inner = word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let hyphen = word.starts_with('-') || word.ends_with('-');
    (1..=limits::LABEL_CHARS).contains(&word.len()) && inner && !hyphen
}

fn is_symbol(word: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let letter = word.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    word.len() <= limits::LABEL_CHARS && letter && word.bytes().all(inner)
}

fn hardware(word: &str) -> Result<String, Option<String>> {
    let help = || Some("Write `Ethernet0/0`; subinterfaces are not there.".to_owned());
    let digit = word.find(|c: char| c.is_ascii_digit()).ok_or_else(help)?;
    let (family, unit) = word.split_at(digit);
    let family = family.to_ascii_lowercase();
    let of_family = |full: &&&str| full.to_ascii_lowercase().starts_with(&family);
    let full = HARDWARE
        .iter()
        .find(of_family)
        .filter(|_| !family.is_empty());
    let small = |part: &str| part.parse::<u8>().is_ok_and(|n| n.to_string() == part);
    match (full, unit.split_once('/')) {
        (Some(full), Some((slot, port))) if small(slot) && small(port) => {
            Ok(format!("{full}{unit}"))
        }
        _ => Err(help()),
    }
}

/// Digits only: neither sign nor blank, at most ten of them.
fn digits(word: &str) -> Option<u32> {
    let decimal = word.len() <= 10 && word.bytes().all(|b| b.is_ascii_digit());
    if decimal { word.parse().ok() } else { None }
}

fn number(word: &str, min: u32, max: u32, zero: bool) -> Result<Value, Option<String>> {
    let numeric = word.bytes().all(|b| b.is_ascii_digit());
    match digits(word) {
        Some(number) if (min..=max).contains(&number) || (zero && number == 0) => {
            Ok(Value::Number(number))
        }
        _ if numeric && zero => Err(Some(format!("0, or between {min} and {max}."))),
        _ if numeric => Err(Some(format!("Between {min} and {max}."))),
        _ => Err(None),
    }
}

fn address(word: &str, symbols: Symbols<'_>) -> Result<Value, Option<String>> {
    if word == "0" {
        return Ok(Value::Address(Ipv4Addr::UNSPECIFIED));
    }
    if let Ok(address) = word.parse() {
        return Ok(Value::Address(address));
    }
    let symbol = match symbols {
        Symbols::Known(names) => names.iter().find(|it| it.name == word).map(|it| it.address),
        Symbols::Any => is_symbol(word).then_some(Ipv4Addr::UNSPECIFIED),
    };
    symbol.map(Value::Address).ok_or(None)
}

fn duration(word: &str, min_s: u32, zero: bool) -> Result<Value, Option<String>> {
    if zero && word == "0" {
        return Ok(Value::Number(0));
    }
    let parts: Vec<Option<u32>> = word.splitn(4, ':').map(digits).collect();
    let [Some(hours), Some(minutes @ 0..60), Some(seconds @ 0..60)] = parts[..] else {
        return Err(Some(
            "Write hours, minutes, seconds as `0:05:00`.".to_owned(),
        ));
    };
    let total_s = hours
        .saturating_mul(3600)
        .saturating_add(minutes * 60 + seconds);
    if (min_s..=DURATION_MAX_S).contains(&total_s) || (zero && total_s == 0) {
        return Ok(Value::Number(total_s));
    }
    let never = if zero { "0 for never, or " } else { "" };
    let least = show_duration(min_s);
    let most = show_duration(DURATION_MAX_S);
    Err(Some(format!("Write {never}between {least} and {most}.")))
}

/// Seconds as `H:MM:SS`.
pub(crate) fn show_duration(total_s: u32) -> String {
    let (hours, minutes, seconds) = (total_s / 3600, total_s / 60 % 60, total_s % 60);
    format!("{hours}:{minutes:02}:{seconds:02}")
}

fn port(word: &str, transport: Transport) -> Result<Value, Option<String>> {
    let by_name = PORTS
        .iter()
        .find(|entry| entry.is_of(transport) && entry.name == word)
        .map(|entry| u32::from(entry.port));
    match by_name {
        Some(port) => Ok(Value::Number(port)),
        None => number(word, 0, u32::from(u16::MAX), false),
    }
}

fn group(word: &str) -> Result<Value, Option<String>> {
    match digits(word) {
        Some(group @ (1 | 2 | 5 | 14 | 15 | 16)) => Ok(Value::Number(group)),
        Some(7) => Err(Some(
            "Group 7 (an elliptic curve over a field of 2^163) is withdrawn; use 14.".to_owned(),
        )),
        _ => Err(Some("Groups 1, 2, 5, 14, 15 and 16 are there.".to_owned())),
    }
}

/// What marks a TCP port in the number of a [`Kind::SyslogPort`].
pub(crate) const TCP: u32 = 1 << 16;

fn syslog_port(word: &str) -> Result<Value, Option<String>> {
    let help = "Write `udp/PORT` or `tcp/PORT`.";
    let (transport, port) = word.split_once('/').ok_or(Some(help.to_owned()))?;
    let mark = match transport.to_ascii_lowercase().as_str() {
        "udp" | "17" => 0,
        "tcp" | "6" => TCP,
        _ => return Err(Some(help.to_owned())),
    };
    match number(port, 1, u32::from(u16::MAX), false)? {
        Value::Number(port) => Ok(Value::Number(port | mark)),
        other => Ok(other),
    }
}

/// First and last number of a [`Kind::MessageRange`].
pub(crate) fn message_range(word: &str) -> Option<(u32, u32)> {
    let id = |word: &str| digits(word).filter(|id| (100_000..1_000_000).contains(id));
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let (first, last) = (id(first)?, id(last)?);
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(kind: Kind, word: &str) -> Option<Value> {
        kind.read(word, Symbols::Known(&[])).ok()
    }

    fn number_of(kind: Kind, word: &str) -> Option<u32> {
        match reads(kind, word) {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        }
    }

    fn text_of(kind: Kind, word: &str) -> Option<String> {
        match reads(kind, word) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    #[test]
    fn numbers_are_digits_between_their_bounds() {
        let kind = Kind::Number(120, 2_147_483_647);
        assert_eq!(number_of(kind, "120"), Some(120));
        assert_eq!(number_of(kind, "2147483647"), Some(2_147_483_647));
        for wrong in [
            "119",
            "2147483648",
            "+130",
            "99999999999999",
            "",
            "1e3",
            "0",
        ] {
            assert_eq!(number_of(kind, wrong), None, "{wrong}");
        }
        assert_eq!(number_of(Kind::NumberOrZero(48, 65535), "0"), Some(0));
        assert_eq!(number_of(Kind::NumberOrZero(48, 65535), "47"), None);
    }

    #[test]
    fn durations_are_hours_minutes_seconds() {
        assert_eq!(number_of(Kind::Duration(60), "3:00:00"), Some(10_800));
        assert_eq!(number_of(Kind::Duration(60), "1193:0:0"), Some(1193 * 3600));
        assert_eq!(number_of(Kind::DurationOrZero(300), "0:0:0"), Some(0));
        for wrong in [
            "0:00:59",
            "1193:0:1",
            "0:60:00",
            "1:00",
            "4294967295:0:0",
            "0:0:0",
        ] {
            assert_eq!(number_of(Kind::Duration(60), wrong), None, "{wrong}");
        }
    }

    #[test]
    fn hardware_is_written_out() {
        for (word, full) in [
            ("e0/0", "Ethernet0/0"),
            ("gig0/1", "GigabitEthernet0/1"),
            ("MANAGEMENT0/0", "Management0/0"),
        ] {
            assert_eq!(text_of(Kind::Hardware, word).as_deref(), Some(full));
        }
        for wrong in [
            "0/0",
            "Ethernet",
            "Ethernet0",
            "Ethernet0/01",
            "Vlan1",
            "e0/0.1",
            "é0/0",
        ] {
            assert_eq!(text_of(Kind::Hardware, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ports_have_names_by_transport() {
        assert_eq!(number_of(Kind::Port(Transport::Tcp), "ftp"), Some(21));
        assert_eq!(number_of(Kind::Port(Transport::Udp), "ftp"), None);
        assert_eq!(number_of(Kind::Port(Transport::Udp), "65536"), None);
    }

    #[test]
    fn an_address_may_be_a_known_name() {
        let names = [AddressName {
            address: Ipv4Addr::new(10, 0, 0, 1),
            name: "peer".to_owned(),
            description: None,
        }];
        let known = Symbols::Known(&names);
        assert!(matches!(
            Kind::Address.read("peer", known),
            Ok(Value::Address(address)) if address == names[0].address
        ));
        assert!(Kind::Address.read("other", known).is_err());
        assert!(Kind::Address.read("other", Symbols::Any).is_ok());
    }

    #[test]
    fn syslog_ports_name_their_transport() {
        let port = |word| number_of(Kind::SyslogPort, word);
        assert_eq!((port("udp/514"), port("17/514")), (Some(514), Some(514)));
        assert_eq!(port("TCP/1470"), Some(TCP + 1470));
        assert_eq!(port("6/1470"), Some(TCP + 1470));
        for wrong in ["514", "sctp/1", "tcp/0", "tcp/65536", "udp/", "/1"] {
            assert_eq!(port(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn message_ranges_are_numbers_of_six_digits() {
        assert_eq!(message_range("302013"), Some((302_013, 302_013)));
        assert_eq!(message_range("302013-302016"), Some((302_013, 302_016)));
        for wrong in [
            "1",
            "99999",
            "302016-302013",
            "302013-",
            "-1",
            "1000000",
            "a",
        ] {
            assert_eq!(message_range(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_withdrawn_group_is_refused_with_help() {
        let refused = Kind::Group.read("7", Symbols::Any);
        assert!(refused.is_err_and(|help| help.is_some_and(|text| text.contains("14"))));
    }
}
