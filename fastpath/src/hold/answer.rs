//! What passes the gate while something is held: answers to what was released, and packets that
//! must not overtake what is held in order.

use super::Hold;
use super::holder::{Holder, Stage, mark};
use super::pool::{Kept, Offer};
use super::select::{Kind, goes_on, is_intact, kind};
use crate::conn::tcp::{self, Segment, after, tcp_flag};
use crate::conn::{ConnTable, Hot};
use crate::dpdk::Mbuf;
use crate::limits::HOLD_BEHIND_US;
use crate::packet::{Side, flag, protocol};
use crate::path::segment;
use crate::worker::ResumeHistogram;

/// Looks at a packet of a known flow that has passed the gate, before it moves the flow's state.
/// Whether it is held, behind older ones of its flow that are being released.
///
/// Cost: two look-ups in the pool, a trial of the segment where the other direction is held.
#[cold]
pub(crate) fn observe(
    hold: &mut Hold,
    conns: &ConnTable,
    packet: &Mbuf,
    (conn, from): (u32, Side),
    (now_tsc, tick): (u64, u32),
) -> bool {
    let meta = packet.meta();
    let strange = meta.flags & (flag::ICMP_ERROR | flag::RELEASED) != 0;
    if strange || meta.key.protocol != protocol::TCP {
        return false;
    }
    let (Some(hot), Ok(segment)) = (conns.hot(conn), segment(packet)) else {
        return false;
    };
    if let Some(stamps) = &mut hold.stamps {
        let bytes = packet.data().get(usize::from(meta.l4_offset)..);
        stamps.note(conn, from, bytes.unwrap_or_default(), tick);
    }
    if hold.former.is_none() && hold.pool.as_ref().is_none_or(|pool| pool.count() == 0) {
        return false;
    }
    let now_us = hold.now_us(now_tsc);
    hold.adopt(conn, from);
    hold.adopt(conn, from.other());
    hold.answer(hot, conn, from, &segment, now_us);
    hold.line_up(hot, packet, (conn, from), &segment, now_us)
}

impl Hold {
    /// Frees the copies that the segment answers.
    fn answer(&mut self, hot: &Hot, conn: u32, from: Side, segment: &Segment, now_us: u64) {
        let (Some(pool), Some(books)) = (&mut self.pool, &mut self.books) else {
            return;
        };
        let asked = from.other();
        let Some(at) = pool.find(conn, asked) else {
            return;
        };
        let mut holder = pool.holder(at);
        if segment.has(tcp_flag::RST) || !answers(hot, from, segment, &holder) {
            return;
        }
        let release = books.get(holder.slot).and_then(|book| book.release);
        if let Some(release) = release
            && !holder.has(mark::RESUMED)
        {
            let after_us = now_us.saturating_sub(release.started_us());
            books.note_resumed(holder.slot, after_us);
            self.latency
                .record(ResumeHistogram::FlowResume as usize, after_us);
        }
        if holder.sent < holder.packets && holder.has(mark::IN_ORDER) {
            holder.marks |= mark::RESUMED;
            pool.update(at, &holder);
        } else {
            pool.remove(at);
        }
    }

    /// Holds what must not overtake; whether it did.
    fn line_up(
        &mut self,
        hot: &Hot,
        packet: &Mbuf,
        (conn, from): (u32, Side),
        segment: &Segment,
        now_us: u64,
    ) -> bool {
        let Some(pool) = &mut self.pool else {
            return false;
        };
        let Some(at) = pool.find(conn, from) else {
            return false;
        };
        let holder = pool.holder(at);
        let waiting = holder.has(mark::IN_ORDER)
            && holder.sent < holder.packets
            && holder.marks & mark::AGAIN == 0
            && (now_us as u32).wrapping_sub(holder.stamp_us) < HOLD_BEHIND_US;
        if !waiting {
            return false;
        }
        let place = match kind(hot, from, segment) {
            Some(kind @ (Kind::Later | Kind::Ack)) if is_intact(packet.data()) => {
                goes_on(pool, &holder, packet.data(), kind)
            }
            _ => None,
        };
        let Some(place) = place else {
            return false;
        };
        let meta = packet.meta();
        let offer = Offer {
            conn,
            side: from,
            generation: holder.generation,
            source: meta.key.src,
            slot: holder.slot,
            in_port: meta.in_port,
            flags: meta.flags,
            // What lines up does not make those before it younger.
            now_us: holder.stamp_us,
            bytes: packet.data(),
        };
        matches!(pool.keep(&offer, place), Kept::Renewed(_))
    }
}

/// Whether a segment from the other end shows that what was released has arrived: it advances past
/// the oldest byte; for a direction that held only ACKs, any segment that the flow takes.
fn answers(hot: &Hot, from: Side, segment: &Segment, holder: &Holder) -> bool {
    let mut tried = *hot;
    if tcp::track(&mut tried, from, segment).is_err() {
        return false;
    }
    if holder.has(mark::ACKS_ONLY) {
        return holder.stage != Stage::Held;
    }
    after(tried.tcp[from.other().index()].unacked, holder.watch)
}
