//! Two lawful TCP ends, a bad network, and the box in the middle.

use super::tcp_flag::{ACK, FIN, SYN};
use super::{Hot, Progress, Segment, after, open, track};
use crate::conn::table::UNUSED_HOT;
use crate::packet::Side;

/// Longest way from an end to the box, in steps; the shortest is half of it.
const DELAY_MAX: u64 = 20;
/// Steps after which what is not acknowledged is sent again.
const RETRANSMIT_AFTER: u64 = 120;
/// Steps that any simulation needs at most.
const STEPS_MAX: u64 = 400_000;

/// xorshift64: the same run for the same seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < u64::from(percent)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) iss: [u32; 2],
    pub(super) scale: [Option<u8>; 2],
    pub(super) buffer_bytes: [u64; 2],
    pub(super) stream_bytes: [u64; 2],
    pub(super) seed: u64,
    pub(super) loss_percent: u32,
    pub(super) simultaneous: bool,
    pub(super) outage: bool,
}

/// One end. Numbers count from its initial sequence number: the SYN is 0, data begins at 1, the FIN
/// is `fin`. They do not wrap; only segments do.
struct End {
    iss: u32,
    peer_iss: u32,
    offered_scale: Option<u8>,
    scaled: bool,
    peer_scale: u8,
    buffer_bytes: u64,
    /// The number of the FIN.
    fin: u64,
    opened: bool,
    peer_syn: bool,
    una: u64,
    nxt: u64,
    /// Highest number that was ever sent, plus one.
    sent: u64,
    peer_edge: u64,
    rcv_nxt: u64,
    /// What the application has read.
    read: u64,
    out_of_order: Vec<(u64, u64)>,
    peer_fin: Option<u64>,
    edge: u64,
    last_progress: u64,
}

struct InFlight {
    at: u64,
    from: usize,
    past_box: bool,
    segment: Segment,
}

impl End {
    fn done(&self) -> bool {
        self.una == self.fin + 1 && self.peer_fin.is_some_and(|fin| self.rcv_nxt == fin + 1)
    }

    fn segment(&mut self, number: u64, flags: u8, payload_len: u32) -> Segment {
        let ack = if self.peer_syn { ACK } else { 0 };
        let free = self
            .buffer_bytes
            .saturating_sub(self.rcv_nxt.saturating_sub(self.read + 1));
        self.edge = self.edge.max(self.rcv_nxt + free);
        let shift = if self.scaled && flags & SYN == 0 {
            self.offered_scale.unwrap_or(0)
        } else {
            0
        };
        Segment {
            seq: self.iss.wrapping_add(number as u32),
            ack: if self.peer_syn {
                self.peer_iss.wrapping_add(self.rcv_nxt as u32)
            } else {
                0
            },
            flags: flags | ack,
            window: ((self.edge - self.rcv_nxt) >> shift).min(65535) as u16,
            payload_len,
            scale: self.offered_scale.filter(|_| flags & SYN != 0),
        }
    }

    /// What the end sends from `nxt` on, if it may.
    fn emit(&mut self, random: &mut Random) -> Option<Segment> {
        if !self.opened || self.nxt > self.fin {
            return None;
        }
        if self.nxt == 0 {
            self.nxt = 1;
            self.sent = self.sent.max(1);
            return Some(self.segment(0, SYN, 0));
        }
        if !self.peer_syn || self.una == 0 {
            return None;
        }
        let from = self.nxt;
        let room = self.peer_edge.saturating_sub(from);
        let len = room.min(self.fin - from).min(1 + random.below(1460));
        let takes_fin = from + len == self.fin && (len == room || random.below(2) == 0 || len == 0);
        if len == 0 && !takes_fin {
            return None;
        }
        self.nxt = from + len + u64::from(takes_fin);
        self.sent = self.sent.max(self.nxt);
        let flags = if takes_fin { FIN } else { 0 };
        Some(self.segment(from, flags, len as u32))
    }

    /// When nothing has moved for long: begin again, or probe a closed window.
    fn time_out(&mut self, now: u64) -> Option<Segment> {
        if !self.opened || now < self.last_progress + RETRANSMIT_AFTER || self.una > self.fin {
            return None;
        }
        self.last_progress = now;
        let data_waits = self.una >= 1 && self.una < self.fin;
        if data_waits && self.peer_edge <= self.una {
            self.sent = self.sent.max(self.una + 1);
            self.nxt = self.nxt.max(self.una + 1);
            return Some(self.segment(self.una, 0, 1));
        }
        self.nxt = self.una;
        None
    }

    /// Takes a segment; says whether it wants an answer.
    fn receive(&mut self, segment: &Segment, now: u64) -> bool {
        let begins = segment.has(SYN) && !self.peer_syn;
        if begins {
            self.peer_syn = true;
            self.peer_iss = segment.seq;
            self.rcv_nxt = 1;
            self.scaled = self.offered_scale.is_some() && segment.scale.is_some();
            self.peer_scale = segment.scale.unwrap_or(0);
            self.last_progress = now;
            if self.opened {
                // Simultaneous open: the SYN goes again, now with an ACK.
                self.nxt = 0;
            }
            self.opened = true;
        }
        if !self.peer_syn {
            return false;
        }
        if segment.has(ACK) {
            self.take_ack(segment, now);
        }
        if segment.has(SYN) {
            return !begins || self.nxt != 0;
        }
        self.take_data(segment)
    }

    fn take_ack(&mut self, segment: &Segment, now: u64) {
        let offset = segment
            .ack
            .wrapping_sub(self.iss.wrapping_add(self.una as u32)) as i32;
        let acked = self.una.wrapping_add_signed(i64::from(offset));
        if offset < 0 || acked > self.sent {
            return;
        }
        if acked > self.una {
            self.last_progress = now;
        }
        self.una = acked;
        self.nxt = self.nxt.max(acked);
        let shift = if self.scaled && !segment.has(SYN) {
            self.peer_scale
        } else {
            0
        };
        let edge = acked + (u64::from(segment.window) << shift);
        if edge > self.peer_edge {
            self.last_progress = now;
        }
        self.peer_edge = self.peer_edge.max(edge);
    }

    fn take_data(&mut self, segment: &Segment) -> bool {
        let expected = self.peer_iss.wrapping_add(self.rcv_nxt as u32);
        let offset = i64::from(segment.seq.wrapping_sub(expected) as i32);
        let from = self.rcv_nxt.wrapping_add_signed(offset);
        let to = (from + u64::from(segment.payload_len)).min(self.edge);
        if segment.has(FIN) && from + u64::from(segment.payload_len) == to {
            self.peer_fin = Some(to);
        }
        self.out_of_order.push((from, to));
        self.out_of_order.sort_unstable();
        for (from, to) in &self.out_of_order {
            if *from <= self.rcv_nxt {
                self.rcv_nxt = self.rcv_nxt.max(*to);
            }
        }
        let reached = self.rcv_nxt;
        self.out_of_order.retain(|(_, to)| *to > reached);
        if self.peer_fin == Some(self.rcv_nxt) {
            self.rcv_nxt += 1;
            self.edge = self.edge.max(self.rcv_nxt);
        }
        let empty_and_expected = offset == 0 && segment.payload_len == 0;
        segment.has(FIN) || !empty_and_expected
    }
}

struct Network {
    flying: Vec<InFlight>,
    random: Random,
    loss_percent: u32,
    now: u64,
}

impl Network {
    fn send(&mut self, from: usize, past_box: bool, segment: Segment) {
        let copies = 1 + u32::from(self.random.percent(3));
        for _ in 0..copies {
            if !self.random.percent(self.loss_percent) {
                let delay = DELAY_MAX / 2 + self.random.below(DELAY_MAX / 2);
                self.flying.push(InFlight {
                    at: self.now + delay,
                    from,
                    past_box,
                    segment,
                });
            }
        }
    }

    fn arrived(&mut self) -> Vec<InFlight> {
        let now = self.now;
        let (arrived, flying) = self.flying.drain(..).partition(|packet| packet.at <= now);
        self.flying = flying;
        arrived
    }
}

/// The box: everything lawful passes. `None` when the packet opens nothing.
fn pass_box(hot: &mut Hot, from: usize, segment: &Segment) -> bool {
    let side = [Side::High, Side::Low][from];
    if hot.state == super::TcpState::None {
        return open(hot, side, segment).is_ok();
    }
    let before = *hot;
    match track(hot, side, segment) {
        Ok(Progress::Reset | Progress::Reopen) => panic!("nobody sent that: {segment:?}"),
        Ok(_) => true,
        Err(reason) => {
            // A copy that is so old that all of it is acknowledged is of no use to anybody.
            let obsolete = !after(segment.end(), before.tcp[side.index()].unacked);
            assert!(obsolete, "{reason:?} for {segment:?} in {before:?}");
            false
        }
    }
}

/// Runs a connection to its end and gives the entry. `look` sees the entry after every packet.
pub(super) fn simulate(options: &Options, mut look: impl FnMut(&Hot)) -> Hot {
    let mut hot = UNUSED_HOT;
    let mut ends = [0, 1].map(|me: usize| End {
        iss: options.iss[me],
        peer_iss: 0,
        offered_scale: options.scale[me],
        scaled: false,
        peer_scale: 0,
        buffer_bytes: options.buffer_bytes[me],
        fin: 1 + options.stream_bytes[me],
        opened: me == 0 || options.simultaneous,
        peer_syn: false,
        una: 0,
        nxt: 0,
        sent: 0,
        peer_edge: 1,
        rcv_nxt: 0,
        read: 0,
        out_of_order: Vec::new(),
        peer_fin: None,
        edge: 1,
        last_progress: 0,
    });
    let mut network = Network {
        flying: Vec::new(),
        random: Random(options.seed | 1),
        loss_percent: options.loss_percent,
        now: 0,
    };
    let outage = if options.outage { 200..900 } else { 0..0 };
    for now in 0..STEPS_MAX {
        network.now = now;
        for packet in network.arrived() {
            if packet.past_box {
                let end = &mut ends[1 - packet.from];
                if end.receive(&packet.segment, now) {
                    let number = end.nxt.max(u64::from(end.una > 0));
                    let answer = end.segment(number, 0, 0);
                    network.send(1 - packet.from, false, answer);
                }
            } else if !outage.contains(&now) && pass_box(&mut hot, packet.from, &packet.segment) {
                look(&hot);
                network.send(packet.from, true, packet.segment);
            }
        }
        for (me, end) in ends.iter_mut().enumerate() {
            if network.random.percent(20) {
                end.read = end.rcv_nxt.saturating_sub(1);
                if end.peer_syn && end.rcv_nxt + end.buffer_bytes / 2 > end.edge && end.una > 0 {
                    let update = end.segment(end.nxt, 0, 0);
                    network.send(me, false, update);
                }
            }
            let probe = end.time_out(now);
            let segments = probe.into_iter().chain(end.emit(&mut network.random));
            for segment in segments.collect::<Vec<_>>() {
                network.send(me, false, segment);
            }
        }
        if ends.iter().all(End::done) && network.flying.is_empty() {
            return hot;
        }
    }
    panic!("the ends never came to an end: {hot:?}");
}
