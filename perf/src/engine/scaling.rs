//! Two and more workers: what they do to each other, and what handing a packet over costs.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fastpath::cpu;
use fastpath::dpdk::Eal;

use super::gateway::{Generator, blueprint, budget, burst, sizes};
use crate::eal::pin;
use crate::measure::{BURST, Sample, Subject, block, summary};
use crate::options::{Direction, Run};
use crate::report::Figure;
use crate::rig::{Lane, Loop, Packets, Rig, Tunnel};

/// Rounds of one worker, then all: the shortest interleaving that has an interval.
const ROUNDS_MIN: u32 = 10;
/// Time of one round, blocks and calibrations.
const ROUND: Duration = Duration::from_millis(20);
/// Packets that may be under way between two workers: half of the handoff ring.
const UNDER_WAY_MAX: u64 = 512;

/// Cycles per packet of each worker in one round, and whether all were undisturbed.
type Round = (Vec<f64>, bool);

/// Speed-up of all workers over one, or the cost of the handoff.
pub(super) fn run(eal: Eal, run: &Run) -> Result<Vec<Figure>, String> {
    let mut rig = Rig::build(eal, &blueprint(run))?;
    let lanes = std::mem::take(&mut rig.lanes);
    let figures = if run.handoff {
        handoff(run, lanes, &rig.tunnels)
    } else {
        side_by_side(run, lanes, &rig.tunnels)
    };
    figures.map_err(|error| format!("{error}:{}", rig.drops()))
}

fn rounds(run: &Run) -> u32 {
    let wanted = Duration::from_millis(run.duration_ms).as_millis() / ROUND.as_millis();
    (wanted as u32).max(ROUNDS_MIN)
}

fn side_by_side(run: &Run, lanes: Vec<Lane>, tunnels: &[Tunnel]) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    let (size, source) = sizes(run).into_iter().next().ok_or("no size")?;
    let barrier = Barrier::new(lanes.len());
    let count = lanes.len();
    // Made before the threads: who failed there would leave the others at the barrier.
    let generators: Vec<_> = lanes
        .iter()
        .map(|lane| Generator::new(run, lane.id, source.clone()))
        .collect::<Result<_, _>>()?;
    let workers: Vec<Vec<[(f64, bool); 2]>> = std::thread::scope(|scope| {
        let handles: Vec<_> = lanes
            .into_iter()
            .zip(generators)
            .map(|(lane, mut generator)| {
                let barrier = &barrier;
                scope.spawn(move || {
                    pin(lane.id);
                    let mut lane = lane.enter();
                    (0..rounds(run))
                        .map(|_| both_phases(run, &mut lane, &mut generator, tunnels, barrier))
                        .collect()
                })
            })
            .collect();
        let joined = handles.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined
            .collect::<Result<_, _>>()
            .map_err(|_| "a worker panicked")
    })?;
    let phase = |phase: usize, of: &[usize]| -> Vec<Round> {
        (0..rounds(run) as usize)
            .map(|round| {
                let values = of.iter().map(|worker| workers[*worker][round][phase]);
                (
                    values.clone().map(|it| it.0).collect(),
                    values.clone().all(|it| it.1),
                )
            })
            .collect()
    };
    let all: Vec<usize> = (0..count).collect();
    let alone = figure("gateway seal one worker", size, phase(0, &[0]));
    let together = figure("gateway seal all workers", size, phase(1, &all));
    let speed_up = alone.value / together.value * count as f64;
    figures.push(Figure::single(
        "gateway speed-up",
        count as u64,
        speed_up,
        "x",
    ));
    figures.extend([alone, together]);
    Ok(figures)
}

/// Worker 0 alone, then all; a failure is an infinite cost.
fn both_phases(
    run: &Run,
    lane: &mut Loop,
    generator: &mut Generator,
    tunnels: &[Tunnel],
    barrier: &Barrier,
) -> [(f64, bool); 2] {
    let tsc_hz = budget(run).tsc_hz;
    let mut one = |lane: &mut Loop| {
        let id = lane.id;
        let mut burst = || burst(lane, generator, tunnels, Direction::Seal);
        match block(tsc_hz, &mut burst) {
            Ok((value, end)) => (value, end.is_ok()),
            Err(error) => {
                eprintln!("holdfast-perf: worker {id}: {error}");
                (f64::INFINITY, false)
            }
        }
    };
    barrier.wait();
    let alone = if lane.id == 0 { one(lane) } else { (0.0, true) };
    barrier.wait();
    [alone, one(lane)]
}

fn figure(name: &str, size: usize, rounds: Vec<Round>) -> Figure {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (mut clean, mut disturbed) = (Vec::new(), Vec::new());
    for (values, undisturbed) in rounds {
        let list = if undisturbed {
            &mut clean
        } else {
            &mut disturbed
        };
        list.push(mean(&values));
    }
    let subject = Subject {
        name: name.to_owned(),
        size: size as u64,
        unit: "TSC cycles/packet",
    };
    summary(subject, &clean, &disturbed)
}

/// What the receiving worker tells.
#[derive(Debug, Default)]
struct Meter {
    done: AtomicU64,
    cycles: AtomicU64,
    stop: AtomicBool,
}

/// Packets of worker 1's flows arrive at worker 0, which hands them over.
fn handoff(run: &Run, lanes: Vec<Lane>, tunnels: &[Tunnel]) -> Result<Vec<Figure>, String> {
    let mut lanes = lanes.into_iter();
    let (Some(first), Some(second)) = (lanes.next(), lanes.next()) else {
        return Err("a handoff needs two workers".to_owned());
    };
    let (size, source) = sizes(run).into_iter().next().ok_or("no size")?;
    let meter = Meter::default();
    let ready = Barrier::new(2);
    std::thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            pin(second.id);
            ready.wait();
            receive(second.enter(), &meter);
        });
        // Under a real-time priority the other thread needs this CPU until it has its own.
        ready.wait();
        pin(first.id);
        let mut lane = first.enter();
        let figure = Generator::new(run, 1, source).and_then(|mut generator| {
            let subject = Subject {
                name: "gateway seal handed over, both cores".to_owned(),
                size: size as u64,
                unit: "TSC cycles/packet",
            };
            crate::measure::measure(subject, budget(run), || {
                send(&mut lane, &mut generator, &meter)
            })
        });
        meter.stop.store(true, Ordering::Release);
        receiver
            .join()
            .map_err(|_| "the receiving worker panicked")?;
        let _ = tunnels;
        Ok(vec![figure?])
    })
}

/// Steps the receiving worker; only turns that found something count.
fn receive(mut lane: Loop, meter: &Meter) {
    let mut came = Packets::new();
    while !meter.stop.load(Ordering::Acquire) {
        let start = cpu::tsc();
        let busy = lane.worker.step(start);
        let cycles = cpu::tsc() - start;
        if busy {
            lane.outside.receive(&mut came);
            meter.cycles.fetch_add(cycles, Ordering::Relaxed);
            meter.done.fetch_add(came.len() as u64, Ordering::Release);
            came.clear();
        }
    }
}

/// One burst into worker 0; the cycles of both workers since the last call.
fn send(lane: &mut Loop, generator: &mut Generator, meter: &Meter) -> Result<Sample, String> {
    let before = (
        meter.done.load(Ordering::Acquire),
        meter.cycles.load(Ordering::Relaxed),
    );
    let (mut packets, mut sent, mut cycles) = (Packets::new(), 0, 0);
    while sent < UNDER_WAY_MAX {
        generator.clear(lane, &mut packets)?;
        lane.inside.send(&mut packets)?;
        let start = cpu::tsc();
        lane.worker.step(start);
        cycles += cpu::tsc() - start;
        sent += BURST as u64;
    }
    let start = cpu::tsc();
    while meter.done.load(Ordering::Acquire) - before.0 < sent {
        if cpu::tsc() - start > crate::rig::rate() {
            return Err("handed-over packets are missing".to_owned());
        }
        std::hint::spin_loop();
    }
    cycles += meter.cycles.load(Ordering::Relaxed) - before.1;
    Ok(Sample {
        cycles,
        items: sent,
    })
}
