//! `snmp-server`: SNMP v2c traps.

mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::{Effect, No, Place, Row, Token, arg, choice, kw, word};
pub(crate) use render::render;

const SNMP: Token = kw("snmp-server", "Configure SNMP traps");
const HOST: Token = kw("host", "Name a receiver of traps");
const NAMEIF: Token = arg("nameif", Kind::Nameif, "Interface behind which it stands");
const ADDRESS: Token = arg("address", Kind::Address, "Its address");
const COMMUNITY: Token = kw("community", "Community of traps");
const TEXT: Token = arg("text", Kind::Secret, "The community");
const ENABLE: Token = kw("enable", "Turn on");
const TRAPS: Token = kw("traps", "Traps");
/// Traps by kind.
const KINDS: Token = Token::Optional(&[Token::OneOf(&[
    &[
        kw("snmp", "Of SNMP itself"),
        Token::Optional(&[Token::Repeat(&[choice(
            "snmp trap",
            &[
                word("authentication", 0, "A query with a wrong community"),
                word("linkup", 1, "A port's link came up"),
                word("linkdown", 2, "A port's link went down"),
                word("coldstart", 3, "The box has started"),
            ],
        )])]),
    ],
    &[
        kw("ipsec", "Of IPsec tunnels"),
        Token::Optional(&[Token::Repeat(&[choice(
            "ipsec trap",
            &[
                word("start", 0, "A tunnel came up"),
                word("stop", 1, "A tunnel went down"),
            ],
        )])]),
    ],
])]);
/// What may follow the address of a receiver.
const OPTIONS: &[Token] = &[
    Token::Optional(&[kw("trap", "Traps only; there is no agent to poll")]),
    Token::Optional(&[COMMUNITY, TEXT]),
    Token::Optional(&[
        kw("version", "Version of SNMP"),
        choice("snmp version", &[word("2c", 2, "SNMP v2c")]),
    ]),
    Token::Optional(&[
        kw("udp-port", "Port"),
        arg("port", Kind::Number(1, 65_535), "Its port (default 162)"),
    ]),
];

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "snmp-server host",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            SNMP,
            HOST,
            NAMEIF,
            ADDRESS,
            Token::Named {
                name: "options",
                tokens: OPTIONS,
            },
        ],
        no: No::As(&[
            SNMP,
            HOST,
            NAMEIF,
            ADDRESS,
            Token::Named {
                name: "options",
                tokens: OPTIONS,
            },
        ]),
        help: "A receiver of SNMP v2c traps; its community is shown as `*`",
        apply: parse::host,
    },
    Row {
        id: "snmp-server community",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[SNMP, COMMUNITY, TEXT],
        no: No::As(&[SNMP, COMMUNITY, Token::Optional(&[TEXT])]),
        help: "Community of receivers that have none of their own; shown as `*`",
        apply: parse::community,
    },
    Row {
        id: "snmp-server enable traps",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[SNMP, ENABLE, TRAPS, KINDS],
        no: No::Same,
        help: "Send traps: those that are named, or all of the kind",
        apply: parse::enable,
    },
];
