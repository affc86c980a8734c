//! The only door for the slowpath: start, policy, tunnels, punts, events, requests, counters.

mod level;
mod neighbours;
mod resume;
mod start;
mod telemetry;
mod tunnels;

use std::sync::Arc;

pub use level::PoolLevel;
pub use neighbours::Neighbours;
use resume::ResumeEnds;
pub(crate) use start::Parts;
pub use start::{Settings, StartError};
pub use telemetry::{ControlHistogram, Telemetry, WorkerTelemetry};
pub use tunnels::{InstallError, Tunnels};

use crate::counters::{CounterWriter, Snapshot, Tally, WorkerCounters};
use crate::cpu;
use crate::crypto::Engines;
use crate::dpdk::{Eal, Lcore, Link, Mbuf, Pool, PortFacts, PortStats, Ports};
use crate::histogram::{Reader, Recorder};
use crate::limits::BURST_MAX;
use crate::path::Entrance;
use crate::policy::Policy;
use crate::rcu::Publisher;
use crate::ring::{Consumer, Producer};
use crate::tunnel::{AdjacencyId, ResumeOptions};
use crate::verdict::{DropReason, PuntClass};
use crate::worker::event::Event;
use crate::worker::request::{Reply, Request, What};
use crate::worker::{Shared, nanoseconds};

/// The slowpath's ends of the rings to one worker.
#[derive(Debug)]
struct WorkerEnds {
    /// Where it runs; `None` while nobody has launched it.
    lcore: Option<Lcore>,
    punts: Consumer<Mbuf>,
    inject: Producer<Mbuf>,
    events: Consumer<Event>,
    requests: Producer<Request>,
    replies: Consumer<Reply>,
    counters: Arc<WorkerCounters>,
    resume: ResumeEnds,
    /// Until somebody reads the histograms.
    histograms: Option<Reader>,
}

/// A packet for the slowpath. ARP comes with its Ethernet header, everything else begins with its
/// IPv4 header.
#[derive(Debug)]
pub struct Punt {
    /// Why it came.
    pub class: PuntClass,
    /// Port of the EAL on which it came.
    pub port: u16,
    /// The packet. Give it back with [`Fastpath::consume`] or [`Fastpath::inject_held`].
    pub packet: Mbuf,
}

/// The running fastpath. One per process.
#[derive(Debug)]
pub struct Fastpath {
    eal: Eal,
    shared: Arc<Shared>,
    workers: Vec<WorkerEnds>,
    ports: Vec<PortFacts>,
    pool: Pool,
    large: Pool,
    publisher: Publisher,
    /// What the publisher had done when the last policy was published.
    policy_stamp: u64,
    tunnels: Tunnels,
    neighbours: Neighbours,
    engines: Arc<Engines>,
    counters: CounterWriter,
    tally: Tally,
    recorder: Recorder,
    /// Until somebody reads the histograms.
    histograms: Option<Reader>,
    ns_per_cycle: u64,
    next_ticket: u32,
    /// What the workers obey; `None` until the first options.
    resume: Option<ResumeOptions>,
    seed: fn(&mut [u8]),
    conns_per_worker: u32,
    /// Buffers of each pool that the ports kept when they were started.
    taken_at_start: [u32; 2],
}

impl Fastpath {
    /// Number of workers.
    pub fn workers(&self) -> u8 {
        self.workers.len() as u8
    }

    /// Packets that can overtake another one of the same SA where every worker seals with it: as
    /// many as all workers have sealed, and not sent yet, or put into their transmit queues. None
    /// with one worker.
    pub fn reordering_packets(&self) -> u32 {
        let longest = self.ports.iter().map(|port| port.tx_queue_len).max();
        let waiting = u32::from(longest.unwrap_or(0)) + BURST_MAX as u32;
        match self.workers() {
            0 | 1 => 0,
            workers => u32::from(workers) * waiting,
        }
    }

    /// The ports that were started.
    pub fn ports(&self) -> &[PortFacts] {
        &self.ports
    }

    /// DPDK's counters of a port.
    pub fn port_stats(&self, port: u16) -> Option<PortStats> {
        Ports::stats(port)
    }

    /// State of a port's link.
    pub fn port_link(&self, port: u16) -> Option<Link> {
        Ports::link(port)
    }

    /// Which crypto engine was chosen for what.
    pub fn engines(&self) -> &Engines {
        &self.engines
    }

    /// Replaces the policy that the next bursts are judged by. `false` when too many old ones wait
    /// for a worker that does not pass: try again later.
    pub fn publish_policy(&mut self, policy: Policy) -> bool {
        let policy = Box::new(policy);
        let published = self.publisher.publish(&self.shared.policy, policy).is_ok();
        if published {
            self.neighbours.policy_published();
            self.policy_stamp = self.publisher.stamp();
        }
        published
    }

    /// Frees what every worker has passed. Once per turn of the control loop.
    pub fn reclaim(&mut self) {
        self.free_retired();
        let Self {
            publisher,
            recorder,
            ns_per_cycle,
            ..
        } = self;
        publisher.poll_timed(|cycles| {
            let grace_ns = nanoseconds(cycles, *ns_per_cycle);
            recorder.record(ControlHistogram::SwapGrace as usize, grace_ns);
        });
        if self.publisher.has_passed(self.policy_stamp) {
            self.neighbours.policies_passed();
        }
        self.counters.add(&mut self.tally);
        self.recorder.turn();
    }

    /// Slots and SAs, with the publisher that their changes need.
    pub fn tunnels(&mut self) -> (&mut Tunnels, &mut Publisher) {
        (&mut self.tunnels, &mut self.publisher)
    }

    /// Slots and SAs, for `show`.
    pub fn tunnels_view(&self) -> (&Tunnels, &Publisher) {
        (&self.tunnels, &self.publisher)
    }

    /// Next hops.
    pub fn neighbours(&mut self) -> &mut Neighbours {
        &mut self.neighbours
    }

    /// What all workers read.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Takes up to `limit` event records of each worker, in each worker's order.
    pub fn events(&mut self, limit: usize, mut each: impl FnMut(u8, Event)) -> usize {
        let mut taken = 0;
        for (id, worker) in self.workers.iter_mut().enumerate() {
            for _ in 0..limit {
                let Some(event) = worker.events.pop() else {
                    break;
                };
                taken += 1;
                each(id as u8, event);
            }
        }
        taken
    }

    /// Takes up to `limit` packets that the workers sent here, one worker after the other.
    pub fn punts(&mut self, limit: usize) -> Vec<Punt> {
        let mut punts = Vec::new();
        let now = cpu::tsc();
        for worker in &mut self.workers {
            for _ in 0..limit {
                let Some(packet) = worker.punts.pop() else {
                    break;
                };
                let meta = packet.meta();
                let (class, port) = (PuntClass::from_raw(meta.entrance), meta.in_port);
                let wait = now.saturating_sub(meta.received_tsc);
                let wait_ns = nanoseconds(wait, self.ns_per_cycle);
                self.recorder
                    .record(ControlHistogram::PuntWait as usize, wait_ns);
                punts.push(Punt {
                    class,
                    port,
                    packet,
                });
            }
        }
        self.tally.handed_in += punts.len() as u64;
        punts
    }

    /// Ends a punted packet under a reason.
    pub fn consume(&mut self, packet: Mbuf, reason: DropReason) {
        drop(packet);
        self.tally.drop_one(reason);
    }

    /// Sets how many punted packets the slowpath keeps (they wait for a next hop).
    pub fn set_held(&mut self, held: u64) {
        self.counters.set_held(held);
    }

    /// Sends a punted packet on its way: the next hop that it waited for has answered.
    pub fn inject_held(&mut self, mut packet: Mbuf) -> bool {
        packet.meta_mut().entrance = Entrance::Transmit as u8;
        let way = packet.meta().adjacency;
        self.push(packet, way)
    }

    /// Sends an IPv4 packet to a next hop.
    pub fn inject_ip(&mut self, adjacency: AdjacencyId, bytes: &[u8]) -> bool {
        let Some(mut packet) = self.pool_for(bytes.len()).allocate_with(bytes) else {
            return false;
        };
        self.tally.created += 1;
        packet.meta_mut().adjacency = adjacency.raw();
        packet.meta_mut().entrance = Entrance::Transmit as u8;
        self.push(packet, adjacency.raw())
    }

    /// Sends a whole Ethernet frame out of a port.
    pub fn inject_frame(&mut self, port: u16, bytes: &[u8]) -> bool {
        let Some(mut packet) = self.pool_for(bytes.len()).allocate_with(bytes) else {
            return false;
        };
        self.tally.created += 1;
        packet.meta_mut().in_port = port;
        packet.meta_mut().entrance = Entrance::Wire as u8;
        self.push(packet, port)
    }

    /// Asks every worker; answers come from [`Fastpath::replies`] with the ticket. `None` when a
    /// worker has too many requests waiting: nothing was asked of those after it.
    pub fn request(&mut self, what: What) -> Option<u32> {
        let ticket = self.next_ticket;
        self.next_ticket = self.next_ticket.wrapping_add(1);
        if self
            .workers
            .iter_mut()
            .any(|worker| worker.requests.free() == 0)
        {
            return None;
        }
        for worker in &mut self.workers {
            // There is room, and nobody else writes.
            let _ = worker.requests.push(Request { ticket, what });
        }
        Some(ticket)
    }

    /// Takes up to `limit` answers of each worker.
    pub fn replies(&mut self, limit: usize, mut each: impl FnMut(Reply)) -> usize {
        let mut taken = 0;
        for worker in &mut self.workers {
            for _ in 0..limit {
                let Some(reply) = worker.replies.pop() else {
                    break;
                };
                taken += 1;
                each(reply);
            }
        }
        taken
    }

    /// The counters of every worker in order, then the slowpath's own.
    pub fn counters(&self) -> Vec<Snapshot> {
        let workers = self.workers.iter().map(|worker| &worker.counters);
        workers
            .chain([self.counters.counters()])
            .map(|set| set.snapshot())
            .collect()
    }

    /// How full the pool for frames and the pool for large packets are.
    pub fn pool_levels(&self) -> [PoolLevel; 2] {
        let pools = [(start::FRAMES, self.pool), (start::LARGE, self.large)];
        let mut at_start = self.taken_at_start.into_iter();
        pools.map(|(name, pool)| PoolLevel::of(name, pool, at_start.next().unwrap_or(0)))
    }

    /// Stops the workers, frees what stands in rings and tables, closes the ports.
    pub fn stop(mut self) -> Vec<Snapshot> {
        self.shared.stop();
        for lcore in self.workers.iter().filter_map(|worker| worker.lcore) {
            self.eal.wait(lcore);
        }
        for worker in &mut self.workers {
            while worker.punts.pop().is_some() {
                self.tally.handed_in += 1;
                self.tally.drop_one(DropReason::Shutdown);
            }
        }
        self.counters.add(&mut self.tally);
        self.publisher.drain();
        for port in &self.ports {
            Ports::stop(port.port);
        }
        self.counters()
    }

    fn pool_for(&self, len: usize) -> Pool {
        if len <= self.pool.data_room_bytes() {
            self.pool
        } else {
            self.large
        }
    }

    /// Into an inject ring. What goes to one next hop goes by one worker: IKE's messages must not
    /// overtake each other.
    fn push(&mut self, packet: Mbuf, way: u16) -> bool {
        let count = self.workers.len().max(1);
        let Some(worker) = self.workers.get_mut(usize::from(way) % count) else {
            self.tally.drop_one(DropReason::InjectRefused);
            return false;
        };
        let taken = worker.inject.push(packet).is_ok();
        if taken {
            self.tally.handed_out += 1;
        } else {
            self.tally.drop_one(DropReason::InjectRefused);
        }
        taken
    }
}
