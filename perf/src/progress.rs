//! Progress of long runs, on a terminal.

use std::io::{IsTerminal, Write as _};

const WIDTH: usize = 30;

/// A bar on standard error; nothing where that is no terminal.
#[derive(Debug)]
pub(crate) struct Bar {
    name: String,
    done: usize,
    steps: usize,
    shown: bool,
}

impl Bar {
    /// A bar of `steps` steps.
    pub(crate) fn new(name: &str, steps: usize) -> Self {
        Self {
            name: name.to_owned(),
            done: 0,
            steps: steps.max(1),
            shown: std::io::stderr().is_terminal(),
        }
    }

    /// One more is done.
    pub(crate) fn step(&mut self) {
        self.done = (self.done + 1).min(self.steps);
        if self.shown {
            let mut stderr = std::io::stderr();
            // A terminal that is gone loses nothing but the bar.
            let _ = write!(stderr, "\r{}", self.text());
            let _ = stderr.flush();
        }
    }

    fn text(&self) -> String {
        let filled = WIDTH * self.done / self.steps;
        format!(
            "{:<20} [{}{}] {}/{} ",
            self.name,
            "=".repeat(filled),
            " ".repeat(WIDTH - filled),
            self.done,
            self.steps
        )
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown {
            eprintln!();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills() {
        let mut bar = Bar {
            name: "rows".to_owned(),
            done: 0,
            steps: 2,
            shown: false,
        };
        bar.step();
        assert!(bar.text().contains("1/2") && bar.text().contains(&"=".repeat(WIDTH / 2)));
        bar.step();
        bar.step();
        assert!(bar.text().contains("2/2"));
    }
}
