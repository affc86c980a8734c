//! `tunnel-group`.

mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::{Effect, No, Place, Row, Token, Word, arg, choice, kw, word};
use crate::limits;
pub(crate) use render::render;

const GROUP: Token = kw("tunnel-group", "Configure a peer");
const NAME: Token = arg(
    "group",
    Kind::Word(limits::NAME_CHARS),
    "Address of the peer, or name of the group",
);
const TYPES: &[Word] = &[
    word("ipsec-l2l", 0, "LAN to LAN"),
    word("remote-access", 1, "Remote access, kept"),
    word("ipsec-ra", 1, "Remote access, kept"),
];
/// Blocks by value.
const BLOCKS: &[Word] = &[
    word(
        "general-attributes",
        0,
        "General attributes, all of them kept",
    ),
    word("ipsec-attributes", 1, "Keys and keepalives"),
];
const IKEV1: Token = Token::Optional(&[kw("ikev1", "Later spelling of the same")]);
const PSK: Token = kw("pre-shared-key", "Key that both ends have");
const KEY: Token = arg("key", Kind::Secret, "The key");
const ISAKMP: Token = kw("isakmp", "Options of IKE");
const KEEPALIVE: Token = kw("keepalive", "Find dead peers (RFC 3706)");
const RETRY: &[Token] = &[
    kw("retry", "Time between probes"),
    arg("retry time", Kind::Number(2, 10), "Seconds"),
];
const LINE: Token = Token::Optional(&[arg("value", Kind::Rest(240), "The value")]);

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "tunnel-group",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            GROUP,
            NAME,
            kw("type", "Type of the tunnel"),
            choice("kind", TYPES),
        ],
        no: No::As(&[
            GROUP,
            NAME,
            Token::Optional(&[kw("type", "Type of the tunnel"), choice("kind", TYPES)]),
        ]),
        help: "Configure a peer by its address; `DefaultL2LGroup` is for all others",
        apply: parse::group,
    },
    Row {
        id: "tunnel-group attributes",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[GROUP, NAME, choice("block", BLOCKS)],
        no: No::Same,
        help: "Open the attributes of a tunnel group; `no` sets their defaults",
        apply: parse::attributes,
    },
    Row {
        id: "pre-shared-key",
        place: Place::TunnelIpsec,
        effect: Effect::Acted,
        syntax: &[IKEV1, PSK, KEY],
        no: No::As(&[IKEV1, PSK, Token::Optional(&[KEY])]),
        help: "Key that both ends have; shown as `*`",
        apply: parse::pre_shared_key,
    },
    Row {
        id: "isakmp keepalive",
        place: Place::TunnelIpsec,
        effect: Effect::Acted,
        syntax: &[
            ISAKMP,
            KEEPALIVE,
            Token::OneOf(&[
                &[kw("disable", "Do not probe")],
                &[
                    kw("threshold", "Silence before a probe"),
                    arg("threshold time", Kind::Number(10, 3600), "Seconds"),
                    Token::Optional(RETRY),
                ],
                RETRY,
            ]),
        ],
        no: No::As(&[
            ISAKMP,
            KEEPALIVE,
            Token::Optional(&[kw("disable", "Probe")]),
        ]),
        help: "Probe a silent peer (default: after 10 seconds, every 2)",
        apply: parse::keepalive,
    },
    kept(
        "peer-id-validate",
        Place::TunnelIpsec,
        &[kw("peer-id-validate", "Check the peer's identity"), LINE],
        "A peer's identity is its address",
    ),
    kept(
        "chain",
        Place::TunnelIpsec,
        &[kw("chain", "Send a certificate chain")],
        "There are no certificates",
    ),
    kept(
        "trust-point",
        Place::TunnelIpsec,
        &[kw("trust-point", "Name a certificate"), LINE],
        "There are no certificates",
    ),
    kept(
        "isakmp ikev1-user-authentication",
        Place::TunnelIpsec,
        &[
            ISAKMP,
            kw("ikev1-user-authentication", "Authenticate users"),
            LINE,
        ],
        "There are no users",
    ),
    kept(
        "default-group-policy",
        Place::TunnelGeneral,
        &[kw("default-group-policy", "Name a group policy"), LINE],
        "There are no group policies",
    ),
    kept(
        "address-pool",
        Place::TunnelGeneral,
        &[kw("address-pool", "Name an address pool"), LINE],
        "There are no address pools",
    ),
    kept(
        "authentication-server-group",
        Place::TunnelGeneral,
        &[kw("authentication-server-group", "Name servers"), LINE],
        "There are no users",
    ),
];

const fn kept(id: &'static str, place: Place, syntax: &'static [Token], help: &'static str) -> Row {
    Row {
        id,
        place,
        effect: Effect::Kept,
        syntax,
        no: No::Same,
        help,
        apply: parse::keep,
    }
}
