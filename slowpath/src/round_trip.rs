//! The round trip to a peer, smoothed (RFC 6298 section 2), as an argument of time.

/// The smoothing of RFC 6298: a sample weighs an eighth in the mean, a quarter in the variation.
const MEAN_SHIFT: u32 = 3;
const VARIATION_SHIFT: u32 = 2;
/// How fine the clock is that samples are taken with: a sample below is taken as this.
const GRANULARITY_US: u64 = 1_000;
/// A sample above says nothing of the path: an answer that long was computed or lost.
const SAMPLE_MAX_US: u64 = 10_000_000;

/// A smoothed round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrip {
    mean_us: u64,
    variation_us: u64,
}

impl RoundTrip {
    /// The estimate after the first exchange.
    pub fn first(sample_ms: u64) -> Self {
        let sample_us = bounded_us(sample_ms);
        Self {
            mean_us: sample_us,
            variation_us: sample_us / 2,
        }
    }

    /// The estimate after another exchange.
    pub fn then(self, sample_ms: u64) -> Self {
        let sample_us = bounded_us(sample_ms);
        let error_us = self.mean_us.abs_diff(sample_us);
        let variation_us = self.variation_us - (self.variation_us >> VARIATION_SHIFT)
            + (error_us >> VARIATION_SHIFT);
        let mean_us = self.mean_us - (self.mean_us >> MEAN_SHIFT) + (sample_us >> MEAN_SHIFT);
        Self {
            mean_us,
            variation_us,
        }
    }

    /// The mean in microseconds, at least one millisecond.
    pub fn mean_us(self) -> u64 {
        self.mean_us.max(GRANULARITY_US)
    }

    /// The mean in milliseconds, rounded up.
    pub fn mean_ms(self) -> u64 {
        self.mean_us().div_ceil(1_000)
    }

    /// Four times the variation in milliseconds: what an answer may be late.
    pub fn spread_ms(self) -> u64 {
        (4 * self.variation_us).div_ceil(1_000)
    }
}

fn bounded_us(sample_ms: u64) -> u64 {
    sample_ms
        .saturating_mul(1_000)
        .clamp(GRANULARITY_US, SAMPLE_MAX_US)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_sample_and_the_next_are_smoothed_as_the_rfc_says() {
        let first = RoundTrip::first(100);
        assert_eq!((first.mean_us(), first.spread_ms()), (100_000, 200));
        // SRTT = 7/8 * 100 + 1/8 * 180; RTTVAR = 3/4 * 50 + 1/4 * 80.
        let second = first.then(180);
        assert_eq!((second.mean_us(), second.spread_ms()), (110_000, 230));
    }

    #[test]
    fn a_steady_path_has_no_spread_in_the_end() {
        let steady = (0..50).fold(RoundTrip::first(50), |path, _| path.then(50));
        assert_eq!(steady.mean_ms(), 50);
        assert!(steady.spread_ms() <= 1, "{steady:?}");
    }

    proptest! {
        #[test]
        fn the_mean_stays_among_the_samples(
            samples in proptest::collection::vec(0_u64..20_000, 1..50),
        ) {
            let mut path = RoundTrip::first(samples[0]);
            for sample in &samples[1..] {
                path = path.then(*sample);
            }
            let (least, most) = (samples.iter().min().unwrap(), samples.iter().max().unwrap());
            prop_assert!(path.mean_ms() + 1 >= (*least).clamp(1, 10_000));
            prop_assert!(path.mean_ms() <= (*most).clamp(1, 10_000) + 1);
        }
    }
}
