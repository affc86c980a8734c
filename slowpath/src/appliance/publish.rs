//! What others read of the control loop: the published copy, pages of connections, durations.

use std::collections::BTreeSet;

use fastpath::worker::event::Event;
use fastpath::worker::request::{Reply, What};

use super::Appliance;
use super::copies::Copies;
use crate::bounce::Ledger;
use crate::ike::TunnelId;
use crate::limits::COPIED_PER_TURN;
use crate::stats::measures::{Measures, Negotiations, SlowpathHistogram};
use crate::stats::published::{EventStats, InterfaceStats, Mailbox, Published, TunnelStats};
use crate::stats::questions::{Answering, CONNS_PER_PAGE, ConnCursor, ConnPage, ConnQuestion};
use crate::stats::view::isakmp_sa::IsakmpSa;
use crate::stats::view::vpn_bounce::VpnBounce;
use crate::time::Time;

/// Time between two copies.
const PUBLISH_MS: u64 = 500;

/// The control loop's ends of what the statistics thread reads.
pub struct StatsEnds {
    /// Where copies go.
    pub mailbox: Mailbox,
    /// Questions about connections.
    pub answering: Answering,
    /// Durations.
    pub measures: Measures,
    /// A monotonic clock in microseconds, for what takes less than a turn.
    pub stopwatch_us: Box<dyn Fn() -> u64>,
}

impl std::fmt::Debug for StatsEnds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatsEnds").finish_non_exhaustive()
    }
}

/// A question that the workers are answering.
struct Asked {
    question: ConnQuestion,
    ticket: u32,
    answers_left: u8,
    page: ConnPage,
}

/// What is under way for readers.
pub(super) struct Publishing {
    ends: StatsEnds,
    asked: Option<Asked>,
    /// When the next round begins.
    next: Time,
    /// Tunnels of the round that is under way, and where it goes on.
    round: Option<(Vec<TunnelStats>, TunnelId)>,
    copies: Copies<TunnelStats>,
    events: EventStats,
    /// Bounces whose outage, and whose resume, was counted.
    counted: [BTreeSet<u32>; 2],
    negotiations: Negotiations<TunnelId>,
}

impl Publishing {
    pub(super) fn new(ends: StatsEnds, now: Time) -> Self {
        Self {
            ends,
            asked: None,
            next: now,
            round: None,
            copies: Copies::default(),
            events: EventStats::default(),
            counted: [BTreeSet::new(), BTreeSet::new()],
            negotiations: Negotiations::default(),
        }
    }

    pub(super) fn count(&mut self, event: &Event) {
        let events = &mut self.events;
        let counter = match event {
            Event::ConnBuilt(_) => &mut events.conns_built,
            Event::ConnTeardown { .. } => &mut events.conns_torn_down,
            Event::Xlate { built: true, .. } => &mut events.xlates_built,
            Event::Xlate { built: false, .. } => &mut events.xlates_torn_down,
            Event::Denied { .. } => &mut events.denied,
            Event::AccessLog { .. } => &mut events.access_logged,
            Event::Ipsec { .. } => &mut events.ipsec_refused,
            Event::RekeyWanted { .. } => &mut events.rekeys_wanted,
            Event::Bounce(_) => &mut events.bounce_reports,
            Event::PeerMoved { .. } => &mut events.peers_moved,
        };
        *counter += 1;
    }

    pub(super) fn stopwatch_us(&self) -> u64 {
        (self.ends.stopwatch_us)()
    }

    /// Counts the time since `begin_us`, a former reading of the stopwatch.
    pub(super) fn record_since(&mut self, histogram: SlowpathHistogram, begin_us: u64) {
        let duration_us = self.stopwatch_us().saturating_sub(begin_us);
        self.record_us(histogram, duration_us);
    }

    /// Counts a duration.
    pub(super) fn record_us(&mut self, histogram: SlowpathHistogram, duration_us: u64) {
        self.ends.measures.record_us(histogram, duration_us);
    }

    /// Counts what the ledger has come to know since the last call.
    fn measure_bounces(&mut self, ledger: &Ledger) {
        let [outages, resumes] = &mut self.counted;
        let measures = &mut self.ends.measures;
        for bounce in ledger.bounces() {
            if let Some(ready) = bounce.ready
                && outages.insert(bounce.number)
            {
                measures.record_between(SlowpathHistogram::BounceOutage, bounce.down, ready);
            }
            if let Some(first_us) = bounce.first_resumed_us
                && resumes.insert(bounce.number)
            {
                measures.record_us(SlowpathHistogram::BounceResume, u64::from(first_us));
            }
        }
        let oldest = ledger.bounces().next().map_or(0, |bounce| bounce.number);
        for counted in &mut self.counted {
            *counted = counted.split_off(&oldest);
        }
    }

    /// IKE has begun to negotiate a tunnel.
    pub(super) fn negotiation_begun(&mut self, tunnel: TunnelId, now: Time) {
        self.negotiations.begin(tunnel, now);
    }

    /// The phase-1 SA under these negotiations has come up.
    pub(super) fn phase1_up(&mut self, now: Time, is_meant: impl Fn(TunnelId) -> bool) {
        if let Some(begun) = self.negotiations.advance(now, is_meant) {
            let measures = &mut self.ends.measures;
            measures.record_between(SlowpathHistogram::IkePhase1, begun, now);
        }
    }

    /// A tunnel's first SA pair has come up, or its negotiation has failed.
    pub(super) fn negotiation_ended(&mut self, tunnel: TunnelId, now: Time, up: bool) {
        if let (Some(begun), true) = (self.negotiations.end(tunnel), up) {
            let measures = &mut self.ends.measures;
            measures.record_between(SlowpathHistogram::IkePhase2, begun, now);
        }
    }
}

impl Appliance {
    /// A bounded step of everything that readers want.
    pub(super) fn publish_state(&mut self, now: Time) {
        self.ask_workers();
        self.publishing.copies.free();
        if now >= self.publishing.next {
            self.publishing.next = now.after_ms(PUBLISH_MS);
            let Publishing { round, copies, .. } = &mut self.publishing;
            // With all the room that it takes: to grow costs more than a turn's share.
            let count = self.tunnels.count();
            round.get_or_insert_with(|| (copies.room(count), TunnelId(0)));
        }
        if let Some((mut tunnels, first)) = self.publishing.round.take() {
            let (rows, next) = self
                .tunnels
                .stats_from(first, COPIED_PER_TURN, now, &self.fastpath);
            tunnels.extend(rows);
            match next {
                Some(next) => self.publishing.round = Some((tunnels, next)),
                None => self.publish_copy(tunnels, now),
            }
        }
        self.publishing.ends.measures.turn();
    }

    fn publish_copy(&mut self, tunnels: Vec<TunnelStats>, now: Time) {
        let interface = |it: &config::Interface| InterfaceStats {
            hardware: it.hardware.clone(),
            nameif: it.nameif.clone(),
            address: it.address.map(|(address, _)| address),
            shutdown: it.shutdown,
            port: self.facts.port(&it.hardware),
        };
        let ledger = self.tunnels.ledger();
        self.publishing.measure_bounces(ledger);
        let unix_ms = |at: Time| self.wall_ms.saturating_sub(now.since_ms(at));
        let bounces = ledger
            .bounces()
            .map(|bounce| VpnBounce::new(bounce, unix_ms));
        let flow_drops = self.flow_drops.rows();
        let flow_drops = crate::stats::view::asp_drop::AspDrop::new(&[], &flow_drops).flows;
        let ike_sas = self.engine.ike_sas(now);
        let tunnels = self.publishing.copies.publish(tunnels);
        let copy = Published {
            unix_ms: self.wall_ms,
            now_ms: now.0,
            version: self.version(now),
            interfaces: self.config.interfaces.iter().map(interface).collect(),
            inactive_items: self.noted as u64,
            log: self.logger.stats(),
            snmp: self.snmp.stats(),
            events: self.publishing.events,
            flow_drops: flow_drops.iter().map(|row| (row.key, row.count)).collect(),
            ike_sas: ike_sas.iter().map(IsakmpSa::from).collect(),
            tunnels,
            bounces_made: u64::from(ledger.made()),
            bounces: bounces.collect(),
        };
        self.publishing.ends.mailbox.publish(copy);
    }

    fn ask_workers(&mut self) {
        if self.publishing.asked.is_some() {
            return;
        }
        let Some(question) = self.publishing.ends.answering.poll() else {
            return;
        };
        let page = ConnPage {
            id: question.id,
            conns: Vec::new(),
            next: None,
        };
        let what = What::Page {
            worker: question.cursor.worker,
            cursor: question.cursor.entry,
            limit: CONNS_PER_PAGE,
        };
        // Without room in the rings there is no answer, and the client asks again.
        self.publishing.asked = self.fastpath.request(what).map(|ticket| Asked {
            question,
            ticket,
            answers_left: self.fastpath.workers(),
            page,
        });
    }

    /// Takes an answer to the question in hand; `false` for one to somebody else.
    pub(super) fn paged(&mut self, reply: &Reply, now: Time) -> bool {
        let Some(mut asked) = self.publishing.asked.take() else {
            return false;
        };
        let mine = match reply {
            Reply::Conn {
                ticket, hot, cold, ..
            } if *ticket == asked.ticket => {
                asked.page.conns.push(self.conn_row(hot, cold, now));
                true
            }
            Reply::Done {
                ticket,
                worker,
                next,
                ..
            } if *ticket == asked.ticket => {
                if *worker == asked.question.cursor.worker {
                    asked.page.next = self.page_after(*worker, *next);
                }
                asked.answers_left = asked.answers_left.saturating_sub(1);
                true
            }
            _ => false,
        };
        if asked.answers_left == 0 {
            self.publishing.ends.answering.answer(asked.page);
        } else {
            self.publishing.asked = Some(asked);
        }
        mine
    }

    /// Where the page behind one of `worker` begins.
    fn page_after(&self, worker: u8, next: Option<u32>) -> Option<ConnCursor> {
        if let Some(entry) = next {
            return Some(ConnCursor { worker, entry });
        }
        let worker = worker.saturating_add(1);
        (worker < self.fastpath.workers()).then_some(ConnCursor { worker, entry: 0 })
    }
}
