//! The generator on ports: flows, rates, and stamps for loss, order and latency.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fastpath::cpu;
use fastpath::dpdk::{Mbuf, Pool};
use hdrhistogram::Histogram;

use super::meter::{Counters, Latencies, Orders, empty};
use crate::load::flows::{Flows, Sizes};
use crate::load::stamp::{self, Stamp};
use crate::measure::BURST;
use crate::rig::frames::{IP_OFFSET, udp_frame};
use crate::rig::{Packets, plan};

/// Bytes of the smallest frame without FCS.
pub(crate) const FRAME_LEN_MIN: usize = 60;
/// Received packets after which latencies are handed to the main thread.
const MERGE_EVERY: u64 = 1 << 16;

/// A source of packets, one per thread.
#[derive(Debug)]
pub(crate) struct Generator {
    peer: [u8; 6],
    flows: Flows,
    sizes: Sizes,
    /// Flows to servers in clear, else into the tunnel.
    clear: bool,
    orders: Arc<Orders>,
    latencies: Arc<Latencies>,
    recorded: Histogram<u64>,
    tsc_hz: u64,
    trial: u64,
    start_tsc: u64,
    sequence: u64,
    highest: u64,
    noted: u64,
}

/// How a generator is made.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    /// Station address that it sends to.
    pub(crate) peer: [u8; 6],
    /// Which flows.
    pub(crate) flows: Flows,
    /// Which lengths of IP packets.
    pub(crate) sizes: Sizes,
    /// To servers in clear, else into the tunnel.
    pub(crate) clear: bool,
    /// Orders of the main thread.
    pub(crate) orders: Arc<Orders>,
    /// Where latencies go.
    pub(crate) latencies: Arc<Latencies>,
    /// Rate of the TSC.
    pub(crate) tsc_hz: u64,
}

impl Generator {
    /// A generator that has sent nothing.
    pub(crate) fn new(recipe: Recipe) -> Self {
        Self {
            peer: recipe.peer,
            flows: recipe.flows,
            sizes: recipe.sizes,
            clear: recipe.clear,
            orders: recipe.orders,
            latencies: recipe.latencies,
            recorded: empty(),
            tsc_hz: recipe.tsc_hz,
            trial: u64::MAX,
            start_tsc: 0,
            sequence: 0,
            highest: 0,
            noted: 0,
        }
    }

    /// A burst of one flow and length.
    pub(crate) fn fixed(&mut self, pool: Pool, packets: &mut Packets) {
        let key = plan::tunnel_flow(0, 0);
        let len = self.sizes.next();
        while packets.len() < BURST
            && let Some(frame) = udp_frame(pool, self.peer, &key, len)
        {
            packets.push(frame);
        }
    }

    /// What is due now. Each packet carries the time at which it should have left by the rate: a
    /// stall of the sender counts as latency, not as silence.
    pub(crate) fn due(&mut self, pool: Pool, packets: &mut Packets) {
        let now = cpu::tsc();
        let trial = self.orders.trial.load(Ordering::Acquire);
        if trial != self.trial {
            (self.trial, self.start_tsc) = (trial, now);
            (self.sequence, self.highest) = (0, 0);
            self.recorded.reset();
        }
        let rate = self.orders.rate.load(Ordering::Relaxed);
        let count = if rate == 0 {
            BURST as u64
        } else {
            let passed = u128::from(now - self.start_tsc) * u128::from(rate);
            let due = (passed / u128::from(self.tsc_hz)) as u64;
            due.saturating_sub(self.sequence).min(BURST as u64)
        };
        for _ in 0..count {
            let intended_tsc = self.intended(rate, now);
            let Some(frame) = self.frame(pool, intended_tsc) else {
                return;
            };
            packets.push(frame);
        }
    }

    fn intended(&self, rate: u64, now: u64) -> u64 {
        if rate == 0 {
            return now;
        }
        let offset = u128::from(self.sequence) * u128::from(self.tsc_hz) / u128::from(rate);
        self.start_tsc + offset as u64
    }

    fn frame(&mut self, pool: Pool, intended_tsc: u64) -> Option<Mbuf> {
        let number = self.flows.next();
        let key = if self.clear {
            plan::clear_flow(number, fastpath::packet::protocol::UDP)
        } else {
            plan::tunnel_flow(number, 0)
        };
        let mut frame = udp_frame(pool, self.peer, &key, self.sizes.next())?;
        let stamp = Stamp {
            sequence: self.sequence,
            trial: self.trial as u16,
            intended_tsc,
        };
        stamp::write(&mut frame.data_mut()[IP_OFFSET..], stamp);
        self.sequence += 1;
        Some(frame)
    }

    /// Looks at what came back.
    pub(crate) fn note(&mut self, packets: &Packets, counters: &Counters) {
        let now = cpu::tsc();
        let stamps = packets
            .iter()
            .filter_map(|packet| stamp::read(packet.data().get(IP_OFFSET..)?));
        let trial = self.trial as u16;
        for stamp in stamps.filter(|stamp| stamp.trial == trial) {
            Counters::add(&counters.stamped, 1);
            if stamp.sequence < self.highest {
                Counters::add(&counters.reordered, 1);
            }
            self.highest = self.highest.max(stamp.sequence);
            let cycles = now.saturating_sub(stamp.intended_tsc);
            let ns = u128::from(cycles) * 1_000_000_000 / u128::from(self.tsc_hz);
            self.recorded.saturating_record((ns as u64).max(1));
            self.noted += 1;
            if self.noted.is_multiple_of(MERGE_EVERY) {
                self.merge();
            }
        }
    }

    /// Hands what was recorded to the main thread.
    pub(crate) fn merge(&mut self) {
        self.latencies.merge(&self.recorded);
        self.recorded.reset();
    }
}
