//! Proposals of both phases: what we offer, what we choose, what we take as an answer.

use config::{Encryption, Hash, IsakmpPolicy};

use super::api::{EspSuite, TunnelConfig};
use super::crypto::{cipher, dh};
use super::error::IkeError;
use super::wire::attribute::Attributes;
use super::wire::sa::{Proposal, Sa, Transform, protocol};

/// Attributes of phase 1 (RFC 2409 appendix A).
mod phase1 {
    pub(super) const ENCRYPTION: u16 = 1;
    pub(super) const HASH: u16 = 2;
    pub(super) const AUTHENTICATION: u16 = 3;
    pub(super) const GROUP: u16 = 4;
    pub(super) const LIFE_TYPE: u16 = 11;
    pub(super) const LIFE_DURATION: u16 = 12;
    pub(super) const KEY_LENGTH: u16 = 14;
    pub(super) const PRE_SHARED_KEY: u64 = 1;
    pub(super) const KEY_IKE: u8 = 1;
}

/// Attributes of phase 2 (RFC 2407 section 4.5).
mod phase2 {
    pub(super) const LIFE_TYPE: u16 = 1;
    pub(super) const LIFE_DURATION: u16 = 2;
    pub(super) const GROUP: u16 = 3;
    pub(super) const ENCAPSULATION: u16 = 4;
    pub(super) const AUTHENTICATION: u16 = 5;
    pub(super) const KEY_LENGTH: u16 = 6;
}

const SECONDS: u64 = 1;
const KILOBYTES: u64 = 2;

/// Encapsulation modes (RFC 2407 section 4.5, RFC 3947 section 5.1).
pub(super) mod mode {
    /// Tunnel.
    pub(crate) const TUNNEL: u64 = 1;
    /// Tunnel in UDP.
    pub(crate) const UDP_TUNNEL: u64 = 3;
    /// Tunnel in UDP, of the drafts.
    pub(crate) const UDP_TUNNEL_DRAFT: u64 = 61_443;
}

const fn encryption_number(encryption: Encryption) -> Option<(u64, Option<u64>)> {
    match encryption {
        Encryption::Des => Some((1, None)),
        Encryption::TripleDes => Some((5, None)),
        Encryption::Aes128 => Some((7, Some(128))),
        Encryption::Aes192 => Some((7, Some(192))),
        Encryption::Aes256 => Some((7, Some(256))),
        _ => None,
    }
}

const fn hash_number(hash: Hash) -> u64 {
    match hash {
        Hash::Md5 => 1,
        Hash::Sha1 => 2,
        Hash::Sha256 => 4,
        Hash::Sha384 => 5,
        Hash::Sha512 => 6,
    }
}

/// Every usable policy as one proposal, in order.
pub(super) fn offer_phase1(policies: &[IsakmpPolicy]) -> Sa {
    let usable = policies.iter().filter(|policy| is_usable(policy));
    let transforms = usable
        .zip(1..=u8::MAX)
        .map(|(policy, number)| Transform {
            number,
            id: phase1::KEY_IKE,
            attributes: phase1_attributes(policy),
        })
        .collect();
    Sa {
        proposals: vec![Proposal {
            number: 1,
            protocol: protocol::ISAKMP,
            spi: Vec::new(),
            transforms,
        }],
    }
}

fn is_usable(policy: &IsakmpPolicy) -> bool {
    cipher::key_len(policy.encryption).is_some() && dh::is_group(policy.group)
}

fn phase1_attributes(policy: &IsakmpPolicy) -> Attributes {
    let mut attributes = Attributes::default();
    if let Some((number, key_length)) = encryption_number(policy.encryption) {
        attributes.push(phase1::ENCRYPTION, number);
        if let Some(bits) = key_length {
            attributes.push(phase1::KEY_LENGTH, bits);
        }
    }
    attributes.push(phase1::HASH, hash_number(policy.hash));
    attributes.push(phase1::AUTHENTICATION, phase1::PRE_SHARED_KEY);
    attributes.push(phase1::GROUP, u64::from(policy.group));
    // Without a lifetime the SA never expires (`lifetime 0`).
    if policy.lifetime_s != 0 {
        attributes.push(phase1::LIFE_TYPE, SECONDS);
        attributes.push(phase1::LIFE_DURATION, u64::from(policy.lifetime_s));
    }
    attributes
}

/// The first of our policies that the peer offers, with the lower of both lifetimes, and the
/// answer.
pub(super) fn choose_phase1(
    offer: &Sa,
    policies: &[IsakmpPolicy],
) -> Result<(IsakmpPolicy, Sa), IkeError> {
    for policy in policies.iter().filter(|policy| is_usable(policy)) {
        for proposal in offer
            .proposals
            .iter()
            .filter(|p| p.protocol == protocol::ISAKMP)
        {
            let fits = |transform: &&Transform| matches_phase1(policy, &transform.attributes);
            if let Some(transform) = proposal.transforms.iter().find(fits) {
                let mut agreed = policy.clone();
                agreed.lifetime_s =
                    lower(policy.lifetime_s, phase1_lifetime(&transform.attributes));
                let answer = Proposal {
                    transforms: vec![transform.clone()],
                    ..proposal.clone()
                };
                return Ok((
                    agreed,
                    Sa {
                        proposals: vec![answer],
                    },
                ));
            }
        }
    }
    Err(IkeError::NoProposal)
}

/// The policy that an answer names; what was not offered is refused.
pub(super) fn accept_phase1(
    answer: &Sa,
    policies: &[IsakmpPolicy],
) -> Result<IsakmpPolicy, IkeError> {
    let (_, transform) = answer
        .chosen()
        .ok_or(IkeError::PeerMisbehaved("not one proposal"))?;
    let policy = policies
        .iter()
        .filter(|policy| is_usable(policy))
        .find(|policy| matches_phase1(policy, &transform.attributes))
        .ok_or(IkeError::PeerMisbehaved("a proposal that was not offered"))?;
    let mut agreed = policy.clone();
    agreed.lifetime_s = lower(policy.lifetime_s, phase1_lifetime(&transform.attributes));
    Ok(agreed)
}

fn matches_phase1(policy: &IsakmpPolicy, attributes: &Attributes) -> bool {
    let Some((number, key_length)) = encryption_number(policy.encryption) else {
        return false;
    };
    attributes.get(phase1::ENCRYPTION) == Some(number)
        && attributes.get(phase1::KEY_LENGTH) == key_length
        && attributes.get(phase1::HASH) == Some(hash_number(policy.hash))
        && attributes.get(phase1::AUTHENTICATION) == Some(phase1::PRE_SHARED_KEY)
        && attributes.get(phase1::GROUP) == Some(u64::from(policy.group))
}

/// Whether the lifetime of a chosen policy is not the one in the answer, which repeats the offer.
pub(super) fn is_shortened(policy: &IsakmpPolicy, answer: &Sa) -> bool {
    answer
        .chosen()
        .is_some_and(|(_, transform)| phase1_lifetime(&transform.attributes) != policy.lifetime_s)
}

/// The lifetime of a phase-1 RESPONDER-LIFETIME notification, as attributes (RFC 2407 section
/// 4.6.3.1, their numbers those of RFC 2409 appendix A).
pub(super) fn responder_lifetime_phase1(policy: &IsakmpPolicy) -> Vec<u8> {
    let mut attributes = Attributes::default();
    attributes.push(phase1::LIFE_TYPE, SECONDS);
    attributes.push(phase1::LIFE_DURATION, u64::from(policy.lifetime_s));
    let mut bytes = Vec::new();
    attributes.emit(&mut bytes);
    bytes
}

/// Lowers the lifetime of a policy to what such a notification says.
pub(super) fn honour_lifetime_phase1(policy: &mut IsakmpPolicy, notified: &[u8]) {
    if let Ok(attributes) = Attributes::parse(notified) {
        policy.lifetime_s = lower(policy.lifetime_s, phase1_lifetime(&attributes));
    }
}

/// Zero for a transform without a lifetime in seconds.
fn phase1_lifetime(attributes: &Attributes) -> u32 {
    lifetimes(attributes, phase1::LIFE_TYPE, phase1::LIFE_DURATION)
        .0
        .unwrap_or(0)
}

/// The lower of two lifetimes, where zero is none.
fn lower(ours: u32, theirs: u32) -> u32 {
    match (ours, theirs) {
        (0, other) | (other, 0) => other,
        (ours, theirs) => ours.min(theirs),
    }
}

/// Seconds and kilobytes: each duration counts for the type in front of it.
fn lifetimes(attributes: &Attributes, kind: u16, duration: u16) -> (Option<u32>, Option<u32>) {
    let (mut seconds, mut kilobytes, mut current) = (None, None, 0);
    for (attribute, value) in attributes.iter() {
        let bounded = u32::try_from(value).unwrap_or(u32::MAX);
        if attribute == kind {
            current = value;
        } else if attribute == duration && current == SECONDS {
            seconds = Some(bounded);
        } else if attribute == duration && current == KILOBYTES {
            kilobytes = Some(bounded);
        }
    }
    (seconds, kilobytes)
}

/// A phase-2 proposal that both sides agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) suite: EspSuite,
    pub(super) spi: u32,
    pub(super) encapsulated: bool,
    pub(super) group: Option<u8>,
    pub(super) lifetime_s: u32,
    pub(super) lifetime_kb: Option<u32>,
}

const fn esp_number(encryption: Encryption) -> (u8, Option<u64>) {
    match encryption {
        Encryption::Des => (2, None),
        Encryption::TripleDes => (3, None),
        Encryption::Aes128 => (12, Some(128)),
        Encryption::Aes192 => (12, Some(192)),
        Encryption::Aes256 => (12, Some(256)),
        Encryption::AesGcm128 => (20, Some(128)),
        Encryption::AesGcm192 => (20, Some(192)),
        Encryption::AesGcm256 => (20, Some(256)),
    }
}

const fn esp_hash_number(hash: Hash) -> u64 {
    match hash {
        Hash::Md5 => 1,
        Hash::Sha1 => 2,
        Hash::Sha256 => 5,
        Hash::Sha384 => 6,
        Hash::Sha512 => 7,
    }
}

/// One proposal per suite, each for the same SPI.
pub(super) fn offer_phase2(tunnel: &TunnelConfig, spi: u32, mode: u64) -> Sa {
    let proposals = tunnel
        .proposals
        .iter()
        .zip(1..=u8::MAX)
        .map(|(suite, number)| {
            let (id, key_length) = esp_number(suite.encryption);
            let mut attributes = Attributes::default();
            attributes.push(phase2::LIFE_TYPE, SECONDS);
            attributes.push(phase2::LIFE_DURATION, u64::from(tunnel.lifetime_s));
            if let Some(kilobytes) = tunnel.lifetime_kb {
                attributes.push(phase2::LIFE_TYPE, KILOBYTES);
                attributes.push(phase2::LIFE_DURATION, u64::from(kilobytes));
            }
            attributes.push(phase2::ENCAPSULATION, mode);
            if let Some(hash) = suite.integrity {
                attributes.push(phase2::AUTHENTICATION, esp_hash_number(hash));
            }
            if let Some(bits) = key_length {
                attributes.push(phase2::KEY_LENGTH, bits);
            }
            if let Some(group) = tunnel.pfs {
                attributes.push(phase2::GROUP, u64::from(group));
            }
            Proposal {
                number,
                protocol: protocol::ESP,
                spi: spi.to_be_bytes().to_vec(),
                transforms: vec![Transform {
                    number: 1,
                    id,
                    attributes,
                }],
            }
        })
        .collect();
    Sa { proposals }
}

/// The first of the tunnel's suites that the peer offers, and the answer with our SPI.
pub(super) fn choose_phase2(
    offer: &Sa,
    tunnel: &TunnelConfig,
    spi: u32,
    natt: bool,
) -> Result<(Agreed, Sa), IkeError> {
    for suite in &tunnel.proposals {
        for proposal in &offer.proposals {
            for transform in &proposal.transforms {
                if let Some(agreed) = agree(proposal, transform, *suite, tunnel, natt) {
                    let answer = Proposal {
                        spi: spi.to_be_bytes().to_vec(),
                        transforms: vec![transform.clone()],
                        ..proposal.clone()
                    };
                    return Ok((
                        agreed,
                        Sa {
                            proposals: vec![answer],
                        },
                    ));
                }
            }
        }
    }
    Err(IkeError::NoProposal)
}

/// The lifetimes of a RESPONDER-LIFETIME notification, as attributes (RFC 2407 section 4.6.3.1).
pub(super) fn responder_lifetime(agreed: &Agreed) -> Vec<u8> {
    let mut attributes = Attributes::default();
    attributes.push(phase2::LIFE_TYPE, SECONDS);
    attributes.push(phase2::LIFE_DURATION, u64::from(agreed.lifetime_s));
    if let Some(kilobytes) = agreed.lifetime_kb {
        attributes.push(phase2::LIFE_TYPE, KILOBYTES);
        attributes.push(phase2::LIFE_DURATION, u64::from(kilobytes));
    }
    let mut bytes = Vec::new();
    attributes.emit(&mut bytes);
    bytes
}

/// Lowers what was agreed to what such a notification says.
pub(super) fn honour_lifetime(agreed: &mut Agreed, notified: &[u8]) {
    let Ok(attributes) = Attributes::parse(notified) else {
        return;
    };
    let (seconds, kilobytes) = lifetimes(&attributes, phase2::LIFE_TYPE, phase2::LIFE_DURATION);
    // Zero would end the SA at once; nobody means that.
    if let Some(seconds @ 1..) = seconds {
        agreed.lifetime_s = agreed.lifetime_s.min(seconds);
    }
    if let Some(kilobytes @ 1..) = kilobytes {
        agreed.lifetime_kb = Some(
            agreed
                .lifetime_kb
                .map_or(kilobytes, |own| own.min(kilobytes)),
        );
    }
}

/// What an answer names; what was not offered is refused.
pub(super) fn accept_phase2(
    answer: &Sa,
    tunnel: &TunnelConfig,
    natt: bool,
) -> Result<Agreed, IkeError> {
    let (proposal, transform) = answer
        .chosen()
        .ok_or(IkeError::PeerMisbehaved("not one proposal"))?;
    tunnel
        .proposals
        .iter()
        .find_map(|suite| agree(proposal, transform, *suite, tunnel, natt))
        .ok_or(IkeError::PeerMisbehaved("a proposal that was not offered"))
}

fn agree(
    proposal: &Proposal,
    transform: &Transform,
    suite: EspSuite,
    tunnel: &TunnelConfig,
    natt: bool,
) -> Option<Agreed> {
    let (id, key_length) = esp_number(suite.encryption);
    let attributes = &transform.attributes;
    let spi = u32::from_be_bytes(proposal.spi.as_slice().try_into().ok()?);
    let encapsulated = match attributes.get(phase2::ENCAPSULATION)? {
        mode::TUNNEL => false,
        mode::UDP_TUNNEL | mode::UDP_TUNNEL_DRAFT if natt => true,
        _ => return None,
    };
    let group = match attributes.get(phase2::GROUP) {
        None => None,
        Some(number) => Some(
            u8::try_from(number)
                .ok()
                .filter(|group| dh::is_group(*group))?,
        ),
    };
    // With `set pfs` the peer must offer that group; without it any group of ours is taken.
    let pfs_fits = tunnel.pfs.is_none() || tunnel.pfs == group;
    let fits = proposal.protocol == protocol::ESP
        && transform.id == id
        && attributes.get(phase2::KEY_LENGTH) == key_length
        && attributes.get(phase2::AUTHENTICATION) == suite.integrity.map(esp_hash_number)
        && spi >= 256
        && pfs_fits;
    if !fits {
        return None;
    }
    let (seconds, kilobytes) = lifetimes(attributes, phase2::LIFE_TYPE, phase2::LIFE_DURATION);
    Some(Agreed {
        suite,
        spi,
        encapsulated,
        group,
        // Eight hours where the peer says nothing (RFC 2407 section 4.5).
        lifetime_s: tunnel.lifetime_s.min(seconds.unwrap_or(28_800)),
        lifetime_kb: match (tunnel.lifetime_kb, kilobytes) {
            (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
            (ours, theirs) => ours.or(theirs),
        },
    })
}

/// Bytes of cipher key (with salt) and HMAC key.
pub(super) const fn key_lens(suite: EspSuite) -> (usize, usize) {
    let encryption = match suite.encryption {
        Encryption::Des => 8,
        Encryption::TripleDes | Encryption::Aes192 => 24,
        Encryption::Aes128 => 16,
        Encryption::Aes256 => 32,
        Encryption::AesGcm128 => 20,
        Encryption::AesGcm192 => 28,
        Encryption::AesGcm256 => 36,
    };
    let integrity = match suite.integrity {
        None => 0,
        Some(hash) => super::crypto::prf::len(hash),
    };
    (encryption, integrity)
}
