//! Answers that come from the workers bit by bit: `show conn`, `show xlate`, `clear`s.

use std::collections::VecDeque;

use fastpath::conn::{Cold, Hot, entry_flag};
use fastpath::tunnel::{SlotId, SlotState};
use fastpath::worker::request::{Reply, What};

use super::Appliance;
use crate::cli::Filter;
use crate::control_socket::{ClientId, Outcome};
use crate::stats::view::conn::{Conn, ConnTable};
use crate::stats::view::xlate::{Xlate, XlateTable};
use crate::time::Time;

/// What the answers become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `show conn`.
    Conns {
        /// With `detail`.
        detail: bool,
    },
    /// `show conn count`.
    Count,
    /// `show xlate`.
    Xlates,
    /// A `clear`: nothing is printed.
    Clear,
}

/// An answer under way.
#[derive(Debug)]
pub(super) struct Listing {
    client: ClientId,
    kind: Kind,
    filter: Option<Filter>,
    prompt: String,
    rows: VecDeque<String>,
    left: u8,
    in_use: u64,
    most_used: u64,
    begun: bool,
}

/// Bytes that one turn gives one client.
const STEP_BYTES: usize = 32 * 1024;

impl Appliance {
    /// Asks the workers; `false` when they have too many requests already.
    pub(super) fn ask_workers(
        &mut self,
        what: What,
        kind: Kind,
        client: ClientId,
        filter: Option<Filter>,
        prompt: String,
    ) -> bool {
        let Some(ticket) = self.fastpath.request(what) else { return false };
        let left = self.fastpath.workers();
        let listing = Listing {
            client,
            kind,
            filter,
            prompt,
            rows: VecDeque::new(),
            left,
            in_use: 0,
            most_used: 0,
            begun: false,
        };
        self.listings.insert(ticket, listing);
        true
    }

    pub(super) fn answer(&mut self, reply: &Reply, now: Time) {
        match *reply {
            Reply::Conn { ticket, hot, cold, .. } => {
                let Some(kind) = self.listings.get(&ticket).map(|listing| listing.kind) else {
                    return;
                };
                let row = self.row(kind, &hot, &cold, now);
                if let (Some(listing), Some(row)) = (self.listings.get_mut(&ticket), row) {
                    listing.rows.push_back(row);
                }
            }
            Reply::Done { ticket, in_use, most_used, .. } => {
                self.tunnels.swept(ticket, &mut self.fastpath);
                if let Some(listing) = self.listings.get_mut(&ticket) {
                    listing.left = listing.left.saturating_sub(1);
                    listing.in_use += u64::from(in_use);
                    listing.most_used += u64::from(most_used);
                }
            }
        }
    }

    /// Sends what the clients have room for; whether anything was sent.
    pub(super) fn continue_listings(&mut self, now: Time) -> bool {
        let tickets: Vec<u32> = self
            .listings
            .iter()
            .filter(|(_, listing)| listing.left == 0)
            .map(|(&ticket, _)| ticket)
            .collect();
        let mut sent = false;
        for ticket in tickets {
            let Some(mut listing) = self.listings.remove(&ticket) else { continue };
            sent = true;
            if !self.send_some(&mut listing, now) {
                self.listings.insert(ticket, listing);
            }
        }
        sent
    }

    /// `true` when the listing is done, or its client gone.
    fn send_some(&mut self, listing: &mut Listing, now: Time) -> bool {
        if !listing.begun {
            listing.begun = true;
            let header = header(listing);
            listing.rows.push_front(header);
        }
        let Ok(room) = self.socket.room_bytes(listing.client) else { return true };
        let room = room.min(STEP_BYTES);
        let mut text = String::new();
        while let Some(row) = listing.rows.front()
            && text.len() + row.len() <= room
        {
            text.push_str(row);
            listing.rows.pop_front();
        }
        if let Some(filter) = &mut listing.filter {
            text = filter.apply(&text);
        }
        if !text.is_empty() && self.socket.reply(listing.client, &text, now).is_err() {
            return true;
        }
        if !listing.rows.is_empty() {
            return false;
        }
        let outcome = Outcome { prompt: listing.prompt.clone(), ..Outcome::default() };
        let _ = self.socket.finish(listing.client, outcome, now);
        true
    }

    fn row(&self, kind: Kind, hot: &Hot, cold: &Cold, now: Time) -> Option<String> {
        match kind {
            Kind::Conns { detail } => {
                let conn = self.conn(hot, cold, now);
                Some(if detail { conn.render_detail() } else { conn.render() })
            }
            Kind::Xlates => xlate(hot, cold).map(|xlate| xlate.render()),
            Kind::Count | Kind::Clear => None,
        }
    }

    fn conn(&self, hot: &Hot, cold: &Cold, now: Time) -> Conn {
        let ticks = (now.0 * u64::from(fastpath::conn::TICKS_PER_S) / 1000) as u32;
        let timeouts = &self.config.timeouts;
        let timeouts = fastpath::conn::Timeouts::from_seconds(
            timeouts.conn_s,
            timeouts.half_closed_s,
            timeouts.udp_s,
            timeouts.icmp_s,
        );
        let timeout_s = u64::from(timeouts.timeout_of(hot) / fastpath::conn::TICKS_PER_S);
        let name = |index: u8| {
            self.names.interfaces.get(usize::from(index)).map_or("unknown", String::as_str)
        };
        Conn::from_entry(hot, cold, name, ticks, timeout_s, self.is_orphan(hot))
    }

    /// Whether a tunnel that the flow needs is down.
    fn is_orphan(&self, hot: &Hot) -> bool {
        let down = |slot: &SlotId| {
            *slot != SlotId::NONE
                && self.fastpath.shared().slots.word(*slot).state() != SlotState::Up
        };
        hot.slots.iter().any(down)
    }
}

fn header(listing: &Listing) -> String {
    let conns = ConnTable {
        in_use: listing.in_use,
        most_used: listing.most_used,
        conns: Vec::new(),
    };
    match listing.kind {
        Kind::Conns { detail: true } => conns.render_detail_header(),
        Kind::Conns { detail: false } | Kind::Count => conns.render_header(),
        Kind::Xlates => {
            let in_use = listing.rows.len() as u64;
            XlateTable { in_use, most_used: in_use, xlates: Vec::new() }.render_header()
        }
        Kind::Clear => String::new(),
    }
}

fn xlate(hot: &Hot, cold: &Cold) -> Option<Xlate> {
    use fastpath::packet::Side;
    if !hot.has(entry_flag::SOURCE_TRANSLATED) {
        return None;
    }
    let (address, port) = match hot.initiator() {
        Side::Low => (hot.low_address, hot.low_port),
        Side::High => (hot.high_address, hot.high_port),
    };
    Some(Xlate::Port {
        protocol: hot.protocol,
        global: cold.mapped_address.into(),
        global_port: cold.mapped_port,
        local: address.into(),
        local_port: port,
    })
}
