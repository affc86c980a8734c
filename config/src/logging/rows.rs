//! The rows of `logging`.

use super::class::CLASS_WORDS;
use super::parse;
use crate::grammar::kind::Kind;
use crate::grammar::names::LEVELS;
use crate::grammar::{Apply, Effect, No, Place, Row, Token, arg, choice, kw};
use crate::limits;

const LOGGING: Token = kw("logging", "Configure logging");
const CONSOLE: Token = kw("console", "Write lines to standard error");
const BUFFERED: Token = kw("buffered", "Keep lines in memory");
const BUFFER_SIZE: Token = kw("buffer-size", "Size of the buffer");
const BYTES: Token = arg("bytes", Kind::Number(4096, 1048576), "Bytes");
const TRAP: Token = kw("trap", "Send lines to the hosts");
const FILE: Token = kw("file", "Write lines to a file");
const PATH: Token = arg("path", Kind::Word(limits::PATH_CHARS), "Path of the file");
const SEVERITY: Token = choice("severity", LEVELS);
const LIST_NAME: Kind = Kind::SymbolicName;
/// What goes to a destination.
const FILTER: Token = Token::OneOf(&[
    &[SEVERITY],
    &[arg("list", LIST_NAME, "Messages of a `logging list`")],
]);
const MAYBE_FILTER: Token = Token::Optional(&[FILTER]);
const TIMESTAMP: Token = kw("timestamp", "Begin lines with the time");
const RFC5424: Token = Token::Optional(&[kw("rfc5424", "In the form of RFC 5424")]);
const LIST: Token = kw("list", "Messages under a name");
const LIST_ARG: Token = arg("list name", LIST_NAME, "Name of the list");
const MESSAGE: Token = kw("message", "Messages by number");
const ID: Token = arg("id", Kind::Number(100_000, 999_999), "Number of a message");
const LEVEL: Token = kw("level", "Severity");
const RULE: Token = Token::OneOf(&[
    &[
        LEVEL,
        SEVERITY,
        Token::Optional(&[
            kw("class", "Only of one class"),
            choice("event class", CLASS_WORDS),
        ]),
    ],
    &[MESSAGE, arg("range", Kind::MessageRange, "A number or two")],
]);
const FACILITY: Token = kw("facility", "Syslog facility");
const FACILITY_NUMBER: Token = arg("code", Kind::Number(16, 23), "16 is local0, 23 local7");
const DEVICE_ID: Token = kw("device-id", "Name the box in messages to hosts");
const QUEUE: Token = kw("queue", "Messages that may wait");
const LENGTH: Token = arg("length", Kind::Number(0, 8192), "Messages");
const RATE_LIMIT: Token = kw("rate-limit", "Bound messages per time");
const RATE: Token = Token::OneOf(&[
    &[kw("unlimited", "No bound")],
    &[
        arg("number", Kind::Number(1, 0x7fff_ffff), "Messages"),
        Token::Optional(&[arg(
            "interval",
            Kind::Number(1, 0x7fff_ffff),
            "Seconds (default 1)",
        )]),
    ],
]);
const LIMITED: Token = Token::OneOf(&[&[LEVEL, SEVERITY], &[MESSAGE, ID]]);

/// A row of a command that is acted upon.
const fn row(
    id: &'static str,
    syntax: &'static [Token],
    no: No,
    help: &'static str,
    apply: Apply,
) -> Row {
    Row {
        id,
        place: Place::Global,
        effect: Effect::Acted,
        syntax,
        no,
        help,
        apply,
    }
}

pub(crate) const ROWS: &[Row] = &[
    row(
        "logging enable",
        &[LOGGING, kw("enable", "Log")],
        No::Same,
        "Log to whatever else is configured",
        parse::enable,
    ),
    row(
        "logging timestamp",
        &[LOGGING, TIMESTAMP, RFC5424],
        No::Same,
        "Begin every line with date and time; with `rfc5424` send RFC 5424 to the hosts",
        parse::timestamp,
    ),
    row(
        "logging console",
        &[LOGGING, CONSOLE, FILTER],
        No::As(&[LOGGING, CONSOLE, MAYBE_FILTER]),
        "Write lines up to a severity, or of a list, to standard error",
        parse::console,
    ),
    row(
        "logging buffered",
        &[LOGGING, BUFFERED, FILTER],
        No::As(&[LOGGING, BUFFERED, MAYBE_FILTER]),
        "Keep lines up to a severity, or of a list, in memory, for `show logging`",
        parse::buffered,
    ),
    row(
        "logging buffer-size",
        &[LOGGING, BUFFER_SIZE, BYTES],
        No::As(&[LOGGING, BUFFER_SIZE, Token::Optional(&[BYTES])]),
        "Size of that memory in bytes (default 4096)",
        parse::buffer_size,
    ),
    row(
        "logging trap",
        &[LOGGING, TRAP, FILTER],
        No::As(&[LOGGING, TRAP, MAYBE_FILTER]),
        "Send lines up to a severity, or of a list, to the `logging host`s",
        parse::trap,
    ),
    row(
        "logging host",
        &[
            LOGGING,
            kw("host", "Name a syslog host"),
            arg("nameif", Kind::Nameif, "Interface behind which it stands"),
            arg("address", Kind::Address, "Its address"),
            Token::Optional(&[arg("port", Kind::SyslogPort, "Transport and port")]),
            Token::Optional(&[
                kw("format", "Form of messages"),
                kw("emblem", "Refused: EMBLEM is not there"),
            ]),
        ],
        No::Same,
        "A host that lines are sent to over UDP (default port 514) or TCP",
        parse::host,
    ),
    Row {
        effect: Effect::Kept,
        ..row(
            "logging permit-hostdown",
            &[
                LOGGING,
                kw("permit-hostdown", "Let traffic pass without TCP hosts"),
            ],
            No::Same,
            "Traffic never waits for a host, with or without it",
            parse::permit_hostdown,
        )
    },
    row(
        "logging file",
        &[LOGGING, FILE, PATH, FILTER],
        No::As(&[LOGGING, FILE, Token::Optional(&[PATH, MAYBE_FILTER])]),
        "Holdfast's own: write lines up to a severity, or of a list, to a file",
        parse::file,
    ),
    row(
        "logging list",
        &[LOGGING, LIST, LIST_ARG, RULE],
        No::As(&[LOGGING, LIST, LIST_ARG, Token::Optional(&[RULE])]),
        "Messages under a name: by severity and class, or by number",
        parse::list,
    ),
    row(
        "logging facility",
        &[LOGGING, FACILITY, FACILITY_NUMBER],
        No::As(&[LOGGING, FACILITY, Token::Optional(&[FACILITY_NUMBER])]),
        "Facility of messages to hosts (default 20, local4)",
        parse::facility,
    ),
    row(
        "logging device-id",
        &[
            LOGGING,
            DEVICE_ID,
            Token::OneOf(&[
                &[kw("hostname", "The host name")],
                &[
                    kw("ipaddress", "An interface's address"),
                    arg("nameif", Kind::Nameif, "The interface"),
                ],
                &[
                    kw("string", "A text"),
                    arg("text", Kind::Word(16), "At most 16 characters"),
                ],
                &[kw("context-name", "`system`: there are no contexts")],
            ]),
        ],
        No::As(&[
            LOGGING,
            DEVICE_ID,
            Token::Optional(&[arg("value", Kind::Rest(80), "The value")]),
        ]),
        "Name the box in messages to hosts",
        parse::device_id,
    ),
    row(
        "logging queue",
        &[LOGGING, QUEUE, LENGTH],
        No::As(&[LOGGING, QUEUE, Token::Optional(&[LENGTH])]),
        "Messages that may wait for each destination (default 512; 0: 8192); more are dropped \
         and counted",
        parse::queue,
    ),
    row(
        "logging rate-limit",
        &[LOGGING, RATE_LIMIT, RATE, LIMITED],
        No::As(&[LOGGING, RATE_LIMIT, Token::Optional(&[RATE]), LIMITED]),
        "At most so many messages of a severity together, or of one number, per interval",
        parse::rate_limit,
    ),
    row(
        "logging message",
        &[LOGGING, MESSAGE, ID],
        No::Same,
        "Write a message (default); `no` leaves it out",
        parse::message,
    ),
    row(
        "logging message level",
        &[LOGGING, MESSAGE, ID, LEVEL, SEVERITY],
        No::As(&[LOGGING, MESSAGE, ID, LEVEL, Token::Optional(&[SEVERITY])]),
        "Give a message another severity",
        parse::message_level,
    ),
];
