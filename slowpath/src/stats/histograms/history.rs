//! The last minutes as an interval log.

use std::collections::VecDeque;
use std::time::Duration;

use fastpath::histogram::Counts;

use super::{Histograms, Row, header, row};

/// Length of an interval.
const INTERVAL_MS: u64 = 10_000;
/// Intervals that are kept: ten minutes, at most half a megabyte each.
const INTERVALS_MAX: usize = 60;
/// Bytes of one row's histogram.
const ROW_BYTES_MAX: usize = 16 * 1024;

/// Rows of the intervals that are kept, oldest first.
#[derive(Debug)]
pub struct History {
    start_unix_ms: u64,
    /// Begin of the interval that is under way.
    begin_unix_ms: u64,
    /// What had been counted then.
    seen: Vec<Vec<(u16, u64)>>,
    intervals: VecDeque<String>,
}

impl History {
    /// A log that begins now.
    pub fn new(unix_ms: u64) -> Self {
        Self {
            start_unix_ms: unix_ms,
            begin_unix_ms: unix_ms,
            seen: Histograms::specs().map(|_| Vec::new()).collect(),
            intervals: VecDeque::new(),
        }
    }

    /// Ends the interval when it is long enough.
    pub fn tick(&mut self, histograms: &Histograms, unix_ms: u64) {
        let length_ms = unix_ms.saturating_sub(self.begin_unix_ms);
        if length_ms < INTERVAL_MS {
            // A wall clock that was set back begins a new interval.
            self.begin_unix_ms = self.begin_unix_ms.min(unix_ms);
            return;
        }
        let begin_ms = self.begin_unix_ms.saturating_sub(self.start_unix_ms);
        let mut rows = String::new();
        for (spec, seen) in Histograms::specs().zip(&mut self.seen) {
            let Some(total) = histograms.counts(spec.name, None) else {
                continue;
            };
            let counts = since(&total, seen);
            if counts.total() == 0 {
                continue;
            }
            rows += &row(
                Row {
                    tag: spec.name,
                    begin: Duration::from_millis(begin_ms),
                    length: Duration::from_millis(length_ms),
                    counts: &counts,
                },
                ROW_BYTES_MAX,
            );
            *seen = total.sparse().collect();
        }
        if self.intervals.len() >= INTERVALS_MAX {
            self.intervals.pop_front();
        }
        self.intervals.push_back(rows);
        self.begin_unix_ms = unix_ms;
    }

    /// The log.
    pub fn text(&self) -> String {
        let mut text = header(self.start_unix_ms);
        text.extend(self.intervals.iter().map(String::as_str));
        text
    }
}

fn since(total: &Counts, seen: &[(u16, u64)]) -> Counts {
    let mut counts = total.clone();
    counts.subtract(seen.iter().copied());
    counts
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;
    use fastpath::worker::WorkerHistogram;

    #[test]
    fn every_count_is_in_one_interval_and_old_intervals_go() {
        let (mut collected, [mut first, ..]) = sample();
        let mut history = History::new(1_000_000);
        for interval in 1..=70_u64 {
            first.record(WorkerHistogram::Burst as usize, interval);
            first.turn();
            collected.collect();
            first.turn();
            collected.collect();
            history.tick(&collected, 1_000_000 + interval * INTERVAL_MS - 1);
            history.tick(&collected, 1_000_000 + interval * INTERVAL_MS);
        }
        let text = history.text();
        let rows: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("Tag="))
            .collect();
        assert_eq!(rows.len(), INTERVALS_MAX);
        assert!(
            rows[0].starts_with("Tag=burst_packets,100.000,10.000,11.000,"),
            "{}",
            rows[0]
        );
        assert!(
            rows[59].starts_with("Tag=burst_packets,690.000,10.000,70.000,"),
            "{}",
            rows[59]
        );
    }
}
