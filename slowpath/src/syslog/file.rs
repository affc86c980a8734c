//! Lines to a file of bounded size.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::lane::{LaneCounters, Line, Sink};

/// Size at which the file becomes `PATH.1` (the former `PATH.1` goes) and a new one begins.
pub const FILE_MAX_BYTES: u64 = 64 << 20;

/// The file of `logging file`.
pub(super) struct FileSink {
    path: PathBuf,
    file: Option<LogFile>,
}

impl FileSink {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }
}

impl Sink for FileSink {
    fn write(&mut self, line: &Line, counters: &LaneCounters) {
        if self.file.is_none() {
            self.file = LogFile::open(&self.path).ok();
        }
        let written = match &mut self.file {
            Some(file) => file.append(&self.path, &line.text),
            None => false,
        };
        if written {
            LaneCounters::count(&counters.written);
        } else {
            self.file = None;
            LaneCounters::count(&counters.errors);
        }
    }

    fn rest(&mut self, counters: &LaneCounters) {
        if let Some(file) = &mut self.file
            && file.writer.flush().is_err()
        {
            LaneCounters::count(&counters.errors);
            self.file = None;
        }
    }
}

/// The log file with the bytes that it holds.
struct LogFile {
    writer: std::io::BufWriter<File>,
    bytes: u64,
}

impl LogFile {
    fn open(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o640)
            .open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self {
            writer: std::io::BufWriter::new(file),
            bytes,
        })
    }

    /// Appends a line and begins a new file where this one is full; whether the line is there.
    fn append(&mut self, path: &Path, line: &str) -> bool {
        let len_bytes = line.len() as u64 + 1;
        if self.bytes + len_bytes > FILE_MAX_BYTES && self.rotate(path).is_err() {
            return false;
        }
        self.bytes += len_bytes;
        writeln!(self.writer, "{line}").is_ok()
    }

    fn rotate(&mut self, path: &Path) -> std::io::Result<()> {
        self.writer.flush()?;
        let mut old = path.as_os_str().to_owned();
        old.push(".1");
        std::fs::rename(path, old)?;
        *self = Self::open(path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn a_file_that_cannot_be_opened_is_counted() {
        let counters = LaneCounters::default();
        let mut sink = FileSink::new(PathBuf::from("/nonexistent/holdfast/log"));
        let line = Line {
            level: 6,
            text: "x".into(),
        };
        sink.write(&line, &counters);
        assert_eq!(counters.errors.load(Ordering::Relaxed), 1);
        assert_eq!(counters.written.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_full_file_is_kept_once_and_begun_anew() {
        let name = format!("holdfast-rotate-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join("log");
        let mut file = LogFile::open(&path).expect("a file");
        assert!(file.append(&path, "old"));
        file.bytes = FILE_MAX_BYTES;
        assert!(file.append(&path, "new"));
        file.writer.flush().expect("flushed");
        let read = |path: &Path| std::fs::read_to_string(path).expect("a file");
        assert_eq!(read(&directory.join("log.1")), "old\n");
        assert_eq!(read(&path), "new\n");
        assert_eq!(file.bytes, 4);
        std::fs::remove_dir_all(directory).expect("removed");
    }
}
