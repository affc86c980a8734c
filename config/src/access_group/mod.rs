//! `access-group`.

mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::{Effect, No, Place, Row, arg, choice, kw, word};
use crate::limits;
pub(crate) use render::render;

pub(crate) const ROWS: &[Row] = &[Row {
    id: "access-group",
    place: Place::Global,
    effect: Effect::Acted,
    syntax: &[
        kw("access-group", "Apply an access list to an interface"),
        arg(
            "acl",
            Kind::Word(limits::ACCESS_LIST_NAME_CHARS),
            "The access list",
        ),
        choice(
            "direction",
            &[
                word("in", 1, "To packets that enter by the interface"),
                word("out", 0, "To packets that leave by the interface"),
            ],
        ),
        kw("interface", "The interface"),
        arg("nameif", Kind::Nameif, "Its name"),
    ],
    no: No::Same,
    help: "Apply an access list to the packets that enter or leave by an interface",
    apply: parse::access_group,
}];
