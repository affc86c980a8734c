//! Ports, under DPDK's own names: what reads a DPDK program reads these.

use std::collections::BTreeMap;

use fastpath::dpdk::{PortFacts, Ports};
use serde_json::{Value, json};

use super::{Answer, Context, Page};

fn port<'a>(context: &Context<'a>, parameters: &str) -> Option<&'a PortFacts> {
    let number: u16 = parameters.trim().parse().ok()?;
    context.reading.ports.iter().find(|it| it.port == number)
}

pub(super) fn list(context: &mut Context<'_>, _: &str) -> Answer {
    let ports = context.reading.ports.iter();
    Answer::Value(json!(ports.map(|it| it.port).collect::<Vec<_>>()))
}

pub(super) fn info(context: &mut Context<'_>, parameters: &str) -> Answer {
    let port = port(context, parameters);
    port.map(|port| {
        let mac = port.mac.map(|byte| format!("{byte:02x}")).join(":");
        json!({
            "name": port.device,
            "port_id": port.port,
            "mac_addr": mac,
            "nb_rx_queues": port.rx_queues,
            "nb_tx_queues": port.tx_queues,
            "rss": u8::from(port.rss),
        })
    })
    .into()
}

pub(super) fn stats(context: &mut Context<'_>, parameters: &str) -> Answer {
    let stats = port(context, parameters).and_then(|it| Ports::stats(it.port));
    stats
        .map(|stats| {
            json!({
                "ipackets": stats.rx_packets,
                "opackets": stats.tx_packets,
                "ibytes": stats.rx_bytes,
                "obytes": stats.tx_bytes,
                "imissed": stats.rx_missed,
                "ierrors": stats.rx_errors,
                "oerrors": stats.tx_errors,
                "rx_nombuf": stats.rx_no_buffer,
            })
        })
        .into()
}

pub(super) fn xstats(context: &mut Context<'_>, parameters: &str) -> Answer {
    let Some(port) = port(context, parameters) else {
        return Answer::Nothing;
    };
    let mut page = Page::default();
    let mut counters: BTreeMap<String, u64> = BTreeMap::new();
    for (name, count) in Ports::xstats(port.port) {
        // A page knows how much fits into an answer.
        if !page.push(&(&name, count)) {
            break;
        }
        counters.insert(name, count);
    }
    Answer::Value(json!(counters))
}

pub(super) fn link_status(context: &mut Context<'_>, parameters: &str) -> Answer {
    let link = port(context, parameters).and_then(|it| Ports::link(it.port));
    link.map(|link| {
        let mut value = json!({ "status": if link.up { "UP" } else { "DOWN" } });
        if let (true, Value::Object(fields)) = (link.up, &mut value) {
            fields.insert("speed".to_owned(), json!(link.speed_mbps));
            let duplex = if link.full_duplex {
                "full-duplex"
            } else {
                "half-duplex"
            };
            fields.insert("duplex".to_owned(), json!(duplex));
        }
        value
    })
    .into()
}

pub(super) fn buffers(context: &mut Context<'_>, _: &str) -> Answer {
    let pools = context.reading.pools;
    let free = pools.map(|(name, pool)| (name, pool.available()));
    Answer::Value(json!(BTreeMap::from(free)))
}
