//! The `log` option of access-list entries: one line for the first packet of a flow, then a count
//! per interval (106100).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use fastpath::packet::{FlowKey, protocol};
use fastpath::worker::event::LoggedEntry;

use super::Message;
use crate::limits::{DENIED_FLOWS_MAX, INTERVALS_PER_TURN, PERMITTED_FLOWS_MAX};
use crate::time::Time;

/// Between two 106101: the ASA's default of `access-list alert-interval`.
const ALERT_INTERVAL_MS: u64 = 300_000;

/// What is counted together: what one entry's group decided about packets of one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct FlowId {
    permitted: bool,
    /// Another level or interval counts anew.
    entry: LoggedEntry,
    key: FlowKey,
}

/// A flow within its interval.
#[derive(Debug)]
struct Counted {
    /// The message up to the count.
    head: String,
    /// Packets since the last line.
    hits: u32,
}

/// A packet that an entry logs.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    /// Permitted, else denied.
    pub permitted: bool,
    /// The packet.
    pub key: &'a FlowKey,
    /// ICMP type and code.
    pub icmp: [u8; 2],
    /// `nameif` of the interface by which it came.
    pub ingress: &'a str,
    /// `nameif` of the interface by which it leaves.
    pub egress: &'a str,
    /// Name of the access list.
    pub access_list: &'a str,
    /// The entry.
    pub entry: LoggedEntry,
}

impl Hit<'_> {
    /// Ports as they are printed: those of ICMP are type and code.
    fn ports(&self) -> (u16, u16) {
        if self.key.protocol == protocol::ICMP {
            let [kind, code] = self.icmp.map(u16::from);
            (kind, code)
        } else {
            (self.key.sport, self.key.dport)
        }
    }

    fn id(&self) -> FlowId {
        let (sport, dport) = self.ports();
        FlowId {
            permitted: self.permitted,
            entry: self.entry,
            key: FlowKey {
                sport,
                dport,
                ..*self.key
            },
        }
    }

    fn head(&self) -> String {
        let fate = if self.permitted {
            "permitted"
        } else {
            "denied"
        };
        let name = super::format::protocol_name(self.key.protocol);
        let (sport, dport) = self.ports();
        format!(
            "access-list {} {fate} {name} {}/{}({sport}) -> {}/{}({dport})",
            self.access_list,
            self.ingress,
            super::format::address(self.key.src),
            self.egress,
            super::format::address(self.key.dst),
        )
    }
}

fn message(head: &str, level: u8, hits: u32, span: &str) -> Message {
    let text = format!("{head} hit-cnt {hits} {span} [0x0, 0x0]");
    Message::new(106_100, level, text)
}

/// Flows that entries with `log` have seen, each until an interval passes without a packet of it.
#[derive(Debug, Default)]
pub struct AccessLog {
    flows: HashMap<FlowId, Counted>,
    denied: usize,
    /// When the intervals end, one for each flow.
    ends: BinaryHeap<Reverse<(Time, FlowId)>>,
    alerted: Option<Time>,
}

impl AccessLog {
    /// Counts a packet; the message when there is something to say at once.
    pub fn hit(&mut self, hit: &Hit<'_>, now: Time) -> Option<Message> {
        let id = hit.id();
        if let Some(counted) = self.flows.get_mut(&id) {
            counted.hits = counted.hits.saturating_add(1);
            return None;
        }
        let permitted = self.flows.len() - self.denied;
        if !hit.permitted && self.denied >= DENIED_FLOWS_MAX {
            return self.alert(now);
        }
        let head = hit.head();
        let first = message(&head, hit.entry.level, 1, "first hit");
        if !hit.permitted || permitted < PERMITTED_FLOWS_MAX {
            self.denied += usize::from(!hit.permitted);
            self.flows.insert(id, Counted { head, hits: 0 });
            self.arm(id, now);
        }
        Some(first)
    }

    /// The counts of the intervals that have ended, a turn's share of them at most. A flow of which
    /// nothing came in its interval is forgotten.
    pub fn counts(&mut self, now: Time) -> Vec<Message> {
        let mut messages = Vec::new();
        for _ in 0..INTERVALS_PER_TURN {
            let due = self.ends.peek().is_some_and(|Reverse((at, _))| *at <= now);
            let Some(Reverse((_, id))) = due.then(|| self.ends.pop()).flatten() else {
                break;
            };
            let Some(counted) = self.flows.get_mut(&id) else {
                continue;
            };
            if counted.hits == 0 {
                self.flows.remove(&id);
                self.denied -= usize::from(!id.permitted);
                continue;
            }
            let span = format!("{}-second interval", id.entry.interval_s);
            messages.push(message(&counted.head, id.entry.level, counted.hits, &span));
            counted.hits = 0;
            self.arm(id, now);
        }
        messages
    }

    fn arm(&mut self, id: FlowId, now: Time) {
        let end = now.after_s(u64::from(id.entry.interval_s));
        self.ends.push(Reverse((end, id)));
    }

    /// 106101, unless it was said a short while ago.
    fn alert(&mut self, now: Time) -> Option<Message> {
        let waits = |at| now.since_ms(at) < ALERT_INTERVAL_MS;
        if self.alerted.is_some_and(waits) {
            return None;
        }
        self.alerted = Some(now);
        let text =
            format!("The number of ACL log deny-flows has reached limit ({DENIED_FLOWS_MAX}).");
        Some(Message::new(106_101, 1, text))
    }
}

#[cfg(test)]
#[path = "access_log_tests.rs"]
mod tests;
