//! What a worker owns and no other thread touches, and what it reads during one burst.

use arrayvec::ArrayVec;

use super::event::{ConnRecord, Endpoint, Event, TeardownReason, XlateRecord};
use super::shared::Shared;
use super::timing::Timing;
use crate::burst::{Burst, Decided};
use crate::conn::home::HomeMap;
use crate::conn::{Cold, ConnId, ConnTable, Hot, Timeouts, entry_flag};
use crate::counters::Tally;
use crate::dpdk::{Mbuf, Pool};
use crate::esp::{OpenScratch, SealScratch};
use crate::hold::Hold;
use crate::limits::{
    BURST_MAX, HANDOFF_HOPS_MAX, ICMP_ERRORS_PER_TICK, IPSEC_EVENTS_PER_TICK, UNREACHABLES_PER_TICK,
};
use crate::nat::{PortBlocks, WorkerNat};
use crate::packet::Side;
use crate::path::{Entrance, OutQueues};
use crate::policy::Policy;
use crate::rcu::QsReader;
use crate::ring::Producer;
use crate::verdict::{DropReason, Verdict};

/// What a burst is judged by. Loaded once; nothing of it outlives the burst.
pub(crate) struct View<'r> {
    pub(crate) policy: &'r Policy,
    pub(crate) shared: &'r Shared,
    pub(crate) reader: &'r QsReader,
}

/// The state of one worker.
pub(crate) struct Core {
    pub(crate) id: u8,
    pub(crate) workers: u8,
    /// Coarse time, [`crate::conn::TICKS_PER_S`] per second.
    pub(crate) tick: u32,
    /// TSC at the beginning of the burst.
    pub(crate) now_tsc: u64,
    pub(crate) conns: ConnTable,
    pub(crate) timeouts: Timeouts,
    pub(crate) nat: WorkerNat,
    /// Which worker owns which mapped port.
    pub(crate) blocks: PortBlocks,
    pub(crate) home: HomeMap,
    pub(crate) open: OpenScratch,
    pub(crate) seal: SealScratch,
    pub(crate) decided: Decided,
    /// Answers that the line made; those for a tunnel still have to be sealed.
    pub(crate) replies: Burst,
    pub(crate) out: OutQueues,
    pub(crate) pool: Pool,
    pub(crate) tally: Tally,
    pub(crate) timing: Timing,
    pub(crate) events: Producer<Event>,
    pub(crate) conns_made: u32,
    pub(crate) budget: Budget,
    /// Apart, so that the lines that every packet needs stay together.
    pub(crate) hold: Box<Hold>,
    /// Where the SA is with which the burst before began to be sealed; for prefetching alone.
    pub(crate) sealed_with: usize,
    /// Something is held, so that packets that pass the gate are looked at. As of this turn.
    pub(crate) watching: bool,
}

/// What may still happen in this tick.
#[derive(Debug)]
pub(crate) struct Budget {
    icmp_errors: u32,
    unreachables: u32,
    ipsec_events: u32,
}

impl Default for Budget {
    /// Full, as each tick begins, the first one too.
    fn default() -> Self {
        Self {
            icmp_errors: ICMP_ERRORS_PER_TICK,
            unreachables: UNREACHABLES_PER_TICK,
            ipsec_events: IPSEC_EVENTS_PER_TICK,
        }
    }
}

impl Core {
    /// Begins a burst at `now_tsc`, `tick`.
    pub(crate) fn begin(&mut self, now_tsc: u64, tick: u32) {
        self.now_tsc = now_tsc;
        if tick != self.tick {
            self.tick = tick;
            self.budget = Budget::default();
        }
    }

    /// Asks `step` about every packet of a burst; those that do not go on are decided about.
    ///
    /// Cost: nothing is moved while all go on.
    #[inline]
    pub(crate) fn step(
        &mut self,
        burst: &mut Burst,
        mut step: impl FnMut(&mut Self, &mut Mbuf) -> Verdict,
    ) {
        let mut leaving: ArrayVec<(usize, Verdict), BURST_MAX> = ArrayVec::new();
        for (at, packet) in burst.packets_mut().iter_mut().enumerate() {
            match step(self, packet) {
                Verdict::Continue => {}
                // There are as many places as packets.
                verdict => drop(leaving.try_push((at, verdict))),
            }
        }
        if !leaving.is_empty() {
            self.part(burst, leaving);
        }
    }

    /// Takes the packets at these places, in ascending order, out of the burst.
    #[cold]
    fn part(&mut self, burst: &mut Burst, leaving: ArrayVec<(usize, Verdict), BURST_MAX>) {
        let mut leaving = leaving.into_iter().peekable();
        let packets = core::mem::take(burst.packets_mut());
        for (at, packet) in packets.into_iter().enumerate() {
            match leaving.next_if(|(place, _)| *place == at) {
                Some((_, verdict)) => self.decided.push(packet, verdict),
                // Back to a place that it has just left.
                None => drop(burst.push(packet)),
            }
        }
    }

    /// Sends a packet to the worker that owns what it needs.
    pub(crate) fn hand_over(packet: &mut Mbuf, home: u8, entrance: Entrance) -> Verdict {
        let meta = packet.meta_mut();
        if meta.hops >= HANDOFF_HOPS_MAX {
            return Verdict::Drop(DropReason::HandoffHops);
        }
        meta.hops += 1;
        meta.entrance = entrance as u8;
        Verdict::Handoff(home)
    }

    /// Whether one more ICMP error may be sent in this tick (RFC 1812 section 4.3.2.8).
    pub(crate) fn may_send_icmp_error(&mut self) -> bool {
        let left = self.budget.icmp_errors;
        self.budget.icmp_errors = left.saturating_sub(1);
        left > 0
    }

    /// The same for a net-unreachable about a flow whose tunnel is down: those have a bound of
    /// their own, beside that of their source.
    pub(crate) fn may_send_unreachable(&mut self) -> bool {
        let left = self.budget.unreachables;
        self.budget.unreachables = left.saturating_sub(1);
        left > 0
    }

    /// Puts a record into the event ring, or counts it as lost.
    #[inline]
    pub(crate) fn event(&mut self, event: Event) {
        if self.events.push(event).is_err() {
            self.tally.events_lost += 1;
        }
    }

    /// As [`Core::event`], within the tick's share: anybody can cause these by the million.
    pub(crate) fn ipsec_event(&mut self, event: Event) {
        let left = self.budget.ipsec_events;
        self.budget.ipsec_events = left.saturating_sub(1);
        if left > 0 {
            self.event(event);
        }
    }

    /// Tells the slowpath that an SA needs a successor; refused packets may tell it often.
    pub(crate) fn rekey_wanted(&mut self, event: Event) {
        self.ipsec_event(event);
    }

    /// The next connection number: unique over all workers.
    pub(crate) fn next_conn_id(&mut self) -> ConnId {
        self.conns_made = self.conns_made.wrapping_add(1);
        ConnId(
            self.conns_made
                .wrapping_mul(u32::from(self.workers))
                .wrapping_add(u32::from(self.id)),
        )
    }

    /// Removes a connection with its translation and tells the slowpath.
    pub(crate) fn teardown(&mut self, index: u32, reason: TeardownReason) {
        let Some((hot, cold)) = self.conns.remove(index) else {
            return;
        };
        if self.watching {
            self.hold.forget(index);
        }
        let conn = record(&hot, &cold);
        let duration_s = self.tick.wrapping_sub(cold.created) / crate::conn::TICKS_PER_S;
        self.event(Event::ConnTeardown {
            conn,
            reason,
            duration_s,
            bytes: cold.bytes,
        });
        if hot.has(entry_flag::SOURCE_TRANSLATED) {
            let (address, port) = (cold.mapped_address, cold.mapped_port);
            self.nat
                .release(address, hot.protocol, port, index, self.tick);
            let xlate = xlate_record(&hot, &cold);
            self.event(Event::Xlate {
                built: false,
                xlate,
                duration_s,
            });
        }
    }
}

/// A connection as the logs print it: the endpoint on the less secure interface first.
pub(crate) fn record(hot: &Hot, cold: &Cold) -> ConnRecord {
    let inbound = hot.has(entry_flag::INBOUND);
    let foreign = if inbound {
        hot.initiator()
    } else {
        hot.initiator().other()
    };
    ConnRecord {
        id: cold.id,
        protocol: hot.protocol,
        inbound,
        foreign: endpoint(hot, cold, foreign),
        local: endpoint(hot, cold, foreign.other()),
        icmp: cold.icmp,
    }
}

/// A translation as the logs print it.
pub(crate) fn xlate_record(hot: &Hot, cold: &Cold) -> XlateRecord {
    let initiator = hot.initiator();
    XlateRecord {
        protocol: hot.protocol,
        real: endpoint(hot, cold, initiator),
        mapped_interface: cold.interfaces[initiator.other().index()],
    }
}

fn endpoint(hot: &Hot, cold: &Cold, side: Side) -> Endpoint {
    let (address, port) = match side {
        Side::Low => (hot.low_address, hot.low_port),
        Side::High => (hot.high_address, hot.high_port),
    };
    let mapped = hot.has(entry_flag::SOURCE_TRANSLATED) && side == hot.initiator();
    let (mapped_address, mapped_port) = if mapped {
        (cold.mapped_address, cold.mapped_port)
    } else {
        (address, port)
    };
    Endpoint {
        interface: cold.interfaces[side.index()],
        address,
        port,
        mapped_address,
        mapped_port,
    }
}
