//! What other threads read of the running fastpath: counters, histograms, ports, pools.

use std::sync::Arc;

use super::Fastpath;
use crate::counters::WorkerCounters;
use crate::dpdk::{Lcore, Pool, PortFacts, tsc_hz};
use crate::histogram::Reader;
use crate::histogram_table;

histogram_table! {
    /// The histograms of the slowpath's side of the fastpath.
    pub enum ControlHistogram {
        PuntWait, "punt_wait_ns", Nanoseconds,
            "Time of a packet between the worker's turn that sent it to the control loop and its arrival there.";
        SwapGrace, "swap_grace_ns", Nanoseconds,
            "Time from the swap of an SA, a slot or a policy to the release of the old one: every worker has passed.";
    }
}

/// One worker to a reader.
#[derive(Debug)]
pub struct WorkerTelemetry {
    /// Number of its lcore.
    pub lcore: u32,
    /// The CPU on which it runs.
    pub cpu: Option<usize>,
    /// Its counters.
    pub counters: Arc<WorkerCounters>,
    /// Its histograms, in the order of [`crate::worker::WorkerHistogram::SPECS`].
    pub histograms: Reader,
    /// Those of its preserved flows, in the order of [`crate::worker::ResumeHistogram::SPECS`].
    pub resume_histograms: Reader,
}

/// Everything that may be read while the workers run, by one thread that is none of theirs.
#[derive(Debug)]
pub struct Telemetry {
    /// The workers in order.
    pub workers: Vec<WorkerTelemetry>,
    /// The slowpath's counters.
    pub control_counters: Arc<WorkerCounters>,
    /// The slowpath's histograms, in the order of [`ControlHistogram::SPECS`].
    pub control_histograms: Reader,
    /// The ports that were started.
    pub ports: Vec<PortFacts>,
    /// The pools of buffers, by name.
    pub pools: [(&'static str, Pool); 2],
    /// TSC cycles per second.
    pub tsc_hz: u64,
}

impl Fastpath {
    /// The readers' side of the fastpath. There is one: `None` from the second call on. Whoever
    /// has it stops to read ports before [`Fastpath::stop`] closes them.
    pub fn telemetry(&mut self) -> Option<Telemetry> {
        let control_histograms = self.histograms.take()?;
        let workers = self.workers.iter_mut();
        let workers = workers.filter_map(|worker| {
            Some(WorkerTelemetry {
                lcore: worker.lcore.map_or(0, Lcore::id),
                cpu: worker.lcore.and_then(Lcore::cpu),
                counters: Arc::clone(&worker.counters),
                histograms: worker.histograms.take()?,
                resume_histograms: worker.resume.latency.take()?,
            })
        });
        Some(Telemetry {
            workers: workers.collect(),
            control_counters: Arc::clone(self.counters.counters()),
            control_histograms,
            ports: self.ports.clone(),
            pools: [("frames", self.pool), ("large", self.large)],
            tsc_hz: tsc_hz(),
        })
    }
}
