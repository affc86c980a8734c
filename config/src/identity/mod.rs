//! `hostname`, `domain-name`.

mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::{Effect, No, Place, Row, Token, arg, kw};
pub(crate) use render::render;

const HOSTNAME: Token = kw("hostname", "Set the box's name");
const DOMAIN: Token = kw("domain-name", "Set the box's domain");

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "hostname",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[HOSTNAME, arg("name", Kind::HostName, "The name")],
        no: No::As(&[
            HOSTNAME,
            Token::Optional(&[arg("name", Kind::HostName, "The name")]),
        ]),
        help: "Name of the box, in the prompt and as ISAKMP identity",
        apply: parse::hostname,
    },
    Row {
        id: "domain-name",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[DOMAIN, arg("domain", Kind::DomainName, "The domain")],
        no: No::As(&[
            DOMAIN,
            Token::Optional(&[arg("domain", Kind::DomainName, "The domain")]),
        ]),
        help: "Domain of the box, part of its ISAKMP identity",
        apply: parse::domain_name,
    },
];
