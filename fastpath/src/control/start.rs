//! Start: pools, ports, rings, workers.

use std::sync::Arc;

use thiserror::Error;

use super::{ControlHistogram, Fastpath, Neighbours, ResumeEnds, Tunnels, WorkerEnds};
use crate::conn::home::HomeMap;
use crate::conn::{ConnTable, HashKey, Timeouts};
use crate::counters::{Tally, WorkerCounters};
use crate::cpu;
use crate::crypto::{Engines, WorkerError};
use crate::dpdk::{
    Eal, EalError, Mbuf, Pool, PortError, PortSettings, Ports, Reassembler, RxQueue, TxQueue,
    tsc_hz,
};
use crate::esp::{OpenScratch, SealScratch};
use crate::histogram::{Recorder, histograms};
use crate::hold::Hold;
use crate::limits::{
    BURST_RECEIVE_MAX, EVENT_RING_LEN, HANDOFF_RING_LEN, INJECT_RING_LEN, PUNT_RING_LEN,
    REPLY_RING_LEN, REQUEST_RING_LEN, SETUP_RING_LEN, WORKERS_MAX,
};
use crate::nat::{PortBlocks, WorkerNat};
use crate::path::OutQueues;
use crate::rcu::{Domain, RcuCell};
use crate::ring::{Consumer, Producer, ring};
use crate::tunnel::{Adjacencies, Sad, Slots};
use crate::worker::request::Desk;
use crate::worker::{
    Budget, Core, Entries, Exits, Idle, ResumeHistogram, Shared, Timing, Worker, WorkerHistogram,
    ns_per_cycle,
};

/// How the fastpath is to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What a worker does when its queues are empty.
    pub idle: Idle,
    /// Connections that one worker's shard holds.
    pub conns_per_worker: u32,
    /// Buffers for frames.
    pub buffers: u32,
    /// Buffers for datagrams that were put together.
    pub large_buffers: u32,
    /// Bytes of the largest IP packet on a wire.
    pub mtu: u16,
    /// One of how many bursts is timed, zero for none.
    pub sample_bursts: u32,
    /// Fresh random bytes from the operating system for the keys of hashes, SPIs and IVs.
    pub seed: fn(&mut [u8]),
}

/// Why the fastpath did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// DPDK refused.
    #[error(transparent)]
    Eal(#[from] EalError),
    /// A port refused.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A crypto engine could not be set up for a worker.
    #[error("crypto engine: {0}")]
    Crypto(#[from] WorkerError),
    /// No lcore but the main one.
    #[error("there is no worker lcore: name at least two with -l or --lcores")]
    NoWorker,
    /// More lcores than [`WORKERS_MAX`].
    #[error("{0} worker lcores, {WORKERS_MAX} at the most")]
    TooManyWorkers(usize),
}

/// Name of the pool for frames.
pub(super) const FRAMES: &str = "hf_frames";
/// Name of the pool for datagrams that were put together.
pub(super) const LARGE: &str = "hf_large";
const FRAME_ROOM_BYTES: u16 = 2048;
/// Holds eight fragments of 1500 bytes with the room that sealing adds.
const LARGE_ROOM_BYTES: u16 = 12_800;
const LARGE_CACHE: u32 = 8;
const FRAME_CACHE: u32 = 128;

impl Fastpath {
    /// Starts everything on the worker lcores of `eal`. Without a policy the workers receive
    /// nothing.
    pub fn start(eal: Eal, settings: &Settings, ports: &[u16]) -> Result<Self, StartError> {
        let lcores = eal.workers();
        match lcores.len() {
            0 => return Err(StartError::NoWorker),
            count if count > WORKERS_MAX => return Err(StartError::TooManyWorkers(count)),
            _ => {}
        }
        let (mut fastpath, parts) = Self::assemble(eal, settings, ports, lcores.len())?;
        for ((lcore, parts), ends) in lcores.into_iter().zip(parts).zip(&mut fastpath.workers) {
            fastpath.eal.launch(lcore, move || {
                if let Some(worker) = parts.into_worker() {
                    worker.run();
                }
            })?;
            ends.lcore = Some(lcore);
        }
        Ok(fastpath)
    }

    /// Makes everything but the threads: `count` workers that nobody runs yet.
    pub(crate) fn assemble(
        eal: Eal,
        settings: &Settings,
        ports: &[u16],
        count: usize,
    ) -> Result<(Self, Vec<Parts>), StartError> {
        let pool = Pool::create(FRAMES, settings.buffers, FRAME_CACHE, FRAME_ROOM_BYTES)?;
        let large = Pool::create(LARGE, settings.large_buffers, LARGE_CACHE, LARGE_ROOM_BYTES)?;
        let engines = Arc::new(Engines::probe());
        let (domain, publisher) = Domain::new(count);
        let (slots, slot_owner) = Slots::new(&domain);
        let (sad, sad_owner) = Sad::new(&domain, random(settings));
        let (adjacencies, adjacency_owner) = Adjacencies::new(random(settings));
        let shared = Arc::new(Shared::new(
            RcuCell::new(&domain),
            slots,
            sad,
            adjacencies.clone(),
        ));
        let mut plan = Plan::new(count);
        let mut ports_facts = Vec::new();
        for &port in ports {
            let port_settings = PortSettings {
                workers: count as u16,
                mtu: settings.mtu,
            };
            let started = Ports::start(port, port_settings, pool)?;
            shared.set_port_mac(port, started.facts.mac);
            plan.give(started.receive, started.transmit);
            ports_facts.push(started.facts);
        }
        let blocks = PortBlocks::new(count).ok_or(StartError::TooManyWorkers(count))?;
        let builder = Builder {
            settings,
            shared: &shared,
            domain: &domain,
            pool,
            large,
            blocks,
            count: count as u8,
        };
        let (mut workers, mut parts) = (Vec::new(), Vec::new());
        for (queues, handoff) in plan.queues.into_iter().zip(mesh(count)) {
            let (ends, part) = builder.build(&engines, queues, handoff)?;
            workers.push(ends);
            parts.push(part);
        }
        let (_, counters) = WorkerCounters::new();
        let (recorder, reader) = histograms(ControlHistogram::SPECS.len());
        let fastpath = Self {
            eal,
            tunnels: Tunnels::new(slot_owner, sad_owner, Arc::clone(&engines), count as u8),
            neighbours: Neighbours::new(adjacencies, adjacency_owner),
            shared,
            workers,
            ports: ports_facts,
            pool,
            large,
            publisher,
            policy_stamp: 0,
            engines,
            counters,
            tally: Tally::default(),
            recorder,
            histograms: Some(reader),
            ns_per_cycle: ns_per_cycle(tsc_hz()),
            next_ticket: 0,
            // Without a policy no worker has received yet.
            taken_at_start: [pool, large].map(|pool| pool.buffers() - pool.available()),
            resume: None,
            seed: settings.seed,
            conns_per_worker: settings.conns_per_worker,
        };
        Ok((fastpath, parts))
    }
}

fn random<const N: usize>(settings: &Settings) -> [u8; N] {
    let mut bytes = [0; N];
    (settings.seed)(&mut bytes);
    bytes
}

/// Queues of each worker.
struct Plan {
    queues: Vec<(Vec<RxQueue>, Vec<TxQueue>)>,
}

impl Plan {
    fn new(workers: usize) -> Self {
        Self {
            queues: (0..workers).map(|_| (Vec::new(), Vec::new())).collect(),
        }
    }

    /// A port with fewer receive queues than workers is polled by some of them, who hand over
    /// what is not theirs; each port begins with another worker.
    fn give(&mut self, receive: Vec<Option<RxQueue>>, transmit: Vec<TxQueue>) {
        let workers = self.queues.len().max(1);
        let queues = receive.iter().flatten().count();
        let shift = transmit
            .first()
            .map_or(0, |queue| usize::from(queue.port()));
        for (index, queue) in receive.into_iter().flatten().enumerate() {
            let home = if queues == workers {
                index
            } else {
                (index + shift) % workers
            };
            self.queues[home].0.push(queue);
        }
        for (worker, queue) in self.queues.iter_mut().zip(transmit) {
            worker.1.push(queue);
        }
    }
}

type Handoff = (Vec<Option<Producer<Mbuf>>>, Vec<Consumer<Mbuf>>);

/// A ring from every worker to every other.
fn mesh(workers: usize) -> Vec<Handoff> {
    let mut ends: Vec<Handoff> = (0..workers).map(|_| (Vec::new(), Vec::new())).collect();
    for from in 0..workers {
        for to in 0..workers {
            let producer = (from != to).then(|| {
                let (producer, consumer) = ring(HANDOFF_RING_LEN);
                ends[to].1.push(consumer);
                producer
            });
            ends[from].0.push(producer);
        }
    }
    ends
}

struct Builder<'a> {
    settings: &'a Settings,
    shared: &'a Arc<Shared>,
    domain: &'a Domain,
    pool: Pool,
    large: Pool,
    blocks: PortBlocks,
    count: u8,
}

impl Builder<'_> {
    fn build(
        &self,
        engines: &Engines,
        (receive, transmit): (Vec<RxQueue>, Vec<TxQueue>),
        (handoff_out, handoff_in): Handoff,
    ) -> Result<(WorkerEnds, Parts), StartError> {
        let id = handoff_out.iter().position(Option::is_none).unwrap_or(0) as u8;
        let (punt, punts) = ring(PUNT_RING_LEN);
        let (inject, injected) = ring(INJECT_RING_LEN);
        let (event, events) = ring(EVENT_RING_LEN);
        let (requests, requested) = ring(REQUEST_RING_LEN);
        let (reply, replies) = ring(REPLY_RING_LEN);
        let (counters, writer) = WorkerCounters::new();
        let (setups, given) = ring(SETUP_RING_LEN);
        let (retire, retired) = ring(SETUP_RING_LEN);
        let (resumes, latency) = histograms(ResumeHistogram::SPECS.len());
        let key = HashKey([self.word(), self.word()]);
        let hold = Hold::new(given, retire, resumes, key, tsc_hz());
        let (recorder, histograms) = histograms(WorkerHistogram::SPECS.len());
        let core = self.core(engines, id, transmit, event, (hold, recorder))?;
        let exits = Exits::new(
            handoff_out,
            punt,
            Reassembler::new(self.large)?,
            Reassembler::new(self.large)?,
        );
        let parts = Parts {
            domain: self.domain.clone(),
            shared: Arc::clone(self.shared),
            core,
            receive,
            entries: Entries {
                handoff: handoff_in,
                inject: injected,
            },
            exits,
            desk: Desk::new(requested, reply),
            counters: writer,
            idle: self.settings.idle,
        };
        let ends = WorkerEnds {
            lcore: None,
            punts,
            inject,
            events,
            requests,
            replies,
            counters,
            resume: ResumeEnds {
                setups,
                retired,
                latency: Some(latency),
            },
            histograms: Some(histograms),
        };
        Ok((ends, parts))
    }

    fn word(&self) -> u64 {
        u64::from_ne_bytes(random(self.settings))
    }

    fn core(
        &self,
        engines: &Engines,
        id: u8,
        transmit: Vec<TxQueue>,
        events: Producer<crate::worker::event::Event>,
        (hold, recorder): (Hold, Recorder),
    ) -> Result<Core, StartError> {
        let hash_key = HashKey([self.word(), self.word()]);
        let iv_key = random(self.settings);
        Ok(Core {
            id,
            workers: self.count,
            tick: 0,
            now_tsc: 0,
            conns: ConnTable::new(self.settings.conns_per_worker, hash_key, 0),
            timeouts: Timeouts::default(),
            nat: WorkerNat::new(self.blocks, id, [self.word(), self.word()]),
            blocks: self.blocks,
            home: HomeMap::new(self.count),
            open: OpenScratch::new(engines)?,
            seal: SealScratch::new(engines, &iv_key)?,
            decided: crate::burst::Decided::default(),
            replies: crate::burst::Burst::default(),
            out: OutQueues::new(transmit),
            pool: self.pool,
            tally: Tally::default(),
            timing: Timing::new(
                recorder,
                self.settings.sample_bursts,
                tsc_hz(),
                self.word() as u32,
            ),
            events,
            conns_made: 0,
            budget: Budget::default(),
            hold: Box::new(hold),
            sealed_with: 0,
            watching: false,
        })
    }
}

/// A worker but for its reader, which its own thread has to take.
pub(crate) struct Parts {
    domain: Domain,
    shared: Arc<Shared>,
    core: Core,
    receive: Vec<RxQueue>,
    entries: Entries,
    exits: Exits,
    desk: Desk,
    counters: crate::counters::CounterWriter,
    idle: Idle,
}

impl Parts {
    /// The worker, for the thread that calls: a reader belongs to the thread that takes it.
    pub(crate) fn into_worker(self) -> Option<Worker> {
        let reader = self.domain.reader(usize::from(self.core.id))?;
        Some(Worker {
            shared: self.shared,
            reader,
            core: self.core,
            receive: self.receive,
            entries: self.entries,
            exits: self.exits,
            desk: self.desk,
            counters: self.counters,
            idle: self.idle,
            tsc_hz: tsc_hz(),
            start_tsc: cpu::tsc(),
            receive_max: BURST_RECEIVE_MAX,
        })
    }
}
