//! What the ends of streams write down, and how it is read again.
//!
//! ```text
//! got ID MICROSECONDS BYTES    so many bytes have come by then (microseconds since 1970)
//! end ID BYTES                 the sender has closed after so many
//! sent ID BYTES                this end has closed after so many
//! lost ID REASON               the stream broke
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Stdout, Write, stdout};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::lab::error::{Doing, Result};

/// Microseconds since 1970: the machine's one clock, which the boxes' ledgers use too.
pub fn unix_us() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since.as_micros() as u64
}

/// The writer.
pub(super) struct Log(BufWriter<Stdout>);

impl Log {
    pub(super) fn new() -> Self {
        Self(BufWriter::new(stdout()))
    }

    pub(super) fn got(&mut self, id: u32, bytes: u64) {
        let at_us = unix_us();
        self.line(format_args!("got {id} {at_us} {bytes}"));
    }

    pub(super) fn end(&mut self, id: u32, bytes: u64) {
        self.line(format_args!("end {id} {bytes}"));
    }

    pub(super) fn sent(&mut self, id: u32, bytes: u64) {
        self.line(format_args!("sent {id} {bytes}"));
    }

    pub(super) fn lost(&mut self, id: u32, why: &str) {
        self.line(format_args!("lost {id} {why}"));
    }

    pub(super) fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // A reader that is gone ends the program by its own signal.
        let _ = writeln!(self.0, "{line}");
    }

    pub(super) fn flush(&mut self) {
        let _ = self.0.flush();
    }
}

/// One stream as both ends saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Microseconds since 1970, and bytes that had come by then.
    pub got: Vec<(u64, u64)>,
    /// Bytes after which the receiver saw the end.
    pub end: Option<u64>,
    /// Bytes after which the sender closed.
    pub sent: Option<u64>,
    /// Why it broke.
    pub lost: Option<String>,
}

impl Seen {
    /// Whether everything that was sent has come, and its end.
    pub fn is_whole(&self) -> bool {
        self.lost.is_none() && self.end.is_some() && self.end == self.sent
    }

    /// The first moment after `from_us` at which a new byte came.
    pub fn first_after(&self, from_us: u64) -> Option<u64> {
        let at = self.got.partition_point(|(at_us, _)| *at_us <= from_us);
        self.got.get(at).map(|(at_us, _)| *at_us)
    }

    /// Bytes that had come by `at_us`.
    pub fn bytes_at(&self, at_us: u64) -> u64 {
        let at = self.got.partition_point(|(it, _)| *it <= at_us);
        at.checked_sub(1).map_or(0, |last| self.got[last].1)
    }
}

/// All streams, read from the logs of both ends as these grow.
#[derive(Debug)]
pub struct Record {
    files: [(PathBuf, u64); 2],
    /// By number.
    pub streams: BTreeMap<u32, Seen>,
}

impl Record {
    pub(super) fn new(files: [PathBuf; 2]) -> Self {
        Self {
            files: files.map(|file| (file, 0)),
            streams: BTreeMap::new(),
        }
    }

    /// Reads what has been written meanwhile.
    pub fn update(&mut self) -> Result<()> {
        for (path, from) in &mut self.files {
            let mut file = File::open(path).doing("open a log of streams")?;
            file.seek(SeekFrom::Start(*from)).doing("seek")?;
            let mut text = String::new();
            file.read_to_string(&mut text).doing("read a log")?;
            // The last line may not be whole yet.
            let whole = text.rfind('\n').map_or(0, |at| at + 1);
            *from += whole as u64;
            for line in text[..whole].lines() {
                note(&mut self.streams, line);
            }
        }
        Ok(())
    }
}

fn note(streams: &mut BTreeMap<u32, Seen>, line: &str) -> Option<()> {
    let mut words = line.splitn(3, ' ');
    let (what, id) = (words.next()?, words.next()?.parse().ok()?);
    let rest = words.next()?;
    let number = rest.parse().ok();
    match what {
        "got" => {
            let (at_us, bytes) = rest.split_once(' ')?;
            let got = (at_us.parse().ok()?, bytes.parse().ok()?);
            streams.entry(id).or_default().got.push(got);
        }
        "end" => streams.entry(id).or_default().end = number,
        "sent" => streams.entry(id).or_default().sent = number,
        "lost" => streams.entry(id).or_default().lost = Some(rest.to_owned()),
        _ => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_whole_when_both_ends_say_so() {
        let mut streams = BTreeMap::new();
        for line in [
            "ready",
            "got 3 1000 10",
            "got 3 2000 25",
            "sent 3 25",
            "end 4 7",
        ] {
            note(&mut streams, line);
        }
        assert!(!streams[&3].is_whole() && !streams[&4].is_whole());
        note(&mut streams, "end 3 25");
        assert!(streams[&3].is_whole());
        assert_eq!(streams[&3].first_after(1000), Some(2000));
        assert_eq!(streams[&3].first_after(2000), None);
        assert_eq!(
            [999, 1000, 5000].map(|at| streams[&3].bytes_at(at)),
            [0, 10, 25]
        );
        note(&mut streams, "sent 4 8");
        assert!(!streams[&4].is_whole(), "a byte is missing");
        note(&mut streams, "lost 3 Connection reset by peer");
        assert!(!streams[&3].is_whole());
    }
}
