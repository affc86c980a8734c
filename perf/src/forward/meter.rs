//! What a forwarding thread counts and the main thread reads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hdrhistogram::Histogram;

/// Longest latency that is told apart: ten seconds in nanoseconds.
const LATENCY_NS_MAX: u64 = 10_000_000_000;
/// Three significant digits.
const DIGITS: u8 = 3;

/// Counters of one port and thread. One writer; plain loads and stores.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Packets received.
    pub(crate) received: AtomicU64,
    /// Packets that the port took.
    pub(crate) sent: AtomicU64,
    /// Packets that the port refused.
    pub(crate) refused: AtomicU64,
    /// Stamped packets received.
    pub(crate) stamped: AtomicU64,
    /// Stamped packets that came after a later one.
    pub(crate) reordered: AtomicU64,
}

impl Counters {
    /// Adds to a counter that this thread alone writes.
    #[inline]
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.store(counter.load(Ordering::Relaxed) + count, Ordering::Relaxed);
    }

    /// All five.
    pub(crate) fn read(&self) -> [u64; 5] {
        [
            &self.received,
            &self.sent,
            &self.refused,
            &self.stamped,
            &self.reordered,
        ]
        .map(|counter| counter.load(Ordering::Relaxed))
    }
}

/// Orders from the main thread.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// Threads end.
    pub(crate) stop: AtomicBool,
    /// The ports have their links: queues may be polled.
    pub(crate) connected: AtomicBool,
    /// Threads forward; else they only empty their queues.
    pub(crate) forward: AtomicBool,
    /// Packets per second of each generator, 0 for as many as the port takes.
    pub(crate) rate: AtomicU64,
    /// Raised whenever counting begins anew: generators forget what they have recorded.
    pub(crate) trial: AtomicU64,
}

/// Latencies in nanoseconds, put together from all threads.
#[derive(Debug)]
pub(crate) struct Latencies(Mutex<Histogram<u64>>);

impl Latencies {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(empty()))
    }

    /// Adds what a thread has recorded.
    pub(crate) fn merge(&self, recorded: &Histogram<u64>) {
        if let Ok(mut all) = self.0.lock() {
            // Both have the same bounds.
            let _ = all.add(recorded);
        }
    }

    /// Takes everything.
    pub(crate) fn take(&self) -> Histogram<u64> {
        self.0
            .lock()
            .map_or_else(|_| empty(), |mut all| std::mem::replace(&mut *all, empty()))
    }
}

/// An empty histogram of latencies.
pub(crate) fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_NS_MAX, DIGITS).expect("the bounds are in order")
}
