//! Main mode with pre-shared keys (RFC 2409 section 5.4), both roles.

use config::IsakmpIdentity;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::natt::{self, Discovery};
use super::phase1::{Phase1, State, Unanswered};
use crate::ike::api::{Action, PeerConfig};
use crate::ike::core::Core;
use crate::ike::crypto::dh::{self, DhJob, DhResult};
use crate::ike::crypto::keymat::{Contributions, Phase1Keys};
use crate::ike::crypto::prf::prf;
use crate::ike::error::{IkeError, notify};
use crate::ike::limits::{NONCE_LEN, NONCE_LEN_MAX, NONCE_LEN_MIN};
use crate::ike::proposal;
use crate::ike::wire::control::Notify;
use crate::ike::wire::id::{Id, IdValue};
use crate::ike::wire::sa::{Sa, protocol};
use crate::ike::wire::{Chain, Writer, exchange, payload};
use crate::ike::{IKE_PORT, NATT_PORT};
use crate::time::Time;

const MAIN: u8 = exchange::IDENTITY_PROTECTION;

/// What a step of main mode came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ike) enum Outcome {
    /// It goes on.
    Continues,
    /// Both sides are authenticated.
    Established {
        /// The peer knows of no older SA.
        initial_contact: bool,
    },
}

type Step = Result<Outcome, IkeError>;

/// Initiator: sends the offer.
pub(in crate::ike) fn begin(core: &mut Core, now: Time, sa: &mut Phase1) {
    let offer = proposal::offer_phase1(&core.config().policies).emit();
    let mut writer = Writer::default();
    writer.add(payload::SA, &offer);
    natt::announce(&mut writer, core.config().nat_traversal_s.is_some());
    sa.offer = offer;
    ask(core, now, sa, &writer);
}

/// Takes a message of main mode in clear.
pub(in crate::ike) fn clear(core: &mut Core, sa: &mut Phase1, chain: &Chain<'_>) -> Step {
    match sa.state {
        State::WaitMessage2 => message_2(core, sa, chain),
        State::WaitMessage3 => message_3(core, sa, chain),
        State::WaitMessage4 => message_4(core, sa, chain),
        _ => Err(IkeError::PeerMisbehaved("a message in clear out of order")),
    }?;
    Ok(Outcome::Continues)
}

/// Takes an encrypted message of main mode.
pub(in crate::ike) fn sealed(
    core: &mut Core,
    now: Time,
    sa: &mut Phase1,
    next: u8,
    body: &[u8],
) -> Step {
    if !matches!(sa.state, State::WaitMessage5 | State::WaitMessage6) {
        return Err(IkeError::PeerMisbehaved(
            "an encrypted message out of order",
        ));
    }
    let (text, block) = sa.unsealed(&sa.last_block, body)?;
    let chain = Chain::parse(next, &text).map_err(|_| IkeError::AuthenticationFailed)?;
    authenticate(core, sa, &chain)?;
    let initial_contact = hear_notifications(sa, &chain);
    sa.last_block = block;
    if sa.state == State::WaitMessage5 {
        let response = identify(core, sa, false)?;
        core.push(sa.send(response.clone()));
        sa.last_response = Some(response);
    }
    sa.unanswered = None;
    sa.state = State::Up;
    sa.established = Some(now);
    Ok(Outcome::Established { initial_contact })
}

/// Takes what stands beside the peer's hash; whether it is the peer's first contact.
fn hear_notifications(sa: &mut Phase1, chain: &Chain<'_>) -> bool {
    let mut initial_contact = false;
    let notifications = chain.all(payload::NOTIFY);
    for notify in notifications.filter_map(|payload| Notify::parse(payload.body).ok()) {
        match (notify.kind, &mut sa.policy) {
            (notify::INITIAL_CONTACT, _) => initial_contact = true,
            (notify::RESPONDER_LIFETIME, Some(policy))
                if sa.initiator && notify.protocol == protocol::ISAKMP =>
            {
                proposal::honour_lifetime_phase1(policy, &notify.data);
            }
            _ => {}
        }
    }
    initial_contact
}

/// Public-key work of this SA is done.
pub(in crate::ike) fn computed(
    core: &mut Core,
    now: Time,
    sa: &mut Phase1,
    result: DhResult,
) -> Result<(), IkeError> {
    match sa.state {
        State::ComputingPublic => {
            sa.public_i = result.public;
            sa.exponent = Some(result.exponent);
            sa.nonce_i = core.random(NONCE_LEN);
            let writer = key_exchange(sa, true);
            sa.state = State::WaitMessage4;
            ask(core, now, sa, &writer);
        }
        State::ComputingSecret => {
            derive(core, sa, result.shared)?;
            // RFC 3947 section 4: the initiator moves to port 4500 with this message.
            if sa.encapsulates() {
                sa.local.set_port(NATT_PORT);
                sa.remote.set_port(NATT_PORT);
            }
            let message = identify(core, sa, true)?;
            sa.state = State::WaitMessage6;
            sa.unanswered = Some(Unanswered::new(message.clone(), now));
            core.push(sa.send(message));
        }
        State::ComputingBoth => {
            sa.public_r = result.public;
            sa.nonce_r = core.random(NONCE_LEN);
            derive(core, sa, result.shared)?;
            let writer = key_exchange(sa, false);
            let response = sa.plain(MAIN, &writer);
            sa.state = State::WaitMessage5;
            core.push(sa.send(response.clone()));
            sa.last_response = Some(response);
        }
        _ => {}
    }
    Ok(())
}

/// Responder: chooses from the first message and answers it.
pub(in crate::ike) fn respond(
    core: &mut Core,
    sa: &mut Phase1,
    chain: &Chain<'_>,
) -> Result<(), IkeError> {
    let offer = chain
        .one(payload::SA)
        .ok_or(IkeError::InvalidMessage("no SA payload"))?;
    let (policy, answer) =
        proposal::choose_phase1(&Sa::parse(offer.body)?, &core.config().policies)?;
    hear_vendors(core, sa, chain);
    sa.offer = offer.body.to_vec();
    sa.shortened = proposal::is_shortened(&policy, &answer);
    sa.policy = Some(policy);
    let mut writer = Writer::default();
    writer.add(payload::SA, &answer.emit());
    natt::announce(&mut writer, core.config().nat_traversal_s.is_some());
    let response = sa.plain(MAIN, &writer);
    core.push(sa.send(response.clone()));
    sa.last_response = Some(response);
    sa.state = State::WaitMessage3;
    Ok(())
}

fn message_2(core: &mut Core, sa: &mut Phase1, chain: &Chain<'_>) -> Result<(), IkeError> {
    let answer = chain
        .one(payload::SA)
        .ok_or(IkeError::InvalidMessage("no SA payload"))?;
    let policy = proposal::accept_phase1(&Sa::parse(answer.body)?, &core.config().policies)?;
    hear_vendors(core, sa, chain);
    let group = policy.group;
    sa.policy = Some(policy);
    sa.unanswered = None;
    sa.state = State::ComputingPublic;
    let exponent = Zeroizing::new(core.random(dh::exponent_len()));
    compute(core, sa, group, exponent, None);
    Ok(())
}

fn message_3(core: &mut Core, sa: &mut Phase1, chain: &Chain<'_>) -> Result<(), IkeError> {
    let group = sa
        .policy
        .as_ref()
        .ok_or(IkeError::LocalPolicy("no policy"))?
        .group;
    let (public, nonce) = contributions(chain, group)?;
    discover(sa, chain);
    sa.public_i.clone_from(&public);
    sa.nonce_i = nonce;
    sa.state = State::ComputingBoth;
    let exponent = Zeroizing::new(core.random(dh::exponent_len()));
    compute(core, sa, group, exponent, Some(public));
    Ok(())
}

fn message_4(core: &mut Core, sa: &mut Phase1, chain: &Chain<'_>) -> Result<(), IkeError> {
    let group = sa
        .policy
        .as_ref()
        .ok_or(IkeError::LocalPolicy("no policy"))?
        .group;
    let (public, nonce) = contributions(chain, group)?;
    discover(sa, chain);
    sa.public_r.clone_from(&public);
    sa.nonce_r = nonce;
    sa.unanswered = None;
    sa.state = State::ComputingSecret;
    let exponent = sa
        .exponent
        .take()
        .ok_or(IkeError::LocalPolicy("no exponent"))?;
    compute(core, sa, group, exponent, Some(public));
    Ok(())
}

fn hear_vendors(core: &Core, sa: &mut Phase1, chain: &Chain<'_>) {
    let peer = natt::announced(chain);
    let traversal = core.config().nat_traversal_s.is_some();
    sa.dialect = peer.dialect.filter(|_| traversal);
    sa.dpd.supported = peer.dpd;
    sa.sas_before_answer = peer.sas_before_answer;
}

fn compute(
    core: &mut Core,
    sa: &Phase1,
    group: u8,
    exponent: Zeroizing<Vec<u8>>,
    peer: Option<Vec<u8>>,
) {
    let ticket = core.ticket(sa.id, None);
    core.push(Action::Compute(DhJob {
        ticket,
        group,
        exponent,
        peer,
    }));
}

/// The peer's public value and nonce.
pub(super) fn contributions(chain: &Chain<'_>, group: u8) -> Result<(Vec<u8>, Vec<u8>), IkeError> {
    let public = chain
        .one(payload::KE)
        .ok_or(IkeError::InvalidMessage("no key exchange"))?;
    if Some(public.body.len()) != dh::public_len(group) {
        return Err(IkeError::PeerMisbehaved("length of the public value"));
    }
    Ok((public.body.to_vec(), nonce(chain)?))
}

pub(super) fn nonce(chain: &Chain<'_>) -> Result<Vec<u8>, IkeError> {
    let nonce = chain
        .one(payload::NONCE)
        .ok_or(IkeError::InvalidMessage("no nonce"))?;
    if !(NONCE_LEN_MIN..=NONCE_LEN_MAX).contains(&nonce.body.len()) {
        return Err(IkeError::InvalidMessage("length of the nonce"));
    }
    Ok(nonce.body.to_vec())
}

fn key_exchange(sa: &Phase1, initiator: bool) -> Writer {
    let mut writer = Writer::default();
    let (public, nonce) = if initiator {
        (&sa.public_i, &sa.nonce_i)
    } else {
        (&sa.public_r, &sa.nonce_r)
    };
    writer.add(payload::KE, public);
    writer.add(payload::NONCE, nonce);
    if let (Some(dialect), Some(discovery)) = (sa.dialect, discovery(sa)) {
        discovery.add(&mut writer, dialect);
    }
    writer
}

fn discovery(sa: &Phase1) -> Option<Discovery<'_>> {
    Some(Discovery {
        hash: sa.policy.as_ref()?.hash,
        cookie_i: &sa.cookie_i,
        cookie_r: &sa.cookie_r,
        local: sa.local,
        remote: sa.remote,
    })
}

fn discover(sa: &mut Phase1, chain: &Chain<'_>) {
    let found = sa
        .dialect
        .and_then(|dialect| Some(discovery(sa)?.find(chain, dialect)));
    (sa.nat_here, sa.nat_there) = found.unwrap_or_default();
}

fn derive(
    core: &Core,
    sa: &mut Phase1,
    shared: Option<Zeroizing<Vec<u8>>>,
) -> Result<(), IkeError> {
    let shared = shared.ok_or(IkeError::PeerMisbehaved(
        "public value outside of the group",
    ))?;
    let policy = sa
        .policy
        .as_ref()
        .ok_or(IkeError::LocalPolicy("no policy"))?;
    let key = core
        .peer(sa.peer)
        .and_then(|peer| peer.pre_shared_key.as_ref())
        .ok_or(IkeError::LocalPolicy("no pre-shared key"))?;
    let from = Contributions {
        pre_shared_key: key.expose().as_bytes(),
        nonce_i: &sa.nonce_i,
        nonce_r: &sa.nonce_r,
        shared: &shared,
        cookie_i: &sa.cookie_i,
        cookie_r: &sa.cookie_r,
    };
    let keys = Phase1Keys::derive(policy.hash, policy.encryption, &from)
        .ok_or(IkeError::LocalPolicy("no such cipher"))?;
    sa.last_block = keys.first_iv(&sa.public_i, &sa.public_r);
    sa.keys = Some(keys);
    Ok(())
}

/// The message with our identity and our hash.
fn identify(core: &Core, sa: &mut Phase1, initiator: bool) -> Result<Vec<u8>, IkeError> {
    let id = our_id(core, sa).emit();
    let hash = auth_hash(sa, initiator, &id)?;
    let mut writer = Writer::default();
    writer.add(payload::ID, &id);
    writer.add(payload::HASH, &hash);
    if initiator && !core.knows(sa.peer, sa.id) {
        let contact = Notify {
            protocol: protocol::ISAKMP,
            kind: notify::INITIAL_CONTACT,
            spi: [sa.cookie_i, sa.cookie_r].concat(),
            data: Vec::new(),
        };
        writer.add(payload::NOTIFY, &contact.emit());
    }
    if let (true, Some(policy)) = (sa.shortened && !initiator, &sa.policy) {
        let lifetime = Notify {
            protocol: protocol::ISAKMP,
            kind: notify::RESPONDER_LIFETIME,
            spi: [sa.cookie_i, sa.cookie_r].concat(),
            data: proposal::responder_lifetime_phase1(policy),
        };
        writer.add(payload::NOTIFY, &lifetime.emit());
    }
    let mut iv = core::mem::take(&mut sa.last_block);
    let message = sa.sealed(MAIN, 0, &mut iv, &writer);
    sa.last_block = iv;
    message
}

fn our_id(core: &Core, sa: &Phase1) -> Id {
    let value = match &core.config().identity {
        IsakmpIdentity::Address | IsakmpIdentity::Auto => IdValue::Address(*sa.local.ip()),
        IsakmpIdentity::Hostname => IdValue::Fqdn(core.config().fqdn.clone()),
        IsakmpIdentity::KeyId(text) => IdValue::KeyId(text.as_bytes().to_vec()),
    };
    // RFC 3947 section 4: no port when it may be translated on the way.
    let port = if sa.encapsulates() { 0 } else { IKE_PORT };
    Id {
        value,
        protocol: 17,
        port,
    }
}

/// HASH_I or HASH_R over an identity.
fn auth_hash(sa: &Phase1, of_initiator: bool, id: &[u8]) -> Result<Zeroizing<Vec<u8>>, IkeError> {
    let keys = sa
        .keys
        .as_ref()
        .ok_or(IkeError::LocalPolicy("no keys yet"))?;
    let (own, other, first, second) = if of_initiator {
        (&sa.public_i, &sa.public_r, &sa.cookie_i, &sa.cookie_r)
    } else {
        (&sa.public_r, &sa.public_i, &sa.cookie_r, &sa.cookie_i)
    };
    Ok(prf(
        keys.hash,
        &keys.skeyid,
        &[own, other, first, second, &sa.offer, id],
    ))
}

/// Checks the peer's identity and hash.
fn authenticate(core: &Core, sa: &Phase1, chain: &Chain<'_>) -> Result<(), IkeError> {
    let failed = IkeError::AuthenticationFailed;
    let id = chain.one(payload::ID).ok_or(failed)?;
    let hash = chain.one(payload::HASH).ok_or(failed)?;
    let expected = auth_hash(sa, !sa.initiator, id.body)?;
    if !bool::from(expected.as_slice().ct_eq(hash.body)) {
        return Err(failed);
    }
    let peer = core
        .peer(sa.peer)
        .ok_or(IkeError::LocalPolicy("peer is not configured"))?;
    check_id(peer, sa.nat_there, &Id::parse(id.body)?)
}

/// With pre-shared keys the address names the peer; an identity that is another address is not it,
/// unless a NAT stands before the address that the peer knows itself by.
fn check_id(peer: &PeerConfig, behind_nat: bool, id: &Id) -> Result<(), IkeError> {
    match id.value {
        IdValue::Address(address) if address != peer.address && !behind_nat => {
            Err(IkeError::InvalidId)
        }
        _ => Ok(()),
    }
}

fn ask(core: &mut Core, now: Time, sa: &mut Phase1, writer: &Writer) {
    let message = sa.plain(MAIN, writer);
    sa.unanswered = Some(Unanswered::new(message.clone(), now));
    core.push(sa.send(message));
}
