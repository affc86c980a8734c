//! The log buffer of `logging buffered`: bounded in bytes, the oldest line goes first.

use std::collections::VecDeque;

/// Bytes of the buffer where `logging buffer-size` does not say otherwise.
const BUFFER_DEFAULT_BYTES: usize = 4096;
/// Largest buffer; the ASA's own upper bound.
pub const BUFFER_MAX_BYTES: usize = 1_048_576;

/// The last lines of the log.
#[derive(Debug)]
pub struct LogBuffer {
    lines: VecDeque<String>,
    bytes: usize,
    capacity_bytes: usize,
}

impl Default for LogBuffer {
    fn default() -> Self {
        Self {
            lines: VecDeque::new(),
            bytes: 0,
            capacity_bytes: BUFFER_DEFAULT_BYTES,
        }
    }
}

impl LogBuffer {
    /// Sets the size in bytes, `None` for the default; loses what no longer fits.
    pub fn set_capacity(&mut self, bytes: Option<u32>) {
        let bytes = bytes.map_or(BUFFER_DEFAULT_BYTES, |bytes| bytes as usize);
        self.capacity_bytes = bytes.min(BUFFER_MAX_BYTES);
        self.shrink();
    }

    /// Adds a line without line feed; a line longer than the buffer empties it.
    pub fn push(&mut self, line: String) {
        self.bytes += line.len() + 1;
        self.lines.push_back(line);
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.bytes > self.capacity_bytes {
            let Some(oldest) = self.lines.pop_front() else {
                break;
            };
            self.bytes -= oldest.len() + 1;
        }
    }

    /// `clear logging buffer`.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.bytes = 0;
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_oldest_line_goes_first() {
        let mut buffer = LogBuffer::default();
        buffer.set_capacity(Some(12));
        for line in ["aaa", "bbb", "ccc", "ddd"] {
            buffer.push(line.to_owned());
        }
        assert_eq!(buffer.lines().collect::<Vec<_>>(), ["bbb", "ccc", "ddd"]);
        buffer.set_capacity(Some(4));
        assert_eq!(buffer.lines().collect::<Vec<_>>(), ["ddd"]);
        buffer.clear();
        assert_eq!(buffer.lines().count(), 0);
        buffer.push("eee".to_owned());
        assert_eq!(buffer.lines().collect::<Vec<_>>(), ["eee"]);
    }

    proptest! {
        #[test]
        fn it_never_outgrows_its_size(
            lines in prop::collection::vec("[a-z]{0,40}", 0..60),
            size in 0_u32..200,
        ) {
            let mut buffer = LogBuffer::default();
            buffer.set_capacity(Some(size));
            for line in lines {
                buffer.push(line);
                let bytes: usize = buffer.lines().map(|line| line.len() + 1).sum();
                prop_assert!(bytes <= size as usize);
                prop_assert_eq!(bytes, buffer.bytes);
            }
        }
    }
}
