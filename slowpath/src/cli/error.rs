//! What is wrong with a command line, in the ASA's words.

use std::fmt;

/// Why a line is not a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CliError {
    /// A word that fits nowhere.
    Invalid {
        /// Its position in characters from the start of the line.
        column: usize,
    },
    /// The line ends too early.
    Incomplete,
    /// An abbreviation of more than one keyword.
    Ambiguous {
        /// The line as it was typed, printable.
        line: String,
    },
    /// The line is longer than [`super::LINE_MAX_BYTES`] or holds control characters.
    Unreadable,
}

impl CliError {
    /// The text to print under the line; `prompt_columns` is the width of the prompt before it.
    pub fn render(&self, prompt_columns: usize) -> String {
        match self {
            Self::Invalid { column } => {
                let blanks = prompt_columns + column;
                format!("{:blanks$}^\n{self}\n", "")
            }
            Self::Incomplete | Self::Ambiguous { .. } | Self::Unreadable => format!("{self}\n"),
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { .. } => f.write_str("ERROR: % Invalid input detected at '^' marker."),
            Self::Incomplete => f.write_str("ERROR: % Incomplete command"),
            Self::Ambiguous { line } => write!(f, "ERROR: % Ambiguous command:  \"{line}\""),
            Self::Unreadable => f.write_str("ERROR: % Command line is too long or not text"),
        }
    }
}

impl std::error::Error for CliError {}
