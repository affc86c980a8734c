//! Medians and bootstrap confidence intervals.

/// Resamplings of a bootstrap.
const RESAMPLES: usize = 2000;

/// A generator of the xorshift family: the same numbers in every run.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A generator; any seed will do.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`, which is not zero.
    #[inline]
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The median; zero of nothing.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        len if len % 2 == 1 => sorted[len / 2],
        len => f64::midpoint(sorted[len / 2 - 1], sorted[len / 2]),
    }
}

/// The 95 % bootstrap interval of the median.
pub(crate) fn interval(values: &[f64]) -> [f64; 2] {
    let mut random = Random::new(1);
    let medians = (0..RESAMPLES).map(|_| median(&resample(values, &mut random)));
    percentiles(medians.collect())
}

/// The 95 % bootstrap interval of the ratio of the medians of `values` and `others`.
pub(crate) fn ratio_interval(values: &[f64], others: &[f64]) -> [f64; 2] {
    let mut random = Random::new(2);
    let ratios = (0..RESAMPLES).map(|_| {
        let value = median(&resample(values, &mut random));
        let other = median(&resample(others, &mut random));
        if other == 0.0 { 0.0 } else { value / other }
    });
    percentiles(ratios.collect())
}

fn resample(values: &[f64], random: &mut Random) -> Vec<f64> {
    (0..values.len())
        .map(|_| values[random.below(values.len() as u64) as usize])
        .collect()
}

fn percentiles(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let index = (values.len().saturating_sub(1)) as f64 * share;
        values.get(index as usize).copied().unwrap_or(0.0)
    };
    [at(0.025), at(0.975)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).abs() < f64::EPSILON);
    }

    #[test]
    fn an_interval_holds_the_median_and_narrows_with_agreement() {
        let wide: Vec<f64> = (0..20).map(|at| 100.0 + f64::from(at)).collect();
        let narrow = vec![100.0; 20];
        let [low, high] = interval(&wide);
        assert!(low <= median(&wide) && median(&wide) <= high && high - low > 1.0);
        let [low, high] = interval(&narrow);
        assert!((high - low).abs() < f64::EPSILON);
        let [low, high] = ratio_interval(&wide, &narrow);
        assert!(low > 1.0 && high < 1.2, "{low} {high}");
    }

    #[test]
    fn random_numbers_stay_below_their_bound() {
        let mut random = Random::new(7);
        assert!((0..1000).all(|_| random.below(10) < 10));
        assert!((0..1000).all(|_| (0.0..1.0).contains(&random.unit())));
    }
}
