//! IKE of the slowpath: what a negotiation costs each end, with and without the public-key work
//! that a box gives to other threads. Two engines in one thread; messages are handed over at once.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

use config::{Encryption, Hash, IsakmpIdentity, IsakmpPolicy, Keepalive, MaskedNet, Secret};
use fastpath::cpu;
use slowpath::ike::{
    Action, ClearScope, Datagram, Engine, Entropy, EspSuite, IkeConfig, PeerConfig, Selectors,
    SpiSource, TunnelConfig, TunnelId,
};
use slowpath::time::Time;

use super::gateway::budget;
use crate::measure::{Sample, Subject, measure};
use crate::options::Run;
use crate::report::Figure;

/// MODP groups of the negotiations.
const GROUPS: [u8; 3] = [2, 5, 14];
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(198, 51, 100, 1)];
const NETS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 1, 0, 0), Ipv4Addr::new(10, 2, 0, 0)];
const TUNNEL: TunnelId = TunnelId(1);
/// Between two rekeys: whatever one has left to be done is done.
const BETWEEN_MS: u64 = 30_000;
/// Calls of an end's timers in a row; more would be a loop.
const TIMER_CALLS_MAX: usize = 256;

pub(super) fn run(run: &Run) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for group in GROUPS {
        for end in [End::Initiator, End::Responder] {
            figures.extend(whole(run, group, end)?);
            for pfs in [None, Some(group)] {
                figures.push(rekey(run, group, pfs, end)?);
            }
        }
    }
    Ok(figures)
}

/// Main mode with a pre-shared key, then quick mode.
fn whole(run: &Run, group: u8, end: End) -> Result<[Figure; 3], String> {
    let mut pair = Pair::new(group, None);
    let mut figure = |what: &str, of: fn(Cost) -> u64| {
        let name = format!("ike {} {what}", end.name());
        measure(subject(&name, group), budget(run), || {
            pair.negotiate()?;
            let cost = pair.cost(end);
            pair.clear();
            Ok(sample(of(cost)))
        })
    };
    let all = figure("main + quick mode", Cost::whole)?;
    let protocol = figure("without public keys", |cost| cost.protocol)?;
    let name = format!("ike {} negotiations", end.name());
    let per_s = budget(run).tsc_hz as f64 / all.value;
    let per_s = Figure::single(&name, u64::from(group), per_s, "per second and core");
    Ok([all, protocol, per_s])
}

/// Quick mode under a phase-1 SA that is up.
fn rekey(run: &Run, group: u8, pfs: Option<u8>, end: End) -> Result<Figure, String> {
    let mut pair = Pair::new(group, pfs);
    pair.negotiate()?;
    let with = if pfs.is_some() { ", PFS" } else { "" };
    let name = format!("ike {} rekey{with}", end.name());
    measure(subject(&name, group), budget(run), || {
        pair.rekey()?;
        let cost = pair.cost(end);
        Ok(sample(cost.whole()))
    })
}

fn subject(name: &str, group: u8) -> Subject {
    Subject {
        name: name.to_owned(),
        size: u64::from(group),
        unit: "TSC cycles",
    }
}

const fn sample(cycles: u64) -> Sample {
    Sample { cycles, items: 1 }
}

/// Whose cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Initiator = 0,
    Responder = 1,
}

impl End {
    const fn name(self) -> &'static str {
        match self {
            Self::Initiator => "initiator",
            Self::Responder => "responder",
        }
    }
}

/// TSC cycles of an end.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    /// Messages, keys, tables.
    protocol: u64,
    /// Diffie-Hellman.
    public_key: u64,
}

impl Cost {
    const fn whole(self) -> u64 {
        self.protocol + self.public_key
    }
}

/// Both ends, of which the first one begins.
struct Pair {
    sides: [Side; 2],
    now: Time,
}

/// One end.
struct Side {
    engine: Engine,
    spis: Spis,
    cost: Cost,
    /// Inbound SPIs of pairs, the newest last.
    inbound_spis: Vec<u32>,
}

/// A message on its way.
struct Flight {
    to: usize,
    local: SocketAddrV4,
    remote: SocketAddrV4,
    message: Vec<u8>,
}

impl Pair {
    fn new(group: u8, pfs: Option<u8>) -> Self {
        let side = |at: usize| Side {
            engine: Engine::new(
                configuration(at, group, pfs),
                Box::new(Numbers(at as u64 + 1)),
            ),
            spis: Spis(0x1000),
            cost: Cost::default(),
            inbound_spis: Vec::new(),
        };
        Self {
            sides: [side(0), side(1)],
            now: Time(1000),
        }
    }

    fn cost(&self, end: End) -> Cost {
        self.sides[end as usize].cost
    }

    fn negotiate(&mut self) -> Result<(), String> {
        self.forget();
        self.drive(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
        self.expect_pairs()
    }

    fn rekey(&mut self) -> Result<(), String> {
        self.now = self.now.after_ms(BETWEEN_MS);
        self.timers();
        let newest = self.sides[0].inbound_spis.last().copied();
        let newest = newest.ok_or("there is no pair to be replaced")?;
        self.forget();
        self.drive(0, |engine, now, spis| engine.rekey(now, spis, newest));
        self.expect_pairs()
    }

    /// Both ends end everything, so that the next negotiation begins with nothing.
    fn clear(&mut self) {
        self.drive(0, |engine, now, spis| {
            engine.clear_isakmp(now, spis, ClearScope::All);
        });
        self.now = self.now.after_ms(BETWEEN_MS);
        self.timers();
    }

    fn forget(&mut self) {
        for side in &mut self.sides {
            side.cost = Cost::default();
            side.inbound_spis.clear();
        }
    }

    fn expect_pairs(&self) -> Result<(), String> {
        let up = self.sides.iter().all(|side| side.inbound_spis.len() == 1);
        up.then_some(())
            .ok_or_else(|| "the ends do not agree".to_owned())
    }

    fn timers(&mut self) {
        for at in 0..self.sides.len() {
            for _ in 0..TIMER_CALLS_MAX {
                let due = self.sides[at].engine.next_timeout();
                if due.is_none_or(|due| due > self.now) {
                    break;
                }
                self.drive(at, |engine, now, spis| engine.timeout(now, spis));
            }
        }
    }

    /// Makes a call at one end, and delivers messages until there is none.
    fn drive(&mut self, at: usize, begin: impl FnOnce(&mut Engine, Time, &mut Spis)) {
        let now = self.now;
        let mut flights = VecDeque::new();
        self.sides[at].step(at, now, &mut flights, begin);
        while let Some(flight) = flights.pop_front() {
            self.sides[flight.to].step(flight.to, now, &mut flights, |engine, now, spis| {
                let datagram = Datagram {
                    local: flight.local,
                    remote: flight.remote,
                    message: &flight.message,
                };
                engine.datagram(now, spis, datagram);
            });
        }
    }
}

impl Side {
    fn step(
        &mut self,
        at: usize,
        now: Time,
        flights: &mut VecDeque<Flight>,
        call: impl FnOnce(&mut Engine, Time, &mut Spis),
    ) {
        let start = cpu::tsc();
        let mut public_key = 0;
        call(&mut self.engine, now, &mut self.spis);
        while let Some(action) = self.engine.poll_action() {
            match action {
                Action::Send {
                    local,
                    remote,
                    message,
                    keepalive: false,
                } => flights.push_back(Flight {
                    to: 1 - at,
                    local: remote,
                    remote: local,
                    message,
                }),
                Action::Compute(job) => {
                    let start = cpu::tsc();
                    let result = job.run();
                    public_key += cpu::tsc() - start;
                    self.engine.computed(now, &mut self.spis, result);
                }
                Action::ChildUp(child) => self.inbound_spis.push(child.inbound_spi),
                _ => {}
            }
        }
        self.cost.protocol += cpu::tsc() - start - public_key;
        self.cost.public_key += public_key;
    }
}

/// SPIs in order.
struct Spis(u32);

impl SpiSource for Spis {
    fn reserve(&mut self, _: TunnelId) -> Option<u32> {
        self.0 = self.0.wrapping_add(1).max(0x1000);
        Some(self.0)
    }

    fn release(&mut self, _: u32) {}
}

/// Numbers that a seed determines: nothing here is secret.
struct Numbers(u64);

impl Entropy for Numbers {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            *byte = (self.0 >> 24) as u8;
        }
    }
}

/// One tunnel with AES-256 and SHA-256 in both phases.
fn configuration(at: usize, group: u8, pfs: Option<u8>) -> IkeConfig {
    let (own, peer) = (at, 1 - at);
    let net = |of: usize| MaskedNet::new(NETS[of], Ipv4Addr::new(255, 255, 0, 0));
    IkeConfig {
        policies: vec![IsakmpPolicy {
            priority: 1,
            encryption: Encryption::Aes256,
            hash: Hash::Sha256,
            group,
            lifetime_s: 0,
        }],
        identity: IsakmpIdentity::Auto,
        fqdn: String::new(),
        nat_traversal_s: None,
        peers: vec![PeerConfig {
            address: ADDRESSES[peer],
            pre_shared_key: Some(Secret::new("a key of a measurement".to_owned())),
            keepalive: Keepalive::default(),
        }],
        tunnels: vec![TunnelConfig {
            id: TUNNEL,
            map_name: "perf".to_owned(),
            nameif: "outside".to_owned(),
            local: ADDRESSES[own],
            peers: vec![ADDRESSES[peer]],
            selectors: Selectors {
                local: net(own),
                remote: net(peer),
                protocol: 0,
                local_port: 0,
                remote_port: 0,
            },
            proposals: vec![EspSuite {
                encryption: Encryption::Aes256,
                integrity: Some(Hash::Sha256),
            }],
            pfs,
            lifetime_s: u32::MAX,
            lifetime_kb: None,
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunnels_come_up_are_rekeyed_and_go_again_and_again() {
        for pfs in [None, Some(2)] {
            let mut pair = Pair::new(2, pfs);
            for _ in 0..3 {
                assert_eq!(pair.negotiate(), Ok(()));
                assert!(pair.cost(End::Responder).public_key > 0);
                assert_eq!(pair.rekey(), Ok(()));
                let computed = pair.cost(End::Initiator).public_key > 0;
                assert_eq!(computed, pfs.is_some(), "only PFS needs new public keys");
                assert_eq!(pair.rekey(), Ok(()));
                pair.clear();
            }
        }
    }
}
