//! The ring of bounces.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use fastpath::tunnel::{BounceRecord, SlotId};
use hdrhistogram::Histogram;

use super::far_end::FarEnds;
use super::{Bounce, Cause, Tally, message};
use crate::ike::{Proof, TunnelId};
use crate::syslog::Message;
use crate::time::Time;

/// Bounces that are remembered: a bad week of one tunnel, or one bounce of each of a thousand, in
/// less than half a MiB.
pub const BOUNCES_MAX: usize = 1_024;
/// Time without a report after which a bounce whose tunnel is back has settled: longer than the
/// second copies and the workers' reports take.
const SETTLE_MS: u64 = 5_000;
/// Range of the histogram: the clocks' resolution to ten minutes, two significant digits.
const LATENCY_US: (u64, u64) = (1, 600_000_000);

/// What is known when a tunnel goes down.
#[derive(Clone, Debug)]
pub struct Begin {
    /// The tunnel.
    pub tunnel: TunnelId,
    /// Its slot.
    pub slot: SlotId,
    /// Its peer.
    pub peer: Ipv4Addr,
    /// Its crypto map.
    pub map_name: String,
    /// Sequence number of its entry.
    pub sequence: u16,
    /// Why.
    pub cause: Cause,
    /// Its TCP flows are kept.
    pub preserved: bool,
    /// Since when its traffic had no answer.
    pub evidence: Option<Time>,
}

/// All bounces that are remembered.
#[derive(Debug)]
pub struct Ledger {
    ring: VecDeque<Bounce>,
    made: u32,
    /// Bounces that have not settled, by slot: the newest of each.
    open: BTreeMap<SlotId, u32>,
    /// When an open bounce was last heard of.
    heard: BTreeMap<u32, Time>,
    latency_us: Histogram<u64>,
    far_ends: FarEnds,
    messages: VecDeque<Message>,
    /// Reports that no bounce is known for.
    strays: u64,
}

impl Default for Ledger {
    fn default() -> Self {
        let latency_us = Histogram::new_with_bounds(LATENCY_US.0, LATENCY_US.1, 2)
            .expect("the bounds of the histogram are in order");
        Self {
            ring: VecDeque::new(),
            made: 0,
            open: BTreeMap::new(),
            heard: BTreeMap::new(),
            latency_us,
            far_ends: FarEnds::default(),
            messages: VecDeque::new(),
            strays: 0,
        }
    }
}

impl Ledger {
    /// A tunnel has gone down; the number of the bounce. One that had not settled settles now.
    pub fn begin(&mut self, begin: Begin, now: Time) -> u32 {
        if let Some(before) = self.open.get(&begin.slot).copied() {
            self.settle(before);
        }
        self.made = self.made.wrapping_add(1);
        let number = self.made;
        if self.ring.len() == BOUNCES_MAX
            && let Some(oldest) = self.ring.pop_front()
        {
            self.forget(&oldest);
        }
        self.open.insert(begin.slot, number);
        self.heard.insert(number, now);
        self.ring.push_back(Bounce {
            number,
            tunnel: begin.tunnel,
            slot: begin.slot,
            peer: begin.peer,
            map_name: begin.map_name,
            sequence: begin.sequence,
            cause: begin.cause,
            preserved: begin.preserved,
            evidence: begin.evidence,
            down: now,
            negotiating: None,
            ready: None,
            proven: None,
            first_resumed_us: None,
            last_resumed_us: None,
            flows: None,
            tally: Tally::default(),
            settled: false,
        });
        number
    }

    /// The peer of a bounce that began as a silence is declared dead, or its tunnel ended by
    /// something else. `false` for a bounce that is not remembered any more.
    pub fn declared(&mut self, number: u32, cause: Cause, now: Time) -> bool {
        self.heard_of(number, now).is_some_and(|bounce| {
            bounce.cause = cause;
            bounce.down = now;
            true
        })
    }

    /// We have begun to negotiate.
    pub fn negotiating(&mut self, number: u32, now: Time) {
        if let Some(bounce) = self.heard_of(number, now) {
            bounce.negotiating.get_or_insert(now);
        }
    }

    /// The tunnel is up again.
    pub fn ready(&mut self, number: u32, now: Time) {
        if let Some(bounce) = self.heard_of(number, now) {
            bounce.ready.get_or_insert(now);
        }
    }

    /// The peer takes packets: what is held may leave.
    pub fn proven(&mut self, number: u32, proof: Proof, now: Time) {
        if let Some(bounce) = self.heard_of(number, now) {
            bounce.proven.get_or_insert((now, proof));
        }
    }

    /// The workers have counted the flows.
    pub fn counted(&mut self, number: u32, flows: u64) {
        if let Some(bounce) = self.find(number) {
            bounce.flows = Some(flows);
        }
    }

    /// Flows of the slot were removed because of what the tunnel covers now.
    pub fn reclassified(&mut self, slot: SlotId, flows: u64) {
        if let Some(number) = self.open.get(&slot).copied()
            && let Some(bounce) = self.find(number)
        {
            bounce.tally.reclassified += flows;
        }
    }

    /// What a worker did. While a slot is down it cannot know the number of the bounce: the report
    /// then belongs to the one that is open.
    pub fn report(&mut self, record: &BounceRecord, now: Time) {
        let named = self
            .find(record.bounce)
            .filter(|bounce| bounce.slot == record.slot)
            .map(|bounce| bounce.number);
        let number = named.or_else(|| self.open.get(&record.slot).copied());
        let Some(bounce) = number.and_then(|number| self.heard_of(number, now)) else {
            self.strays += 1;
            return;
        };
        let tally = &mut bounce.tally;
        tally.held += u64::from(record.held);
        tally.refused += u64::from(record.refused);
        tally.released += u64::from(record.released);
        tally.unreachables += u64::from(record.unreachables);
        tally.resumed += u64::from(record.resumed);
        tally.far_resets += u64::from(record.far_resets);
        tally.timed_out += u64::from(record.probed_out);
        if record.resumed > 0 {
            let (first, last) = (record.first_resumed_us, record.last_resumed_us);
            let earliest = bounce.first_resumed_us.map_or(first, |it| it.min(first));
            let latest = bounce.last_resumed_us.map_or(last, |it| it.max(last));
            bounce.first_resumed_us = Some(earliest);
            bounce.last_resumed_us = Some(latest);
            // A report names its first and its last; those between were no later than the last.
            self.latency_us.saturating_record(u64::from(first).max(1));
            let others = u64::from(record.resumed) - 1;
            let _ = self
                .latency_us
                .record_n(u64::from(last).clamp(LATENCY_US.0, LATENCY_US.1), others);
        }
    }

    /// Settles what is over. Once per second.
    pub fn tick(&mut self, now: Time) {
        let over: Vec<u32> = self
            .open
            .values()
            .copied()
            .filter(|number| {
                let quiet = self
                    .heard
                    .get(number)
                    .is_none_or(|at| now.since_ms(*at) >= SETTLE_MS);
                quiet
                    && self
                        .get(*number)
                        .is_none_or(|bounce| bounce.ready.is_some())
            })
            .collect();
        for number in over {
            self.settle(number);
        }
    }

    /// The tunnel is gone from the configuration.
    pub fn removed(&mut self, slot: SlotId) {
        if let Some(number) = self.open.get(&slot).copied() {
            self.settle(number);
        }
    }

    /// What shall be logged next.
    pub fn poll_message(&mut self) -> Option<Message> {
        self.messages.pop_front()
    }

    /// Bounces that are remembered, oldest first.
    pub fn bounces(&self) -> impl Iterator<Item = &Bounce> {
        self.ring.iter()
    }

    /// Bounces since the start of the box.
    pub const fn made(&self) -> u32 {
        self.made
    }

    /// Reports that no bounce was known for.
    pub const fn strays(&self) -> u64 {
        self.strays
    }

    /// Microseconds from release to resume, of every flow.
    pub const fn latency_us(&self) -> &Histogram<u64> {
        &self.latency_us
    }

    /// Peers whose flows came back reset: the far end does not keep its connections.
    pub fn forgetful_peers(&self) -> Vec<Ipv4Addr> {
        self.far_ends.forgetful()
    }

    /// The bounce with this number, if it is remembered.
    pub fn get(&self, number: u32) -> Option<&Bounce> {
        self.ring.get(self.place(number)?)
    }

    fn find(&mut self, number: u32) -> Option<&mut Bounce> {
        let place = self.place(number)?;
        self.ring.get_mut(place)
    }

    fn heard_of(&mut self, number: u32, now: Time) -> Option<&mut Bounce> {
        if let Some(at) = self.heard.get_mut(&number) {
            *at = now;
        }
        self.find(number)
    }

    /// Numbers in the ring follow each other.
    fn place(&self, number: u32) -> Option<usize> {
        let oldest = self.ring.front()?.number;
        let place = number.wrapping_sub(oldest) as usize;
        (place < self.ring.len()).then_some(place)
    }

    fn forget(&mut self, bounce: &Bounce) {
        self.heard.remove(&bounce.number);
        if self.open.get(&bounce.slot) == Some(&bounce.number) {
            self.open.remove(&bounce.slot);
        }
    }

    fn settle(&mut self, number: u32) {
        let Some(bounce) = self.find(number) else {
            return;
        };
        bounce.settled = true;
        let bounce = bounce.clone();
        self.forget(&bounce);
        self.messages.push_back(message::settled(&bounce));
        if self.far_ends.settled(&bounce) {
            self.messages.push_back(message::forgetful(bounce.peer));
        }
    }
}
