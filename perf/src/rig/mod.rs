//! The closed loop: the product's workers on ports over rings, in one process.

pub(crate) mod frames;
pub(crate) mod plan;
mod tunnels;

use std::fmt::Write as _;

use arrayvec::ArrayVec;
use fastpath::control::{Fastpath, Settings};
use fastpath::counters::Snapshot;
use fastpath::dpdk::{Eal, Mbuf, Pool, PortSettings, Ports, RxQueue, TxQueue, crossover, tsc_hz};
use fastpath::limits::BURST_MAX;
use fastpath::testing::{self, Stepper, Unlaunched};
use fastpath::worker::Idle;
use hdrhistogram::Histogram;

pub(crate) use tunnels::{Tunnel, parameters, peer_spi};

use crate::measure::{BURST, Sample};
use crate::options::Cipher;

/// Buffers of the generators, by worker.
const BUFFERS: u32 = 4095;
/// Buffers of the box: it makes few itself.
const BOX_BUFFERS: u32 = 2047;
const LARGE_BUFFERS: u32 = 63;
const CACHE: u32 = 128;
const ROOM_BYTES: u16 = 2048;
/// Steps without a packet after which one is missing.
const STEPS_MAX: usize = 64;

/// Significant digits of the cycles of a turn.
const TURN_DIGITS: u8 = 3;
/// Cycles of the longest turn that is told apart: seconds.
const TURN_CYCLES_MAX: u64 = 1 << 33;

/// A burst outside of the line.
pub(crate) type Packets = ArrayVec<Mbuf, BURST_MAX>;

/// What is to be built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blueprint {
    /// Workers.
    pub(crate) workers: u16,
    /// Tunnels; 0 for a box that forwards in clear.
    pub(crate) tunnels: u32,
    /// Whether every worker seals with each of them.
    pub(crate) spread: bool,
    /// What they encrypt with.
    pub(crate) cipher: Cipher,
    /// Connections that a worker's table holds.
    pub(crate) connections: u32,
    /// Entries of the access list inside.
    pub(crate) aces: u32,
    /// Whether sources are translated.
    pub(crate) translated: bool,
}

/// The far end of a port's queue.
#[derive(Debug)]
pub(crate) struct Far {
    receive: RxQueue,
    transmit: TxQueue,
    /// The port's own address.
    pub(crate) box_mac: [u8; 6],
}

/// A worker with the far ends of its queues.
#[derive(Debug)]
pub(crate) struct Lane {
    /// Number of the worker.
    pub(crate) id: u8,
    worker: Unlaunched,
    /// Far end inside.
    pub(crate) inside: Far,
    /// Far end outside.
    pub(crate) outside: Far,
    /// Buffers for its generator.
    pub(crate) pool: Pool,
}

/// A lane whose worker belongs to this thread.
#[derive(Debug)]
pub(crate) struct Loop {
    /// Number of the worker.
    pub(crate) id: u8,
    /// The worker.
    pub(crate) worker: Stepper,
    /// Far end inside.
    pub(crate) inside: Far,
    /// Far end outside.
    pub(crate) outside: Far,
    /// Buffers for the generator.
    pub(crate) pool: Pool,
    /// Cycles of the worker's turns.
    pub(crate) turns: Histogram<u64>,
}

/// The box with everything around it.
#[derive(Debug)]
pub(crate) struct Rig {
    /// The box.
    pub(crate) fastpath: Fastpath,
    /// Its workers.
    pub(crate) lanes: Vec<Lane>,
    /// The peer's side of the tunnels.
    pub(crate) tunnels: Vec<Tunnel>,
}

impl Rig {
    /// Builds it. Once per process.
    pub(crate) fn build(eal: Eal, blueprint: &Blueprint) -> Result<Self, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let count = blueprint.workers;
        let (inside, far_inside) = crossover("hf_in", count).map_err(|e| text(&e))?;
        let (outside, far_outside) = crossover("hf_out", count).map_err(|e| text(&e))?;
        let settings = settings(blueprint.connections);
        let (mut fastpath, workers) =
            testing::assemble(eal, &settings, &[inside, outside], usize::from(count))
                .map_err(|e| text(&e))?;
        let pool = Pool::create("hf_far", BUFFERS * u32::from(count), CACHE, ROOM_BYTES)
            .map_err(|e| text(&e))?;
        let mac = |port| fastpath.shared().port_mac(port);
        let macs = [mac(inside), mac(outside)];
        let far_inside = far(far_inside, count, pool, macs[0])?;
        let far_outside = far(far_outside, count, pool, macs[1])?;
        let lanes = workers.into_iter().zip(far_inside).zip(far_outside);
        let lanes = (0..)
            .zip(lanes)
            .map(|(id, ((worker, inside), outside))| Lane {
                id,
                worker,
                inside,
                outside,
                pool,
            });
        let lanes = lanes.collect();
        let shape = plan::Shape {
            ports: [inside, outside],
            aces: blueprint.aces,
            translated: blueprint.translated,
        };
        let tunnels = set_up(&mut fastpath, blueprint, shape, plan::FAR_MAC)?;
        Ok(Self {
            fastpath,
            lanes,
            tunnels,
        })
    }

    /// Why packets are missing, for an error message.
    pub(crate) fn drops(&self) -> String {
        drops(&self.fastpath)
    }
}

/// One of the counters.
type Count = fn(&Snapshot) -> u64;

/// Where packets of each worker, and of the control side, have been.
const PLACES: [(&str, Count); 4] = [
    ("received", |set| set.received),
    ("handed out", |set| set.handed_out),
    ("handed in", |set| set.handed_in),
    ("sent", |set| set.sent),
];

/// Drops by reason, all workers together.
pub(crate) fn drops(fastpath: &Fastpath) -> String {
    let mut text = String::new();
    for reason in fastpath::verdict::DropReason::ALL {
        let count: u64 = fastpath
            .counters()
            .iter()
            .map(|set| set.drops_of(*reason))
            .sum();
        if count > 0 {
            let _ = write!(text, " {} {count}", reason.key());
        }
    }
    for (name, of) in PLACES {
        let counts: Vec<u64> = fastpath.counters().iter().map(of).collect();
        let _ = write!(text, "; {name} {counts:?}");
    }
    text
}

/// Tunnels, next hops and policy: the same for the closed loop and for real ports.
pub(crate) fn set_up(
    fastpath: &mut Fastpath,
    blueprint: &Blueprint,
    shape: plan::Shape,
    far_mac: [u8; 6],
) -> Result<Vec<Tunnel>, String> {
    let tunnels = tunnels::install(fastpath, blueprint)?;
    let hosts = (0..plan::HOSTS).map(|host| (plan::INSIDE, plan::host(host)));
    for (interface, address) in hosts.chain([(plan::OUTSIDE, plan::PEER)]) {
        let id = fastpath.neighbours().intern(interface, address);
        let id = id.ok_or("no room for next hops")?;
        fastpath.neighbours().learn(interface, address, far_mac);
        if interface == plan::OUTSIDE {
            for tunnel in &tunnels {
                fastpath.shared().set_peer_adjacency(tunnel.slot, id);
            }
        }
    }
    let slots: Vec<_> = tunnels.iter().map(|tunnel| tunnel.slot).collect();
    if !fastpath.publish_policy(plan::policy(shape, &slots)) {
        return Err("the policy was refused".to_owned());
    }
    Ok(tunnels)
}

/// How the fastpath runs in measurements.
pub(crate) fn settings(connections: u32) -> Settings {
    Settings {
        idle: Idle::Busy,
        conns_per_worker: connections,
        buffers: BOX_BUFFERS,
        large_buffers: LARGE_BUFFERS,
        mtu: 1500,
        sample_bursts: fastpath::worker::SAMPLE_BURSTS_DEFAULT,
        seed,
    }
}

/// The same keys in every run: figures are compared, nothing is protected.
fn seed(bytes: &mut [u8]) {
    let mut random = crate::statistics::Random::new(3);
    for byte in bytes {
        *byte = random.next() as u8;
    }
}

fn far(port: u16, queues: u16, pool: Pool, box_mac: [u8; 6]) -> Result<Vec<Far>, String> {
    let settings = PortSettings {
        workers: queues,
        mtu: 1500,
    };
    let started = Ports::start(port, settings, pool).map_err(|error| error.to_string())?;
    let pairs = started.receive.into_iter().flatten().zip(started.transmit);
    Ok(pairs
        .map(|(receive, transmit)| Far {
            receive,
            transmit,
            box_mac,
        })
        .collect())
}

impl Far {
    /// Sends everything; the rings are longer than a burst.
    pub(crate) fn send(&mut self, packets: &mut Packets) -> Result<(), String> {
        while !packets.is_empty() {
            if self.transmit.transmit(packets) == 0 {
                return Err("the ring to the box is full".to_owned());
            }
        }
        Ok(())
    }

    /// Receives what is there, up to a burst.
    pub(crate) fn receive(&mut self, packets: &mut Packets) -> usize {
        self.receive.receive(packets, BURST)
    }
}

impl Lane {
    /// Takes the worker to this thread.
    pub(crate) fn enter(self) -> Loop {
        Loop {
            id: self.id,
            worker: self.worker.take(),
            inside: self.inside,
            outside: self.outside,
            pool: self.pool,
            turns: turns(),
        }
    }
}

/// An empty histogram of turns.
fn turns() -> Histogram<u64> {
    Histogram::new_with_bounds(1, TURN_CYCLES_MAX, TURN_DIGITS).expect("the bounds are in order")
}

/// Which way a burst goes through the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From inside to outside.
    Out,
    /// From outside to inside.
    In,
}

impl Loop {
    /// Sends `packets` through the box and gives what comes out on the other side, with the
    /// cycles that the worker took. Every packet must come out.
    pub(crate) fn pass(
        &mut self,
        way: Way,
        packets: &mut Packets,
        came: &mut Packets,
    ) -> Result<Sample, String> {
        let Self {
            worker,
            inside,
            outside,
            turns,
            ..
        } = self;
        let (from, to) = match way {
            Way::Out => (inside, outside),
            Way::In => (outside, inside),
        };
        let sent = packets.len();
        from.send(packets)?;
        let mut cycles = 0;
        for _ in 0..STEPS_MAX {
            let start = fastpath::cpu::tsc();
            worker.step(start);
            let taken = fastpath::cpu::tsc() - start;
            cycles += taken;
            turns.saturating_record(taken);
            to.receive(came);
            if came.len() >= sent {
                let items = sent as u64;
                return Ok(Sample { cycles, items });
            }
        }
        Err(format!("{} of {sent} packets came out", came.len()))
    }
}

/// TSC cycles per second, known once the EAL is up.
pub(crate) fn rate() -> u64 {
    tsc_hz()
}
