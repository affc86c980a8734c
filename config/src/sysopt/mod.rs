//! `sysopt`.

mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::{Effect, No, Place, Row, Token, arg, choice, kw, word};
pub(crate) use render::render;

const SYSOPT: Token = kw("sysopt", "Set an option of the system");
const CONNECTION: Token = kw("connection", "Options of connections");
const TCPMSS: Token = kw("tcpmss", "Clamp the segment size of TCP");
const MINIMUM: Token = kw("minimum", "Raise smaller segment sizes");
const BYTES: Token = arg("bytes", Kind::NumberOrZero(48, 65535), "Bytes, 0: off");
const PRESERVE: Token = kw(
    "preserve-vpn-flows",
    "Keep TCP connections while their tunnel is down",
);

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "sysopt connection timewait",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            SYSOPT,
            CONNECTION,
            kw("timewait", "Let a closed TCP connection linger"),
        ],
        no: No::Same,
        help: "Let a TCP connection linger 15 seconds after both ends have closed it",
        apply: parse::timewait,
    },
    Row {
        id: "sysopt connection tcpmss",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[SYSOPT, CONNECTION, TCPMSS, BYTES],
        no: No::As(&[SYSOPT, CONNECTION, TCPMSS, Token::Optional(&[BYTES])]),
        help: "Largest segment size that a SYN may announce (default 1380, 0: any)",
        apply: parse::tcpmss,
    },
    Row {
        id: "sysopt connection tcpmss minimum",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[SYSOPT, CONNECTION, TCPMSS, MINIMUM, BYTES],
        no: No::As(&[
            SYSOPT,
            CONNECTION,
            TCPMSS,
            MINIMUM,
            Token::Optional(&[BYTES]),
        ]),
        help: "Smallest segment size that a SYN announces; smaller ones are raised (default 0: \
               none)",
        apply: parse::tcpmss_minimum,
    },
    Row {
        id: "sysopt connection permit-vpn",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            SYSOPT,
            CONNECTION,
            kw(
                "permit-vpn",
                "Let what comes out of a tunnel pass access groups",
            ),
        ],
        no: No::Same,
        help: "Let what comes out of a tunnel pass the access groups (default)",
        apply: parse::permit_vpn,
    },
    Row {
        id: "sysopt connection reclassify-vpn",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            SYSOPT,
            CONNECTION,
            kw(
                "reclassify-vpn",
                "Classify older connections when a tunnel comes up",
            ),
        ],
        no: No::Same,
        help: "When a tunnel comes up, remove older connections that should have gone through it \
               (default)",
        apply: parse::reclassify_vpn,
    },
    Row {
        id: "sysopt connection preserve-vpn-flows",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            SYSOPT,
            CONNECTION,
            PRESERVE,
            Token::Optional(&[kw("immediate", "Live VPN contexts too")]),
        ],
        no: No::Same,
        help: "Keep the TCP connections of a tunnel while it is down; for tunnels that come up \
               later, with `immediate` (Holdfast's own) for live ones too",
        apply: parse::preserve_vpn_flows,
    },
    Row {
        id: "sysopt nodnsalias",
        place: Place::Global,
        effect: Effect::Kept,
        syntax: &[
            SYSOPT,
            kw("nodnsalias", "Do not rewrite DNS answers"),
            choice(
                "direction",
                &[
                    word("inbound", 0, "Inbound answers"),
                    word("outbound", 1, "Outbound answers"),
                ],
            ),
        ],
        no: No::Same,
        help: "DNS answers are never rewritten",
        apply: parse::nodnsalias,
    },
    Row {
        id: "sysopt radius ignore-secret",
        place: Place::Global,
        effect: Effect::Kept,
        syntax: &[
            SYSOPT,
            kw("radius", "Options of RADIUS"),
            kw("ignore-secret", "Do not check authenticators"),
        ],
        no: No::Same,
        help: "There is no RADIUS",
        apply: parse::radius_ignore_secret,
    },
    Row {
        id: "sysopt noproxyarp",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            SYSOPT,
            kw("noproxyarp", "Do not answer ARP for others"),
            arg("nameif", Kind::Nameif, "Name of the interface"),
        ],
        no: No::Same,
        help: "Answer ARP on an interface for its own address only, not for those of its `global`s",
        apply: parse::noproxyarp,
    },
];
