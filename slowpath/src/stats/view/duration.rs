//! How the ASA writes time: `0:00:36`, `1D19h`, `51 days 9 hours`, `Nov 23 2026 16:58:42`.

const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 60 * MINUTE_S;
const DAY_S: u64 = 24 * HOUR_S;

/// `H:MM:SS`; hours go on beyond a day, as in 302014.
pub fn hms(seconds: u64) -> String {
    let (hours, rest) = (seconds / HOUR_S, seconds % HOUR_S);
    format!("{hours}:{:02}:{:02}", rest / MINUTE_S, rest % MINUTE_S)
}

/// The two largest units: `39s`, `1m34s`, `1h0m`, `1D19h` (`show conn detail`).
pub fn compact(seconds: u64) -> String {
    if seconds < MINUTE_S {
        format!("{seconds}s")
    } else if seconds < HOUR_S {
        format!("{}m{}s", seconds / MINUTE_S, seconds % MINUTE_S)
    } else if seconds < DAY_S {
        format!("{}h{}m", seconds / HOUR_S, seconds % HOUR_S / MINUTE_S)
    } else {
        format!("{}D{}h", seconds / DAY_S, seconds % DAY_S / HOUR_S)
    }
}

/// The two largest units in words: `51 days 9 hours`, `12 mins 5 secs` (`show version`).
pub fn words(seconds: u64) -> String {
    let unit = |count: u64, name: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {name}{plural}")
    };
    if seconds < MINUTE_S {
        unit(seconds, "sec")
    } else if seconds < HOUR_S {
        let rest = unit(seconds % MINUTE_S, "sec");
        format!("{} {rest}", unit(seconds / MINUTE_S, "min"))
    } else if seconds < DAY_S {
        let rest = unit(seconds % HOUR_S / MINUTE_S, "min");
        format!("{} {rest}", unit(seconds / HOUR_S, "hour"))
    } else {
        let rest = unit(seconds % DAY_S / HOUR_S, "hour");
        format!("{} {rest}", unit(seconds / DAY_S, "day"))
    }
}

/// A date and time of day in UTC, Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CivilTime {
    /// Year, four digits until 9999.
    pub year: u64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 for Sunday.
    pub weekday: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 to 999.
    pub millisecond: u16,
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// Days of the 400 years after which the Gregorian calendar repeats.
const ERA_DAYS: u64 = 146_097;
/// Days from 1 March of year 0 to 1 January 1970.
const EPOCH_DAYS: u64 = 719_468;

impl CivilTime {
    /// The civil time of `unix_ms` milliseconds after 1970-01-01 00:00:00 UTC.
    ///
    /// Years are counted from March, so that the leap day is the last day of a year.
    pub fn from_unix_ms(unix_ms: u64) -> Self {
        let unix_s = unix_ms / 1000;
        let days = unix_s / DAY_S;
        let shifted = days + EPOCH_DAYS;
        let (era, day_of_era) = (shifted / ERA_DAYS, shifted % ERA_DAYS);
        let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / (ERA_DAYS - 1);
        let year_of_era = (day_of_era - leap_days) / 365;
        let days_before = 365 * year_of_era + year_of_era / 4 - year_of_era / 100;
        let day_of_year = day_of_era - days_before;
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        let second_of_day = unix_s % DAY_S;
        Self {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month: month as u8,
            day: (day_of_year - (153 * march_month + 2) / 5 + 1) as u8,
            weekday: ((days + 4) % 7) as u8,
            hour: (second_of_day / HOUR_S) as u8,
            minute: (second_of_day % HOUR_S / MINUTE_S) as u8,
            second: (second_of_day % MINUTE_S) as u8,
            millisecond: (unix_ms % 1000) as u16,
        }
    }

    fn month_name(&self) -> &'static str {
        MONTHS
            .get(usize::from(self.month) - 1)
            .copied()
            .unwrap_or("Jan")
    }

    /// `Nov 23 2026 16:58:42`, as `logging timestamp` writes it.
    pub fn log_stamp(&self) -> String {
        format!(
            "{} {:02} {} {:02}:{:02}:{:02}",
            self.month_name(),
            self.day,
            self.year,
            self.hour,
            self.minute,
            self.second
        )
    }

    /// `2026-11-23T16:58:42.123Z` (RFC 3339, RFC 5424 section 6.2.3).
    pub fn rfc3339(&self) -> String {
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            self.year, self.month, self.day, self.hour, self.minute, self.second, self.millisecond
        )
    }

    /// `16:58:42.123 UTC Mon Nov 23 2026`, as `show clock` writes it.
    pub fn clock(&self) -> String {
        let weekday = WEEKDAYS
            .get(usize::from(self.weekday))
            .copied()
            .unwrap_or("Sun");
        format!(
            "{:02}:{:02}:{:02}.{:03} UTC {weekday} {} {} {}",
            self.hour,
            self.minute,
            self.second,
            self.millisecond,
            self.month_name(),
            self.day,
            self.year
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_the_forms_of_the_asa() {
        assert_eq!(hms(36), "0:00:36");
        assert_eq!(hms(3_600), "1:00:00");
        assert_eq!(hms(100 * 3_600 + 61), "100:01:01");
        assert_eq!(compact(39), "39s");
        assert_eq!(compact(94), "1m34s");
        assert_eq!(compact(3_600), "1h0m");
        assert_eq!(compact(43 * 3_600 + 59), "1D19h");
        assert_eq!(words(51 * 86_400 + 9 * 3_600), "51 days 9 hours");
        assert_eq!(words(86_400 + 3_600), "1 day 1 hour");
        assert_eq!(words(725), "12 mins 5 secs");
        assert_eq!(words(1), "1 sec");
    }

    #[test]
    fn civil_times_are_right_around_leap_days() {
        let stamp = |unix_s: u64| CivilTime::from_unix_ms(unix_s * 1000).log_stamp();
        assert_eq!(stamp(0), "Jan 01 1970 00:00:00");
        assert_eq!(stamp(951_782_400), "Feb 29 2000 00:00:00");
        assert_eq!(stamp(951_868_799), "Feb 29 2000 23:59:59");
        assert_eq!(stamp(951_868_800), "Mar 01 2000 00:00:00");
        assert_eq!(stamp(4_107_542_400), "Mar 01 2100 00:00:00");
        assert_eq!(stamp(1_795_453_122), "Nov 23 2026 16:58:42");
        let clock = CivilTime::from_unix_ms(1_795_453_122_123).clock();
        assert_eq!(clock, "16:58:42.123 UTC Mon Nov 23 2026");
    }

    proptest! {
        #[test]
        fn the_next_day_is_the_next_date(day in 0_u64..200_000) {
            let today = CivilTime::from_unix_ms(day * 86_400_000);
            let tomorrow = CivilTime::from_unix_ms((day + 1) * 86_400_000);
            prop_assert_eq!((today.weekday + 1) % 7, tomorrow.weekday);
            let same_month = tomorrow.month == today.month && tomorrow.day == today.day + 1;
            let next_month = tomorrow.day == 1 && today.day >= 28
                && tomorrow.month == today.month % 12 + 1;
            prop_assert!(same_month || next_month);
        }

        #[test]
        fn no_time_panics(unix_ms in any::<u64>()) {
            let time = CivilTime::from_unix_ms(unix_ms);
            prop_assert!((1..=12).contains(&time.month) && (1..=31).contains(&time.day));
            prop_assert!(!time.clock().is_empty() && !hms(unix_ms).is_empty());
        }
    }
}
