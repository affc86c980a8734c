//! Edits of the configuration, gathered and brought into force.

use std::collections::HashMap;

use config::{Audience, Config, Defaults};
use fastpath::policy::Policy;

use super::{Appliance, EDIT_QUIET_MS, EDIT_WAIT_MAX_MS};
use crate::apply::{Bindings, Note, NoteKind, PlannedTunnel, TunnelBinding};
use crate::ike::{IkeConfig, TunnelConfig, TunnelId};
use crate::local_net::LocalNet;
use crate::syslog::Message;
use crate::syslog::format::NameTable;
use crate::time::Time;
use crate::tunnel::{SpiPool, TunnelSpec, VpnOptions};

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
        let first = self.edited.map_or(now, |(first, _)| first);
        self.edited = Some((first, now));
    }

    /// Brings edits into force that have waited long enough.
    pub(super) fn apply_edits(&mut self, now: Time) {
        let Some((first, last)) = self.edited else {
            return;
        };
        if now.since_ms(last) >= EDIT_QUIET_MS || now.since_ms(first) >= EDIT_WAIT_MAX_MS {
            self.apply_and_note(now);
        }
    }

    /// As [`Appliance::apply_now`]; what is left out goes to the log.
    pub(super) fn apply_and_note(&mut self, now: Time) {
        for note in self.apply_now(now) {
            self.log(&note_message(&note), now);
        }
    }

    /// Brings the configuration into force; what is left out and was not before.
    pub(super) fn apply_now(&mut self, now: Time) -> Vec<Note> {
        let plan = self.compiler.plan(&self.config);
        let options = VpnOptions::new(&self.config.sysopt, self.config.ipsec.replay_window);
        self.tunnels.set_options(options, &mut self.fastpath);
        let specs = specs(&self.config, &plan.ike, &plan.tunnels);
        self.tunnels.reconcile(&specs, now, &mut self.fastpath);
        let bindings = Bindings {
            ports: self.facts.ports.clone(),
            slots: self
                .tunnels
                .iter()
                .map(|(tunnel, slot, _)| TunnelBinding { tunnel, slot })
                .collect(),
        };
        let generation = self.policy.generation.wrapping_add(1);
        let applied = self.compiler.policy(&self.config, &bindings, generation);
        if !self.fastpath.publish_policy(applied.policy.clone()) {
            // Workers are behind: the same edit is tried again.
            self.edited = Some((now, now));
            return Vec::new();
        }
        self.edited = None;
        self.tunnels.policy_published();
        self.engine
            .configure(now, &mut SpiPool(&mut self.fastpath), plan.ike);
        self.enforce(applied.policy);
        self.bind_from = Some(TunnelId(0));
        self.bind_peers(now);
        self.run_ike(now);
        let notes: Vec<Note> = plan.notes.into_iter().chain(applied.notes).collect();
        let fresh = notes
            .iter()
            .filter(|note| !self.notes.contains(note))
            .cloned()
            .collect();
        self.notes = notes;
        fresh
    }

    fn enforce(&mut self, policy: Policy) {
        let shared = self.fastpath.shared();
        let mac = |port| shared.port_mac(port);
        self.net = LocalNet::new(&policy, &self.config.sysopt.noproxyarp, mac);
        self.names = NameTable {
            interfaces: policy
                .interfaces
                .iter()
                .map(|it| it.nameif.clone())
                .collect(),
            access_groups: policy.access_groups.to_vec(),
            selectors: self.tunnels.selectors().collect(),
        };
        self.logger.configure(&self.config.logging);
        self.policy = policy;
    }
}

/// MTU of an interface that does not name one.
const MTU_DEFAULT: u16 = 1500;

fn specs(config: &Config, ike: &IkeConfig, planned: &[PlannedTunnel]) -> Vec<TunnelSpec> {
    let mut lists: HashMap<&str, Vec<String>> = HashMap::new();
    let pairs = ike.tunnels.iter().zip(planned);
    pairs
        .map(|(tunnel, planned)| {
            let name = planned.access_list.as_str();
            let lines = lists
                .entry(name)
                .or_insert_with(|| list_lines(config, name));
            let line = lines.get(usize::from(planned.line)).cloned();
            tunnel_spec(tunnel, planned.sequence, line, mtu(config, &tunnel.nameif))
        })
        .collect()
}

/// An access list as `show running-config` prints it, a text line per line.
fn list_lines(config: &Config, name: &str) -> Vec<String> {
    let section = format!("access-list {name}");
    let text = config::render(config, Audience::Shown, Defaults::Hidden, Some(&section));
    text.lines().map(str::to_owned).collect()
}

fn mtu(config: &Config, nameif: &str) -> u16 {
    let mtu = config.mtus.iter().find(|(name, _)| name == nameif);
    mtu.map_or(MTU_DEFAULT, |(_, mtu)| *mtu)
}

fn tunnel_spec(
    tunnel: &TunnelConfig,
    sequence: u16,
    access_list_line: Option<String>,
    path_mtu: u16,
) -> TunnelSpec {
    TunnelSpec {
        id: tunnel.id,
        map_name: tunnel.map_name.clone(),
        sequence,
        selectors: tunnel.selectors,
        access_list_line,
        nameif: tunnel.nameif.clone(),
        local: tunnel.local,
        peers: tunnel.peers.clone(),
        proposals: tunnel.proposals.clone(),
        path_mtu,
    }
}
