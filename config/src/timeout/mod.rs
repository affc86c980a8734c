//! `timeout`.

mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::{Effect, No, Place, Row, Token, arg, kw};
pub(crate) use render::render;

/// A timer that is kept without effect.
pub(crate) struct KeptTimer {
    pub(crate) name: &'static str,
    pub(crate) default_s: u32,
}

const fn timer(name: &'static str, default_s: u32) -> KeptTimer {
    KeptTimer { name, default_s }
}

/// The kept timers, in the order in which they are rendered.
pub(crate) const KEPT_TIMERS: &[KeptTimer] = &[
    timer("sunrpc", 600),
    timer("h323", 300),
    timer("h225", 3600),
    timer("mgcp", 300),
    timer("mgcp-pat", 300),
    timer("sip", 1800),
    timer("sip_media", 120),
    timer("sip-invite", 180),
    timer("sip-disconnect", 120),
    timer("sip-provisional-media", 120),
    timer("uauth", 300),
    timer("tcp-proxy-reassembly", 60),
];

macro_rules! kept_timers {
    ($($name:literal),*) => {
        Token::Named { name: "kept timer", tokens: &[Token::OneOf(&[$(
            &[
                kw($name, "Timer without effect"),
                arg(concat!($name, " time"), Kind::DurationOrZero(1), "h:mm:ss"),
            ],
        )*])] }
    };
}

/// The timers that the model has, each under the name of its item.
const ACTED_TIMERS: Token = Token::Named {
    name: "timer",
    tokens: &[Token::OneOf(&[
        &[
            kw(
                "xlate",
                "Idle translations, which take their connections with them",
            ),
            arg("xlate time", Kind::Duration(60), "h:mm:ss"),
        ],
        &[
            kw("conn", "Idle TCP connections"),
            arg("conn time", Kind::DurationOrZero(300), "h:mm:ss, 0: never"),
        ],
        &[
            kw("half-closed", "Half-closed TCP connections"),
            arg(
                "half-closed time",
                Kind::DurationOrZero(30),
                "h:mm:ss, 0: never",
            ),
        ],
        &[
            kw("udp", "Idle UDP connections"),
            arg("udp time", Kind::Duration(60), "h:mm:ss"),
        ],
        &[
            kw("icmp", "Idle ICMP connections"),
            arg("icmp time", Kind::Duration(2), "h:mm:ss"),
        ],
    ])],
};

pub(crate) const ROWS: &[Row] = &[Row {
    id: "timeout",
    place: Place::Global,
    effect: Effect::Acted,
    syntax: &[
        kw("timeout", "Set idle times"),
        Token::Repeat(&[Token::OneOf(&[
            &[ACTED_TIMERS],
            &[kept_timers!(
                "sunrpc",
                "h323",
                "h225",
                "mgcp",
                "mgcp-pat",
                "sip",
                "sip_media",
                "sip-invite",
                "sip-disconnect",
                "sip-provisional-media",
                "tcp-proxy-reassembly"
            )],
            &[
                kw("uauth", "Timer without effect"),
                arg("uauth time", Kind::DurationOrZero(1), "h:mm:ss"),
                Token::Optional(&[Token::OneOf(&[
                    &[kw("absolute", "From the log-in")],
                    &[kw("inactivity", "From the last packet")],
                ])]),
            ],
        ])]),
    ],
    no: No::As(&[kw("timeout", "Every idle time to its default")]),
    help: "Idle times; those of `conn`, `half-closed`, `udp`, `icmp` and `xlate` are acted upon; a translated connection ends when either its own timer or that of `xlate` has run out",
    apply: parse::timeout,
}];
