//! Detection driven by traffic: who watches packets says that a peer is silent, the engine asks it
//! at once, and an answer or its absence decides.

use std::net::Ipv4Addr;

use super::api::Suspicion;
use super::core::Core;
use super::engine::Engine;
use super::error::notify;
use super::limits::HINT_INTERVAL_S;
use super::v1::dpd;
use super::v1::phase1::Phase1;
use super::wire::control::Notify;
use super::wire::{Chain, ENCRYPTED, Header, exchange, payload};
use crate::round_trip::RoundTrip;
use crate::time::Time;

impl Engine {
    /// Traffic to the peer that wants an answer gets none: it is probed at once, and declared dead
    /// when it does not answer soon. Does nothing more while that is under way.
    pub fn suspect(&mut self, now: Time, peer: Ipv4Addr) -> Suspicion {
        let enabled = self
            .core
            .peer(peer)
            .is_some_and(|peer| peer.keepalive.enabled);
        let Self { core, phase1s, .. } = self;
        let sa = phase1s.current(peer).filter(|_| enabled);
        let suspicion = sa
            .map(|sa| sa.id)
            .and_then(|id| phase1s.change(id, |sa| suspect(core, now, sa)));
        suspicion.unwrap_or(Suspicion::Unable)
    }

    /// Somebody who is not authenticated says that the peer has lost an SA, or cannot be reached.
    /// That starts a probe and nothing else, at most one per ten seconds and peer.
    pub fn hint(&mut self, now: Time, peer: Ipv4Addr) {
        if self.core.peer(peer).is_none() {
            return;
        }
        let last = self.core.hinted.get(&peer);
        if last.is_some_and(|last| now.since_ms(*last) < HINT_INTERVAL_S * 1_000) {
            return;
        }
        self.core.hinted.insert(peer, now);
        self.suspect(now, peer);
    }

    /// The smoothed round trip to a peer, once an exchange with it was timed.
    pub fn round_trip(&self, peer: Ipv4Addr) -> Option<RoundTrip> {
        self.core.round_trip(peer)
    }

    /// A notification in clear: INVALID-SPI and INVALID-COOKIE (RFC 2408 section 3.14.1) are hints.
    pub(super) fn clear_notify(&mut self, now: Time, peer: Ipv4Addr, header: &Header, body: &[u8]) {
        if header.exchange != exchange::INFORMATIONAL || header.flags & ENCRYPTED != 0 {
            return;
        }
        let Ok(chain) = Chain::parse(header.next, body) else {
            return;
        };
        let hints = |kind| matches!(kind, notify::INVALID_SPI | notify::INVALID_COOKIE);
        let hint = chain
            .all(payload::NOTIFY)
            .filter_map(|payload| Notify::parse(payload.body).ok())
            .any(|notify| hints(notify.kind));
        if hint {
            self.hint(now, peer);
        }
    }
}

/// Begins urgent probes, unless they are under way.
fn suspect(core: &mut Core, now: Time, sa: &mut Phase1) -> Suspicion {
    if !sa.dpd.supported {
        if !std::mem::replace(&mut sa.dpd.told_unable, true) {
            let text = "Peer does not answer traffic and has no dead peer detection: it \
                        cannot be declared dead before its lifetimes end";
            core.log(713_904, 4, sa.peer, text);
        }
        return Suspicion::Unable;
    }
    if sa.dpd.urgent.is_none() {
        sa.dpd.suspect(now);
        match sa.quick_until().filter(|until| *until > now) {
            None => _ = dpd::send_urgent(core, now, sa),
            until => sa.dpd.next_probe = until,
        }
    }
    Suspicion::Probing
}
