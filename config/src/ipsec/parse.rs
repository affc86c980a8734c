//! Effects of `crypto ipsec`.

use super::{CIPHER_NULL, HASH_NONE};
use crate::edit::{Edit, Refusal, room};
use crate::grammar::args::Args;
use crate::legacy;
use crate::limits;
use crate::{Encryption, Hash, Ipsec, TransformSet};

pub(super) fn transform_set(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let name = args.text("set")?;
    if args.negated {
        edit.config
            .ipsec
            .transform_sets
            .retain(|set| set.name != name);
        return Ok(());
    }
    let cipher = args.number("cipher")?;
    let integrity = args.find_number("integrity").unwrap_or(HASH_NONE);
    let set = TransformSet {
        name: name.to_owned(),
        encryption: encryption(cipher),
        integrity: hash(integrity),
    };
    sensible(&set, args)?;
    warn(edit, args, &set);
    let sets = &mut edit.config.ipsec.transform_sets;
    if let Some(other) = sets.iter_mut().find(|other| other.name == set.name) {
        *other = set;
        return Ok(());
    }
    room(
        sets.len(),
        limits::TRANSFORM_SETS,
        args.span,
        "transform sets",
    )?;
    sets.push(set);
    Ok(())
}

const fn is_aead(encryption: Encryption) -> bool {
    matches!(
        encryption,
        Encryption::AesGcm128 | Encryption::AesGcm192 | Encryption::AesGcm256
    )
}

/// RFC 4303 section 3.2: not both are null; RFC 4106 section 8: AES-GCM authenticates by itself.
fn sensible(set: &TransformSet, args: &Args) -> Result<(), Refusal> {
    let (message, help) = match (set.encryption, set.integrity) {
        (None, None) => (
            "Neither encryption nor authentication.",
            "Add a hash: `esp-sha256-hmac`.",
        ),
        (Some(cipher), Some(_)) if is_aead(cipher) => {
            ("AES-GCM authenticates by itself.", "Leave the hash away.")
        }
        _ => return Ok(()),
    };
    let span = args.span_of("cipher").to(args.span_of("integrity"));
    let span = if args.has("integrity") {
        span
    } else {
        args.span_of("cipher")
    };
    let refusal = Refusal::at(span, "transform-set-nonsense", message.to_owned());
    Err(refusal.helped(help))
}

fn warn(edit: &mut Edit<'_>, args: &Args, set: &TransformSet) {
    let span = args.span_of("cipher");
    match set.encryption {
        None => {
            let help = "Use it where only authentication is wanted.";
            edit.warn(
                span,
                "no-encryption",
                "Packets are not encrypted.".to_owned(),
                help,
            );
        }
        Some(cipher) => legacy::cipher(edit, span, cipher),
    }
    match set.integrity {
        Some(hash) => legacy::hash(edit, args.span_of("integrity"), hash),
        None if set.encryption.is_some_and(|cipher| !is_aead(cipher)) => {
            let message = "Packets are encrypted and not authenticated.".to_owned();
            let help = "Anybody can change them: add a hash, `esp-sha256-hmac`.";
            edit.warn(span, "no-integrity", message, help);
        }
        None => {}
    }
}

fn encryption(value: u32) -> Option<Encryption> {
    match value {
        0 => Some(Encryption::Des),
        1 => Some(Encryption::TripleDes),
        2 => Some(Encryption::Aes128),
        3 => Some(Encryption::Aes192),
        4 => Some(Encryption::Aes256),
        5 => Some(Encryption::AesGcm128),
        6 => Some(Encryption::AesGcm192),
        7 => Some(Encryption::AesGcm256),
        _ => None,
    }
}

fn hash(value: u32) -> Option<Hash> {
    match value {
        0 => Some(Hash::Md5),
        1 => Some(Hash::Sha1),
        2 => Some(Hash::Sha256),
        3 => Some(Hash::Sha384),
        4 => Some(Hash::Sha512),
        _ => None,
    }
}

/// Value of a cipher's word in the grammar.
pub(super) const fn cipher_value(encryption: Option<Encryption>) -> u32 {
    match encryption {
        Some(Encryption::Des) => 0,
        Some(Encryption::TripleDes) => 1,
        Some(Encryption::Aes128) => 2,
        Some(Encryption::Aes192) => 3,
        Some(Encryption::Aes256) => 4,
        Some(Encryption::AesGcm128) => 5,
        Some(Encryption::AesGcm192) => 6,
        Some(Encryption::AesGcm256) => 7,
        None => CIPHER_NULL,
    }
}

/// Value of a hash's word in the grammar.
pub(super) const fn hash_value(hash: Option<Hash>) -> u32 {
    match hash {
        Some(Hash::Md5) => 0,
        Some(Hash::Sha1) => 1,
        Some(Hash::Sha256) => 2,
        Some(Hash::Sha384) => 3,
        Some(Hash::Sha512) => 4,
        None => HASH_NONE,
    }
}

pub(super) fn lifetime(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    args.each_once()?;
    let lifetime = &mut edit.config.ipsec.lifetime;
    if args.has("seconds") {
        let seconds = args.find_number("time").filter(|_| !args.negated);
        lifetime.seconds = Some(seconds.unwrap_or(Ipsec::LIFETIME_S));
    }
    if args.has("kilobytes") {
        let kilobytes = args.find_number("traffic").filter(|_| !args.negated);
        lifetime.kilobytes = Some(kilobytes.unwrap_or(Ipsec::LIFETIME_KB));
    }
    Ok(())
}

pub(super) fn replay_window(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let packets = args.find_number("packets").filter(|_| !args.negated);
    edit.config.ipsec.replay_window = packets.unwrap_or(Ipsec::REPLAY_WINDOW);
    Ok(())
}
