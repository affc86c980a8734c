//! What is negotiated: by which SA, with which of a tunnel's peers, and what follows when it fails.

use std::net::SocketAddrV4;

use super::Engine;
use crate::ike::IKE_PORT;
use crate::ike::api::{Action, EndReason, SpiSource, TunnelId};
use crate::ike::children::Child;
use crate::ike::limits::{HINT_INTERVAL_S, UNREAD_MS};
use crate::ike::v1::main_mode;
use crate::ike::v1::phase1::{Phase1, Wanted};
use crate::ike::v1::quick::{self, Quick};
use crate::time::Time;

impl Engine {
    /// Whether a pair for the tunnel is under way with one of its peers.
    pub(super) fn is_negotiating(&self, tunnel: TunnelId) -> bool {
        let peers = self.core.tunnel(tunnel).map_or(&[][..], |it| &it.peers);
        let mut sas = peers.iter().flat_map(|peer| self.phase1s.of_peer(*peer));
        sas.any(|sa| {
            sa.waiting.iter().any(|wanted| wanted.tunnel == tunnel)
                || sa.quicks.iter().any(|quick| quick.tunnel() == tunnel)
        })
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
        let Self { core, phase1s, .. } = self;
        let up = tunnel
            .peers
            .iter()
            .filter_map(|peer| phase1s.current(*peer));
        let newest = up.map(|sa| (sa.id, sa.peer)).max();
        if let Some((id, peer)) = newest {
            let begun = phase1s.change(id, |sa| quick::begin(core, now, spis, sa, wanted));
            if let Some(Err(error)) = begun {
                core.log(713_902, 3, peer, &format!("Quick mode failed: {error}"));
                self.fail(wanted, EndReason::NoProposal);
            }
            return;
        }
        let attempt = self.attempts.get(&tunnel.id).copied().unwrap_or(0);
        let Some(&peer) = tunnel.peers.get(attempt) else {
            return self.fail(wanted, EndReason::LostContact);
        };
        // Behind a first message there may be nobody: what waited for it would wait in vain.
        let coming = |sa: &&Phase1| !sa.is_up() && !sa.is_unproven();
        let coming = self.phase1s.of_peer(peer).find(coming);
        if let Some(id) = coming.map(|sa| sa.id) {
            self.phase1s.change(id, |sa| {
                if !sa.waiting.contains(&wanted) {
                    sa.waiting.push(wanted);
                }
            });
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
        self.phase1s.put(sa);
    }

    /// What quick modes of ours that have failed were to bring is told to be missing.
    pub(super) fn tell_failed(&mut self) {
        for wanted in std::mem::take(&mut self.core.failed) {
            self.fail(wanted, EndReason::NoProposal);
        }
    }

    /// The peer refused what we negotiate: the quick mode of ours with this SPI ends, or every one
    /// that waits for its answer when the peer does not say which.
    pub(super) fn refused(&mut self, spis: &mut dyn SpiSource, id: u64, spi: Option<u32>) {
        let quicks = self.phase1s.change(id, |sa| {
            let named = spi.filter(|spi| sa.quicks.iter().any(|it| it.inbound_spi == *spi));
            let is_meant = |quick: &mut Quick| {
                quick.may_be_refused() && named.is_none_or(|spi| quick.inbound_spi == spi)
            };
            sa.quicks.extract_if(.., is_meant).collect::<Vec<_>>()
        });
        for quick in quicks.unwrap_or_default() {
            let wanted = quick.wanted;
            quick::abandon(&mut self.core, spis, &quick);
            self.fail(wanted, EndReason::NoProposal);
        }
    }

    /// The peer could not read a message of the SA `id`. When that may have been the third one of a
    /// young pair, the peer does not have the pair: another one takes its place, once in a while.
    pub(super) fn unread(&mut self, now: Time, spis: &mut dyn SpiSource, id: u64) {
        let peer = self.phase1s.get(id).map(|sa| sa.peer);
        let Some(peer) = peer.filter(|peer| self.core.up.has(*peer, id)) else {
            return;
        };
        let last = self.core.unread.get(&peer);
        if last.is_some_and(|last| now.since_ms(*last) < HINT_INTERVAL_S * 1_000) {
            return;
        }
        let is_young = |child: &&Child| child.initiator && now.since_ms(child.created) <= UNREAD_MS;
        let young = self.core.children.of_peer(peer).rev().find(is_young);
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
        self.core.rekey_again(wanted.tunnel);
        if self.core.current(wanted.tunnel).is_none() {
            self.core.push(Action::NegotiationFailed {
                tunnel: wanted.tunnel,
                reason,
            });
        }
    }

    /// A negotiation has ended with its SA: it goes on with the next peer, if there is one.
    pub(super) fn retry(
        &mut self,
        now: Time,
        spis: &mut dyn SpiSource,
        wanted: Wanted,
        reason: EndReason,
    ) {
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
}
