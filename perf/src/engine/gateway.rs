//! The product's own line in a closed loop: from a port's ring through a worker's turn to the
//! other port's ring, sealing or opening. What a packet costs without a NIC.

use fastpath::crypto::{Choice, EngineKind, Engines};
use fastpath::dpdk::Eal;
use fastpath::esp::{
    OpenJob, OpenScratch, OutboundSa, SealJob, SealScratch, open_burst, seal_burst,
};
use fastpath::packet::FlowKey;

use crate::load::flows::{Flows, Sizes};
use crate::measure::{BURST, Budget, Sample, Subject, measure};
use crate::options::{Direction, Run};
use crate::report::Figure;
use crate::rig::frames::{IP_OFFSET, udp_frame, write_ethernet, write_udp};
use crate::rig::{Blueprint, Loop, Packets, Rig, Tunnel, Way, plan};

/// Of a worker's turns; beyond it lie those that the machine disturbed.
const TURN_QUANTILE: f64 = 0.99;
/// Bursts between two packets that the peer opens to see that they are right.
const VERIFY_EVERY: u64 = 256;
/// Largest inner packet of the mix: it fits every suite on a path of 1500 bytes.
const IMIX_LEN_MAX: usize = 1386;

/// A generator of a lane: which flows, which sizes, and the peer's cryptography.
#[derive(Debug)]
pub(super) struct Generator {
    keys: Vec<(FlowKey, u32)>,
    flows: Flows,
    sizes: Sizes,
    seal: SealScratch,
    open: OpenScratch,
    bursts: u64,
    /// Bursts between two that are verified.
    verify_every: u64,
}

impl Generator {
    /// For the lane's own flows, or with `foreign` for those of the next worker.
    pub(super) fn new(run: &Run, worker: u8, sizes: Sizes) -> Result<Self, String> {
        let engines = Engines::with(Choice::Fixed(EngineKind::Portable));
        Ok(Self {
            keys: keys(run, worker),
            flows: Flows::new(run.flows, run.draw),
            sizes,
            seal: SealScratch::new(&engines, &[9; 16]).map_err(|error| error.to_string())?,
            open: OpenScratch::new(&engines).map_err(|error| error.to_string())?,
            bursts: 0,
            // A replay window has one owner.
            verify_every: if run.spread && worker != 0 {
                0
            } else {
                VERIFY_EVERY
            },
        })
    }

    /// Without the peer's look at packets: each new SA begins its sequence numbers anew, which the
    /// peer's replay window would refuse.
    pub(super) fn unverified(mut self) -> Self {
        self.verify_every = 0;
        self
    }

    fn draw(&mut self) -> Result<(FlowKey, u32, usize), String> {
        let number = self.flows.next() as usize;
        let (key, tunnel) = self.keys.get(number).ok_or("there are fewer flows")?;
        Ok((*key, *tunnel, self.sizes.next()))
    }

    /// A burst from inside, in clear; gives the tunnel of the first packet.
    pub(super) fn clear(&mut self, lane: &Loop, packets: &mut Packets) -> Result<u32, String> {
        let mut first = None;
        for _ in 0..BURST {
            let (key, tunnel, len) = self.draw()?;
            first.get_or_insert(tunnel);
            let frame = udp_frame(lane.pool, lane.inside.box_mac, &key, len);
            packets.push(frame.ok_or("the generator has no buffer")?);
        }
        Ok(first.unwrap_or(0))
    }

    /// A burst from outside, sealed by the peer.
    pub(super) fn sealed(
        &mut self,
        lane: &Loop,
        tunnels: &[Tunnel],
        packets: &mut Packets,
    ) -> Result<(), String> {
        let mut facts = Vec::with_capacity(BURST);
        for _ in 0..BURST {
            let (key, tunnel, len) = self.draw()?;
            let sa = &tunnels
                .get(tunnel as usize)
                .ok_or("no such tunnel")?
                .outbound;
            let mut mbuf = lane.pool.allocate().ok_or("the generator has no buffer")?;
            if !mbuf.append(IP_OFFSET + sa.head_len() + len + sa.tail_len(len)) {
                return Err("the packet does not fit a buffer".to_owned());
            }
            write_ethernet(mbuf.data_mut(), lane.outside.box_mac);
            let start = IP_OFFSET + sa.head_len();
            write_udp(&mut mbuf.data_mut()[start..start + len], &key.reversed());
            packets.push(mbuf);
            facts.push((sa, len));
        }
        let jobs = packets.iter_mut().zip(facts);
        let jobs =
            jobs.map(|(packet, (sa, len))| job(sa, &mut packet.data_mut()[IP_OFFSET..], len));
        if seal_burst(&mut self.seal, jobs).all() {
            Ok(())
        } else {
            Err("the peer could not seal".to_owned())
        }
    }

    /// Now and then the peer opens what the box has sealed.
    pub(super) fn verify(
        &mut self,
        tunnels: &[Tunnel],
        tunnel: u32,
        came: &mut Packets,
    ) -> Result<(), String> {
        self.bursts += 1;
        if self.verify_every == 0 || !self.bursts.is_multiple_of(self.verify_every) {
            return Ok(());
        }
        let tunnel = tunnels.get(tunnel as usize).ok_or("no such tunnel")?;
        let packet = came.first_mut().ok_or("nothing came out")?;
        let esp = &mut packet.data_mut()[IP_OFFSET + 20..];
        let job = OpenJob::new(&tunnel.inbound, esp, 0);
        match open_burst(&mut self.open, [job])[0] {
            Ok(_) => Ok(()),
            Err(reason) => Err(format!("the peer refuses a packet: {}", reason.key())),
        }
    }
}

fn job<'a>(sa: &'a OutboundSa, packet: &'a mut [u8], inner_len: usize) -> SealJob<'a> {
    SealJob {
        sa,
        sequence: sa.reserve(inner_len).unwrap_or(u64::MAX),
        packet,
        inner_len,
    }
}

/// The flows of a worker: those whose home it is, through tunnels with which it seals.
pub(super) fn keys(run: &Run, worker: u8) -> Vec<(FlowKey, u32)> {
    let map = fastpath::conn::HomeMap::new(run.workers as u8);
    let workers = u32::from(run.workers.max(1));
    let own = run.tunnels.max(1) / workers;
    let tunnel = |number: u32| {
        if run.spread {
            0
        } else {
            (number % own.max(1)) * workers + u32::from(worker)
        }
    };
    (0_u32..)
        .map(|number| (plan::tunnel_flow(number, tunnel(number)), tunnel(number)))
        .filter(|(key, _)| map.home(key) == worker)
        .take(run.flows as usize)
        .collect()
}

/// What the gateway's rig is built of.
pub(super) fn blueprint(run: &Run) -> Blueprint {
    Blueprint {
        workers: run.workers,
        tunnels: if run.spread {
            1
        } else {
            run.tunnels.max(u32::from(run.workers))
        },
        spread: run.spread,
        cipher: run.cipher,
        connections: run.flows + run.flows / 4 + 1024,
        aces: 0,
        translated: false,
    }
}

/// One burst through the box and back to the generator.
pub(super) fn burst(
    lane: &mut Loop,
    generator: &mut Generator,
    tunnels: &[Tunnel],
    direction: Direction,
) -> Result<Sample, String> {
    let (mut packets, mut came) = (Packets::new(), Packets::new());
    match direction {
        Direction::Seal => {
            let tunnel = generator.clear(lane, &mut packets)?;
            let sample = lane.pass(Way::Out, &mut packets, &mut came)?;
            generator.verify(tunnels, tunnel, &mut came)?;
            Ok(sample)
        }
        Direction::Open => {
            generator.sealed(lane, tunnels, &mut packets)?;
            lane.pass(Way::In, &mut packets, &mut came)
        }
    }
}

/// Each direction and size, one worker.
pub(super) fn run(eal: Eal, run: &Run) -> Result<Vec<Figure>, String> {
    if run.workers > 1 {
        return super::scaling::run(eal, run);
    }
    let mut rig = Rig::build(eal, &blueprint(run))?;
    let lane = rig.lanes.pop().ok_or("no worker")?;
    let mut lane = lane.enter();
    let mut figures = Vec::new();
    let directions = run.direction.map_or_else(
        || vec![Direction::Seal, Direction::Open],
        |direction| vec![direction],
    );
    for direction in directions {
        for (size, sizes) in sizes(run) {
            let mut generator = Generator::new(run, lane.id, sizes)?;
            let figure = measure(subject(run, direction, size), budget(run), || {
                burst(&mut lane, &mut generator, &rig.tunnels, direction)
            });
            figures.push(figure.map_err(|error| format!("{error}:{}", rig.drops()))?);
            let cycles = lane.turns.value_at_quantile(TURN_QUANTILE) as f64;
            let name = format!("{} turn p99", subject(run, direction, size).name);
            let turn_us = cycles * 1e6 / crate::rig::rate() as f64;
            figures.push(Figure::single(&name, size as u64, turn_us, "us"));
            lane.turns.reset();
        }
    }
    lane.worker.finish();
    Ok(figures)
}

/// Sizes to measure, each with its source; 0 names the mix.
pub(super) fn sizes(run: &Run) -> Vec<(usize, Sizes)> {
    if run.imix {
        return vec![(0, Sizes::imix(IMIX_LEN_MAX))];
    }
    let fixed = |size: usize| (size, Sizes::fixed(size));
    run.ip_sizes().into_iter().map(fixed).collect()
}

fn subject(run: &Run, direction: Direction, size: usize) -> Subject {
    let verb = match direction {
        Direction::Seal => "seal",
        Direction::Open => "open",
    };
    Subject {
        name: format!("gateway {verb} {}", run.cipher.name()),
        size: size as u64,
        unit: "TSC cycles/packet",
    }
}

/// How long to measure a figure.
pub(super) fn budget(run: &Run) -> Budget {
    Budget {
        duration: std::time::Duration::from_millis(run.duration_ms),
        tsc_hz: crate::rig::rate(),
    }
}
