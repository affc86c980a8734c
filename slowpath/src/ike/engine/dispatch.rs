//! Which SA a message belongs to, and which exchange takes it.

use std::net::Ipv4Addr;

use super::Engine;
use crate::ike::api::{Datagram, EndReason, SpiSource};
use crate::ike::core::Core;
use crate::ike::error::IkeError;
use crate::ike::limits::{HALF_OPEN_MS, PHASE1_PER_PEER_MAX};
use crate::ike::v1::informational;
use crate::ike::v1::main_mode::{self, Outcome};
use crate::ike::v1::phase1::{Phase1, State};
use crate::ike::v1::quick::{self, Received};
use crate::ike::wire::control::Notify;
use crate::ike::wire::sa::protocol;
use crate::ike::wire::{Chain, ENCRYPTED, Header, exchange, payload};
use crate::time::Time;

impl Engine {
    /// Takes a datagram from port 500 or 4500.
    pub fn datagram(&mut self, now: Time, spis: &mut dyn SpiSource, datagram: Datagram<'_>) {
        // A peer that was told of the end begins anew at once: it would be left with SAs of nobody.
        if self.closed {
            return;
        }
        let Ok((header, body)) = Header::parse(datagram.message) else {
            return;
        };
        self.clear_notify(now, *datagram.remote.ip(), &header, body);
        let result = match self.sa_of(&header) {
            Some(id) => self.known(now, spis, id, &header, body, datagram),
            None => self.unknown(now, spis, &header, body, datagram),
        };
        if let Err(error) = result {
            let peer = *datagram.remote.ip();
            self.core.log(
                713_903,
                4,
                peer,
                &format!("Error processing message: {error}"),
            );
        }
    }

    /// The SA of a message: by both cookies, or by the initiator's while ours is not known there.
    fn sa_of(&self, header: &Header) -> Option<u64> {
        let mut sas = self.phase1s.of_cookie(header.initiator_cookie);
        let sa = sas.find(|sa| {
            sa.cookie_r == header.responder_cookie
                || (sa.state == State::WaitMessage2 && sa.cookie_r == [0; 8])
                || (header.responder_cookie == [0; 8] && !sa.initiator)
        });
        sa.map(|sa| sa.id)
    }

    fn known(
        &mut self,
        now: Time,
        spis: &mut dyn SpiSource,
        id: u64,
        header: &Header,
        body: &[u8],
        datagram: Datagram<'_>,
    ) -> Result<(), IkeError> {
        let proves = self.phase1s.get(id).filter(|sa| sa.is_unproven());
        if let Some(peer) = proves.map(|sa| sa.peer) {
            self.make_room(now, spis, peer)?;
        }
        let Self { core, phase1s, .. } = self;
        let after = phase1s.change(id, |sa| {
            dispatch(core, now, spis, sa, header, body, datagram)
        });
        self.tell_failed();
        match after.unwrap_or(Ok(After::Nothing))? {
            After::Nothing => {}
            After::Established { initial_contact } => {
                self.established(now, spis, id, initial_contact);
            }
            After::Deleted => self.deleted(now, spis, id),
            After::InitialContact => self.forget_others(now, spis, id),
            After::Refused(spi) => self.refused(spis, id, spi),
            After::Unread => self.unread(now, spis, id),
        }
        Ok(())
    }

    /// Room for one more SA with a peer that has shown who it is: a replaced one ends for it.
    fn make_room(
        &mut self,
        now: Time,
        spis: &mut dyn SpiSource,
        peer: Ipv4Addr,
    ) -> Result<(), IkeError> {
        if self.phase1s.proven(peer) < PHASE1_PER_PEER_MAX {
            return Ok(());
        }
        let replaced = self.phase1s.of_peer(peer).find(|sa| sa.is_superseded());
        let replaced = replaced.map(|sa| sa.id);
        let replaced = replaced.ok_or(IkeError::LocalPolicy("too many SAs with the peer"))?;
        self.end_phase1(now, spis, replaced, EndReason::Rekeyed, true);
        Ok(())
    }

    /// A message without an SA: the first of a main mode from a configured peer, or nothing.
    fn unknown(
        &mut self,
        now: Time,
        spis: &mut dyn SpiSource,
        header: &Header,
        body: &[u8],
        datagram: Datagram<'_>,
    ) -> Result<(), IkeError> {
        let peer = *datagram.remote.ip();
        let first = header.exchange == exchange::IDENTITY_PROTECTION
            && header.responder_cookie == [0; 8]
            && header.initiator_cookie != [0; 8]
            && header.flags & ENCRYPTED == 0;
        let configured = self
            .core
            .peer(peer)
            .is_some_and(|peer| peer.pre_shared_key.is_some());
        if !first || !configured {
            return Ok(());
        }
        self.make_room(now, spis, peer)?;
        // The flood of somebody who sees no answer keeps nobody out who answers soon.
        if let Some(oldest) = self.phase1s.crowded_out(peer) {
            self.end_phase1(now, spis, oldest, EndReason::LostContact, false);
        }
        let chain = Chain::parse(header.next, body)?;
        let mut sa = self.new_phase1(now, datagram.local, datagram.remote, false);
        sa.cookie_i = header.initiator_cookie;
        main_mode::respond(&mut self.core, &mut sa, &chain)?;
        sa.last_request = datagram.message.to_vec();
        sa.expires = Some(now.after_ms(HALF_OPEN_MS));
        self.phase1s.put(sa);
        Ok(())
    }
}

/// What follows from a message when its SA is back in its place.
enum After {
    Nothing,
    Established {
        initial_contact: bool,
    },
    Deleted,
    InitialContact,
    /// The peer refused our quick mode with this SPI, or any.
    Refused(Option<u32>),
    Unread,
}

/// Hands a message to the exchange of its SA that takes it.
fn dispatch(
    core: &mut Core,
    now: Time,
    spis: &mut dyn SpiSource,
    sa: &mut Phase1,
    header: &Header,
    body: &[u8],
    datagram: Datagram<'_>,
) -> Result<After, IkeError> {
    let encrypted = header.flags & ENCRYPTED != 0;
    let whole = datagram.message;
    if header.exchange == exchange::IDENTITY_PROTECTION {
        if sa.last_request == whole {
            if let Some(response) = sa.last_response.clone() {
                core.push(sa.send(response));
            }
            return Ok(After::Nothing);
        }
        let timed = sa.unanswered.as_ref().and_then(|it| it.age_ms(now));
        // A fourth message had to wait for the peer's computation.
        let timed = timed.filter(|_| sa.state != State::WaitMessage4);
        let outcome = take_main_mode(core, now, sa, header, body, datagram)?;
        if let Some(sample_ms) = timed {
            core.measured(sa.peer, sample_ms);
        }
        sa.last_request = whole.to_vec();
        return Ok(match outcome {
            Outcome::Continues => After::Nothing,
            Outcome::Established { initial_contact } => After::Established { initial_contact },
        });
    }
    if !encrypted || !sa.is_up() || header.message_id == 0 {
        return Err(IkeError::InvalidMessage("not protected"));
    }
    let (after, fresh) = match header.exchange {
        exchange::QUICK => {
            let received = Received {
                message_id: header.message_id,
                next: header.next,
                body,
                whole,
            };
            match quick::message(core, now, spis, sa, &received) {
                Ok(fresh) => (After::Nothing, fresh),
                Err(error) => {
                    tell(core, sa, error);
                    return Err(error);
                }
            }
        }
        exchange::INFORMATIONAL => {
            let id = header.message_id;
            let found = informational::message(core, now, sa, id, header.next, body)?;
            let after = if found.deleted {
                After::Deleted
            } else if found.initial_contact {
                After::InitialContact
            } else if found.refused {
                After::Refused(found.refused_spi)
            } else if found.unread {
                After::Unread
            } else {
                After::Nothing
            };
            (after, found.fresh)
        }
        _ => return Err(IkeError::InvalidMessage("exchange type")),
    };
    // From another place: the peer's mapping has changed.
    if fresh {
        sa.dpd.last_heard = now;
        sa.local = datagram.local;
        core.follow(sa, datagram.remote);
    }
    Ok(after)
}

/// Takes a message of main mode.
fn take_main_mode(
    core: &mut Core,
    now: Time,
    sa: &mut Phase1,
    header: &Header,
    body: &[u8],
    datagram: Datagram<'_>,
) -> Result<Outcome, IkeError> {
    if sa.is_up() {
        return Err(IkeError::PeerMisbehaved("main mode is over"));
    }
    if header.flags & ENCRYPTED != 0 {
        // The reply goes to where an authenticated message came from (RFC 3947 section 4).
        let (local, remote) = (sa.local, sa.remote);
        (sa.local, sa.remote) = (datagram.local, datagram.remote);
        let outcome = main_mode::sealed(core, now, sa, header.next, body);
        if outcome.is_err() {
            (sa.local, sa.remote) = (local, remote);
        }
        return outcome;
    }
    let chain = Chain::parse(header.next, body)?;
    let learned = sa.state == State::WaitMessage2 && sa.cookie_r == [0; 8];
    if learned {
        sa.cookie_r = header.responder_cookie;
    }
    let outcome = main_mode::clear(core, sa, &chain);
    if outcome.is_err() && learned {
        sa.cookie_r = [0; 8];
    }
    outcome
}

/// Tells an authenticated peer why its quick mode is refused.
fn tell(core: &mut Core, sa: &Phase1, error: IkeError) {
    let Some(kind) = error
        .notify()
        .filter(|_| error != IkeError::AuthenticationFailed)
    else {
        return;
    };
    let notify = Notify {
        protocol: protocol::ISAKMP,
        kind,
        spi: [sa.cookie_i, sa.cookie_r].concat(),
        data: Vec::new(),
    };
    let _ = informational::send(core, sa, payload::NOTIFY, &notify.emit());
}
