//! The download as one line of the terminal that moves.

use std::collections::VecDeque;
use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

use super::RATE_BYTES_S;
use crate::lab::payload::MEGABYTE;

/// Columns of throughput history.
const COLUMNS: usize = 48;
/// Heights from nothing to full.
const HEIGHTS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Where there is no terminal, a line of its own this often.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// The line.
#[derive(Debug)]
pub struct LiveLine {
    label: &'static str,
    total_bytes: u64,
    history: VecDeque<char>,
    terminal: bool,
    plain_due: Instant,
}

impl LiveLine {
    /// A line that starts with `label`.
    pub fn new(label: &'static str, total_bytes: u64) -> Self {
        Self {
            label,
            total_bytes,
            history: VecDeque::from(vec![' '; COLUMNS]),
            terminal: stdout().is_terminal(),
            plain_due: Instant::now() + PLAIN_EVERY,
        }
    }

    /// Shows the rate of the last sample and the bytes so far.
    pub fn show(&mut self, rate_bytes_s: f64, bytes: u64) {
        self.history.pop_front();
        self.history.push_back(height(rate_bytes_s));
        let text = self.text(rate_bytes_s, bytes);
        if self.terminal {
            print!("\r{text}");
            // A terminal that is gone ends the demo by its own signal.
            let _ = stdout().flush();
        } else if Instant::now() >= self.plain_due {
            println!("{text}");
            self.plain_due = Instant::now() + PLAIN_EVERY;
        }
    }

    /// Writes a line of its own above the moving one.
    pub fn note(&self, text: &str) {
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        println!("{clear}  {text}");
    }

    fn text(&self, rate_bytes_s: f64, bytes: u64) -> String {
        let history: String = self.history.iter().collect();
        format!(
            "{:<16}|{history}| {:>5.1} MB/s {:>4}/{} MB",
            self.label,
            rate_bytes_s / MEGABYTE as f64,
            bytes / MEGABYTE,
            self.total_bytes / MEGABYTE
        )
    }
}

/// Full height is one and a half times the pace: after an outage the server catches up.
fn height(rate_bytes_s: f64) -> char {
    let full = RATE_BYTES_S as f64 * 1.5;
    let steps = (HEIGHTS.len() - 1) as f64;
    let step = (rate_bytes_s / full * steps).ceil().clamp(0.0, steps);
    HEIGHTS[step as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_span_from_nothing_to_full() {
        assert_eq!(height(0.0), ' ');
        assert_eq!(height(1.0), '▁');
        assert_eq!(height(RATE_BYTES_S as f64 * 9.0), '█');
    }

    #[test]
    fn the_line_keeps_its_width() {
        let mut line = LiveLine::new("x", 200 * MEGABYTE);
        let before = line.text(0.0, 0).chars().count();
        for _ in 0..100 {
            line.show(8.0e6, 100 * MEGABYTE);
        }
        assert_eq!(line.text(0.0, 0).chars().count(), before);
    }
}
