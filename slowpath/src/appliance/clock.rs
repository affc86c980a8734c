//! The one place of the product that reads clocks: monotonic for timers, wall for log stamps.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::time::Time;

/// Clocks of the process.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that begins at zero now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Monotonic milliseconds since the start.
    pub fn now(&self) -> Time {
        Time(self.start.elapsed().as_millis() as u64)
    }

    /// Milliseconds since 1970, for stamps only.
    pub fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_millis() as u64)
    }

    /// Rests, when a turn found nothing to do.
    pub fn rest(&self) {
        std::thread::sleep(IDLE_REST);
    }
}

/// What a packet for the slowpath may wait while nothing happens.
const IDLE_REST: Duration = Duration::from_millis(1);
