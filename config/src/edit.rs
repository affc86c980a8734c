//! What a command's effect works on, and how it says no.

use crate::Config;
use crate::diagnostic::{Diagnostic, Severity};
use crate::grammar::line::Span;
use crate::mode::Mode;

/// A configuration while one command changes it.
#[derive(Debug)]
pub(crate) struct Edit<'a> {
    pub(crate) config: &'a mut Config,
    pub(crate) mode: &'a mut Mode,
    /// Warnings and notes of this command.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Whether the command leaves configuration mode.
    pub(crate) leaves: bool,
}

impl Edit<'_> {
    /// Adds a warning at `span`.
    pub(crate) fn warn(&mut self, span: Span, code: &'static str, message: String, help: &str) {
        let warning = at(Severity::Warning, span, code, message);
        self.diagnostics.push(warning.helped(help));
    }
}

/// Why a command that is well formed is not carried out. The configuration is as it was.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Something is missing.
    Incomplete,
    /// Something is wrong.
    Wrong(Box<Diagnostic>),
}

impl Refusal {
    /// `message` about the words at `span`.
    pub(crate) fn at(span: Span, code: &'static str, message: String) -> Self {
        Self::Wrong(Box::new(at(Severity::Error, span, code, message)))
    }

    /// A bound of `limits` is reached.
    pub(crate) fn limit(span: Span, what: &str, bound: usize) -> Self {
        let message = format!("No more than {bound} {what} are possible.");
        Self::at(span, "limit-reached", message)
    }

    /// The same with help.
    pub(crate) fn helped(self, help: impl Into<String>) -> Self {
        match self {
            Self::Wrong(diagnostic) => Self::Wrong(Box::new(diagnostic.helped(help))),
            Self::Incomplete => self,
        }
    }
}

/// Refuses where `length` has reached `bound`.
pub(crate) fn room(length: usize, bound: usize, span: Span, what: &str) -> Result<(), Refusal> {
    if length < bound {
        Ok(())
    } else {
        Err(Refusal::limit(span, what, bound))
    }
}

fn at(severity: Severity, span: Span, code: &'static str, message: String) -> Diagnostic {
    Diagnostic {
        severity,
        code,
        line: 0,
        column: span.column,
        length: span.length,
        message,
        help: None,
    }
}
