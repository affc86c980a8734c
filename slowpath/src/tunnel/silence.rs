//! A tunnel that is up and does not answer: between the moment when its path breaks and that when
//! its peer is declared dead, flows would lose what they send.
//!
//! ```text
//!   suspected --no answer to the first probe--> silent: a bounce begins, copies are held
//!   silent --> the peer is heard: it ends, what is held leaves
//!          --> the peer is declared dead: the same bounce goes on as one of a lost contact
//! ```
//!
//! An outage that is shorter than detection needs is found only so.

use std::net::Ipv4Addr;

use fastpath::tunnel::SlotWord;

use super::dataplane::Dataplane;
use super::owner::{Tunnel, TunnelOwner};
use super::resume::Bounced;
use crate::bounce::{Begin, Cause};
use crate::ike::{Proof, TunnelId};
use crate::time::Time;

/// Beyond the round trip: a peer that lives has answered its first probe by then.
pub(super) const UNANSWERED_MS: u64 = 100;

/// What a look at a suspected tunnel means for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Copies are to be held from now on.
    Begins,
    /// The peer was heard, or the suspicion is over.
    Ends,
}

impl Tunnel {
    /// Whether the tunnel becomes silent, or is it no longer.
    pub(super) fn silence_changes(&self, silent: bool, now: Time, trip_ms: u64) -> Option<Change> {
        match (silent, self.watch.suspected()) {
            (true, None) => Some(Change::Ends),
            (false, Some(at)) if self.bounced.is_none() => {
                let answer_due = now.since_ms(at) >= trip_ms + UNANSWERED_MS;
                answer_due.then_some(Change::Begins)
            }
            _ => None,
        }
    }

    /// What the ledger is told of a bounce that begins now.
    pub(super) fn bounce(&self, id: TunnelId, cause: Cause, preserved: bool) -> Begin {
        Begin {
            tunnel: id,
            slot: self.slot,
            peer: self.peer,
            map_name: self.spec.map_name.clone(),
            sequence: self.spec.sequence,
            cause,
            preserved,
            evidence: self.watch.evidence(),
        }
    }
}

impl<D: Dataplane> TunnelOwner<D> {
    /// Carries out what looks have found.
    pub(super) fn change_silences(
        &mut self,
        changes: &[(TunnelId, Change)],
        now: Time,
        dp: &mut D,
    ) {
        for &(id, change) in changes {
            match change {
                Change::Begins => self.begin_silence(id, now, dp),
                Change::Ends => self.end_silence(id, Proof::Traffic, now, dp),
            }
        }
        self.send_orders(dp);
    }

    fn begin_silence(&mut self, id: TunnelId, now: Time, dp: &mut D) {
        let holds = self.options.resume.workers.hold;
        let Some(tunnel) = self.tunnels.get_mut(&id) else {
            return;
        };
        let preserved = dp.word(tunnel.slot).is_some_and(SlotWord::preserve);
        if !holds || !preserved || !dp.set_silent(tunnel.slot, true) {
            return;
        }
        let begin = tunnel.bounce(id, Cause::Silence, preserved);
        let number = self.ledger.begin(begin, now);
        let slot = tunnel.slot;
        self.silent.insert(id, number);
        self.count_later(number, slot);
    }

    /// The peer was heard by another way: its tunnels are silent no longer.
    pub(super) fn end_silences(&mut self, peer: Ipv4Addr, proof: Proof, now: Time, dp: &mut D) {
        let of_peer = |id: &&TunnelId| {
            let sealing = self.tunnels.get(id).and_then(Tunnel::sealing);
            sealing.is_some_and(|child| child.peer == peer)
        };
        let silent: Vec<TunnelId> = self.silent.keys().filter(of_peer).copied().collect();
        for id in silent {
            self.end_silence(id, proof, now, dp);
        }
        self.send_orders(dp);
    }

    /// Nobody looks any more: no tunnel stays silent for ever.
    pub(super) fn end_all_silences(&mut self, now: Time, dp: &mut D) {
        while let Some((&id, _)) = self.silent.first_key_value() {
            self.end_silence(id, Proof::Wait, now, dp);
        }
    }

    fn end_silence(&mut self, id: TunnelId, proof: Proof, now: Time, dp: &mut D) {
        let Some(number) = self.silent.remove(&id) else {
            return;
        };
        let Some(tunnel) = self.tunnels.get_mut(&id) else {
            return;
        };
        dp.set_silent(tunnel.slot, false);
        tunnel.bounced = Some(Bounced {
            number,
            ready: Some(now),
            anew_until: None,
        });
        self.ledger.ready(number, now);
        self.release(id, proof, now);
    }
}
