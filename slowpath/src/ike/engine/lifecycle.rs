//! What begins and ends SAs.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::Engine;
use crate::ike::IKE_PORT;
use crate::ike::api::{Action, EndReason, SpiSource, TunnelId};
use crate::ike::limits::{HINT_INTERVAL_S, REKEY_MARGIN_S, UNREAD_MS};
use crate::ike::v1::dpd::Dpd;
use crate::ike::v1::phase1::{Phase1, State, Wanted};
use crate::ike::v1::{informational, main_mode, quick};
use crate::time::Time;

impl Engine {
    /// The peer deleted the SA `id`. With its last one it has ended the session: its deletes of the
    /// pairs may have been lost or overtaken, and without a phase-1 SA nothing would probe a peer
    /// that no longer has the pairs.
    pub(super) fn deleted(&mut self, now: Time, spis: &mut dyn SpiSource, id: u32) {
        let peer = self.core.up.get(&id).copied();
        self.end_phase1(now, spis, id, EndReason::PeerTerminate, false);
        if let Some(peer) = peer
            && !self.core.up.values().any(|known| *known == peer)
        {
            self.core
                .end_children(EndReason::PeerTerminate, |child| child.peer == peer);
        }
    }

    /// The newest ESP packet of a peer has come from elsewhere: its mapping has changed.
    pub fn peer_moved(&mut self, peer: Ipv4Addr, remote: SocketAddrV4) {
        let Self { core, phase1s, .. } = self;
        for sa in phase1s
            .iter_mut()
            .filter(|sa| sa.peer == peer && sa.is_up())
        {
            core.follow(sa, remote);
        }
    }

    pub(in crate::ike) fn new_phase1(
        &mut self,
        now: Time,
        local: SocketAddrV4,
        remote: SocketAddrV4,
        initiator: bool,
    ) -> Phase1 {
        let id = self.next_id;
        self.next_id += 1;
        let mut cookie = [0; 8];
        self.core.entropy.fill(&mut cookie);
        let (cookie_i, cookie_r) = if initiator {
            (cookie, [0; 8])
        } else {
            ([0; 8], cookie)
        };
        Phase1 {
            id,
            peer: *remote.ip(),
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
            created: now,
            established: None,
            expires: None,
            rekey_at: None,
            superseded: false,
            keepalive_at: None,
        }
    }

    /// Wants a phase-2 SA: by the phase-1 SA that is up, by the one that is coming, or by a new
    /// one.
    pub(in crate::ike) fn want(&mut self, now: Time, spis: &mut dyn SpiSource, wanted: Wanted) {
        if self.closed {
            return;
        }
        let Some(tunnel) = self.core.tunnel(wanted.tunnel).cloned() else {
            return;
        };
        if wanted.replaces.is_none() {
            self.core.push(Action::Negotiating(tunnel.id));
        }
        let up = self
            .phase1s
            .iter()
            .rposition(|sa| sa.is_up() && !sa.superseded && tunnel.peers.contains(&sa.peer));
        if let Some(place) = up {
            let mut sa = self.phase1s.swap_remove(place);
            let begun = quick::begin(&mut self.core, now, spis, &mut sa, wanted);
            let peer = sa.peer;
            self.phase1s.push(sa);
            if let Err(error) = begun {
                self.core
                    .log(713_902, 3, peer, &format!("Quick mode failed: {error}"));
                self.fail(wanted, EndReason::NoProposal);
            }
            return;
        }
        let attempt = self.attempts.get(&tunnel.id).copied().unwrap_or(0);
        let Some(&peer) = tunnel.peers.get(attempt) else {
            return self.fail(wanted, EndReason::LostContact);
        };
        if let Some(sa) = self
            .phase1s
            .iter_mut()
            .find(|sa| !sa.is_up() && sa.peer == peer)
        {
            if !sa.waiting.contains(&wanted) {
                sa.waiting.push(wanted);
            }
            return;
        }
        if self
            .core
            .peer(peer)
            .is_none_or(|peer| peer.pre_shared_key.is_none())
        {
            return self.fail(wanted, EndReason::AuthenticationFailed);
        }
        let local = SocketAddrV4::new(tunnel.local, IKE_PORT);
        let remote = SocketAddrV4::new(peer, IKE_PORT);
        let mut sa = self.new_phase1(now, local, remote, true);
        sa.waiting.push(wanted);
        let text = format!(
            "IKE Initiator: New Phase 1, Intf {}, IKE Peer {peer}  local Proxy Address {}, remote Proxy Address {},  Crypto map ({})",
            tunnel.nameif,
            tunnel.selectors.local.address,
            tunnel.selectors.remote.address,
            tunnel.map_name,
        );
        self.core.push(Action::Log {
            id: 713_041,
            level: 5,
            text,
        });
        main_mode::begin(&mut self.core, now, &mut sa);
        self.phase1s.push(sa);
    }

    /// A phase-1 SA is up: older ones with the peer step back, waiting tunnels get their turn.
    pub(super) fn established(
        &mut self,
        now: Time,
        spis: &mut dyn SpiSource,
        id: u32,
        initial_contact: bool,
    ) {
        let Some(place) = self.phase1s.iter().position(|sa| sa.id == id) else {
            return;
        };
        let keepalive = self.core.config.nat_traversal_s;
        let jitter = u64::from(self.core.random_u32() % 8);
        let sa = &mut self.phase1s[place];
        let peer = sa.peer;
        let lifetime = sa.policy.as_ref().map_or(0, |policy| policy.lifetime_s);
        sa.dpd.last_heard = now;
        sa.expires = (lifetime != 0).then(|| now.after_s(u64::from(lifetime)));
        let margin = (u64::from(lifetime) / 10).clamp(REKEY_MARGIN_S.0, REKEY_MARGIN_S.1) + jitter;
        sa.rekey_at = (lifetime != 0 && sa.initiator)
            .then(|| now.after_s(u64::from(lifetime).saturating_sub(margin)));
        sa.keepalive_at = keepalive
            .filter(|_| sa.nat_here)
            .map(|seconds| now.after_s(u64::from(seconds)));
        let waiting = std::mem::take(&mut sa.waiting);
        for other in self
            .phase1s
            .iter_mut()
            .filter(|sa| sa.peer == peer && sa.id != id)
        {
            other.superseded |= other.is_up();
        }
        self.core.up.insert(id, peer);
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
    pub(super) fn forget_others(&mut self, now: Time, spis: &mut dyn SpiSource, id: u32) {
        let Some(kept) = self.phase1s.iter().find(|sa| sa.id == id) else {
            return;
        };
        // What came up while this SA was negotiated is not older: both sides may begin at once.
        let (peer, begun) = (kept.peer, kept.created);
        let others: Vec<u32> = self
            .phase1s
            .iter()
            .filter(|sa| sa.peer == peer && sa.id != id)
            .filter(|sa| sa.established.is_some_and(|at| at < begun))
            .map(|sa| sa.id)
            .collect();
        for other in others {
            self.end_phase1(now, spis, other, EndReason::InitialContact, false);
        }
        self.core.end_children(EndReason::InitialContact, |child| {
            child.peer == peer && child.created < begun
        });
    }

    /// The peer refused what we negotiate: every quick mode that waits for its answer ends.
    pub(super) fn refused(&mut self, spis: &mut dyn SpiSource, id: u32) {
        let Some(sa) = self.phase1s.iter_mut().find(|sa| sa.id == id) else {
            return;
        };
        let quicks = std::mem::take(&mut sa.quicks);
        for quick in quicks {
            let wanted = quick.wanted;
            quick::abandon(&mut self.core, spis, &quick);
            self.fail(wanted, EndReason::NoProposal);
        }
    }

    /// The peer could not read a message of the SA `id`. When that may have been the third one of a
    /// young pair, the peer does not have the pair: another one takes its place, once in a while.
    pub(super) fn unread(&mut self, now: Time, spis: &mut dyn SpiSource, id: u32) {
        let Some(&peer) = self.core.up.get(&id) else {
            return;
        };
        let last = self.core.unread.get(&peer);
        if last.is_some_and(|last| now.since_ms(*last) < HINT_INTERVAL_S * 1_000) {
            return;
        }
        let young = self.core.children.iter().rev().find(|child| {
            child.peer == peer && child.initiator && now.since_ms(child.created) <= UNREAD_MS
        });
        if let Some(inbound_spi) = young.map(|child| child.inbound_spi) {
            self.core.unread.insert(peer, now);
            let text = "Peer could not read a message: its newest SA is negotiated again";
            self.core.log(713_903, 4, peer, text);
            self.rekey(now, spis, inbound_spi);
        }
    }

    /// A negotiation has ended without an SA.
    pub(in crate::ike) fn fail(&mut self, wanted: Wanted, reason: EndReason) {
        self.attempts.remove(&wanted.tunnel);
        for child in &mut self.core.children {
            if child.tunnel == wanted.tunnel {
                child.rekeying = false;
            }
        }
        if self.core.current(wanted.tunnel).is_none() {
            self.core.push(Action::NegotiationFailed {
                tunnel: wanted.tunnel,
                reason,
            });
        }
    }

    /// Ends a phase-1 SA. Its phase-2 pairs live on; its negotiations go to the next peer.
    pub(in crate::ike) fn end_phase1(
        &mut self,
        now: Time,
        spis: &mut dyn SpiSource,
        id: u32,
        reason: EndReason,
        tell_peer: bool,
    ) {
        let Some(place) = self.phase1s.iter().position(|sa| sa.id == id) else {
            return;
        };
        let mut sa = self.phase1s.swap_remove(place);
        if tell_peer && sa.is_up() {
            informational::send_delete_self(&mut self.core, &sa);
        }
        if self.core.up.remove(&id).is_some() {
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

    fn retry(&mut self, now: Time, spis: &mut dyn SpiSource, wanted: Wanted, reason: EndReason) {
        let peers = self
            .core
            .tunnel(wanted.tunnel)
            .map_or(0, |tunnel| tunnel.peers.len());
        let attempt = self.attempts.get(&wanted.tunnel).copied().unwrap_or(0);
        if attempt < peers {
            self.want(now, spis, wanted);
        } else {
            self.fail(wanted, reason);
        }
    }

    /// Ends a pair and tells the peer, by whatever phase-1 SA there is.
    pub(in crate::ike) fn delete_child(
        &mut self,
        inbound_spi: u32,
        peer: Ipv4Addr,
        reason: EndReason,
    ) {
        let sa = self
            .phase1s
            .iter()
            .rev()
            .find(|sa| sa.peer == peer && sa.is_up());
        if let Some(sa) = sa {
            informational::send_delete_child(&mut self.core, sa, inbound_spi);
        }
        self.core
            .end_children(reason, |child| child.inbound_spi == inbound_spi);
    }

    pub(super) fn end_child(&mut self, inbound_spi: u32, reason: EndReason) {
        let child = self
            .core
            .children
            .iter()
            .find(|child| child.inbound_spi == inbound_spi);
        if let Some(peer) = child.map(|child| child.peer) {
            self.delete_child(inbound_spi, peer, reason);
        }
    }

    pub(super) fn is_negotiating(&self, tunnel: TunnelId) -> bool {
        self.phase1s.iter().any(|sa| {
            sa.waiting.iter().any(|wanted| wanted.tunnel == tunnel)
                || sa.quicks.iter().any(|quick| quick.tunnel() == tunnel)
        })
    }
}
