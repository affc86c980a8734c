//! `names`, `name`.

mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::{Effect, No, Place, Row, Token, arg, kw};
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
        ],
        no: No::As(&[
            kw("name", "Take an address its name"),
            arg("address", Kind::Address, "The address"),
            Token::Optional(&[arg("symbol", Kind::SymbolicName, "Its name")]),
        ]),
        help: "Give an address a name that may be written in its place",
        apply: parse::name,
    },
];
