//! Who may do what counts when: cases run side by side, but while one measures, no other one does.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::lab::error::Result;
use crate::lab::interrupt::pause;

/// How often one that waits looks again.
const LOOK: Duration = Duration::from_millis(20);

/// A part of a case in which it wants to be alone: from when on after its start, and for how long.
pub(super) type Part = (Duration, Duration);

/// The parts that are taken.
#[derive(Debug, Default)]
pub(super) struct Windows {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    parts: Vec<(u64, Instant, Instant)>,
    next: u64,
}

impl Taken {
    fn are_free(&self, start: Instant, parts: &[Part]) -> bool {
        parts.iter().all(|(after, length)| {
            let (from, to) = (start + *after, start + *after + *length);
            let clashes = |(_, begin, end): &(u64, Instant, Instant)| from < *end && *begin < to;
            !self.parts.iter().any(clashes)
        })
    }

    fn take(&mut self, start: Instant, parts: &[Part]) -> u64 {
        self.next += 1;
        let number = self.next;
        let parts = parts.iter().map(|(after, length)| {
            let from = start + *after;
            (number, from, from + *length)
        });
        self.parts.extend(parts);
        number
    }
}

/// Parts of one case; given back on drop.
#[derive(Debug)]
pub(super) struct Booking<'a> {
    windows: &'a Windows,
    number: u64,
}

impl Windows {
    /// Waits until a case that starts now has its parts for itself.
    pub(super) fn book(&self, parts: &[Part]) -> Result<Booking<'_>> {
        loop {
            {
                let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
                let now = Instant::now();
                if taken.are_free(now, parts) {
                    let number = taken.take(now, parts);
                    return Ok(Booking {
                        windows: self,
                        number,
                    });
                }
            }
            pause(LOOK)?;
        }
    }
}

impl Drop for Booking<'_> {
    fn drop(&mut self) {
        let mut taken = self
            .windows
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        taken.parts.retain(|(number, _, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_never_overlap_and_are_given_back() {
        let s = Duration::from_secs;
        let mut taken = Taken::default();
        let now = Instant::now();
        let long = [(s(0), s(7)), (s(30), s(5))];
        assert!(taken.are_free(now, &long));
        taken.take(now, &long);
        assert!(!taken.are_free(now + s(6), &[(s(0), s(1))]));
        assert!(taken.are_free(now + s(7), &[(s(0), s(20))]));
        assert!(!taken.are_free(now + s(7), &[(s(0), s(24))]));
        assert!(taken.are_free(now + s(8), &long));
        assert!(!taken.are_free(now + s(4), &long));
        let windows = Windows::default();
        drop(windows.book(&[(s(0), s(1_000))]).unwrap());
        drop(windows.book(&[(s(0), s(1_000))]).unwrap());
    }
}
