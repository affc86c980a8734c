//! Grace periods: what a quiescent report costs against `rte_rcu_qsbr`, and what SA swaps under
//! load do to the bursts of a worker.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastpath::control::Fastpath;
use fastpath::cpu;
use fastpath::dpdk::{Eal, PeerQsbr};
use fastpath::rcu::Domain;
use hdrhistogram::Histogram;

use super::gateway::{Generator, blueprint, budget, burst, sizes};
use crate::clock::Guard;
use crate::eal::pin;
use crate::measure::{Sample, Subject, measure_both, timed};
use crate::options::{Direction, Run};
use crate::report::Figure;
use crate::rig::{Loop, Rig, Tunnel, parameters, peer_spi, rate};
use crate::statistics::median;

/// Reports of one call.
const REPORTS: u32 = 4096;
/// Phases without and with swaps, in turn.
const PHASES: usize = 20;
/// Cycles of the largest burst that is told apart.
const CYCLES_MAX: u64 = 1 << 32;

/// The report, then the swaps.
pub(super) fn run(eal: Eal, run: &Run) -> Result<Vec<Figure>, String> {
    let mut figures = report(run)?.to_vec();
    figures.extend(swaps(eal, run)?);
    Ok(figures)
}

fn report(run: &Run) -> Result<[Figure; 2], String> {
    let (domain, _publisher) = Domain::new(1);
    let mut reader = domain.reader(0).ok_or("the reader is taken")?;
    let mut peer = PeerQsbr::new().ok_or("rte_rcu_qsbr refused")?;
    let subjects = ["rcu quiescent report", "rte_rcu_qsbr quiescent report"].map(|name| Subject {
        name: name.to_owned(),
        size: 1,
        unit: "TSC cycles/report",
    });
    let sample = |cycles| {
        Ok(Sample {
            cycles,
            items: u64::from(REPORTS),
        })
    };
    measure_both(
        subjects,
        budget(run),
        || {
            sample(timed(|| {
                for _ in 0..REPORTS {
                    black_box(&mut reader).quiescent();
                }
            }))
        },
        || sample(timed(|| peer.quiescent(REPORTS))),
    )
}

/// Orders to the thread that swaps, and what it has done.
#[derive(Debug, Default)]
struct Swapper {
    swapping: AtomicBool,
    stop: AtomicBool,
    swapped: AtomicU64,
    refused: AtomicU64,
}

fn swaps(eal: Eal, run: &Run) -> Result<Vec<Figure>, String> {
    let mut rig = Rig::build(eal, &blueprint(run))?;
    let lane = rig.lanes.pop().ok_or("no worker")?;
    let (size, source) = sizes(run).into_iter().next().ok_or("no size")?;
    let Rig {
        fastpath, tunnels, ..
    } = &mut rig;
    let swapper = Swapper::default();
    let ready = Barrier::new(2);
    let figures = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            pin(1);
            ready.wait();
            swap(fastpath, run, tunnels, &swapper);
        });
        // Under a real-time priority the other thread needs this CPU until it has its own.
        ready.wait();
        let mut lane = lane.enter();
        let figures = Generator::new(run, 0, source)
            .map(Generator::unverified)
            .and_then(|mut generator| phases(run, &mut lane, &mut generator, tunnels, &swapper));
        swapper.stop.store(true, Ordering::Release);
        thread.join().map_err(|_| "the swapping thread panicked")?;
        figures
    })?;
    let swapped = swapper.swapped.load(Ordering::Relaxed) as f64;
    let dropped: u64 = rig
        .fastpath
        .counters()
        .iter()
        .map(fastpath::counters::Snapshot::dropped)
        .sum();
    let size = size as u64;
    let [before, during, seconds] = figures;
    Ok(vec![
        Figure::single(
            "rcu p99 burst without swaps",
            size,
            before,
            "TSC cycles/burst",
        ),
        Figure::single("rcu p99 burst with swaps", size, during, "TSC cycles/burst"),
        Figure::single("rcu SA swaps", size, swapped / seconds, "swaps/s"),
        Figure::single("rcu packets lost", size, dropped as f64, "packets"),
        Figure::single(
            "rcu swaps refused",
            size,
            swapper.refused.load(Ordering::Relaxed) as f64,
            "",
        ),
    ])
}

/// p99 of bursts without and with swaps, and the seconds with.
fn phases(
    run: &Run,
    lane: &mut Loop,
    generator: &mut Generator,
    tunnels: &[Tunnel],
    swapper: &Swapper,
) -> Result<[f64; 3], String> {
    let mut p99: [Vec<f64>; 2] = Default::default();
    let mut seconds = 0.0;
    let length = Duration::from_millis(run.duration_ms) / 4;
    for phase in 0..2 * PHASES {
        let with = phase % 2;
        swapper.swapping.store(with == 1, Ordering::Release);
        let mut cycles = Histogram::<u64>::new_with_bounds(1, CYCLES_MAX, 3)
            .map_err(|error| error.to_string())?;
        let guard = Guard::begin();
        let begin = Instant::now();
        while begin.elapsed() < length {
            let sample = burst(lane, generator, tunnels, Direction::Seal)?;
            cycles.saturating_record(sample.cycles);
        }
        if with == 1 {
            seconds += begin.elapsed().as_secs_f64();
        }
        if guard.end(rate()).is_ok() {
            p99[with].push(cycles.value_at_quantile(0.99) as f64);
        }
    }
    Ok([median(&p99[0]), median(&p99[1]), seconds])
}

/// Replaces the SAs of all tunnels in turn at the wanted rate.
fn swap(fastpath: &mut Fastpath, run: &Run, tunnels: &[Tunnel], swapper: &Swapper) {
    let period = rate() / u64::from(run.swaps.max(1));
    let (mut next, mut at) = (cpu::tsc(), 0);
    while !swapper.stop.load(Ordering::Acquire) {
        if !swapper.swapping.load(Ordering::Acquire) {
            fastpath.reclaim();
            next = cpu::tsc();
            std::thread::sleep(Duration::from_micros(50));
            continue;
        }
        if cpu::tsc() < next {
            std::hint::spin_loop();
            continue;
        }
        next += period;
        at = (at + 1) % tunnels.len().max(1);
        let parameters = parameters(run.cipher, peer_spi(at as u32), tunnels[at].slot);
        let (owner, publisher) = fastpath.tunnels();
        let counter = match owner.install_outbound(publisher, &parameters) {
            Ok(()) => &swapper.swapped,
            Err(_) => &swapper.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        publisher.poll();
    }
}
