//! Who publishes: swaps values, keeps the old ones in limbo, frees them after the grace period.

use std::collections::VecDeque;
use std::fmt;
use std::ptr::NonNull;

use super::RcuCell;
use super::domain::{DomainId, Shared};
use crate::cpu;
use crate::limits::{RECLAIM_STEP_MAX, RETIRED_MAX};
use crate::sync::Arc;

/// The value could not be published: too much waits for readers that do not pass.
///
/// Nothing has changed; the value is handed back. Poll and try again later.
pub struct LimboFull<T>(pub Box<T>);

impl<T> fmt::Debug for LimboFull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LimboFull")
    }
}

impl<T> fmt::Display for LimboFull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many retired values wait for a reader that does not pass")
    }
}

impl<T> std::error::Error for LimboFull<T> {}

/// A value that no cell has any more but that readers may still hold.
struct Retired {
    token: u64,
    /// When it was retired.
    tsc: u64,
    /// From `Box::into_raw`. A pointer, because a box would claim that nobody else reads.
    value: NonNull<dyn Send>,
}

/// The one thread that changes the cells of a domain, and what it has retired.
///
/// Dropped while readers are online, it leaks what they may still hold; [`Publisher::drain`] says
/// whether there is any.
pub struct Publisher {
    shared: Arc<Shared>,
    token: u64,
    /// Oldest first, so tokens ascend.
    limbo: VecDeque<Retired>,
}

// SAFETY: the retired values are `Send` and owned by the publisher alone; references that readers
// still hold are shared ones to values that are `Sync` (`RcuCell` asks for both).
unsafe impl Send for Publisher {}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("token", &self.token)
            .field("retired", &self.limbo.len())
            .finish_non_exhaustive()
    }
}

impl Publisher {
    pub(super) fn new(shared: Arc<Shared>, token: u64) -> Self {
        Self {
            shared,
            token,
            limbo: VecDeque::new(),
        }
    }

    pub(super) fn domain(&self) -> DomainId {
        self.shared.id
    }

    /// Puts `value` into the cell and retires the one that was there.
    ///
    /// Refused while [`RETIRED_MAX`] values wait for readers.
    ///
    /// # Panics
    /// When cell and publisher are of different domains.
    pub fn publish<T: Send + Sync>(
        &mut self,
        cell: &RcuCell<T>,
        value: Box<T>,
    ) -> Result<(), LimboFull<T>> {
        if self.limbo.len() >= RETIRED_MAX {
            self.poll();
            if self.limbo.len() >= RETIRED_MAX {
                return Err(LimboFull(value));
            }
        }
        let old = cell.swap(Some(value), self.shared.id);
        self.retire(old);
        Ok(())
    }

    /// Empties the cell; `false` when it was empty.
    ///
    /// Never refused, because keys must be revocable at any time. It stays bounded all the same:
    /// there are never more values to remove than were published, and publishing is refused.
    ///
    /// # Panics
    /// When cell and publisher are of different domains.
    pub fn remove<T: Send + Sync>(&mut self, cell: &RcuCell<T>) -> bool {
        let old = cell.swap(None, self.shared.id);
        self.retire(old)
    }

    /// The value of a cell, as the publisher put it there.
    ///
    /// # Panics
    /// When cell and publisher are of different domains.
    pub fn peek<'p, T: Send + Sync>(&'p self, cell: &'p RcuCell<T>) -> Option<&'p T> {
        cell.peek(self)
    }

    /// Frees retired values that every reader has passed, at most [`RECLAIM_STEP_MAX`] of them, on
    /// this thread. Returns how many. Never waits.
    pub fn poll(&mut self) -> usize {
        self.poll_timed(|_| {})
    }

    /// As [`Publisher::poll`]; tells `grace` of each value how many TSC cycles have passed since
    /// it was retired.
    pub fn poll_timed(&mut self, mut grace: impl FnMut(u64)) -> usize {
        if self.limbo.is_empty() {
            return 0;
        }
        let now = cpu::tsc();
        let passed = self.shared.passed(self.token);
        let mut freed = 0;
        while freed < RECLAIM_STEP_MAX
            && let Some(retired) = self.limbo.pop_front_if(|retired| retired.token <= passed)
        {
            // SAFETY: the pointer came from `Box::into_raw` of a cell's value, was unlinked before
            // its token was raised and is in limbo once. Every reader is offline or has passed
            // that token, so no reference is left and none can be made.
            drop(unsafe { Box::from_raw(retired.value.as_ptr()) });
            grace(now.saturating_sub(retired.tsc));
            freed += 1;
        }
        freed
    }

    /// A stamp of what has been published and removed so far.
    pub const fn stamp(&self) -> u64 {
        self.token
    }

    /// Whether every reader has passed a quiescent state since `stamp` was taken, so that it sees
    /// what was published before.
    pub fn has_passed(&self, stamp: u64) -> bool {
        self.shared.passed(self.token) >= stamp
    }

    /// Values that wait for readers.
    pub fn retired(&self) -> usize {
        self.limbo.len()
    }

    /// Frees everything that may be freed and returns how much is left: nothing, once all readers
    /// are offline or dropped. For the way down; costs as long as the destructors take.
    pub fn drain(&mut self) -> usize {
        while self.poll() > 0 {}
        self.limbo.len()
    }

    fn retire<T: Send + Sync + 'static>(&mut self, old: *mut T) -> bool {
        let Some(value) = NonNull::new(old) else {
            return false;
        };
        self.token += 1;
        self.limbo.push_back(Retired {
            token: self.token,
            tsc: cpu::tsc(),
            value,
        });
        self.shared.raise(self.token);
        true
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.drain();
    }
}
