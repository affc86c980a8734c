//! The two ends of a thread's histograms.

use std::fmt;

use super::classes::{CLASSES, class_of};
use super::counts::Counts;
use crate::sync::{Arc, AtomicU64, CachePadded, Ordering};

/// The recording thread is gone: both phases are the reader's.
const CLOSED: u64 = u64::MAX;

struct Shared {
    /// Phase that the thread shall write, modulo two; raised by the reader.
    wanted: CachePadded<AtomicU64>,
    /// Epoch that the thread writes under, or [`CLOSED`].
    written: CachePadded<AtomicU64>,
    /// Classes of one histogram.
    classes: usize,
    /// One histogram behind the other.
    phases: [Box<[AtomicU64]>; 2],
}

impl Shared {
    #[inline]
    fn phase(&self, epoch: u64) -> &[AtomicU64] {
        let [even, odd] = &self.phases;
        if epoch & 1 == 0 { even } else { odd }
    }
}

/// The histograms of one thread, `count` of them: the end that records and the end that reads.
pub fn histograms(count: usize) -> (Recorder, Reader) {
    with_classes(count, CLASSES)
}

fn with_classes(count: usize, classes: usize) -> (Recorder, Reader) {
    let phase = || (0..count * classes).map(|_| AtomicU64::new(0)).collect();
    let shared = Arc::new(Shared {
        wanted: CachePadded(AtomicU64::new(0)),
        written: CachePadded(AtomicU64::new(0)),
        classes,
        phases: [phase(), phase()],
    });
    let recorder = Recorder {
        shared: shared.clone(),
        epoch: 0,
    };
    (recorder, Reader { shared, epoch: 0 })
}

/// The recording thread's end.
pub struct Recorder {
    shared: Arc<Shared>,
    epoch: u64,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

impl Recorder {
    /// Counts a value of histogram number `histogram` once.
    #[inline]
    pub fn record(&mut self, histogram: usize, value: u64) {
        self.record_many(histogram, value, 1);
    }

    /// Counts a value `count` times: a burst whose packets share a measurement.
    #[inline]
    pub fn record_many(&mut self, histogram: usize, value: u64, count: u64) {
        let place = histogram * self.shared.classes + class_of(value);
        if let Some(class) = self.shared.phase(self.epoch).get(place) {
            // We are the only writer of this phase.
            let counted = class.load(Ordering::Relaxed);
            class.store(counted.wrapping_add(count), Ordering::Relaxed);
        }
    }

    /// Once per loop: leaves the phase that the reader wants. One load; a store only after a flip.
    #[inline]
    pub fn turn(&mut self) {
        // Acquire: what the reader has emptied is empty for us.
        let wanted = self.shared.wanted.load(Ordering::Acquire);
        if wanted != self.epoch {
            self.epoch = wanted;
            // Release: what we counted before is visible to who sees this.
            self.shared.written.store(wanted, Ordering::Release);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.written.store(CLOSED, Ordering::Release);
    }
}

/// The end that collects.
pub struct Reader {
    shared: Arc<Shared>,
    epoch: u64,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// Moves what the thread has left behind into `into`, one [`Counts`] per histogram, and asks
    /// it to leave the rest for next time. `false` when the thread has not turned since the last
    /// call: nothing was moved, and nothing is lost.
    pub fn collect(&mut self, into: &mut [Counts]) -> bool {
        let written = self.shared.written.load(Ordering::Acquire);
        if written == CLOSED {
            for epoch in [0, 1] {
                self.empty(epoch, into);
            }
            return true;
        }
        if written != self.epoch {
            return false;
        }
        self.empty(self.epoch + 1, into);
        self.epoch += 1;
        // Release: the thread finds the phase empty.
        self.shared.wanted.store(self.epoch, Ordering::Release);
        true
    }

    /// Moves the counts of a phase that the thread does not write.
    fn empty(&self, epoch: u64, into: &mut [Counts]) {
        let histograms = self.shared.phase(epoch).chunks(self.shared.classes);
        for (classes, counts) in histograms.zip(into) {
            for (number, class) in classes.iter().enumerate() {
                let count = class.load(Ordering::Relaxed);
                if count > 0 {
                    class.store(0, Ordering::Relaxed);
                    counts.add_to(number, count);
                }
            }
        }
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use loom::thread;

    use super::{Counts, with_classes};

    #[test]
    fn flips_lose_nothing_and_count_nothing_twice() {
        loom::model(|| {
            let (mut recorder, mut reader) = with_classes(1, 1);
            let worker = thread::spawn(move || {
                for _ in 0..3 {
                    recorder.record(0, 0);
                    recorder.turn();
                }
            });
            let mut counts = [Counts::default()];
            for _ in 0..3 {
                reader.collect(&mut counts);
            }
            worker.join().unwrap();
            reader.collect(&mut counts);
            assert_eq!(counts[0].total(), 3);
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use hdrhistogram::Histogram;
    use proptest::prelude::*;

    use super::*;
    use crate::histogram::VALUE_MAX;

    fn value() -> impl Strategy<Value = u64> {
        (0_u32..40, any::<u64>()).prop_map(|(bits, value)| value & ((2 << bits) - 1))
    }

    #[test]
    fn what_was_recorded_is_collected_after_the_thread_has_turned() {
        let (mut recorder, mut reader) = histograms(2);
        let mut counts = [Counts::default(), Counts::default()];
        recorder.record(1, 7);
        assert!(reader.collect(&mut counts));
        assert_eq!(counts[1].total(), 0);
        recorder.record_many(1, 1000, 32);
        assert!(!reader.collect(&mut counts));
        recorder.turn();
        recorder.record(1, 9);
        recorder.record(0, 1);
        // A histogram that is not there is no other one.
        recorder.record(2, 1);
        assert!(reader.collect(&mut counts));
        assert_eq!(
            counts[1].iter().collect::<Vec<_>>(),
            [(7, 7, 1), (1000, 1003, 32)]
        );
        recorder.turn();
        assert!(reader.collect(&mut counts));
        assert_eq!((counts[0].total(), counts[1].total()), (1, 34));
        recorder.record(1, u64::MAX);
        drop(recorder);
        assert!(reader.collect(&mut counts));
        assert!(reader.collect(&mut counts));
        assert_eq!(counts[1].total(), 35);
        assert_eq!(counts[1].value_at_percentile(100.0), Some(VALUE_MAX));
        counts[1].clear();
        assert_eq!(counts[1].value_at_percentile(50.0), None);
    }

    #[test]
    fn a_baseline_takes_away_what_it_has_seen() {
        let (mut recorder, mut reader) = histograms(1);
        recorder.record_many(0, 500, 3);
        drop(recorder);
        let mut counts = [Counts::default()];
        reader.collect(&mut counts);
        let [mut counts] = counts;
        let baseline: Vec<(u16, u64)> = counts.sparse().collect();
        let mut more = counts.clone();
        more.add(&counts);
        more.subtract(baseline.iter().copied());
        assert_eq!(more, counts);
        counts.subtract(baseline.into_iter().chain([(u16::MAX, 1)]));
        assert_eq!(counts.total(), 0);
    }

    proptest! {
        #[test]
        fn percentiles_are_those_of_hdrhistogram(
            values in prop::collection::vec((value(), 1_u64..5), 1..100),
            percentile in 0.1_f64..=100.0,
        ) {
            let (mut recorder, mut reader) = histograms(1);
            let mut oracle = Histogram::<u64>::new_with_bounds(1, VALUE_MAX, 2).unwrap();
            for (value, count) in values {
                recorder.record_many(0, value, count);
                oracle.record_n(value, count).unwrap();
            }
            drop(recorder);
            let mut counts = [Counts::default()];
            reader.collect(&mut counts);
            let [counts] = counts;
            prop_assert_eq!(counts.total(), oracle.len());
            let expected = oracle.value_at_percentile(percentile);
            prop_assert_eq!(counts.value_at_percentile(percentile), Some(expected));
            let mut twice = counts.clone();
            twice.add(&counts);
            prop_assert_eq!(twice.total(), 2 * counts.total());
        }

        #[test]
        fn every_count_is_collected_once(steps in prop::collection::vec(0_u8..3, 0..200)) {
            let (mut recorder, mut reader) = histograms(1);
            let mut counts = [Counts::default()];
            let mut recorded = 0;
            for step in steps {
                match step {
                    0 => {
                        recorder.record(0, recorded);
                        recorded += 1;
                    }
                    1 => recorder.turn(),
                    _ => {
                        reader.collect(&mut counts);
                    }
                }
                prop_assert!(counts[0].total() <= recorded);
            }
            drop(recorder);
            reader.collect(&mut counts);
            prop_assert_eq!(counts[0].total(), recorded);
        }
    }
}
