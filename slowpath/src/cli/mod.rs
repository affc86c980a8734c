//! The command line: text in, [`Command`] out.
//!
//! One table of rows (`table`) drives parsing, abbreviations, `?` and completion. Configuration
//! commands are recognized by their first word and handed on as text, because the grammar of the
//! configuration belongs to `config`.

mod command;
mod error;
mod filter;
mod help;
mod parse;
mod pattern;
mod session;
mod table;

pub use command::{Command, ConnFilter, IpsecClear};
pub use error::CliError;
pub use filter::Filter;
pub use help::completions;
pub use parse::{Parsed, parse};
pub use session::{Mode, Session};

/// Longest command line in bytes; a longer one is refused. The ASA's own bound is 510.
pub const LINE_MAX_BYTES: usize = 2048;

#[cfg(test)]
mod tests;
