//! One turn of a worker's loop, and the loop.

use std::sync::Arc;

use super::core::{Core, View};
use super::dispose::Exits;
use super::event::Event;
use super::idle::{Backoff, Idle};
use super::request::Desk;
use super::shared::Shared;
use crate::burst::Burst;
use crate::conn::{TICKS_PER_S, Timeouts, expiry_reason};
use crate::counters::CounterWriter;
use crate::cpu;
use crate::dpdk::{Mbuf, RxQueue};
use crate::hold;
use crate::limits::{BURST_CYCLES_US_MAX, BURST_RECEIVE_MAX, EXPIRE_STEP};
use crate::packet::Meta;
use crate::path::{Entrance, LastHop, Outgoing, enqueue, enqueue_frame, run_burst};
use crate::rcu::QsReader;
use crate::ring::Consumer;
use crate::verdict::DropReason;

/// The ways into a worker that are not a port.
#[derive(Debug)]
pub(crate) struct Entries {
    /// Rings from the other workers.
    pub(crate) handoff: Vec<Consumer<Mbuf>>,
    /// Ring from the slowpath.
    pub(crate) inject: Consumer<Mbuf>,
}

/// One polling core.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) reader: QsReader,
    pub(crate) core: Core,
    pub(crate) receive: Vec<RxQueue>,
    pub(crate) entries: Entries,
    pub(crate) exits: Exits,
    pub(crate) desk: Desk,
    pub(crate) counters: CounterWriter,
    pub(crate) idle: Idle,
    pub(crate) tsc_hz: u64,
    pub(crate) start_tsc: u64,
    /// Packets that the next receive call takes: fewer where a burst's cryptography takes long.
    pub(crate) receive_max: usize,
}

impl Worker {
    /// Polls until the process stops.
    pub(crate) fn run(mut self) {
        let mut backoff = Backoff::default();
        while !self.shared.stopping() {
            let busy = self.step(cpu::tsc());
            let rest = backoff.after(busy);
            match (self.idle, rest) {
                (Idle::Busy, _) | (_, None) => {}
                (Idle::Pause, Some(_)) => std::hint::spin_loop(),
                (Idle::Sleep, Some(time)) => self.reader.offline(|| std::thread::sleep(time)),
            }
        }
        self.finish();
    }

    /// One pass of the loop: a turn, then the quiescent state. A function of its own in every
    /// build: what the machine code of a polling core can reach is inspected from here on.
    #[inline(never)]
    pub(crate) fn step(&mut self, now_tsc: u64) -> bool {
        let busy = self.turn(now_tsc);
        self.reader.quiescent();
        busy
    }

    /// One turn: what came from wires, from other workers, from the slowpath; then timers and
    /// requests. Returns whether there was anything to do.
    pub(crate) fn turn(&mut self, now_tsc: u64) -> bool {
        let Self {
            shared,
            reader,
            core,
            receive,
            entries,
            exits,
            desk,
            ..
        } = self;
        let Some(policy) = shared.policy.load(reader) else {
            return false;
        };
        let view = View {
            policy,
            shared,
            reader,
        };
        let tick = coarse(now_tsc.wrapping_sub(self.start_tsc), self.tsc_hz);
        let new_tick = tick != core.tick;
        core.begin(now_tsc, tick);
        if new_tick {
            core.timeouts = Timeouts::from_policy(&policy.timeouts);
            exits.begin_tick(core);
            begin_hold_tick(core);
        }
        core.watching = core.hold.is_watching();
        let mut busy = false;
        for queue in receive.iter_mut() {
            busy |= receive_burst(core, &view, exits, queue, self.receive_max);
        }
        self.receive_max = adapted(
            self.receive_max,
            cpu::tsc().saturating_sub(now_tsc),
            self.tsc_hz,
        );
        for ring in &mut entries.handoff {
            busy |= take_over(core, &view, exits, ring);
        }
        busy |= inject(core, &view, exits, &mut entries.inject);
        if core.watching {
            busy |= release(core, &view, exits);
        }
        busy |= expire(core);
        busy |= desk.step(core, &view);
        self.count(now_tsc, busy);
        busy
    }

    fn count(&mut self, now_tsc: u64, busy: bool) {
        let tally = &mut self.core.tally;
        tally.loops += 1;
        if busy {
            tally.busy_loops += 1;
            tally.busy_cycles += cpu::tsc().saturating_sub(now_tsc);
        }
        self.counters.add(tally);
        self.counters.set_held(self.exits.held());
        let conns = &self.core.conns;
        self.counters.set_conns(conns.len(), conns.most_used());
        self.core.timing.turn();
    }

    /// Frees what still stands in rings and tables; each packet under its reason.
    pub(crate) fn finish(mut self) {
        for ring in &mut self.entries.handoff {
            while ring.pop().is_some() {
                self.core.tally.handed_in += 1;
                self.core
                    .tally
                    .drop_one(crate::verdict::DropReason::Shutdown);
            }
        }
        while self.entries.inject.pop().is_some() {
            self.core.tally.injected += 1;
            self.core
                .tally
                .drop_one(crate::verdict::DropReason::Shutdown);
        }
        self.counters.add(&mut self.core.tally);
    }
}

/// Coarse time from TSC cycles since the start.
fn coarse(cycles: u64, tsc_hz: u64) -> u32 {
    let per_tick = (tsc_hz / u64::from(TICKS_PER_S)).max(1);
    (cycles / per_tick) as u32
}

/// Caps a burst by what it cost: 3DES must not hold the loop for a millisecond.
fn adapted(receive_max: usize, cycles: u64, tsc_hz: u64) -> usize {
    let bound = tsc_hz / 1_000_000 * BURST_CYCLES_US_MAX;
    if cycles > bound {
        (receive_max / 2).max(1)
    } else if cycles < bound / 4 {
        (receive_max + 1).min(BURST_RECEIVE_MAX)
    } else {
        receive_max
    }
}

fn receive_burst(
    core: &mut Core,
    view: &View<'_>,
    exits: &mut Exits,
    queue: &mut RxQueue,
    limit: usize,
) -> bool {
    let mut burst = Burst::default();
    let received = queue.receive(burst.packets_mut(), limit);
    if received == 0 {
        return false;
    }
    core.timing.begin_burst();
    core.timing.received(received);
    core.tally.bursts += 1;
    core.tally.received += received as u64;
    let facts = Meta::received(queue.port(), core.now_tsc);
    let mut bytes = 0;
    for packet in burst.packets_mut() {
        packet.prefetch_data();
        bytes += packet.len() as u64;
        *packet.meta_mut() = facts;
    }
    core.tally.received_bytes += bytes;
    run(core, view, exits, burst, Entrance::Parse);
    core.timing.end_burst(received);
    true
}

/// Runs the line, then what the line itself made, until nothing is left.
fn run(core: &mut Core, view: &View<'_>, exits: &mut Exits, mut burst: Burst, entrance: Entrance) {
    run_burst(core, view, &mut burst, entrance);
    if !core.replies.is_empty() {
        let mut replies = core::mem::take(&mut core.replies);
        run_burst(core, view, &mut replies, Entrance::Seal);
    }
    let mut whole = Burst::default();
    exits.dispose(core, &mut whole);
    if !whole.is_empty() {
        // A whole datagram is no fragment, so this goes one level deep.
        run_burst(core, view, &mut whole, Entrance::Parse);
        exits.dispose(core, &mut Burst::default());
    }
}

/// Takes up what another worker handed over, each packet at its entrance.
fn take_over(
    core: &mut Core,
    view: &View<'_>,
    exits: &mut Exits,
    ring: &mut Consumer<Mbuf>,
) -> bool {
    let mut bursts: [Burst; Entrance::HANDOFF.len()] = Default::default();
    let mut taken = 0;
    while taken < BURST_RECEIVE_MAX
        && let Some(packet) = ring.pop()
    {
        taken += 1;
        let entrance = usize::from(packet.meta().entrance).min(bursts.len() - 1);
        // Each burst has room for all that one call takes.
        if let Some(burst) = bursts.get_mut(entrance) {
            let _ = burst.push(packet);
        }
    }
    if taken == 0 {
        return false;
    }
    core.tally.handed_in += taken as u64;
    if core.timing.begin_burst() {
        let packets = bursts.iter().flat_map(Burst::packets);
        packets.for_each(|packet| core.timing.waited(packet.meta().received_tsc));
    }
    for (burst, entrance) in bursts.into_iter().zip(Entrance::HANDOFF) {
        if !burst.is_empty() {
            run(core, view, exits, burst, entrance);
        }
    }
    core.timing.end_burst(taken);
    true
}

fn inject(core: &mut Core, view: &View<'_>, exits: &mut Exits, ring: &mut Consumer<Mbuf>) -> bool {
    let mut taken = 0;
    while taken < BURST_RECEIVE_MAX
        && let Some(packet) = ring.pop()
    {
        taken += 1;
        let entrance = Entrance::from_raw(packet.meta().entrance);
        let outgoing = Outgoing::injected(packet);
        match entrance {
            Entrance::Wire => enqueue_frame(core, outgoing),
            _ => enqueue(core, view, &mut LastHop::default(), outgoing),
        }
    }
    core.tally.injected += taken as u64;
    if taken > 0 {
        run(core, view, exits, Burst::default(), Entrance::Seal);
    }
    taken > 0
}

fn begin_hold_tick(core: &mut Core) {
    let Core {
        hold, events, tick, ..
    } = core;
    // A report that finds no room is kept and grows.
    hold.begin_tick(*tick, |record| events.push(Event::Bounce(record)).is_ok());
}

/// Lets copies of held packets take up the line.
fn release(core: &mut Core, view: &View<'_>, exits: &mut Exits) -> bool {
    let mut burst = Burst::default();
    hold::step(core, view, &mut burst);
    if burst.is_empty() {
        return false;
    }
    let refused = core.tally.drops_of(DropReason::TransmitFull);
    run(core, view, exits, burst, Entrance::Lookup);
    if core.tally.drops_of(DropReason::TransmitFull) > refused {
        core.hold.pause(core.now_tsc);
    }
    true
}

/// Removes connections whose timers have run out, a bounded number per turn.
fn expire(core: &mut Core) -> bool {
    let mut expired = arrayvec::ArrayVec::<u32, EXPIRE_STEP>::new();
    let timeouts = core.timeouts;
    core.conns.advance(
        core.tick,
        EXPIRE_STEP,
        |hot| timeouts.timeout_of(hot),
        |index| {
            let _ = expired.try_push(index);
        },
    );
    for &index in &expired {
        let reason = core.conns.hot(index).map(expiry_reason);
        if let Some(reason) = reason {
            core.teardown(index, reason);
        }
    }
    !expired.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HZ: u64 = 2_000_000_000;

    #[test]
    fn a_costly_burst_halves_the_next_and_cheap_ones_win_it_back() {
        let long = HZ / 1_000_000 * BURST_CYCLES_US_MAX + 1;
        assert_eq!(adapted(32, long, HZ), 16);
        assert_eq!(adapted(1, long, HZ), 1);
        assert_eq!(adapted(16, 1000, HZ), 17);
        assert_eq!(adapted(32, 1000, HZ), 32);
    }

    #[test]
    fn ticks_are_an_eighth_of_a_second() {
        assert_eq!(coarse(HZ - 1, HZ), 7);
        assert_eq!(coarse(HZ, HZ), 8);
    }
}
