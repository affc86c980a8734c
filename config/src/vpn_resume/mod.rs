//! `vpn-resume`: how preserved flows go on when their tunnel comes back. All of it is Holdfast's
//! own.

mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::{Effect, No, Place, Row, Token, arg, kw};
pub(crate) use render::render;

const RESUME: Token = kw("vpn-resume", "How preserved flows resume");
const HOLD: Token = kw("hold", "Keep packets while a tunnel is down");
const UNREACHABLE: Token = kw(
    "unreachable",
    "Answer retransmissions while a tunnel is down",
);
const PACE: Token = kw("pace", "How fast held packets leave");
const PROBE: Token = kw("probe", "Probe flows that stay silent after a resume");
const DETECT: Token = kw("detect", "Find a dead peer by unanswered traffic");
const SECONDS: Kind = Kind::Number(1, 3600);
const PACKETS: Kind = Kind::Number(1, 10_000_000);

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "vpn-resume",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[RESUME],
        no: No::Same,
        help: "Holdfast's own: every option of `vpn-resume` at its default; `no` turns all of \
               them off, which is exactly what an ASA does",
        apply: parse::all,
    },
    Row {
        id: "vpn-resume hold",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            RESUME,
            HOLD,
            Token::Optional(&[
                kw("memory-mb", "Memory of held packets"),
                arg("megabytes", Kind::Number(1, 4096), "MiB of each worker"),
            ]),
        ],
        no: No::As(&[RESUME, HOLD]),
        help: "Holdfast's own: keep the oldest packet of each preserved flow while its tunnel is \
               down, all packets where the drop was planned, and send them when the peer receives \
               again (default, 32 MiB for each worker)",
        apply: parse::hold,
    },
    Row {
        id: "vpn-resume unreachable",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[RESUME, UNREACHABLE],
        no: No::Same,
        help: "Holdfast's own: answer retransmissions of preserved flows that hold no packet with \
               ICMP net unreachable, so that their sender does not slow down (RFC 6069; default \
               off)",
        apply: parse::unreachable,
    },
    Row {
        id: "vpn-resume pace",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            RESUME,
            PACE,
            Token::Repeat(&[Token::OneOf(&[
                &[
                    kw("initial-pps", "First rate, whatever the tunnel carried"),
                    arg("initial", PACKETS, "Packets per second"),
                ],
                &[
                    kw("minimum-pps", "First rate of a tunnel that carried little"),
                    arg("minimum", PACKETS, "Packets per second"),
                ],
            ])]),
        ],
        no: No::As(&[RESUME, PACE]),
        help: "Holdfast's own: packets per second with which a tunnel's held packets begin to \
               leave, doubled every round trip (default: a quarter of what the tunnel carried, at \
               least 1000)",
        apply: parse::pace,
    },
    Row {
        id: "vpn-resume probe",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            RESUME,
            PROBE,
            kw("idle", "Silence before the first probe"),
            arg("idle time", SECONDS, "Seconds"),
            kw("interval", "Time between probes"),
            arg("interval time", SECONDS, "Seconds"),
            kw("retries", "Probes without an answer that remove the flow"),
            arg("retry count", Kind::Number(1, 255), "Number"),
        ],
        no: No::As(&[RESUME, PROBE]),
        help: "Holdfast's own: probe flows that stay silent after a resume, and remove those whose \
               ends do not answer (default off)",
        apply: parse::probe,
    },
    Row {
        id: "vpn-resume detect",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            RESUME,
            DETECT,
            Token::Optional(&[
                kw("milliseconds", "Silence beyond the round trip"),
                arg("silence", Kind::Number(100, 60_000), "Milliseconds"),
            ]),
        ],
        no: No::As(&[RESUME, DETECT]),
        help: "Holdfast's own: probe a peer at once when traffic that wants an answer gets none \
               for so long beyond the round trip (default 300 milliseconds); needs `isakmp \
               keepalive`",
        apply: parse::detect,
    },
];
