//! From a configuration to the snapshot that workers read and to what IKE needs.
//!
//! Two pure steps around the tunnel owner: [`Compiler::plan`] says which tunnels the configuration
//! asks for, the owner gives each a slot, and [`Compiler::policy`] compiles the snapshot with those
//! slots. Both are jobs of another thread ([`PlanJob`], [`CompileJob`]); the owner is only told
//! what differs from the last plan. Between applies the compiler keeps what need not be made again:
//! compiled access lists, and the identities of tunnels, so that an unrelated edit disturbs no live
//! tunnel.
//!
//! What is incomplete is left out with a [`Note`], as on the ASA.

mod access;
mod crypto;
mod identities;
mod ike;
mod interfaces;
mod jobs;
mod nat;
mod routes;
mod tunnels;

use std::collections::HashSet;
use std::sync::Arc;

use config::Config;
use fastpath::policy::{Policy, PortTable, Timeouts};
use fastpath::tunnel::SlotId;

use crate::ike::IkeConfig;
use crate::tunnel::Reconciliation;

pub use crate::tunnel::TunnelBinding;
pub use jobs::{CompileJob, Compiled, PlanJob, Planned};

/// What a note means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoteKind {
    /// The item has no effect until it is complete.
    Inactive,
    /// The item has an effect that may not be what was meant.
    Warning,
}

/// Something that the operator should know about an accepted configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Note {
    /// What it means.
    pub kind: NoteKind,
    /// The item, as its command begins.
    pub item: String,
    /// What is the matter.
    pub text: String,
}

/// Notes while they are gathered.
#[derive(Debug, Default)]
struct Notes(Vec<Note>);

impl Notes {
    fn inactive(&mut self, item: impl Into<String>, text: impl Into<String>) {
        self.push(NoteKind::Inactive, item.into(), text.into());
    }

    fn warn(&mut self, item: impl Into<String>, text: impl Into<String>) {
        self.push(NoteKind::Warning, item.into(), text.into());
    }

    fn push(&mut self, kind: NoteKind, item: String, text: String) {
        self.0.push(Note { kind, item, text });
    }
}

/// What a configuration asks of IKE and of the tunnel owner.
#[derive(Debug)]
pub struct Plan {
    /// For the IKE engine.
    pub ike: IkeConfig,
    /// For the tunnel owner: what the last plan did not ask of it.
    pub tunnels: Reconciliation,
    /// What was left out.
    pub notes: Vec<Note>,
}

/// What the configuration does not know by itself.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    /// EAL port of each interface that has a device, by hardware name (`Ethernet0/0`).
    pub ports: Vec<(String, u16)>,
    /// Slots that tunnels were given since the last compilation; a tunnel without one carries
    /// nothing, and nothing of it leaves in clear.
    pub slots: Vec<TunnelBinding>,
}

/// A compiled snapshot.
#[derive(Debug)]
pub struct Applied {
    /// For the workers.
    pub policy: Policy,
    /// What was left out.
    pub notes: Vec<Note>,
}

/// Compiles configurations, one after the other.
#[derive(Debug, Default)]
pub struct Compiler {
    acls: access::AclCache,
    identities: identities::TunnelRegistry,
    tunnels: tunnels::KnownTunnels,
    /// Packets that can overtake one of the same SA, with every worker sealing.
    reordering_packets: u32,
    /// What was left out of the last configuration.
    notes: HashSet<Note>,
}

impl Compiler {
    /// A compiler for a box whose workers, when all of them seal with an SA, let so many packets
    /// overtake another one.
    pub fn new(reordering_packets: u32) -> Self {
        Self {
            reordering_packets,
            ..Self::default()
        }
    }

    /// Says which tunnels the configuration asks for, and forgets those that it no longer does: an
    /// entry that goes and comes back is another tunnel.
    pub fn plan(&mut self, config: &Config) -> Plan {
        let mut notes = Notes::default();
        let entries = crypto::active_entries(config, &mut notes);
        let (ike, specs) = ike::plan(
            config,
            &entries,
            &mut self.identities,
            self.reordering_packets,
            &mut notes,
        );
        Plan {
            ike,
            tunnels: self.tunnels.update(specs),
            notes: notes.0,
        }
    }

    /// Compiles the snapshot; its generation is given to it when it is published. The configuration
    /// has been planned before: a tunnel that is not in
    /// the last plan has no identity, hence no slot.
    pub fn policy(&mut self, config: &Config, bindings: &Bindings) -> Applied {
        let mut notes = Notes::default();
        self.tunnels.bind(&bindings.slots);
        let mut interfaces = interfaces::compile(config, &bindings.ports, &mut notes);
        let access_groups =
            access::bind_groups(config, &mut interfaces, &mut self.acls, &mut notes);
        let routes = routes::compile(config, &interfaces, &mut notes);
        let nat = nat::compile(config, &interfaces, &mut self.acls, &mut notes);
        let crypto = crypto::compile(config, &mut interfaces, &mut self.acls, |key| {
            let id = self.identities.find(key);
            id.map_or(SlotId::NONE, |id| self.tunnels.slot(id))
        });
        self.acls.forget_unused(config);
        let policy = Policy {
            generation: 0,
            ports: PortTable::new(&interfaces),
            interfaces: interfaces.into(),
            routes: Arc::new(routes),
            nat: Arc::new(nat),
            crypto: crypto.into(),
            access_groups: access_groups.into(),
            timeouts: Timeouts {
                conn_s: config.timeouts.conn_s,
                half_closed_s: config.timeouts.half_closed_s,
                udp_s: config.timeouts.udp_s,
                icmp_s: config.timeouts.icmp_s,
                xlate_s: config.timeouts.xlate_s,
            },
            tcpmss: config.sysopt.tcpmss,
            tcpmss_minimum: config.sysopt.tcpmss_minimum,
            timewait: config.sysopt.timewait,
            permit_vpn: config.sysopt.permit_vpn,
            reclassify_vpn: config.sysopt.reclassify_vpn,
            preserve_vpn_flows: config.sysopt.preserve_vpn_flows,
            preserve_immediate: config.sysopt.preserve_immediate,
            reset_inbound: config.service.reset_inbound,
            reset_outside: config.service.reset_outside,
        };
        Applied {
            policy,
            notes: notes.0,
        }
    }
}

#[cfg(test)]
mod tests;
