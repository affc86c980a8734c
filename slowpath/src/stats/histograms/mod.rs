//! The histograms of all threads as a reader collects them.

mod baseline;
mod encode;
mod history;
mod log;

use fastpath::control::ControlHistogram;
use fastpath::histogram::{Counts, Reader, Spec};
use fastpath::worker::{ResumeHistogram, WorkerHistogram};

use super::measures::SlowpathHistogram;

pub use baseline::Baselines;
pub use encode::{base64, hgrm};
pub use history::History;
pub use log::{Row, header, row};

/// Name of the control loop among the sources.
pub const CONTROL: &str = "control";

/// The histograms of one thread.
#[derive(Debug)]
struct Source {
    name: String,
    specs: &'static [Spec],
    reader: Reader,
    counts: Vec<Counts>,
}

/// Everything that was recorded since the start, by thread.
#[derive(Debug)]
pub struct Histograms {
    sources: Vec<Source>,
}

impl Histograms {
    /// Readers of the workers (with the name of each; line and preserved flows), of the fastpath's
    /// slow side and of the slowpath.
    pub fn new(workers: Vec<(String, [Reader; 2])>, control: Reader, slowpath: Reader) -> Self {
        let source = |name: String, specs: &'static [Spec], reader| Source {
            name,
            specs,
            reader,
            counts: vec![Counts::default(); specs.len()],
        };
        let mut sources = Vec::new();
        for (name, [line, resumes]) in workers {
            sources.push(source(name.clone(), WorkerHistogram::SPECS, line));
            sources.push(source(name, ResumeHistogram::SPECS, resumes));
        }
        let own = |specs, reader| source(CONTROL.to_owned(), specs, reader);
        sources.push(own(ControlHistogram::SPECS, control));
        sources.push(own(SlowpathHistogram::SPECS, slowpath));
        Self { sources }
    }

    /// Takes what the threads have left behind since the last call.
    pub fn collect(&mut self) {
        for source in &mut self.sources {
            // A thread that has not turned keeps its counts for the next call.
            let _turned = source.reader.collect(&mut source.counts);
        }
    }

    /// Every histogram there is.
    pub fn specs() -> impl Iterator<Item = &'static Spec> {
        let tables = [
            WorkerHistogram::SPECS,
            ResumeHistogram::SPECS,
            ControlHistogram::SPECS,
            SlowpathHistogram::SPECS,
        ];
        tables.into_iter().flatten()
    }

    /// The histogram with this name.
    pub fn spec(name: &str) -> Option<&'static Spec> {
        Self::specs().find(|spec| spec.name == name)
    }

    /// The threads that record a histogram.
    pub fn sources(&self, name: &str) -> Vec<&str> {
        let records = |source: &&Source| source.specs.iter().any(|spec| spec.name == name);
        let sources = self.sources.iter().filter(records);
        sources.map(|source| source.name.as_str()).collect()
    }

    /// What was counted: by one thread, or by all of them. `None` for a name or a thread that is
    /// none.
    pub fn counts(&self, name: &str, source: Option<&str>) -> Option<Counts> {
        let mut sum: Option<Counts> = None;
        for thread in &self.sources {
            if source.is_some_and(|wanted| wanted != thread.name) {
                continue;
            }
            let counts = thread.specs.iter().zip(&thread.counts);
            let Some((_, counts)) = counts.into_iter().find(|(spec, _)| spec.name == name) else {
                continue;
            };
            match &mut sum {
                Some(sum) => sum.add(counts),
                None => sum = Some(counts.clone()),
            }
        }
        sum
    }
}

#[cfg(test)]
pub(super) mod tests {
    use fastpath::histogram::{Recorder, histograms};

    use super::*;

    /// Two workers, control loop, slowpath, with their recording ends in that order.
    pub(in crate::stats) fn sample() -> (Histograms, [Recorder; 4]) {
        let (first, first_reader) = histograms(WorkerHistogram::SPECS.len());
        let (second, second_reader) = histograms(WorkerHistogram::SPECS.len());
        let (control, control_reader) = histograms(ControlHistogram::SPECS.len());
        let (slowpath, slowpath_reader) = histograms(SlowpathHistogram::SPECS.len());
        let resumes = || histograms(ResumeHistogram::SPECS.len()).1;
        let workers = vec![
            ("lcore1".to_owned(), [first_reader, resumes()]),
            ("lcore2".to_owned(), [second_reader, resumes()]),
        ];
        let collected = Histograms::new(workers, control_reader, slowpath_reader);
        (collected, [first, second, control, slowpath])
    }

    #[test]
    fn names_are_told_apart_and_end_with_their_unit() {
        let names: Vec<&str> = Histograms::specs().map(|spec| spec.name).collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len());
        for spec in Histograms::specs() {
            assert!(spec.name.ends_with(spec.unit.suffix()), "{}", spec.name);
            assert!(spec.help.ends_with('.'), "{}", spec.help);
        }
    }

    #[test]
    fn threads_are_read_one_by_one_and_together() {
        let (mut collected, [mut first, mut second, _control, mut slowpath]) = sample();
        let line = WorkerHistogram::Line as usize;
        first.record_many(line, 500, 3);
        second.record_many(line, 900, 2);
        slowpath.record(SlowpathHistogram::Command as usize, 40);
        for recorder in [&mut first, &mut second, &mut slowpath] {
            recorder.turn();
        }
        collected.collect();
        for recorder in [&mut first, &mut second, &mut slowpath] {
            recorder.turn();
        }
        collected.collect();
        let total = |name: &str, source: Option<&str>| {
            collected.counts(name, source).map(|counts| counts.total())
        };
        assert_eq!(total("line_ns", None), Some(5));
        assert_eq!(total("line_ns", Some("lcore2")), Some(2));
        assert_eq!(total("line_ns", Some(CONTROL)), None);
        assert_eq!(total("control_command_us", Some(CONTROL)), Some(1));
        assert_eq!(total("bogus", None), None);
        assert_eq!(collected.sources("line_ns"), ["lcore1", "lcore2"]);
        assert_eq!(collected.sources("punt_wait_ns"), [CONTROL]);
    }
}
