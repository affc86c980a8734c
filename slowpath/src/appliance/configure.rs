//! From a configuration to what IKE, tunnels and workers have.

use config::Config;
use fastpath::dpdk::port_by_device;

use super::Appliance;
use crate::apply::{Bindings, Plan, TunnelBinding};
use crate::local_net::LocalNet;
use crate::syslog::format::NameTable;
use crate::time::Time;
use crate::tunnel::{SpiPool, TunnelSpec, VpnOptions};

impl Appliance {
    /// Replaces the configuration: tunnels first, so that the new policy finds their slots.
    pub(super) fn put_in_force(&mut self, config: Config, now: Time) {
        self.config = config;
        self.logger.configure(&self.config.logging);
        let plan = self.compiler.plan(&self.config);
        let specs = specs(&self.config, &plan);
        self.tunnels.reconcile(&specs, now, &mut self.fastpath);
        let options = VpnOptions::new(&self.config.sysopt, self.config.ipsec.replay_window);
        self.tunnels.set_options(options, &mut self.fastpath);
        self.engine.configure(now, &mut SpiPool(&mut self.fastpath), plan.ike);
        self.publish(now);
    }

    /// Compiles the policy and gives it to the workers.
    pub(super) fn publish(&mut self, now: Time) {
        let bindings = self.bindings();
        self.generation = self.generation.wrapping_add(1);
        let applied = self.compiler.policy(&self.config, &bindings, self.generation);
        let policy = applied.policy;
        let shared = self.fastpath.shared();
        self.net =
            LocalNet::new(&policy, &self.config.sysopt.noproxyarp, |port| shared.port_mac(port));
        self.names = NameTable {
            interfaces: policy.interfaces.iter().map(|it| it.nameif.clone()).collect(),
            access_groups: policy.access_groups.to_vec(),
            selectors: self.names.selectors.clone(),
        };
        self.routes = policy.routes.clone();
        // Too many old policies wait for a worker that sleeps: the next second tries again.
        self.policy_pending = !self.fastpath.publish_policy(policy);
        if !self.policy_pending {
            self.tunnels.policy_published();
        }
        self.bind_peers(now);
    }

    fn bindings(&self) -> Bindings {
        let ports = self.config.interfaces.iter().filter_map(|interface| {
            let port = match &interface.device {
                Some(device) => port_by_device(device),
                None => interface.port(),
            }?;
            let started = self.fastpath.ports().iter().any(|info| info.port == port);
            started.then(|| (interface.hardware.clone(), port))
        });
        let slots = self.tunnels.iter().map(|(tunnel, slot, _)| TunnelBinding { tunnel, slot });
        Bindings { ports: ports.collect(), slots: slots.collect() }
    }
}

/// The tunnels of a plan as their owner wants them.
fn specs(config: &Config, plan: &Plan) -> Vec<TunnelSpec> {
    plan.ike
        .tunnels
        .iter()
        .zip(&plan.tunnels)
        .map(|(tunnel, planned)| TunnelSpec {
            id: tunnel.id,
            map_name: tunnel.map_name.clone(),
            sequence: planned.sequence,
            selectors: tunnel.selectors,
            access_list_line: None,
            nameif: tunnel.nameif.clone(),
            local: tunnel.local,
            peers: tunnel.peers.clone(),
            proposals: tunnel.proposals.clone(),
            path_mtu: mtu_of(config, &tunnel.nameif),
        })
        .collect()
}

fn mtu_of(config: &Config, nameif: &str) -> u16 {
    let configured = config.mtus.iter().find(|(name, _)| name == nameif);
    configured.map_or(MTU_DEFAULT, |(_, mtu)| *mtu)
}

const MTU_DEFAULT: u16 = 1_500;

