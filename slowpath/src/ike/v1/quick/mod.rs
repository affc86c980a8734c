//! Quick mode (RFC 2409 section 5.5), both roles.

mod identities;
mod initiator;
mod pair;
mod responder;

use zeroize::Zeroizing;

use super::main_mode::{contributions, nonce};
use super::phase1::{Phase1, Unanswered, Wanted};
use crate::ike::api::{Action, EndReason, Selectors, SpiSource, TunnelId};
use crate::ike::core::Core;
use crate::ike::crypto::dh::{DhJob, DhResult};
use crate::ike::error::IkeError;
use crate::ike::proposal::Agreed;
use crate::ike::wire::Chain;
use crate::ike::wire::sa::Sa;
use crate::time::Time;

pub(in crate::ike) use initiator::begin;

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
    /// When we sent, or took, its first message.
    pub(in crate::ike) began: Time,
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

impl Quick {
    /// The tunnel that it negotiates.
    pub(in crate::ike) const fn tunnel(&self) -> TunnelId {
        self.wanted.tunnel
    }

    /// Whether we began it.
    pub(in crate::ike) const fn is_ours(&self) -> bool {
        self.initiator
    }

    /// Whether it is ours and has no pair yet: whether it can be refused.
    pub(in crate::ike) const fn may_be_refused(&self) -> bool {
        self.initiator && !self.reported
    }
}

/// A message as it came.
pub(in crate::ike) struct Received<'a> {
    pub(in crate::ike) message_id: u32,
    pub(in crate::ike) next: u8,
    pub(in crate::ike) body: &'a [u8],
    pub(in crate::ike) whole: &'a [u8],
}

/// Takes a message of quick mode; whether it was authentic and not sent before: it holds a nonce of
/// ours.
pub(in crate::ike) fn message(
    core: &mut Core,
    now: Time,
    spis: &mut dyn SpiSource,
    sa: &mut Phase1,
    received: &Received<'_>,
) -> Result<bool, IkeError> {
    let Some(mut quick) = take(sa, received.message_id) else {
        return responder::respond(core, now, spis, sa, received).map(|()| false);
    };
    if quick.request == received.whole {
        repeat(core, sa, &quick);
        sa.quicks.push(quick);
        return Ok(false);
    }
    // With PFS an answer has to wait for the peer's computation.
    let timed = quick.unanswered.as_ref().and_then(|it| it.age_ms(now));
    let timed = timed.filter(|_| quick.public.is_empty());
    let outcome = match (quick.state, quick.initiator) {
        (State::WaitMessage2, true) => initiator::message_2(core, now, sa, &mut quick, received),
        (State::WaitMessage3, false) => responder::message_3(core, sa, &mut quick, received),
        _ => Err(IkeError::PeerMisbehaved("quick mode out of order")),
    };
    if let (true, Some(sample_ms)) = (outcome.is_ok(), timed) {
        core.measured(sa.peer, sample_ms);
    }
    match outcome {
        Ok(true) => Ok(true),
        Ok(false) => {
            sa.quicks.push(quick);
            Ok(true)
        }
        // What could not be authenticated ends nothing.
        Err(error @ (IkeError::InvalidMessage(_) | IkeError::AuthenticationFailed)) => {
            sa.quicks.push(quick);
            Err(error)
        }
        Err(error) => {
            give_up(core, spis, &quick);
            Err(error)
        }
    }
}

/// Takes an exchange out of its SA.
pub(in crate::ike) fn take(sa: &mut Phase1, message_id: u32) -> Option<Quick> {
    let mut quicks = sa.quicks.iter();
    let place = quicks.position(|quick| quick.message_id == message_id)?;
    Some(sa.quicks.swap_remove(place))
}

/// Ends an exchange that leads nowhere.
pub(in crate::ike) fn abandon(core: &mut Core, spis: &mut dyn SpiSource, quick: &Quick) {
    if quick.reported {
        let child = core.children.of_inbound(quick.inbound_spi);
        let child = child.map(|child| child.id);
        core.end_children(EndReason::LostContact, child);
    } else {
        spis.release(quick.inbound_spi);
    }
    core.rekey_again(quick.wanted.tunnel);
}

/// As [`abandon`], of an exchange that has failed by itself: the engine says so of one that we
/// began.
fn give_up(core: &mut Core, spis: &mut dyn SpiSource, quick: &Quick) {
    abandon(core, spis, quick);
    if quick.may_be_refused() {
        core.failed.push(quick.wanted);
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
    let Some(mut quick) = take(sa, message_id) else {
        return Ok(());
    };
    let outcome = go_on(core, now, sa, &mut quick, result);
    match outcome {
        Ok(true) => Ok(()),
        Ok(false) => {
            sa.quicks.push(quick);
            Ok(())
        }
        Err(error) => {
            give_up(core, spis, &quick);
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
        initiator::send_message_1(core, now, sa, quick)?;
        return Ok(false);
    }
    let shared = result.shared.ok_or(IkeError::PeerMisbehaved(
        "public value outside of the group",
    ))?;
    if quick.initiator {
        initiator::finish(core, now, sa, quick, Some(&shared))?;
        return Ok(true);
    }
    quick.public = result.public;
    responder::send_message_2(core, now, sa, quick, Some(&shared))?;
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

/// The message that a repeated one was answered with.
fn repeat(core: &mut Core, sa: &Phase1, quick: &Quick) {
    if let Some(unanswered) = &quick.unanswered {
        core.push(sa.send(unanswered.message.clone()));
    }
}
