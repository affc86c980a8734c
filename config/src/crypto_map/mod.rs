//! `crypto map`.

mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::{Effect, No, Place, Row, Token, Word, arg, choice, kw, word};
use crate::ipsec::{LIFETIMES, NO_LIFETIMES};
use crate::limits;
pub(crate) use render::render;

const CRYPTO: Token = kw("crypto", "Configure IKE and IPsec");
const MAP: Token = kw("map", "Configure a crypto map");
const NAME: Token = arg(
    "map name",
    Kind::Word(limits::NAME_CHARS),
    "Name of the map",
);
const SEQUENCE: Token = arg(
    "sequence",
    Kind::Number(1, 65535),
    "Number of the entry; lower is tried first",
);
const SET: Token = kw("set", "Set how the traffic is protected");
const MATCH: Token = kw("match", "Choose the traffic");
const ADDRESS: Token = kw("address", "By an access list");
const ACL: Token = arg(
    "acl",
    Kind::Word(limits::ACCESS_LIST_NAME_CHARS),
    "The access list",
);
const PEER: Token = kw("peer", "Whom to build the tunnel with");
const PEERS: Token = Token::Repeat(&[arg("peer address", Kind::Address, "Address of a peer")]);
const IKEV1: Token = Token::Optional(&[kw("ikev1", "Later spelling of the same")]);
const SETS: Token = kw("transform-set", "Which transform sets to offer");
const SET_NAMES: Token = Token::Repeat(&[arg(
    "set name",
    Kind::Word(limits::NAME_CHARS),
    "Name of a transform set",
)]);
const PFS: Token = kw("pfs", "Run Diffie-Hellman for every child SA");
const GROUPS: &[Word] = &[
    word("group1", 1, "768 bits, legacy"),
    word("group2", 2, "1024 bits, legacy (default)"),
    word("group5", 5, "1536 bits, legacy"),
    word("group14", 14, "2048 bits, Holdfast's own"),
    word("group15", 15, "3072 bits, Holdfast's own"),
    word("group16", 16, "4096 bits, Holdfast's own"),
];
const SA: Token = kw("security-association", "Options of security associations");
const LIFETIME: Token = kw("lifetime", "Lifetime of an SA");
const SPREAD: Token = kw("spread", "Let every worker seal with the entry's SAs");
const PEER_WINDOW: Token = kw("peer-window", "Size of the peer's replay window");
const WINDOW: Token = arg(
    "packets",
    Kind::Number(64, 1_048_576),
    "Packets by which others may overtake one",
);
const LINE: Token = Token::Optional(&[arg("value", Kind::Rest(240), "The value")]);

/// What follows the name and the number of an entry.
macro_rules! entry {
    ($($token:expr),*) => { &[CRYPTO, MAP, NAME, SEQUENCE, $($token),*] };
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "crypto map match address",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: entry![MATCH, ADDRESS, ACL],
        no: No::As(entry![MATCH, ADDRESS, Token::Optional(&[ACL])]),
        help: "Send the traffic of an access list through the entry's tunnel",
        apply: parse::match_address,
    },
    Row {
        id: "crypto map set peer",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: entry![SET, PEER, PEERS],
        no: No::As(entry![SET, PEER, Token::Optional(&[PEERS])]),
        help: "Peers of the entry, added in the order in which they are tried",
        apply: parse::set_peer,
    },
    Row {
        id: "crypto map set transform-set",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: entry![SET, IKEV1, SETS, SET_NAMES],
        no: No::As(entry![SET, IKEV1, SETS, Token::Optional(&[SET_NAMES])]),
        help: "Transform sets of the entry, most preferred first; they replace those before",
        apply: parse::set_transform_set,
    },
    Row {
        id: "crypto map set pfs",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: entry![SET, PFS, Token::Optional(&[choice("group", GROUPS)])],
        no: No::Same,
        help: "Run Diffie-Hellman for every child SA (default group 2)",
        apply: parse::set_pfs,
    },
    Row {
        id: "crypto map set security-association lifetime",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: entry![SET, SA, LIFETIME, LIFETIMES],
        no: No::As(entry![SET, SA, LIFETIME, NO_LIFETIMES]),
        help: "Lifetime of the entry's IPsec SAs, in the place of the global one",
        apply: parse::set_lifetime,
    },
    Row {
        id: "crypto map set spread",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: entry![SET, SPREAD, PEER_WINDOW, WINDOW],
        no: No::As(entry![SET, SPREAD, Token::Optional(&[PEER_WINDOW, WINDOW])]),
        help: "Let every worker seal with the SAs to come, where the peer's replay window is wide \
               enough for it",
        apply: parse::set_spread,
    },
    kept(
        "crypto map set connection-type",
        CONNECTION_TYPE,
        "Both ends may start",
    ),
    kept(
        "crypto map set phase1-mode",
        PHASE1_MODE,
        "Main mode is used",
    ),
    kept(
        "crypto map set reverse-route",
        REVERSE_ROUTE,
        "Write `route`s",
    ),
    kept(
        "crypto map set nat-t-disable",
        NAT_T_DISABLE,
        "NAT-T is set for the box",
    ),
    kept(
        "crypto map set inheritance",
        INHERITANCE,
        "SAs are made per access-list entry",
    ),
    Row {
        id: "crypto map interface",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            CRYPTO,
            MAP,
            NAME,
            kw("interface", "Apply the map to an interface"),
            arg("nameif", Kind::Nameif, "Name of the interface"),
        ],
        no: No::As(&[
            CRYPTO,
            MAP,
            NAME,
            kw("interface", "Apply the map to no interface"),
            Token::Optional(&[arg("nameif", Kind::Nameif, "Name of the interface")]),
        ]),
        help: "Apply the map to an interface, which has one map",
        apply: parse::interface,
    },
    Row {
        id: "no crypto map",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: entry![kw("ipsec-isakmp", "Negotiate by IKE")],
        no: No::As(&[CRYPTO, MAP, NAME, Token::Optional(&[SEQUENCE])]),
        help: "`no` removes an entry or the whole map; without `no` it says nothing new",
        apply: parse::entry,
    },
];

const CONNECTION_TYPE: &[Token] = entry![SET, kw("connection-type", "Who may start"), LINE];
const PHASE1_MODE: &[Token] = entry![SET, IKEV1, kw("phase1-mode", "Mode of phase 1"), LINE];
const REVERSE_ROUTE: &[Token] = entry![SET, kw("reverse-route", "Inject routes"), LINE];
const NAT_T_DISABLE: &[Token] = entry![SET, kw("nat-t-disable", "No NAT-T")];
const INHERITANCE: &[Token] = entry![SET, kw("inheritance", "What an SA is made for"), LINE];

const fn kept(id: &'static str, syntax: &'static [Token], help: &'static str) -> Row {
    Row {
        id,
        place: Place::Global,
        effect: Effect::Kept,
        syntax,
        no: No::Same,
        help,
        apply: parse::keep,
    }
}
