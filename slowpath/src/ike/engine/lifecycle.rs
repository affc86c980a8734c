//! What begins and ends SAs.

use std::collections::{BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};

use super::Engine;
use crate::ike::api::{Action, EndReason, SpiSource};
use crate::ike::limits::{APART_S, INITIATING_MS, OVERLAP_S, REKEY_MARGIN_S};
use crate::ike::v1::dpd::Dpd;
use crate::ike::v1::phase1::{Phase1, State};
use crate::ike::v1::{informational, quick};
use crate::time::Time;

impl Engine {
    /// The peer deleted the SA `id`. With its last one it has ended the session: its deletes of the
    /// pairs may have been lost or overtaken, and without a phase-1 SA nothing would probe a peer
    /// that no longer has the pairs. Where this SA was current here and replaced there, the one
    /// that replaced it there is current again.
    pub(super) fn deleted(&mut self, now: Time, spis: &mut dyn SpiSource, id: u64) {
        let peer = self.phase1s.get(id).map(|sa| sa.peer);
        let peer = peer.filter(|peer| self.core.up.has(*peer, id));
        self.end_phase1(now, spis, id, EndReason::PeerTerminate, false);
        let Some(peer) = peer else { return };
        if self.core.up.of(peer).next().is_none() {
            self.core.end_children_of(EndReason::PeerTerminate, peer);
        } else if self.phase1s.current(peer).is_none() {
            let newest = self.phase1s.newest_up(peer).map(|sa| sa.id);
            newest.map(|id| self.phase1s.change(id, |sa| sa.superseded_until = None));
        }
    }

    /// The peer is gone, and every SA that is up with it.
    pub(in crate::ike) fn end_all_up(
        &mut self,
        now: Time,
        spis: &mut dyn SpiSource,
        peer: Ipv4Addr,
        reason: EndReason,
    ) {
        // The current one last: what it negotiates finds no other one.
        let up = self.phase1s.of_peer(peer).filter(|sa| sa.is_up());
        let mut up: Vec<(bool, u64)> = up.map(|sa| (!sa.is_superseded(), sa.id)).collect();
        up.sort_unstable();
        for (_, id) in up {
            self.end_phase1(now, spis, id, reason, false);
        }
    }

    /// The newest ESP packet of a peer has come from elsewhere: its mapping has changed.
    pub fn peer_moved(&mut self, peer: Ipv4Addr, remote: SocketAddrV4) {
        let Self { core, phase1s, .. } = self;
        phase1s.change_of_peer(peer, |sa| {
            if sa.is_up() {
                core.follow(sa, remote);
            }
        });
    }

    pub(in crate::ike) fn new_phase1(
        &mut self,
        now: Time,
        local: SocketAddrV4,
        remote: SocketAddrV4,
        initiator: bool,
    ) -> Phase1 {
        let peer = *remote.ip();
        let mut cookie = [0; 8];
        self.core.entropy.fill(&mut cookie);
        let (cookie_i, cookie_r) = if initiator {
            (cookie, [0; 8])
        } else {
            ([0; 8], cookie)
        };
        Phase1 {
            id: self.phase1s.fresh_id(),
            peer,
            keepalive: self.core.peer(peer).map(|peer| peer.keepalive),
            local,
            remote,
            initiator,
            state: if initiator {
                State::WaitMessage2
            } else {
                State::WaitMessage3
            },
            cookie_i,
            cookie_r,
            offer: Vec::new(),
            policy: None,
            nonce_i: Vec::new(),
            nonce_r: Vec::new(),
            public_i: Vec::new(),
            public_r: Vec::new(),
            exponent: None,
            keys: None,
            last_block: Vec::new(),
            dialect: None,
            sas_before_answer: false,
            nat_here: false,
            nat_there: false,
            dpd: Dpd::new(now),
            unanswered: None,
            last_request: Vec::new(),
            last_response: None,
            shortened: false,
            waiting: Vec::new(),
            quicks: Vec::new(),
            finished: VecDeque::new(),
            quick_ids: BTreeSet::new(),
            created: now,
            established: None,
            expires: initiator.then(|| now.after_ms(INITIATING_MS)),
            rekey_at: None,
            superseded_until: None,
            keepalive_at: None,
        }
    }

    /// A phase-1 SA is up: older ones with the peer step back, waiting tunnels get their turn.
    pub(super) fn established(
        &mut self,
        now: Time,
        spis: &mut dyn SpiSource,
        id: u64,
        initial_contact: bool,
    ) {
        let keepalive_s = self.core.config().nat_traversal_s;
        let jitter_s = u64::from(self.core.random_u32() % 8);
        let begun = self.phase1s.change(id, |sa| {
            begin_life(now, sa, keepalive_s, jitter_s);
            (sa.peer, sa.cookie_i, std::mem::take(&mut sa.waiting))
        });
        let Some((peer, cookie_i, mut waiting)) = begun else {
            return;
        };
        self.phase1s.change_of_peer(peer, |other| {
            if !other.is_up() {
                // Whatever becomes of it, nothing has to wait for it any more.
                waiting.append(&mut other.waiting);
            } else if other.id != id {
                // Both sides know the cookies, so of two SAs they end the same one first.
                let apart_s = if cookie_i < other.cookie_i {
                    APART_S
                } else {
                    0
                };
                let end = now.after_s(OVERLAP_S + apart_s);
                other.superseded_until.get_or_insert(end);
            }
        });
        self.core.up.follow(id, None, Some(peer));
        self.core.log(713_119, 5, peer, "PHASE 1 COMPLETED");
        self.core.push(Action::IkeUp { peer });
        if initial_contact {
            self.forget_others(now, spis, id);
        }
        for wanted in waiting {
            self.attempts.remove(&wanted.tunnel);
            self.want(now, spis, wanted);
        }
    }

    /// The peer knows nothing of what was before the SA `id`.
    pub(super) fn forget_others(&mut self, now: Time, spis: &mut dyn SpiSource, id: u64) {
        let Some(kept) = self.phase1s.get(id) else {
            return;
        };
        // What came up while this SA was negotiated is not older: both sides may begin at once.
        let (peer, begun) = (kept.peer, kept.created);
        let others: Vec<u64> = self
            .phase1s
            .of_peer(peer)
            .filter(|sa| sa.id != id && sa.established.is_some_and(|at| at < begun))
            .map(|sa| sa.id)
            .collect();
        for other in others {
            self.end_phase1(now, spis, other, EndReason::InitialContact, false);
        }
        let children = self.core.children.of_peer(peer);
        let older = children.filter(|child| child.created < begun);
        let older: Vec<u64> = older.map(|child| child.id).collect();
        self.core.end_children(EndReason::InitialContact, older);
    }

    /// Ends a phase-1 SA. Its phase-2 pairs live on; its negotiations go to the next peer.
    pub(in crate::ike) fn end_phase1(
        &mut self,
        now: Time,
        spis: &mut dyn SpiSource,
        id: u64,
        reason: EndReason,
        tell_peer: bool,
    ) {
        let Some(mut sa) = self.phase1s.take(id) else {
            return;
        };
        if tell_peer && sa.is_up() {
            informational::send_delete_self(&mut self.core, &sa);
        }
        if self.core.up.has(sa.peer, id) {
            self.core.up.follow(id, Some(sa.peer), None);
            self.core.push(Action::IkeDown {
                peer: sa.peer,
                reason,
            });
        }
        let mut wanted = std::mem::take(&mut sa.waiting);
        for quick in std::mem::take(&mut sa.quicks) {
            if !quick.reported {
                wanted.push(quick.wanted);
            }
            quick::abandon(&mut self.core, spis, &quick);
        }
        let stops = matches!(
            reason,
            EndReason::AdministratorShutdown
                | EndReason::ConfigurationChanged
                | EndReason::AdministratorReset
        );
        for wanted in wanted {
            if stops {
                self.fail(wanted, reason);
            } else {
                // An SA that was up has failed, not its peer: the same peer once more.
                let next = usize::from(sa.established.is_none());
                *self.attempts.entry(wanted.tunnel).or_insert(0) += next;
                self.retry(now, spis, wanted, reason);
            }
        }
    }

    /// Ends a pair and tells the peer, by whatever phase-1 SA there is.
    pub(in crate::ike) fn delete_child(&mut self, id: u64, reason: EndReason) {
        let Some(child) = self.core.children.get(id) else {
            return;
        };
        let (peer, inbound_spi) = (child.peer, child.inbound_spi);
        if let Some(sa) = self.phase1s.newest_up(peer) {
            informational::send_delete_child(&mut self.core, sa, inbound_spi);
        }
        self.core.end_children(reason, [id]);
    }

    pub(super) fn end_child(&mut self, inbound_spi: u32, reason: EndReason) {
        let child = self.core.children.of_inbound(inbound_spi);
        if let Some(id) = child.map(|child| child.id) {
            self.delete_child(id, reason);
        }
    }
}

/// An SA is up from now on: when it ends, is replaced, and keeps the mapping of a NAT alive.
fn begin_life(now: Time, sa: &mut Phase1, keepalive_s: Option<u16>, jitter_s: u64) {
    let lifetime_s = sa.policy.as_ref().map_or(0, |policy| policy.lifetime_s);
    let lifetime_s = Some(u64::from(lifetime_s)).filter(|seconds| *seconds != 0);
    let after = |seconds: u64| now.after_s(seconds);
    let ahead_s = |lifetime_s: u64| {
        let margin_s = (lifetime_s / 10).clamp(REKEY_MARGIN_S.0, REKEY_MARGIN_S.1);
        lifetime_s.saturating_sub(margin_s + jitter_s)
    };
    sa.dpd.last_heard = now;
    sa.expires = lifetime_s.map(after);
    sa.rekey_at = lifetime_s.filter(|_| sa.initiator).map(ahead_s).map(after);
    let keepalive_s = keepalive_s.filter(|_| sa.nat_here);
    sa.keepalive_at = keepalive_s.map(u64::from).map(after);
}
