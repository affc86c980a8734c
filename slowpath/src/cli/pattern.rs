//! The regular expressions of output filters: `.`, `*`, `+`, `?`, `^`, `$`, `[...]`, `(...)`, `|`,
//! `\`. Matching takes time in proportion to pattern times line, whatever the pattern.

/// Longest pattern in characters; bounds the program and the parser's recursion.
const PATTERN_MAX_CHARS: usize = 256;

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    program: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Char(char),
    Any,
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    Start,
    End,
    /// Goes on at both.
    Split(usize, usize),
    Jump(usize),
    Match,
}

impl Pattern {
    /// Compiles, `None` when the text is no regular expression or too long.
    pub(super) fn new(text: &str) -> Option<Self> {
        let chars: Vec<char> = text.chars().collect();
        if chars.is_empty() || chars.len() > PATTERN_MAX_CHARS {
            return None;
        }
        let mut compiler = Compiler {
            chars: &chars,
            at: 0,
            program: Vec::new(),
        };
        compiler.alternatives()?;
        if compiler.at < chars.len() {
            return None;
        }
        compiler.program.push(Step::Match);
        Some(Self {
            program: compiler.program,
        })
    }

    /// Whether it matches anywhere in the line.
    pub(super) fn matches(&self, line: &str) -> bool {
        let chars: Vec<char> = line.chars().collect();
        let mut current = Threads::new(self.program.len());
        for at in 0..=chars.len() {
            if self.follow(&mut current, 0, at, chars.len()) {
                return true;
            }
            let Some(&next_char) = chars.get(at) else {
                break;
            };
            let mut next = Threads::new(self.program.len());
            for &place in &current.list {
                if self.takes(place, next_char)
                    && self.follow(&mut next, place + 1, at + 1, chars.len())
                {
                    return true;
                }
            }
            current = next;
        }
        false
    }

    fn takes(&self, place: usize, character: char) -> bool {
        match self.program.get(place) {
            Some(Step::Char(own)) => *own == character,
            Some(Step::Any) => true,
            Some(Step::Set { negated, ranges }) => {
                let inside = ranges
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(&character));
                inside != *negated
            }
            _ => false,
        }
    }

    /// Adds `place` and what it leads to without a character; whether that is a match.
    fn follow(&self, threads: &mut Threads, place: usize, at: usize, len: usize) -> bool {
        let mut open = vec![place];
        while let Some(place) = open.pop() {
            if threads.seen[place] {
                continue;
            }
            threads.seen[place] = true;
            match &self.program[place] {
                Step::Match => return true,
                Step::Jump(target) => open.push(*target),
                Step::Split(first, second) => open.extend([*first, *second]),
                Step::Start if at == 0 => open.push(place + 1),
                Step::End if at == len => open.push(place + 1),
                Step::Start | Step::End => {}
                Step::Char(_) | Step::Any | Step::Set { .. } => threads.list.push(place),
            }
        }
        false
    }
}

/// The places of the program where a match may go on.
struct Threads {
    list: Vec<usize>,
    seen: Vec<bool>,
}

impl Threads {
    fn new(places: usize) -> Self {
        Self {
            list: Vec::new(),
            seen: vec![false; places],
        }
    }
}

struct Compiler<'a> {
    chars: &'a [char],
    at: usize,
    program: Vec<Step>,
}

impl Compiler<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += 1;
        Some(character)
    }

    /// Makes room for one step at `place`: every step behind moves by one.
    fn insert(&mut self, place: usize, step: Step) {
        for moved in &mut self.program[place..] {
            match moved {
                Step::Jump(target) => *target += 1,
                Step::Split(first, second) => {
                    *first += 1;
                    *second += 1;
                }
                _ => {}
            }
        }
        self.program.insert(place, step);
    }

    fn alternatives(&mut self) -> Option<()> {
        let start = self.program.len();
        self.sequence()?;
        while self.peek() == Some('|') {
            self.at += 1;
            let jump = self.program.len() + 1;
            self.insert(start, Step::Split(start + 1, jump + 1));
            self.program.push(Step::Jump(0));
            self.sequence()?;
            self.program[jump] = Step::Jump(self.program.len());
        }
        Some(())
    }

    fn sequence(&mut self) -> Option<()> {
        while let Some(character) = self.peek() {
            if matches!(character, '|' | ')') {
                break;
            }
            let start = self.program.len();
            self.atom()?;
            self.repetition(start);
        }
        Some(())
    }

    fn repetition(&mut self, start: usize) {
        while let Some(sign @ ('*' | '+' | '?')) = self.peek() {
            self.at += 1;
            let end = self.program.len();
            match sign {
                '+' => self.program.push(Step::Split(start, end + 1)),
                '?' => self.insert(start, Step::Split(start + 1, end + 1)),
                _ => {
                    self.insert(start, Step::Split(start + 1, end + 2));
                    self.program.push(Step::Jump(start));
                }
            }
        }
    }

    fn atom(&mut self) -> Option<()> {
        let step = match self.take()? {
            '.' => Step::Any,
            '^' => Step::Start,
            '$' => Step::End,
            '[' => self.set()?,
            '(' => {
                self.alternatives()?;
                return (self.take()? == ')').then_some(());
            }
            '\\' => Step::Char(self.take()?),
            '*' | '+' | '?' => return None,
            character => Step::Char(character),
        };
        self.program.push(step);
        Some(())
    }

    fn set(&mut self) -> Option<Step> {
        let negated = self.peek() == Some('^');
        if negated {
            self.at += 1;
        }
        let mut ranges = Vec::new();
        loop {
            let first = match self.take()? {
                ']' if !ranges.is_empty() => return Some(Step::Set { negated, ranges }),
                '\\' => self.take()?,
                character => character,
            };
            let is_range = self.peek() == Some('-')
                && self.chars.get(self.at + 1).is_some_and(|next| *next != ']');
            let last = if is_range {
                self.at += 1;
                self.take()?
            } else {
                first
            };
            ranges.push((first, last));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, line: &str) -> bool {
        Pattern::new(pattern).expect("a pattern").matches(line)
    }

    #[test]
    fn plain_text_matches_anywhere() {
        assert!(matches("302014", "%ASA-6-302014: Teardown"));
        assert!(!matches("302013", "%ASA-6-302014: Teardown"));
    }

    #[test]
    fn operators() {
        assert!(matches("^crypto", "crypto map") && !matches("^crypto", "no crypto map"));
        assert!(matches("10$", "peer 10") && !matches("10$", "peer 100"));
        assert!(matches("30201[34]|305011", "302014"));
        assert!(matches("30201[34]|305011", "305011") && !matches("30201[34]|305011", "302015"));
        assert!(matches("a|b|c", "xcx") && matches("(ab)+c", "ababc") && !matches("^(ab)+c", "c"));
        assert!(matches("^ab*c$", "ac") && matches("^ab*c$", "abbbc") && !matches("^ab*c$", "adc"));
        assert!(matches("^ab?c$", "abc") && matches("^ab?c$", "ac") && !matches("^ab?c$", "abbc"));
        assert!(matches("^a(b|c)*d$", "abcbd") && matches("^[^a-c]$", "d"));
        assert!(!matches("^[^a-c]$", "b") && matches(r"\.1\(", "10.1(2)") && matches("a.c", "abc"));
        assert!(matches("[]x]", "]") && matches("[a-]", "-"));
        assert!(matches("^(a*)*$", "aaaa") && !matches("^(a*)*$", "aab"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "(a", "a)", "[a", "*a", "a\\", "[", &"a".repeat(257)] {
            assert_eq!(Pattern::new(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_pattern_and_line_come_to_an_end(pattern in "[ab.*+?^$|()\\[\\]\\\\-]{0,40}",
                                               line in "[ab]{0,60}") {
            if let Some(pattern) = Pattern::new(&pattern) {
                let _verdict = pattern.matches(&line);
            }
        }

        #[test]
        fn escaped_text_matches_itself(text in "[ -~]{1,30}") {
            let escaped: String = text.chars().flat_map(|c| ['\\', c]).collect();
            let line = format!("x{text}y");
            prop_assert!(matches(&escaped, &line));
        }
    }
}
