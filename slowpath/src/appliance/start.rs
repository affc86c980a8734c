//! The box at its start.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use config::Config;
use fastpath::control::Fastpath;
use fastpath::policy::Policy;

use super::edits::Edits;
use super::events::FlowDrops;
use super::listing::Listings;
use super::next_hops::Recycling;
use super::output::Outputs;
use super::publish::{Publishing, StatsEnds};
use super::reload::Writes;
use super::snmp::Snmp;
use super::{Appliance, Offload};
use crate::apply::Compiler;
use crate::control_socket::ControlSocket;
use crate::ike::{Engine, Entropy, IkeConfig};
use crate::local_net::LocalNet;
use crate::neighbour::Resolver;
use crate::snmp::Trap;
use crate::syslog::format::{NameTable, startup};
use crate::syslog::{AccessLog, Logger};
use crate::time::Time;
use crate::tunnel::TunnelOwner;

/// What is known of the machine.
#[derive(Clone, Debug)]
pub struct BoxFacts {
    /// EAL port of each interface that has a device, by hardware name.
    pub ports: Vec<(String, u16)>,
    /// The CPU's own name.
    pub cpu: String,
    /// For which CPUs the program was built.
    pub build: &'static str,
    /// When the workers' clocks began.
    pub workers_started: Time,
}

impl BoxFacts {
    /// The EAL port of an interface.
    pub(super) fn port(&self, hardware: &str) -> Option<u16> {
        self.ports
            .iter()
            .find(|(name, _)| name == hardware)
            .map(|(_, port)| *port)
    }
}

/// The operating system's generator.
struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        // Without random numbers there is no key and no box.
        getrandom::fill(bytes).expect("the system has random numbers");
    }
}

/// The EAL port of each interface: by its `device` line, else by its number. No port is given
/// twice; an interface without one is left out.
pub fn map_ports(config: &Config, available: &[(u16, String)]) -> Vec<(String, u16)> {
    let by_device = |device: &str| {
        available
            .iter()
            .find(|(_, name)| name == device)
            .map(|(port, _)| *port)
    };
    let by_number = |port: u16| {
        available
            .iter()
            .any(|(there, _)| *there == port)
            .then_some(port)
    };
    let named = config.interfaces.iter().filter(|it| it.device.is_some());
    let numbered = config.interfaces.iter().filter(|it| it.device.is_none());
    let mut ports: Vec<(String, u16)> = Vec::new();
    for interface in named.chain(numbered) {
        let port = match &interface.device {
            Some(device) => by_device(device),
            None => interface.port().and_then(by_number),
        };
        let free = port.filter(|port| ports.iter().all(|(_, taken)| taken != port));
        ports.extend(free.map(|port| (interface.hardware.clone(), port)));
    }
    ports
}

impl Appliance {
    /// The box with its first configuration in force. What of it is left out goes to the log.
    pub fn start(
        fastpath: Fastpath,
        socket: ControlSocket,
        logger: Logger,
        (offload, stats): (Offload, StatsEnds),
        (config, config_path): (Config, PathBuf),
        facts: BoxFacts,
        (now, wall_ms): (Time, u64),
    ) -> Self {
        let compiler = Compiler::new(fastpath.reordering_packets());
        let engine = Engine::new(IkeConfig::default(), Box::new(SystemEntropy));
        let mut this = Self {
            fastpath,
            engine,
            tunnels: TunnelOwner::default(),
            arp: Resolver::default(),
            socket,
            logger,
            access_log: AccessLog::default(),
            snmp: Snmp::default(),
            offload,
            compiler,
            config: Arc::new(config),
            config_path,
            policy: Policy::default(),
            net: LocalNet::default(),
            names: NameTable::default(),
            noted: 0,
            notes: VecDeque::new(),
            edits: Edits::default(),
            writes: Writes::default(),
            modes: HashMap::new(),
            outputs: Outputs::default(),
            listings: Listings::default(),
            publishing: Publishing::new(stats, now),
            flow_drops: FlowDrops::default(),
            cleared: None,
            facts,
            next_second: now,
            bind_from: None,
            identification: 0,
            recycling: Recycling::default(),
            wall_ms,
        };
        this.apply_first(now);
        this.snmp.raise(Trap::ColdStart, now);
        this.log(&startup(), now);
        this
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_go_by_device_line_then_by_number_and_never_twice() {
        let (config, _) = config::parse(
            "interface Ethernet0/0\n device net_b\ninterface Ethernet0/1\ninterface Ethernet0/2\n\
             interface Ethernet0/3\n device net_x\ninterface Management0/0\n",
        );
        let available = [
            (0, "net_a".to_owned()),
            (1, "net_b".to_owned()),
            (2, "net_c".to_owned()),
        ];
        assert_eq!(
            map_ports(&config, &available),
            [("Ethernet0/0".to_owned(), 1), ("Ethernet0/2".to_owned(), 2)]
        );
    }
}
