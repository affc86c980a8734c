//! Statistics blocks in testpmd's shape.

use std::fmt::Write as _;
use std::time::Duration;

use super::PortCounters;

/// What the threads have counted at one port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PortTotals {
    pub(super) port: u16,
    /// Received, sent, refused, stamped, reordered.
    counts: [u64; 5],
}

/// What the threads have counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals(Vec<PortTotals>);

impl Totals {
    /// Sums over threads.
    pub(super) fn of(ports: &[u16], counters: &[PortCounters]) -> Self {
        let totals = ports.iter().map(|&port| {
            let mine = counters.iter().filter(|(of, _)| *of == port);
            let counts = mine.fold([0; 5], |mut sum, (_, counters)| {
                for (sum, count) in sum.iter_mut().zip(counters.read()) {
                    *sum += count;
                }
                sum
            });
            PortTotals { port, counts }
        });
        Self(totals.collect())
    }

    /// What was counted after `earlier`.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let before = |port| {
            let same = earlier.0.iter().find(|totals| totals.port == port);
            same.map_or([0; 5], |totals| totals.counts)
        };
        let totals = self.0.iter().map(|totals| {
            let mut counts = totals.counts;
            for (count, before) in counts.iter_mut().zip(before(totals.port)) {
                *count -= before;
            }
            PortTotals { counts, ..*totals }
        });
        Self(totals.collect())
    }

    fn sum(&self, at: usize) -> u64 {
        self.0.iter().map(|totals| totals.counts[at]).sum()
    }

    pub(super) fn received(&self) -> u64 {
        self.sum(0)
    }

    pub(super) fn sent(&self) -> u64 {
        self.sum(1)
    }

    pub(super) fn refused(&self) -> u64 {
        self.sum(2)
    }

    pub(super) fn reordered(&self) -> u64 {
        self.sum(4)
    }

    /// `show port stats all`.
    pub(super) fn ports(&self, passed: Duration) -> String {
        let mut text = String::new();
        let rate = |count: u64| (count as f64 / passed.as_secs_f64().max(1e-9)) as u64;
        for PortTotals { port, counts } in &self.0 {
            let [received, sent, refused, ..] = *counts;
            let _ = write!(
                text,
                "\n  {STARS} NIC statistics for port {port:<3}{STARS}\n  \
                 RX-packets: {received:<10} TX-packets: {sent:<10} TX-errors: {refused}\n\n  \
                 Throughput (since counting began)\n  \
                 Rx-pps: {:>12}          Tx-pps: {:>12}\n  {STARS}{STARS}{STARS}\n",
                rate(received),
                rate(sent),
            );
        }
        text
    }
}

const STARS: &str = "########################";
const DASHES: &str = "----------------------";

/// `show fwd stats all`, and what is shown at the end.
pub(super) fn summary(totals: &Totals, passed: Duration) -> String {
    let mut text = String::new();
    for PortTotals { port, counts } in &totals.0 {
        let [received, sent, refused, stamped, reordered] = *counts;
        let _ = write!(
            text,
            "\n  {DASHES} Forward statistics for port {port:<3}{DASHES}\n  \
             RX-packets: {received:<14} RX-total: {received}\n  \
             TX-packets: {sent:<14} TX-dropped: {refused:<13} TX-total: {}\n  \
             RX-stamped: {stamped:<14} RX-reordered: {reordered}\n  {DASHES}{DASHES}{DASHES}\n",
            sent + refused
        );
    }
    let seconds = passed.as_secs_f64().max(1e-9);
    let _ = write!(
        text,
        "\n  +++++++++++++++ Accumulated forward statistics for all ports+++++++++++++++\n  \
         RX-packets: {:<14} RX-pps: {:.0}\n  \
         TX-packets: {:<14} TX-dropped: {:<13} TX-pps: {:.0}\n  {}\n",
        totals.received(),
        totals.received() as f64 / seconds,
        totals.sent(),
        totals.refused(),
        totals.sent() as f64 / seconds,
        "+".repeat(74),
    );
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::forward::meter::Counters;

    #[test]
    fn totals_are_sums_over_threads_since_counting_began() {
        let threads = [Arc::new(Counters::default()), Arc::new(Counters::default())];
        let counters: Vec<_> = threads.iter().map(|it| (3, Arc::clone(it))).collect();
        Counters::add(&threads[0].received, 5);
        let base = Totals::of(&[3], &counters);
        Counters::add(&threads[1].received, 7);
        Counters::add(&threads[1].sent, 2);
        let totals = Totals::of(&[3], &counters).since(&base);
        assert_eq!((totals.received(), totals.sent()), (7, 2));
        let text = summary(&totals, Duration::from_secs(1));
        assert!(text.contains("Forward statistics for port 3") && text.contains("RX-pps: 7"));
        assert!(
            totals
                .ports(Duration::from_secs(1))
                .contains("RX-packets: 7")
        );
    }
}
