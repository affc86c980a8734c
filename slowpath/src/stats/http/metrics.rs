//! Metrics as OpenMetrics text.

mod histogram;
mod text;

use fastpath::counters::Snapshot;
use fastpath::dpdk::{PortStats, Ports};
use fastpath::verdict::Severity;

use self::text::{Kind, Text};
use crate::stats::commands::PUNT_NAMES;
use crate::stats::published::{Published, TunnelStats};
use crate::stats::reading::Reading;
use crate::stats::view::asp_drop::reasons;
use crate::stats::view::vpn_context::ContextState;

/// Tunnels with series of their own; of more there are the sums.
const TUNNELS_MAX: usize = 1_000;

/// Everything there is, with the end mark.
pub(super) fn render(reading: &Reading) -> String {
    let mut text = Text::default();
    let published = reading.published();
    system(&mut text, reading, published.as_deref());
    threads(&mut text, reading);
    drops(&mut text, reading);
    ports(&mut text, reading);
    if let Some(published) = &published {
        tunnels(&mut text, published);
        slowpath(&mut text, published);
    }
    histogram::all(&mut text, &reading.histograms);
    text.end()
}

fn system(text: &mut Text, reading: &Reading, published: Option<&Published>) {
    if let Some(published) = published {
        let version = &published.version;
        text.family(Kind::Info, "build", "What runs here.");
        let dpdk = fastpath::dpdk::version();
        text.sample(
            "_info",
            &[
                ("version", &version.version),
                ("dpdk", &dpdk),
                ("build", &version.build),
                ("hostname", &version.hostname),
            ],
            1,
        );
    }
    let health = reading.health();
    text.gauge(
        "healthy",
        "1 when every worker and the control loop turn.",
        health.ok,
    );
    text.gauge("uptime_seconds", "Time since the start.", health.uptime_s);
    text.gauge(
        "workers_stalled",
        "Workers whose loop does not turn.",
        health.workers_stalled,
    );
    let age_s = health.control_age_ms as f64 / 1000.0;
    text.gauge(
        "control_age_seconds",
        "Age of the control loop's last copy of its state.",
        age_s,
    );
    text.gauge(
        "inactive_items",
        "Items of the configuration without effect.",
        health.inactive_items,
    );
}

fn threads(text: &mut Text, reading: &Reading) {
    let sets = reading.counters();
    let value = |set: &Snapshot, wanted: &str| {
        let mut scalars = set.scalars();
        scalars
            .find(|(name, _)| *name == wanted)
            .map_or(0, |(_, value)| value)
    };
    for (name, help) in Snapshot::COUNTERS {
        text.family(Kind::Counter, name, help);
        for (thread, set) in &sets {
            text.sample("_total", &[("thread", thread)], value(set, name));
        }
    }
    let gauges = [
        ("held", "Packets that stay with a thread between two loops."),
        ("conns", "Connections in use."),
        ("conns_most", "Most connections that were ever in use."),
    ];
    for (name, help) in gauges {
        text.family(Kind::Gauge, name, help);
        for (thread, set) in &sets {
            text.sample("", &[("thread", thread)], value(set, name));
        }
    }
}

fn drops(text: &mut Text, reading: &Reading) {
    let totals = reading.totals();
    text.family(Kind::Counter, "drops", "Packets dropped, by reason.");
    for reason in reasons() {
        let severity = match reason.severity() {
            Severity::Normal => "normal",
            Severity::Suspicious => "suspicious",
            Severity::Exhaustion => "exhaustion",
        };
        let labels = [("reason", reason.key()), ("severity", severity)];
        text.sample("_total", &labels, totals.drops_of(reason));
    }
    text.family(
        Kind::Counter,
        "punts",
        "Packets sent to the control loop, by class.",
    );
    for (class, count) in PUNT_NAMES.into_iter().zip(totals.punted) {
        text.sample("_total", &[("class", class)], count);
    }
}

/// Name, meaning, value of each counter of a port.
type PortCounter = (&'static str, &'static str, fn(&PortStats) -> u64);

const PORT_COUNTERS: [PortCounter; 8] = [
    ("port_rx_packets", "Packets that the port received.", |it| {
        it.rx_packets
    }),
    ("port_tx_packets", "Packets that the port sent.", |it| {
        it.tx_packets
    }),
    ("port_rx_bytes", "Bytes that the port received.", |it| {
        it.rx_bytes
    }),
    ("port_tx_bytes", "Bytes that the port sent.", |it| {
        it.tx_bytes
    }),
    (
        "port_rx_missed",
        "Packets that found no free descriptor.",
        |it| it.rx_missed,
    ),
    ("port_rx_errors", "Packets that came with errors.", |it| {
        it.rx_errors
    }),
    (
        "port_rx_no_buffer",
        "Packets that found no free buffer.",
        |it| it.rx_no_buffer,
    ),
    ("port_tx_errors", "Packets that could not be sent.", |it| {
        it.tx_errors
    }),
];

fn ports(text: &mut Text, reading: &Reading) {
    let ports: Vec<(String, &str, PortStats)> = reading
        .ports
        .iter()
        .filter_map(|it| {
            Some((
                it.port.to_string(),
                it.device.as_str(),
                Ports::stats(it.port)?,
            ))
        })
        .collect();
    for (name, help, value) in PORT_COUNTERS {
        text.family(Kind::Counter, name, help);
        for (port, device, stats) in &ports {
            text.sample(
                "_total",
                &[("port", port), ("device", device)],
                value(stats),
            );
        }
    }
    text.family(Kind::Gauge, "port_link_up", "1 when the port has link.");
    for port in &reading.ports {
        let up = Ports::link(port.port).is_some_and(|link| link.up);
        let number = port.port.to_string();
        text.sample(
            "",
            &[("port", &number), ("device", &port.device)],
            u8::from(up),
        );
    }
    text.family(Kind::Gauge, "buffers_free", "Free buffers of a pool.");
    for (pool, buffers) in reading.pools {
        text.sample("", &[("pool", pool)], buffers.available());
    }
}

/// Name, meaning, value of each counter of a tunnel.
type TunnelCounter = (&'static str, &'static str, fn(&TunnelStats) -> u64);

const TUNNEL_COUNTERS: [TunnelCounter; 6] = [
    ("tunnel_packets_in", "Packets opened.", |it| it.packets_in),
    ("tunnel_bytes_in", "Bytes opened.", |it| it.bytes_in),
    ("tunnel_packets_out", "Packets sealed.", |it| it.packets_out),
    ("tunnel_bytes_out", "Bytes sealed.", |it| it.bytes_out),
    (
        "tunnel_replayed",
        "Packets that anti-replay refused.",
        |it| it.replayed,
    ),
    (
        "tunnel_not_authentic",
        "Packets whose authentication failed.",
        |it| it.not_authentic,
    ),
];

fn tunnels(text: &mut Text, published: &Published) {
    let tunnels = &published.tunnels;
    text.family(Kind::Gauge, "tunnels", "Configured tunnels, by state.");
    for (state, name) in [
        (ContextState::Up, "up"),
        (ContextState::Pending, "pending"),
        (ContextState::Down, "down"),
        (ContextState::Deleting, "deleting"),
    ] {
        let count = tunnels.iter().filter(|it| it.state == state).count();
        text.sample("", &[("state", name)], count);
    }
    text.family(
        Kind::Counter,
        "bounces",
        "Tunnels that went down under their flows.",
    );
    text.sample("_total", &[], published.bounces_made);
    let shown: Vec<([String; 4], &TunnelStats)> = tunnels
        .iter()
        .take(TUNNELS_MAX)
        .map(|it| {
            let map = format!("{} {}", it.map, it.sequence);
            let labels = [
                it.tunnel.to_string(),
                map,
                it.peer.to_string(),
                it.remote.clone(),
            ];
            (labels, it)
        })
        .collect();
    let mut rows = |name, kind, help, suffix, value: &dyn Fn(&TunnelStats) -> u64| {
        text.family(kind, name, help);
        for ([tunnel, map, peer, remote], stats) in &shown {
            let labels = [
                ("tunnel", &**tunnel),
                ("map", map),
                ("peer", peer),
                ("remote", remote),
            ];
            text.sample(suffix, &labels, value(stats));
        }
    };
    let up = |it: &TunnelStats| u64::from(it.state == ContextState::Up);
    rows(
        "tunnel_up",
        Kind::Gauge,
        "1 when the tunnel carries packets.",
        "",
        &up,
    );
    let preserve = |it: &TunnelStats| u64::from(it.preserve);
    rows(
        "tunnel_preserve",
        Kind::Gauge,
        "1 when its TCP flows outlive it.",
        "",
        &preserve,
    );
    for (name, help, value) in TUNNEL_COUNTERS {
        rows(name, Kind::Counter, help, "_total", &value);
    }
}

fn slowpath(text: &mut Text, published: &Published) {
    text.gauge("ike_sas", "Phase-1 SAs.", published.ike_sas.len());
    let log = published.log;
    text.family(
        Kind::Counter,
        "log_messages",
        "Messages of the log, by where they went.",
    );
    for (sink, count) in [
        ("buffer", log.buffered),
        ("hosts", log.trapped),
        ("console", log.console),
        ("file", log.file),
        ("rate_limited", log.rate_limited),
        ("queue_dropped", log.queue_dropped),
        ("host_errors", log.host_errors),
    ] {
        text.sample("_total", &[("sink", sink)], count);
    }
    text.gauge(
        "log_hosts_down",
        "TCP syslog hosts that do not answer.",
        log.hosts_down,
    );
    let snmp = published.snmp;
    text.family(
        Kind::Counter,
        "snmp_traps",
        "SNMP traps, by what became of them.",
    );
    for (fate, count) in [
        ("sent", snmp.sent),
        ("refused", snmp.errors),
        ("dropped", snmp.dropped),
    ] {
        text.sample("_total", &[("fate", fate)], count);
    }
    text.family(Kind::Counter, "events", "Events that the workers told.");
    let events = serde_json::to_value(published.events).unwrap_or_default();
    for (event, count) in events.as_object().into_iter().flatten() {
        text.sample("_total", &[("event", event)], count.as_u64().unwrap_or(0));
    }
    text.family(
        Kind::Counter,
        "flow_drops",
        "Flows torn down, by reason, since they were cleared.",
    );
    for (reason, count) in &published.flow_drops {
        text.sample("_total", &[("reason", reason)], count);
    }
}
