//! Quick mode (RFC 2409 section 5.5), both roles.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::main_mode::{contributions, nonce};
use super::natt::Dialect;
use super::phase1::{Finished, Phase1, Unanswered, Wanted};
use crate::ike::api::{Action, ChildSa, SaKeys, Selectors, SpiSource, TunnelConfig, TunnelId};
use crate::ike::core::{Child, Core};
use crate::ike::crypto::dh::{self, DhJob, DhResult};
use crate::ike::crypto::keymat::ChildContributions;
use crate::ike::crypto::prf::prf;
use crate::ike::error::{IkeError, notify};
use crate::ike::limits::{COLLISION_S, EXCHANGES_MAX, NONCE_LEN, OVERLAP_S, REKEY_MARGIN_S};
use crate::ike::proposal::{self, Agreed, mode};
use crate::ike::wire::control::Notify;
use crate::ike::wire::id::Id;
use crate::ike::wire::sa::{Sa, protocol};
use crate::ike::wire::{Chain, Writer, exchange, payload};
use crate::time::Time;

/// How far a quick mode has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Our public value, or the shared secret, is being computed.
    Computing,
    /// Initiator: the first message is out.
    WaitMessage2,
    /// Responder: the second message is out.
    WaitMessage3,
}

/// A quick mode under way.
#[derive(Debug)]
pub(in crate::ike) struct Quick {
    pub(in crate::ike) message_id: u32,
    pub(in crate::ike) wanted: Wanted,
    pub(in crate::ike) inbound_spi: u32,
    initiator: bool,
    state: State,
    iv: Vec<u8>,
    nonce_i: Vec<u8>,
    nonce_r: Vec<u8>,
    exponent: Option<Zeroizing<Vec<u8>>>,
    public: Vec<u8>,
    peer_public: Option<Vec<u8>>,
    selectors: Selectors,
    agreed: Option<(Agreed, Sa)>,
    /// The message that was taken, to know it again.
    request: Vec<u8>,
    pub(in crate::ike) unanswered: Option<Unanswered>,
    /// Our own SPI was reported with the SA and is not ours to give back any more.
    pub(in crate::ike) reported: bool,
}

/// Begins a quick mode for a tunnel.
pub(in crate::ike) fn begin(
    core: &mut Core,
    now: Time,
    spis: &mut dyn SpiSource,
    sa: &mut Phase1,
    wanted: Wanted,
) -> Result<(), IkeError> {
    let tunnel = core
        .tunnel(wanted.tunnel)
        .ok_or(IkeError::LocalPolicy("no such tunnel"))?;
    let (selectors, pfs) = (tunnel.selectors, tunnel.pfs);
    if sa.quicks.len() >= EXCHANGES_MAX {
        return Err(IkeError::LocalPolicy("too many exchanges"));
    }
    let inbound_spi = spis
        .reserve(wanted.tunnel)
        .ok_or(IkeError::LocalPolicy("no SPI is free"))?;
    let message_id = core.random_u32();
    let mut quick = Quick {
        message_id,
        wanted,
        inbound_spi,
        initiator: true,
        state: State::Computing,
        iv: Vec::new(),
        nonce_i: core.random(NONCE_LEN),
        nonce_r: Vec::new(),
        exponent: None,
        public: Vec::new(),
        peer_public: None,
        selectors,
        agreed: None,
        request: Vec::new(),
        unanswered: None,
        reported: false,
    };
    if let Some(group) = pfs {
        let exponent = Zeroizing::new(core.random(dh::exponent_len()));
        compute(core, sa, message_id, group, exponent, None);
    } else {
        send_message_1(core, now, sa, &mut quick)?;
    }
    sa.quicks.push(quick);
    Ok(())
}

/// Takes a message of quick mode.
pub(in crate::ike) fn message(
    core: &mut Core,
    now: Time,
    spis: &mut dyn SpiSource,
    sa: &mut Phase1,
    received: &Received<'_>,
) -> Result<(), IkeError> {
    let place = sa
        .quicks
        .iter()
        .position(|quick| quick.message_id == received.message_id);
    let Some(place) = place else {
        return respond(core, now, spis, sa, received);
    };
    let mut quick = sa.quicks.swap_remove(place);
    if quick.request == received.whole {
        repeat(core, sa, &quick);
        sa.quicks.push(quick);
        return Ok(());
    }
    let outcome = match (quick.state, quick.initiator) {
        (State::WaitMessage2, true) => message_2(core, now, sa, &mut quick, received),
        (State::WaitMessage3, false) => message_3(core, sa, &mut quick, received),
        _ => Err(IkeError::PeerMisbehaved("quick mode out of order")),
    };
    match outcome {
        Ok(true) => Ok(()),
        Ok(false) => {
            sa.quicks.push(quick);
            Ok(())
        }
        // What could not be authenticated ends nothing.
        Err(error @ (IkeError::InvalidMessage(_) | IkeError::AuthenticationFailed)) => {
            sa.quicks.push(quick);
            Err(error)
        }
        Err(error) => {
            abandon(core, spis, &quick);
            Err(error)
        }
    }
}

/// A message as it came.
pub(in crate::ike) struct Received<'a> {
    pub(in crate::ike) message_id: u32,
    pub(in crate::ike) next: u8,
    pub(in crate::ike) body: &'a [u8],
    pub(in crate::ike) whole: &'a [u8],
}

/// Ends an exchange that leads nowhere.
pub(in crate::ike) fn abandon(core: &mut Core, spis: &mut dyn SpiSource, quick: &Quick) {
    if quick.reported {
        let spi = quick.inbound_spi;
        core.end_children(crate::ike::api::EndReason::LostContact, |child| {
            child.inbound_spi == spi
        });
    } else {
        spis.release(quick.inbound_spi);
    }
    if let Some(tunnel) = Some(quick.wanted.tunnel)
        && let Some(child) = core
            .children
            .iter_mut()
            .find(|child| child.tunnel == tunnel)
    {
        child.rekeying = false;
    }
}

/// Public-key work of a quick mode is done.
pub(in crate::ike) fn computed(
    core: &mut Core,
    now: Time,
    spis: &mut dyn SpiSource,
    sa: &mut Phase1,
    message_id: u32,
    result: DhResult,
) -> Result<(), IkeError> {
    let place = sa
        .quicks
        .iter()
        .position(|quick| quick.message_id == message_id);
    let Some(place) = place else { return Ok(()) };
    let mut quick = sa.quicks.swap_remove(place);
    let outcome = go_on(core, now, sa, &mut quick, result);
    match outcome {
        Ok(true) => Ok(()),
        Ok(false) => {
            sa.quicks.push(quick);
            Ok(())
        }
        Err(error) => {
            abandon(core, spis, &quick);
            Err(error)
        }
    }
}

/// `true` when the exchange is done.
fn go_on(
    core: &mut Core,
    now: Time,
    sa: &mut Phase1,
    quick: &mut Quick,
    result: DhResult,
) -> Result<bool, IkeError> {
    if quick.initiator && quick.peer_public.is_none() {
        quick.public = result.public;
        quick.exponent = Some(result.exponent);
        send_message_1(core, now, sa, quick)?;
        return Ok(false);
    }
    let shared = result.shared.ok_or(IkeError::PeerMisbehaved(
        "public value outside of the group",
    ))?;
    if quick.initiator {
        finish_initiator(core, now, sa, quick, Some(&shared))?;
        return Ok(true);
    }
    quick.public = result.public;
    send_message_2(core, now, sa, quick, Some(&shared))?;
    Ok(false)
}

fn compute(
    core: &mut Core,
    sa: &Phase1,
    message_id: u32,
    group: u8,
    exponent: Zeroizing<Vec<u8>>,
    peer: Option<Vec<u8>>,
) {
    let ticket = core.ticket(sa.id, Some(message_id));
    core.push(Action::Compute(DhJob {
        ticket,
        group,
        exponent,
        peer,
    }));
}

fn encapsulation_mode(sa: &Phase1) -> u64 {
    match sa.dialect {
        Some(Dialect::Standard) if sa.encapsulates() => mode::UDP_TUNNEL,
        Some(Dialect::Draft) if sa.encapsulates() => mode::UDP_TUNNEL_DRAFT,
        _ => mode::TUNNEL,
    }
}

fn send_message_1(
    core: &mut Core,
    now: Time,
    sa: &mut Phase1,
    quick: &mut Quick,
) -> Result<(), IkeError> {
    let tunnel = core
        .tunnel(quick.wanted.tunnel)
        .ok_or(IkeError::LocalPolicy("no such tunnel"))?;
    let offer = proposal::offer_phase2(tunnel, quick.inbound_spi, encapsulation_mode(sa));
    let mut writer = begin_hash(sa)?;
    writer.add(payload::SA, &offer.emit());
    writer.add(payload::NONCE, &quick.nonce_i);
    if !quick.public.is_empty() {
        writer.add(payload::KE, &quick.public);
    }
    add_ids(&mut writer, &quick.selectors, true);
    end_hash(sa, &mut writer, quick.message_id, &[])?;
    let keys = sa.keys.as_ref().ok_or(IkeError::LocalPolicy("no keys"))?;
    quick.iv = keys.exchange_iv(&sa.last_block, quick.message_id);
    let message = sa.sealed(exchange::QUICK, quick.message_id, &mut quick.iv, &writer)?;
    quick.unanswered = Some(Unanswered::new(message.clone(), now));
    quick.state = State::WaitMessage2;
    core.push(sa.send(message));
    Ok(())
}

/// Responder: the first message.
fn respond(
    core: &mut Core,
    now: Time,
    spis: &mut dyn SpiSource,
    sa: &mut Phase1,
    received: &Received<'_>,
) -> Result<(), IkeError> {
    if let Some(finished) = sa
        .finished
        .iter()
        .find(|f| f.message_id == received.message_id)
    {
        if finished.request == received.whole
            && let Some(response) = finished.response.clone()
        {
            core.push(sa.send(response));
        }
        return Ok(());
    }
    if sa.quicks.len() >= EXCHANGES_MAX {
        return Err(IkeError::LocalPolicy("too many exchanges"));
    }
    let keys = sa
        .keys
        .as_ref()
        .ok_or(IkeError::InvalidMessage("no keys"))?;
    let iv = keys.exchange_iv(&sa.last_block, received.message_id);
    let (text, iv) = sa.unsealed(&iv, received.body)?;
    let chain = Chain::parse(received.next, &text)?;
    check_hash(sa, &chain, received.message_id, &[])?;
    sa.dpd.last_heard = now;
    let (tunnel, selectors) = match_ids(core, sa, &chain)?;
    let offer = chain
        .one(payload::SA)
        .ok_or(IkeError::InvalidMessage("no SA payload"))?;
    let offer = Sa::parse(offer.body)?;
    let inbound_spi = spis
        .reserve(tunnel.id)
        .ok_or(IkeError::LocalPolicy("no SPI is free"))?;
    let natt = sa.encapsulates();
    let chosen = proposal::choose_phase2(&offer, &tunnel, inbound_spi, natt)
        .and_then(|(agreed, answer)| Ok((agreed, answer, peer_contribution(&chain, agreed)?)));
    let (agreed, answer, (public, nonce_i)) = match chosen {
        Ok(chosen) => chosen,
        Err(error) => {
            spis.release(inbound_spi);
            return Err(error);
        }
    };
    let replaces = core
        .current(tunnel.id)
        .map(|child| (child.inbound_spi, child.outbound_spi));
    let mut quick = Quick {
        message_id: received.message_id,
        wanted: Wanted {
            tunnel: tunnel.id,
            replaces,
        },
        inbound_spi,
        initiator: false,
        state: State::Computing,
        iv,
        nonce_i,
        nonce_r: core.random(NONCE_LEN),
        exponent: None,
        public: Vec::new(),
        peer_public: public.clone(),
        selectors,
        agreed: Some((agreed, answer)),
        request: received.whole.to_vec(),
        unanswered: None,
        reported: false,
    };
    match (agreed.group, public) {
        (Some(group), Some(public)) => {
            let exponent = Zeroizing::new(core.random(dh::exponent_len()));
            compute(core, sa, quick.message_id, group, exponent, Some(public));
        }
        _ => send_message_2(core, now, sa, &mut quick, None)?,
    }
    sa.quicks.push(quick);
    Ok(())
}

/// Public value, where a group was agreed on, and nonce.
fn peer_contribution(
    chain: &Chain<'_>,
    agreed: Agreed,
) -> Result<(Option<Vec<u8>>, Vec<u8>), IkeError> {
    match agreed.group {
        Some(group) => contributions(chain, group).map(|(public, nonce)| (Some(public), nonce)),
        None => Ok((None, nonce(chain)?)),
    }
}

fn send_message_2(
    core: &mut Core,
    now: Time,
    sa: &mut Phase1,
    quick: &mut Quick,
    shared: Option<&[u8]>,
) -> Result<(), IkeError> {
    let (agreed, answer) = quick
        .agreed
        .clone()
        .ok_or(IkeError::LocalPolicy("nothing agreed"))?;
    let mut writer = begin_hash(sa)?;
    writer.add(payload::SA, &answer.emit());
    writer.add(payload::NONCE, &quick.nonce_r);
    if !quick.public.is_empty() {
        writer.add(payload::KE, &quick.public);
    }
    add_ids(&mut writer, &quick.selectors, false);
    let lifetime = Notify {
        protocol: protocol::ESP,
        kind: notify::RESPONDER_LIFETIME,
        spi: quick.inbound_spi.to_be_bytes().to_vec(),
        data: proposal::responder_lifetime(&agreed),
    };
    writer.add(payload::NOTIFY, &lifetime.emit());
    end_hash(sa, &mut writer, quick.message_id, &[&quick.nonce_i])?;
    let message = sa.sealed(exchange::QUICK, quick.message_id, &mut quick.iv, &writer)?;
    quick.unanswered = Some(Unanswered::new(message.clone(), now));
    quick.state = State::WaitMessage3;
    core.push(sa.send(message));
    // From here on the peer may send under the new SA.
    report(core, now, sa, quick, agreed, shared)?;
    quick.reported = true;
    Ok(())
}

/// Initiator: the answer. `true` when the exchange is done.
fn message_2(
    core: &mut Core,
    now: Time,
    sa: &mut Phase1,
    quick: &mut Quick,
    received: &Received<'_>,
) -> Result<bool, IkeError> {
    let (text, iv) = sa.unsealed(&quick.iv, received.body)?;
    let chain = Chain::parse(received.next, &text)?;
    check_hash(sa, &chain, quick.message_id, &[&quick.nonce_i])?;
    sa.dpd.last_heard = now;
    let tunnel = core
        .tunnel(quick.wanted.tunnel)
        .ok_or(IkeError::LocalPolicy("no such tunnel"))?;
    let answer = chain
        .one(payload::SA)
        .ok_or(IkeError::InvalidMessage("no SA payload"))?;
    let answer = Sa::parse(answer.body)?;
    let mut agreed = proposal::accept_phase2(&answer, tunnel, sa.encapsulates())?;
    for payload in chain.all(payload::NOTIFY) {
        let notify = Notify::parse(payload.body)?;
        if notify.kind == notify::RESPONDER_LIFETIME {
            proposal::honour_lifetime(&mut agreed, &notify.data);
        }
    }
    let (public, nonce_r) = peer_contribution(&chain, agreed)?;
    check_ids(&chain, &quick.selectors)?;
    quick.iv = iv;
    quick.nonce_r = nonce_r;
    quick.request = received.whole.to_vec();
    quick.unanswered = None;
    quick.agreed = Some((agreed, answer));
    match (agreed.group, public) {
        (Some(group), Some(public)) => {
            let exponent = quick
                .exponent
                .take()
                .ok_or(IkeError::PeerMisbehaved("PFS unasked"))?;
            quick.peer_public = Some(public.clone());
            quick.state = State::Computing;
            compute(core, sa, quick.message_id, group, exponent, Some(public));
            Ok(false)
        }
        _ => finish_initiator(core, now, sa, quick, None).map(|()| true),
    }
}

fn finish_initiator(
    core: &mut Core,
    now: Time,
    sa: &mut Phase1,
    quick: &mut Quick,
    shared: Option<&[u8]>,
) -> Result<(), IkeError> {
    let (agreed, _) = quick
        .agreed
        .clone()
        .ok_or(IkeError::LocalPolicy("nothing agreed"))?;
    let hash = hash_3(sa, quick)?;
    let mut writer = Writer::default();
    writer.add(payload::HASH, &hash);
    let message = sa.sealed(exchange::QUICK, quick.message_id, &mut quick.iv, &writer)?;
    report(core, now, sa, quick, agreed, shared)?;
    core.push(sa.send(message.clone()));
    core.push(Action::ChildConfirmed {
        inbound_spi: quick.inbound_spi,
    });
    sa.finish(Finished {
        message_id: quick.message_id,
        request: core::mem::take(&mut quick.request),
        response: Some(message),
    });
    Ok(())
}

/// Responder: the peer has our answer.
fn message_3(
    core: &mut Core,
    sa: &mut Phase1,
    quick: &mut Quick,
    received: &Received<'_>,
) -> Result<bool, IkeError> {
    let (text, _) = sa.unsealed(&quick.iv, received.body)?;
    let chain = Chain::parse(received.next, &text)?;
    let hash = chain
        .one(payload::HASH)
        .ok_or(IkeError::InvalidMessage("no hash"))?;
    let expected = hash_3(sa, quick)?;
    if !bool::from(expected.as_slice().ct_eq(hash.body)) {
        return Err(IkeError::AuthenticationFailed);
    }
    core.push(Action::ChildConfirmed {
        inbound_spi: quick.inbound_spi,
    });
    sa.finish(Finished {
        message_id: quick.message_id,
        request: received.whole.to_vec(),
        response: None,
    });
    Ok(true)
}

/// The message that a repeated one was answered with.
fn repeat(core: &mut Core, sa: &Phase1, quick: &Quick) {
    if let Some(unanswered) = &quick.unanswered {
        core.push(sa.send(unanswered.message.clone()));
    }
}

fn hash_3(sa: &Phase1, quick: &Quick) -> Result<Zeroizing<Vec<u8>>, IkeError> {
    let keys = sa.keys.as_ref().ok_or(IkeError::LocalPolicy("no keys"))?;
    let message_id = quick.message_id.to_be_bytes();
    Ok(prf(
        keys.hash,
        &keys.skeyid_a,
        &[&[0], &message_id, &quick.nonce_i, &quick.nonce_r],
    ))
}

/// Room for HASH(1) or HASH(2), which covers everything behind it.
fn begin_hash(sa: &Phase1) -> Result<Writer, IkeError> {
    let keys = sa.keys.as_ref().ok_or(IkeError::LocalPolicy("no keys"))?;
    let mut writer = Writer::default();
    writer.add(
        payload::HASH,
        &vec![0; crate::ike::crypto::prf::len(keys.hash)],
    );
    Ok(writer)
}

fn end_hash(
    sa: &Phase1,
    writer: &mut Writer,
    message_id: u32,
    nonces: &[&[u8]],
) -> Result<(), IkeError> {
    let keys = sa.keys.as_ref().ok_or(IkeError::LocalPolicy("no keys"))?;
    let len = crate::ike::crypto::prf::len(keys.hash);
    let (head, covered) = writer
        .bytes_mut()
        .split_at_mut_checked(4 + len)
        .ok_or(IkeError::LocalPolicy("no room for the hash"))?;
    let id = message_id.to_be_bytes();
    let parts: Vec<&[u8]> = [&id[..]]
        .into_iter()
        .chain(nonces.iter().copied())
        .chain([&*covered])
        .collect();
    let hash = prf(keys.hash, &keys.skeyid_a, &parts);
    if let Some(place) = head.get_mut(4..) {
        place.copy_from_slice(&hash);
    }
    Ok(())
}

/// The hash payload must be the first and cover the rest.
pub(super) fn check_hash(
    sa: &Phase1,
    chain: &Chain<'_>,
    message_id: u32,
    nonces: &[&[u8]],
) -> Result<(), IkeError> {
    let keys = sa
        .keys
        .as_ref()
        .ok_or(IkeError::InvalidMessage("no keys"))?;
    let first = chain
        .payloads
        .first()
        .filter(|first| first.kind == payload::HASH)
        .ok_or(IkeError::InvalidMessage("no hash"))?;
    let covered = chain.bytes.get(first.whole.len()..).unwrap_or_default();
    let id = message_id.to_be_bytes();
    let parts: Vec<&[u8]> = [&id[..]]
        .into_iter()
        .chain(nonces.iter().copied())
        .chain([covered])
        .collect();
    let expected = prf(keys.hash, &keys.skeyid_a, &parts);
    if bool::from(expected.as_slice().ct_eq(first.body)) {
        Ok(())
    } else {
        Err(IkeError::AuthenticationFailed)
    }
}

/// IDci and IDcr: ours is the initiator's when we are it.
fn add_ids(writer: &mut Writer, selectors: &Selectors, initiator: bool) {
    let ours = Id::of_net(selectors.local, selectors.protocol, selectors.local_port);
    let theirs = Id::of_net(selectors.remote, selectors.protocol, selectors.remote_port);
    let (first, second) = if initiator {
        (ours, theirs)
    } else {
        (theirs, ours)
    };
    writer.add(payload::ID, &first.emit());
    writer.add(payload::ID, &second.emit());
}

/// The client identities, as (initiator's, responder's).
fn ids(chain: &Chain<'_>) -> Result<Option<(Id, Id)>, IkeError> {
    let mut ids = chain.all(payload::ID);
    match (ids.next(), ids.next(), ids.next()) {
        (None, None, None) => Ok(None),
        (Some(first), Some(second), None) => {
            Ok(Some((Id::parse(first.body)?, Id::parse(second.body)?)))
        }
        _ => Err(IkeError::InvalidMessage("number of identities")),
    }
}

/// The answer must name what was asked for.
fn check_ids(chain: &Chain<'_>, selectors: &Selectors) -> Result<(), IkeError> {
    let Some((ours, theirs)) = ids(chain)? else {
        return Ok(());
    };
    let same = ours.net() == Some(selectors.local) && theirs.net() == Some(selectors.remote);
    if same {
        Ok(())
    } else {
        Err(IkeError::InvalidId)
    }
}

/// The first tunnel with this peer whose nets cover what it asks for.
fn match_ids(
    core: &Core,
    sa: &Phase1,
    chain: &Chain<'_>,
) -> Result<(TunnelConfig, Selectors), IkeError> {
    let (theirs, ours) = ids(chain)?.ok_or(IkeError::InvalidId)?;
    let (Some(remote), Some(local)) = (theirs.net(), ours.net()) else {
        return Err(IkeError::InvalidId);
    };
    let asked = Selectors {
        local,
        remote,
        protocol: theirs.protocol,
        local_port: ours.port,
        remote_port: theirs.port,
    };
    core.config
        .tunnels
        .iter()
        .find(|tunnel| tunnel.peers.contains(&sa.peer) && covers(&tunnel.selectors, &asked))
        .map(|tunnel| (tunnel.clone(), asked))
        .ok_or(IkeError::InvalidId)
}

fn covers(ours: &Selectors, asked: &Selectors) -> bool {
    let fits = |bound: u16, value: u16| bound == 0 || bound == value;
    ours.local.covers(&asked.local)
        && ours.remote.covers(&asked.remote)
        && (ours.protocol == 0 || ours.protocol == asked.protocol)
        && fits(ours.local_port, asked.local_port)
        && fits(ours.remote_port, asked.remote_port)
}

/// Tells the owner of the pair and keeps it here; the pair that it replaces lives on for a while.
fn report(
    core: &mut Core,
    now: Time,
    sa: &Phase1,
    quick: &Quick,
    agreed: Agreed,
    shared: Option<&[u8]>,
) -> Result<(), IkeError> {
    let tunnel = quick.wanted.tunnel;
    let replaces = core
        .current(tunnel)
        .map(|child| (child.inbound_spi, child.outbound_spi));
    let superseded = supersede(core, now, tunnel, (quick.inbound_spi, agreed.spi));
    let jitter = u64::from(core.random_u32() % 8);
    let lifetime = u64::from(agreed.lifetime_s);
    let margin = (lifetime / 10).clamp(REKEY_MARGIN_S.0, REKEY_MARGIN_S.1);
    // The responder of the old pair waits a little longer, so that seldom both begin.
    let margin = if quick.initiator {
        margin + jitter
    } else {
        margin / 2 + jitter
    };
    core.children.push(Child {
        tunnel,
        peer: sa.peer,
        inbound_spi: quick.inbound_spi,
        outbound_spi: agreed.spi,
        created: now,
        expires: now.after_s(lifetime),
        rekey_at: now.after_s(lifetime.saturating_sub(margin)),
        rekeying: false,
        superseded_until: superseded.then(|| now.after_s(OVERLAP_S)),
    });
    let text = format!(
        "Security negotiation complete for LAN-to-LAN Group ({})  {}, Inbound SPI = {:#010x}, Outbound SPI = {:#010x}",
        sa.peer,
        if quick.initiator {
            "Initiator"
        } else {
            "Responder"
        },
        quick.inbound_spi,
        agreed.spi,
    );
    core.log(713_049, 5, sa.peer, &text);
    core.push(Action::ChildUp(Box::new(ChildSa {
        tunnel,
        peer: sa.peer,
        initiator: quick.initiator,
        inbound_spi: quick.inbound_spi,
        outbound_spi: agreed.spi,
        inbound_keys: keys(sa, quick, agreed, quick.inbound_spi, shared)?,
        outbound_keys: keys(sa, quick, agreed, agreed.spi, shared)?,
        suite: agreed.suite,
        selectors: quick.selectors,
        esn: false,
        encapsulation: agreed.encapsulated.then_some((sa.local, sa.remote)),
        local: *sa.local.ip(),
        remote: *sa.remote.ip(),
        lifetime_s: agreed.lifetime_s,
        lifetime_kb: agreed.lifetime_kb,
        replaces,
        superseded,
    })));
    let completed = format!("PHASE 2 COMPLETED (msgid={:08x})", quick.message_id);
    core.log(713_120, 5, sa.peer, &completed);
    Ok(())
}

/// Lets a new pair take over from the others of its tunnel. `true` when it is itself the one to go.
///
/// When both sides negotiate at once, each would keep the pair that it began and end the other. So
/// of pairs that were made within [`COLLISION_S`] of each other that one stays which both sides
/// find by the same rule: the one with the larger SPIs.
fn supersede(core: &mut Core, now: Time, tunnel: TunnelId, spis: (u32, u32)) -> bool {
    let rank = |(one, other): (u32, u32)| (one.max(other), one.min(other));
    let mut loses = false;
    for child in &mut core.children {
        if child.tunnel != tunnel || child.superseded_until.is_some() {
            continue;
        }
        let together = now.since_ms(child.created) <= COLLISION_S * 1000;
        if together && rank((child.inbound_spi, child.outbound_spi)) > rank(spis) {
            loses = true;
        } else {
            child.superseded_until = Some(now.after_s(OVERLAP_S));
        }
    }
    loses
}

/// Keys of the direction whose receiver chose `spi`: cipher first (RFC 2409 section 5.5).
fn keys(
    sa: &Phase1,
    quick: &Quick,
    agreed: Agreed,
    spi: u32,
    shared: Option<&[u8]>,
) -> Result<SaKeys, IkeError> {
    let phase1 = sa.keys.as_ref().ok_or(IkeError::LocalPolicy("no keys"))?;
    let (encryption, integrity) = proposal::key_lens(agreed.suite);
    let from = ChildContributions {
        shared,
        protocol: protocol::ESP,
        spi,
        nonce_i: &quick.nonce_i,
        nonce_r: &quick.nonce_r,
    };
    let keymat = phase1.child(&from, encryption + integrity);
    let (first, second) = keymat.split_at(encryption);
    Ok(SaKeys {
        encryption: Zeroizing::new(first.to_vec()),
        integrity: Zeroizing::new(second.to_vec()),
    })
}

impl Quick {
    /// The tunnel that it negotiates.
    pub(in crate::ike) const fn tunnel(&self) -> TunnelId {
        self.wanted.tunnel
    }
}
