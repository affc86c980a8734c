//! Bounces of a tunnel with many preserved TCP flows, in the product's own worker, on a clock that
//! the engine drives: first what preserving costs without any, then quiet ones, then bounces during
//! which a part of the flows retransmits, then one in which all do. Anything lost, changed, starved
//! or too fast is an error.

mod carry;
mod peer;

use fastpath::conn::{Cold, Hot};
use fastpath::crypto::{Choice, EngineKind, Engines};
use fastpath::dpdk::{Eal, Mbuf};
use fastpath::esp::{OpenScratch, SealScratch};
use fastpath::limits::RELEASE_FIRST_PACKETS;
use fastpath::tunnel::{ReleaseOrder, ResumeOptions};
use fastpath::wire::tcp::flag::{ACK, PSH, SYN};
use fastpath::worker::event::Event;
use fastpath::worker::request::{Filter, Reply, What};

use crate::measure::BURST;
use crate::options::Run;
use crate::report::Figure;
use crate::rig::{Blueprint, Loop, Packets, Rig, rate};
use crate::statistics::median;

/// Bounces of a run: flows times bounces.
const FLOW_BOUNCES: u32 = 100_000_000;
const BOUNCES_MAX: u32 = 1_000;
/// One part in this many of the flows retransmits in each bounce.
const PART: u32 = 20;
/// Bytes of a segment with text.
const TEXT: u32 = 100;
/// Holding this much per flow, a pool is never full.
const HOLD_BYTES_PER_FLOW: u64 = 400;
const HOLD_BYTES: u64 = 8 << 20;
/// The release that is ordered.
const PACKETS_PER_S: u32 = 200_000;
const FIRST_PACKETS: u16 = RELEASE_FIRST_PACKETS;
const ROUND_TRIP_US: u32 = 10_000;
/// Simulated time of one step.
const STEP_US: u64 = 20;
/// Packets beyond the schedule that a bucket lets go: four milliseconds of its rate, and one.
const BURST_US: u64 = 4_000;
/// Seconds by which the driven clock is ahead of the real one, so that no turn seems to take long.
const AHEAD_S: u64 = 10_000;
/// Steps after which a release hangs.
const STEPS_MAX: u64 = 2_000_000;
const CLIENT_SEQ: u32 = u32::MAX - 1000;
const SERVER_SEQ: u32 = 9_000;

/// All bounces.
pub(super) fn run(eal: Eal, run: &Run) -> Result<Vec<Figure>, String> {
    let blueprint = Blueprint {
        workers: 1,
        tunnels: 1,
        cipher: run.cipher,
        connections: run.flows + run.flows / 8 + 100,
        spread: false,
        aces: 0,
        translated: false,
    };
    let mut rig = Rig::build(eal, &blueprint)?;
    let lane = rig.lanes.pop().ok_or("no worker")?.enter();
    let mut bench = Bench::new(rig, lane, run.flows)?;
    bench.open_all()?;
    let bounces = (FLOW_BOUNCES / run.flows.max(1)).clamp(1, BOUNCES_MAX);
    let mut figures = carry::measure(&mut bench, run)?;
    bench.hold_whole()?;
    figures.extend(bench.quiet(bounces)?);
    figures.extend(bench.busy(bounces)?);
    figures.extend(bench.whole()?);
    if bench.lane.worker.connections() != run.flows {
        return Err("flows were lost".to_owned());
    }
    bench.lane.worker.finish();
    Ok(figures)
}

/// What the workers have told of bounces.
#[derive(Default)]
struct Told {
    held: u64,
    refused: u64,
    released: u64,
    resumed: u64,
    connections_ended: u64,
}

/// Cycles per packet of the steps of one part of a bounce: their median leaves out what else the
/// machine did.
#[derive(Clone, Debug, Default)]
struct Spent(Vec<f64>);

impl Spent {
    fn add(&mut self, cycles: u64, packets: usize) {
        if packets > 0 {
            self.0.push(cycles as f64 / packets as f64);
        }
    }

    fn per_packet(&self) -> f64 {
        median(&self.0)
    }
}

struct Bench {
    /// Before the box, whose end is that of the EAL.
    lane: Loop,
    rig: Rig,
    seal: SealScratch,
    open: OpenScratch,
    now_tsc: u64,
    flows: u32,
    /// Bytes of each client that are acknowledged.
    acked: Vec<u32>,
    bounce: u32,
    told: Told,
    hold: Spent,
    release: Spent,
    /// Fewest buffers that generator and box had.
    buffers_least: u32,
    /// Packets released to what the schedule allows, at most.
    pace_most: f64,
    /// Flow of the next segment of those that measure the line.
    next: u32,
}

impl Bench {
    fn new(rig: Rig, lane: Loop, flows: u32) -> Result<Self, String> {
        let engines = Engines::with(Choice::Fixed(EngineKind::Portable));
        Ok(Self {
            lane,
            rig,
            seal: SealScratch::new(&engines, &[9; 16]).map_err(|error| error.to_string())?,
            open: OpenScratch::new(&engines).map_err(|error| error.to_string())?,
            now_tsc: fastpath::cpu::tsc() + AHEAD_S * rate(),
            flows,
            acked: vec![0; flows as usize],
            bounce: 0,
            told: Told::default(),
            hold: Spent::default(),
            release: Spent::default(),
            buffers_least: u32::MAX,
            pace_most: 0.0,
            next: 0,
        })
    }

    /// Room to hold a packet of every flow.
    fn hold_whole(&mut self) -> Result<(), String> {
        let options = ResumeOptions {
            hold: true,
            hold_memory_bytes: HOLD_BYTES + HOLD_BYTES_PER_FLOW * u64::from(self.flows),
            ..ResumeOptions::OFF
        };
        if !self.rig.fastpath.set_resume(options) {
            return Err("the options were refused".to_owned());
        }
        // Options come into force with a coarse tick.
        self.pass_ticks();
        Ok(())
    }

    /// One pass of the worker's loop; its cycles.
    fn step(&mut self) -> u64 {
        let start = fastpath::cpu::tsc();
        self.lane.worker.step(self.now_tsc);
        let cycles = fastpath::cpu::tsc() - start;
        self.rig.fastpath.reclaim();
        let told = &mut self.told;
        self.rig.fastpath.events(1024, |_, event| match event {
            Event::Bounce(record) => {
                told.held += u64::from(record.held);
                told.refused += u64::from(record.refused);
                told.released += u64::from(record.released);
                told.resumed += u64::from(record.resumed);
            }
            Event::ConnTeardown { .. } => told.connections_ended += 1,
            _ => {}
        });
        cycles
    }

    fn pass_us(&mut self, us: u64) {
        self.now_tsc += rate() / 1_000_000 * us;
    }

    /// Lets what is due once per coarse tick happen.
    fn pass_ticks(&mut self) {
        for _ in 0..3 {
            self.pass_us(130_000);
            self.step();
        }
    }

    fn open_all(&mut self) -> Result<(), String> {
        let all: Vec<u32> = (0..self.flows).collect();
        for flows in all.chunks(BURST) {
            self.clients(flows, |bench, flow| {
                bench.client_segment(flow, SYN, CLIENT_SEQ - 1, 0)
            })?;
            self.expect_outside(flows.len())?;
            self.servers(flows, SYN | ACK, SERVER_SEQ, |_| CLIENT_SEQ)?;
            self.clients(flows, |bench, flow| {
                bench.client_segment(flow, ACK, CLIENT_SEQ, 0)
            })?;
            self.expect_outside(flows.len())?;
        }
        if self.lane.worker.connections() != self.flows {
            return Err(format!("not every flow was opened:{}", self.rig.drops()));
        }
        Ok(())
    }

    /// Sends one packet of each flow from inside; the worker's cycles.
    fn clients(
        &mut self,
        flows: &[u32],
        frame: impl Fn(&Self, u32) -> Result<Mbuf, String>,
    ) -> Result<u64, String> {
        let mut packets = Packets::new();
        for flow in flows {
            packets.push(frame(self, *flow)?);
        }
        self.lane.inside.send(&mut packets)?;
        Ok(self.step())
    }

    /// Sends one segment of each flow's server; each comes out inside.
    fn servers(
        &mut self,
        flows: &[u32],
        flags: u8,
        seq: u32,
        ack: impl Fn(u32) -> u32,
    ) -> Result<(), String> {
        for flows in flows.chunks(BURST) {
            let mut packets = Packets::new();
            for flow in flows {
                packets.push(self.server_segment(*flow, flags, seq, ack(*flow))?);
            }
            self.lane.outside.send(&mut packets)?;
            self.step();
            let mut came = Packets::new();
            while self.lane.inside.receive(&mut came) > 0 && came.len() < flows.len() {}
            if came.len() != flows.len() {
                return Err(format!("an answer is missing:{}", self.rig.drops()));
            }
        }
        Ok(())
    }

    fn expect_outside(&mut self, count: usize) -> Result<(), String> {
        let mut came = Packets::new();
        while self.lane.outside.receive(&mut came) > 0 && came.len() < count {}
        if came.len() == count {
            Ok(())
        } else {
            Err(format!("{} of {count}:{}", came.len(), self.rig.drops()))
        }
    }

    /// Copies of all entries, in the order of the table.
    fn entries(&mut self) -> Result<Vec<(Hot, Cold)>, String> {
        let request = self.rig.fastpath.request(What::List(Filter::default()));
        let wanted = request.ok_or("too many requests")?;
        let mut entries = Vec::with_capacity(self.flows as usize);
        let mut done = false;
        while !done {
            self.step();
            self.rig.fastpath.replies(4096, |reply| match reply {
                Reply::Conn { hot, cold, .. } => entries.push((hot, cold)),
                Reply::Done { ticket, .. } => done |= ticket == wanted,
            });
        }
        Ok(entries)
    }

    fn set_up(&mut self, up: bool) -> Result<(), String> {
        let slot = self.rig.tunnels.first().ok_or("no tunnel")?.slot;
        let tunnels = self.rig.fastpath.tunnels().0;
        let changed = if up {
            tunnels.bring_up(slot, true)
        } else {
            tunnels.take_down(slot)
        };
        changed
            .then_some(())
            .ok_or_else(|| "no such slot".to_owned())
    }

    fn order(&mut self) -> Result<(), String> {
        // Nobody waits for the answers to orders.
        self.rig.fastpath.replies(1024, |_| ());
        self.bounce += 1;
        let order = ReleaseOrder {
            slot: self.rig.tunnels.first().ok_or("no tunnel")?.slot,
            bounce: self.bounce,
            packets_per_s: PACKETS_PER_S,
            first_packets: FIRST_PACKETS,
            round_trip_us: ROUND_TRIP_US,
        };
        let ticket = self.rig.fastpath.release_held(order);
        ticket
            .map(drop)
            .ok_or_else(|| "too many requests".to_owned())
    }

    /// Bounces in which nobody sends: what they cost, and that they change nothing.
    fn quiet(&mut self, bounces: u32) -> Result<Vec<Figure>, String> {
        let before = self.entries()?;
        let mut cycles = Vec::new();
        for _ in 0..bounces {
            let start = fastpath::cpu::tsc();
            self.set_up(false)?;
            self.step();
            self.set_up(true)?;
            self.order()?;
            self.step();
            self.step();
            cycles.push((fastpath::cpu::tsc() - start) as f64);
        }
        let changed = self.entries()? != before;
        if changed || before.len() != self.flows as usize {
            return Err("a bounce changed an entry".to_owned());
        }
        let flows = u64::from(self.flows);
        let cost = median(&cycles);
        Ok(vec![
            Figure::single("bounce, quiet", flows, cost, "TSC cycles"),
            Figure::single("bounces, quiet", flows, f64::from(bounces), ""),
            Figure::single("entries changed by bounces", flows, 0.0, ""),
        ])
    }

    /// Bounces in which a part of the flows retransmits.
    fn busy(&mut self, bounces: u32) -> Result<Vec<Figure>, String> {
        let part = (self.flows / PART).max(1);
        for bounce in 0..bounces {
            let first = bounce % PART * part;
            let flows: Vec<u32> = (first..(first + part).min(self.flows)).collect();
            self.one(&flows)?;
        }
        self.settle()?;
        let flows = u64::from(self.flows);
        let [hold, release] = [&self.hold, &self.release].map(Spent::per_packet);
        let resumed = self.told.resumed as f64;
        Ok(vec![
            Figure::single("bounces, busy", flows, f64::from(bounces), ""),
            Figure::single("hold a packet", flows, hold, "TSC cycles/packet"),
            Figure::single("release a packet", flows, release, "TSC cycles/packet"),
            Figure::single("flows resumed", flows, resumed, ""),
            Figure::single("buffers, least", flows, f64::from(self.buffers_least), ""),
        ])
    }

    /// One bounce in which every flow holds a packet.
    fn whole(&mut self) -> Result<Vec<Figure>, String> {
        (self.hold, self.release) = (Spent::default(), Spent::default());
        let all: Vec<u32> = (0..self.flows).collect();
        let started = self.now_tsc;
        self.one(&all)?;
        let took_ms = (self.now_tsc - started) as f64 * 1e3 / rate() as f64;
        self.settle()?;
        let flows = u64::from(self.flows);
        let [hold, release] = [&self.hold, &self.release].map(Spent::per_packet);
        Ok(vec![
            Figure::single("hold every flow", flows, hold, "TSC cycles/packet"),
            Figure::single("release every flow", flows, release, "TSC cycles/packet"),
            Figure::single("release every flow, paced", flows, took_ms, "ms"),
            Figure::single("released to schedule, most", flows, self.pace_most, ""),
        ])
    }

    /// Down, a retransmission of each flow, up, release, acknowledgements.
    fn one(&mut self, flows: &[u32]) -> Result<(), String> {
        self.set_up(false)?;
        for flows in flows.chunks(BURST) {
            let cycles = self.clients(flows, |bench, flow| {
                let seq = CLIENT_SEQ.wrapping_add(bench.acked[flow as usize]);
                bench.client_segment(flow, ACK | PSH, seq, TEXT)
            })?;
            self.hold.add(cycles, flows.len());
        }
        let mut came = Packets::new();
        if self.lane.outside.receive(&mut came) > 0 {
            return Err("a packet left although the tunnel is down".to_owned());
        }
        let frames = self.rig.fastpath.pool_levels()[0].free;
        let far = self.lane.pool.available();
        self.buffers_least = self.buffers_least.min(frames).min(far);
        self.set_up(true)?;
        self.order()?;
        self.release(flows.len())
    }

    /// Steps until every copy has left and is acknowledged.
    fn release(&mut self, count: usize) -> Result<(), String> {
        let (mut left, mut elapsed_us) = (0, 0);
        self.step();
        for _ in 0..STEPS_MAX {
            let cycles = self.step();
            let came = self.arrived()?;
            self.release.add(cycles, came.len());
            left += came.len();
            let ratio = left as f64 / allowed(elapsed_us);
            self.pace_most = self.pace_most.max(ratio);
            if ratio > 1.0 {
                return Err(format!("{left} copies left after {elapsed_us} us"));
            }
            let acked: Vec<u32> = came.iter().map(|flow| self.acked[*flow as usize]).collect();
            for flow in &came {
                self.acked[*flow as usize] += TEXT;
            }
            let ends: std::collections::HashMap<u32, u32> =
                came.iter().copied().zip(acked).collect();
            self.servers(&came, ACK, SERVER_SEQ + 1, |flow| {
                let before = ends.get(&flow).copied().unwrap_or_default();
                CLIENT_SEQ.wrapping_add(before + TEXT)
            })?;
            if left == count {
                return Ok(());
            }
            elapsed_us += STEP_US;
            self.pass_us(STEP_US);
        }
        Err(format!(
            "{left} of {count} copies left:{}",
            self.rig.drops()
        ))
    }

    /// The flows whose copies came to the peer, each checked against what its client sent.
    fn arrived(&mut self) -> Result<Vec<u32>, String> {
        let mut flows = Vec::new();
        let mut came = Packets::new();
        while self.lane.outside.receive(&mut came) > 0 {
            for mut frame in came.drain(..) {
                flows.push(self.opened(frame.data_mut())?);
            }
        }
        Ok(flows)
    }

    /// Waits for the reports, and holds them against what was done.
    fn settle(&mut self) -> Result<(), String> {
        self.pass_ticks();
        let told = &self.told;
        let counts = [told.held, told.released, told.resumed];
        if counts.iter().any(|count| *count != counts[0]) || told.refused != 0 {
            return Err(format!(
                "held, released, resumed {counts:?}, refused {}",
                told.refused
            ));
        }
        if told.connections_ended != 0 {
            return Err("connections have ended".to_owned());
        }
        let counters = self.rig.fastpath.counters();
        if !counters.iter().all(|set| set.balance().holds()) {
            return Err("packets are not accounted for".to_owned());
        }
        Ok(())
    }
}

/// Packets that the order allows after this time: the rate doubles every round trip.
fn allowed(elapsed_us: u64) -> f64 {
    let round_trip = u64::from(ROUND_TRIP_US);
    let first = f64::from(PACKETS_PER_S) / 1e6;
    let whole = (elapsed_us / round_trip).min(32);
    let last_rate = first * (1_u64 << whole) as f64;
    let before = first * ((1_u64 << whole) - 1) as f64 * round_trip as f64;
    before
        + last_rate * (elapsed_us % round_trip) as f64
        + (last_rate * BURST_US as f64).max(FIRST_PACKETS.into())
}
