//! `service`.

#[cfg(test)]
pub(crate) mod tests;

use crate::Config;
use crate::edit::{Edit, Refusal};
use crate::grammar::args::Args;
use crate::grammar::{Effect, No, Place, Row, Token, kw};
use crate::render::Sink;

const SERVICE: Token = kw("service", "Set how refused TCP is answered");

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "service resetinbound",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            SERVICE,
            kw("resetinbound", "Answer denied inbound TCP with RST"),
        ],
        no: No::Same,
        help: "Answer TCP from a lower security level that an access list denies with RST",
        apply: reset_inbound,
    },
    Row {
        id: "service resetoutside",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            SERVICE,
            kw(
                "resetoutside",
                "Answer TCP to the outside interface with RST",
            ),
        ],
        no: No::Same,
        help: "Answer TCP to the outermost interface's own address with RST",
        apply: reset_outside,
    },
];

fn reset_inbound(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.service.reset_inbound = !args.negated;
    Ok(())
}

fn reset_outside(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.service.reset_outside = !args.negated;
    Ok(())
}

/// Writes the family.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    let service = &config.service;
    out.flag(service.reset_inbound, false, "service resetinbound");
    out.flag(service.reset_outside, false, "service resetoutside");
}
