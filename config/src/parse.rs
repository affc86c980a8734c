//! A whole text: line by line, never stopping at an error.

use std::collections::HashSet;

use crate::Config;
use crate::diagnostic::{Diagnostic, Severity};
use crate::grammar::Effect;
use crate::limits;
use crate::mode::Mode;
use crate::session::{Applied, CliError, carry_out, checked, is_comment};
use crate::session::{recognise, recognise_outer};

/// Reads a configuration. A line that is wrong is refused with an error, and reading goes on.
///
/// Takes time linear in the text but for names that are compared with each other, whose numbers
/// are bounded. Header and footer (`ASA Version`, `Cryptochecksum`, `: end`) and comments are
/// passed over: they are made anew when the configuration is rendered.
pub fn parse(text: &str) -> (Config, Vec<Diagnostic>) {
    let mut reader = Reader::default();
    for (index, line) in text.split('\n').enumerate() {
        if index == limits::LINES {
            let message = format!("More than {} lines; the rest is not read.", limits::LINES);
            let mut error = Diagnostic::global(Severity::Error, "text-too-long", message);
            (error.line, error.column, error.length) = (index + 1, 1, 1);
            reader.say(error);
            break;
        }
        reader.line(index + 1, line.strip_suffix('\r').unwrap_or(line));
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    config: Config,
    mode: Mode,
    diagnostics: Vec<Diagnostic>,
    /// How many diagnostics were not listed, and the worst of them.
    unlisted: Option<(usize, Severity)>,
    /// Commands whose lack of effect has been noted.
    noted: HashSet<&'static str>,
    /// What follows a refused command that may have opened a block.
    refused: Refused,
}

/// Whether indented lines belong to a refused command.
#[derive(Default, PartialEq)]
enum Refused {
    #[default]
    No,
    Yes,
    /// Yes, and that has been said.
    Said,
}

impl Reader {
    fn line(&mut self, number: usize, text: &str) {
        if is_comment(text) || is_header(text) {
            return;
        }
        let line = match checked(text) {
            Ok(line) => line,
            Err(error) => {
                self.refuse(number, text, error);
                return;
            }
        };
        if line.is_indented() && self.refused != Refused::No {
            self.skip(number, line.span());
            return;
        }
        let found = if line.is_indented() {
            recognise(&self.config, &self.mode, &line)
        } else {
            recognise_outer(&self.config, &self.mode, &line)
        };
        match carry_out(&mut self.config, &mut self.mode, &line, found) {
            Ok(applied) => {
                self.refused = Refused::No;
                self.applied(number, line.span(), applied);
            }
            Err(error) => self.refuse(number, text, error),
        }
    }

    fn refuse(&mut self, number: usize, text: &str, error: CliError) {
        if !text.starts_with([' ', '\t']) {
            self.refused = Refused::Yes;
            self.mode = Mode::Global;
        }
        self.say(error.into_diagnostic(number));
    }

    fn skip(&mut self, number: usize, span: crate::grammar::line::Span) {
        if self.refused == Refused::Said {
            return;
        }
        self.refused = Refused::Said;
        let message = "The block of a refused command is passed over.".to_owned();
        let mut note = Diagnostic::global(Severity::Error, "block-of-refused-command", message);
        (note.line, note.column, note.length) = (number, span.column, span.length);
        self.say(note);
    }

    fn applied(&mut self, number: usize, span: crate::grammar::line::Span, applied: Applied) {
        for mut diagnostic in applied.diagnostics {
            diagnostic.line = number;
            self.say(diagnostic);
        }
        if applied.effect == Effect::Kept && self.noted.insert(applied.command) {
            let command = applied.command;
            let message = format!("`{command}` is kept and has no effect in Holdfast.");
            let mut note = Diagnostic::global(Severity::Note, "no-effect", message);
            (note.line, note.column, note.length) = (number, span.column, span.length);
            self.say(note);
        }
    }

    fn say(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < limits::DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
            return;
        }
        let (count, worst) = self.unlisted.unwrap_or((0, Severity::Note));
        self.unlisted = Some((count + 1, worst.max(diagnostic.severity)));
    }

    fn finish(mut self) -> (Config, Vec<Diagnostic>) {
        if let Some((count, worst)) = self.unlisted {
            let message = format!("{count} more remarks are not listed.");
            let last = Diagnostic::global(worst, "too-many-diagnostics", message);
            self.diagnostics.push(last);
        }
        (self.config, self.diagnostics)
    }
}

/// Whether the line is written by the box itself around a configuration.
fn is_header(text: &str) -> bool {
    ["ASA Version ", "PIX Version ", "Cryptochecksum:"]
        .iter()
        .any(|header| text.starts_with(header))
}
