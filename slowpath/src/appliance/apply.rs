//! Edits of the configuration are brought into force.

use std::sync::Arc;

use super::Appliance;
use super::edits::Stage;
use super::jobs::Job;
use crate::apply::{Compiled, Note, NoteKind, PlanJob, Planned};
use crate::ike::TunnelId;
use crate::limits::NOTES_PER_TURN;
use crate::local_net::LocalNet;
use crate::syslog::format::NameTable;
use crate::syslog::{AccessLog, Message};
use crate::time::Time;
use crate::tunnel::{SpiPool, VpnOptions};

/// 199016: what an operator should know about an edit that was accepted.
fn note_message(note: &Note) -> Message {
    let fate = match note.kind {
        NoteKind::Inactive => "is inactive",
        NoteKind::Warning => "has an effect that may not be meant",
    };
    Message::new(
        199_016,
        4,
        format!("\"{}\" {fate}: {}", note.item, note.text),
    )
}

impl Appliance {
    /// The configuration has changed; it is brought into force when no further edit follows soon.
    pub(super) fn mark_edited(&mut self, now: Time) {
        self.edits.note(now);
    }

    /// The next step of edits that have waited long enough; whether there was anything to do.
    pub(super) fn apply_edits(&mut self, now: Time) -> bool {
        if self.edits.is_due(now) && self.offload.has_room() {
            let job = self.plan_job();
            return self.offload.give(Job::Plan(Box::new(job)));
        }
        let Stage::Reconciling(planned) = &mut self.edits.stage else {
            return false;
        };
        let done = self
            .tunnels
            .reconcile(planned.tunnels(), now, &mut self.fastpath);
        if done
            && self.offload.has_room()
            && let Stage::Reconciling(planned) =
                std::mem::replace(&mut self.edits.stage, Stage::Compiling)
        {
            let job = planned.compile(self.facts.ports.clone());
            self.offload.give(Job::Compile(Box::new(job)));
        }
        true
    }

    fn plan_job(&mut self) -> PlanJob {
        self.edits.begin();
        let compiler = std::mem::take(&mut self.compiler);
        PlanJob::new(compiler, Arc::clone(&self.config))
    }

    /// The first configuration, before the loop runs.
    pub(super) fn apply_first(&mut self, now: Time) {
        self.mark_edited(now);
        let mut planned = self.plan_job().run();
        self.set_options(&planned);
        while !self
            .tunnels
            .reconcile(planned.tunnels(), now, &mut self.fastpath)
        {}
        let job = planned.compile(self.facts.ports.clone());
        self.compiled(job.run(), now);
    }

    /// A plan is there: from now on the tunnels become as it says.
    pub(super) fn planned(&mut self, planned: Box<Planned>) {
        self.set_options(&planned);
        self.edits.stage = Stage::Reconciling(planned);
    }

    fn set_options(&mut self, planned: &Planned) {
        let config = planned.config();
        let options = VpnOptions::new(
            &config.sysopt,
            &config.vpn_resume,
            config.ipsec.replay_window,
        );
        self.tunnels.set_options(options, &mut self.fastpath);
    }

    /// A compilation is done: it comes into force, and the commands that waited
    /// for it are carried out. What is left out and was not before goes to the log.
    pub(super) fn compiled(&mut self, compiled: Compiled, now: Time) {
        self.compiler = compiled.compiler;
        self.edits.stage = Stage::Idle;
        self.noted = compiled.noted;
        self.notes.extend(compiled.fresh);
        if !self.publish(compiled.policy, now) {
            // Workers are behind: the same edits are tried again.
            self.edits.again(now);
            self.offload.discard(compiled.ike);
            return;
        }
        self.edits.come_into_force();
        self.tunnels.policy_published();
        let spis = &mut SpiPool(&mut self.fastpath);
        let old = self.engine.configure(now, spis, compiled.ike);
        self.offload.discard(old);
        self.enforce(now);
        self.bind_from = Some(TunnelId(0));
        self.bind_peers(now);
        self.run_ike(now);
        self.log_notes(now);
        self.serve_deferred(now);
    }

    /// Carries out the commands that wait no longer.
    pub(super) fn serve_deferred(&mut self, now: Time) {
        while let Some(request) = self.edits.next_deferred() {
            self.serve(&request, true, now);
        }
    }

    /// Tells the next notes on edits.
    pub(super) fn log_notes(&mut self, now: Time) {
        for _ in 0..NOTES_PER_TURN {
            let Some(note) = self.notes.pop_front() else {
                return;
            };
            self.log(&note_message(&note), now);
        }
    }

    /// What follows from the policy that has just been published.
    fn enforce(&mut self, now: Time) {
        let policy = &self.policy;
        let shared = self.fastpath.shared();
        let mac = |port| shared.port_mac(port);
        let net = LocalNet::new(policy, &self.config.sysopt.noproxyarp, mac);
        if self.names.access_groups[..] != policy.access_groups[..] {
            // The numbers of groups mean others: every flow is a new one.
            self.access_log = AccessLog::default();
        }
        let interfaces = policy.interfaces.iter();
        self.names = NameTable {
            interfaces: interfaces.map(|it| it.nameif.clone()).collect(),
            access_groups: policy.access_groups.to_vec(),
            // They come and go with their SAs.
            selectors: std::mem::take(&mut self.names.selectors),
        };
        self.logger.configure(&self.config);
        if let Some(message) = self.snmp.configure(&self.config) {
            self.log(&message, now);
        }
        let hops = self.fastpath.neighbours();
        let effects = self.arp.rewired(&self.net, &net, hops);
        self.net = net;
        self.arp_effects(effects, now);
    }
}
