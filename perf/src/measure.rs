//! The measuring loop: blocks of bursts, of which the disturbed ones are rejected.

use std::time::{Duration, Instant};

use fastpath::cpu;

use crate::clock::{Disturbance, Guard};
use crate::report::Figure;
use crate::statistics::{interval, median};

/// Packets in a burst, as the line has them.
pub(crate) const BURST: usize = 32;
/// Shortest block: long enough for the clocks, short enough that most pass undisturbed.
const BLOCK: Duration = Duration::from_millis(8);
/// Undisturbed blocks that a figure needs.
const BLOCKS_MIN: usize = 5;
/// How many times its duration a figure may take to get them.
const PATIENCE: u32 = 10;

/// What one call of the measured code took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    /// TSC cycles that count.
    pub(crate) cycles: u64,
    /// Packets, look-ups, connections.
    pub(crate) items: u64,
}

/// What a figure is of.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// Its name.
    pub(crate) name: String,
    /// Bytes of the packet, or number of flows.
    pub(crate) size: u64,
    /// Unit of the value: cycles per something.
    pub(crate) unit: &'static str,
}

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Time for one figure when nothing disturbs.
    pub(crate) duration: Duration,
    /// Rate of the TSC.
    pub(crate) tsc_hz: u64,
}

/// Calls `burst` in blocks and gives the median of the blocks' cycles per item. `burst` counts
/// what counts: what it does to make its input stays out.
pub(crate) fn measure(
    subject: Subject,
    budget: Budget,
    mut burst: impl FnMut() -> Result<Sample, String>,
) -> Result<Figure, String> {
    let begin = Instant::now();
    // Caches, predictors, the first packets of flows.
    while begin.elapsed() < BLOCK {
        burst()?;
    }
    let (mut clean, mut ratios, mut disturbed) = (Vec::new(), Vec::new(), Vec::new());
    let begin = Instant::now();
    while begin.elapsed() < budget.duration || clean.len() < BLOCKS_MIN {
        if begin.elapsed() > budget.duration * PATIENCE {
            break;
        }
        match block(budget.tsc_hz, &mut burst)? {
            (value, Ok(ratio)) => {
                clean.push(value);
                ratios.push(ratio);
            }
            (value, Err(_)) => disturbed.push(value),
        }
    }
    let mut figure = summary(subject, &clean, &disturbed);
    figure.core_per_tsc = median(&ratios);
    Ok(figure)
}

/// As [`measure`] of two things in turn, block by block, so that both see the same machine.
pub(crate) fn measure_both(
    subjects: [Subject; 2],
    budget: Budget,
    mut first: impl FnMut() -> Result<Sample, String>,
    mut second: impl FnMut() -> Result<Sample, String>,
) -> Result<[Figure; 2], String> {
    let mut blocks: [[Vec<f64>; 2]; 2] = Default::default();
    let begin = Instant::now();
    while begin.elapsed() < budget.duration * 2
        || blocks.iter().any(|[clean, _]| clean.len() < BLOCKS_MIN)
    {
        if begin.elapsed() > budget.duration * 2 * PATIENCE {
            break;
        }
        let values = [
            block(budget.tsc_hz, &mut first)?,
            block(budget.tsc_hz, &mut second)?,
        ];
        for ((value, end), [clean, disturbed]) in values.into_iter().zip(&mut blocks) {
            let list = if end.is_ok() { clean } else { disturbed };
            list.push(value);
        }
    }
    let [one, two] = subjects;
    let [[clean, disturbed], [clean_two, disturbed_two]] = &blocks;
    Ok([
        summary(one, clean, disturbed),
        summary(two, clean_two, disturbed_two),
    ])
}

/// The figure of blocks that were clean and of those that were disturbed; the latter stand in
/// where no block was clean, and the figure says so.
pub(crate) fn summary(subject: Subject, clean: &[f64], disturbed: &[f64]) -> Figure {
    let counted = if clean.is_empty() { disturbed } else { clean };
    let [low, high] = interval(counted);
    Figure {
        name: subject.name,
        size: subject.size,
        value: median(counted),
        best: counted.iter().copied().fold(f64::INFINITY, f64::min),
        low,
        high,
        unit: subject.unit.to_owned(),
        core_per_tsc: 0.0,
        blocks: clean.len(),
        rejected: disturbed.len(),
    }
}

/// One block: cycles per item, and whether anything disturbed it.
pub(crate) fn block(
    tsc_hz: u64,
    burst: &mut impl FnMut() -> Result<Sample, String>,
) -> Result<(f64, Result<f64, Disturbance>), String> {
    let guard = Guard::begin();
    let begin = Instant::now();
    let mut sum = Sample::default();
    while begin.elapsed() < BLOCK {
        let sample = burst()?;
        sum.cycles += sample.cycles;
        sum.items += sample.items;
    }
    let value = sum.cycles as f64 / sum.items.max(1) as f64;
    Ok((value, guard.end(tsc_hz)))
}

/// Cycles that `work` takes.
#[inline]
pub(crate) fn timed(work: impl FnOnce()) -> u64 {
    let start = cpu::tsc();
    work();
    cpu::tsc() - start
}
