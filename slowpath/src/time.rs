//! Time as an argument: monotonic milliseconds since the process started.

/// A point in monotonic time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// The point `ms` milliseconds later.
    pub const fn after_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The point `s` seconds later.
    pub const fn after_s(self, s: u64) -> Self {
        self.after_ms(s.saturating_mul(1000))
    }

    /// Milliseconds since `earlier`, zero when it lies ahead.
    pub const fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
