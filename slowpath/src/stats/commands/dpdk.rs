//! The small answers in DPDK's own telemetry socket.
//!
//! DPDK's thread calls these: they read atomics and the published copy.

use std::sync::Arc;

use fastpath::counters::WorkerCounters;
use fastpath::dpdk::{
    EalError, TelemetryAnswer, TelemetryCommand, TelemetrySource, TelemetryValue,
    register_telemetry,
};
use serde_json::Value;

use super::{COMMANDS, lcore};
use crate::stats::published::Mailbox;
use crate::stats::reading::Reading;
use crate::stats::view::asp_drop::reasons;
use crate::stats::view::vpn_context::ContextState;

type Counters = Vec<(u32, Arc<WorkerCounters>)>;

/// Registers the commands; those that DPDK has itself, or does not take, are left out and named.
pub fn register(reading: &Reading, mailbox: &Mailbox) -> Vec<EalError> {
    let workers = reading.workers.iter();
    let counters: Counters = workers
        .map(|worker| (worker.lcore, Arc::clone(&worker.counters)))
        .collect();
    let control = Arc::clone(&reading.control);
    let all = {
        let counters = counters.clone();
        move || {
            let sets = counters.iter().map(|(_, set)| set).chain([&control]);
            sets.fold(fastpath::counters::Snapshot::default(), |sum, set| {
                &sum + &set.snapshot()
            })
        }
    };
    let totals = all.clone();
    let sources: [(&'static str, TelemetrySource); 6] = [
        (
            "/eal/lcore/list",
            Box::new({
                let counters = counters.clone();
                move |_| {
                    let numbers = counters.iter().map(|(lcore, _)| u64::from(*lcore));
                    Some(TelemetryAnswer::Array(numbers.collect()))
                }
            }),
        ),
        (
            "/eal/lcore/info",
            lcore_info(counters, reading.tsc_hz, mailbox),
        ),
        (
            "/holdfast/counters",
            Box::new(move |_| Some(flat(&lcore::scalars(&totals())))),
        ),
        (
            "/holdfast/drops",
            Box::new(move |_| {
                let totals = all();
                let drops = reasons().map(|reason| {
                    let count = TelemetryValue::Number(totals.drops_of(reason));
                    (dict_name(reason.key()), count)
                });
                Some(TelemetryAnswer::Dict(drops.collect()))
            }),
        ),
        ("/holdfast/version", version(mailbox)),
        ("/holdfast/vpn/summary", vpn(mailbox)),
    ];
    let commands = sources.into_iter().map(|(name, source)| {
        let known = COMMANDS.iter().find(|command| command.name == name);
        TelemetryCommand {
            name,
            help: known.map_or("", |command| command.help),
            source,
        }
    });
    register_telemetry(commands.collect())
}

/// A name as DPDK 22.11 takes it: letters, digits, `_` and `/`.
fn dict_name(key: &str) -> String {
    key.replace('-', "_")
}

/// The numbers and texts of an object.
fn flat(value: &Value) -> TelemetryAnswer {
    let fields = value.as_object().into_iter().flatten();
    let entries = fields.filter_map(|(name, value)| {
        let value = match value {
            Value::Number(number) => TelemetryValue::Number(number.as_u64()?),
            Value::String(text) => TelemetryValue::Text(text.clone()),
            _ => return None,
        };
        Some((name.clone(), value))
    });
    TelemetryAnswer::Dict(entries.collect())
}

fn lcore_info(counters: Counters, tsc_hz: u64, mailbox: &Mailbox) -> TelemetrySource {
    let mailbox = mailbox.clone();
    Box::new(move |parameters| {
        let number: u32 = parameters.trim().parse().ok()?;
        let (lcore, set) = counters.iter().find(|(lcore, _)| *lcore == number)?;
        let now_ms = mailbox.read().map_or(0, |published| published.now_ms);
        let cycles = u128::from(now_ms) * u128::from(tsc_hz) / 1000;
        let number = |name: &str, number| (name.to_owned(), TelemetryValue::Number(number));
        Some(TelemetryAnswer::Dict(vec![
            number("lcore_id", u64::from(*lcore)),
            number("busy_cycles", set.snapshot().busy_cycles),
            number("total_cycles", u64::try_from(cycles).unwrap_or(u64::MAX)),
        ]))
    })
}

fn version(mailbox: &Mailbox) -> TelemetrySource {
    let mailbox = mailbox.clone();
    Box::new(move |_| {
        let published = mailbox.read()?;
        let version = &published.version;
        Some(flat(&serde_json::json!({
            "version": version.version,
            "build": version.build,
            "hostname": version.hostname,
            "uptime_s": version.uptime_s,
            "workers": version.workers,
        })))
    })
}

fn vpn(mailbox: &Mailbox) -> TelemetrySource {
    let mailbox = mailbox.clone();
    Box::new(move |_| {
        let published = mailbox.read()?;
        let tunnels = &published.tunnels;
        let up = tunnels.iter().filter(|it| it.state == ContextState::Up);
        Some(flat(&serde_json::json!({
            "tunnels": tunnels.len(),
            "up": up.count(),
            "ike_sas": published.ike_sas.len(),
        })))
    })
}
