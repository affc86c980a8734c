//! `show crypto isakmp sa [detail]`.
//!
//! The layout is from published 8.2 samples; the line `Lifetime Remaining` and the sentence for an
//! empty table are by knowledge of 8.2.

use std::net::Ipv4Addr;

use config::{Encryption, Hash};
use serde::Serialize;

use super::Append;

use crate::ike::IkeSaView;

/// All phase-1 SAs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IsakmpSaTable {
    /// The SAs.
    pub sas: Vec<IsakmpSa>,
}

/// A phase-1 SA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IsakmpSa {
    /// The peer.
    pub peer: Ipv4Addr,
    /// Whether we initiated it.
    pub initiator: bool,
    /// Being replaced.
    pub rekeying: bool,
    /// `MM_ACTIVE` and its kin.
    pub state: String,
    /// What was agreed, once it was.
    pub policy: Option<AgreedPolicy>,
    /// Seconds until it ends, `None` for never.
    pub lifetime_remaining_s: Option<u32>,
}

/// The agreed phase-1 policy in the ASA's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AgreedPolicy {
    /// `aes-256`.
    pub encryption: &'static str,
    /// `SHA`.
    pub hash: &'static str,
    /// Lifetime in seconds, 0 for never.
    pub lifetime_s: u32,
}

const fn encryption_name(encryption: Encryption) -> &'static str {
    match encryption {
        Encryption::Des => "des",
        Encryption::TripleDes => "3des",
        Encryption::Aes128 => "aes",
        Encryption::Aes192 => "aes-192",
        Encryption::Aes256 => "aes-256",
        Encryption::AesGcm128 => "aes-gcm",
        Encryption::AesGcm192 => "aes-gcm-192",
        Encryption::AesGcm256 => "aes-gcm-256",
    }
}

const fn hash_name(hash: Hash) -> &'static str {
    match hash {
        Hash::Md5 => "MD5",
        Hash::Sha1 => "SHA",
        Hash::Sha256 => "SHA256",
        Hash::Sha384 => "SHA384",
        Hash::Sha512 => "SHA512",
    }
}

impl From<&IkeSaView> for IsakmpSa {
    fn from(sa: &IkeSaView) -> Self {
        Self {
            peer: sa.peer,
            initiator: sa.initiator,
            rekeying: sa.rekeying,
            state: sa.state.to_owned(),
            policy: sa.policy.as_ref().map(|policy| AgreedPolicy {
                encryption: encryption_name(policy.encryption),
                hash: hash_name(policy.hash),
                lifetime_s: policy.lifetime_s,
            }),
            lifetime_remaining_s: sa.lifetime_remaining_s,
        }
    }
}

impl IsakmpSa {
    fn render(&self, number: usize) -> String {
        let role = if self.initiator {
            "initiator"
        } else {
            "responder"
        };
        let rekey = if self.rekeying { "yes" } else { "no" };
        format!(
            "{number:<4}IKE Peer: {}\n    \
             Type    : {:<15} Role    : {role}\n    \
             Rekey   : {rekey:<15} State   : {}\n",
            self.peer, "L2L", self.state
        )
    }

    fn render_detail(&self) -> String {
        let Some(policy) = &self.policy else {
            return String::new();
        };
        let mut out = format!(
            "    Encrypt : {:<15} Hash    : {}\n    Auth    : {:<15} Lifetime: {}\n",
            policy.encryption, policy.hash, "preshared", policy.lifetime_s
        );
        if let Some(remaining_s) = self.lifetime_remaining_s {
            out.append(format_args!("    Lifetime Remaining: {remaining_s}\n"));
        }
        out
    }
}

impl IsakmpSaTable {
    fn render_with(&self, detail: bool) -> String {
        if self.sas.is_empty() {
            return "There are no isakmp sas\n".to_owned();
        }
        let rekeying = self.sas.iter().filter(|sa| sa.rekeying).count();
        let total = self.sas.len();
        let mut out = format!(
            "   Active SA: {}\n   Rekey SA: {rekeying} \
             (A tunnel will report 1 Active and 1 Rekey SA during rekey)\n\
             Total IKE SA: {total}\n\n",
            total - rekeying
        );
        for (index, sa) in self.sas.iter().enumerate() {
            out.push_str(&sa.render(index + 1));
            if detail {
                out.push_str(&sa.render_detail());
            }
        }
        out
    }

    /// `show crypto isakmp sa`.
    pub fn render(&self) -> String {
        self.render_with(false)
    }

    /// `show crypto isakmp sa detail`.
    pub fn render_detail(&self) -> String {
        self.render_with(true)
    }
}

#[cfg(test)]
mod tests {
    use config::IsakmpPolicy;

    use super::*;

    fn table() -> IsakmpSaTable {
        let view = IkeSaView {
            peer: Ipv4Addr::new(209, 165, 200, 10),
            initiator: true,
            state: "MM_ACTIVE",
            rekeying: false,
            policy: Some(IsakmpPolicy {
                priority: 5,
                encryption: Encryption::Aes256,
                hash: Hash::Sha1,
                group: 2,
                lifetime_s: 86400,
            }),
            lifetime_remaining_s: Some(85_000),
            established: None,
            nat_traversal: false,
        };
        let second = IkeSaView {
            peer: Ipv4Addr::new(209, 165, 200, 11),
            initiator: false,
            state: "MM_WAIT_MSG3",
            policy: None,
            rekeying: true,
            ..view.clone()
        };
        IsakmpSaTable {
            sas: vec![(&view).into(), (&second).into()],
        }
    }

    #[test]
    fn brief_is_the_8_2_sample() {
        let expected = "   \
   Active SA: 1
   Rekey SA: 1 (A tunnel will report 1 Active and 1 Rekey SA during rekey)
Total IKE SA: 2

1   IKE Peer: 209.165.200.10
    Type    : L2L             Role    : initiator
    Rekey   : no              State   : MM_ACTIVE
2   IKE Peer: 209.165.200.11
    Type    : L2L             Role    : responder
    Rekey   : yes             State   : MM_WAIT_MSG3
";
        assert_eq!(table().render(), expected);
    }

    #[test]
    fn detail_adds_the_policy_once_there_is_one() {
        let text = table().render_detail();
        assert!(text.contains(
            "State   : MM_ACTIVE\n    Encrypt : aes-256         Hash    : SHA\n    \
             Auth    : preshared       Lifetime: 86400\n    Lifetime Remaining: 85000\n2   IKE"
        ));
        assert!(text.ends_with("State   : MM_WAIT_MSG3\n"));
    }

    #[test]
    fn an_empty_table_is_a_sentence() {
        assert_eq!(
            IsakmpSaTable::default().render_detail(),
            "There are no isakmp sas\n"
        );
    }
}
