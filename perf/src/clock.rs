//! Two clocks, and what disturbs a measurement: a changed core clock, a stolen CPU.

use std::fs;
use std::hint::black_box;

use fastpath::cpu;

/// Multiplications of one calibration: about ten microseconds.
const CHAIN_LEN: u32 = 12_000;
/// Core cycles of one dependent 64-bit multiplication on every x86-64 core since 2008.
const MULTIPLY_CYCLES: u32 = 3;
/// Times that a calibration is repeated; the fastest counts.
const CHAIN_ROUNDS: u32 = 5;
/// Largest change of the core clock within a block.
const DRIFT_MAX: f64 = 0.02;
/// Largest share of a block that the thread may have waited for its CPU.
const WAIT_MAX: f64 = 0.002;

/// Core cycles per TSC cycle, by a chain of dependent multiplications: additions of constants are
/// renamed away by recent cores, multiplications are not.
pub(crate) fn core_per_tsc() -> f64 {
    let best = (0..CHAIN_ROUNDS).map(|_| chain()).min().unwrap_or(1).max(1);
    f64::from(CHAIN_LEN * MULTIPLY_CYCLES) / best as f64
}

fn chain() -> u64 {
    let mut value = black_box(0x9e37_79b9_7f4a_7c15_u64);
    let start = cpu::tsc();
    for _ in 0..CHAIN_LEN {
        value = value.wrapping_mul(value);
    }
    black_box(value);
    cpu::tsc() - start
}

/// Why a block does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disturbance {
    /// The core clock changed against the TSC.
    Drift,
    /// The hypervisor took the CPU.
    Steal,
    /// Another thread had the CPU.
    Wait,
}

/// Nanoseconds of a tick in `/proc/stat`.
pub(crate) const TICK_NS: f64 = 1e7;

/// Nanoseconds that this process has lost so far: its busiest thread to other threads, and all CPUs
/// to the hypervisor.
pub(crate) fn lost_ns() -> f64 {
    let waited = measurer_waited_ns("self").unwrap_or(0);
    waited as f64 + steal_ticks() as f64 * TICK_NS
}

/// What is remembered at the beginning of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    core_per_tsc: f64,
    steal_ticks: u64,
    waited_ns: u64,
    start_tsc: u64,
}

impl Guard {
    /// Begins a block.
    pub(crate) fn begin() -> Self {
        Self {
            core_per_tsc: core_per_tsc(),
            steal_ticks: steal_ticks(),
            waited_ns: waited_ns("thread-self"),
            start_tsc: cpu::tsc(),
        }
    }

    /// Ends it: core cycles per TSC cycle, or why the block does not count.
    pub(crate) fn end(self, tsc_hz: u64) -> Result<f64, Disturbance> {
        let cycles = cpu::tsc() - self.start_tsc;
        let waited_ns = waited_ns("thread-self") - self.waited_ns;
        let taken_ns = cycles as f64 * 1e9 / tsc_hz.max(1) as f64;
        if steal_ticks() != self.steal_ticks {
            return Err(Disturbance::Steal);
        }
        if waited_ns as f64 > taken_ns * WAIT_MAX {
            return Err(Disturbance::Wait);
        }
        let now = core_per_tsc();
        if (now / self.core_per_tsc - 1.0).abs() > DRIFT_MAX {
            return Err(Disturbance::Drift);
        }
        Ok(now)
    }
}

/// Clock ticks that the hypervisor has taken from all CPUs, 0 where it does not say.
pub(crate) fn steal_ticks() -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    parse_steal(&text)
}

/// The eighth figure of the line of all CPUs (proc(5)).
fn parse_steal(text: &str) -> u64 {
    let line = text.lines().next().unwrap_or_default();
    line.split_whitespace()
        .nth(8)
        .and_then(|field| field.parse().ok())
        .unwrap_or(0)
}

/// Nanoseconds that a task was runnable without a CPU.
fn waited_ns(task: &str) -> u64 {
    ran_and_waited_ns(task)[1]
}

/// Nanoseconds that a process's measuring thread has waited for its CPU; `None` when it is gone.
///
/// It is the one that has run longest. The others share CPUs with whatever is measured, and may
/// wait as long as they like.
pub(crate) fn measurer_waited_ns(process: &str) -> Option<u64> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let tasks = tasks.flatten().map(|task| {
        let id = task.file_name();
        ran_and_waited_ns(&format!("{process}/task/{}", id.to_string_lossy()))
    });
    tasks.max().map(|[_, waited]| waited)
}

/// Nanoseconds that a task has run, and that it was runnable without a CPU: the first two figures
/// of its `schedstat`.
fn ran_and_waited_ns(task: &str) -> [u64; 2] {
    let text = fs::read_to_string(format!("/proc/{task}/schedstat")).unwrap_or_default();
    let mut figures = text.split_whitespace();
    [(); 2].map(|()| {
        let figure = figures.next().and_then(|field| field.parse().ok());
        figure.unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steal_is_the_eighth_figure() {
        let text = "cpu  725631 24622 207589 1533684 17044 0 3200 720 5 6\ncpu0 1 2 3\n";
        assert_eq!(parse_steal(text), 720);
        assert_eq!(parse_steal(""), 0);
    }

    #[test]
    fn the_core_clock_is_of_the_order_of_the_tsc() {
        let ratio = core_per_tsc();
        assert!((0.1..10.0).contains(&ratio), "{ratio}");
    }
}
