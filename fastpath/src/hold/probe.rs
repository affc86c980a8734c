//! Probes after a resume: an end that stays silent is asked whether it still knows the connection.
//!
//! A probe is shaped as a keepalive of the other end (RFC 9293 section 3.8.4): one number below its
//! oldest byte that is not acknowledged, no data, the window that it offered last. An end that
//! knows the connection acknowledges it, one that does not resets it. Where a connection uses
//! timestamps, the probe carries the latest ones that passed here (RFC 7323 section 3.2); they are
//! remembered outside of the entry, and only while probes are configured. An end of which nothing
//! has been seen since is not probed.

use arrayvec::ArrayVec;

use super::Hold;
use super::books::Books;
use crate::burst::Burst;
use crate::conn::{Cold, Hot, TICKS_PER_S, TcpState, entry_flag, side_flag};
use crate::dpdk::Mbuf;
use crate::limits::{BURST_RECEIVE_MAX, PROBE_WALK_STEP, PROBES_PER_TICK};
use crate::packet::{Meta, Side, flag, protocol};
use crate::tunnel::{ProbeOptions, SlotId, SlotState};
use crate::wire::tcp::{self, Options};
use crate::wire::{Ipv4, checksum, ipv4};
use crate::worker::event::TeardownReason;
use crate::worker::{Core, View};

/// Kind and length of the timestamps option, behind two that do nothing.
const TIMESTAMPS_HEAD: [u8; 4] = [1, 1, TIMESTAMPS, 10];
const TIMESTAMPS: u8 = 8;
const TIMESTAMPS_LEN: usize = 12;
/// Bytes of a probe with timestamps.
const PROBE_LEN_MAX: usize = ipv4::LEN + tcp::LEN + TIMESTAMPS_LEN;

/// What was seen of one connection, by side.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Latest timestamp that the side has sent.
    stamps: [u32; 2],
    /// When it last sent anything.
    ticks: [u32; 2],
    /// When it was last probed.
    probed: [u32; 2],
    /// Probes that it has not answered.
    unanswered: [u8; 2],
    /// Bits of [`seen`].
    bits: [u8; 2],
}

mod seen {
    /// Something has come from this side.
    pub(super) const HEARD: u8 = 1 << 0;
    /// Its segments carry timestamps.
    pub(super) const STAMPED: u8 = 1 << 1;
}

/// What was seen of every connection of a worker.
pub(super) struct Stamps {
    seen: Box<[Seen]>,
    cursor: u32,
    /// Tick of the pass in hand, and whether it is done.
    pass_tick: u32,
    done: bool,
    /// Probes that may still leave in this tick.
    budget: usize,
}

impl std::fmt::Debug for Stamps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stamps")
            .field("conns", &self.seen.len())
            .finish_non_exhaustive()
    }
}

/// What is to be done about a silent end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Probe(u32, Side),
    Remove(u32, SlotId),
}

impl Stamps {
    /// For a table of `conns` connections.
    pub(super) fn new(conns: u32) -> Self {
        Self {
            seen: vec![Seen::default(); conns as usize].into_boxed_slice(),
            cursor: 0,
            pass_tick: 0,
            done: true,
            budget: 0,
        }
    }

    /// Notes that a side has sent a segment.
    #[inline]
    pub(super) fn note(&mut self, conn: u32, from: Side, segment: &[u8], tick: u32) {
        let Some(seen) = self.seen.get_mut(conn as usize) else {
            return;
        };
        let at = from.index();
        seen.ticks[at] = tick;
        seen.unanswered[at] = 0;
        seen.bits[at] = seen::HEARD;
        if let Some(stamp) = stamp_of(segment) {
            seen.stamps[at] = stamp;
            seen.bits[at] |= seen::STAMPED;
        }
    }

    /// Begins the tick's pass over the table.
    fn begin(&mut self, tick: u32) {
        if tick != self.pass_tick {
            self.pass_tick = tick;
            self.budget = PROBES_PER_TICK;
            if self.done {
                (self.cursor, self.done) = (0, false);
            }
        }
    }
}

/// The sender's timestamp of a segment that has one.
fn stamp_of(segment: &[u8]) -> Option<u32> {
    let (_, _, value) = Options::of(segment).find(|(kind, ..)| *kind == TIMESTAMPS)?;
    Some(u32::from_be_bytes(*value.first_chunk()?))
}

impl Books {
    /// Whether a slot was released, is up, and since when its flows may be silent.
    fn probing_since(&self, slot: SlotId, view: &View<'_>) -> Option<u32> {
        let since = self.get(slot)?.probing_since?;
        (view.shared.slots.word(slot).state() == SlotState::Up).then_some(since)
    }
}

/// One bounded step of the pass over the table: probes go into `burst`, what has not answered the
/// last one is removed.
pub(super) fn step(core: &mut Core, view: &View<'_>, burst: &mut Burst) {
    let Some(options) = core.hold.options.probe else {
        return;
    };
    let tick = core.tick;
    let Hold {
        stamps: Some(stamps),
        books: Some(books),
        ..
    } = &mut *core.hold
    else {
        return;
    };
    if books.probed.is_empty() {
        return;
    }
    stamps.begin(tick);
    let room = BURST_RECEIVE_MAX.saturating_sub(burst.packets().len()) / 2;
    let room = room.min(PROBE_WALK_STEP).min(stamps.budget / 2);
    if stamps.done || room == 0 {
        return;
    }
    let mut due = ArrayVec::<Due, { 2 * PROBE_WALK_STEP }>::new();
    let next = core.conns.walk(stamps.cursor, room, |index, hot, _| {
        if let Some(seen) = stamps.seen.get_mut(index as usize) {
            due.extend(judge(seen, index, hot, options, tick, |slot| {
                books.probing_since(slot, view)
            }));
        }
    });
    stamps.done = next.is_none();
    stamps.cursor = next.unwrap_or(0);
    stamps.budget -= due.len();
    for due in due {
        match due {
            Due::Probe(index, silent) => send(core, view, burst, index, silent),
            Due::Remove(index, slot) => {
                core.teardown(index, TeardownReason::ProbeRetries);
                if let Some(books) = &mut core.hold.books {
                    books.note(slot, |report| report.probed_out += 1);
                }
            }
        }
    }
}

/// What to do about the ends of one connection now.
fn judge(
    seen: &mut Seen,
    index: u32,
    hot: &Hot,
    options: ProbeOptions,
    tick: u32,
    since: impl Fn(SlotId) -> Option<u32>,
) -> ArrayVec<Due, 2> {
    let mut due = ArrayVec::new();
    let known = seen.bits.iter().all(|bits| bits & seen::HEARD != 0);
    if hot.protocol != protocol::TCP || hot.state != TcpState::Established || !known {
        return due;
    }
    let mut released = hot.slots.into_iter().filter(|slot| *slot != SlotId::NONE);
    let Some((slot, since)) = released.find_map(|slot| Some((slot, since(slot)?))) else {
        return due;
    };
    let passed = |from: u32| tick.wrapping_sub(from);
    if passed(since) < u32::from(options.idle_s) * TICKS_PER_S {
        return due;
    }
    for silent in [Side::Low, Side::High] {
        let at = silent.index();
        if passed(seen.ticks[at]) < passed(since) {
            continue;
        }
        // Probes of an earlier bounce do not count.
        if passed(seen.probed[at]) >= passed(since) {
            seen.unanswered[at] = 0;
        } else if passed(seen.probed[at]) < u32::from(options.interval_s) * TICKS_PER_S {
            continue;
        }
        if seen.unanswered[at] >= options.retries {
            due.clear();
            due.push(Due::Remove(index, slot));
            return due;
        }
        seen.unanswered[at] += 1;
        seen.probed[at] = tick;
        due.push(Due::Probe(index, silent));
    }
    due
}

fn send(core: &mut Core, view: &View<'_>, burst: &mut Burst, index: u32, silent: Side) {
    let (Some(hot), Some(cold)) = (core.conns.hot(index), core.conns.cold(index)) else {
        return;
    };
    let stamps = core.hold.stamps.as_ref();
    let Some(seen) = stamps.and_then(|stamps| stamps.seen.get(index as usize)) else {
        return;
    };
    let Some(mut packet) = core.pool.allocate() else {
        return;
    };
    let from = silent.other();
    let len = write(&mut packet, hot, cold, silent, seen);
    let interface = view.policy.interface(cold.interfaces[from.index()]);
    let Some(port) = interface.and_then(|interface| interface.port) else {
        return;
    };
    *packet.meta_mut() = facts(hot, from, len, port);
    if burst.push(packet).is_ok() {
        core.tally.created += 1;
    }
}

/// Writes the probe as the other end would send it; its length.
fn write(packet: &mut Mbuf, hot: &Hot, cold: &Cold, silent: Side, seen: &Seen) -> usize {
    let bytes = probe(hot, cold, silent, seen);
    if packet.append(bytes.len()) {
        packet.data_mut().copy_from_slice(&bytes);
    }
    bytes.len()
}

fn probe(hot: &Hot, cold: &Cold, silent: Side, seen: &Seen) -> ArrayVec<u8, PROBE_LEN_MAX> {
    let from = silent.other();
    let (asker, asked) = (&hot.tcp[from.index()], &hot.tcp[silent.index()]);
    let mut key = match from {
        Side::Low => hot.key(),
        Side::High => hot.key().reversed(),
    };
    if hot.has(entry_flag::SOURCE_TRANSLATED) && silent == hot.initiator() {
        (key.dst, key.dport) = (cold.mapped_address, cold.mapped_port);
    }
    let scaled = asker.has(side_flag::SCALE_OFFERED) && asked.has(side_flag::SCALE_OFFERED);
    let shift = if scaled { asker.window_scale } else { 0 };
    let window = (asked.end_max.wrapping_sub(asked.unacked) >> shift).min(0xffff) as u16;
    let stamped = (seen.bits[0] | seen.bits[1]) & seen::STAMPED != 0;
    let mut segment = ArrayVec::<u8, { tcp::LEN + TIMESTAMPS_LEN }>::new();
    let header_len = tcp::LEN + if stamped { TIMESTAMPS_LEN } else { 0 };
    segment.extend(key.sport.to_be_bytes());
    segment.extend(key.dport.to_be_bytes());
    segment.extend(asker.unacked.wrapping_sub(1).to_be_bytes());
    segment.extend(asked.unacked.to_be_bytes());
    segment.extend([((header_len / 4) as u8) << 4, tcp::flag::ACK]);
    segment.extend(window.to_be_bytes());
    segment.extend([0; 4]);
    if stamped {
        segment.extend(TIMESTAMPS_HEAD);
        segment.extend(seen.stamps[from.index()].to_be_bytes());
        segment.extend(seen.stamps[silent.index()].to_be_bytes());
    }
    let sum = checksum::of_segment(key.src, key.dst, protocol::TCP, &segment);
    if let Some(place) = segment.get_mut(16..18) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    let header = Ipv4::emit(key.src, key.dst, protocol::TCP, segment.len());
    header.as_bytes().iter().chain(&segment).copied().collect()
}

/// The facts of the probe as if it had just come from the end that it speaks for.
fn facts(hot: &Hot, from: Side, len: usize, port: u16) -> Meta {
    let key = match from {
        Side::Low => hot.key(),
        Side::High => hot.key().reversed(),
    };
    let slot = hot.slots[from.index()];
    let mut flags = flag::RELEASED;
    if slot != SlotId::NONE {
        flags |= flag::DECRYPTED;
    }
    if hot.has(entry_flag::SOURCE_TRANSLATED) && from != hot.initiator() {
        flags |= flag::UNTRANSLATED;
    }
    Meta {
        key,
        flags,
        l4_offset: ipv4::LEN as u16,
        l3_len: len as u16,
        slot,
        ..Meta::received(port, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conn::TcpSide;
    use crate::conn::tcp::tcp_flag::ACK;
    use crate::conn::tcp::{Segment, track};
    use crate::hold::testing::{flow, unused_cold};
    use crate::wire::Tcp;

    const OPTIONS: ProbeOptions = ProbeOptions {
        idle_s: 10,
        interval_s: 5,
        retries: 2,
    };
    const SINCE: u32 = 1000;

    fn heard(low: u32, high: u32) -> Seen {
        Seen {
            ticks: [low, high],
            bits: [seen::HEARD; 2],
            ..Seen::default()
        }
    }

    fn at(seen: &mut Seen, hot: &Hot, seconds: u32) -> Vec<Due> {
        let tick = SINCE + seconds * TICKS_PER_S;
        let since = |slot| (slot == SlotId::new(3)).then_some(SINCE);
        judge(seen, 7, hot, OPTIONS, tick, since)
            .into_iter()
            .collect()
    }

    #[test]
    fn the_silent_end_is_asked_at_intervals_and_then_the_flow_goes() {
        let hot = flow();
        // The low end has spoken since the resume, the high end has not.
        let mut seen = heard(SINCE + 3, SINCE - 3);
        assert_eq!(at(&mut seen, &hot, 9), []);
        let asked = [Due::Probe(7, Side::High)];
        assert_eq!(at(&mut seen, &hot, 10), asked);
        assert_eq!(at(&mut seen, &hot, 12), []);
        assert_eq!(at(&mut seen, &hot, 15), asked);
        assert_eq!(at(&mut seen, &hot, 20), [Due::Remove(7, SlotId::new(3))]);
    }

    #[test]
    fn both_ends_are_asked_and_probes_of_an_earlier_bounce_do_not_count() {
        let mut seen = heard(SINCE - 3, SINCE - 3);
        seen.unanswered = [2, 2];
        seen.probed = [SINCE - 1; 2];
        let both = [Due::Probe(7, Side::Low), Due::Probe(7, Side::High)];
        assert_eq!(at(&mut seen, &flow(), 10), both);
    }

    #[test]
    fn what_was_never_seen_or_is_not_established_or_has_no_such_slot_is_left_alone() {
        assert_eq!(at(&mut Seen::default(), &flow(), 10), []);
        let mut seen = heard(0, 0);
        let half = Hot {
            state: TcpState::HalfClosed,
            ..flow()
        };
        assert_eq!(at(&mut seen, &half, 10), []);
        let clear = Hot {
            slots: [SlotId::NONE; 2],
            ..flow()
        };
        assert_eq!(at(&mut seen, &clear, 10), []);
    }

    #[test]
    fn a_probe_is_a_keepalive_that_the_line_takes_and_that_moves_nothing() {
        let mut hot = flow();
        let side = TcpSide {
            end: 0,
            end_max: 5000 << 2,
            unacked: 0,
            window_max: 5000,
            window_scale: 2,
            flags: side_flag::SYN | side_flag::SYN_ACKED | side_flag::SCALE_OFFERED,
        };
        hot.tcp = [side; 2];
        let mut seen = heard(0, 0);
        seen.stamps = [0x0102_0304, 0x0506_0708];
        for stamped in [false, true] {
            if stamped {
                seen.bits[1] |= seen::STAMPED;
            }
            let bytes = probe(&hot, &unused_cold(), Side::High, &seen);
            let ip = Ipv4::parse(&bytes).expect("a packet");
            assert_eq!((ip.src(), ip.dst()), (hot.low_address, hot.high_address));
            let segment = &bytes[ipv4::LEN..];
            assert!(checksum::segment_is_valid(
                ip.src(),
                ip.dst(),
                protocol::TCP,
                segment
            ));
            let (header, _) = Tcp::parse(segment).expect("a segment");
            assert_eq!(header.header_len(), segment.len());
            assert_eq!((header.sequence(), header.window()), (u32::MAX, 5000));
            assert_eq!(stamp_of(segment), stamped.then_some(0x0102_0304));
            if stamped {
                assert_eq!(segment[28..], [5, 6, 7, 8]);
            }
            let before = hot;
            let taken = Segment {
                seq: header.sequence(),
                ack: header.acknowledgement(),
                flags: ACK,
                window: header.window(),
                payload_len: 0,
                scale: None,
            };
            track(&mut hot, Side::Low, &taken).expect("the line takes it");
            assert_eq!(hot, before);
        }
    }
}
