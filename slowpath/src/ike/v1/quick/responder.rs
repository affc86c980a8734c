//! Quick mode that the peer begins.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Quick, Received, State, compute, identities, pair, peer_contribution};
use crate::ike::api::{Action, Proof, SpiSource};
use crate::ike::core::Core;
use crate::ike::crypto::dh;
use crate::ike::error::{IkeError, notify};
use crate::ike::limits::{EXCHANGES_MAX, NONCE_LEN};
use crate::ike::proposal;
use crate::ike::v1::hash;
use crate::ike::v1::phase1::{Finished, Phase1, Unanswered, Wanted};
use crate::ike::wire::control::Notify;
use crate::ike::wire::sa::{Sa, protocol};
use crate::ike::wire::{Chain, exchange, payload};
use crate::time::Time;

/// Responder: the first message.
pub(super) fn respond(
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
    hash::check(sa, &chain, received.message_id, &[])?;
    // Its hash holds nothing of ours: the message may be as old as the SA.
    if !sa.take_quick_id(now, received.message_id) {
        return Ok(());
    }
    let (tunnel, selectors) = identities::tunnel_of(core, sa, &chain)?;
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
        began: now,
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

pub(super) fn send_message_2(
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
    let mut writer = hash::begin(sa)?;
    writer.add(payload::SA, &answer.emit());
    writer.add(payload::NONCE, &quick.nonce_r);
    if !quick.public.is_empty() {
        writer.add(payload::KE, &quick.public);
    }
    identities::add(&mut writer, &quick.selectors, false);
    let lifetime = Notify {
        protocol: protocol::ESP,
        kind: notify::RESPONDER_LIFETIME,
        spi: quick.inbound_spi.to_be_bytes().to_vec(),
        data: proposal::responder_lifetime(&agreed),
    };
    writer.add(payload::NOTIFY, &lifetime.emit());
    hash::finish(sa, &mut writer, quick.message_id, &[&quick.nonce_i])?;
    let message = sa.sealed(exchange::QUICK, quick.message_id, &mut quick.iv, &writer)?;
    quick.unanswered = Some(Unanswered::new(message.clone(), now));
    quick.state = State::WaitMessage3;
    // With the answer the peer may send under the new SA, and a Holdfast does: it is there before.
    pair::report(core, now, sa, quick, agreed, shared)?;
    quick.reported = true;
    core.push(sa.send(message));
    Ok(())
}

/// Responder: the peer has our answer.
pub(super) fn message_3(
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
    let expected = hash::third(sa, quick.message_id, &quick.nonce_i, &quick.nonce_r)?;
    if !bool::from(expected.as_slice().ct_eq(hash.body)) {
        return Err(IkeError::AuthenticationFailed);
    }
    core.push(Action::ChildConfirmed {
        inbound_spi: quick.inbound_spi,
    });
    core.push(Action::PeerReceives {
        inbound_spi: quick.inbound_spi,
        proof: Proof::ThirdMessage,
    });
    sa.finish(Finished {
        message_id: quick.message_id,
        request: received.whole.to_vec(),
        response: None,
    });
    Ok(true)
}
