//! A line against the table.

use std::net::Ipv4Addr;

use super::LINE_MAX_BYTES;
use super::command::Command;
use super::error::CliError;
use super::filter::{self, Filter};
use super::help;
use super::session::Mode;
use super::table::{self, Args, Kind, Row, Token, Value};

/// A command and what is done with its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The command.
    pub command: Command,
    /// What follows `|` behind a `show` command.
    pub filter: Option<Filter>,
}

/// A word of the line with its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    /// Byte offset in the line.
    pub(super) offset: usize,
}

/// The words of a line.
pub(super) fn words(line: &str) -> Vec<Word<'_>> {
    line.split_whitespace()
        .map(|text| Word {
            text,
            offset: text.as_ptr().addr() - line.as_ptr().addr(),
        })
        .collect()
}

/// What is left of the table after some words of a line.
pub(super) struct Walk<'a> {
    pub(super) rows: Vec<&'static Row>,
    /// Words taken; the next one is matched with the token of this index.
    pub(super) depth: usize,
    args: Args<'a>,
    /// A [`Token::Rest`] has taken the rest.
    ended: bool,
}

/// Why a word does not lead on.
pub(super) enum Stop {
    Invalid,
    Ambiguous,
}

fn is_abbreviation(keyword: &str, text: &str) -> bool {
    keyword
        .get(..text.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(text))
}

impl<'a> Walk<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Self {
            rows: table::rows().collect(),
            depth: 0,
            args: Args {
                values: Vec::new(),
                line: line.trim(),
            },
            ended: false,
        }
    }

    /// Takes the next word. `rest` is the line from that word on.
    pub(super) fn step(&mut self, text: &str, rest: &str) -> Result<(), Stop> {
        if self.ended {
            return Ok(());
        }
        let depth = self.depth;
        let token = |row: &Row| row.tokens.get(depth).copied();
        let keywords: Vec<&str> = self
            .rows
            .iter()
            .filter_map(|row| match token(row) {
                Some(Token::Word(keyword, _)) if is_abbreviation(keyword, text) => Some(keyword),
                _ => None,
            })
            .collect();
        let exact = keywords.iter().find(|keyword| keyword.len() == text.len());
        if let Some(keyword) = exact.or(keywords.first()).copied() {
            if exact.is_none() && keywords.iter().any(|other| *other != keyword) {
                return Err(Stop::Ambiguous);
            }
            self.rows
                .retain(|row| matches!(token(row), Some(Token::Word(word, _)) if word == keyword));
        } else if let Some(kind) = self.rows.iter().find_map(|row| match token(row) {
            Some(Token::Arg(kind, _)) if value(kind, text).is_some() => Some(kind),
            _ => None,
        }) {
            self.args.values.extend(value(kind, text));
            self.rows
                .retain(|row| matches!(token(row), Some(Token::Arg(own, _)) if own == kind));
        } else if self
            .rows
            .iter()
            .any(|row| matches!(token(row), Some(Token::Rest(_))))
        {
            self.args.values.push(Value::Text(rest.trim().to_owned()));
            self.rows
                .retain(|row| matches!(token(row), Some(Token::Rest(_))));
            self.ended = true;
        } else {
            return Err(Stop::Invalid);
        }
        self.depth += 1;
        Ok(())
    }

    /// The row that the words so far make whole.
    pub(super) fn complete(&self) -> Option<&'static Row> {
        let open = |row: &&&Row| matches!(row.tokens.get(self.depth), Some(Token::Rest(_)));
        let whole = |row: &&&Row| row.tokens.len() == self.depth;
        self.rows
            .iter()
            .find(whole)
            .or_else(|| self.rows.iter().find(open))
            .copied()
    }
}

/// The value of an argument, `None` when the text is none.
fn value(kind: Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Address => text.parse::<Ipv4Addr>().ok().map(Value::Address),
        Kind::Port => text.parse().ok().map(Value::Port),
        Kind::Protocol => match text.to_ascii_lowercase().as_str() {
            "icmp" => Some(Value::Protocol(1)),
            "tcp" => Some(Value::Protocol(6)),
            "udp" => Some(Value::Protocol(17)),
            number => number.parse().ok().map(Value::Protocol),
        },
        Kind::Spi => {
            let digits = text
                .strip_prefix("0x")
                .or_else(|| text.strip_prefix("0X"))
                .unwrap_or(text);
            u32::from_str_radix(digits, 16).ok().map(Value::Spi)
        }
        Kind::Number => text
            .parse::<u32>()
            .ok()
            .filter(|number| i32::try_from(*number).is_ok())
            .map(|_| Value::Number),
        Kind::Name => Some(Value::Text(text.to_owned())),
    }
}

/// Whether the line's first word names one exec command and nothing else.
fn is_exec(line: &str) -> bool {
    let mut walk = Walk::new(line);
    match words(line).first() {
        Some(first) => {
            walk.step(first.text, line).is_ok()
                && !walk.rows.iter().any(|row| table::is_configuration(row))
        }
        None => false,
    }
}

/// Parses a line as it was typed in `mode`.
///
/// In configuration mode a line that is no exec command is a configuration command, whatever its
/// first word; in exec mode its first word must be a known one.
pub fn parse(line: &str, mode: &Mode) -> Result<Parsed, CliError> {
    let text = line.trim_end();
    if line.len() > LINE_MAX_BYTES || text.contains(|c: char| c.is_control() && c != '\t') {
        return Err(CliError::Unreadable);
    }
    let plain = |command| {
        Ok(Parsed {
            command,
            filter: None,
        })
    };
    let trimmed = text.trim_start();
    if trimmed.is_empty() || trimmed.starts_with(['!', ':']) {
        return plain(Command::Nothing);
    }
    let configures = *mode != Mode::Exec && !is_exec(text);
    if let Some(asked) = text.strip_suffix('?') {
        if configures && !asked.trim().is_empty() {
            return plain(Command::ConfigureHelp(asked.trim_start().to_owned()));
        }
        return help::render(asked).and_then(|text| plain(Command::Help(text)));
    }
    if configures {
        return plain(Command::Configure(trimmed.to_owned()));
    }
    let (command, pipe) = filter::split(text);
    let filter = pipe.map(|pipe| filter::parse(text, pipe)).transpose()?;
    Ok(Parsed {
        command: parse_command(command)?,
        filter,
    })
}

fn parse_command(line: &str) -> Result<Command, CliError> {
    let mut walk = Walk::new(line);
    for word in words(line) {
        let rest = line.get(word.offset..).unwrap_or_default();
        walk.step(word.text, rest)
            .map_err(|stop| stop.error(line, word.offset))?;
    }
    let row = walk.complete().ok_or(CliError::Incomplete)?;
    Ok((row.make)(&walk.args))
}

impl Stop {
    pub(super) fn error(&self, line: &str, offset: usize) -> CliError {
        match self {
            Self::Invalid => CliError::Invalid {
                column: column(line, offset),
            },
            Self::Ambiguous => CliError::Ambiguous {
                line: line.trim().to_owned(),
            },
        }
    }
}

/// The column in characters of a byte offset.
pub(super) fn column(line: &str, offset: usize) -> usize {
    line.char_indices()
        .take_while(|(index, _)| *index < offset)
        .count()
}
