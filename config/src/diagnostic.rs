//! What is to be said about a configuration: where, what, and what to do.

use std::fmt::Write;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// In force, but not what the operator is likely to want.
    Warning,
    /// The line was refused and has no effect.
    Error,
}

impl Severity {
    /// The word that is printed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One remark on a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Stable name of the kind of remark, in kebab case.
    pub code: &'static str,
    /// Line of the text, from 1; 0 where the remark is on the configuration as a whole.
    pub line: usize,
    /// First character concerned, from 1; 0 with line 0.
    pub column: usize,
    /// Characters concerned.
    pub length: usize,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A remark on the configuration as a whole.
    pub(crate) fn global(severity: Severity, code: &'static str, message: String) -> Self {
        Self {
            severity,
            code,
            line: 0,
            column: 0,
            length: 0,
            message,
            help: None,
        }
    }

    /// The same with help.
    pub(crate) fn helped(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The remark for a terminal: severity and code, the line of `source` with a caret under the
    /// place, the help. Secrets in the line are not printed.
    pub fn render(&self, source: &str) -> String {
        let mut text = format!(
            "{}[{}]: {}\n",
            self.severity.word(),
            self.code,
            self.message
        );
        let line = (self.line > 0)
            .then(|| source.split('\n').nth(self.line - 1))
            .flatten();
        if let Some(line) = line {
            let line = without_secret(line.trim_end_matches('\r'));
            let width = line.chars().count();
            let number = self.line.to_string();
            let gutter = " ".repeat(number.len());
            let column = self.column.clamp(1, width + 1);
            let carets = self.length.clamp(1, (width + 1 - column).max(1));
            // Writing to a String does not fail.
            let _ = writeln!(text, "{gutter}--> line {number}, column {}", self.column);
            let _ = writeln!(text, "{number} | {line}");
            let (blank, marks) = (" ".repeat(column - 1), "^".repeat(carets));
            let _ = writeln!(text, "{gutter} | {blank}{marks}");
        }
        if let Some(help) = &self.help {
            let _ = writeln!(text, "  help: {help}");
        }
        text
    }
}

/// Words after which a secret follows, and how much of them is enough to type.
const SECRET_WORDS: [(&str, usize); 4] = [
    ("pre-shared-key", 3),
    ("password", 3),
    ("passwd", 3),
    ("community", 3),
];

/// The line up to the word that announces a secret, the rest as `*`; control characters as blanks.
fn without_secret(line: &str) -> String {
    let mut end = 0;
    for word in line.split([' ', '\t']) {
        end += word.len() + 1;
        let lower = word.to_ascii_lowercase();
        let announces = SECRET_WORDS
            .iter()
            .any(|(whole, least)| lower.len() >= *least && whole.starts_with(&lower));
        if announces && end < line.len() {
            return format!("{} *", visible(line.get(..end - 1).unwrap_or_default()));
        }
    }
    visible(line)
}

fn visible(line: &str) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    line.chars().map(blank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic(line: usize, column: usize, length: usize) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code: "invalid-input",
            line,
            column,
            length,
            message: "Invalid input.".to_owned(),
            help: Some("Write it right.".to_owned()),
        }
    }

    #[test]
    fn the_caret_stands_under_the_place() {
        let shown = diagnostic(2, 10, 3).render("names\nhostname a.b\n");
        assert_eq!(
            shown,
            "error[invalid-input]: Invalid input.\n --> line 2, column 10\n2 | hostname a.b\n  | \
             \u{20}        ^^^\n  help: Write it right.\n"
        );
    }

    #[test]
    fn a_secret_is_not_printed() {
        for line in [
            " pre-shared-key hunter2 x",
            " pre-sh hunter2",
            "enable pass hunter2 level 99",
        ] {
            let shown = diagnostic(1, 24, 7).render(line);
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn a_remark_on_the_whole_has_no_line() {
        let shown = diagnostic(0, 0, 0).render("names");
        assert_eq!(shown.lines().count(), 2, "{shown}");
    }

    #[test]
    fn a_place_beyond_the_text_is_survived() {
        let shown = diagnostic(1, 500, 500).render("names");
        assert!(shown.contains("1 | names"), "{shown}");
        assert_eq!(diagnostic(9, 1, 1).render("names").lines().count(), 2);
    }
}
