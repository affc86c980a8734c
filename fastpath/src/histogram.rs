//! Histograms of a worker: recording costs a polling core a load and a store.
//!
//! Values are counted in log-linear classes with two significant digits, the classes of
//! HdrHistogram at that precision: exact below 256, above it 128 classes per power of two. The
//! unit is the caller's.
//!
//! There are two phases of counts. The worker writes into one, the reader empties the other. The
//! reader asks for a flip by raising the epoch; the worker sees that at its next [`Recorder::turn`]
//! and says so; only then is the phase that it left the reader's. Neither waits, and no count is
//! lost or seen twice.

use std::fmt;

use crate::sync::{Arc, AtomicU64, CachePadded, Ordering};

/// Values below this are counted exactly.
const EXACT: u64 = 256;
const EXACT_LOG2: u32 = EXACT.ilog2();
/// Classes of each power of two above.
const CLASSES_PER_OCTAVE: usize = (EXACT / 2) as usize;
const VALUE_BITS: u32 = 40;

/// The largest value that has a class of its own size; larger ones are counted as this. About six
/// minutes of TSC cycles, eighteen minutes of nanoseconds.
pub const VALUE_MAX: u64 = (1 << VALUE_BITS) - 1;

/// Classes of a histogram.
const CLASSES: usize = EXACT as usize + (VALUE_BITS - EXACT_LOG2) as usize * CLASSES_PER_OCTAVE;

/// The worker is gone: both phases are the reader's.
const CLOSED: u64 = u64::MAX;

/// The class of a value.
#[inline]
const fn class_of(value: u64) -> usize {
    let value = if value > VALUE_MAX { VALUE_MAX } else { value };
    if value < EXACT {
        return value as usize;
    }
    // How far the leading eight bits are shifted: 1 for 256 to 511, and so on.
    let shift = value.ilog2() + 1 - EXACT_LOG2;
    // Those eight bits, 128 to 255, count on from the classes of the octave below.
    shift as usize * CLASSES_PER_OCTAVE + (value >> shift) as usize
}

/// The lowest and the highest value of a class.
const fn bounds(class: usize) -> (u64, u64) {
    if class < EXACT as usize {
        return (class as u64, class as u64);
    }
    let shift = (class / CLASSES_PER_OCTAVE - 1) as u32;
    let leading = (class % CLASSES_PER_OCTAVE + CLASSES_PER_OCTAVE) as u64;
    (leading << shift, ((leading + 1) << shift) - 1)
}

struct Shared {
    /// Phase that the worker shall write, modulo two; raised by the reader.
    wanted: CachePadded<AtomicU64>,
    /// Epoch that the worker writes under, or [`CLOSED`].
    written: CachePadded<AtomicU64>,
    phases: [Box<[AtomicU64]>; 2],
}

impl Shared {
    #[inline]
    fn phase(&self, epoch: u64) -> &[AtomicU64] {
        let [even, odd] = &self.phases;
        if epoch & 1 == 0 { even } else { odd }
    }
}

/// A histogram: the end that records and the end that reads.
pub fn histogram() -> (Recorder, Reader) {
    with_classes(CLASSES)
}

fn with_classes(classes: usize) -> (Recorder, Reader) {
    let phase = || (0..classes).map(|_| AtomicU64::new(0)).collect();
    let shared = Arc::new(Shared {
        wanted: CachePadded(AtomicU64::new(0)),
        written: CachePadded(AtomicU64::new(0)),
        phases: [phase(), phase()],
    });
    let recorder = Recorder {
        shared: shared.clone(),
        epoch: 0,
    };
    (recorder, Reader { shared, epoch: 0 })
}

/// The worker's end.
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
    /// Counts a value once.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.record_many(value, 1);
    }

    /// Counts a value `count` times: a burst whose packets share a measurement.
    #[inline]
    pub fn record_many(&mut self, value: u64, count: u64) {
        if let Some(class) = self.shared.phase(self.epoch).get(class_of(value)) {
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
    /// Moves what the worker has left behind into `into`, and asks it to leave the rest for next
    /// time. `false` when the worker has not turned since the last call: nothing was moved, and
    /// nothing is lost.
    pub fn collect(&mut self, into: &mut Counts) -> bool {
        let written = self.shared.written.load(Ordering::Acquire);
        if written == CLOSED {
            for phase in &self.shared.phases {
                empty(phase, into);
            }
            return true;
        }
        if written != self.epoch {
            return false;
        }
        empty(self.shared.phase(self.epoch + 1), into);
        self.epoch += 1;
        // Release: the worker finds the phase empty.
        self.shared.wanted.store(self.epoch, Ordering::Release);
        true
    }
}

/// Moves the counts of a phase that the worker does not write.
fn empty(phase: &[AtomicU64], into: &mut Counts) {
    for (class, total) in phase.iter().zip(&mut into.classes) {
        let count = class.load(Ordering::Relaxed);
        if count > 0 {
            class.store(0, Ordering::Relaxed);
            *total += count;
        }
    }
}

/// Counts by class, as a reader has collected them, of one worker or of several.
#[derive(Clone, PartialEq, Eq)]
pub struct Counts {
    classes: Box<[u64]>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            classes: vec![0; CLASSES].into(),
        }
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Counts {
    /// The classes that are not empty, ascending: lowest value, highest value, count.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        let classes = self.classes.iter().enumerate();
        classes
            .filter(|(_, count)| **count > 0)
            .map(|(class, count)| {
                let (low, high) = bounds(class);
                (low, high, *count)
            })
    }

    /// How many values were counted.
    pub fn total(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.classes.iter_mut().zip(&other.classes) {
            *mine += theirs;
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.classes.fill(0);
    }

    /// The highest value of the class in which the value at `percentile` (0 to 100) lies; `None`
    /// when nothing was counted.
    pub fn value_at_percentile(&self, percentile: f64) -> Option<u64> {
        let total = self.total();
        let rank = (percentile / 100.0 * total as f64).ceil() as u64;
        let rank = rank.clamp(1, total.max(1));
        let mut below = 0;
        self.iter().find_map(|(_, high, count)| {
            below += count;
            (below >= rank).then_some(high)
        })
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use loom::thread;

    use super::{Counts, with_classes};

    #[test]
    fn flips_lose_nothing_and_count_nothing_twice() {
        loom::model(|| {
            let (mut recorder, mut reader) = with_classes(1);
            let worker = thread::spawn(move || {
                for _ in 0..3 {
                    recorder.record(0);
                    recorder.turn();
                }
            });
            let mut counts = Counts::default();
            for _ in 0..3 {
                reader.collect(&mut counts);
            }
            worker.join().unwrap();
            reader.collect(&mut counts);
            assert_eq!(counts.total(), 3);
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use hdrhistogram::Histogram;
    use proptest::prelude::*;

    use super::*;

    fn oracle() -> Histogram<u64> {
        Histogram::new_with_bounds(1, VALUE_MAX, 2).unwrap()
    }

    fn value() -> impl Strategy<Value = u64> {
        (0_u32..VALUE_BITS, any::<u64>()).prop_map(|(bits, value)| value & ((2 << bits) - 1))
    }

    #[test]
    fn classes_cover_every_value_without_a_gap() {
        let mut next = 0;
        for class in 0..CLASSES {
            let (low, high) = bounds(class);
            assert_eq!(low, next);
            assert_eq!((class_of(low), class_of(high)), (class, class));
            next = high + 1;
        }
        assert_eq!(next, VALUE_MAX + 1);
        assert_eq!(class_of(u64::MAX), CLASSES - 1);
    }

    #[test]
    fn what_was_recorded_is_collected_after_the_worker_has_turned() {
        let (mut recorder, mut reader) = histogram();
        let mut counts = Counts::default();
        recorder.record(7);
        assert!(reader.collect(&mut counts));
        assert_eq!(counts.total(), 0);
        recorder.record_many(1000, 32);
        assert!(!reader.collect(&mut counts));
        recorder.turn();
        recorder.record(9);
        assert!(reader.collect(&mut counts));
        assert_eq!(
            counts.iter().collect::<Vec<_>>(),
            [(7, 7, 1), (1000, 1003, 32)]
        );
        recorder.turn();
        assert!(reader.collect(&mut counts));
        assert_eq!(counts.total(), 34);
        recorder.record(u64::MAX);
        drop(recorder);
        assert!(reader.collect(&mut counts));
        assert!(reader.collect(&mut counts));
        assert_eq!(counts.total(), 35);
        assert_eq!(counts.value_at_percentile(100.0), Some(VALUE_MAX));
        counts.clear();
        assert_eq!(counts.value_at_percentile(50.0), None);
    }

    proptest! {
        #[test]
        fn classes_are_those_of_hdrhistogram(value in value()) {
            let (low, high) = bounds(class_of(value));
            let oracle = oracle();
            prop_assert_eq!(low, oracle.lowest_equivalent(value));
            prop_assert_eq!(high, oracle.highest_equivalent(value));
        }

        #[test]
        fn percentiles_are_those_of_hdrhistogram(
            values in prop::collection::vec((value(), 1_u64..5), 1..100),
            percentile in 0.1_f64..=100.0,
        ) {
            let (mut recorder, mut reader) = histogram();
            let mut oracle = oracle();
            for (value, count) in values {
                recorder.record_many(value, count);
                oracle.record_n(value, count).unwrap();
            }
            drop(recorder);
            let mut counts = Counts::default();
            reader.collect(&mut counts);
            prop_assert_eq!(counts.total(), oracle.len());
            let expected = oracle.value_at_percentile(percentile);
            prop_assert_eq!(counts.value_at_percentile(percentile), Some(expected));
            let mut twice = counts.clone();
            twice.add(&counts);
            prop_assert_eq!(twice.total(), 2 * counts.total());
        }

        #[test]
        fn every_count_is_collected_once(steps in prop::collection::vec(0_u8..3, 0..200)) {
            let (mut recorder, mut reader) = histogram();
            let mut counts = Counts::default();
            let mut recorded = 0;
            for step in steps {
                match step {
                    0 => {
                        recorder.record(recorded);
                        recorded += 1;
                    }
                    1 => recorder.turn(),
                    _ => {
                        reader.collect(&mut counts);
                    }
                }
                prop_assert!(counts.total() <= recorded);
            }
            drop(recorder);
            reader.collect(&mut counts);
            prop_assert_eq!(counts.total(), recorded);
        }
    }
}
