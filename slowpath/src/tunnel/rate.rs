//! How many packets a tunnel carries per second, for the pace at which held ones leave.

use crate::time::Time;

/// Intervals that are remembered: the last ones before a peer is declared dead have little in
/// them, because senders wait.
const INTERVALS: usize = 4;
/// Shortest interval that a rate is taken of, in milliseconds.
const INTERVAL_MIN_MS: u64 = 500;

/// The rates of the last intervals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rate {
    last: Option<(Time, u64)>,
    packets_per_s: [u32; INTERVALS],
    next: usize,
}

impl Rate {
    /// Takes the counter of packets sealed.
    pub(super) fn take(&mut self, now: Time, packets: u64) {
        let Some((since, before)) = self.last else {
            self.last = Some((now, packets));
            return;
        };
        let interval_ms = now.since_ms(since);
        if interval_ms < INTERVAL_MIN_MS {
            return;
        }
        self.last = Some((now, packets));
        let per_s = packets.saturating_sub(before).saturating_mul(1_000) / interval_ms;
        if let Some(place) = self.packets_per_s.get_mut(self.next % INTERVALS) {
            *place = u32::try_from(per_s).unwrap_or(u32::MAX);
        }
        self.next = (self.next + 1) % INTERVALS;
    }

    /// The counter begins anew; what was carried is remembered.
    pub(super) fn restart(&mut self) {
        self.last = None;
    }

    /// The highest rate of the intervals that are remembered.
    pub(super) fn packets_per_s(&self) -> u32 {
        self.packets_per_s.iter().copied().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_before_the_silence_is_remembered() {
        let mut rate = Rate::default();
        let mut packets = 0;
        for second in 0..10 {
            rate.take(Time(second * 1_000), packets);
            packets += 400;
        }
        assert_eq!(rate.packets_per_s(), 400);
        rate.take(Time(10_000), packets);
        rate.take(Time(10_100), packets + 9_000);
        assert_eq!(
            rate.packets_per_s(),
            400,
            "too short an interval says nothing"
        );
        rate.take(Time(11_000), packets);
        rate.restart();
        rate.take(Time(20_000), 0);
        rate.take(Time(21_000), 10);
        assert_eq!(rate.packets_per_s(), 400);
        for second in 22..26 {
            rate.take(Time(second * 1_000), 10);
        }
        assert_eq!(rate.packets_per_s(), 0);
    }
}
