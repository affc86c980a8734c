//! System log: ASA messages, their text and where they go.

mod access_log;
mod buffer;
mod console;
mod file;
mod filter;
pub mod format;
mod heading;
mod lane;
mod logger;
mod rate;
mod tcp;
mod udp;
mod writer;

pub use access_log::AccessLog;
pub use buffer::{BUFFER_MAX_BYTES, LogBuffer};
pub use file::FILE_MAX_BYTES;
pub use lane::{LaneCounters, QUEUE_MAX};
pub use logger::Logger;
pub use rate::RateLimit;
pub use writer::Writer;

/// Longest message text in bytes: with its prefix it fits the 1024 bytes that every syslog
/// receiver takes (RFC 3164 section 4.1), with that of RFC 5424 the 2048 that its section 6.1 asks
/// for.
pub const TEXT_MAX_BYTES: usize = 960;
/// Least important level.
pub const LEVEL_MAX: u8 = 7;

/// A message without its prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Message number, such as 302014.
    pub id: u32,
    /// 0 (emergencies) to 7 (debugging).
    pub level: u8,
    /// What it says: printable, at most [`TEXT_MAX_BYTES`].
    pub text: String,
}

/// The ASA's word for a level.
pub const fn level_name(level: u8) -> &'static str {
    match level {
        0 => "emergencies",
        1 => "alerts",
        2 => "critical",
        3 => "errors",
        4 => "warnings",
        5 => "notifications",
        6 => "informational",
        _ => "debugging",
    }
}

impl Message {
    /// A message; control characters are escaped and the text is cut to [`TEXT_MAX_BYTES`].
    pub fn new(id: u32, level: u8, text: impl AsRef<str>) -> Self {
        Self {
            id,
            level: level.min(LEVEL_MAX),
            text: printable(text.as_ref()),
        }
    }

    /// `%ASA-6-302014: ...`.
    pub fn line(&self) -> String {
        format!("%ASA-{}-{:06}: {}", self.level, self.id, self.text)
    }
}

/// The text with control characters as `\xNN` or `\u{NNNN}`, cut to [`TEXT_MAX_BYTES`].
///
/// Text of a peer or of an operator must not forge log lines or steer a terminal.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(TEXT_MAX_BYTES));
    for character in text.chars() {
        let code = u32::from(character);
        let piece = if !character.is_control() && !is_direction_mark(character) {
            character.to_string()
        } else if code <= 0xff {
            format!("\\x{code:02x}")
        } else {
            format!("\\u{{{code:x}}}")
        };
        if out.len() + piece.len() > TEXT_MAX_BYTES {
            break;
        }
        out.push_str(&piece);
    }
    out
}

/// Characters that reorder or break the line around them (Unicode Bidi_Control, line separators).
const fn is_direction_mark(character: char) -> bool {
    matches!(
        character,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_begins_with_severity_and_number() {
        let message = Message::new(302_014, 6, "Teardown");
        assert_eq!(message.line(), "%ASA-6-302014: Teardown");
    }

    #[test]
    fn control_characters_cannot_forge_a_line() {
        let message = Message::new(713_902, 9, "a\r\n%ASA-1-1: b\u{1b}[2J\u{85}\u{202e}c");
        assert_eq!(message.level, 7);
        assert_eq!(
            message.text,
            "a\\x0d\\x0a%ASA-1-1: b\\x1b[2J\\x85\\u{202e}c"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_printable_and_bounded(text in ".{0,2000}", id in any::<u32>()) {
            let message = Message::new(id, 6, &text);
            prop_assert!(message.text.len() <= TEXT_MAX_BYTES);
            prop_assert!(!message.line().contains(char::is_control));
        }
    }
}
