//! Lines to standard error.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;

use super::lane::{LaneCounters, Line, Sink};

/// A handle of its own: whoever else writes there never waits for a reader that is stuck.
pub(super) struct Console {
    stream: Option<File>,
    /// The journal reads it, and takes a severity in angle brackets.
    to_journal: bool,
}

impl Console {
    pub(super) fn new() -> Self {
        let handle = std::io::stderr().as_fd().try_clone_to_owned();
        Self {
            stream: handle.ok().map(File::from),
            to_journal: std::env::var_os("JOURNAL_STREAM").is_some(),
        }
    }
}

impl Sink for Console {
    fn write(&mut self, line: &Line, counters: &LaneCounters) {
        let text = if self.to_journal {
            format!("<{}>{}\n", line.level, line.text)
        } else {
            format!("{}\n", line.text)
        };
        let written = self.stream.as_mut().map(|it| it.write_all(text.as_bytes()));
        LaneCounters::count(match written {
            Some(Ok(())) => &counters.written,
            Some(Err(_)) | None => &counters.errors,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::atomic::Ordering;

    use super::*;

    fn written(to_journal: bool) -> String {
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let mut console = Console {
            stream: Some(File::from(std::os::fd::OwnedFd::from(writer))),
            to_journal,
        };
        let counters = LaneCounters::default();
        let line = Line {
            level: 4,
            text: "%ASA-4-402119: x".into(),
        };
        console.write(&line, &counters);
        drop(console);
        assert_eq!(counters.written.load(Ordering::Relaxed), 1);
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("a text");
        text
    }

    #[test]
    fn the_journal_is_told_the_severity() {
        assert_eq!(written(false), "%ASA-4-402119: x\n");
        assert_eq!(written(true), "<4>%ASA-4-402119: x\n");
    }
}
