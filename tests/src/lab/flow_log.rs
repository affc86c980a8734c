//! The box's log, read for connections and tunnels (message texts as on the ASA).

use std::collections::BTreeSet;

/// `302013`: a TCP connection was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The connection's id.
    pub id: u64,
    /// First endpoint, `INTERFACE:ADDRESS/PORT`.
    pub first: String,
    /// Second endpoint.
    pub second: String,
}

/// `302014`: a TCP connection was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Teardown {
    /// The connection's id.
    pub id: u64,
    /// The text after the byte count.
    pub reason: String,
    /// From `%ASA-` to the end.
    pub message: String,
}

/// The reason with which a dropped tunnel takes its flows.
pub const TORN_DOWN: &str = "Tunnel has been torn down";

/// Log lines that say something about tunnels: start of each message after the level.
pub mod messages {
    /// IKE phase 1 is complete.
    pub const PHASE_1_UP: &str = "-713119: ";
    /// IKE phase 2 is complete: the tunnel is up.
    pub const TUNNEL_UP: &str = "-713120: ";
    /// Dead-peer detection gave the peer up.
    pub const PEER_LOST: &str = "-713123: ";
    /// A TCP segment that belongs to no connection.
    pub const NO_CONNECTION: &str = "-106015: ";
}

/// Every built TCP connection in order.
pub fn built(log: &str) -> Vec<Built> {
    log.lines().filter_map(built_line).collect()
}

/// Every removed TCP connection in order.
pub fn teardowns(log: &str) -> Vec<Teardown> {
    log.lines().filter_map(teardown_line).collect()
}

/// Ids of connections that were built and not removed; `endpoint` must occur in one of the two
/// ends, as in `10.224.228.10/80`.
pub fn live_ids(log: &str, endpoint: &str) -> BTreeSet<u64> {
    let gone: BTreeSet<u64> = teardowns(log)
        .into_iter()
        .map(|teardown| teardown.id)
        .collect();
    ids(log, endpoint)
        .into_iter()
        .filter(|id| !gone.contains(id))
        .collect()
}

/// Ids of all connections that were built with `endpoint` at one end.
pub fn ids(log: &str, endpoint: &str) -> BTreeSet<u64> {
    let ends_there = |end: &str| {
        end.split_once(':')
            .is_some_and(|(_, rest)| rest == endpoint)
    };
    built(log)
        .into_iter()
        .filter(|flow| ends_there(&flow.first) || ends_there(&flow.second))
        .map(|flow| flow.id)
        .collect()
}

/// Lines that hold `message` (one of [`messages`]).
pub fn count(log: &str, message: &str) -> usize {
    log.lines().filter(|line| line.contains(message)).count()
}

/// `Built inbound TCP connection 7 for outside:A/P (A/P) to inside:B/Q (B/Q)`.
fn built_line(line: &str) -> Option<Built> {
    let (_, text) = line.split_once("-302013: Built ")?;
    let (_, text) = text.split_once(" TCP connection ")?;
    let (id, text) = text.split_once(" for ")?;
    let (first, second) = text.split_once(" to ")?;
    let end = |text: &str| text.split(' ').next().map(str::to_owned);
    Some(Built {
        id: id.parse().ok()?,
        first: end(first)?,
        second: end(second)?,
    })
}

/// `Teardown TCP connection 7 for X to Y duration 0:00:36 bytes 53947 REASON`.
fn teardown_line(line: &str) -> Option<Teardown> {
    let (before, text) = line.split_once("-302014: Teardown TCP connection ")?;
    let start = before.rfind("%ASA-")?;
    let (id, text) = text.split_once(" for ")?;
    let (_, text) = text.split_once(" bytes ")?;
    let (_, reason) = text.split_once(' ').unwrap_or((text, ""));
    Some(Teardown {
        id: id.parse().ok()?,
        reason: reason.trim_end().to_owned(),
        message: line[start..].trim_end().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
Nov 23 2026 10:00:00: %ASA-6-302013: Built inbound TCP connection 7 for \
outside:192.168.30.10/40000 (192.168.30.10/40000) to inside:10.224.228.10/80 (10.224.228.10/80)
%ASA-6-302013: Built inbound TCP connection 8 for outside:192.168.30.10/40001 \
(192.168.30.10/40001) to inside:10.224.228.10/8080 (10.224.228.10/8080)
%ASA-6-302014: Teardown TCP connection 57983 for outside:198.51.100.1/80 to \
inside:10.0.0.100/1135 duration 0:00:36 bytes 53947 Tunnel has been torn down
%ASA-6-106015: Deny TCP (no connection) from 10.224.228.10/80 to 192.168.30.10/40000 \
flags ACK  on interface inside
%ASA-5-713120: Group = 209.165.200.10, IP = 209.165.200.10, PHASE 2 COMPLETED (msgid=033c8971)
";

    #[test]
    fn connections_are_found_by_their_endpoint() {
        assert_eq!(ids(LOG, "10.224.228.10/80"), BTreeSet::from([7]));
        assert_eq!(ids(LOG, "192.168.30.10/40001"), BTreeSet::from([8]));
        assert_eq!(built(LOG).len(), 2);
    }

    #[test]
    fn the_teardown_line_of_the_technical_note_is_read() {
        let found = teardowns(LOG);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id, 57983);
        assert_eq!(found[0].reason, TORN_DOWN);
        assert!(
            found[0]
                .message
                .starts_with("%ASA-6-302014: Teardown TCP connection 57983")
        );
    }

    #[test]
    fn a_removed_connection_is_no_longer_live() {
        let log = format!(
            "{LOG}%ASA-6-302014: Teardown TCP connection 7 for outside:192.168.30.10/40000 to \
             inside:10.224.228.10/80 duration 0:00:01 bytes 1 TCP FINs\n"
        );
        assert!(live_ids(&log, "10.224.228.10/80").is_empty());
        assert_eq!(live_ids(LOG, "10.224.228.10/80"), BTreeSet::from([7]));
    }

    #[test]
    fn messages_are_counted_by_their_number() {
        assert_eq!(count(LOG, messages::NO_CONNECTION), 1);
        assert_eq!(count(LOG, messages::TUNNEL_UP), 1);
        assert_eq!(count(LOG, messages::PEER_LOST), 0);
    }
}
