//! The engine: which SA a message belongs to, and what begins and ends SAs.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::api::{
    Action, ClearScope, Datagram, EndReason, Entropy, IkeConfig, IkeSaView, SpiSource, TunnelId,
};
use super::core::{Child, Core};
use super::crypto::dh::DhResult;
use super::error::IkeError;
use super::limits::{HALF_OPEN_MS, PHASE1_PER_PEER_MAX, REKEY_MARGIN_S};
use super::v1::informational;
use super::v1::main_mode::{self, Outcome};
use super::v1::natt::IKE_PORT;
use super::v1::phase1::{Dpd, Phase1, State, Wanted};
use super::v1::quick::{self, Received};
use super::wire::{Chain, ENCRYPTED, Header, exchange};
use crate::time::Time;

/// IKE with all its SAs.
pub struct Engine {
    pub(super) core: Core,
    pub(super) phase1s: Vec<Phase1>,
    /// Which of a tunnel's peers is tried.
    pub(super) attempts: BTreeMap<TunnelId, usize>,
    next_id: u32,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("phase1s", &self.phase1s.len())
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine without SAs.
    pub fn new(config: IkeConfig, entropy: Box<dyn Entropy + Send>) -> Self {
        Self {
            core: Core::new(config, entropy),
            phase1s: Vec::new(),
            attempts: BTreeMap::new(),
            next_id: 1,
        }
    }

    /// Takes a new configuration: SAs of tunnels and peers that it no longer has end.
    pub fn configure(&mut self, now: Time, spis: &mut dyn SpiSource, config: IkeConfig) {
        let gone: Vec<(u32, Ipv4Addr)> =
            self.core
                .children
                .iter()
                .filter(|child| {
                    !config.tunnels.iter().any(|tunnel| {
                        tunnel.id == child.tunnel && tunnel.peers.contains(&child.peer)
                    })
                })
                .map(|child| (child.inbound_spi, child.peer))
                .collect();
        for (spi, peer) in gone {
            self.delete_child(spi, peer, EndReason::ConfigurationChanged);
        }
        let peers: Vec<u32> = self
            .phase1s
            .iter()
            .filter(|sa| !config.peers.iter().any(|peer| peer.address == sa.peer))
            .map(|sa| sa.id)
            .collect();
        self.core.config = config;
        for id in peers {
            self.end_phase1(now, spis, id, EndReason::ConfigurationChanged, true);
        }
    }

    /// Takes a datagram from port 500 or 4500.
    pub fn datagram(&mut self, now: Time, spis: &mut dyn SpiSource, datagram: Datagram<'_>) {
        let Ok((header, body)) = Header::parse(datagram.message) else {
            return;
        };
        let place = self.place(&header);
        let result = match place {
            Some(place) => self.known(now, spis, place, &header, body, datagram),
            None => self.unknown(now, &header, body, datagram),
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

    /// Wants a phase-2 SA for a tunnel. Does nothing while one is there or under way.
    pub fn initiate(&mut self, now: Time, spis: &mut dyn SpiSource, tunnel: TunnelId) {
        if self.core.current(tunnel).is_some() || self.is_negotiating(tunnel) {
            return;
        }
        self.want(
            now,
            spis,
            Wanted {
                tunnel,
                replaces: None,
            },
        );
    }

    /// Takes the result of public-key work.
    pub fn computed(&mut self, now: Time, spis: &mut dyn SpiSource, result: DhResult) {
        let Some((id, message_id)) = self.core.redeem(result.ticket) else {
            return;
        };
        let Some(place) = self.phase1s.iter().position(|sa| sa.id == id) else {
            return;
        };
        let mut sa = self.phase1s.swap_remove(place);
        let outcome = match message_id {
            None => main_mode::computed(&mut self.core, now, &mut sa, result),
            Some(id) => quick::computed(&mut self.core, now, spis, &mut sa, id, result),
        };
        let failed = outcome.is_err() && !sa.is_up();
        let (id, peer) = (sa.id, sa.peer);
        self.phase1s.push(sa);
        if let Err(error) = outcome {
            self.core
                .log(713_902, 3, peer, &format!("Negotiation failed: {error}"));
        }
        if failed {
            self.end_phase1(now, spis, id, EndReason::AuthenticationFailed, false);
        }
    }

    /// A phase-2 pair's kilobytes are nearly used up: replace it.
    pub fn rekey(&mut self, now: Time, spis: &mut dyn SpiSource, inbound_spi: u32) {
        let child = self
            .core
            .children
            .iter_mut()
            .find(|child| child.inbound_spi == inbound_spi);
        let Some(child) = child.filter(|c| !c.rekeying && c.superseded_until.is_none()) else {
            return;
        };
        child.rekeying = true;
        let wanted = Wanted {
            tunnel: child.tunnel,
            replaces: Some((child.inbound_spi, child.outbound_spi)),
        };
        self.want(now, spis, wanted);
    }

    /// A phase-2 pair may carry nothing more.
    pub fn expire(&mut self, _now: Time, inbound_spi: u32) {
        self.end_child(inbound_spi, EndReason::MaxTimeExceeded);
    }

    /// The owner could not install a pair.
    pub fn child_failed(&mut self, _now: Time, inbound_spi: u32) {
        self.end_child(inbound_spi, EndReason::ConfigurationChanged);
    }

    /// Packets of a peer have been authenticated: it lives.
    pub fn inbound_seen(&mut self, now: Time, peer: Ipv4Addr) {
        for sa in self
            .phase1s
            .iter_mut()
            .filter(|sa| sa.peer == peer && sa.is_up())
        {
            sa.dpd.last_heard = now;
            sa.dpd.unanswered = 0;
        }
    }

    /// `clear crypto isakmp sa`: phase 1 and what it negotiated.
    pub fn clear_isakmp(&mut self, now: Time, spis: &mut dyn SpiSource, scope: ClearScope) {
        self.clear_ipsec(now, scope);
        let ids: Vec<u32> = self
            .phase1s
            .iter()
            .filter(|sa| match scope {
                ClearScope::All => true,
                ClearScope::Peer(peer) => sa.peer == peer,
                ClearScope::Tunnel(_) => false,
            })
            .map(|sa| sa.id)
            .collect();
        for id in ids {
            self.end_phase1(now, spis, id, EndReason::AdministratorReset, true);
        }
    }

    /// `clear crypto ipsec sa`.
    pub fn clear_ipsec(&mut self, _now: Time, scope: ClearScope) {
        let children: Vec<(u32, Ipv4Addr)> = self
            .core
            .children
            .iter()
            .filter(|child| match scope {
                ClearScope::All => true,
                ClearScope::Peer(peer) => child.peer == peer,
                ClearScope::Tunnel(tunnel) => child.tunnel == tunnel,
            })
            .map(|child| (child.inbound_spi, child.peer))
            .collect();
        for (spi, peer) in children {
            self.delete_child(spi, peer, EndReason::AdministratorReset);
        }
    }

    /// `clear crypto ipsec sa entry`: the pair with an SA of this SPI, whose destination (or peer)
    /// is `address`.
    pub fn clear_pair(&mut self, _now: Time, address: Ipv4Addr, spi: u32) {
        let is_end = |child: &Child| {
            let tunnel = self.core.tunnel(child.tunnel);
            child.peer == address || tunnel.is_some_and(|tunnel| tunnel.local == address)
        };
        let pair = self
            .core
            .children
            .iter()
            .find(|it| (it.inbound_spi == spi || it.outbound_spi == spi) && is_end(it))
            .map(|it| (it.inbound_spi, it.peer));
        if let Some((inbound_spi, peer)) = pair {
            self.delete_child(inbound_spi, peer, EndReason::AdministratorReset);
        }
    }

    /// Deletes everything at the peers.
    pub fn shutdown(&mut self, now: Time, spis: &mut dyn SpiSource) {
        let children: Vec<(u32, Ipv4Addr)> = self
            .core
            .children
            .iter()
            .map(|child| (child.inbound_spi, child.peer))
            .collect();
        for (spi, peer) in children {
            self.delete_child(spi, peer, EndReason::AdministratorShutdown);
        }
        let ids: Vec<u32> = self.phase1s.iter().map(|sa| sa.id).collect();
        for id in ids {
            self.end_phase1(now, spis, id, EndReason::AdministratorShutdown, true);
        }
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.core.actions.pop_front()
    }

    /// Every phase-1 SA.
    pub fn ike_sas(&self, now: Time) -> Vec<IkeSaView> {
        self.phase1s
            .iter()
            .map(|sa| IkeSaView {
                peer: sa.peer,
                initiator: sa.initiator,
                state: sa.state.name(),
                rekeying: sa.superseded,
                policy: sa.policy.clone(),
                lifetime_remaining_s: sa
                    .expires
                    .map(|end| (end.since_ms(now) / 1000).min(u64::from(u32::MAX)) as u32),
                established: sa.established,
                nat_traversal: sa.encapsulates(),
            })
            .collect()
    }

    /// The SA of a message: by both cookies, or by the initiator's while ours is not known there.
    fn place(&self, header: &Header) -> Option<usize> {
        self.phase1s.iter().position(|sa| {
            sa.cookie_i == header.initiator_cookie
                && (sa.cookie_r == header.responder_cookie
                    || (sa.state == State::WaitMessage2 && sa.cookie_r == [0; 8])
                    || (header.responder_cookie == [0; 8] && !sa.initiator))
        })
    }

    fn known(
        &mut self,
        now: Time,
        spis: &mut dyn SpiSource,
        place: usize,
        header: &Header,
        body: &[u8],
        datagram: Datagram<'_>,
    ) -> Result<(), IkeError> {
        let mut sa = self.phase1s.swap_remove(place);
        let result = self.dispatch(now, spis, &mut sa, header, body, datagram);
        let id = sa.id;
        self.phase1s.push(sa);
        match result? {
            After::Nothing => {}
            After::Established { initial_contact } => {
                self.established(now, spis, id, initial_contact);
            }
            After::Deleted => self.end_phase1(now, spis, id, EndReason::PeerTerminate, false),
            After::InitialContact => self.forget_others(now, spis, id),
            After::Refused => self.refused(spis, id),
        }
        Ok(())
    }

    fn dispatch(
        &mut self,
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
                    self.core.push(sa.send(response));
                }
                return Ok(After::Nothing);
            }
            let outcome = self.main_mode(now, sa, header, body, datagram)?;
            sa.last_request = whole.to_vec();
            return Ok(match outcome {
                Outcome::Continues => After::Nothing,
                Outcome::Established { initial_contact } => After::Established { initial_contact },
            });
        }
        if !encrypted || !sa.is_up() || header.message_id == 0 {
            return Err(IkeError::InvalidMessage("not protected"));
        }
        let after = match header.exchange {
            exchange::QUICK => {
                let received = Received {
                    message_id: header.message_id,
                    next: header.next,
                    body,
                    whole,
                };
                match quick::message(&mut self.core, now, spis, sa, &received) {
                    Ok(()) => After::Nothing,
                    Err(error) => {
                        tell(&mut self.core, sa, error);
                        return Err(error);
                    }
                }
            }
            exchange::INFORMATIONAL => {
                let id = header.message_id;
                let found = informational::message(&mut self.core, now, sa, id, header.next, body)?;
                if found.deleted {
                    After::Deleted
                } else if found.initial_contact {
                    After::InitialContact
                } else if found.refused {
                    After::Refused
                } else {
                    After::Nothing
                }
            }
            _ => return Err(IkeError::InvalidMessage("exchange type")),
        };
        // An authenticated message from another place: the peer's mapping has changed.
        if sa.dpd.last_heard == now {
            sa.remote = datagram.remote;
            sa.local = datagram.local;
        }
        Ok(after)
    }

    fn main_mode(
        &mut self,
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
            let outcome = main_mode::sealed(&mut self.core, now, sa, header.next, body);
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
        let outcome = main_mode::clear(&mut self.core, sa, &chain);
        if outcome.is_err() && learned {
            sa.cookie_r = [0; 8];
        }
        outcome
    }

    /// A message without an SA: the first of a main mode from a configured peer, or nothing.
    fn unknown(
        &mut self,
        now: Time,
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
        let with_peer = self.phase1s.iter().filter(|sa| sa.peer == peer).count();
        if with_peer >= PHASE1_PER_PEER_MAX {
            return Err(IkeError::LocalPolicy("too many SAs with the peer"));
        }
        let chain = Chain::parse(header.next, body)?;
        let mut sa = self.new_phase1(now, datagram.local, datagram.remote, false);
        sa.cookie_i = header.initiator_cookie;
        main_mode::respond(&mut self.core, &mut sa, &chain)?;
        sa.last_request = datagram.message.to_vec();
        sa.expires = Some(now.after_ms(HALF_OPEN_MS));
        self.phase1s.push(sa);
        Ok(())
    }

    pub(super) fn new_phase1(
        &mut self,
        now: Time,
        local: std::net::SocketAddrV4,
        remote: std::net::SocketAddrV4,
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
            nat_here: false,
            nat_there: false,
            dpd: Dpd {
                last_heard: now,
                ..Dpd::default()
            },
            unanswered: None,
            last_request: Vec::new(),
            last_response: None,
            waiting: Vec::new(),
            quicks: Vec::new(),
            finished: std::collections::VecDeque::new(),
            created: now,
            established: None,
            expires: None,
            rekey_at: None,
            superseded: false,
            keepalive_at: None,
        }
    }

    /// Wants a phase-2 SA: by the phase-1 SA that is up, by the one that is coming, or by a new one.
    pub(super) fn want(&mut self, now: Time, spis: &mut dyn SpiSource, wanted: Wanted) {
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
        let local = std::net::SocketAddrV4::new(tunnel.local, IKE_PORT);
        let remote = std::net::SocketAddrV4::new(peer, IKE_PORT);
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
    fn established(&mut self, now: Time, spis: &mut dyn SpiSource, id: u32, initial_contact: bool) {
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
    fn forget_others(&mut self, now: Time, spis: &mut dyn SpiSource, id: u32) {
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
    fn refused(&mut self, spis: &mut dyn SpiSource, id: u32) {
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

    /// A negotiation has ended without an SA.
    pub(super) fn fail(&mut self, wanted: Wanted, reason: EndReason) {
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
    pub(super) fn end_phase1(
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
    pub(super) fn delete_child(&mut self, inbound_spi: u32, peer: Ipv4Addr, reason: EndReason) {
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

    fn end_child(&mut self, inbound_spi: u32, reason: EndReason) {
        let child = self
            .core
            .children
            .iter()
            .find(|child| child.inbound_spi == inbound_spi);
        if let Some(peer) = child.map(|child| child.peer) {
            self.delete_child(inbound_spi, peer, reason);
        }
    }

    fn is_negotiating(&self, tunnel: TunnelId) -> bool {
        self.phase1s.iter().any(|sa| {
            sa.waiting.iter().any(|wanted| wanted.tunnel == tunnel)
                || sa.quicks.iter().any(|quick| quick.tunnel() == tunnel)
        })
    }
}

/// What follows from a message when its SA is back in its place.
enum After {
    Nothing,
    Established { initial_contact: bool },
    Deleted,
    InitialContact,
    Refused,
}

/// Tells an authenticated peer why its quick mode is refused.
fn tell(core: &mut Core, sa: &Phase1, error: IkeError) {
    use super::wire::control::Notify;
    use super::wire::{payload, sa::protocol};
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
