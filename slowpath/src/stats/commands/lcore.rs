//! Workers: counters and load.

use std::collections::BTreeMap;

use fastpath::counters::Snapshot;
use serde_json::{Value, json};

use super::{Answer, Context};
use crate::stats::reading::{Reading, WorkerReading};

pub(super) fn counters(context: &mut Context<'_>, thread: &str) -> Answer {
    let reading = context.reading;
    let snapshot = match thread {
        "" => Some(reading.totals()),
        thread => {
            let mut sets = reading.counters().into_iter();
            sets.find(|(name, _)| name == thread).map(|(_, set)| set)
        }
    };
    snapshot.map(|set| scalars(&set)).into()
}

/// Counters by name, with the sums of the tables.
pub(super) fn scalars(snapshot: &Snapshot) -> Value {
    let mut counters: BTreeMap<&str, u64> = snapshot.scalars().collect();
    counters.insert("dropped", snapshot.dropped());
    counters.insert("punted", snapshot.punted_in_all());
    json!(counters)
}

pub(super) fn lcores(context: &mut Context<'_>, _: &str) -> Answer {
    let rows: BTreeMap<&str, Value> = context
        .reading
        .workers
        .iter()
        .map(|worker| (worker.name.as_str(), load(worker)))
        .collect();
    Answer::Value(json!(rows))
}

fn load(worker: &WorkerReading) -> Value {
    let counters = worker.counters.snapshot();
    let per = |sum: u64, count: u64| sum.checked_div(count).unwrap_or(0);
    json!({
        "lcore_id": worker.lcore,
        "cpu": worker.cpu,
        "loops": counters.loops,
        "busy_loops": counters.busy_loops,
        "busy_cycles": counters.busy_cycles,
        "bursts": counters.bursts,
        "received": counters.received,
        "sent": counters.sent,
        "packets_per_burst": per(counters.received, counters.bursts),
        "cycles_per_packet": per(counters.busy_cycles, counters.received + counters.handed_in),
        "conns": counters.conns,
    })
}

pub(super) fn list(context: &mut Context<'_>, _: &str) -> Answer {
    let workers = context.reading.workers.iter();
    let numbers: Vec<u32> = workers.map(|worker| worker.lcore).collect();
    Answer::Value(json!(numbers))
}

pub(super) fn info(context: &mut Context<'_>, lcore: &str) -> Answer {
    let reading = context.reading;
    let mut workers = reading.workers.iter();
    let worker = workers.find(|worker| lcore == worker.lcore.to_string());
    worker
        .map(|worker| {
            json!({
                "lcore_id": worker.lcore,
                "role": "WORKER",
                "cpuset": worker.cpu.into_iter().collect::<Vec<_>>(),
                "busy_cycles": worker.counters.snapshot().busy_cycles,
                "total_cycles": total_cycles(reading),
            })
        })
        .into()
}

/// TSC cycles since the start of the box.
pub(super) fn total_cycles(reading: &Reading) -> u64 {
    let cycles = u128::from(reading.now().0) * u128::from(reading.tsc_hz) / 1000;
    u64::try_from(cycles).unwrap_or(u64::MAX)
}
