//! The forms in which HdrHistogram's tools read a histogram.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;
use fastpath::histogram::{Counts, VALUE_MAX};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use crate::stats::view::Append;

/// Significant digits of what is recorded.
const DIGITS: u8 = 2;
/// Reporting steps per halving of the rest, from the usual number down.
const TICKS_PER_HALF: [u32; 3] = [5, 2, 1];

/// The counts as HdrHistogram's own type. Its classes at two digits are ours, so nothing is lost.
pub(super) fn histogram(counts: &Counts, digits: u8) -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, VALUE_MAX, digits)
        .expect("the bounds and the digits are legal");
    for (_, high, count) in counts.iter() {
        histogram
            .record_n(high, count)
            .expect("every value is within the bounds");
    }
    histogram
}

/// A histogram whose compressed form is no longer than `max_bytes` in base64: with two significant
/// digits, or with one where that is too long.
pub(super) fn within(counts: &Counts, max_bytes: usize) -> (Histogram<u64>, String) {
    let whole = histogram(counts, DIGITS);
    let text = encode(&whole);
    if text.len() <= max_bytes {
        return (whole, text);
    }
    let coarse = histogram(counts, 1);
    let text = encode(&coarse);
    (coarse, text)
}

/// HdrHistogram V2, compressed, in base64, of at most `max_bytes`.
pub fn base64(counts: &Counts, max_bytes: usize) -> String {
    within(counts, max_bytes).1
}

fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(histogram, &mut bytes)
        .expect("writing to a Vec does not fail");
    STANDARD.encode(bytes)
}

/// The percentile distribution as `.hgrm`, which the plotters of HdrHistogram take; of at most
/// `max_bytes`, with fewer steps where it would be longer.
pub fn hgrm(counts: &Counts, max_bytes: usize) -> String {
    let histogram = histogram(counts, DIGITS);
    let texts = TICKS_PER_HALF.map(|ticks| move |histogram| percentiles(histogram, ticks));
    let mut text = String::new();
    for render in texts {
        text = render(&histogram);
        if text.len() <= max_bytes {
            break;
        }
    }
    text
}

fn percentiles(histogram: &Histogram<u64>, ticks_per_half: u32) -> String {
    let mut out = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    let mut below = 0;
    for step in histogram.iter_quantiles(ticks_per_half) {
        below += step.count_since_last_iteration();
        let (value, quantile) = (step.value_iterated_to(), step.quantile_iterated_to());
        out.append(format_args!(
            "{value:>12}.000 {quantile:>14.12} {below:>10}"
        ));
        if quantile < 1.0 {
            out.append(format_args!(" {:>14.2}", 1.0 / (1.0 - quantile)));
        }
        out.push('\n');
    }
    out.append(format_args!(
        "#[Mean    = {:>12.3}, StdDeviation   = {:>12.3}]\n\
         #[Max     = {:>12.3}, Total count    = {:>12}]\n\
         #[Buckets = {:>12}, SubBuckets     = {:>12}]\n",
        histogram.mean(),
        histogram.stdev(),
        histogram.max() as f64,
        histogram.len(),
        histogram.buckets(),
        1 << 8,
    ));
    out
}

#[cfg(test)]
mod tests {
    use fastpath::histogram::histograms;
    use hdrhistogram::serialization::Deserializer;
    use proptest::prelude::*;

    use super::*;

    const ANSWER: usize = 15 * 1024;

    fn counts(values: &[(u64, u64)]) -> Counts {
        let (mut recorder, mut reader) = histograms(1);
        for &(value, count) in values {
            recorder.record_many(0, value, count);
        }
        drop(recorder);
        let mut counts = [Counts::default()];
        reader.collect(&mut counts);
        let [counts] = counts;
        counts
    }

    #[test]
    fn the_distribution_has_the_layout_of_the_tools() {
        let text = hgrm(&counts(&[(10, 1), (100, 1), (1000, 2)]), ANSWER);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "       Value     Percentile TotalCount 1/(1-Percentile)"
        );
        assert_eq!(lines[1], "");
        assert!(lines[2].starts_with("          10.000 0.000000000000          1           1.00"));
        assert!(
            text.contains("#[Max     =     1003.000, Total count    =            4]"),
            "{text}"
        );
    }

    #[test]
    fn a_full_histogram_fits_an_answer() {
        let values: Vec<(u64, u64)> = (0..40)
            .flat_map(|octave| (0..256_u64).map(move |step| ((256 + step) << octave >> 8, step)))
            .map(|(value, step)| (value, step.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20))
            .collect();
        let counts = counts(&values);
        assert!(base64(&counts, ANSWER).len() <= ANSWER);
        assert!(hgrm(&counts, ANSWER).len() <= ANSWER);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_what_was_recorded(
            values in prop::collection::vec((0_u64..1 << 40, 1_u64..1000), 0..60),
        ) {
            let counts = counts(&values);
            let bytes = STANDARD.decode(base64(&counts, usize::MAX)).unwrap();
            let read: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
            prop_assert_eq!(read.len(), counts.total());
            for percentile in [50.0, 90.0, 99.0, 100.0] {
                let expected = counts.value_at_percentile(percentile).unwrap_or(0);
                prop_assert_eq!(read.value_at_percentile(percentile), expected);
            }
        }
    }
}
