//! The release: copies take up the line again, paced, one packet of each flow per round.

use super::holder::{Holder, Stage, mark};
use super::pace::Pace;
use super::pool::Pool;
use super::{Hold, probe};
use crate::burst::Burst;
use crate::conn::tcp::after;
use crate::conn::{ConnTable, Hot};
use crate::dpdk::{self, Mbuf};
use crate::limits::{
    BURST_RECEIVE_MAX, RELEASE_AGAIN_ROUND_TRIPS, RELEASE_IDLE_STEP, RELEASE_PAUSE_US,
    RELEASE_SLOTS_STEP, RESUME_WATCH_US,
};
use crate::packet::{Meta, Side, flag};
use crate::tunnel::{ReleaseOrder, SlotId, SlotState};
use crate::wire::{Ipv4, Tcp, ipv4, tcp};
use crate::worker::{Core, View};

/// Begins a release in this worker; how many directions of flows hold something for the slot.
/// Nothing happens for a slot that is not up.
pub(crate) fn order(core: &mut Core, view: &View<'_>, order: &ReleaseOrder) -> u32 {
    let now_us = core.hold.now_us(core.now_tsc);
    let word = view.shared.slots.word(order.slot);
    let Some(books) = &mut core.hold.books else {
        return 0;
    };
    let Some(book) = books.get_mut(order.slot) else {
        return 0;
    };
    if word.state() != SlotState::Up {
        return 0;
    }
    book.bounce = order.bounce;
    book.release = Some(Pace::new(order, core.workers, now_us));
    books.activate(order.slot);
    if core.hold.options.probe.is_some() {
        books.begin_probing(order.slot, core.tick);
    }
    let pool = core.hold.pool.as_ref();
    pool.map_or(0, |pool| pool.count_of(order.slot))
}

/// One bounded step of all releases: puts copies that may leave now into `burst`, which is empty,
/// and probes behind them.
pub(crate) fn step(core: &mut Core, view: &View<'_>, burst: &mut Burst) {
    release(core, view, burst);
    probe::step(core, view, burst);
}

fn release(core: &mut Core, view: &View<'_>, burst: &mut Burst) {
    let Core {
        hold,
        conns,
        pool: buffers,
        now_tsc,
        tally,
        ..
    } = core;
    hold.move_step();
    let now_us = hold.now_us(*now_tsc);
    if now_us < hold.paused_until_us {
        return;
    }
    let (Some(pool), Some(books)) = (&mut hold.pool, &mut hold.books) else {
        return;
    };
    for _ in 0..RELEASE_SLOTS_STEP.min(books.active.len()) {
        let place = hold.cursor % books.active.len().max(1);
        let Some(&slot) = books.active.get(place) else {
            return;
        };
        let up = view.shared.slots.word(slot).state() == SlotState::Up;
        let Some(book) = books.get_mut(slot) else {
            return;
        };
        book.release = book.release.take().filter(|_| up);
        let mut turn = Turn {
            pool,
            conns,
            buffers,
            burst,
            slot,
            now_us,
            released: 0,
        };
        let goes_on = book.release.as_mut().is_some_and(|pace| turn.serve(pace));
        let released = turn.released;
        if released > 0 {
            tally.created += u64::from(released);
            books.note(slot, |report| report.released += released);
        }
        if goes_on {
            hold.cursor = place + 1;
        } else {
            books.deactivate(place);
        }
    }
}

impl Hold {
    /// A transmit queue was full after a step: the next ones wait.
    pub(crate) fn pause(&mut self, now_tsc: u64) {
        self.paused_until_us = self.now_us(now_tsc) + RELEASE_PAUSE_US;
    }
}

/// What a holder would release next.
enum Due {
    Packet(u32),
    /// The packet has been acknowledged meanwhile.
    Acknowledged,
    /// The flow is gone, or nothing of it is left.
    Gone,
}

/// One slot's part of a step.
struct Turn<'a> {
    pool: &'a mut Pool,
    conns: &'a ConnTable,
    buffers: &'a dpdk::Pool,
    burst: &'a mut Burst,
    slot: SlotId,
    now_us: u64,
    released: u32,
}

impl Turn<'_> {
    /// Whether the slot still has holders that must be served.
    fn serve(&mut self, pace: &mut Pace) -> bool {
        pace.fill(self.now_us);
        for _ in 0..RELEASE_IDLE_STEP {
            if self.burst.packets().len() >= BURST_RECEIVE_MAX {
                return true;
            }
            let Some(at) = self.next(pace) else {
                break;
            };
            let holder = self.pool.holder(at);
            match self.due_packet(&holder) {
                Due::Gone => self.pool.remove(at),
                Due::Acknowledged => self.advance(at, holder),
                Due::Packet(packet) => {
                    if !pace.take() {
                        return true;
                    }
                    let Some(copy) = self.copy(&holder, packet) else {
                        return true;
                    };
                    // There is room: see above.
                    if self.burst.push(copy).is_ok() {
                        self.released += 1;
                    }
                    self.advance(at, holder);
                }
            }
        }
        self.expire_watched();
        Stage::ALL
            .into_iter()
            .any(|stage| self.pool.oldest(self.slot, stage).is_some())
    }

    /// The holder whose turn it is. What has waited too long for an answer lines up once more.
    fn next(&mut self, pace: &Pace) -> Option<u32> {
        for _ in 0..RELEASE_IDLE_STEP {
            let Some(at) = self.pool.oldest(self.slot, Stage::Sent) else {
                break;
            };
            let mut holder = self.pool.holder(at);
            let waited_us = u64::from((self.now_us as u32).wrapping_sub(holder.stamp_us));
            let of_another_release = waited_us > self.now_us - pace.started_us();
            if !of_another_release && waited_us < pace.round_trip_us() * RELEASE_AGAIN_ROUND_TRIPS {
                break;
            }
            holder.sent = 0;
            if of_another_release {
                holder.marks &= !mark::AGAIN;
            } else {
                holder.marks |= mark::AGAIN;
            }
            self.pool.update(at, &holder);
            self.pool.stage(at, Stage::Held);
        }
        self.pool.oldest(self.slot, Stage::Held)
    }

    fn due_packet(&self, holder: &Holder) -> Due {
        let current = self.conns.is_current(holder.conn, holder.generation);
        let mut packets = self.pool.packets(holder);
        let due = packets.nth(usize::from(holder.sent));
        let (true, Some(hot), Some(packet)) = (current, self.conns.hot(holder.conn), due) else {
            return Due::Gone;
        };
        let (seq, end) = span(&self.pool.cells().front(packet));
        let unacked = hot.tcp[holder.side.index()].unacked;
        if seq != end && !after(end, unacked) {
            Due::Acknowledged
        } else {
            Due::Packet(packet)
        }
    }

    /// Notes that the due packet is on its way.
    fn advance(&mut self, at: u32, mut holder: Holder) {
        holder.sent += 1;
        if holder.sent < holder.packets {
            self.pool.update(at, &holder);
            // To the end of the line: one packet per flow and round.
            return self.pool.stage(at, Stage::Held);
        }
        if holder.has(mark::RESUMED) {
            return self.pool.remove(at);
        }
        holder.stamp_us = self.now_us as u32;
        self.pool.update(at, &holder);
        if holder.has(mark::AGAIN) {
            self.pool.discard_packets(at);
            self.pool.stage(at, Stage::Watched);
        } else {
            self.pool.stage(at, Stage::Sent);
        }
    }

    fn copy(&self, holder: &Holder, packet: u32) -> Option<Mbuf> {
        let hot = self.conns.hot(holder.conn)?;
        let mut copy = self.buffers.allocate()?;
        let len = self.pool.cells().len(packet);
        if !copy.append(len) {
            return None;
        }
        self.pool.cells().load(packet, copy.data_mut());
        let flags = self.pool.cells().flags(packet) | flag::RELEASED;
        *copy.meta_mut() = facts(hot, holder, flags, len);
        Some(copy)
    }

    fn expire_watched(&mut self) {
        for _ in 0..RELEASE_IDLE_STEP {
            let Some(at) = self.pool.oldest(self.slot, Stage::Watched) else {
                return;
            };
            let stamp_us = self.pool.holder(at).stamp_us;
            let watched_us = (self.now_us as u32).wrapping_sub(stamp_us);
            if u64::from(watched_us) < RESUME_WATCH_US {
                return;
            }
            self.pool.remove(at);
        }
    }
}

/// The facts of a packet as they were when it stood before the gate.
fn facts(hot: &Hot, holder: &Holder, flags: u16, len: usize) -> Meta {
    let key = match holder.side {
        Side::Low => hot.key(),
        Side::High => hot.key().reversed(),
    };
    let came_by = if flags & flag::DECRYPTED != 0 {
        hot.slots[holder.side.index()]
    } else {
        SlotId::NONE
    };
    Meta {
        key,
        flags,
        l4_offset: ipv4::LEN as u16,
        l3_len: len as u16,
        slot: came_by,
        ..Meta::received(holder.in_port, 0)
    }
}

/// First sequence number of a TCP packet (IPv4 without options, as the line has them) and the one
/// past its last.
pub(super) fn span(packet: &[u8]) -> (u32, u32) {
    let segment = packet.get(ipv4::LEN..).unwrap_or_default();
    let (Some(ip), Some((header, _))) = (Ipv4::parse(packet), Tcp::parse(segment)) else {
        return (0, 0);
    };
    let headers = ipv4::LEN + header.header_len();
    let payload = usize::from(ip.total_len()).saturating_sub(headers) as u32;
    let marks = u32::from(header.flags() & tcp::flag::FIN != 0);
    let seq = header.sequence();
    (seq, seq.wrapping_add(payload + marks))
}
