//! The engine: all SAs, and what its owner asks of them.

mod clear;
mod configure;
mod dispatch;
mod lifecycle;

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use super::api::{Action, EndReason, Entropy, IkeConfig, IkeSaView, SpiSource, TunnelId};
use super::core::Core;
use super::crypto::dh::DhResult;
use super::v1::main_mode;
use super::v1::phase1::{Phase1, Wanted};
use super::v1::quick;
use crate::ike::limits::REKEY_AGE_MS;
use crate::time::Time;

/// IKE with all its SAs.
pub struct Engine {
    pub(super) core: Core,
    pub(super) phase1s: Vec<Phase1>,
    /// Which of a tunnel's peers is tried.
    pub(super) attempts: BTreeMap<TunnelId, usize>,
    next_id: u32,
    /// Pairs that the configuration has no place for, until they are ended.
    orphans: VecDeque<(TunnelId, u32)>,
    /// Whether phase-1 SAs of peers that are gone may be left.
    unsettled: bool,
    /// [`Engine::shutdown`] was called: nothing begins any more, whoever begins it.
    closed: bool,
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
            orphans: VecDeque::new(),
            unsettled: false,
            closed: false,
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
        if !child.initiator && now.since_ms(child.created) < REKEY_AGE_MS {
            child.rekey_at = child.rekey_at.min(child.created.after_ms(REKEY_AGE_MS));
            return;
        }
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

    /// Packets of a peer have been authenticated, the last one at `at`: it lives. A suspicion that
    /// is younger than that goes on.
    pub fn inbound_seen(&mut self, at: Time, peer: Ipv4Addr) {
        for sa in self
            .phase1s
            .iter_mut()
            .filter(|sa| sa.peer == peer && sa.is_up())
        {
            sa.dpd.counted(at);
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
}
