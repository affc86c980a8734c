//! `access-list`, extended and standard.

mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::names::{ICMP_TYPES, LEVELS, PROTOCOLS, Transport};
use crate::grammar::{Effect, No, Place, Row, Token, Word, arg, choice, kw, word};
use crate::limits;
pub(crate) use render::render;

const ACL: Token = kw("access-list", "Configure an access list");
const NAME: Token = arg(
    "acl",
    Kind::Word(limits::ACCESS_LIST_NAME_CHARS),
    "Name of the access list",
);
const LINE: Token = Token::Optional(&[
    kw("line", "Insert at a line"),
    arg(
        "at",
        Kind::Number(1, limits::ACCESS_LIST_LINES as u32),
        "Number of the line, from 1",
    ),
]);
const ACTION: Token = choice(
    "action",
    &[
        word("deny", 0, "Packets that match are dropped"),
        word("permit", 1, "Packets that match are let through"),
    ],
);

const ANY: &[Word] = &[word("any", 0, "Every address")];
const HOST: &[Word] = &[word("host", 0, "One address")];
const RANGE: &[Word] = &[word("range", 0, "Ports from one to another")];
/// Port operators by value.
const OPERATORS: &[Word] = &[
    word("eq", 0, "The port"),
    word("gt", 1, "Ports above"),
    word("lt", 2, "Ports below"),
    word("neq", 3, "Every port but one"),
];

macro_rules! net {
    ($side:literal) => {
        Token::Named {
            name: $side,
            tokens: &[Token::OneOf(&[
                &[choice(concat!($side, " any"), ANY)],
                &[
                    choice(concat!($side, " host"), HOST),
                    arg(concat!($side, " host address"), Kind::Address, "Address"),
                ],
                &[
                    arg(concat!($side, " address"), Kind::Address, "Address"),
                    arg(concat!($side, " mask"), Kind::Address, "Its mask"),
                ],
            ])],
        }
    };
}

/// The items of [`net!`].
macro_rules! net_items {
    ($side:literal) => {
        NetItems {
            any: concat!($side, " any"),
            host: concat!($side, " host address"),
            address: concat!($side, " address"),
            mask: concat!($side, " mask"),
        }
    };
}

macro_rules! ports {
    ($side:literal, $transport:expr) => {
        Token::Optional(&[Token::Named {
            name: concat!($side, " ports"),
            tokens: &[Token::OneOf(&[
                &[
                    choice(concat!($side, " operator"), OPERATORS),
                    arg(
                        concat!($side, " port"),
                        Kind::Port($transport),
                        "Port, name or number",
                    ),
                ],
                &[
                    choice(concat!($side, " range"), RANGE),
                    arg(
                        concat!($side, " first port"),
                        Kind::Port($transport),
                        "First port",
                    ),
                    arg(
                        concat!($side, " last port"),
                        Kind::Port($transport),
                        "Last port",
                    ),
                ],
            ])],
        }])
    };
}

use net_items;

const SOURCE: Token = net!("source");
const DESTINATION: Token = net!("destination");

const TRAFFIC: Token = Token::Named {
    name: "traffic",
    tokens: &[Token::OneOf(&[
        &[
            Token::OneOf(&[
                &[kw("ip", "Every protocol")],
                &[choice("protocol", PROTOCOLS)],
                &[arg("protocol", Kind::Number(0, 255), "Protocol number")],
            ]),
            SOURCE,
            DESTINATION,
        ],
        &[
            choice("protocol", TCP),
            SOURCE,
            ports!("source", Transport::Tcp),
            DESTINATION,
            ports!("destination", Transport::Tcp),
        ],
        &[
            choice("protocol", UDP),
            SOURCE,
            ports!("source", Transport::Udp),
            DESTINATION,
            ports!("destination", Transport::Udp),
        ],
        &[
            choice("protocol", ICMP),
            SOURCE,
            DESTINATION,
            Token::Optional(&[Token::OneOf(&[
                &[choice("icmp-type", ICMP_TYPES)],
                &[arg("icmp-type", Kind::Number(0, 255), "ICMP type")],
            ])]),
        ],
    ])],
};
const TCP: &[Word] = &[word("tcp", 6, "Transmission Control Protocol")];
const UDP: &[Word] = &[word("udp", 17, "User Datagram Protocol")];
const ICMP: &[Word] = &[word("icmp", 1, "Internet Control Message Protocol")];

const LOG: Token = Token::Optional(&[
    kw(
        "log",
        "Log flows with their first packet and a count (106100)",
    ),
    Token::Optional(&[Token::OneOf(&[
        &[kw("disable", "Log nothing, not even denials")],
        &[kw("default", "Log denials only (106023)")],
        &[choice("level", LEVELS)],
        &[INTERVAL, SECONDS],
        &[choice("level", LEVELS), INTERVAL, SECONDS],
    ])]),
]);
const INTERVAL: Token = kw("interval", "Time between two lines on one flow");
const SECONDS: Token = arg("seconds", Kind::Number(1, 600), "Seconds");

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "access-list extended",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            ACL,
            NAME,
            LINE,
            Token::Optional(&[kw("extended", "Match protocol, both ends and ports")]),
            ACTION,
            TRAFFIC,
            LOG,
            Token::Optional(&[kw("inactive", "Keep the entry, do not match it")]),
        ],
        no: No::Same,
        help: "Match packets by protocol, source, destination, ports or ICMP type; `log` makes an access group log what the entry decides",
        apply: parse::extended,
    },
    Row {
        id: "access-list standard",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            ACL,
            NAME,
            LINE,
            kw("standard", "Match destinations"),
            ACTION,
            DESTINATION,
        ],
        no: No::Same,
        help: "Match destinations",
        apply: parse::standard,
    },
    Row {
        id: "access-list remark",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            ACL,
            NAME,
            LINE,
            kw("remark", "Add words"),
            arg("words", Kind::Rest(200), "The words"),
        ],
        no: No::Same,
        help: "Words between the lines of an access list",
        apply: parse::remark,
    },
];
