//! The engines, one file each.

mod conn_table;
mod esp;

use std::time::{Duration, Instant};

use clap::ValueEnum;
use fastpath::cpu;

use crate::report::Figure;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// ESP tunnel mode, sealing: AES-128-GCM, bursts of 32, one SA.
    EspSeal,
    /// ESP tunnel mode, opening: the same.
    EspOpen,
    /// Connection look-up, bursts of 32, random order.
    ConnTable,
}

/// What to measure it with.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) sizes: Vec<usize>,
    pub(crate) flows: u32,
    pub(crate) duration_ms: u64,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::EspSeal, Self::EspOpen, Self::ConnTable];

    pub(crate) fn measure(self, load: &Load) -> Result<Vec<Figure>, String> {
        match self {
            Self::EspSeal => esp::seal(load),
            Self::EspOpen => esp::open(load),
            Self::ConnTable => conn_table::lookup(load),
        }
    }
}

/// Packets in a burst, as the line has them.
const BURST: usize = 32;
/// Calls of one block: long enough for the TSC, short enough for many blocks.
const CALLS_PER_BLOCK: u64 = 64;

/// Runs `burst` in blocks for the duration; cycles per item of each block, median and lowest.
/// `burst` gives the cycles that count: what it does to make its input stays out of them.
fn cycles_per_item(load: &Load, mut burst: impl FnMut() -> u64) -> (f64, f64) {
    let end = Instant::now() + Duration::from_millis(load.duration_ms);
    let mut blocks = Vec::new();
    while blocks.len() < 3 || Instant::now() < end {
        let cycles: u64 = (0..CALLS_PER_BLOCK).map(|_| burst()).sum();
        blocks.push(cycles as f64 / (CALLS_PER_BLOCK * BURST as u64) as f64);
    }
    blocks.sort_by(f64::total_cmp);
    (blocks[blocks.len() / 2], blocks[0])
}

/// Cycles that `work` takes.
fn timed(work: impl FnOnce()) -> u64 {
    let start = cpu::tsc();
    work();
    cpu::tsc() - start
}
