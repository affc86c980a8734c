//! Latency histograms as files that HdrHistogram's tools read.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2Serializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

/// Nanoseconds of a microsecond: the unit of the percentile file.
const NS_PER_US: f64 = 1000.0;
/// Percentile steps of each halving of the distance to 100 %.
const TICKS_PER_HALF: u32 = 5;

/// Writes `path` with `.hlog` and `.hgrm`.
pub(crate) fn save(path: &Path, histogram: &Histogram<u64>) -> io::Result<()> {
    let mut log = Vec::new();
    let mut serializer = V2Serializer::new();
    let mut writer = IntervalLogWriterBuilder::new()
        .begin_log_with(&mut log, &mut serializer)
        .map_err(io::Error::other)?;
    let tag = Tag::new("latency-ns");
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    writer
        .write_histogram(histogram, now, Duration::ZERO, tag)
        .map_err(|error| io::Error::other(format!("{error:?}")))?;
    fs::write(path.with_extension("hlog"), log)?;
    fs::write(path.with_extension("hgrm"), percentiles(histogram))
}

/// The percentile distribution in microseconds.
pub(crate) fn percentiles(histogram: &Histogram<u64>) -> String {
    let mut text = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    let mut total = 0;
    for step in histogram.iter_quantiles(TICKS_PER_HALF) {
        total += step.count_since_last_iteration();
        let quantile = step.quantile_iterated_to();
        let _ = write!(
            text,
            "{:>12.3} {quantile:>14.12} {total:>10}",
            step.value_iterated_to() as f64 / NS_PER_US
        );
        if quantile < 1.0 {
            let _ = write!(text, " {:>14.2}", 1.0 / (1.0 - quantile));
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "#[Mean    = {:>12.3}, StdDeviation   = {:>12.3}]\n\
         #[Max     = {:>12.3}, Total count    = {:>12}]",
        histogram.mean() / NS_PER_US,
        histogram.stdev() / NS_PER_US,
        histogram.max() as f64 / NS_PER_US,
        histogram.len()
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_end_at_the_largest() {
        let mut histogram = Histogram::<u64>::new_with_bounds(1, 1_000_000, 3).unwrap();
        for value in 1..=1000_u64 {
            histogram.record(value * 100).unwrap();
        }
        let text = percentiles(&histogram);
        assert!(text.contains("1.000000000000       1000"), "{text}");
        assert!(text.contains("Total count    =         1000"));
    }
}
