//! `crypto ipsec`.

mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;

use crate::grammar::kind::Kind;
use crate::grammar::{Effect, No, Place, Row, Token, Word, arg, choice, kw, word};
use crate::limits;
pub(crate) use render::render;

const CRYPTO: Token = kw("crypto", "Configure IKE and IPsec");
const IPSEC: Token = kw("ipsec", "Configure IPsec");
const IKEV1: Token = Token::Optional(&[kw("ikev1", "Later spelling of the same")]);
const SETS: Token = kw("transform-set", "Name a cipher and a hash");
const NAME: Token = arg("set", Kind::Word(limits::NAME_CHARS), "Name of the set");
const SA: Token = kw("security-association", "Options of security associations");
const REPLAY: Token = kw("replay", "Options of replay protection");
const WINDOW: Token = kw("window-size", "Size of the window");

/// Value of `esp-null`.
pub(crate) const CIPHER_NULL: u32 = 8;
/// Ciphers by value.
pub(crate) const CIPHERS: &[Word] = &[
    word("esp-des", 0, "DES-CBC, legacy"),
    word("esp-3des", 1, "3DES-CBC, legacy"),
    word("esp-aes", 2, "AES-CBC, 128 bits"),
    word("esp-aes-192", 3, "AES-CBC, 192 bits"),
    word("esp-aes-256", 4, "AES-CBC, 256 bits"),
    word("esp-aes-gcm", 5, "AES-GCM, 128 bits, Holdfast's own"),
    word("esp-aes-gcm-192", 6, "AES-GCM, 192 bits, Holdfast's own"),
    word("esp-aes-gcm-256", 7, "AES-GCM, 256 bits, Holdfast's own"),
    word("esp-null", CIPHER_NULL, "No encryption"),
];
/// Value of `esp-none`.
pub(crate) const HASH_NONE: u32 = 5;
/// Hashes by value.
pub(crate) const HASHES: &[Word] = &[
    word("esp-md5-hmac", 0, "HMAC-MD5-96, legacy"),
    word("esp-sha-hmac", 1, "HMAC-SHA1-96"),
    word("esp-sha256-hmac", 2, "HMAC-SHA-256-128, Holdfast's own"),
    word("esp-sha384-hmac", 3, "HMAC-SHA-384-192, Holdfast's own"),
    word("esp-sha512-hmac", 4, "HMAC-SHA-512-256, Holdfast's own"),
    word("esp-none", HASH_NONE, "No authentication"),
];
const WINDOWS: &[Word] = &[
    word("64", 64, "64 packets (default)"),
    word("128", 128, "128 packets"),
    word("256", 256, "256 packets"),
    word("512", 512, "512 packets"),
    word("1024", 1024, "1024 packets"),
    word("2048", 2048, "2048 packets, Holdfast's own"),
    word("4096", 4096, "4096 packets, Holdfast's own"),
    word("8192", 8192, "8192 packets, Holdfast's own"),
];

const LIFETIME: Token = kw("lifetime", "Lifetime of an SA");
const SECONDS: &[Token] = &[
    kw("seconds", "In time"),
    arg("time", Kind::Number(120, 2147483647), "Seconds"),
];
const KILOBYTES: &[Token] = &[
    kw("kilobytes", "In traffic"),
    arg("traffic", Kind::Number(10, 2147483647), "Kilobytes"),
];
/// One or both lifetimes; crypto maps have the same.
pub(crate) const LIFETIMES: Token = Token::Repeat(&[Token::OneOf(&[SECONDS, KILOBYTES])]);
/// The same for `no` forms.
pub(crate) const NO_LIFETIMES: Token = Token::Repeat(&[Token::OneOf(&[
    &[
        kw("seconds", "In time"),
        Token::Optional(&[arg("time", Kind::Number(120, 2147483647), "Seconds")]),
    ],
    &[
        kw("kilobytes", "In traffic"),
        Token::Optional(&[arg("traffic", Kind::Number(10, 2147483647), "Kilobytes")]),
    ],
])]);

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "crypto ipsec transform-set",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            CRYPTO,
            IPSEC,
            IKEV1,
            SETS,
            NAME,
            choice("cipher", CIPHERS),
            Token::Optional(&[choice("integrity", HASHES)]),
        ],
        no: No::As(&[
            CRYPTO,
            IPSEC,
            IKEV1,
            SETS,
            NAME,
            Token::Optional(&[
                choice("cipher", CIPHERS),
                Token::Optional(&[choice("integrity", HASHES)]),
            ]),
        ]),
        help: "Name a cipher and a hash for ESP in tunnel mode",
        apply: parse::transform_set,
    },
    Row {
        id: "crypto ipsec security-association lifetime",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[CRYPTO, IPSEC, SA, LIFETIME, LIFETIMES],
        no: No::As(&[CRYPTO, IPSEC, SA, LIFETIME, NO_LIFETIMES]),
        help: "Lifetime of an IPsec SA (default 28800 seconds and 4608000 kilobytes)",
        apply: parse::lifetime,
    },
    Row {
        id: "crypto ipsec security-association replay window-size",
        place: Place::Global,
        effect: Effect::Acted,
        syntax: &[
            CRYPTO,
            IPSEC,
            SA,
            REPLAY,
            WINDOW,
            choice("packets", WINDOWS),
        ],
        no: No::As(&[
            CRYPTO,
            IPSEC,
            SA,
            REPLAY,
            WINDOW,
            Token::Optional(&[choice("packets", WINDOWS)]),
        ]),
        help: "Replay window in packets (default 64)",
        apply: parse::replay_window,
    },
];
