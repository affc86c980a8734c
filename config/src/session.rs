//! One configuration-mode command at a time: applying, `?`, completion.

use std::fmt;

use crate::Config;
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Refusal};
use crate::grammar::args::Args;
use crate::grammar::automaton::{Misfit, Next};
use crate::grammar::kind::Symbols;
use crate::grammar::line::{Line, Span};
use crate::grammar::table::automaton;
use crate::grammar::{Effect, Place};
use crate::limits;
use crate::mode::Mode;

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The command's name in the grammar table.
    pub command: &'static str,
    /// Whether Holdfast acts upon it.
    pub effect: Effect,
    /// Warnings; their line is 0.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether the command leaves configuration mode (`end`, or `exit` outside of any submode).
    pub leaves: bool,
}

/// Why a command was not carried out. Columns count characters from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CliError {
    /// No command goes on with the word at `column`.
    Invalid {
        /// Where.
        column: usize,
        /// Characters concerned.
        length: usize,
        /// What would be right there.
        help: Option<String>,
        /// What could stand there.
        expected: Option<String>,
    },
    /// Something is missing at the end.
    Incomplete {
        /// Where the line ends.
        column: usize,
        /// What could follow.
        expected: Option<String>,
    },
    /// The word at `column` abbreviates several.
    Ambiguous {
        /// Where.
        column: usize,
        /// Characters concerned.
        length: usize,
        /// What it abbreviates.
        words: Vec<&'static str>,
    },
    /// The command is well formed and cannot be carried out.
    Refused(Box<Diagnostic>),
}

impl CliError {
    /// The lines that an ASA prints, the caret moved right by `prompt_chars`.
    pub fn report(&self, prompt_chars: usize) -> String {
        match self {
            Self::Invalid { column, help, .. } => {
                let blank = " ".repeat(prompt_chars + column.saturating_sub(1));
                let help = help.as_ref().map(|text| format!("{text}\n"));
                let help = help.unwrap_or_default();
                format!("{blank}^\n{self}\n{help}")
            }
            Self::Refused(diagnostic) => {
                let help = diagnostic.help.as_ref().map(|text| {
                    format!(
                        "{text}
"
                    )
                });
                format!(
                    "{self}
{}",
                    help.unwrap_or_default()
                )
            }
            Self::Incomplete { .. } | Self::Ambiguous { .. } => format!("{self}\n"),
        }
    }

    /// The same as a remark on line `line` of a text.
    pub(crate) fn into_diagnostic(self, line: usize) -> Diagnostic {
        let mut diagnostic = match self {
            Self::Refused(diagnostic) => *diagnostic,
            Self::Invalid {
                column,
                length,
                help,
                expected,
            } => Diagnostic {
                help: help.or(expected),
                ..error("invalid-input", column, length, "Invalid input.")
            },
            Self::Incomplete { column, expected } => Diagnostic {
                help: expected,
                ..error("incomplete-command", column, 1, "Incomplete command.")
            },
            Self::Ambiguous {
                column,
                length,
                words,
            } => error("ambiguous-command", column, length, "Ambiguous command.")
                .helped(format!("It may be {}.", words.join(", "))),
        };
        diagnostic.line = line;
        diagnostic
    }
}

fn error(code: &'static str, column: usize, length: usize, message: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code,
        line: 0,
        column,
        length,
        message: message.to_owned(),
        help: None,
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { .. } => f.write_str("ERROR: % Invalid input detected at '^' marker."),
            Self::Incomplete { .. } => f.write_str("ERROR: % Incomplete command"),
            Self::Ambiguous { .. } => f.write_str("ERROR: % Ambiguous command"),
            Self::Refused(diagnostic) => write!(f, "ERROR: {}", diagnostic.message),
        }
    }
}

impl std::error::Error for CliError {}

/// Carries out one line of configuration mode. An error leaves `config` and `mode` as they were.
/// An empty line and a comment (`!`, `:`) do nothing.
pub fn apply_line(config: &mut Config, mode: &mut Mode, line: &str) -> Result<Applied, CliError> {
    if is_comment(line) {
        return Ok(Applied {
            command: "comment",
            effect: Effect::Acted,
            diagnostics: Vec::new(),
            leaves: false,
        });
    }
    let line = checked(line)?;
    let found = recognise(config, mode, &line);
    carry_out(config, mode, &line, found)
}

/// Whether the line is empty or a comment.
pub(crate) fn is_comment(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '\t']);
    line.is_empty() || line.starts_with(['!', ':'])
}

/// The line in words, if it is within bounds.
pub(crate) fn checked(text: &str) -> Result<Line<'_>, CliError> {
    let trimmed = text.trim_matches([' ', '\t']);
    let (column, length) = (1, 1);
    if trimmed.chars().count() > limits::LINE_CHARS {
        let message = format!("Longer than {} characters.", limits::LINE_CHARS);
        let diagnostic = error("line-too-long", column, length, &message);
        return Err(CliError::Refused(Box::new(diagnostic)));
    }
    let control = |c: char| c.is_control() && c != '\t';
    if let Some(at) = text.chars().position(control) {
        let diagnostic = error("control-character", at + 1, 1, "A control character.");
        return Err(CliError::Refused(Box::new(diagnostic)));
    }
    Ok(Line::new(text))
}

type Found = Result<(Place, Args), Misfit>;

/// Recognises `line` in the innermost level that knows it.
pub(crate) fn recognise(config: &Config, mode: &Mode, line: &Line<'_>) -> Found {
    first_of(mode.places().into_iter(), |place| {
        automaton().recognise(place, line, symbols(config), false)
    })
}

/// Recognises a line that begins a text's line: configuration mode first, where the first word is
/// written in full, then as if it were typed.
pub(crate) fn recognise_outer(config: &Config, mode: &Mode, line: &Line<'_>) -> Found {
    match automaton().recognise(Place::Global, line, symbols(config), true) {
        Ok(args) => Ok((Place::Global, args)),
        Err(outer) => recognise(config, mode, line).map_err(|inner| further(outer, inner)),
    }
}

fn symbols(config: &Config) -> Symbols<'_> {
    let names = &config.names;
    Symbols::Known(if config.names_enabled { names } else { &[] })
}

fn first_of<T>(
    places: impl Iterator<Item = Place>,
    mut attempt: impl FnMut(Place) -> Result<T, Misfit>,
) -> Result<(Place, T), Misfit> {
    let mut misfit: Option<Misfit> = None;
    for place in places {
        match attempt(place) {
            Ok(found) => return Ok((place, found)),
            Err(next) => {
                misfit = Some(match misfit {
                    Some(before) => further(before, next),
                    None => next,
                });
            }
        }
    }
    Err(misfit.unwrap_or(Misfit::Incomplete {
        at: 0,
        span: Span::default(),
        expected: String::new(),
    }))
}

/// The misfit that took more words; of two equals the first.
fn further(first: Misfit, second: Misfit) -> Misfit {
    if second.progress() > first.progress() {
        second
    } else {
        first
    }
}

/// Does what was recognised.
pub(crate) fn carry_out(
    config: &mut Config,
    mode: &mut Mode,
    line: &Line<'_>,
    found: Found,
) -> Result<Applied, CliError> {
    let (place, args) = found.map_err(cli_error)?;
    let mut next_mode = mode.clone();
    next_mode.rewind(place);
    let mut edit = Edit {
        config,
        mode: &mut next_mode,
        diagnostics: Vec::new(),
        leaves: false,
    };
    match (args.row.apply)(&mut edit, &args) {
        Ok(()) => {
            let (diagnostics, leaves) = (edit.diagnostics, edit.leaves);
            *mode = next_mode;
            Ok(Applied {
                command: args.row.id,
                effect: args.row.effect,
                diagnostics,
                leaves,
            })
        }
        Err(Refusal::Incomplete) => Err(CliError::Incomplete {
            column: line.end().column,
            expected: None,
        }),
        Err(Refusal::Wrong(diagnostic)) => Err(CliError::Refused(diagnostic)),
    }
}

fn cli_error(misfit: Misfit) -> CliError {
    let some = |text: String| (!text.is_empty()).then_some(text);
    match misfit {
        Misfit::Invalid {
            span,
            help,
            expected,
            ..
        } => CliError::Invalid {
            column: span.column,
            length: span.length,
            help,
            expected: some(expected),
        },
        Misfit::Incomplete { span, expected, .. } => CliError::Incomplete {
            column: span.column,
            expected: some(expected),
        },
        Misfit::Ambiguous { span, words, .. } => CliError::Ambiguous {
            column: span.column,
            length: span.length,
            words,
        },
    }
}

/// One line of `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpLine {
    /// A keyword, an argument's placeholder, or `<cr>`.
    pub word: String,
    /// What it means.
    pub help: String,
}

/// What `?` shows behind `line`: behind a blank every continuation, inside of a word those that
/// it begins.
pub fn help(line: &str, mode: &Mode) -> Result<Vec<HelpLine>, CliError> {
    let line = checked(line)?;
    let (next, begun) = continuations(&line, mode)?;
    let begun = begun.to_ascii_lowercase();
    let mut lines = Vec::new();
    for entry in next {
        let (word, help) = match entry {
            Next::Keyword(word, help) if word.starts_with(&begun) => (word.to_owned(), help),
            Next::Argument(placeholder, help, _) => (placeholder, help),
            Next::End if begun.is_empty() => ("<cr>".to_owned(), "Carry out"),
            Next::Keyword(..) | Next::End => continue,
        };
        let help = help.to_owned();
        lines.push(HelpLine { word, help });
    }
    let key = |line: &HelpLine| (line.word == "<cr>", line.word.clone());
    lines.sort_by_cached_key(key);
    Ok(lines)
}

/// The keywords that the last word of `line` may become, in alphabetical order.
pub fn complete(line: &str, mode: &Mode) -> Vec<String> {
    let Ok(line) = checked(line) else {
        return Vec::new();
    };
    let Ok((next, begun)) = continuations(&line, mode) else {
        return Vec::new();
    };
    let begun = begun.to_ascii_lowercase();
    let mut words = Vec::new();
    for entry in next {
        match entry {
            Next::Keyword(word, _) => words.push(word),
            Next::Argument(_, _, fixed) => words.extend(fixed),
            Next::End => {}
        }
    }
    words.retain(|word| word.starts_with(&begun));
    words.sort_unstable();
    words.dedup();
    words.into_iter().map(str::to_owned).collect()
}

/// What may follow the whole words of `line`, and the word that is begun.
fn continuations<'a>(line: &Line<'a>, mode: &Mode) -> Result<(Vec<Next>, &'a str), CliError> {
    let open = line.ends_in_word();
    let count = line.words.len() - usize::from(open);
    let begun = line.words.get(count).map_or("", |word| word.text);
    let lower = begun.to_ascii_lowercase();
    let followed = first_of(mode.places().into_iter(), |place| {
        let next = automaton().follow(place, line, count)?;
        let fits = |entry: &Next| match entry {
            Next::Keyword(word, _) => word.starts_with(&lower),
            Next::Argument(..) => true,
            Next::End => lower.is_empty(),
        };
        if next.iter().any(fits) {
            return Ok(next);
        }
        let span = line.rest_span(count);
        Err(Misfit::Invalid {
            at: count,
            span,
            help: None,
            expected: String::new(),
        })
    });
    let (_, next) = followed.map_err(cli_error)?;
    Ok((next, begun))
}
