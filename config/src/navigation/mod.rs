//! `exit`, `quit`, `end`.

#[cfg(test)]
pub(crate) mod tests;

use crate::edit::{Edit, Refusal};
use crate::grammar::args::Args;
use crate::grammar::{Effect, No, Place, Row, Token, kw};

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "exit",
        place: Place::Everywhere,
        effect: Effect::Acted,
        syntax: &[Token::OneOf(&[
            &[kw("exit", "Leave this mode")],
            &[kw("quit", "Leave this mode")],
        ])],
        no: No::Without,
        help: "Leave this mode",
        apply: exit,
    },
    Row {
        id: "end",
        place: Place::Everywhere,
        effect: Effect::Acted,
        syntax: &[kw("end", "Leave configuration mode")],
        no: No::Without,
        help: "Leave configuration mode",
        apply: end,
    },
];

fn exit(edit: &mut Edit<'_>, _: &Args) -> Result<(), Refusal> {
    edit.leaves = !edit.mode.leave();
    Ok(())
}

fn end(edit: &mut Edit<'_>, _: &Args) -> Result<(), Refusal> {
    while edit.mode.leave() {}
    edit.leaves = true;
    Ok(())
}
