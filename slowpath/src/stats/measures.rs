//! What the slowpath measures of itself.

use fastpath::histogram::{Reader, Recorder, histograms};
use fastpath::histogram_table;

use crate::time::Time;

histogram_table! {
    /// The histograms of the slowpath.
    pub enum SlowpathHistogram {
        Turn, "control_turn_us", Microseconds, "Time of a turn of the control loop.";
        Command, "control_command_us", Microseconds,
            "Time for which a command of an operator held the control loop.";
        IkePhase1, "ike_phase1_us", Microseconds,
            "Time from the first message of a negotiation that this box began to its phase-1 SA.";
        IkePhase2, "ike_phase2_us", Microseconds,
            "Time from there, or from the first message where a phase-1 SA was there, to its first SA pair.";
        BounceOutage, "bounce_outage_us", Microseconds,
            "Time for which a tunnel that came back was down.";
        BounceResume, "bounce_resume_us", Microseconds,
            "Time from the order to release what a bounce held to its first flow that went on.";
    }
}

/// Negotiations that are timed at once; the durations of more are not counted.
const NEGOTIATIONS_MAX: usize = 4096;

/// The recording end of the slowpath's histograms. Durations come in as differences of the clock
/// that the control loop was given.
#[derive(Debug)]
pub struct Measures {
    recorder: Recorder,
}

impl Measures {
    /// Both ends.
    pub fn new() -> (Self, Reader) {
        let (recorder, reader) = histograms(SlowpathHistogram::SPECS.len());
        (Self { recorder }, reader)
    }

    /// Counts a duration.
    pub fn record_us(&mut self, histogram: SlowpathHistogram, duration_us: u64) {
        self.recorder.record(histogram as usize, duration_us);
    }

    /// Counts the time between two moments.
    pub fn record_between(&mut self, histogram: SlowpathHistogram, from: Time, to: Time) {
        self.record_us(histogram, to.since_ms(from).saturating_mul(1000));
    }

    /// Once per turn of the control loop: lets the reader have what was counted.
    pub fn turn(&mut self) {
        self.recorder.turn();
    }
}

/// Begun negotiations, by a key of the caller's.
#[derive(Debug)]
pub struct Negotiations<K> {
    begun: Vec<(K, Time)>,
}

impl<K> Default for Negotiations<K> {
    fn default() -> Self {
        Self { begun: Vec::new() }
    }
}

impl<K: Copy + PartialEq> Negotiations<K> {
    /// One has begun; the one before with this key is forgotten.
    pub fn begin(&mut self, key: K, now: Time) {
        self.begun.retain(|(known, _)| *known != key);
        if self.begun.len() < NEGOTIATIONS_MAX {
            self.begun.push((key, now));
        }
    }

    /// One has ended; when it began, if that is known.
    pub fn end(&mut self, key: K) -> Option<Time> {
        let at = self.begun.iter().position(|(known, _)| *known == key)?;
        Some(self.begun.swap_remove(at).1)
    }

    /// Those whose key is meant have reached their next part: they count from `now` on. The
    /// earliest beginning among them.
    pub fn advance(&mut self, now: Time, is_meant: impl Fn(K) -> bool) -> Option<Time> {
        let meant = self.begun.iter_mut().filter(|(key, _)| is_meant(*key));
        meant.map(|(_, begun)| std::mem::replace(begun, now)).min()
    }
}

#[cfg(test)]
mod tests {
    use fastpath::histogram::Counts;

    use super::*;

    #[test]
    fn durations_reach_the_reader() {
        let (mut measures, mut reader) = Measures::new();
        measures.record_between(SlowpathHistogram::IkePhase1, Time(1000), Time(1250));
        measures.record_us(SlowpathHistogram::Command, 17);
        drop(measures);
        let mut counts = vec![Counts::default(); SlowpathHistogram::SPECS.len()];
        reader.collect(&mut counts);
        let highest =
            |histogram: SlowpathHistogram| counts[histogram as usize].value_at_percentile(100.0);
        assert_eq!(highest(SlowpathHistogram::Command), Some(17));
        let phase1 = highest(SlowpathHistogram::IkePhase1).expect("counted");
        assert!((250_000..252_000).contains(&phase1), "{phase1}");
    }

    #[test]
    fn a_negotiation_is_timed_in_two_parts() {
        let mut begun = Negotiations::default();
        begun.begin(1, Time(10));
        begun.begin(2, Time(20));
        begun.begin(1, Time(30));
        assert_eq!(begun.advance(Time(50), |key| key == 1), Some(Time(30)));
        assert_eq!(begun.end(1), Some(Time(50)));
        assert_eq!(begun.end(1), None);
        assert_eq!(begun.advance(Time(60), |key| key == 1), None);
        assert_eq!(begun.end(2), Some(Time(20)));
        for key in 0..5000 {
            begun.begin(key, Time(0));
        }
        assert_eq!(begun.begun.len(), NEGOTIATIONS_MAX);
    }
}
