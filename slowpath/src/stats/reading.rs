//! Everything that the statistics thread reads, and what it derives from it.

use std::sync::Arc;

use fastpath::control::Telemetry;
use fastpath::counters::{Snapshot, WorkerCounters};
use fastpath::dpdk::{Pool, PortFacts};
use fastpath::histogram::Reader;
use serde::Serialize;

use super::histograms::{CONTROL, Histograms, History};
use super::published::{Mailbox, Published};
use super::view::vpn_context::ContextState;
use crate::time::Time;

/// Age of the published copy from which on the control loop counts as stuck.
const CONTROL_STALE_MS: u64 = 5_000;
/// Time between two looks at whether the workers turn.
const LIVENESS_MS: u64 = 1_000;

/// One worker.
#[derive(Debug)]
pub struct WorkerReading {
    /// `lcore1`.
    pub name: String,
    /// Number of its lcore.
    pub lcore: u32,
    /// The CPU on which it runs.
    pub cpu: Option<usize>,
    /// Its counters.
    pub counters: Arc<WorkerCounters>,
    /// Loops at the last look, and whether they had grown since the one before.
    loops: u64,
    turning: bool,
}

/// Sources and what is kept of them.
#[derive(Debug)]
pub struct Reading {
    mailbox: Mailbox,
    /// The workers in order.
    pub workers: Vec<WorkerReading>,
    /// The slowpath's counters.
    pub control: Arc<WorkerCounters>,
    /// Ports that were started.
    pub ports: Vec<PortFacts>,
    /// Pools of buffers.
    pub pools: [(&'static str, Pool); 2],
    /// TSC cycles per second.
    pub tsc_hz: u64,
    /// Histograms.
    pub histograms: Histograms,
    /// The last minutes of them.
    pub history: History,
    /// The copy that was looked at last.
    seen: Option<Arc<Published>>,
    looked: Time,
    now: Time,
    unix_ms: u64,
    start_unix_ms: u64,
}

/// Whether the box works, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// `ok`, `degraded` (something stands still), `starting`.
    pub status: &'static str,
    /// 1 for `ok`, else 0.
    pub ok: u64,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// Workers.
    pub workers: u64,
    /// Workers whose loop does not turn.
    pub workers_stalled: u64,
    /// Milliseconds since the control loop published its state.
    pub control_age_ms: u64,
    /// Ports.
    pub ports: u64,
    /// Configured tunnels.
    pub tunnels: u64,
    /// Those that are up.
    pub tunnels_up: u64,
    /// Phase-1 SAs.
    pub ike_sas: u64,
    /// Connections in use.
    pub conns: u64,
    /// Items of the configuration that are kept without effect.
    pub inactive_items: u64,
    /// Event records that found their ring full.
    pub events_lost: u64,
}

impl Reading {
    /// The sources, at the start of the box.
    pub fn new(
        telemetry: Telemetry,
        slowpath: Reader,
        mailbox: Mailbox,
        (now, unix_ms): (Time, u64),
    ) -> Self {
        let mut workers = Vec::new();
        let mut readers = Vec::new();
        for worker in telemetry.workers {
            let name = format!("lcore{}", worker.lcore);
            readers.push((name.clone(), [worker.histograms, worker.resume_histograms]));
            workers.push(WorkerReading {
                name,
                lcore: worker.lcore,
                cpu: worker.cpu,
                counters: worker.counters,
                loops: 0,
                turning: true,
            });
        }
        Self {
            mailbox,
            workers,
            control: telemetry.control_counters,
            ports: telemetry.ports,
            pools: telemetry.pools,
            tsc_hz: telemetry.tsc_hz,
            histograms: Histograms::new(readers, telemetry.control_histograms, slowpath),
            history: History::new(unix_ms),
            seen: None,
            looked: now,
            now,
            unix_ms,
            start_unix_ms: unix_ms,
        }
    }

    /// Takes what is new.
    pub fn tick(&mut self, now: Time, unix_ms: u64) {
        (self.now, self.unix_ms) = (now, unix_ms);
        self.histograms.collect();
        self.history.tick(&self.histograms, unix_ms);
        self.seen = self.mailbox.read();
        if now.since_ms(self.looked) >= LIVENESS_MS {
            self.looked = now;
            for worker in &mut self.workers {
                let loops = worker.counters.snapshot().loops;
                worker.turning = loops != worker.loops;
                worker.loops = loops;
            }
        }
    }

    /// Time of the last tick.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Wall clock of the last tick, milliseconds since 1970.
    pub fn unix_ms(&self) -> u64 {
        self.unix_ms
    }

    /// Wall clock of the start.
    pub fn start_unix_ms(&self) -> u64 {
        self.start_unix_ms
    }

    /// The control loop's copy; `None` before the first one.
    pub fn published(&self) -> Option<Arc<Published>> {
        self.seen.clone()
    }

    /// Name and counters of every worker in order, then of the control loop.
    pub fn counters(&self) -> Vec<(String, Snapshot)> {
        let workers = self.workers.iter();
        let mut counters: Vec<(String, Snapshot)> = workers
            .map(|worker| (worker.name.clone(), worker.counters.snapshot()))
            .collect();
        counters.push((CONTROL.to_owned(), self.control.snapshot()));
        counters
    }

    /// The counters of the whole box.
    pub fn totals(&self) -> Snapshot {
        let counters = self.counters();
        let sets = counters.iter().map(|(_, set)| set);
        sets.fold(Snapshot::default(), |sum, set| &sum + set)
    }

    /// Whether the box works.
    pub fn health(&self) -> Health {
        let totals = self.totals();
        let stalled = self.workers.iter().filter(|worker| !worker.turning).count();
        let published = self.seen.as_deref();
        let age_ms = published.map_or(0, |it| self.now.since_ms(Time(it.now_ms)));
        let status = match published {
            None => "starting",
            Some(_) if stalled > 0 || age_ms > CONTROL_STALE_MS => "degraded",
            Some(_) => "ok",
        };
        let tunnels = published.map_or(&[][..], |it| &it.tunnels);
        let up = tunnels.iter().filter(|it| it.state == ContextState::Up);
        Health {
            status,
            ok: u64::from(status == "ok"),
            uptime_s: self.now.0 / 1000,
            workers: self.workers.len() as u64,
            workers_stalled: stalled as u64,
            control_age_ms: age_ms,
            ports: self.ports.len() as u64,
            tunnels: tunnels.len() as u64,
            tunnels_up: up.count() as u64,
            ike_sas: published.map_or(0, |it| it.ike_sas.len() as u64),
            conns: totals.conns,
            inactive_items: published.map_or(0, |it| it.inactive_items),
            events_lost: totals.events_lost,
        }
    }
}
