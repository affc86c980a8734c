//! The classes in which values are counted: those of HdrHistogram with two significant digits.

/// Values below this are counted exactly.
const EXACT: u64 = 256;
const EXACT_LOG2: u32 = EXACT.ilog2();
/// Classes of each power of two above.
const CLASSES_PER_OCTAVE: usize = (EXACT / 2) as usize;
const VALUE_BITS: u32 = 40;

/// The largest value that has a class of its own size; larger ones are counted as this. About
/// eighteen minutes of nanoseconds, twelve days of microseconds.
pub const VALUE_MAX: u64 = (1 << VALUE_BITS) - 1;

/// Classes of a histogram.
pub(super) const CLASSES: usize =
    EXACT as usize + (VALUE_BITS - EXACT_LOG2) as usize * CLASSES_PER_OCTAVE;

/// The class of a value.
#[inline]
pub(super) const fn class_of(value: u64) -> usize {
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
pub(super) const fn bounds(class: usize) -> (u64, u64) {
    if class < EXACT as usize {
        return (class as u64, class as u64);
    }
    let shift = (class / CLASSES_PER_OCTAVE - 1) as u32;
    let leading = (class % CLASSES_PER_OCTAVE + CLASSES_PER_OCTAVE) as u64;
    (leading << shift, ((leading + 1) << shift) - 1)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use hdrhistogram::Histogram;
    use proptest::prelude::*;

    use super::*;

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

    proptest! {
        #[test]
        fn classes_are_those_of_hdrhistogram(bits in 0_u32..VALUE_BITS, value in any::<u64>()) {
            let value = value & ((2 << bits) - 1);
            let (low, high) = bounds(class_of(value));
            let oracle = Histogram::<u64>::new_with_bounds(1, VALUE_MAX, 2).unwrap();
            prop_assert_eq!(low, oracle.lowest_equivalent(value));
            prop_assert_eq!(high, oracle.highest_equivalent(value));
        }
    }
}
