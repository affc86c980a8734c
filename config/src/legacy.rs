//! Warnings about algorithms that are here for old peers only.

use crate::edit::Edit;
use crate::grammar::line::Span;
use crate::{Encryption, Hash};

const HELP: &str = "It is offered because it is configured; use it for peers that have no other.";

/// Warns about DES and 3DES (RFC 8221 section 5).
pub(crate) fn cipher(edit: &mut Edit<'_>, span: Span, encryption: Encryption) {
    let name = match encryption {
        Encryption::Des => "DES",
        Encryption::TripleDes => "3DES",
        _ => return,
    };
    edit.warn(
        span,
        "legacy-cipher",
        format!("{name} is a weak cipher."),
        HELP,
    );
}

/// Warns about MD5 (RFC 8221 section 6).
pub(crate) fn hash(edit: &mut Edit<'_>, span: Span, hash: Hash) {
    if hash == Hash::Md5 {
        edit.warn(span, "legacy-hash", "MD5 is a weak hash.".to_owned(), HELP);
    }
}

/// Warns about groups 1, 2 and 5 (RFC 8247 section 2.4).
pub(crate) fn group(edit: &mut Edit<'_>, span: Span, group: u8) {
    if matches!(group, 1 | 2 | 5) {
        let message = format!("Diffie-Hellman group {group} is weak.");
        edit.warn(span, "legacy-group", message, HELP);
    }
}
