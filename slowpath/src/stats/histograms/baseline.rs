//! What a reader has seen already: resetting is the reader's own affair and loses no count.

use fastpath::histogram::Counts;

/// Views of histograms that one reader can have reset; each is at most 70 KB, most are 2 KB.
const BASELINES_MAX: usize = 64;

/// A view of a histogram as one reader last reset it.
#[derive(Clone, Debug)]
struct Baseline {
    name: &'static str,
    source: Option<String>,
    seen: Vec<(u16, u64)>,
    /// When, milliseconds since 1970.
    unix_ms: u64,
}

/// The baselines of one reader.
#[derive(Clone, Debug, Default)]
pub struct Baselines {
    baselines: Vec<Baseline>,
}

impl Baselines {
    /// Leaves in `counts` what was counted since the reader reset this view.
    pub fn apply(&self, name: &str, source: Option<&str>, counts: &mut Counts) {
        let mut baselines = self.baselines.iter();
        let mine = baselines.find(|it| it.name == name && it.source.as_deref() == source);
        if let Some(baseline) = mine {
            counts.subtract(baseline.seen.iter().copied());
        }
    }

    /// Resets a view whose counts since the start are `counts`; `false` when the reader has reset
    /// too many.
    pub fn reset(
        &mut self,
        name: &'static str,
        source: Option<&str>,
        counts: &Counts,
        unix_ms: u64,
    ) -> bool {
        let is_mine = |it: &Baseline| it.name == name && it.source.as_deref() == source;
        self.baselines.retain(|it| !is_mine(it));
        if self.baselines.len() >= BASELINES_MAX {
            return false;
        }
        self.baselines.push(Baseline {
            name,
            source: source.map(str::to_owned),
            seen: counts.sparse().collect(),
            unix_ms,
        });
        true
    }

    /// When the reader reset this view, milliseconds since 1970.
    pub fn since(&self, name: &str, source: Option<&str>) -> Option<u64> {
        let mut baselines = self.baselines.iter();
        let mine = baselines.find(|it| it.name == name && it.source.as_deref() == source);
        mine.map(|it| it.unix_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;
    use fastpath::worker::WorkerHistogram;

    #[test]
    fn every_reader_has_its_own_and_nothing_is_lost() {
        let (mut collected, [mut first, second, control, slowpath]) = sample();
        let (mut one, two) = (Baselines::default(), Baselines::default());
        let mut record = |value| {
            first.record(WorkerHistogram::Line as usize, value);
            first.turn();
            collected.collect();
            first.turn();
            collected.collect();
            collected.counts("line_ns", None).expect("a histogram")
        };
        let counts = record(100);
        assert!(one.reset("line_ns", None, &counts, 5));
        let counts = record(7_000);
        let seen = |reader: &Baselines| {
            let mut counts = counts.clone();
            reader.apply("line_ns", None, &mut counts);
            counts.total()
        };
        assert_eq!((seen(&one), seen(&two)), (1, 2));
        assert_eq!(
            (one.since("line_ns", None), two.since("line_ns", None)),
            (Some(5), None)
        );
        drop((second, control, slowpath));
    }

    #[test]
    fn a_reader_resets_a_bounded_number_of_views() {
        let mut reader = Baselines::default();
        let counts = Counts::default();
        let taken = (0..1000)
            .filter(|number| reader.reset("line_ns", Some(&format!("lcore{number}")), &counts, 5));
        assert_eq!(taken.count(), BASELINES_MAX);
        // One that it has is reset again.
        assert!(reader.reset("line_ns", Some("lcore3"), &counts, 5));
    }
}
