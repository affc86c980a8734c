//! `logging`.

mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::names::LEVELS;
use crate::grammar::{Effect, No, Place, Row, Token, arg, choice, kw};
use crate::limits;
pub(crate) use render::render;

const LOGGING: Token = kw("logging", "Configure logging");
const BUFFERED: Token = kw("buffered", "Keep lines in memory");
const BUFFER_SIZE: Token = kw("buffer-size", "Size of the buffer");
const BYTES: Token = arg("bytes", Kind::Number(4096, 1048576), "Bytes");
const TRAP: Token = kw("trap", "Send lines to the hosts");
const FILE: Token = kw("file", "Write lines to a file");
const PATH: Token = arg("path", Kind::Word(limits::PATH_CHARS), "Path of the file");
const LEVEL: Token = choice("level", LEVELS);
const MAYBE_LEVEL: Token = Token::Optional(&[LEVEL]);

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "logging enable",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[LOGGING, kw("enable", "Log")],
        no: No::Same,
        help: "Log to whatever else is configured",
        apply: parse::enable,
    },
    Row {
        id: "logging timestamp",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[LOGGING, kw("timestamp", "Begin lines with the time")],
        no: No::Same,
        help: "Begin every line with date and time",
        apply: parse::timestamp,
    },
    Row {
        id: "logging buffered",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[LOGGING, BUFFERED, LEVEL],
        no: No::As(&[LOGGING, BUFFERED, MAYBE_LEVEL]),
        help: "Keep lines up to a severity in memory, for `show logging`",
        apply: parse::buffered,
    },
    Row {
        id: "logging buffer-size",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[LOGGING, BUFFER_SIZE, BYTES],
        no: No::As(&[LOGGING, BUFFER_SIZE, Token::Optional(&[BYTES])]),
        help: "Size of that memory in bytes (default 4096)",
        apply: parse::buffer_size,
    },
    Row {
        id: "logging trap",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[LOGGING, TRAP, LEVEL],
        no: No::As(&[LOGGING, TRAP, MAYBE_LEVEL]),
        help: "Send lines up to a severity to the `logging host`s",
        apply: parse::trap,
    },
    Row {
        id: "logging host",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            LOGGING,
            kw("host", "Name a syslog host"),
            arg("nameif", Kind::Nameif, "Interface behind which it stands"),
            arg("address", Kind::Address, "Its address"),
            Token::Optional(&[arg("port", Kind::UdpService, "Its port")]),
        ],
        no: No::Same,
        help: "A host that syslog lines are sent to over UDP (default port 514)",
        apply: parse::host,
    },
    Row {
        id: "logging file",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[LOGGING, FILE, PATH, LEVEL],
        no: No::As(&[LOGGING, FILE, Token::Optional(&[PATH, MAYBE_LEVEL])]),
        help: "Holdfast's own: write lines up to a severity to a file",
        apply: parse::file,
    },
];
