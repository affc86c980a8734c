//! Quick mode that we begin.

use zeroize::Zeroizing;

use super::{Quick, Received, State, compute, identities, pair, peer_contribution};
use crate::ike::api::{Action, Proof, SpiSource};
use crate::ike::core::Core;
use crate::ike::crypto::dh;
use crate::ike::error::{IkeError, notify};
use crate::ike::limits::{EXCHANGES_MAX, NONCE_LEN, PROVE_DELAY_MS};
use crate::ike::proposal::{self, mode};
use crate::ike::v1::hash;
use crate::ike::v1::natt::Dialect;
use crate::ike::v1::phase1::{Finished, Phase1, Unanswered, Wanted};
use crate::ike::wire::control::Notify;
use crate::ike::wire::sa::Sa;
use crate::ike::wire::{Chain, Writer, exchange, payload};
use crate::time::Time;

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
        began: now,
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

fn encapsulation_mode(sa: &Phase1) -> u64 {
    match sa.dialect {
        Some(Dialect::Standard) if sa.encapsulates() => mode::UDP_TUNNEL,
        Some(Dialect::Draft) if sa.encapsulates() => mode::UDP_TUNNEL_DRAFT,
        _ => mode::TUNNEL,
    }
}

pub(super) fn send_message_1(
    core: &mut Core,
    now: Time,
    sa: &mut Phase1,
    quick: &mut Quick,
) -> Result<(), IkeError> {
    let tunnel = core
        .tunnel(quick.wanted.tunnel)
        .ok_or(IkeError::LocalPolicy("no such tunnel"))?;
    let offer = proposal::offer_phase2(tunnel, quick.inbound_spi, encapsulation_mode(sa));
    let mut writer = hash::begin(sa)?;
    writer.add(payload::SA, &offer.emit());
    writer.add(payload::NONCE, &quick.nonce_i);
    if !quick.public.is_empty() {
        writer.add(payload::KE, &quick.public);
    }
    identities::add(&mut writer, &quick.selectors, true);
    hash::finish(sa, &mut writer, quick.message_id, &[])?;
    let keys = sa.keys.as_ref().ok_or(IkeError::LocalPolicy("no keys"))?;
    quick.iv = keys.exchange_iv(&sa.last_block, quick.message_id);
    let message = sa.sealed(exchange::QUICK, quick.message_id, &mut quick.iv, &writer)?;
    quick.unanswered = Some(Unanswered::new(message.clone(), now));
    quick.state = State::WaitMessage2;
    sa.take_quick_id(now, quick.message_id);
    core.push(sa.send(message));
    Ok(())
}

/// Initiator: the answer. `true` when the exchange is done.
pub(super) fn message_2(
    core: &mut Core,
    now: Time,
    sa: &mut Phase1,
    quick: &mut Quick,
    received: &Received<'_>,
) -> Result<bool, IkeError> {
    let (text, iv) = sa.unsealed(&quick.iv, received.body)?;
    let chain = Chain::parse(received.next, &text)?;
    hash::check(sa, &chain, quick.message_id, &[&quick.nonce_i])?;
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
    identities::check(&chain, &quick.selectors)?;
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
        _ => finish(core, now, sa, quick, None).map(|()| true),
    }
}

pub(super) fn finish(
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
    let proof = hash::third(sa, quick.message_id, &quick.nonce_i, &quick.nonce_r)?;
    let mut writer = Writer::default();
    writer.add(payload::HASH, &proof);
    let message = sa.sealed(exchange::QUICK, quick.message_id, &mut quick.iv, &writer)?;
    // Ahead of the first packets under the pair: not every peer takes those before.
    core.push(sa.send(message.clone()));
    let carries = pair::report(core, now, sa, quick, agreed, shared)?;
    core.push(Action::ChildConfirmed {
        inbound_spi: quick.inbound_spi,
    });
    if quick.wanted.replaces.is_none() && carries {
        if sa.sas_before_answer {
            core.push(Action::PeerReceives {
                inbound_spi: quick.inbound_spi,
                proof: Proof::SecondMessage,
            });
        }
        // Its answer measures the round trip too.
        let due = now.after_ms(PROVE_DELAY_MS);
        sa.dpd.prove = sa.dpd.supported.then_some((due, quick.inbound_spi));
    }
    sa.finish(Finished {
        message_id: quick.message_id,
        request: core::mem::take(&mut quick.request),
        response: Some(message),
    });
    Ok(())
}
