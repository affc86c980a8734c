//! `crypto isakmp` as text.

use crate::render::Sink;
use crate::{Config, Encryption, Hash, Isakmp, IsakmpAuthentication, IsakmpIdentity, IsakmpPolicy};

/// Writes the family.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    let isakmp = &config.isakmp;
    match &isakmp.identity {
        IsakmpIdentity::Address => out.line("crypto isakmp identity address"),
        IsakmpIdentity::Hostname => out.line("crypto isakmp identity hostname"),
        IsakmpIdentity::KeyId(text) => out.line(format!("crypto isakmp identity key-id {text}")),
        IsakmpIdentity::Auto if out.all() => out.line("crypto isakmp identity auto"),
        IsakmpIdentity::Auto => {}
    }
    for nameif in &isakmp.enabled_on {
        out.line(format!("crypto isakmp enable {nameif}"));
    }
    for (authentication, policy) in by_priority(isakmp) {
        render_policy(authentication, policy, out);
    }
    match isakmp.nat_traversal_s {
        None => out.line("no crypto isakmp nat-traversal"),
        Some(Isakmp::NAT_TRAVERSAL_S) if !out.all() => {}
        Some(seconds) => out.line(format!("crypto isakmp nat-traversal {seconds}")),
    }
}

fn by_priority(isakmp: &Isakmp) -> Vec<(&'static str, &IsakmpPolicy)> {
    let usable = isakmp.policies.iter().map(|policy| ("pre-share", policy));
    let unusable = isakmp
        .unusable_policies
        .iter()
        .map(|(authentication, policy)| {
            let way = match authentication {
                IsakmpAuthentication::RsaSig => "rsa-sig",
                IsakmpAuthentication::Crack => "crack",
            };
            (way, policy)
        });
    let mut policies: Vec<_> = usable.chain(unusable).collect();
    policies.sort_by_key(|(_, policy)| policy.priority);
    policies
}

/// Writes a policy whole, as an ASA does.
fn render_policy(authentication: &str, policy: &IsakmpPolicy, out: &mut Sink) {
    out.line(format!("crypto isakmp policy {}", policy.priority));
    out.nested(format!("authentication {authentication}"));
    out.nested(format!("encryption {}", cipher(policy.encryption)));
    out.nested(format!("hash {}", hash(policy.hash)));
    out.nested(format!("group {}", policy.group));
    out.nested(format!("lifetime {}", policy.lifetime_s));
}

/// The word; AES-GCM, which no policy has, is written as AES.
const fn cipher(encryption: Encryption) -> &'static str {
    match encryption {
        Encryption::Des => "des",
        Encryption::TripleDes => "3des",
        Encryption::Aes128 | Encryption::AesGcm128 => "aes",
        Encryption::Aes192 | Encryption::AesGcm192 => "aes-192",
        Encryption::Aes256 | Encryption::AesGcm256 => "aes-256",
    }
}

const fn hash(hash: Hash) -> &'static str {
    match hash {
        Hash::Md5 => "md5",
        Hash::Sha1 => "sha",
        Hash::Sha256 => "sha256",
        Hash::Sha384 => "sha384",
        Hash::Sha512 => "sha512",
    }
}
