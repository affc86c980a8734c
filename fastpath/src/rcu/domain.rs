//! Who reads: one word per reader, and the token that says how far the publisher is.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::AtomicU64 as StdAtomicU64;

use super::Publisher;
use crate::sync::{Arc, AtomicBool, AtomicU64, CachePadded, Ordering, fence};

/// A reader's word while it holds no references and promises none.
const OFFLINE: u64 = 0;
/// The token before anything was retired.
const FIRST_TOKEN: u64 = 1;

/// Tells domains apart, so that a cell of one is never loaded under a reader of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DomainId(u64);

impl DomainId {
    /// Not one of loom's: the models need no orderings of it.
    fn fresh() -> Self {
        static NEXT: StdAtomicU64 = StdAtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

pub(super) struct Shared {
    pub(super) id: DomainId,
    token: CachePadded<AtomicU64>,
    readers: Box<[CachePadded<Word>]>,
}

struct Word {
    /// [`OFFLINE`], or the token that the reader has seen.
    seen: AtomicU64,
    taken: AtomicBool,
}

impl Shared {
    /// Raises the token: what was unlinked before is retired under the new one.
    pub(super) fn raise(&self, token: u64) {
        self.token.store(token, Ordering::Release);
    }

    /// The highest token that every reader has passed, `all` when no reader is online.
    pub(super) fn passed(&self, all: u64) -> u64 {
        // Pairs with the fence of a reader that comes online.
        fence(Ordering::SeqCst);
        self.readers
            .iter()
            .map(|word| word.seen.load(Ordering::Acquire))
            .filter(|&seen| seen != OFFLINE)
            .fold(all, u64::min)
    }
}

/// A set of readers and the one publisher whose values they read.
#[derive(Clone)]
pub struct Domain {
    pub(super) shared: Arc<Shared>,
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain")
            .field("readers", &self.shared.readers.len())
            .finish_non_exhaustive()
    }
}

impl Domain {
    /// A domain for at most `readers` readers, and its publisher.
    pub fn new(readers: usize) -> (Self, Publisher) {
        let word = || {
            CachePadded(Word {
                seen: AtomicU64::new(OFFLINE),
                taken: AtomicBool::new(false),
            })
        };
        let shared = Arc::new(Shared {
            id: DomainId::fresh(),
            token: CachePadded(AtomicU64::new(FIRST_TOKEN)),
            readers: std::iter::repeat_with(word).take(readers).collect(),
        });
        let publisher = Publisher::new(shared.clone(), FIRST_TOKEN);
        (Self { shared }, publisher)
    }

    /// Reader `index`, online; `None` when there is no such reader or somebody has it.
    ///
    /// It goes offline for good, and can be taken again, when it is dropped.
    pub fn reader(&self, index: usize) -> Option<QsReader> {
        let word = self.shared.readers.get(index)?;
        if word.taken.swap(true, Ordering::Acquire) {
            return None;
        }
        let mut reader = QsReader {
            domain: self.shared.id,
            shared: self.shared.clone(),
            index,
            seen: OFFLINE,
            one_thread: PhantomData,
        };
        reader.come_online();
        Some(reader)
    }

    /// Readers that are online now.
    pub fn online(&self) -> usize {
        let words = self.shared.readers.iter();
        words
            .filter(|word| word.seen.load(Ordering::Relaxed) != OFFLINE)
            .count()
    }
}

/// The right of one thread to load cells.
pub struct QsReader {
    /// Copy of the domain's, on the line that every load has at hand.
    pub(super) domain: DomainId,
    shared: Arc<Shared>,
    index: usize,
    /// Copy of our own word.
    seen: u64,
    one_thread: PhantomData<Cell<()>>,
}

impl fmt::Debug for QsReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QsReader")
            .field("index", &self.index)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

impl QsReader {
    /// Tells that this thread holds no reference out of a cell; the borrow proves it.
    ///
    /// Once per loop. One load; a store only when something was retired since the last call.
    #[inline]
    pub fn quiescent(&mut self) {
        let token = self.shared.token.load(Ordering::Acquire);
        if token != self.seen {
            self.report(token);
        }
    }

    /// Runs `asleep` while the publisher does not wait for this reader.
    pub fn offline<R>(&mut self, asleep: impl FnOnce() -> R) -> R {
        self.report(OFFLINE);
        let awake = Awake(self);
        let result = asleep();
        drop(awake);
        result
    }

    /// Brings the reader back even when the sleeper unwinds.
    fn come_online(&mut self) {
        let token = self.shared.token.load(Ordering::Acquire);
        self.report(token);
        // Pairs with the fence in `Shared::passed`: no pointer is loaded before the word is out.
        fence(Ordering::SeqCst);
    }

    #[inline]
    fn report(&mut self, seen: u64) {
        self.seen = seen;
        if let Some(word) = self.shared.readers.get(self.index) {
            word.seen.store(seen, Ordering::Release);
        }
    }
}

impl Drop for QsReader {
    fn drop(&mut self) {
        self.report(OFFLINE);
        if let Some(word) = self.shared.readers.get(self.index) {
            word.taken.store(false, Ordering::Release);
        }
    }
}

struct Awake<'a>(&'a mut QsReader);

impl Drop for Awake<'_> {
    fn drop(&mut self) {
        self.0.come_online();
    }
}
