//! `names`, `name`.

mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::{Effect, No, Place, Row, Token, arg, kw};
use crate::limits;
pub(crate) use render::render;

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "names",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[kw("names", "Let names stand for addresses")],
        no: No::Same,
        help: "Let a `name` stand where an address is expected (default)",
        apply: parse::names,
    },
    Row {
        id: "name",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            kw("name", "Give an address a name"),
            arg("address", Kind::Address, "The address"),
            arg("symbol", Kind::SymbolicName, "Its name"),
            Token::Optional(&[
                kw("description", "Say what it is"),
                arg(
                    "text",
                    Kind::Rest(limits::NAME_DESCRIPTION_CHARS),
                    "The words",
                ),
            ]),
        ],
        no: No::As(&[
            kw("name", "Take an address its name"),
            arg("address", Kind::Address, "The address"),
            Token::Optional(&[
                arg("symbol", Kind::SymbolicName, "Its name"),
                Token::Optional(&[
                    kw("description", "Say what it is"),
                    arg(
                        "text",
                        Kind::Rest(limits::NAME_DESCRIPTION_CHARS),
                        "The words",
                    ),
                ]),
            ]),
        ]),
        help: "Give an address a name that may be written in its place",
        apply: parse::name,
    },
];
