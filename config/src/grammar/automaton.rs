//! The table as one automaton: lines are recognised by walking all rows at once.
//!
//! A walk holds every position that the words so far may have led to. The next word is first
//! taken as a keyword in full, then as an argument, then as the abbreviation of a keyword, which
//! must be the only one with that beginning, as on an ASA.

use super::args::{Args, Item};
use super::kind::{Kind, Symbols, Value};
use super::line::{Line, LineWord, Span};
use super::{No, Place, Row, Token};

/// Why a line is not in the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// No row goes on with this word.
    Invalid {
        at: usize,
        span: Span,
        help: Option<String>,
        expected: String,
    },
    /// Every row goes on.
    Incomplete {
        at: usize,
        span: Span,
        expected: String,
    },
    /// An abbreviation of several keywords.
    Ambiguous {
        at: usize,
        span: Span,
        words: Vec<&'static str>,
    },
}

impl Misfit {
    /// How many words were taken.
    pub(crate) const fn progress(&self) -> usize {
        match self {
            Self::Invalid { at, .. } | Self::Incomplete { at, .. } | Self::Ambiguous { at, .. } => {
                *at
            }
        }
    }
}

#[derive(Debug)]
enum Label {
    Keyword {
        word: &'static str,
        help: &'static str,
        capture: Capture,
    },
    Argument {
        name: &'static str,
        kind: Kind,
        help: &'static str,
    },
}

#[derive(Clone, Copy, Debug)]
enum Capture {
    Nothing,
    Flag,
    Number(&'static str, u32),
}

#[derive(Debug, Default)]
struct State {
    edges: Vec<(Label, usize)>,
    jumps: Vec<usize>,
    accepts: Option<(&'static Row, bool)>,
}

/// The compiled table.
#[derive(Debug)]
pub(crate) struct Automaton {
    states: Vec<State>,
    starts: Vec<(Place, usize)>,
}

/// What may come next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A keyword and its help.
    Keyword(&'static str, &'static str),
    /// An argument: placeholder, help, fixed words of its kind.
    Argument(String, &'static str, Vec<&'static str>),
    /// The end of the line.
    End,
}

impl Automaton {
    /// Compiles `rows`.
    pub(crate) fn new(rows: &[&'static Row]) -> Self {
        let mut automaton = Self {
            states: Vec::new(),
            starts: Vec::new(),
        };
        for place in Place::ALL {
            let (start, negated) = (automaton.state(), automaton.state());
            let no = Label::Keyword {
                word: "no",
                help: "Negate a command or set its default",
                capture: Capture::Nothing,
            };
            automaton.states[start].edges.push((no, negated));
            automaton.starts.push((place, start));
            let of_place = |row: &&Row| row.place == place || row.place == Place::Everywhere;
            for row in rows.iter().copied().filter(of_place) {
                automaton.row(row, start, negated);
            }
        }
        automaton
    }

    fn state(&mut self) -> usize {
        self.states.push(State::default());
        self.states.len() - 1
    }

    fn row(&mut self, row: &'static Row, start: usize, negated: usize) {
        let end = self.sequence(row.syntax, start);
        self.states[end].accepts = Some((row, false));
        let syntax = match row.no {
            No::Without => return,
            No::Same => row.syntax,
            No::As(syntax) => syntax,
        };
        let end = self.sequence(syntax, negated);
        self.states[end].accepts = Some((row, true));
    }

    /// Adds `tokens` behind state `from`; gives the state behind them, which is a fresh one.
    fn sequence(&mut self, tokens: &'static [Token], from: usize) -> usize {
        let mut at = self.state();
        self.states[from].jumps.push(at);
        for token in tokens {
            at = self.token(token, at);
        }
        at
    }

    fn token(&mut self, token: &'static Token, from: usize) -> usize {
        match token {
            Token::Keyword { word, help } => {
                let capture = Capture::Flag;
                self.edge(
                    from,
                    Label::Keyword {
                        word,
                        help,
                        capture,
                    },
                )
            }
            Token::Argument { name, kind, help } => {
                let kind = *kind;
                self.edge(from, Label::Argument { name, kind, help })
            }
            Token::Choice { name, options } => {
                let to = self.state();
                for option in *options {
                    let label = Label::Keyword {
                        word: option.text,
                        help: option.help,
                        capture: Capture::Number(name, option.value),
                    };
                    self.states[from].edges.push((label, to));
                }
                to
            }
            Token::Named { tokens, .. } => self.sequence(tokens, from),
            Token::Optional(tokens) => {
                let to = self.sequence(tokens, from);
                self.states[from].jumps.push(to);
                to
            }
            Token::OneOf(branches) => {
                let to = self.state();
                for branch in *branches {
                    let end = self.sequence(branch, from);
                    self.states[end].jumps.push(to);
                }
                to
            }
            Token::Repeat(tokens) => {
                let first = self.state();
                self.states[from].jumps.push(first);
                let end = self.sequence(tokens, first);
                self.states[end].jumps.push(first);
                let to = self.state();
                self.states[end].jumps.push(to);
                to
            }
        }
    }

    fn edge(&mut self, from: usize, label: Label) -> usize {
        let to = self.state();
        self.states[from].edges.push((label, to));
        to
    }

    /// Recognises `line` as a command of `place`. With `exact`, the first word is not taken as an
    /// abbreviation.
    pub(crate) fn recognise(
        &self,
        place: Place,
        line: &Line<'_>,
        symbols: Symbols<'_>,
        exact: bool,
    ) -> Result<Args, Misfit> {
        let mut walk = Walk::new(self, place);
        let mut at = 0;
        while at < line.words.len() {
            at += walk.step(line, at, symbols, exact && at == 0)?;
        }
        let (span, at) = (line.end(), line.words.len());
        let Some((row, negated, items)) = walk.accepted() else {
            let expected = walk.expected(at);
            return Err(Misfit::Incomplete { at, span, expected });
        };
        Ok(Args {
            row,
            negated,
            items,
            span: line.span(),
        })
    }

    /// What may follow the first `count` words of `line` in `place`.
    pub(crate) fn follow(
        &self,
        place: Place,
        line: &Line<'_>,
        count: usize,
    ) -> Result<Vec<Next>, Misfit> {
        let mut walk = Walk::new(self, place);
        let mut at = 0;
        while at < count {
            at += walk.step(line, at, Symbols::Any, false)?;
        }
        Ok(walk.next())
    }
}

/// One position in the automaton and what was read on the way to it.
#[derive(Clone, Debug)]
struct Thread {
    state: usize,
    items: Vec<Item>,
}

/// A walk over a line.
struct Walk<'g> {
    automaton: &'g Automaton,
    threads: Vec<Thread>,
}

impl<'g> Walk<'g> {
    fn new(automaton: &'g Automaton, place: Place) -> Self {
        let start = automaton.starts.iter().find(|(p, _)| *p == place);
        let thread = start.map(|&(_, state)| Thread {
            state,
            items: Vec::new(),
        });
        Self {
            automaton,
            threads: thread.into_iter().collect(),
        }
    }

    /// Every edge that leaves the present positions, with the position's thread.
    fn edges(&self) -> Vec<(usize, &'g Label, usize)> {
        let mut edges = Vec::new();
        self.visit(|thread, state| {
            edges.extend(state.edges.iter().map(|(label, to)| (thread, label, *to)));
        });
        edges
    }

    /// Calls `each` for every state that the present positions reach without a word, once.
    fn visit(&self, mut each: impl FnMut(usize, &'g State)) {
        let mut seen = vec![false; self.automaton.states.len()];
        for (index, thread) in self.threads.iter().enumerate() {
            let mut open = vec![thread.state];
            while let Some(at) = open.pop() {
                if std::mem::replace(&mut seen[at], true) {
                    continue;
                }
                let state = &self.automaton.states[at];
                each(index, state);
                open.extend(state.jumps.iter().rev());
            }
        }
    }

    /// Takes the word at `at`; gives the number of words taken.
    fn step(
        &mut self,
        line: &Line<'_>,
        at: usize,
        symbols: Symbols<'_>,
        exact: bool,
    ) -> Result<usize, Misfit> {
        let Some(&word) = line.words.get(at) else {
            return Ok(1);
        };
        let edges = self.edges();
        let whole: Vec<_> = keywords(&edges, |k| k.eq_ignore_ascii_case(word.text)).collect();
        if !whole.is_empty() {
            self.take_keywords(&whole, word);
            return Ok(1);
        }
        let mut help = None;
        let mut threads = Vec::new();
        let mut taken = 1;
        for (thread, label, to) in &edges {
            let Label::Argument { name, kind, .. } = label else {
                continue;
            };
            let rest = matches!(kind, Kind::Rest(_));
            let text = if rest { line.rest(at) } else { word.text };
            match kind.read(text, symbols) {
                Ok(value) => {
                    let span = if rest { line.rest_span(at) } else { word.span };
                    taken = if rest { line.words.len() - at } else { taken };
                    let item = item(name, value, text, span);
                    threads.push(self.threads[*thread].with(*to, Some(item)));
                }
                Err(reason) => help = help.or(reason),
            }
        }
        if !threads.is_empty() {
            self.threads = threads;
            return Ok(taken);
        }
        let lower = word.text.to_ascii_lowercase();
        let begun: Vec<_> = keywords(&edges, |k| !exact && k.starts_with(&lower)).collect();
        let mut words: Vec<_> = begun.iter().map(|(_, word, ..)| *word).collect();
        words.sort_unstable();
        words.dedup();
        let span = word.span;
        match words.len() {
            0 => Err(Misfit::Invalid {
                at,
                span,
                help,
                expected: self.expected(at),
            }),
            1 => {
                self.take_keywords(&begun, word);
                Ok(1)
            }
            _ => Err(Misfit::Ambiguous { at, span, words }),
        }
    }

    fn take_keywords(&mut self, edges: &[KeywordEdge], word: LineWord<'_>) {
        let thread = |&(thread, keyword, capture, to): &KeywordEdge| {
            let item = match capture {
                Capture::Nothing => None,
                Capture::Flag => Some(item(keyword, Value::Flag, keyword, word.span)),
                Capture::Number(name, number) => {
                    Some(item(name, Value::Number(number), keyword, word.span))
                }
            };
            self.threads[thread].with(to, item)
        };
        self.threads = edges.iter().map(thread).collect();
    }

    /// The row that the line may end with.
    fn accepted(&self) -> Option<(&'static Row, bool, Vec<Item>)> {
        let mut found = None;
        self.visit(|thread, state| {
            if let (None, Some(accepts)) = (found, state.accepts) {
                found = Some((thread, accepts));
            }
        });
        let (thread, (row, negated)) = found?;
        Some((row, negated, self.threads[thread].items.clone()))
    }

    fn next(&self) -> Vec<Next> {
        let mut next: Vec<Next> = Vec::new();
        let mut end = false;
        self.visit(|_, state| {
            end |= state.accepts.is_some();
            for (label, _) in &state.edges {
                let entry = match label {
                    Label::Keyword { word, help, .. } => Next::Keyword(word, help),
                    Label::Argument { name, kind, help } => {
                        Next::Argument(kind.placeholder(name), help, kind.words().collect())
                    }
                };
                let same = |other: &Next| match (other, &entry) {
                    (Next::Keyword(a, _), Next::Keyword(b, _)) => a == b,
                    (Next::Argument(a, ..), Next::Argument(b, ..)) => a == b,
                    _ => false,
                };
                if !next.iter().any(same) {
                    next.push(entry);
                }
            }
        });
        if end {
            next.push(Next::End);
        }
        next
    }
}

/// Continuations that a diagnostic lists: more are a page, which `?` shows.
const EXPECTED_MAX: usize = 8;

impl Walk<'_> {
    /// What could have stood at the present position, behind `at` words, as one sentence.
    fn expected(&self, at: usize) -> String {
        if at == 0 {
            return "No command begins so here; `?` lists those that there are.".to_owned();
        }
        let next = self.next();
        let words: Vec<_> = next
            .iter()
            .take(EXPECTED_MAX)
            .map(|next| match next {
                Next::Keyword(word, _) => format!("`{word}`"),
                Next::Argument(placeholder, ..) => format!("`{placeholder}`"),
                Next::End => "the end of the line".to_owned(),
            })
            .collect();
        match next.len() - words.len() {
            0 => format!("Expected {}.", words.join(" or ")),
            more => format!("Expected {} or one of {more} others.", words.join(", ")),
        }
    }
}

/// Thread, keyword, capture, target state.
type KeywordEdge = (usize, &'static str, Capture, usize);

fn keywords<'a>(
    edges: &'a [(usize, &'a Label, usize)],
    fits: impl Fn(&str) -> bool + 'a,
) -> impl Iterator<Item = KeywordEdge> + 'a {
    edges
        .iter()
        .filter_map(move |(thread, label, to)| match label {
            Label::Keyword { word, capture, .. } if fits(word) => {
                Some((*thread, *word, *capture, *to))
            }
            _ => None,
        })
}

fn item(name: &'static str, value: Value, text: &str, span: Span) -> Item {
    let text = match value {
        Value::Secret(_) => String::new(),
        _ => text.to_owned(),
    };
    Item {
        name,
        value,
        text,
        span,
    }
}

impl Thread {
    fn with(&self, state: usize, item: Option<Item>) -> Self {
        let mut items = self.items.clone();
        items.extend(item);
        Self { state, items }
    }
}
