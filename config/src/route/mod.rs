//! `route`.

mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::{Effect, No, Place, Row, Token, arg, kw};
pub(crate) use render::render;

const ROUTE: Token = kw("route", "Configure a static route");
const NAMEIF: Token = arg("nameif", Kind::Nameif, "Interface by which packets leave");
const NET: Token = arg("address", Kind::Address, "Destination");
const MASK: Token = arg("mask", Kind::Address, "Its mask");
const GATEWAY: Token = arg("gateway", Kind::Address, "Next hop");
const METRIC: Token = Token::Optional(&[arg("metric", Kind::Number(1, 255), "Metric")]);

pub(crate) const ROWS: &[Row] = &[Row {
    id: "route",
    place: Place::Global,
    effect: Effect::Acted,
    syntax: &[ROUTE, NAMEIF, NET, MASK, GATEWAY, METRIC],
    no: No::As(&[
        ROUTE,
        NAMEIF,
        NET,
        MASK,
        Token::Optional(&[GATEWAY, METRIC]),
    ]),
    help: "Static route; `0 0` is the default route; the lowest metric wins (default 1)",
    apply: parse::route,
}];
