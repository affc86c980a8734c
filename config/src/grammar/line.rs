//! A line as words with their places.

/// What separates words.
const BLANKS: [char; 2] = [' ', '\t'];

/// A word of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineWord<'a> {
    pub(crate) text: &'a str,
    pub(crate) span: Span,
    /// Byte of the line where the word begins.
    start: usize,
}

/// A place in a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// First character, from 1.
    pub(crate) column: usize,
    /// Number of characters.
    pub(crate) length: usize,
}

impl Span {
    /// From the beginning of `self` to the end of `other`.
    pub(crate) fn to(self, other: Self) -> Self {
        let end = (other.column + other.length).max(self.column + self.length);
        Self {
            column: self.column,
            length: end - self.column,
        }
    }
}

/// A line, cut into words.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    text: &'a str,
    pub(crate) words: Vec<LineWord<'a>>,
}

impl<'a> Line<'a> {
    /// Cuts `text` at blanks and tabs.
    pub(crate) fn new(text: &'a str) -> Self {
        let mut words = Vec::new();
        let (mut byte, mut column) = (0, 1);
        for piece in text.split(BLANKS) {
            let length = piece.chars().count();
            if length > 0 {
                words.push(LineWord {
                    text: piece,
                    span: Span { column, length },
                    start: byte,
                });
            }
            byte += piece.len() + 1;
            column += length + 1;
        }
        Self { text, words }
    }

    /// The text from word `index` to the last word, as it was written.
    pub(crate) fn rest(&self, index: usize) -> &'a str {
        let start = self.words.get(index).map_or(self.text.len(), |w| w.start);
        let rest = self.text.get(start..).unwrap_or_default();
        rest.trim_end_matches(BLANKS)
    }

    /// The place of the words from `index` on.
    pub(crate) fn rest_span(&self, index: usize) -> Span {
        match (self.words.get(index), self.words.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => self.end(),
        }
    }

    /// The place behind the last word.
    pub(crate) fn end(&self) -> Span {
        let column = self
            .words
            .last()
            .map_or(1, |w| w.span.column + w.span.length);
        Span { column, length: 1 }
    }

    /// The place of the whole line.
    pub(crate) fn span(&self) -> Span {
        self.rest_span(0)
    }

    /// Whether the line begins with a blank.
    pub(crate) fn is_indented(&self) -> bool {
        self.text.starts_with(BLANKS)
    }

    /// Whether the line ends inside of a word.
    pub(crate) fn ends_in_word(&self) -> bool {
        !self.text.is_empty() && !self.text.ends_with(BLANKS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_their_columns() {
        let line = Line::new("  ab\tç  d ");
        let columns: Vec<_> = line.words.iter().map(|w| (w.text, w.span.column)).collect();
        assert_eq!(columns, [("ab", 3), ("ç", 6), ("d", 9)]);
        assert_eq!(line.rest(1), "ç  d");
        assert_eq!(
            line.rest_span(1),
            Span {
                column: 6,
                length: 4
            }
        );
        assert_eq!(line.end().column, 10);
        assert!(line.is_indented() && !line.ends_in_word());
    }

    #[test]
    fn an_empty_line_has_no_words() {
        let line = Line::new("");
        assert!(line.words.is_empty() && !line.ends_in_word());
        assert_eq!(line.rest(0), "");
    }
}
