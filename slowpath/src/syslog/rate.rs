//! Rate limits: those of the configuration, and the one that messages have that a stranger's
//! packets can cause (402xxx).

use std::collections::BTreeMap;

use config::{LogRateLimit, RateLimited};

use super::LEVEL_MAX;
use crate::time::Time;

/// So many messages in so many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rate {
    messages: u32,
    interval_ms: u64,
}

/// What the ASA documents for 402114 to 402122.
const BUILT_IN: Rate = Rate {
    messages: 1,
    interval_ms: 5_000,
};
/// The numbers that it is for.
const BUILT_IN_FOR: std::ops::Range<u32> = 402_000..403_000;

/// The messages since an interval began.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    begin: Option<Time>,
    messages: u32,
}

impl Window {
    fn allow(&mut self, rate: Rate, now: Time) -> bool {
        match self.begin {
            Some(begin) if now.since_ms(begin) < rate.interval_ms => self.messages += 1,
            _ => {
                *self = Self {
                    begin: Some(now),
                    messages: 1,
                }
            }
        }
        self.messages <= rate.messages
    }
}

/// Counts limited messages.
///
/// Windows are bounded by the numbers with a limit: those of the configuration and 402xxx.
#[derive(Debug, Default)]
pub struct RateLimit {
    messages: BTreeMap<u32, Option<Rate>>,
    levels: [Option<Rate>; LEVEL_MAX as usize + 1],
    message_windows: BTreeMap<u32, Window>,
    level_windows: [Window; LEVEL_MAX as usize + 1],
    suppressed: u64,
}

impl RateLimit {
    /// Takes over `logging rate-limit`s. Intervals that have begun go on.
    pub fn configure(&mut self, limits: &[LogRateLimit]) {
        self.messages.clear();
        self.levels = Default::default();
        for limit in limits {
            let rate = limit.limit.map(|(messages, interval_s)| Rate {
                messages,
                interval_ms: u64::from(interval_s) * 1000,
            });
            match limit.of {
                RateLimited::Message(id) => {
                    self.messages.insert(id, rate);
                }
                RateLimited::Level(level) => {
                    if let Some(place) = self.levels.get_mut(usize::from(level)) {
                        *place = rate;
                    }
                }
            }
        }
        let known = &self.messages;
        self.message_windows
            .retain(|id, _| known.contains_key(id) || BUILT_IN_FOR.contains(id));
    }

    /// Whether a message of this number and severity may be written at `now`. A limit of the
    /// number takes the place of that of the severity.
    pub fn allow(&mut self, id: u32, level: u8, now: Time) -> bool {
        let own = self.messages.get(&id).copied();
        let own = own.or_else(|| BUILT_IN_FOR.contains(&id).then_some(Some(BUILT_IN)));
        let allowed = match own {
            Some(None) => true,
            Some(Some(rate)) => self.message_windows.entry(id).or_default().allow(rate, now),
            None => {
                let at = usize::from(level);
                let rate = self.levels.get(at).copied().flatten();
                match (rate, self.level_windows.get_mut(at)) {
                    (Some(rate), Some(window)) => window.allow(rate, now),
                    _ => true,
                }
            }
        };
        self.suppressed += u64::from(!allowed);
        allowed
    }

    /// Messages that were not written.
    pub const fn suppressed(&self) -> u64 {
        self.suppressed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(text: &str) -> RateLimit {
        let mut limit = RateLimit::default();
        limit.configure(&config::parse(text).0.logging.rate_limits);
        limit
    }

    #[test]
    fn one_per_five_seconds_and_number() {
        let mut limit = limit("");
        assert!(limit.allow(402_119, 4, Time(10)));
        assert!(!limit.allow(402_119, 4, Time(5_009)));
        assert!(limit.allow(402_117, 4, Time(5_009)));
        assert!(limit.allow(402_119, 4, Time(5_010)));
        assert!(limit.allow(302_014, 6, Time(10)) && limit.allow(302_014, 6, Time(10)));
        assert_eq!(limit.suppressed(), 1);
    }

    #[test]
    fn messages_of_a_severity_count_together() {
        let mut limit = limit("logging rate-limit 2 10 level informational");
        assert!(limit.allow(302_013, 6, Time(0)) && limit.allow(302_014, 6, Time(1)));
        assert!(!limit.allow(302_015, 6, Time(9_999)));
        assert!(limit.allow(302_015, 5, Time(9_999)), "another severity");
        assert!(limit.allow(302_015, 6, Time(10_000)));
    }

    #[test]
    fn the_limit_of_a_number_comes_first() {
        let mut limit = limit(
            "logging rate-limit 1 10 level 6\nlogging rate-limit 2 10 message 302014\n\
             logging rate-limit unlimited message 302013\n\
             logging rate-limit unlimited message 402119",
        );
        let mut allowed = |id, level| (0..9).filter(|_| limit.allow(id, level, Time(0))).count();
        assert_eq!(allowed(302_013, 6), 9);
        assert_eq!(allowed(302_014, 6), 2);
        assert_eq!(allowed(402_119, 4), 9, "the built-in one is lifted");
        assert_eq!(allowed(302_015, 6), 1);
        assert_eq!(allowed(302_016, 6), 0, "the severity's is used up");
    }

    #[test]
    fn windows_of_limits_that_are_gone_go_too() {
        let mut limit = limit("logging rate-limit 1 10 message 302014");
        assert!(limit.allow(302_014, 6, Time(0)) && !limit.allow(302_014, 6, Time(1)));
        assert!(limit.allow(402_119, 4, Time(0)));
        limit.configure(&[]);
        assert!(limit.allow(302_014, 6, Time(2)));
        let windows: Vec<_> = limit.message_windows.keys().collect();
        assert_eq!(windows, [&402_119]);
    }
}
