//! `show ... | include | exclude | begin | grep [-v] PATTERN`.

use super::error::CliError;
use super::parse::{column, words};
use super::pattern::Pattern;

/// A filter of output lines; keeps its state from one piece of output to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    action: Action,
    pattern: Pattern,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Include,
    Exclude,
    /// Everything from the first match on.
    Begin {
        begun: bool,
    },
}

const ACTIONS: [(&str, Action); 4] = [
    ("begin", Action::Begin { begun: false }),
    ("exclude", Action::Exclude),
    ("grep", Action::Include),
    ("include", Action::Include),
];

impl Filter {
    /// The lines of `text` that pass. `text` is whole lines.
    pub fn apply(&mut self, text: &str) -> String {
        text.split_inclusive('\n')
            .filter(|line| self.passes(line.trim_end_matches('\n')))
            .collect()
    }

    fn passes(&mut self, line: &str) -> bool {
        let matches = |pattern: &Pattern| pattern.matches(line);
        match &mut self.action {
            Action::Include => matches(&self.pattern),
            Action::Exclude => !matches(&self.pattern),
            Action::Begin { begun } => {
                *begun = *begun || matches(&self.pattern);
                *begun
            }
        }
    }
}

/// The command before `|`, and where the text behind it begins. Only `show` has filters: in other
/// commands `|` is a character like any other.
pub(super) fn split(line: &str) -> (&str, Option<usize>) {
    let shows = words(line)
        .first()
        .is_some_and(|first| first.text.len() >= 2 && is_start("show", first.text));
    match line.find('|') {
        Some(at) if shows => (&line[..at], Some(at + 1)),
        _ => (line, None),
    }
}

fn is_start(keyword: &str, text: &str) -> bool {
    keyword.starts_with(&text.to_ascii_lowercase())
}

/// The filter that begins at byte `at` of `line`.
pub(super) fn parse(line: &str, at: usize) -> Result<Filter, CliError> {
    let text = line.get(at..).unwrap_or_default();
    let parts = words(text);
    let invalid = |offset: usize| CliError::Invalid {
        column: column(line, at + offset),
    };
    let first = parts.first().ok_or(CliError::Incomplete)?;
    let mut action = ACTIONS
        .iter()
        .find(|(keyword, _)| is_start(keyword, first.text))
        .map(|(_, action)| *action)
        .ok_or_else(|| invalid(first.offset))?;
    let mut next = parts.get(1).ok_or(CliError::Incomplete)?;
    if is_start("grep", first.text) && next.text == "-v" {
        action = Action::Exclude;
        next = parts.get(2).ok_or(CliError::Incomplete)?;
    }
    let pattern = text.get(next.offset..).unwrap_or_default().trim_end();
    Pattern::new(pattern)
        .map(|pattern| Filter { action, pattern })
        .ok_or_else(|| invalid(next.offset))
}
