//! For harnesses and tests: the product's own workers without threads of their own.
//!
//! A [`Stepper`] is a worker as the product runs it, whose loop the caller turns. Ports, rings,
//! tables and the control side are the real ones.

use crate::control::{Fastpath, Parts, Settings, StartError};
use crate::dpdk::Eal;
use crate::limits::WORKERS_MAX;
use crate::worker::Worker;

/// A worker that no thread has yet.
pub struct Unlaunched(Parts);

/// A worker whose loop the caller turns. It belongs to one thread.
pub struct Stepper(Worker);

/// Assembles the fastpath with `workers` workers (1 to [`WORKERS_MAX`]) that the caller runs.
pub fn assemble(
    eal: Eal,
    settings: &Settings,
    ports: &[u16],
    workers: usize,
) -> Result<(Fastpath, Vec<Unlaunched>), StartError> {
    match workers {
        0 => return Err(StartError::NoWorker),
        count if count > WORKERS_MAX => return Err(StartError::TooManyWorkers(count)),
        _ => {}
    }
    let (fastpath, parts) = Fastpath::assemble(eal, settings, ports, workers)?;
    Ok((fastpath, parts.into_iter().map(Unlaunched).collect()))
}

impl Unlaunched {
    /// The worker, for the calling thread.
    ///
    /// # Panics
    /// Never: each reader is taken once.
    pub fn take(self) -> Stepper {
        Stepper(self.0.into_worker().expect("each reader is taken once"))
    }
}

impl Stepper {
    /// One pass of the worker's loop at `now_tsc`: everything from receiving to the quiescent
    /// state. Whether there was anything to do.
    #[inline]
    pub fn step(&mut self, now_tsc: u64) -> bool {
        self.0.step(now_tsc)
    }

    /// Lets `cycles` of the TSC pass for the worker's timers, as if it had started earlier.
    pub fn pass_time(&mut self, cycles: u64) {
        self.0.start_tsc = self.0.start_tsc.wrapping_sub(cycles);
    }

    /// Connections in the worker's table.
    pub fn connections(&self) -> u32 {
        self.0.core.conns.len()
    }

    /// Frees what stands in the worker's rings and tables, as a stopping worker does.
    pub fn finish(self) {
        self.0.finish();
    }
}

impl std::fmt::Debug for Unlaunched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unlaunched")
    }
}

impl std::fmt::Debug for Stepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stepper")
    }
}
