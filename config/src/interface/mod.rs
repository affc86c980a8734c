//! `interface` and its block, `mtu`.

mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::{Effect, No, Place, Row, Token, arg, kw};
use crate::limits;
pub(crate) use render::{render, render_mtus};

const NAMEIF: Token = kw("nameif", "Name the interface");
const LEVEL: Token = kw("security-level", "Set how far the interface is trusted");
const IP: Token = kw("ip", "IP of the interface");
const ADDRESS: Token = kw("address", "Address of the interface");
const DEVICE: Token = kw("device", "Name the port that serves the interface");
const MTU: Token = kw("mtu", "Set the largest packet of an interface");

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "interface",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            kw("interface", "Configure an interface"),
            arg("hardware", Kind::Hardware, "Hardware and unit: Ethernet0/0"),
        ],
        no: No::Same,
        help: "Configure an interface; port N of the EAL is `Ethernet0/N`",
        apply: parse::interface,
    },
    Row {
        id: "nameif",
        place: Place::Interface,
        effect: Effect::Acted,
        syntax: &[NAMEIF, arg("name", Kind::Nameif, "The name")],
        no: No::As(&[
            NAMEIF,
            Token::Optional(&[arg("name", Kind::Nameif, "The name")]),
        ]),
        help: "Name by which other commands know the interface",
        apply: parse::nameif,
    },
    Row {
        id: "security-level",
        place: Place::Interface,
        effect: Effect::Acted,
        syntax: &[
            LEVEL,
            arg("level", Kind::Number(0, 100), "0 (outside) to 100"),
        ],
        no: No::As(&[
            LEVEL,
            Token::Optional(&[arg("level", Kind::Number(0, 100), "0 to 100")]),
        ]),
        help: "How far the interface is trusted: connections go from high to low by themselves",
        apply: parse::security_level,
    },
    Row {
        id: "ip address",
        place: Place::Interface,
        effect: Effect::Acted,
        syntax: &[
            IP,
            ADDRESS,
            arg("ip-address", Kind::Address, "The address"),
            arg("mask", Kind::Address, "Its mask"),
        ],
        no: No::As(&[
            IP,
            ADDRESS,
            Token::Optional(&[
                arg("ip-address", Kind::Address, "The address"),
                Token::Optional(&[arg("mask", Kind::Address, "Its mask")]),
            ]),
        ]),
        help: "Address and mask of the interface",
        apply: parse::address,
    },
    Row {
        id: "shutdown",
        place: Place::Interface,
        effect: Effect::Acted,
        syntax: &[kw("shutdown", "Turn the interface off")],
        no: No::Same,
        help: "Turn the interface off",
        apply: parse::shutdown,
    },
    Row {
        id: "device",
        place: Place::Interface,
        effect: Effect::Acted,
        syntax: &[
            DEVICE,
            arg(
                "port",
                Kind::Word(limits::PATH_CHARS),
                "The EAL's name of it",
            ),
        ],
        no: No::As(&[
            DEVICE,
            Token::Optional(&[arg(
                "port",
                Kind::Word(limits::PATH_CHARS),
                "The EAL's name of it",
            )]),
        ]),
        help: "Holdfast's own: the EAL device that serves the interface from the box's next start \
               on, in place of port N",
        apply: parse::device,
    },
    kept_line(
        "interface speed",
        &[kw("speed", "Speed of the line"), LINE],
        &[kw("speed", "Speed of the line"), MAYBE_LINE],
        "Speed of the line: the driver negotiates it",
    ),
    kept_line(
        "interface duplex",
        &[kw("duplex", "Duplex of the line"), LINE],
        &[kw("duplex", "Duplex of the line"), MAYBE_LINE],
        "Duplex of the line: the driver negotiates it",
    ),
    kept_line(
        "interface description",
        &[kw("description", "Describe the interface"), LINE],
        &[kw("description", "Describe the interface"), MAYBE_LINE],
        "Words about the interface",
    ),
    kept_line(
        "interface management-only",
        &[kw("management-only", "Forward nothing through it")],
        &[kw("management-only", "Forward nothing through it")],
        "Forward nothing through the interface; use access lists for that",
    ),
    kept_line(
        "interface vlan",
        &[kw("vlan", "Number of its VLAN"), LINE],
        &[kw("vlan", "Number of its VLAN"), MAYBE_LINE],
        "Number of the interface's VLAN",
    ),
    Row {
        id: "mtu",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            MTU,
            arg("nameif", Kind::Nameif, "The interface"),
            arg("bytes", Kind::Number(64, 65535), "Bytes of an IP packet"),
        ],
        no: No::As(&[
            MTU,
            arg("nameif", Kind::Nameif, "The interface"),
            Token::Optional(&[arg("bytes", Kind::Number(64, 65535), "Bytes")]),
        ]),
        help: "Largest IP packet of an interface (default 1500); the ports take as much as the \
               largest when the box starts",
        apply: parse::mtu,
    },
];

const LINE: Token = arg("value", Kind::Rest(240), "The value");
const MAYBE_LINE: Token = Token::Optional(&[LINE]);

const fn kept_line(
    id: &'static str,
    syntax: &'static [Token],
    no: &'static [Token],
    help: &'static str,
) -> Row {
    Row {
        id,
        place: Place::Interface,
        effect: Effect::Kept,
        syntax,
        no: No::As(no),
        help,
        apply: parse::keep,
    }
}
