//! What the gate drops because its tunnel is not up, and what it lets go by a tunnel that does not
//! answer: copies of what is worth holding.

use super::holder::{Stage, mark};
use super::pool::{Kept, Offer, Place, Pool};
use super::release::span;
use super::select::{Kind, is_intact, is_outstanding, kind};
use super::{Hold, select};
use crate::conn::{ConnTable, Hot};
use crate::dpdk::Mbuf;
use crate::limits::HOLD_DEPTH;
use crate::packet::{Side, flag, protocol};
use crate::path::segment;
use crate::tunnel::{SlotId, SlotWord};

/// Whose packet it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Index of the connection.
    pub(crate) conn: u32,
    /// Who sent it.
    pub(crate) side: Side,
    /// The slot that is not up, or whose peer is silent.
    pub(crate) slot: SlotId,
    /// What it says.
    pub(crate) word: SlotWord,
}

/// Keeps a copy of a packet, if it is worth it. Whether its sender should be told that the net is
/// unreachable: the packet was dropped, and nothing is held for this retransmission.
#[cold]
pub(crate) fn offer(
    hold: &mut Hold,
    conns: &ConnTable,
    packet: &Mbuf,
    candidate: Candidate,
    (now_tsc, tick): (u64, u32),
) -> bool {
    let meta = packet.meta();
    let idle = !hold.options.hold && !hold.options.unreachable;
    if idle || !candidate.word.preserve() || meta.key.protocol != protocol::TCP {
        return false;
    }
    let (Some(hot), Some(cold)) = (conns.hot(candidate.conn), conns.cold(candidate.conn)) else {
        return false;
    };
    let silent = candidate.word.silent();
    // A copy that goes on by a silent tunnel is held already.
    if meta.has(flag::ICMP_ERROR) || (silent && meta.has(flag::RELEASED)) {
        return false;
    }
    let Ok(segment) = segment(packet) else {
        return false;
    };
    let Some(kind) = kind(hot, candidate.side, &segment) else {
        return false;
    };
    if !is_intact(packet.data()) {
        return false;
    }
    hold.went_down(candidate.slot);
    let offer = Offer {
        conn: candidate.conn,
        side: candidate.side,
        generation: cold.generation,
        source: meta.key.src,
        slot: candidate.slot,
        in_port: meta.in_port,
        flags: meta.flags,
        now_us: hold.now_us(now_tsc) as u32,
        bytes: packet.data(),
    };
    let in_order = candidate.word.planned();
    let kept = hold.options.hold && hold.keep(hot, &offer, kind, in_order);
    if kept || silent || kind != Kind::Oldest || !hold.options.unreachable {
        return false;
    }
    let hash = hold.key.hash_address(meta.key.src);
    hold.sources.take(tick, hash)
}

impl Hold {
    /// A net-unreachable about a flow of the slot has left.
    pub(crate) fn note_unreachable(&mut self, slot: SlotId) {
        if let Some(books) = &mut self.books {
            books.note(slot, |report| report.unreachables += 1);
        }
    }

    /// The slot takes nothing home: what its last release has not brought there is held on.
    fn went_down(&mut self, slot: SlotId) {
        if let Some(book) = self.books.as_mut().and_then(|books| books.get_mut(slot)) {
            book.release = None;
        }
    }

    /// Whether the flow's direction holds something after this offer.
    fn keep(&mut self, hot: &Hot, offer: &Offer<'_>, kind: Kind, in_order: bool) -> bool {
        self.adopt(offer.conn, offer.side);
        let (Some(pool), Some(books)) = (&mut self.pool, &mut self.books) else {
            return false;
        };
        let begins = recall(pool, offer);
        let Some(place) = place(pool, hot, offer, kind, in_order) else {
            return holds_packets(pool, offer);
        };
        let (Kept::Began(at) | Kept::Renewed(at)) = pool.keep(offer, place) else {
            books.note(offer.slot, |report| report.refused += 1);
            return holds_packets(pool, offer);
        };
        let mut holder = pool.holder(at);
        let acks_only = match place {
            Place::Front | Place::Back => holder.packets == 1 || holder.has(mark::ACKS_ONLY),
            Place::First | Place::Only => true,
        };
        holder.marks = 0;
        if acks_only && kind == Kind::Ack {
            holder.marks |= mark::ACKS_ONLY;
        }
        if in_order || holder.packets > 1 {
            holder.marks |= mark::IN_ORDER;
        }
        holder.watch = hot.tcp[offer.side.index()].unacked;
        pool.update(at, &holder);
        if begins {
            books.note(offer.slot, |report| report.held += 1);
        }
        true
    }
}

fn holds_packets(pool: &Pool, offer: &Offer<'_>) -> bool {
    let at = pool.find(offer.conn, offer.side);
    at.is_some_and(|at| pool.holder(at).packets > 0)
}

/// Brings a holder back that an earlier release has served; whether the direction held nothing in
/// this outage.
fn recall(pool: &mut Pool, offer: &Offer<'_>) -> bool {
    let Some(at) = pool.find(offer.conn, offer.side) else {
        return true;
    };
    let served = pool.holder(at).stage != Stage::Held;
    if served {
        pool.stage(at, Stage::Held);
    }
    let mut holder = pool.holder(at);
    holder.sent = 0;
    holder.marks &= !(mark::AGAIN | mark::RESUMED);
    pool.update(at, &holder);
    served || holder.generation != offer.generation
}

/// Where a packet goes; `None` when what is held is worth more.
fn place(pool: &Pool, hot: &Hot, offer: &Offer<'_>, kind: Kind, in_order: bool) -> Option<Place> {
    let holder = pool
        .find(offer.conn, offer.side)
        .map(|at| pool.holder(at))
        .filter(|holder| holder.generation == offer.generation && holder.packets > 0);
    let Some(holder) = holder else {
        let worth = match kind {
            Kind::Oldest => true,
            Kind::Later => in_order,
            Kind::Ack => in_order || !is_outstanding(hot, offer.side),
        };
        return worth.then_some(Place::Only);
    };
    let unacked = hot.tcp[offer.side.index()].unacked;
    let brings_oldest = |packet| {
        let (seq, end) = span(&pool.cells().front(packet));
        let after = crate::conn::tcp::after;
        !after(seq, unacked) && after(end, unacked)
    };
    match kind {
        // A later copy: its acknowledgement and its timestamps are fresher.
        Kind::Oldest if brings_oldest(holder.first) => Some(Place::First),
        Kind::Oldest if in_order && holder.has(mark::ACKS_ONLY) => Some(Place::Back),
        Kind::Oldest if !holder.has(mark::IN_ORDER) => Some(Place::Only),
        Kind::Oldest if usize::from(holder.packets) < HOLD_DEPTH => Some(Place::Front),
        Kind::Oldest => Some(Place::First),
        Kind::Later | Kind::Ack if in_order => select::goes_on(pool, &holder, offer.bytes, kind),
        Kind::Later => None,
        Kind::Ack => holder.has(mark::ACKS_ONLY).then_some(Place::Only),
    }
}
