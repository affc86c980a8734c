//! Connections.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Context, Page, cursor};
use crate::stats::questions::{ConnCursor, ConnPage};

pub(super) fn summary(context: &mut Context<'_>, _: &str) -> Answer {
    let totals = context.reading.totals();
    let workers = context.reading.workers.iter();
    let by_worker: BTreeMap<&str, u64> = workers
        .map(|worker| (worker.name.as_str(), worker.counters.snapshot().conns))
        .collect();
    Answer::Value(json!({
        "in_use": totals.conns,
        "most_used": totals.conns_most,
        "by_lcore": by_worker,
    }))
}

pub(super) fn list(_: &mut Context<'_>, parameters: &str) -> Answer {
    let cursor = cursor(parameters).and_then(ConnCursor::from_raw);
    cursor.map_or(Answer::Nothing, Answer::Conns)
}

/// The answer to [`Answer::Conns`] from what the workers said.
pub fn page_answer(answer: &ConnPage) -> Value {
    let mut page = Page::default();
    for conn in &answer.conns {
        // A page of connections is bounded so that it fits.
        let _fits = page.push(conn);
    }
    page.value(answer.next.map(ConnCursor::raw))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::stats::questions::CONNS_PER_PAGE;
    use crate::stats::view::conn::{Conn, ConnEnd, ConnFlags};

    #[test]
    fn the_largest_page_fits() {
        let end = || ConnEnd {
            nameif: "n".repeat(48),
            address: Ipv4Addr::BROADCAST,
            port: u16::MAX,
            mapped: Some(Ipv4Addr::BROADCAST),
        };
        let conn = Conn {
            protocol: 255,
            foreign: end(),
            local: end(),
            idle_s: u64::MAX,
            uptime_s: u64::MAX,
            timeout_s: u64::MAX,
            bytes: u64::MAX,
            flags: ConnFlags::default(),
        };
        let answer = ConnPage {
            id: 1,
            conns: vec![conn; usize::from(CONNS_PER_PAGE)],
            next: Some(ConnCursor {
                worker: 3,
                entry: 9,
            }),
        };
        let value = page_answer(&answer);
        assert_eq!(value["count"], CONNS_PER_PAGE);
        assert_eq!(value["next"], (3_u64 << 32) + 9);
        assert!(value.to_string().len() < super::super::ANSWER_MAX_BYTES);
    }
}
