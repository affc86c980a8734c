//! Interval logs: what `HistogramLogProcessor` and its kin read, format version 1.3.

use std::time::{Duration, UNIX_EPOCH};

use fastpath::histogram::Counts;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::encode::within;

/// The line that names the columns; tools expect it behind the times.
const LEGEND: &str = "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\
    \"Interval_Compressed_Histogram\"\n";

/// One interval of one histogram.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The histogram's name, with its thread behind a dot where it is of one thread.
    pub tag: &'a str,
    /// When the interval began, after the start of the log.
    pub begin: Duration,
    /// How long it is.
    pub length: Duration,
    /// What was counted in it.
    pub counts: &'a Counts,
}

/// The head of a log that began at `start_unix_ms`: rows count from there.
pub fn header(start_unix_ms: u64) -> String {
    let start = UNIX_EPOCH + Duration::from_millis(start_unix_ms);
    let mut bytes = Vec::new();
    IntervalLogWriterBuilder::new()
        .add_comment("[Histogram log format version 1.3]")
        .add_comment(
            "[Times of a row are seconds since BaseTime, its maximum has the unit of its tag]",
        )
        .with_start_time(start)
        .with_base_time(start)
        .begin_log_with(&mut bytes, &mut V2DeflateSerializer::new())
        .expect("writing to a Vec does not fail");
    text(bytes) + LEGEND
}

/// A row, of at most `max_bytes` for its histogram. A tag that no log can carry is left out.
pub fn row(row: Row<'_>, max_bytes: usize) -> String {
    let (histogram, _) = within(row.counts, max_bytes);
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    // Without head lines the writer writes rows alone.
    let written = IntervalLogWriterBuilder::new()
        .with_max_value_divisor(1.0)
        .begin_log_with(&mut bytes, &mut serializer)
        .map(|mut log| log.write_histogram(&histogram, row.begin, row.length, Tag::new(row.tag)));
    assert!(
        matches!(written, Ok(Ok(()))),
        "writing to a Vec does not fail"
    );
    text(bytes)
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("a log is ASCII")
}

#[cfg(test)]
mod tests {
    use fastpath::histogram::histograms;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let (mut recorder, mut reader) = histograms(1);
        recorder.record_many(0, 700, 9);
        drop(recorder);
        let mut counts = [Counts::default()];
        reader.collect(&mut counts);
        let mut log = header(1_795_453_122_500);
        log += &row(
            Row {
                tag: "line_ns.lcore1",
                begin: Duration::from_millis(1500),
                length: Duration::from_secs(10),
                counts: &counts[0],
            },
            usize::MAX,
        );
        let lines: Vec<&str> = log.lines().collect();
        assert_eq!(lines[0], "#[Histogram log format version 1.3]");
        assert!(
            lines[2].starts_with("#[StartTime: 1795453122.500 "),
            "{}",
            lines[2]
        );
        assert!(
            lines[3].starts_with("#[BaseTime: 1795453122.500 "),
            "{}",
            lines[3]
        );
        assert_eq!(lines[4], LEGEND.trim_end());
        assert!(
            lines[5].starts_with("Tag=line_ns.lcore1,1.500,10.000,703.000,HISTFAAA"),
            "{}",
            lines[5]
        );
        let body = log.replace(LEGEND, "");
        let entries: Vec<_> = IntervalLogIterator::new(body.as_bytes())
            .map(|entry| entry.expect("a line that is read"))
            .collect();
        let LogEntry::Interval(interval) = &entries[2] else {
            panic!("{entries:?}");
        };
        assert_eq!(
            interval.tag().map(|tag| tag.as_str()),
            Some("line_ns.lcore1")
        );
        assert_eq!(interval.duration(), Duration::from_secs(10));
    }
}
