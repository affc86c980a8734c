//! A fastpath with one worker on two ports that loop, and frames for it.

use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use config::{AccessEntry, AclLine, MaskedNet, PortMatch};
use fastpath::control::{Fastpath, Settings};
use fastpath::counters::Snapshot;
use fastpath::dpdk::Eal;
use fastpath::packet::protocol;
use fastpath::policy::{
    AccessGroup, Acl, InterfacePolicy, Policy, PortTable, PortsOf, Route, RouteTable,
};
use fastpath::verdict::DropReason;
use fastpath::wire::ethernet::ethertype;
use fastpath::wire::{Ethernet, Ipv4, Mac, checksum};
use fastpath::worker::Idle;
use fastpath::worker::event::Event;

/// Interfaces, and ports of the same numbers.
pub(crate) const OUTSIDE: u8 = 0;
pub(crate) const INSIDE: u8 = 1;
/// Addresses of the box.
pub(crate) const OUTSIDE_ADDRESS: &str = "192.0.2.1";
pub(crate) const INSIDE_ADDRESS: &str = "10.0.0.1";
/// A host on each side.
pub(crate) const SERVER: &str = "192.0.2.80";
pub(crate) const CLIENT: &str = "10.0.0.10";
/// A station that is not the box: what is sent to it loops back and is counted as somebody else's.
pub(crate) const STRANGER: [u8; 6] = [2, 0, 0, 0, 0, 0x99];
/// Rounds of a millisecond that a test waits for what must come.
const PATIENCE: u32 = 20_000;

/// The running fastpath and what it has told.
pub(crate) struct Line {
    pub(crate) fastpath: Fastpath,
    pub(crate) events: Vec<Event>,
    generation: u16,
}

static LINE: LazyLock<Mutex<Line>> = LazyLock::new(|| Mutex::new(Line::start()));

/// The line, for one test at a time; without flows and records of the one before.
pub(crate) fn take() -> MutexGuard<'static, Line> {
    let mut line = LINE.lock().unwrap_or_else(PoisonError::into_inner);
    line.wait_for(|_| true);
    line.events.clear();
    line
}

pub(crate) fn ip(text: &str) -> u32 {
    text.parse::<Ipv4Addr>().expect("an address").to_bits()
}

/// A deterministic stand-in for the operating system's generator.
fn seed(bytes: &mut [u8]) {
    for (byte, value) in bytes.iter_mut().zip(23u8..) {
        *byte = value;
    }
}

fn arguments() -> Vec<String> {
    let words = "line --no-huge --no-pci --no-shconf -m 256 --no-telemetry --lcores 0@0,1@1 \
                 --vdev net_ring0 --vdev net_ring1 --file-prefix";
    words
        .split_whitespace()
        .map(str::to_owned)
        .chain([format!("hf_line_{}", std::process::id())])
        .collect()
}

/// Interfaces as the tests' policies begin with them.
pub(crate) fn interfaces() -> [InterfacePolicy; 2] {
    let interface = |port, nameif: &str, security_level, address| InterfacePolicy {
        port: Some(port),
        nameif: nameif.to_owned(),
        security_level,
        address: ip(address),
        mask: ip("255.255.255.0"),
        mtu: 1500,
        up: true,
        ..InterfacePolicy::default()
    };
    [
        interface(u16::from(OUTSIDE), "outside", 0, OUTSIDE_ADDRESS),
        interface(u16::from(INSIDE), "inside", 100, INSIDE_ADDRESS),
    ]
}

/// A policy with these interfaces and their connected nets.
pub(crate) fn policy(interfaces: &[InterfacePolicy; 2]) -> Policy {
    let connected = |interface: u8, address: &str| Route {
        net: ip(address),
        mask: ip("255.255.255.0"),
        interface,
        gateway: None,
        metric: 0,
    };
    let routes = [
        connected(OUTSIDE, "192.0.2.0"),
        connected(INSIDE, "10.0.0.0"),
    ];
    Policy {
        ports: PortTable::new(interfaces),
        interfaces: interfaces.to_vec().into(),
        routes: Arc::new(RouteTable::new(&routes)),
        ..Policy::default()
    }
}

/// An access group of one entry for everything.
pub(crate) fn everything(permit: bool) -> AccessGroup {
    let line = AclLine::Extended(AccessEntry {
        permit,
        protocol: None,
        source: MaskedNet::ANY,
        source_ports: PortMatch::Any,
        destination: MaskedNet::ANY,
        destination_ports: PortMatch::Any,
        icmp_type: None,
        log: None,
        inactive: false,
    });
    AccessGroup {
        index: 0,
        acl: Arc::new(Acl::compile(&[line], PortsOf::Packet)),
    }
}

impl Line {
    fn start() -> Self {
        let eal = Eal::start(&arguments()).expect("the EAL starts without hugepages and NICs");
        let settings = Settings {
            idle: Idle::Sleep,
            conns_per_worker: 4096,
            buffers: 4095,
            large_buffers: 63,
            mtu: 1500,
            sample_bursts: 1,
            seed,
        };
        let mut fastpath = Fastpath::start(eal, &settings, &[0, 1]).expect("two ports that loop");
        for (interface, host) in [(OUTSIDE, SERVER), (INSIDE, CLIENT)] {
            let hops = fastpath.neighbours();
            hops.intern(interface, ip(host)).expect("there is room");
            assert!(hops.learn(interface, ip(host), STRANGER));
        }
        Self {
            fastpath,
            events: Vec::new(),
            generation: 0,
        }
    }

    /// Brings a policy into force: when this returns, the worker judges by it.
    pub(crate) fn publish(&mut self, policy: Policy) {
        self.generation += 1;
        let policy = Policy {
            generation: self.generation,
            ..policy
        };
        assert!(self.fastpath.publish_policy(policy));
        // Two turns later every burst is judged by what was published before the first.
        let turns = self.counters().loops;
        self.wait_for(|line| line.counters().loops >= turns + 2);
    }

    /// Sends a frame into a port.
    pub(crate) fn send(&mut self, port: u8, packet: &[u8]) {
        let port = u16::from(port);
        let mac = Mac(self.fastpath.shared().port_mac(port));
        let header = Ethernet::emit(mac, Mac(STRANGER), ethertype::IPV4);
        let frame = [&header.0[..], packet].concat();
        assert!(self.fastpath.inject_frame(port, &frame));
    }

    /// The worker's counters.
    pub(crate) fn counters(&self) -> Snapshot {
        self.fastpath.counters().swap_remove(0)
    }

    /// Waits until something holds; records are gathered meanwhile.
    pub(crate) fn wait_for(&mut self, holds: impl Fn(&Self) -> bool) {
        for _ in 0..PATIENCE {
            let events = &mut self.events;
            self.fastpath
                .events(usize::MAX, |_, event| events.push(event));
            self.fastpath.reclaim();
            if holds(self) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("never came; records {:?}", self.events);
    }

    /// Sends a packet and waits until it has left the line, by a wire or under `reason`.
    pub(crate) fn send_and_see(&mut self, port: u8, packet: &[u8], reason: Option<DropReason>) {
        let before = self.counters();
        self.send(port, packet);
        self.wait_for(|line| {
            let now = line.counters();
            match reason {
                Some(reason) => now.drops_of(reason) > before.drops_of(reason),
                // The frame itself, and what the line made of it; both loop.
                None => now.sent >= before.sent + 2,
            }
        });
    }
}

/// A TCP segment in IPv4.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) from: (&'static str, u16),
    pub(crate) to: (&'static str, u16),
    pub(crate) flags: u8,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
}

impl Segment {
    pub(crate) fn packet(self) -> Vec<u8> {
        let mut tcp = vec![0; 20];
        tcp[..2].copy_from_slice(&self.from.1.to_be_bytes());
        tcp[2..4].copy_from_slice(&self.to.1.to_be_bytes());
        tcp[4..8].copy_from_slice(&self.seq.to_be_bytes());
        tcp[8..12].copy_from_slice(&self.ack.to_be_bytes());
        tcp[12..16].copy_from_slice(&[0x50, self.flags, 0x20, 0]);
        let (src, dst) = (ip(self.from.0), ip(self.to.0));
        let sum = checksum::of_segment(src, dst, protocol::TCP, &tcp);
        tcp[16..18].copy_from_slice(&sum.to_be_bytes());
        let header = Ipv4::emit(src, dst, protocol::TCP, tcp.len());
        [&header.as_bytes()[..], &tcp].concat()
    }
}
