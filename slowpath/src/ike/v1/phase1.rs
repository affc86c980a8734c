//! A phase-1 SA: what it knows, how its messages are encrypted, when it acts by itself.

use std::collections::{BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};

use config::{IsakmpPolicy, Keepalive};
use zeroize::Zeroizing;

use super::dpd::Dpd;
use super::natt::Dialect;
use super::quick::Quick;
use crate::ike::api::{Action, TunnelId};
use crate::ike::crypto::cipher;
use crate::ike::crypto::keymat::Phase1Keys;
use crate::ike::error::IkeError;
use crate::ike::limits::{FINISHED_MAX, QUICK_IDS_MAX, QUICK_MS, RETRANSMIT_MS};
use crate::ike::wire::{ENCRYPTED, Header, Writer};
use crate::time::Time;

/// How far main mode has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ike) enum State {
    /// Initiator: the offer is out.
    WaitMessage2,
    /// Initiator: our public value is being computed.
    ComputingPublic,
    /// Initiator: public value and nonce are out.
    WaitMessage4,
    /// Initiator: the shared secret is being computed.
    ComputingSecret,
    /// Initiator: identity and hash are out.
    WaitMessage6,
    /// Responder: our choice is out.
    WaitMessage3,
    /// Responder: public value and shared secret are being computed.
    ComputingBoth,
    /// Responder: public value and nonce are out.
    WaitMessage5,
    /// Both sides are authenticated.
    Up,
}

impl State {
    /// As `show crypto isakmp sa` prints it.
    pub(in crate::ike) const fn name(self) -> &'static str {
        match self {
            Self::WaitMessage2 => "MM_WAIT_MSG2",
            Self::ComputingPublic | Self::WaitMessage4 => "MM_WAIT_MSG4",
            Self::ComputingSecret | Self::WaitMessage6 => "MM_WAIT_MSG6",
            Self::WaitMessage3 => "MM_WAIT_MSG3",
            Self::ComputingBoth | Self::WaitMessage5 => "MM_WAIT_MSG5",
            Self::Up => "MM_ACTIVE",
        }
    }
}

/// A message that waits for its answer.
#[derive(Clone, Debug)]
pub(in crate::ike) struct Unanswered {
    pub(in crate::ike) message: Vec<u8>,
    tries: usize,
    sent: Time,
    pub(in crate::ike) due: Time,
}

impl Unanswered {
    pub(in crate::ike) fn new(message: Vec<u8>, now: Time) -> Self {
        Self {
            message,
            tries: 0,
            sent: now,
            due: now.after_ms(RETRANSMIT_MS[0]),
        }
    }

    /// Milliseconds since the message was sent; `None` when it was sent more than once.
    pub(in crate::ike) fn age_ms(&self, now: Time) -> Option<u64> {
        (self.tries == 0).then(|| now.since_ms(self.sent))
    }

    /// Whether it has been sent often enough.
    pub(in crate::ike) const fn is_last(&self) -> bool {
        self.tries + 1 >= RETRANSMIT_MS.len()
    }

    /// The message once more; `None` when it has been sent often enough.
    pub(in crate::ike) fn again(&mut self, now: Time) -> Option<Vec<u8>> {
        self.tries += 1;
        let wait = RETRANSMIT_MS.get(self.tries)?;
        self.due = now.after_ms(*wait);
        Some(self.message.clone())
    }
}

/// An exchange that has ended, kept to answer a repeated message alike.
#[derive(Clone, Debug)]
pub(in crate::ike) struct Finished {
    pub(in crate::ike) message_id: u32,
    pub(in crate::ike) request: Vec<u8>,
    pub(in crate::ike) response: Option<Vec<u8>>,
}

/// A phase-1 SA.
#[derive(Debug)]
pub(in crate::ike) struct Phase1 {
    /// Its number: later ones have higher ones.
    pub(in crate::ike) id: u64,
    pub(in crate::ike) peer: Ipv4Addr,
    /// How the configuration wants the peer watched, `None` when it does not have the peer.
    pub(in crate::ike) keepalive: Option<Keepalive>,
    pub(in crate::ike) local: SocketAddrV4,
    pub(in crate::ike) remote: SocketAddrV4,
    pub(in crate::ike) initiator: bool,
    pub(in crate::ike) state: State,
    pub(in crate::ike) cookie_i: [u8; 8],
    pub(in crate::ike) cookie_r: [u8; 8],
    /// Body of the initiator's SA payload, which both hashes cover.
    pub(in crate::ike) offer: Vec<u8>,
    pub(in crate::ike) policy: Option<IsakmpPolicy>,
    /// The responder's policy ends the SA before the initiator's offer does.
    pub(in crate::ike) shortened: bool,
    pub(in crate::ike) nonce_i: Vec<u8>,
    pub(in crate::ike) nonce_r: Vec<u8>,
    pub(in crate::ike) public_i: Vec<u8>,
    pub(in crate::ike) public_r: Vec<u8>,
    pub(in crate::ike) exponent: Option<Zeroizing<Vec<u8>>>,
    pub(in crate::ike) keys: Option<Phase1Keys>,
    /// Last block of phase 1: IV of its next message, and what phase-2 IVs come from.
    pub(in crate::ike) last_block: Vec<u8>,
    pub(in crate::ike) dialect: Option<Dialect>,
    /// The peer has its SAs before it answers in quick mode.
    pub(in crate::ike) sas_before_answer: bool,
    pub(in crate::ike) nat_here: bool,
    pub(in crate::ike) nat_there: bool,
    pub(in crate::ike) dpd: Dpd,
    pub(in crate::ike) unanswered: Option<Unanswered>,
    /// The last message that was taken, and what was answered to it.
    pub(in crate::ike) last_request: Vec<u8>,
    pub(in crate::ike) last_response: Option<Vec<u8>>,
    /// Tunnels to negotiate once this SA is up.
    pub(in crate::ike) waiting: Vec<Wanted>,
    pub(in crate::ike) quicks: Vec<Quick>,
    pub(in crate::ike) finished: VecDeque<Finished>,
    /// Message IDs of all quick modes, whoever began them.
    pub(in crate::ike) quick_ids: BTreeSet<u32>,
    pub(in crate::ike) created: Time,
    pub(in crate::ike) established: Option<Time>,
    pub(in crate::ike) expires: Option<Time>,
    pub(in crate::ike) rekey_at: Option<Time>,
    /// Another SA with the peer has taken over, and this one ends then.
    pub(in crate::ike) superseded_until: Option<Time>,
    pub(in crate::ike) keepalive_at: Option<Time>,
}

/// A tunnel that wants a phase-2 SA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ike) struct Wanted {
    pub(in crate::ike) tunnel: TunnelId,
    /// Inbound and outbound SPI of the pair to replace.
    pub(in crate::ike) replaces: Option<(u32, u32)>,
}

impl Phase1 {
    /// Whether both sides are authenticated.
    pub(in crate::ike) fn is_up(&self) -> bool {
        self.state == State::Up
    }

    /// Whether somebody has sent a first message and nothing else: it need not have been the peer,
    /// who alone sees our cookie and sends it back with the third one (RFC 2408 section 2.5.3).
    pub(in crate::ike) fn is_unproven(&self) -> bool {
        !self.initiator && self.state == State::WaitMessage3
    }

    /// Whether another SA with the peer has taken over.
    pub(in crate::ike) fn is_superseded(&self) -> bool {
        self.superseded_until.is_some()
    }

    /// Until when quick modes let no probe go: [`QUICK_MS`]. The oldest counts, so that new ones
    /// towards a dead peer do not put off its end.
    pub(in crate::ike) fn quick_until(&self) -> Option<Time> {
        let begun = self.quicks.iter().map(|quick| quick.began);
        begun.min().map(|began| began.after_ms(QUICK_MS))
    }

    /// ESP goes in UDP.
    pub(in crate::ike) fn encapsulates(&self) -> bool {
        self.nat_here || self.nat_there
    }

    /// The message goes out as it is.
    pub(in crate::ike) fn send(&self, message: Vec<u8>) -> Action {
        Action::Send {
            local: self.local,
            remote: self.remote,
            message,
            keepalive: false,
        }
    }

    /// A message in clear.
    pub(in crate::ike) fn plain(&self, exchange: u8, writer: &Writer) -> Vec<u8> {
        let header = self.header(exchange, 0, 0, writer.first());
        [&header.emit(writer.bytes().len()), writer.bytes()].concat()
    }

    /// An encrypted message under `iv`, which becomes the message's last block.
    pub(in crate::ike) fn sealed(
        &self,
        exchange: u8,
        message_id: u32,
        iv: &mut Vec<u8>,
        writer: &Writer,
    ) -> Result<Vec<u8>, IkeError> {
        let keys = self
            .keys
            .as_ref()
            .ok_or(IkeError::LocalPolicy("no keys yet"))?;
        let text = writer.bytes();
        #[cfg(any(test, fuzzing))]
        let text = &altered(exchange, text);
        let body = cipher::encrypt(keys.cipher, &keys.encryption, iv, text)
            .ok_or(IkeError::LocalPolicy("encryption"))?;
        *iv = last_block(&body, cipher::block_len(keys.cipher));
        let header = self.header(exchange, ENCRYPTED, message_id, writer.first());
        Ok([&header.emit(body.len())[..], &body].concat())
    }

    /// Decrypts the body of a message under `iv`, and the message's last block.
    pub(in crate::ike) fn unsealed(
        &self,
        iv: &[u8],
        body: &[u8],
    ) -> Result<(Vec<u8>, Vec<u8>), IkeError> {
        let keys = self
            .keys
            .as_ref()
            .ok_or(IkeError::InvalidMessage("encrypted too early"))?;
        let text = cipher::decrypt(keys.cipher, &keys.encryption, iv, body)
            .ok_or(IkeError::InvalidMessage("not whole blocks"))?;
        Ok((text, last_block(body, cipher::block_len(keys.cipher))))
    }

    /// Takes a quick mode's message ID; `false` if it was used before: somebody has recorded the
    /// message, or throws our own one back. With the last one the SA is due for replacement.
    pub(in crate::ike) fn take_quick_id(&mut self, now: Time, message_id: u32) -> bool {
        if self.quick_ids.len() + 1 >= QUICK_IDS_MAX && !self.is_superseded() {
            self.rekey_at = Some(now);
        }
        self.quick_ids.len() < 2 * QUICK_IDS_MAX && self.quick_ids.insert(message_id)
    }

    /// Keeps an exchange that has ended.
    pub(in crate::ike) fn finish(&mut self, finished: Finished) {
        if self.finished.len() == FINISHED_MAX {
            self.finished.pop_front();
        }
        self.finished.push_back(finished);
    }

    fn header(&self, exchange: u8, flags: u8, message_id: u32, next: u8) -> Header {
        Header {
            initiator_cookie: self.cookie_i,
            responder_cookie: self.cookie_r,
            next,
            exchange,
            flags,
            message_id,
        }
    }
}

/// What authenticates phase 1 covers little of its message: the whole of it is altered.
#[cfg(any(test, fuzzing))]
fn altered(exchange: u8, text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    if exchange == crate::ike::wire::exchange::IDENTITY_PROTECTION {
        crate::ike::fuzzing::alter(&mut text);
    }
    text
}

fn last_block(bytes: &[u8], block_len: usize) -> Vec<u8> {
    bytes
        .get(bytes.len().saturating_sub(block_len)..)
        .unwrap_or_default()
        .to_vec()
}
