//! What happens by itself: retransmissions, rekeys, expiry, probes, keepalives.

use std::net::SocketAddrV4;

use super::IKE_PORT;
use super::api::{Action, EndReason, SpiSource};
use super::core::Core;
use super::engine::Engine;
use super::limits::{DPD_PROBES_MAX, PHASE1_REKEY_RETRY_S, REKEY_RETRY_MS, TIMERS_PER_CALL};
use super::v1::dpd;
use super::v1::main_mode;
use super::v1::phase1::Phase1;
use super::v1::quick::{self, Quick};
use crate::time::Time;

impl Engine {
    /// When [`Engine::timeout`] wants to be called next.
    pub fn next_timeout(&self) -> Option<Time> {
        let times = [self.phase1s.next_due(), self.core.children.next_due()];
        times.into_iter().flatten().min()
    }

    /// Does what is due, the longest due first, and so much of it in one call:
    /// [`Engine::next_timeout`] says whether there is more.
    pub fn timeout(&mut self, now: Time, spis: &mut dyn SpiSource) {
        let due: Vec<u64> = self.phase1s.due(now).take(TIMERS_PER_CALL).collect();
        for id in due {
            self.retransmit(now, spis, id);
            self.prove(now, id);
            self.probe(now, spis, id);
            self.age(now, spis, id);
        }
        let children = self.core.children.due(now);
        let due: Vec<u64> = children.take(TIMERS_PER_CALL).collect();
        for id in due {
            self.age_child(now, spis, id);
        }
    }

    fn retransmit(&mut self, now: Time, spis: &mut dyn SpiSource, id: u64) {
        let Self { core, phase1s, .. } = self;
        let unfinished = phase1s.change(id, |sa| take_unfinished(now, sa));
        if phase1s.change(id, |sa| send_again(core, now, sa)) == Some(false) {
            self.end_phase1(now, spis, id, EndReason::LostContact, false);
        }
        for quick in unfinished.unwrap_or_default() {
            // The peer may have the pair: it is told.
            let child = self.core.children.of_inbound(quick.inbound_spi);
            if let Some(child) = child.map(|child| child.id).filter(|_| quick.reported) {
                self.delete_child(child, EndReason::LostContact);
                self.core.rekey_again(quick.tunnel());
            } else {
                quick::abandon(&mut self.core, spis, &quick);
            }
        }
    }

    fn prove(&mut self, now: Time, id: u64) {
        let Self { core, phase1s, .. } = self;
        phase1s.change(id, |sa| {
            if sa.next_proof().is_some_and(|due| due <= now) {
                dpd::prove(core, now, sa);
            }
        });
    }

    fn probe(&mut self, now: Time, spis: &mut dyn SpiSource, id: u64) {
        let Self { core, phase1s, .. } = self;
        let probed = phase1s.change(id, |sa| (send_probe(core, now, sa), sa.peer));
        let Some((false, peer)) = probed else {
            return;
        };
        let text = "IKE lost contact with remote peer, deleting connection (keepalive type: DPD)";
        core.log(713_123, 3, peer, text);
        core.end_children_of(EndReason::LostContact, peer);
        self.end_all_up(now, spis, peer, EndReason::LostContact);
    }

    fn age(&mut self, now: Time, spis: &mut dyn SpiSource, id: u64) {
        let Some(sa) = self.phase1s.get(id) else {
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
        if sa.superseded_until.is_some_and(|end| end <= now) {
            return self.end_phase1(now, spis, id, EndReason::Rekeyed, true);
        }
        let Self { core, phase1s, .. } = self;
        let rekeyed = phase1s.change(id, |sa| {
            keep_mapping(core, now, sa);
            take_rekey(now, sa)
        });
        // One that is on its way may bring what is wanted.
        let is_coming = |sa: &Phase1| sa.initiator && !sa.is_up();
        let rekeyed = rekeyed.flatten().filter(|(_, remote)| {
            let mut sas = self.phase1s.of_peer(*remote.ip());
            !sas.any(is_coming)
        });
        if let Some((local, remote)) = rekeyed {
            let mut fresh = self.new_phase1(now, local, remote, true);
            main_mode::begin(&mut self.core, now, &mut fresh);
            self.phase1s.put(fresh);
        }
    }

    fn age_child(&mut self, now: Time, spis: &mut dyn SpiSource, id: u64) {
        let Some(child) = self.core.children.get(id) else {
            return;
        };
        if child.end() <= now {
            let reason = if child.is_current() {
                EndReason::MaxTimeExceeded
            } else {
                EndReason::Rekeyed
            };
            return self.delete_child(id, reason);
        }
        if child.rekey_due().is_none_or(|due| due > now) {
            return;
        }
        let wanted = self.core.children.change(id, |child| {
            child.rekeying = true;
            child.rekey_at = now.after_ms(REKEY_RETRY_MS);
            child.successor()
        });
        if let Some(wanted) = wanted {
            self.want(now, spis, wanted);
        }
    }
}

impl Phase1 {
    /// When it wants to act by itself next.
    pub(super) fn deadline(&self) -> Option<Time> {
        let quicks = self.quicks.iter();
        let retransmissions = quicks.filter_map(|quick| Some(quick.unanswered.as_ref()?.due));
        let own = [
            self.unanswered.as_ref().map(|unanswered| unanswered.due),
            self.expires,
            self.superseded_until,
            self.rekey_at.filter(|_| !self.is_superseded()),
            self.keepalive_at,
            self.next_probe(),
            self.next_proof(),
        ];
        own.into_iter().flatten().chain(retransmissions).min()
    }

    /// When the peer is probed next: after silence, then at the retry interval, and not while a
    /// quick mode has just begun.
    fn next_probe(&self) -> Option<Time> {
        let keepalive = self.keepalive?;
        if !self.is_up() || self.is_superseded() || !self.dpd.supported || !keepalive.enabled {
            return None;
        }
        let silent = self
            .dpd
            .last_heard
            .after_s(u64::from(keepalive.threshold_s));
        let asking = self.dpd.unanswered > 0 || self.dpd.urgent.is_some();
        let due = self.dpd.next_probe.filter(|_| asking).unwrap_or(silent);
        Some(self.quick_until().map_or(due, |until| due.max(until)))
    }

    /// When the peer is asked whether it has a pair.
    fn next_proof(&self) -> Option<Time> {
        let (due, _) = self.dpd.prove?;
        Some(self.quick_until().map_or(due, |until| due.max(until)))
    }
}

/// Takes out the quick modes of the peer whose third message does not come. That says nothing of
/// the SA: the peer has begun them by it.
fn take_unfinished(now: Time, sa: &mut Phase1) -> Vec<Quick> {
    let is_over = |quick: &mut Quick| {
        let unanswered = quick.unanswered.as_ref();
        !quick.is_ours() && unanswered.is_some_and(|it| it.due <= now && it.is_last())
    };
    sa.quicks.extract_if(.., is_over).collect()
}

/// Sends what is due once more; `false` when something was sent often enough and the SA ends.
fn send_again(core: &mut Core, now: Time, sa: &mut Phase1) -> bool {
    let (mut again, mut given_up) = (Vec::new(), false);
    let quicks = sa.quicks.iter_mut();
    let quicks = quicks.filter_map(|quick| quick.unanswered.as_mut());
    let all = sa.unanswered.iter_mut().chain(quicks);
    for unanswered in all.filter(|unanswered| unanswered.due <= now) {
        match unanswered.again(now) {
            Some(message) => again.push(message),
            // A peer that answers no quick mode has forgotten this SA.
            None => given_up = true,
        }
    }
    for message in again {
        core.push(sa.send(message));
    }
    !given_up
}

/// Sends the probe that is due, if one is; `false` when the peer has left too many unanswered.
fn send_probe(core: &mut Core, now: Time, sa: &mut Phase1) -> bool {
    if sa.next_probe().is_none_or(|due| due > now) {
        return true;
    }
    if sa.dpd.urgent.is_some() {
        return dpd::send_urgent(core, now, sa);
    }
    if sa.dpd.unanswered >= DPD_PROBES_MAX {
        return false;
    }
    let retry_s = sa.keepalive.map_or(2, |keepalive| keepalive.retry_s);
    dpd::send_probe(core, now, sa);
    sa.dpd.next_probe = Some(now.after_s(u64::from(retry_s)));
    true
}

/// Sends the keepalive for a NAT, if it is due.
fn keep_mapping(core: &mut Core, now: Time, sa: &mut Phase1) {
    if sa.keepalive_at.is_none_or(|due| due > now) {
        return;
    }
    let every_s = core.config().nat_traversal_s.unwrap_or(20);
    sa.keepalive_at = Some(now.after_s(u64::from(every_s)));
    core.push(Action::Send {
        local: sa.local,
        remote: sa.remote,
        message: vec![0xff],
        keepalive: true,
    });
}

/// Between which addresses the SA that replaces this one is to be negotiated, once that is due:
/// again and again, until there is one.
fn take_rekey(now: Time, sa: &mut Phase1) -> Option<(SocketAddrV4, SocketAddrV4)> {
    if sa.is_superseded() || sa.rekey_at.is_none_or(|due| due > now) {
        return None;
    }
    sa.rekey_at = Some(now.after_s(PHASE1_REKEY_RETRY_S));
    let at_port = |address: SocketAddrV4| SocketAddrV4::new(*address.ip(), IKE_PORT);
    Some((at_port(sa.local), at_port(sa.remote)))
}
