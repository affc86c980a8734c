//! How fast a worker releases what a slot's flows hold: a token bucket whose rate doubles every
//! round trip.

use crate::limits::{RELEASE_BURST_US, RELEASE_DOUBLINGS_MAX};
use crate::tunnel::ReleaseOrder;

/// Tokens of one packet: the bucket counts in millionths.
const PACKET: u64 = 1_000_000;

/// The bucket of one slot in one worker. Time is in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// Packets per second in the first round trip: this worker's part of the order.
    packets_per_s: u64,
    round_trip_us: u64,
    started_us: u64,
    filled_us: u64,
    tokens: u64,
    /// Packets that may leave at once at the beginning, and go on being the least that the bucket
    /// holds.
    first: u64,
}

impl Pace {
    /// A bucket with the first packets in it, so that they leave at once.
    pub(super) fn new(order: &ReleaseOrder, workers: u8, now_us: u64) -> Self {
        let part = order.packets_per_s / u32::from(workers.max(1));
        let first = u64::from(order.first_packets.div_ceil(u16::from(workers.max(1)))).max(1);
        Self {
            packets_per_s: u64::from(part.max(1)),
            round_trip_us: u64::from(order.round_trip_us.max(1)),
            started_us: now_us,
            filled_us: now_us,
            tokens: first * PACKET,
            first,
        }
    }

    /// The round trip of the order.
    pub(super) const fn round_trip_us(&self) -> u64 {
        self.round_trip_us
    }

    /// When the order came.
    pub(super) const fn started_us(&self) -> u64 {
        self.started_us
    }

    /// Packets per second at a moment: doubled with every round trip that has passed.
    fn rate(&self, now_us: u64) -> u64 {
        let round_trips = now_us.saturating_sub(self.started_us) / self.round_trip_us;
        let doublings = round_trips.min(u64::from(RELEASE_DOUBLINGS_MAX));
        self.packets_per_s.saturating_mul(1 << doublings)
    }

    /// Fills the bucket up to `now_us`. It holds what its rate gives in [`RELEASE_BURST_US`], so
    /// that a worker that sleeps between turns keeps the rate.
    pub(super) fn fill(&mut self, now_us: u64) {
        let passed = now_us.saturating_sub(self.filled_us);
        let rate = self.rate(now_us);
        let bound = rate
            .saturating_mul(RELEASE_BURST_US)
            .max(self.first * PACKET);
        let gained = rate.saturating_mul(passed);
        self.tokens = self.tokens.saturating_add(gained).min(bound);
        self.filled_us = self.filled_us.max(now_us);
    }

    /// Takes one packet's token, `false` when there is none.
    pub(super) fn take(&mut self) -> bool {
        let left = self.tokens.checked_sub(PACKET);
        self.tokens = left.unwrap_or(self.tokens);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tunnel::SlotId;

    fn order(packets_per_s: u32, round_trip_us: u32) -> ReleaseOrder {
        ReleaseOrder {
            slot: SlotId::new(1),
            bounce: 1,
            packets_per_s,
            first_packets: 1,
            round_trip_us,
        }
    }

    fn taken(pace: &mut Pace) -> u64 {
        std::iter::from_fn(|| pace.take().then_some(())).count() as u64
    }

    #[test]
    fn the_rate_doubles_every_round_trip() {
        let mut pace = Pace::new(&order(2000, 10_000), 2, 5);
        let mut per_round_trip = [0; 4];
        for at in 0..40_000 {
            pace.fill(5 + at);
            per_round_trip[at as usize / 10_000] += taken(&mut pace);
        }
        // 1000 per second, for 10 ms: and the one that leaves at once.
        assert_eq!(per_round_trip, [10, 20, 40, 80]);
    }

    #[test]
    fn one_packet_leaves_at_once_and_an_order_of_nothing_is_an_order_of_one() {
        let mut pace = Pace::new(&order(0, 0), 64, 0);
        assert!(pace.take() && !pace.take());
    }

    #[test]
    fn the_first_packets_leave_at_once_each_worker_its_part() {
        let order = ReleaseOrder {
            first_packets: 128,
            ..order(1_000, 50_000)
        };
        for (workers, part) in [(1, 128), (2, 64), (3, 43)] {
            let mut pace = Pace::new(&order, workers, 0);
            pace.fill(0);
            assert_eq!(taken(&mut pace), part);
            pace.fill(10_000);
            assert_eq!(
                taken(&mut pace),
                10 / u64::from(workers),
                "then at the rate"
            );
        }
    }

    proptest! {
        #[test]
        fn never_more_than_the_schedule_and_one_burst(
            rate in 1_u32..10_000, first_packets in 0_u16..200,
            round_trip in 200_000_u32..1_000_000,
            steps in prop::collection::vec(0_u64..20_000, 1..100),
        ) {
            let order = ReleaseOrder { first_packets, ..order(rate, round_trip) };
            let mut pace = Pace::new(&order, 1, 0);
            let (mut now, mut allowed) = (0_u64, f64::from(first_packets.max(1)));
            let mut sent = 0;
            for step in steps {
                now += step;
                pace.fill(now);
                allowed += pace.rate(now) as f64 * step as f64 / 1e6;
                sent += taken(&mut pace);
                prop_assert!(sent as f64 <= allowed + 1.0);
                prop_assert_eq!(taken(&mut pace), 0);
            }
        }
    }
}
