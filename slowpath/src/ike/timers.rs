//! What happens by itself: retransmissions, rekeys, expiry, probes, keepalives.

use super::IKE_PORT;
use super::api::{Action, EndReason, SpiSource};
use super::engine::Engine;
use super::limits::DPD_PROBES_MAX;
use super::v1::dpd;
use super::v1::main_mode;
use super::v1::phase1::{Phase1, Wanted};
use crate::time::Time;

impl Engine {
    /// When [`Engine::timeout`] wants to be called next.
    pub fn next_timeout(&self) -> Option<Time> {
        let phase1s = self.phase1s.iter().flat_map(|sa| self.deadlines(sa));
        let children = self.core.children.iter().flat_map(|child| {
            let rekey =
                (!child.rekeying && child.superseded_until.is_none()).then_some(child.rekey_at);
            [Some(child.expires), child.superseded_until, rekey]
        });
        phase1s.chain(children.flatten()).min()
    }

    /// Does what is due.
    pub fn timeout(&mut self, now: Time, spis: &mut dyn SpiSource) {
        let ids: Vec<u32> = self.phase1s.iter().map(|sa| sa.id).collect();
        for id in ids {
            self.retransmit(now, spis, id);
            self.prove(now, id);
            self.probe(now, spis, id);
            self.age(now, spis, id);
        }
        self.age_children(now, spis);
    }

    fn deadlines(&self, sa: &Phase1) -> Vec<Time> {
        let mut deadlines: Vec<Time> = [
            sa.unanswered.as_ref().map(|unanswered| unanswered.due),
            sa.expires,
            sa.rekey_at.filter(|_| !sa.superseded),
            sa.keepalive_at,
            self.next_probe(sa),
            Self::next_proof(sa),
        ]
        .into_iter()
        .flatten()
        .collect();
        deadlines.extend(
            sa.quicks
                .iter()
                .filter_map(|q| q.unanswered.as_ref().map(|u| u.due)),
        );
        deadlines
    }

    /// When the peer of an SA is probed next: after silence, then at the retry interval, and not
    /// while a quick mode has just begun.
    fn next_probe(&self, sa: &Phase1) -> Option<Time> {
        let keepalive = self.core.peer(sa.peer)?.keepalive;
        if !sa.is_up() || sa.superseded || !sa.dpd.supported || !keepalive.enabled {
            return None;
        }
        let silent = sa.dpd.last_heard.after_s(u64::from(keepalive.threshold_s));
        let asking = sa.dpd.unanswered > 0 || sa.dpd.urgent.is_some();
        let due = sa.dpd.next_probe.filter(|_| asking).unwrap_or(silent);
        Some(sa.quick_until().map_or(due, |until| due.max(until)))
    }

    /// When the peer of an SA is asked whether it has a pair.
    fn next_proof(sa: &Phase1) -> Option<Time> {
        let (due, _) = sa.dpd.prove?;
        Some(sa.quick_until().map_or(due, |until| due.max(until)))
    }

    fn retransmit(&mut self, now: Time, spis: &mut dyn SpiSource, id: u32) {
        let Some(sa) = self.phase1s.iter_mut().find(|sa| sa.id == id) else {
            return;
        };
        let mut dead = false;
        let mut again = Vec::new();
        let mut given_up = Vec::new();
        if let Some(unanswered) = sa.unanswered.as_mut().filter(|u| u.due <= now) {
            match unanswered.again(now) {
                Some(message) => again.push(message),
                None => dead = true,
            }
        }
        for quick in &mut sa.quicks {
            if let Some(unanswered) = quick.unanswered.as_mut().filter(|u| u.due <= now) {
                match unanswered.again(now) {
                    Some(message) => again.push(message),
                    None => given_up.push(quick.message_id),
                }
            }
        }
        let actions: Vec<Action> = again.into_iter().map(|message| sa.send(message)).collect();
        let up = sa.is_up();
        for action in actions {
            self.core.push(action);
        }
        // A peer that answers no quick mode has forgotten this SA.
        if dead || (up && !given_up.is_empty()) {
            self.end_phase1(now, spis, id, EndReason::LostContact, false);
        }
    }

    fn prove(&mut self, now: Time, id: u32) {
        let Self { core, phase1s, .. } = self;
        if let Some(sa) = phase1s.iter_mut().find(|sa| sa.id == id)
            && Self::next_proof(sa).is_some_and(|due| due <= now)
        {
            dpd::prove(core, now, sa);
        }
    }

    fn probe(&mut self, now: Time, spis: &mut dyn SpiSource, id: u32) {
        let Some(place) = self.phase1s.iter().position(|sa| sa.id == id) else {
            return;
        };
        if self
            .next_probe(&self.phase1s[place])
            .is_none_or(|due| due > now)
        {
            return;
        }
        let mut sa = self.phase1s.swap_remove(place);
        let peer = sa.peer;
        let urgent = sa.dpd.urgent.is_some();
        let lives = if urgent {
            dpd::send_urgent(&mut self.core, now, &mut sa)
        } else {
            sa.dpd.unanswered < DPD_PROBES_MAX
        };
        if lives && !urgent {
            let keepalive = self.core.peer(peer).map(|peer| peer.keepalive);
            let retry_s = keepalive.map_or(2, |keepalive| keepalive.retry_s);
            dpd::send_probe(&mut self.core, now, &mut sa);
            sa.dpd.next_probe = Some(now.after_s(u64::from(retry_s)));
        }
        self.phase1s.push(sa);
        if !lives {
            let text =
                "IKE lost contact with remote peer, deleting connection (keepalive type: DPD)";
            self.core.log(713_123, 3, peer, text);
            self.core
                .end_children(EndReason::LostContact, |child| child.peer == peer);
            self.end_phase1(now, spis, id, EndReason::LostContact, false);
        }
    }

    fn age(&mut self, now: Time, spis: &mut dyn SpiSource, id: u32) {
        let Some(sa) = self.phase1s.iter_mut().find(|sa| sa.id == id) else {
            return;
        };
        if sa.expires.is_some_and(|end| end <= now) {
            let reason = if sa.is_up() {
                EndReason::MaxTimeExceeded
            } else {
                EndReason::LostContact
            };
            return self.end_phase1(now, spis, id, reason, true);
        }
        if sa.keepalive_at.is_some_and(|due| due <= now) {
            let every = self.core.config.nat_traversal_s.unwrap_or(20);
            sa.keepalive_at = Some(now.after_s(u64::from(every)));
            let (local, remote) = (sa.local, sa.remote);
            self.core.push(Action::Send {
                local,
                remote,
                message: vec![0xff],
                keepalive: true,
            });
        }
        if sa.rekey_at.is_some_and(|due| due <= now) && !sa.superseded {
            sa.rekey_at = None;
            let (mut local, mut remote) = (sa.local, sa.remote);
            local.set_port(IKE_PORT);
            remote.set_port(IKE_PORT);
            let mut fresh = self.new_phase1(now, local, remote, true);
            main_mode::begin(&mut self.core, now, &mut fresh);
            self.phase1s.push(fresh);
        }
    }

    fn age_children(&mut self, now: Time, spis: &mut dyn SpiSource) {
        let over: Vec<_> = self
            .core
            .children
            .iter()
            .filter(|child| {
                child.expires <= now || child.superseded_until.is_some_and(|end| end <= now)
            })
            .map(|child| {
                (
                    child.inbound_spi,
                    child.peer,
                    child.superseded_until.is_some(),
                )
            })
            .collect();
        for (spi, peer, superseded) in over {
            let reason = if superseded {
                EndReason::Rekeyed
            } else {
                EndReason::MaxTimeExceeded
            };
            self.delete_child(spi, peer, reason);
        }
        let due: Vec<Wanted> = self
            .core
            .children
            .iter_mut()
            .filter(|child| {
                child.rekey_at <= now && !child.rekeying && child.superseded_until.is_none()
            })
            .map(|child| {
                child.rekeying = true;
                Wanted {
                    tunnel: child.tunnel,
                    replaces: Some((child.inbound_spi, child.outbound_spi)),
                }
            })
            .collect();
        for wanted in due {
            self.want(now, spis, wanted);
        }
    }
}
