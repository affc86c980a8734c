//! `crypto ipsec` as text.

use super::parse::{cipher_value, hash_value};
use super::{CIPHERS, HASHES};
use crate::grammar::names::show;
use crate::render::Sink;
use crate::{Config, Ipsec, TransformSet};

/// Writes the family.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    let ipsec = &config.ipsec;
    for set in &ipsec.transform_sets {
        let transforms = set.transforms();
        out.line(format!(
            "crypto ipsec transform-set {} {transforms}",
            set.name
        ));
    }
    let sa = "crypto ipsec security-association";
    let seconds = ipsec.lifetime.seconds.unwrap_or(Ipsec::LIFETIME_S);
    if seconds != Ipsec::LIFETIME_S || out.all() {
        out.line(format!("{sa} lifetime seconds {seconds}"));
    }
    let kilobytes = ipsec.lifetime.kilobytes.unwrap_or(Ipsec::LIFETIME_KB);
    if kilobytes != Ipsec::LIFETIME_KB || out.all() {
        out.line(format!("{sa} lifetime kilobytes {kilobytes}"));
    }
    if ipsec.replay_window != Ipsec::REPLAY_WINDOW || out.all() {
        out.line(format!("{sa} replay window-size {}", ipsec.replay_window));
    }
}

impl TransformSet {
    /// The transforms as commands have them: `esp-3des esp-md5-hmac`, `esp-aes-gcm-256`.
    pub fn transforms(&self) -> String {
        let cipher = show(CIPHERS, cipher_value(self.encryption));
        let aead = self.integrity.is_none() && cipher.contains("gcm");
        if aead {
            cipher
        } else {
            format!("{cipher} {}", show(HASHES, hash_value(self.integrity)))
        }
    }
}
