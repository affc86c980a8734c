//! `show conn`, `show xlate`, `clear conn`: requests that the workers answer bit by bit.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use fastpath::conn::{Cold, Hot, TICKS_PER_S, Timeouts, entry_flag};
use fastpath::packet::{Side, protocol};
use fastpath::tunnel::SlotState;
use fastpath::worker::request::{Filter, Reply, What};

use super::Appliance;
use crate::cli;
use crate::control_socket::{ClientId, Format};
use crate::limits::REPLIES_PER_TURN;
use crate::stats::view::conn::{Conn, ConnTable};
use crate::stats::view::raw_conn::RawConn;
use crate::stats::view::to_json;
use crate::stats::view::xlate::{Xlate, XlateTable};
use crate::time::Time;

/// Bytes that a listed line takes at the most.
const LINE_BYTES: usize = 320;

/// Time for which a listing waits for an operator who takes no line. The workers wait with it, and
/// behind it in their rings the sweeps of tunnels that have dropped: then the rest is thrown away.
const STALL_MAX_MS: u64 = 1_000;

/// How long an operator has taken no line of a listing.
#[derive(Debug, Default)]
struct Patience {
    stalled_since: Option<Time>,
    /// The rest is thrown away.
    is_cut: bool,
}

impl Patience {
    /// How many answers of each of `workers` may be taken when the operator has room for
    /// `room_bytes`.
    fn answers(&mut self, room_bytes: usize, workers: usize, now: Time) -> usize {
        let answers = (room_bytes / LINE_BYTES / workers.max(1)).min(REPLIES_PER_TURN);
        if answers > 0 {
            self.stalled_since = None;
        } else {
            let since = *self.stalled_since.get_or_insert(now);
            self.is_cut |= now.since_ms(since) >= STALL_MAX_MS;
        }
        if self.is_cut {
            REPLIES_PER_TURN
        } else {
            answers
        }
    }
}

/// What is listed or cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Conns { detail: bool },
    RawConns,
    ConnCount,
    Xlates,
    ClearConns,
    ClearXlates,
}

/// A listing with who asked for it.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) client: ClientId,
    pub(super) kind: Kind,
    pub(super) format: Format,
    pub(super) filter: Filter,
    pub(super) pipe: Option<cli::Filter>,
}

/// The header needs numbers that are known only at the end, so each listing counts first.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Counting,
    Listing,
}

#[derive(Debug)]
struct Running {
    listing: Listing,
    stage: Stage,
    ticket: u32,
    answers_left: u8,
    in_use: u64,
    most_used: u64,
    xlates: u64,
    changed: u64,
    listed: u64,
    patience: Patience,
    /// Lines that are not given to the client yet.
    text: String,
}

/// The listing that runs and those that wait; at most one per session.
#[derive(Debug, Default)]
pub(super) struct Listings {
    running: Option<Running>,
    waiting: VecDeque<Listing>,
}

/// Matches nothing: no packet has protocol 255 and port 0 of a connection.
const NOTHING: Filter = Filter {
    address: None,
    port: Some(0),
    protocol: Some(255),
};

impl Listing {
    fn question(&self, stage: &Stage) -> What {
        match (self.kind, stage) {
            (Kind::ClearConns, _) => What::Clear(self.filter),
            (Kind::ClearXlates, _) => What::ClearXlates,
            (Kind::Xlates, Stage::Counting) => What::List(self.filter),
            (_, Stage::Counting) => What::List(NOTHING),
            (_, Stage::Listing) => What::List(self.filter),
        }
    }
}

impl Appliance {
    pub(super) fn list(&mut self, listing: Listing) {
        // One per session that is still there, so sessions bound the queue.
        let Self {
            listings, socket, ..
        } = self;
        listings
            .waiting
            .retain(|waiting| socket.room_bytes(waiting.client).is_ok());
        listings.waiting.push_back(listing);
        self.start_listing();
    }

    fn start_listing(&mut self) {
        if self.listings.running.is_some() {
            return;
        }
        let Some(listing) = self.listings.waiting.pop_front() else {
            return;
        };
        match self.fastpath.request(listing.question(&Stage::Counting)) {
            Some(ticket) => {
                self.listings.running = Some(Running {
                    listing,
                    stage: Stage::Counting,
                    ticket,
                    answers_left: self.fastpath.workers(),
                    in_use: 0,
                    most_used: 0,
                    xlates: 0,
                    changed: 0,
                    listed: 0,
                    patience: Patience::default(),
                    text: String::new(),
                });
            }
            None => self.listings.waiting.push_front(listing),
        }
    }

    /// How many answers of each worker this turn may take: as many lines as the operator has room
    /// for. What is not taken waits in the rings, and the workers wait for room there.
    pub(super) fn listing_room(&mut self, now: Time) -> usize {
        self.start_listing();
        let Some(running) = &mut self.listings.running else {
            return REPLIES_PER_TURN;
        };
        let workers = usize::from(self.fastpath.workers());
        match self.socket.room_bytes(running.listing.client) {
            Ok(room) => running.patience.answers(room, workers, now),
            // Nobody is there any more: the rest is thrown away.
            Err(_) => REPLIES_PER_TURN,
        }
    }

    pub(super) fn listed(&mut self, reply: Reply, now: Time) {
        let Some(mut running) = self.listings.running.take() else {
            return;
        };
        let done = match reply {
            Reply::Conn {
                ticket, hot, cold, ..
            } if ticket == running.ticket => {
                self.entry(&mut running, &hot, &cold, now);
                false
            }
            Reply::Done {
                ticket,
                count,
                in_use,
                most_used,
                ..
            } if ticket == running.ticket => {
                running.changed += u64::from(count);
                running.in_use += u64::from(in_use);
                running.most_used += u64::from(most_used);
                running.answers_left = running.answers_left.saturating_sub(1);
                running.answers_left == 0
            }
            _ => false,
        };
        if !done {
            self.listings.running = Some(running);
        } else if running.stage == Stage::Counting && running.listing.kind.lists() {
            self.second_stage(running, now);
        } else {
            self.end_listing(running, now);
        }
    }

    fn entry(&mut self, running: &mut Running, hot: &Hot, cold: &Cold, now: Time) {
        if running.patience.is_cut {
            return;
        }
        let translated = hot.has(entry_flag::SOURCE_TRANSLATED);
        if running.stage == Stage::Counting {
            running.xlates += u64::from(translated);
            return;
        }
        let json = running.listing.format == Format::Json;
        let text = match running.listing.kind {
            Kind::Conns { detail } => {
                let conn = self.conn_row(hot, cold, now);
                match (json, detail) {
                    (true, _) => to_json(&conn),
                    (false, true) => conn.render_detail(),
                    (false, false) => conn.render(),
                }
            }
            Kind::RawConns => {
                let raw = RawConn::new(hot, cold);
                if json { to_json(&raw) } else { raw.render() }
            }
            Kind::Xlates if translated => {
                let xlate = xlate_row(hot, cold);
                if json {
                    to_json(&xlate)
                } else {
                    xlate.render()
                }
            }
            _ => return,
        };
        let separator = if json && running.listed > 0 { "," } else { "" };
        running.listed += 1;
        running.print(&format!("{separator}{text}"));
    }

    fn second_stage(&mut self, mut running: Running, now: Time) {
        let header = self.header(&running);
        running.print(&header);
        // The counting has just left room in every ring.
        if let Some(ticket) = self
            .fastpath
            .request(running.listing.question(&Stage::Listing))
        {
            running.stage = Stage::Listing;
            running.ticket = ticket;
            running.answers_left = self.fastpath.workers();
            self.listings.running = Some(running);
        } else {
            self.end_listing(running, now);
        }
    }

    fn header(&self, running: &Running) -> String {
        let (in_use, most_used) = match running.listing.kind {
            Kind::Xlates => (
                running.xlates,
                self.flow_drops.xlates_most.max(running.xlates),
            ),
            _ => (running.in_use, running.most_used),
        };
        let table = ConnTable {
            in_use,
            most_used,
            conns: Vec::new(),
        };
        match (running.listing.format, running.listing.kind) {
            (Format::Json, Kind::Xlates) => open_array(&to_json(&XlateTable {
                in_use,
                most_used,
                xlates: Vec::new(),
            })),
            (Format::Json, _) => open_array(&to_json(&table)),
            (Format::Text, Kind::Conns { detail: true }) => table.render_detail_header(),
            (Format::Text, _) => table.render_header(),
        }
    }

    fn end_listing(&mut self, running: Running, now: Time) {
        if running.patience.is_cut {
            let text = "ERROR: % The listing was not read and has been cut short\n".to_owned();
            self.finish_with(running.listing.client, text, true, now);
            return self.start_listing();
        }
        let json = running.listing.format == Format::Json;
        let count = || ConnTable {
            in_use: running.in_use,
            most_used: running.most_used,
            conns: Vec::new(),
        };
        let text = match running.listing.kind {
            Kind::Conns { .. } | Kind::RawConns | Kind::Xlates if json => "]}\n".to_owned(),
            Kind::Conns { .. } | Kind::RawConns | Kind::Xlates => String::new(),
            Kind::ConnCount if json => to_json(&count()) + "\n",
            Kind::ConnCount => count().render_header(),
            Kind::ClearConns => format!("{} connection(s) deleted.\n", running.changed),
            Kind::ClearXlates => format!("INFO: {} xlates deleted\n", running.changed),
        };
        let text = running.text + &text;
        self.finish_with(running.listing.client, text, false, now);
        self.start_listing();
    }

    /// Gives the client the lines of this turn.
    pub(super) fn flush_listing(&mut self, now: Time) {
        if let Some(running) = &mut self.listings.running
            && !running.text.is_empty()
        {
            // Who is gone is noticed by `listing_room`.
            let _gone = self
                .socket
                .reply(running.listing.client, &running.text, now);
            running.text.clear();
        }
    }

    pub(super) fn conn_row(&self, hot: &Hot, cold: &Cold, now: Time) -> Conn {
        let ticks = now.since_ms(self.facts.workers_started) * u64::from(TICKS_PER_S) / 1000;
        // A worker's clock may be a little ahead of this one.
        let now_ticks = (ticks as u32).max(hot.last_seen);
        let nameif = |index: u8| {
            self.policy
                .interface(index)
                .map_or("unknown", |interface| interface.nameif.as_str())
        };
        let timeout = Timeouts::from_policy(&self.policy.timeouts).timeout_of(hot);
        let timeout_s = timeout / TICKS_PER_S;
        Conn::from_entry(
            hot,
            cold,
            nameif,
            now_ticks,
            u64::from(timeout_s),
            self.is_orphan(hot),
        )
    }

    /// A TCP flow that outlives its tunnel.
    fn is_orphan(&self, hot: &Hot) -> bool {
        let slots = &self.fastpath.shared().slots;
        hot.protocol == protocol::TCP
            && hot
                .slots
                .iter()
                .filter(|slot| slot.get().is_some())
                .any(|&slot| {
                    let word = slots.word(slot);
                    word.preserve() && word.state() != SlotState::Up
                })
    }
}

impl Running {
    fn print(&mut self, text: &str) {
        match &mut self.listing.pipe {
            Some(pipe) => self.text.push_str(&pipe.apply(text)),
            None => self.text.push_str(text),
        }
    }
}

impl Kind {
    /// Whether rows follow the numbers.
    const fn lists(self) -> bool {
        matches!(self, Self::Conns { .. } | Self::RawConns | Self::Xlates)
    }
}

/// An object whose last member is an empty array, open for the array's items.
fn open_array(object: &str) -> String {
    object.strip_suffix("]}").unwrap_or(object).to_owned()
}

fn xlate_row(hot: &Hot, cold: &Cold) -> Xlate {
    let (local, local_port) = match hot.initiator() {
        Side::Low => (hot.low_address, hot.low_port),
        Side::High => (hot.high_address, hot.high_port),
    };
    Xlate::Port {
        protocol: hot.protocol,
        global: Ipv4Addr::from_bits(cold.mapped_address),
        global_port: cold.mapped_port,
        local: Ipv4Addr::from_bits(local),
        local_port,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_who_reads_gets_as_much_as_there_is_room_for() {
        let mut patience = Patience::default();
        for second in 0..10 {
            let now = Time(second * 10 * STALL_MAX_MS);
            assert_eq!(patience.answers(10 * LINE_BYTES, 2, now), 5);
            assert_eq!(patience.answers(0, 2, now), 0);
        }
        assert_eq!(patience.answers(usize::MAX, 2, Time(0)), REPLIES_PER_TURN);
        assert!(!patience.is_cut);
    }

    #[test]
    fn a_listing_that_nobody_reads_holds_the_workers_no_longer_than_its_bound() {
        let mut patience = Patience::default();
        assert_eq!(patience.answers(LINE_BYTES - 1, 1, Time(5)), 0);
        assert_eq!(patience.answers(0, 1, Time(5 + STALL_MAX_MS - 1)), 0);
        assert_eq!(
            patience.answers(0, 1, Time(5 + STALL_MAX_MS)),
            REPLIES_PER_TURN
        );
        // What was thrown away is missing: it stays cut.
        assert_eq!(
            patience.answers(LINE_BYTES, 1, Time(6 + STALL_MAX_MS)),
            REPLIES_PER_TURN
        );
        assert!(patience.is_cut);
    }
}
