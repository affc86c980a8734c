//! `crypto isakmp`.

mod parse;
mod policy;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::{Effect, No, Place, Row, Token, Word, arg, choice, kw, word};
pub(crate) use render::render;

/// `crypto isakmp`, and the later spelling `crypto ikev1`.
const CRYPTO: Token = kw("crypto", "Configure IKE and IPsec");
const ISAKMP: Token = Token::OneOf(&[
    &[CRYPTO, kw("isakmp", "Configure IKE")],
    &[CRYPTO, kw("ikev1", "Configure IKE")],
    &[kw("isakmp", "Configure IKE")],
]);
const IDENTITY: Token = kw("identity", "Name that the box gives itself");
const NAT_T: Token = kw("nat-traversal", "Cross address translation (RFC 3948)");
const KEEPALIVE_S: Token = arg(
    "interval",
    Kind::Number(10, 3600),
    "Seconds between keepalives",
);
const POLICY: Token = kw("policy", "Configure an ISAKMP policy");
const PRIORITY: Token = arg(
    "priority",
    Kind::Number(1, 65534),
    "Priority; lower is preferred",
);

const AUTHENTICATION: Token = kw("authentication", "How the peers authenticate");
/// Ways to authenticate by value.
const AUTHENTICATIONS: Token = choice(
    "way",
    &[
        word("pre-share", 0, "By the tunnel group's pre-shared key"),
        word("rsa-sig", 1, "By certificates, which are not there"),
        word("crack", 2, "By CRACK, which is not there"),
    ],
);
const ENCRYPTION: Token = kw("encryption", "Cipher of phase 1");
/// Ciphers by value.
pub(crate) const CIPHERS: &[Word] = &[
    word("des", 0, "DES-CBC, legacy"),
    word("3des", 1, "3DES-CBC, legacy"),
    word("aes", 2, "AES-CBC, 128 bits"),
    word("aes-192", 3, "AES-CBC, 192 bits"),
    word("aes-256", 4, "AES-CBC, 256 bits"),
];
const HASH: Token = kw("hash", "Hash of phase 1");
/// Hashes by value.
pub(crate) const HASHES: &[Word] = &[
    word("md5", 0, "MD5, legacy"),
    word("sha", 1, "SHA-1"),
    word("sha256", 2, "SHA-256, Holdfast's own"),
    word("sha384", 3, "SHA-384, Holdfast's own"),
    word("sha512", 4, "SHA-512, Holdfast's own"),
];
const GROUP: Token = kw("group", "Diffie-Hellman group of phase 1");
const GROUPS: Token = arg("number", Kind::Group, "Number of the group");
const LIFETIME: Token = kw("lifetime", "Lifetime of phase 1");
const SECONDS: Token = arg(
    "seconds",
    Kind::NumberOrZero(120, 2147483647),
    "Seconds, 0: for ever",
);

/// The settings of a policy, for the one-line form.
const SETTING: Token = Token::Named {
    name: "setting",
    tokens: &[Token::OneOf(&[
        &[AUTHENTICATION, AUTHENTICATIONS],
        &[ENCRYPTION, choice("cipher", CIPHERS)],
        &[HASH, choice("function", HASHES)],
        &[GROUP, GROUPS],
        &[LIFETIME, SECONDS],
    ])],
};
/// The same for the `no` form, the value optional.
const UNSET: Token = Token::Named {
    name: "setting to its default",
    tokens: &[Token::OneOf(&[
        &[AUTHENTICATION, Token::Optional(&[AUTHENTICATIONS])],
        &[ENCRYPTION, Token::Optional(&[choice("cipher", CIPHERS)])],
        &[HASH, Token::Optional(&[choice("function", HASHES)])],
        &[GROUP, Token::Optional(&[GROUPS])],
        &[LIFETIME, Token::Optional(&[SECONDS])],
    ])],
};

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "crypto isakmp enable",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            ISAKMP,
            kw("enable", "Take part on an interface"),
            arg("nameif", Kind::Nameif, "Name of the interface"),
        ],
        no: No::Same,
        help: "Answer and start IKE on an interface",
        apply: parse::enable,
    },
    Row {
        id: "crypto isakmp identity",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            ISAKMP,
            IDENTITY,
            Token::OneOf(&[
                &[kw("address", "Its address")],
                &[kw("auto", "Its address with pre-shared keys (default)")],
                &[kw("hostname", "Its host name and domain")],
                &[
                    kw("key-id", "A text"),
                    arg("text", Kind::Word(128), "The text"),
                ],
            ]),
        ],
        no: No::As(&[ISAKMP, IDENTITY]),
        help: "Name that the box gives itself in phase 1",
        apply: parse::identity,
    },
    Row {
        id: "crypto isakmp nat-traversal",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[ISAKMP, NAT_T, Token::Optional(&[KEEPALIVE_S])],
        no: No::As(&[ISAKMP, NAT_T, Token::Optional(&[KEEPALIVE_S])]),
        help: "Detect address translation and cross it in UDP, with keepalives (default 20 \
               seconds)",
        apply: parse::nat_traversal,
    },
    Row {
        id: "crypto isakmp policy",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[ISAKMP, POLICY, PRIORITY],
        no: No::Same,
        help: "What phase 1 may negotiate, most preferred first",
        apply: policy::open,
    },
    Row {
        id: "crypto isakmp policy setting",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[ISAKMP, POLICY, PRIORITY, SETTING],
        no: No::As(&[ISAKMP, POLICY, PRIORITY, UNSET]),
        help: "One setting of a policy in one line",
        apply: policy::one_line,
    },
    setting(
        "authentication",
        &[AUTHENTICATION, AUTHENTICATIONS],
        &[AUTHENTICATION, Token::Optional(&[AUTHENTICATIONS])],
        "How the peers authenticate (default `pre-share`, the only one that can be used)",
    ),
    setting(
        "encryption",
        &[ENCRYPTION, choice("cipher", CIPHERS)],
        &[ENCRYPTION, Token::Optional(&[choice("cipher", CIPHERS)])],
        "Cipher of phase 1 (default `3des`)",
    ),
    setting(
        "hash",
        &[HASH, choice("function", HASHES)],
        &[HASH, Token::Optional(&[choice("function", HASHES)])],
        "Hash and pseudo-random function of phase 1 (default `sha`)",
    ),
    setting(
        "group",
        &[GROUP, GROUPS],
        &[GROUP, Token::Optional(&[GROUPS])],
        "Diffie-Hellman group of phase 1: 1, 2, 5, or Holdfast's own 14, 15, 16 (default 2)",
    ),
    setting(
        "lifetime",
        &[LIFETIME, SECONDS],
        &[LIFETIME, Token::Optional(&[SECONDS])],
        "Lifetime of phase 1 in seconds, 0 for ever (default 86400)",
    ),
];

const fn setting(
    id: &'static str,
    syntax: &'static [Token],
    no: &'static [Token],
    help: &'static str,
) -> Row {
    Row {
        id,
        place: Place::IsakmpPolicy,
        effect: Effect::Acted,
        syntax,
        no: No::As(no),
        help,
        apply: policy::in_block,
    }
}
