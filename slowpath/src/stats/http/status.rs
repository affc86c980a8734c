//! What the status page shows, as one JSON object.

use fastpath::dpdk::Ports;
use fastpath::verdict::{DropReason, Severity};
use serde_json::{Value, json};

use crate::stats::commands::percentile_values;
use crate::stats::histograms::Histograms;
use crate::stats::published::Published;
use crate::stats::reading::Reading;
use crate::stats::view::asp_drop::reasons;

/// Tunnels that the page shows; of the rest it shows the number. Those that are down come first.
const TUNNELS_MAX: usize = 256;
/// Bounces that the page shows.
const BOUNCES_MAX: usize = 32;

pub(super) fn status(reading: &Reading) -> Value {
    let published = reading.published();
    let totals = reading.totals();
    let workers = reading.workers.iter().map(|worker| {
        let counters = worker.counters.snapshot();
        json!({
            "name": worker.name,
            "cpu": worker.cpu,
            "busy_cycles": counters.busy_cycles,
            "bursts": counters.bursts,
            "received": counters.received,
            "conns": counters.conns,
        })
    });
    json!({
        "unix_ms": reading.unix_ms(),
        "tsc_hz": reading.tsc_hz,
        "health": reading.health(),
        "box": published.as_deref().map(about),
        "totals": {
            "received": totals.received,
            "received_bytes": totals.received_bytes,
            "sent": totals.sent,
            "sent_bytes": totals.sent_bytes,
            "opened": totals.opened,
            "sealed": totals.sealed,
            "dropped": reasons().map(|reason| totals.drops_of(reason)).sum::<u64>(),
            "conns": totals.conns,
            "conns_most": totals.conns_most,
        },
        "workers": workers.collect::<Vec<_>>(),
        "interfaces": published.as_deref().map(interfaces),
        "tunnels": published.as_deref().map(tunnels),
        "tunnels_all": published.as_deref().map_or(0, |it| it.tunnels.len()),
        "bounces": published.as_deref().map(bounces),
        "bounces_all": published.as_deref().map_or(0, |it| it.bounces_made),
        "drops": drops(&totals),
        "histograms": histograms(reading),
    })
}

fn about(published: &Published) -> Value {
    json!({
        "hostname": published.version.hostname,
        "version": published.version.version,
        "build": published.version.build,
        "cpu": published.version.cpu,
        "log": published.log,
    })
}

fn interfaces(published: &Published) -> Vec<Value> {
    let rows = published.interfaces.iter().map(|it| {
        let stats = it.port.and_then(Ports::stats).unwrap_or_default();
        let link = it.port.and_then(Ports::link).is_some_and(|link| link.up);
        json!({
            "hardware": it.hardware,
            "nameif": it.nameif,
            "address": it.address,
            "state": match (it.shutdown, it.port, link) {
                (true, _, _) => "shutdown",
                (_, None, _) => "no device",
                (_, _, false) => "no link",
                _ => "up",
            },
            "rx_bytes": stats.rx_bytes,
            "tx_bytes": stats.tx_bytes,
            "errors": stats.rx_missed + stats.rx_errors + stats.rx_no_buffer + stats.tx_errors,
        })
    });
    rows.collect()
}

fn tunnels(published: &Published) -> Vec<Value> {
    let mut tunnels: Vec<_> = published.tunnels.iter().collect();
    let is_up = |state| state == crate::stats::view::vpn_context::ContextState::Up;
    tunnels.sort_by_key(|it| (is_up(it.state), it.tunnel));
    let shown = tunnels.into_iter().take(TUNNELS_MAX);
    shown
        .filter_map(|it| serde_json::to_value(it).ok())
        .collect()
}

fn bounces(published: &Published) -> Vec<Value> {
    let newest = published.bounces.iter().rev().take(BOUNCES_MAX);
    newest
        .filter_map(|it| serde_json::to_value(it).ok())
        .collect()
}

fn drops(totals: &fastpath::counters::Snapshot) -> Vec<Value> {
    let counted = reasons().map(|reason| (reason, totals.drops_of(reason)));
    let mut counted: Vec<(DropReason, u64)> = counted.filter(|(_, count)| *count > 0).collect();
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let rows = counted.into_iter().map(|(reason, count)| {
        json!({
            "key": reason.key(),
            "text": reason.help(),
            "severity": match reason.severity() {
                Severity::Normal => "normal",
                Severity::Suspicious => "suspicious",
                Severity::Exhaustion => "exhaustion",
            },
            "count": count,
        })
    });
    rows.collect()
}

fn histograms(reading: &Reading) -> Vec<Value> {
    let rows = Histograms::specs().filter_map(|spec| {
        let counts = reading.histograms.counts(spec.name, None)?;
        let mut row = percentile_values(&counts);
        if let Value::Object(fields) = &mut row {
            fields.insert("name".to_owned(), json!(spec.name));
            fields.insert("unit".to_owned(), json!(spec.unit.suffix()));
            fields.insert("help".to_owned(), json!(spec.help));
        }
        Some(row)
    });
    rows.collect()
}
