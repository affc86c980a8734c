//! What the stopwatch of a worker costs: a burst without traffic, timed as the line times it.
//!
//! Per burst: begin, the marks of the seven steps, both marks of ESP, end, turn. The figures are of
//! one of 128 bursts measured (what a box does by default), of every burst, of none, and of a line
//! without a stopwatch.

use fastpath::crypto::Direction;
use fastpath::histogram::histograms;
use fastpath::worker::{SAMPLE_BURSTS_DEFAULT, Step, Timing, WorkerHistogram};

use super::gateway::budget;
use crate::measure::{BURST, Sample, Subject, measure, timed};
use crate::options::Run;
use crate::report::Figure;

/// TSC rate of the stopwatch: its value changes nothing of what recording costs.
const HZ: u64 = 2_000_000_000;
/// Bursts between two readings of the clock: many samples at the default rate.
const BURSTS: u64 = 128 * 16;
const STEPS: [Step; 7] = [
    Step::Parse,
    Step::Open,
    Step::Lookup,
    Step::Establish,
    Step::Rewrite,
    Step::Seal,
    Step::Transmit,
];

pub(super) fn run(run: &Run) -> Result<Vec<Figure>, String> {
    let mut figures = vec![empty(run)?];
    for every in [SAMPLE_BURSTS_DEFAULT, 1, 0] {
        figures.push(stopwatch(run, every)?);
    }
    Ok(figures)
}

/// What calling and counting cost alone.
fn empty(run: &Run) -> Result<Figure, String> {
    let subject = subject("recording without a stopwatch".to_owned());
    measure(subject, budget(run), || {
        let cycles = timed(|| (0..BURSTS).for_each(|_| nothing()));
        Ok(Sample {
            cycles,
            items: BURSTS,
        })
    })
}

fn subject(name: String) -> Subject {
    Subject {
        name,
        size: BURST as u64,
        unit: "TSC cycles/burst",
    }
}

#[inline(never)]
fn nothing() {
    std::hint::black_box(BURST);
}

fn stopwatch(run: &Run, every: u32) -> Result<Figure, String> {
    let (recorder, _reader) = histograms(WorkerHistogram::SPECS.len());
    let mut timing = Timing::new(recorder, every, HZ, 7);
    let name = match every {
        0 => "recording off".to_owned(),
        every => format!("recording 1 of {every} bursts"),
    };
    measure(subject(name), budget(run), || {
        let cycles = timed(|| (0..BURSTS).for_each(|_| burst(&mut timing)));
        Ok(Sample {
            cycles,
            items: BURSTS,
        })
    })
}

#[inline(never)]
fn burst(timing: &mut Timing) {
    let packets = std::hint::black_box(BURST);
    timing.begin_burst();
    timing.received(packets);
    timing.begin_line(packets);
    for step in STEPS {
        timing.lap(step, packets);
    }
    for direction in [Direction::Open, Direction::Seal] {
        let begin = timing.begin_esp();
        timing.end_esp(direction, begin, std::iter::repeat_n(1400, packets));
    }
    timing.end_burst(packets);
    timing.turn();
}
