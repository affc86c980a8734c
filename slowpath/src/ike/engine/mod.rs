//! The engine: all SAs, and what its owner asks of them.

mod clear;
mod configure;
mod dispatch;
mod lifecycle;
mod negotiate;
mod phase1s;

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use super::api::{Action, EndReason, Entropy, IkeConfig, IkeSaView, SpiSource, TunnelId};
use super::core::Core;
use super::crypto::dh::{DhJob, DhResult};
use super::v1::main_mode;
use super::v1::phase1::Wanted;
use super::v1::quick;
use crate::ike::limits::{REKEY_AGE_MS, REKEY_RETRY_MS};
use crate::time::Time;

pub(super) use phase1s::Phase1s;

/// IKE with all its SAs.
pub struct Engine {
    pub(super) core: Core,
    pub(super) phase1s: Phase1s,
    /// Which of a tunnel's peers is tried.
    pub(super) attempts: BTreeMap<TunnelId, usize>,
    /// Pairs that the configuration has no place for, until they are ended.
    orphans: VecDeque<u64>,
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
            core: Core::new(config.into(), entropy),
            phase1s: Phase1s::default(),
            attempts: BTreeMap::new(),
            orphans: VecDeque::new(),
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
        let Self { core, phase1s, .. } = self;
        let taken = phase1s.change(id, |sa| {
            let outcome = match message_id {
                None => main_mode::computed(core, now, sa, result),
                Some(id) => quick::computed(core, now, spis, sa, id, result),
            };
            let failed = outcome.is_err() && !sa.is_up();
            (outcome, failed, sa.peer)
        });
        self.tell_failed();
        let Some((outcome, failed, peer)) = taken else {
            return;
        };
        if let Err(error) = outcome {
            self.core
                .log(713_902, 3, peer, &format!("Negotiation failed: {error}"));
        }
        if failed {
            self.end_phase1(now, spis, id, EndReason::AuthenticationFailed, false);
        }
    }

    /// Public-key work was refused, because too much of it waits: what it was for ends, and may be
    /// asked for again.
    pub fn not_computed(&mut self, now: Time, spis: &mut dyn SpiSource, job: &DhJob) {
        let Some((id, message_id)) = self.core.redeem(job.ticket) else {
            return;
        };
        let Some(message_id) = message_id else {
            return self.end_phase1(now, spis, id, EndReason::LostContact, false);
        };
        let quick = self.phase1s.change(id, |sa| quick::take(sa, message_id));
        if let Some(quick) = quick.flatten() {
            quick::abandon(&mut self.core, spis, &quick);
            self.fail(quick.wanted, EndReason::LostContact);
        }
    }

    /// A phase-2 pair's kilobytes are nearly used up: replace it.
    pub fn rekey(&mut self, now: Time, spis: &mut dyn SpiSource, inbound_spi: u32) {
        let children = &mut self.core.children;
        let child = children.of_inbound(inbound_spi);
        let Some(id) = child.filter(|it| it.rekey_due().is_some()).map(|it| it.id) else {
            return;
        };
        let wanted = children.change(id, |child| {
            if !child.initiator && now.since_ms(child.created) < REKEY_AGE_MS {
                child.rekey_at = child.rekey_at.min(child.created.after_ms(REKEY_AGE_MS));
                return None;
            }
            child.rekeying = true;
            // Nobody else asks again for what was used up.
            child.rekey_at = now.after_ms(REKEY_RETRY_MS);
            Some(child.successor())
        });
        if let Some(wanted) = wanted.flatten() {
            self.want(now, spis, wanted);
        }
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
        self.phase1s.change_of_peer(peer, |sa| {
            if sa.is_up() {
                sa.dpd.counted(at);
            }
        });
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
                rekeying: sa.is_superseded(),
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
