//! Questions of the statistics thread to the control loop, and the answers.

use crossbeam_channel::{Receiver, Sender, bounded};

use super::view::conn::Conn;

/// Questions that wait; more clients are told that there is no answer.
const QUESTIONS_MAX: usize = 64;
/// Connections of one answer: below 16 KB as JSON.
pub const CONNS_PER_PAGE: u16 = 24;

/// Asks for connections from a cursor on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnQuestion {
    /// Number that the answer carries.
    pub id: u64,
    /// Where to begin.
    pub cursor: ConnCursor,
}

/// A place in the connections of the box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnCursor {
    /// The worker.
    pub worker: u8,
    /// The place in its shard.
    pub entry: u32,
}

impl ConnCursor {
    /// The cursor as a number for clients.
    pub const fn raw(self) -> u64 {
        (self.worker as u64) << 32 | self.entry as u64
    }

    /// The cursor of a number; `None` for what is none.
    pub fn from_raw(raw: u64) -> Option<Self> {
        Some(Self {
            worker: u8::try_from(raw >> 32).ok()?,
            entry: raw as u32,
        })
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnPage {
    /// Number of the question.
    pub id: u64,
    /// Connections.
    pub conns: Vec<Conn>,
    /// Where to go on; `None` after the last one.
    pub next: Option<ConnCursor>,
}

/// The control loop's ends: it polls and never waits.
#[derive(Debug)]
pub struct Answering {
    questions: Receiver<ConnQuestion>,
    pages: Sender<ConnPage>,
}

/// The statistics thread's ends.
#[derive(Debug)]
pub struct Asking {
    questions: Sender<ConnQuestion>,
    pages: Receiver<ConnPage>,
}

/// Both sides.
pub fn questions() -> (Asking, Answering) {
    let (ask, asked) = bounded(QUESTIONS_MAX);
    let (answer, answers) = bounded(QUESTIONS_MAX);
    let asking = Asking {
        questions: ask,
        pages: answers,
    };
    let answering = Answering {
        questions: asked,
        pages: answer,
    };
    (asking, answering)
}

impl Answering {
    /// The next question.
    pub fn poll(&self) -> Option<ConnQuestion> {
        self.questions.try_recv().ok()
    }

    /// Answers; an answer that nobody takes is lost.
    pub fn answer(&self, page: ConnPage) {
        let _lost = self.pages.try_send(page);
    }
}

impl Asking {
    /// Asks; `false` when too much waits.
    pub fn ask(&self, question: ConnQuestion) -> bool {
        self.questions.try_send(question).is_ok()
    }

    /// The next answer.
    pub fn poll(&self) -> Option<ConnPage> {
        self.pages.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_number_and_back() {
        let cursor = ConnCursor {
            worker: 63,
            entry: u32::MAX,
        };
        assert_eq!(ConnCursor::from_raw(cursor.raw()), Some(cursor));
        assert_eq!(ConnCursor::from_raw(u64::MAX), None);
    }

    #[test]
    fn what_waits_is_bounded_on_both_sides() {
        let (asking, answering) = questions();
        let question = ConnQuestion {
            id: 1,
            cursor: ConnCursor::default(),
        };
        let taken = (0..1000).filter(|_| asking.ask(question)).count();
        assert_eq!(taken, QUESTIONS_MAX);
        assert_eq!(answering.poll(), Some(question));
        let page = ConnPage {
            id: 1,
            conns: Vec::new(),
            next: None,
        };
        (0..1000).for_each(|_| answering.answer(page.clone()));
        let answers = std::iter::from_fn(|| asking.poll()).count();
        assert_eq!(answers, QUESTIONS_MAX);
    }
}
