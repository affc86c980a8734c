//! `global`, `nat`.

mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::{Effect, No, Place, Row, Token, arg, kw};
use crate::limits;
pub(crate) use render::render;

const NAMEIF: Token = arg("nameif", Kind::ParenNameif, "Name of the interface");

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "global",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            kw("global", "Configure what sources are translated to"),
            NAMEIF,
            arg("id", Kind::Number(1, 2147483647), "Number of the `nat`s"),
            Token::OneOf(&[
                &[kw("interface", "The address of the interface")],
                &[arg("address", Kind::Address, "One address")],
            ]),
        ],
        no: No::Same,
        help: "Translate the sources of the `nat`s of the same number, with their ports, to the \
               interface's address or one other",
        apply: parse::global,
    },
    Row {
        id: "nat",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            kw("nat", "Configure which sources are translated"),
            NAMEIF,
            arg(
                "id",
                Kind::Number(0, 2147483647),
                "Number of the `global`; 0: none",
            ),
            Token::OneOf(&[
                &[
                    kw("access-list", "Sources and destinations of an access list"),
                    arg(
                        "acl",
                        Kind::Word(limits::ACCESS_LIST_NAME_CHARS),
                        "The access list",
                    ),
                ],
                &[
                    arg("address", Kind::Address, "Sources"),
                    arg("mask", Kind::Address, "Their mask"),
                ],
            ]),
        ],
        no: No::Same,
        help: "Translate sources that enter by an interface by the `global` of the same number; 0 \
               exempts them",
        apply: parse::nat,
    },
];
