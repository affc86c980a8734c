//! Rate limit of the messages that a stranger's packets can cause (402xxx).

use std::collections::BTreeMap;

use crate::time::Time;

/// Time between two messages of one number, as the ASA documents for 402114 to 402122.
const INTERVAL_MS: u64 = 5_000;

/// Remembers when each limited message was last written.
///
/// Bounded by its range of numbers: 402000 to 402999.
#[derive(Debug, Default)]
pub struct RateLimit {
    last: BTreeMap<u32, Time>,
    suppressed: u64,
}

impl RateLimit {
    /// Whether a message of this number may be written at `now`.
    pub fn allow(&mut self, id: u32, now: Time) -> bool {
        if !(402_000..403_000).contains(&id) {
            return true;
        }
        match self.last.get(&id) {
            Some(&last) if now.since_ms(last) < INTERVAL_MS => {
                self.suppressed += 1;
                false
            }
            _ => {
                self.last.insert(id, now);
                true
            }
        }
    }

    /// Messages that were not written.
    pub const fn suppressed(&self) -> u64 {
        self.suppressed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_per_five_seconds_and_number() {
        let mut limit = RateLimit::default();
        assert!(limit.allow(402_119, Time(10)));
        assert!(!limit.allow(402_119, Time(5_009)));
        assert!(limit.allow(402_117, Time(5_009)));
        assert!(limit.allow(402_119, Time(5_010)));
        assert!(limit.allow(302_014, Time(10)) && limit.allow(302_014, Time(10)));
        assert_eq!(limit.suppressed(), 1);
    }
}
