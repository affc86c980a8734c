//! What a worker does when its queues are empty.

use std::time::Duration;

/// The idle policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idle {
    /// Polls on: lowest latency, the core is always busy.
    #[default]
    Busy,
    /// Polls on with PAUSE between turns: leaves the sibling thread more of the core.
    Pause,
    /// Sleeps for longer and longer, up to half a millisecond: laptops, tests, demonstrations.
    Sleep,
}

/// Turns without work before a worker sleeps at all.
const TURNS_BEFORE_SLEEP: u32 = 32;
const SLEEP_MIN: Duration = Duration::from_micros(20);
/// Longest sleep: what a packet may wait at the most on an idle box.
const SLEEP_MAX: Duration = Duration::from_micros(500);

/// Counts idle turns and says how long to rest.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    idle_turns: u32,
}

impl Backoff {
    /// How long to sleep after a turn; `None` for not at all.
    pub(super) fn after(&mut self, busy: bool) -> Option<Duration> {
        if busy {
            self.idle_turns = 0;
            return None;
        }
        self.idle_turns = self.idle_turns.saturating_add(1);
        let beyond = self.idle_turns.checked_sub(TURNS_BEFORE_SLEEP)?;
        Some(SLEEP_MIN.saturating_mul(1 << beyond.min(8)).min(SLEEP_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleeps_grow_to_the_bound_and_work_ends_them() {
        let mut backoff = Backoff::default();
        let first = (0..100).find_map(|_| backoff.after(false));
        assert_eq!(first, Some(SLEEP_MIN));
        let longest = (0..1000).filter_map(|_| backoff.after(false)).max();
        assert_eq!(longest, Some(SLEEP_MAX));
        assert_eq!(backoff.after(true), None);
        assert_eq!(backoff.after(false), None);
    }
}
