//! The line in clear: translated UDP flows, then whole TCP connections with access list and
//! event records.

use fastpath::dpdk::Eal;
use fastpath::packet::{FlowKey, protocol};
use fastpath::wire::tcp::flag::{ACK, FIN, PSH, SYN};

use super::gateway::budget;
use crate::load::flows::{Flows, Sizes};
use crate::measure::{BURST, Sample, Subject, measure};
use crate::options::Run;
use crate::report::Figure;
use crate::rig::frames::{Segment, key_of, tcp_frame, udp_frame};
use crate::rig::{Blueprint, Loop, Packets, Rig, Way, plan, rate};

/// Bytes of a segment with text.
const PAYLOAD_LEN: usize = 200;
/// Connections that are opened before their numbers repeat: longer than any timer is armed for.
const CLIENTS: u32 = 2_000_000;
/// A mapped port rests after its connection. So that ports do not run out, the box's timers see
/// this much time pass per burst: 32 of 500,000 ports in 30 seconds, and half as much again.
const REST_PER_BURST_US: u64 = 3_000;
/// Event records taken after each burst.
const EVENTS_TAKEN: usize = 1024;

/// UDP at each size, then connections.
pub(super) fn run(eal: Eal, run: &Run) -> Result<Vec<Figure>, String> {
    let blueprint = Blueprint {
        workers: 1,
        tunnels: 0,
        cipher: run.cipher,
        connections: run.flows + 100_000,
        spread: false,
        aces: run.aces,
        translated: true,
    };
    let mut rig = Rig::build(eal, &blueprint)?;
    let mut lane = rig.lanes.pop().ok_or("no worker")?.enter();
    let mut figures = Vec::new();
    for size in run.ip_sizes() {
        figures.push(forward(run, &mut rig, &mut lane, size)?);
    }
    figures.extend(connections(run, &mut rig, &mut lane)?);
    lane.worker.finish();
    Ok(figures)
}

fn forward(run: &Run, rig: &mut Rig, lane: &mut Loop, size: usize) -> Result<Figure, String> {
    let mut flows = Flows::new(run.flows, run.draw);
    let mut sizes = Sizes::fixed(size);
    let subject = Subject {
        name: "firewall UDP with PAT".to_owned(),
        size: size as u64,
        unit: "TSC cycles/packet",
    };
    let figure = measure(subject, budget(run), || {
        let (mut packets, mut came) = (Packets::new(), Packets::new());
        for _ in 0..BURST {
            let key = plan::clear_flow(flows.next(), protocol::UDP);
            let frame = udp_frame(lane.pool, lane.inside.box_mac, &key, sizes.next());
            packets.push(frame.ok_or("the generator has no buffer")?);
        }
        let sample = lane.pass(Way::Out, &mut packets, &mut came)?;
        rig.fastpath.events(EVENTS_TAKEN, |_, _| ());
        Ok(sample)
    });
    figure.map_err(|error| format!("{error}:{}", rig.drops()))
}

/// Opens, two segments of text, closes: cycles and connections per second.
fn connections(run: &Run, rig: &mut Rig, lane: &mut Loop) -> Result<Vec<Figure>, String> {
    let mut clients = Clients { next: 0 };
    let subject = Subject {
        name: "firewall TCP connection with PAT".to_owned(),
        size: u64::from(run.aces),
        unit: "TSC cycles/conn",
    };
    let figure = measure(subject, budget(run), || {
        let sample = clients.burst(lane)?;
        rig.fastpath.events(EVENTS_TAKEN, |_, _| ());
        Ok(sample)
    });
    let figure = figure.map_err(|error| format!("{error}:{}", rig.drops()))?;
    let per_s = Figure {
        name: "firewall TCP connections".to_owned(),
        value: rate() as f64 / figure.value,
        best: rate() as f64 / figure.best,
        low: rate() as f64 / figure.high,
        high: rate() as f64 / figure.low,
        unit: "conn/s/core".to_owned(),
        ..figure.clone()
    };
    let lost: u64 = rig
        .fastpath
        .counters()
        .iter()
        .map(|set| set.events_lost)
        .sum();
    let lost = Figure::single(
        "firewall event records lost",
        u64::from(run.aces),
        lost as f64,
        "",
    );
    Ok(vec![figure, per_s, lost])
}

/// TCP clients inside, their servers outside.
struct Clients {
    next: u32,
}

/// One segment of a connection's life: by whom, flags, how far sequence numbers are.
struct Stage {
    way: Way,
    flags: u8,
    seq: u32,
    ack: u32,
    payload_len: usize,
}

const CLIENT_SEQ: u32 = 1000;
const SERVER_SEQ: u32 = 9000;
const TEXT: u32 = PAYLOAD_LEN as u32;

/// Open, text both ways, close: eight segments.
const STAGES: [Stage; 8] = [
    stage(Way::Out, SYN, CLIENT_SEQ, 0, 0),
    stage(Way::In, SYN | ACK, SERVER_SEQ, CLIENT_SEQ + 1, 0),
    stage(Way::Out, ACK, CLIENT_SEQ + 1, SERVER_SEQ + 1, 0),
    stage(
        Way::Out,
        ACK | PSH,
        CLIENT_SEQ + 1,
        SERVER_SEQ + 1,
        PAYLOAD_LEN,
    ),
    stage(
        Way::In,
        ACK | PSH,
        SERVER_SEQ + 1,
        CLIENT_SEQ + 1 + TEXT,
        PAYLOAD_LEN,
    ),
    stage(
        Way::Out,
        ACK | FIN,
        CLIENT_SEQ + 1 + TEXT,
        SERVER_SEQ + 1 + TEXT,
        0,
    ),
    stage(
        Way::In,
        ACK | FIN,
        SERVER_SEQ + 1 + TEXT,
        CLIENT_SEQ + 2 + TEXT,
        0,
    ),
    stage(
        Way::Out,
        ACK,
        CLIENT_SEQ + 2 + TEXT,
        SERVER_SEQ + 2 + TEXT,
        0,
    ),
];

const fn stage(way: Way, flags: u8, seq: u32, ack: u32, payload_len: usize) -> Stage {
    Stage {
        way,
        flags,
        seq,
        ack,
        payload_len,
    }
}

impl Clients {
    /// A burst of connections from SYN to the last ACK.
    fn burst(&mut self, lane: &mut Loop) -> Result<Sample, String> {
        let real: Vec<FlowKey> = (0..BURST)
            .map(|_| {
                self.next = (self.next + 1) % CLIENTS;
                plan::clear_flow(self.next, protocol::TCP)
            })
            .collect();
        // As the servers see them, learnt from the translated SYNs.
        let mut mapped: Vec<FlowKey> = Vec::new();
        let mut cycles = 0;
        for stage in &STAGES {
            let (mut packets, mut came) = (Packets::new(), Packets::new());
            for (at, key) in real.iter().enumerate() {
                packets.push(frame(lane, stage, *key, mapped.get(at))?);
            }
            cycles += lane.pass(stage.way, &mut packets, &mut came)?.cycles;
            if mapped.is_empty() {
                let keys: Option<Vec<_>> = came.iter().map(|it| key_of(it.data())).collect();
                mapped = keys.ok_or("a SYN came out without ports")?;
            }
        }
        lane.worker
            .pass_time(rate() / 1_000_000 * REST_PER_BURST_US);
        Ok(Sample {
            cycles,
            items: BURST as u64,
        })
    }
}

fn frame(
    lane: &Loop,
    stage: &Stage,
    real: FlowKey,
    mapped: Option<&FlowKey>,
) -> Result<fastpath::dpdk::Mbuf, String> {
    let (key, box_mac) = match stage.way {
        Way::Out => (real, lane.inside.box_mac),
        Way::In => {
            let mapped = mapped.ok_or("an answer before its SYN")?;
            (mapped.reversed(), lane.outside.box_mac)
        }
    };
    let segment = Segment {
        key,
        seq: stage.seq,
        ack: stage.ack,
        flags: stage.flags,
        payload_len: stage.payload_len,
    };
    tcp_frame(lane.pool, box_mac, &segment).ok_or_else(|| "no buffer".to_owned())
}
