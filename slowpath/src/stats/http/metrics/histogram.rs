//! Histograms as buckets.
//!
//! A bucket ends at a power of two, where a class of the histogram ends too: its count is exact.
//! Durations and cycles are cut down to whole numbers when they are recorded, so that what was
//! less than the power is what is counted below it.

use std::ops::RangeInclusive;

use fastpath::histogram::{Counts, Spec, Unit};

use super::text::{Kind, Text};
use crate::stats::histograms::Histograms;

/// How a unit is exposed.
struct Scale {
    /// What stands at the end of the name.
    suffix: &'static str,
    /// What a value is multiplied with.
    factor: f64,
    /// Powers of two at which buckets end.
    powers: RangeInclusive<u32>,
    /// Values are counts: one that is equal to the end of a bucket belongs to it.
    whole: bool,
}

const fn scale(unit: Unit) -> Scale {
    let (suffix, factor, powers, whole) = match unit {
        // 256 ns to 17 s.
        Unit::Nanoseconds => ("seconds", 1e-9, 8..=34, false),
        // 16 us to 19 hours.
        Unit::Microseconds => ("seconds", 1e-6, 4..=36, false),
        Unit::Cycles => ("cycles", 1.0, 2..=24, false),
        Unit::Packets => ("packets", 1.0, 0..=6, true),
    };
    Scale {
        suffix,
        factor,
        powers,
        whole,
    }
}

/// The name of a histogram among the metrics, without the prefix.
pub(super) fn name(spec: &Spec) -> String {
    let stem = spec.name.strip_suffix(spec.unit.suffix());
    format!("{}{}", stem.unwrap_or(spec.name), scale(spec.unit).suffix)
}

pub(super) fn all(text: &mut Text, histograms: &Histograms) {
    for spec in Histograms::specs() {
        if let Some(counts) = histograms.counts(spec.name, None) {
            one(text, spec, &counts);
        }
    }
}

fn one(text: &mut Text, spec: &Spec, counts: &Counts) {
    let scale = scale(spec.unit);
    text.family(Kind::Histogram, &name(spec), spec.help);
    let mut classes = counts.iter().peekable();
    let mut below = 0;
    for power in scale.powers {
        let end = 1_u64 << power;
        let last = if scale.whole { end } else { end - 1 };
        while let Some((_, _, count)) = classes.next_if(|(_, high, _)| *high <= last) {
            below += count;
        }
        let end = float(end as f64 * scale.factor);
        text.sample("_bucket", &[("le", &end)], below);
    }
    let total = counts.total();
    text.sample("_bucket", &[("le", "+Inf")], total);
    text.sample("_count", &[], total);
    // The middle of a class stands for its values, which is right within half a percent.
    let middles = counts
        .iter()
        .map(|(low, high, count)| u128::from(low + high) * u128::from(count));
    let sum = middles.sum::<u128>() as f64 / 2.0 * scale.factor;
    text.sample("_sum", &[], float(sum));
}

/// A number in OpenMetrics' canonical way: with a point.
fn float(value: f64) -> String {
    let text = format!("{value:.12}");
    let text = text.trim_end_matches('0');
    if text.ends_with('.') {
        format!("{text}0")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use fastpath::histogram::histograms;

    use super::*;

    const LINE: Spec = Spec {
        name: "line_ns",
        unit: Unit::Nanoseconds,
        help: "Help.",
    };

    fn exposed(spec: &Spec, values: &[u64]) -> String {
        let (mut recorder, mut reader) = histograms(1);
        for &value in values {
            recorder.record(0, value);
        }
        drop(recorder);
        let mut counts = [Counts::default()];
        reader.collect(&mut counts);
        let mut text = Text::default();
        one(&mut text, spec, &counts[0]);
        text.end()
    }

    #[test]
    fn durations_are_seconds_in_buckets_that_add_up() {
        let text = exposed(&LINE, &[255, 256, 511, 512, 1 << 39]);
        for line in [
            "# TYPE holdfast_line_seconds histogram",
            "# UNIT holdfast_line_seconds seconds",
            "holdfast_line_seconds_bucket{le=\"0.000000256\"} 1",
            "holdfast_line_seconds_bucket{le=\"0.000000512\"} 3",
            "holdfast_line_seconds_bucket{le=\"0.000001024\"} 4",
            "holdfast_line_seconds_bucket{le=\"+Inf\"} 5",
            "holdfast_line_seconds_count 5",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
    }

    #[test]
    fn packets_are_counted_up_to_the_end_of_a_bucket() {
        let spec = Spec {
            name: "burst_packets",
            unit: Unit::Packets,
            help: "Help.",
        };
        let text = exposed(&spec, &[1, 2, 32, 32]);
        for line in [
            "holdfast_burst_packets_bucket{le=\"1.0\"} 1",
            "holdfast_burst_packets_bucket{le=\"2.0\"} 2",
            "holdfast_burst_packets_bucket{le=\"16.0\"} 2",
            "holdfast_burst_packets_bucket{le=\"32.0\"} 4",
            "holdfast_burst_packets_sum 67.0",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
    }
}
