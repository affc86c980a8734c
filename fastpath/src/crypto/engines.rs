//! The engines of this process, and which of them does what.

use std::fmt::Write as _;

use super::calibration::Trial;
use super::engine::{Direction, Engine, EngineKind, KeyMaterial};
use super::keys::{KeyError, KeySet, Prepares, SIZE_CLASS_BOUNDS, SIZE_CLASSES, SizeChoice};
use super::{CryptoJob, calibration, ipsec_mb, known_answer, portable, vaes};
use crate::esp::Suite;

/// How engines are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// By measurement.
    Measured,
    /// Always this one; for tests and comparisons.
    Fixed(EngineKind),
}

/// Engine by direction and size class.
type Row = [SizeChoice; 2];

/// The engines that have passed their known answers, and the choice among them.
#[derive(Clone, Debug)]
pub struct Engines {
    ipsec_mb: Option<ipsec_mb::IpsecMb>,
    vaes: Option<vaes::Vaes>,
    portable: Option<portable::Portable>,
    rows: [Row; Suite::COUNT],
}

/// A worker's engine state cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no memory for the lanes of {0}")]
pub struct WorkerError(EngineKind);

/// What a worker needs to call the engines; never shared.
#[derive(Debug)]
pub struct EngineWorkers {
    ipsec_mb: Option<ipsec_mb::Worker>,
    vaes: Option<vaes::Vaes>,
}

impl Engines {
    /// Tries every engine against known answers and measures those that pass.
    ///
    /// Takes some tens of milliseconds of one CPU.
    pub fn probe() -> Self {
        Self::with(Choice::Measured)
    }

    /// As [`Engines::probe`], with the choice given. Where a fixed engine does not have the suite
    /// or has failed its known answers, another one takes its place.
    pub fn with(choice: Choice) -> Self {
        let portable = known_answer::published(&portable::Portable, &mut ());
        let ipsec_mb = ipsec_mb::IpsecMb::new().filter(|library| {
            ipsec_mb::Worker::new().is_some_and(|mut worker| {
                known_answer::published(library, &mut worker)
                    && known_answer::agrees(library, &mut worker)
            })
        });
        let vaes = vaes::Vaes::new().filter(|vaes| {
            known_answer::published(vaes, &mut { *vaes })
                && known_answer::agrees(vaes, &mut { *vaes })
        });
        let mut engines = Self {
            ipsec_mb,
            vaes,
            portable: portable.then_some(portable::Portable),
            rows: [[[EngineKind::Portable; SIZE_CLASSES]; 2]; Suite::COUNT],
        };
        for suite in Suite::all() {
            let kind = engines.stand_in(suite, choice);
            if let Some(row) = engines.rows.get_mut(suite.index()) {
                *row = [[kind; SIZE_CLASSES]; 2];
            }
        }
        if choice == Choice::Measured {
            engines.measure();
        }
        engines
    }

    /// The engine that takes a suite without measurement.
    fn stand_in(&self, suite: Suite, choice: Choice) -> EngineKind {
        let wanted = match choice {
            Choice::Fixed(kind) => kind,
            Choice::Measured => EngineKind::IpsecMb,
        };
        let candidates = [wanted, EngineKind::IpsecMb, EngineKind::Portable];
        let usable = candidates.into_iter().find(|kind| self.can(*kind, suite));
        usable.unwrap_or(EngineKind::Portable)
    }

    /// Whether an engine has passed its known answers and has the suite.
    fn can(&self, kind: EngineKind, suite: Suite) -> bool {
        self.has(kind) && (kind != EngineKind::Vaes || vaes::Vaes::has(suite))
    }

    fn measure(&mut self) {
        for suite in Suite::all() {
            let mut measured = Vec::with_capacity(EngineKind::ALL.len());
            if let Some(portable) = self.portable {
                let cycles = calibration::cycles(&portable, (), suite);
                measured.push((EngineKind::Portable, cycles));
            }
            if let Some(library) = self.ipsec_mb
                && let Some(worker) = ipsec_mb::Worker::new()
            {
                let cycles = calibration::cycles(&library, worker, suite);
                measured.push((EngineKind::IpsecMb, cycles));
            }
            if let Some(vaes) = self.vaes.filter(|_| vaes::Vaes::has(suite)) {
                let cycles = calibration::cycles(&vaes, vaes, suite);
                measured.push((EngineKind::Vaes, cycles));
            }
            let row = self.rows.get_mut(suite.index()).into_iter().flatten();
            for (direction, choice) in row.enumerate() {
                *choice = fastest(&measured, direction).unwrap_or(*choice);
            }
        }
    }

    /// A burst for measuring one engine: a packet per length of text, taking turns with `sas` SAs.
    /// `None` if the engine is not there or does not have the suite.
    pub fn trial(
        &self,
        kind: EngineKind,
        suite: Suite,
        text_lens: &[usize],
        sas: usize,
    ) -> Option<Trial> {
        match kind {
            EngineKind::Portable => Trial::new(&self.portable?, (), suite, text_lens, sas),
            EngineKind::IpsecMb => {
                let worker = ipsec_mb::Worker::new()?;
                Trial::new(&self.ipsec_mb?, worker, suite, text_lens, sas)
            }
            EngineKind::Vaes => Trial::new(&self.vaes?, self.vaes?, suite, text_lens, sas),
        }
    }

    /// The engine for a suite, direction and size class (below [`SIZE_CLASSES`]).
    pub fn chosen(&self, suite: Suite, direction: Direction) -> [EngineKind; SIZE_CLASSES] {
        self.rows
            .get(suite.index())
            .map_or([EngineKind::Portable; SIZE_CLASSES], |row| {
                row[direction as usize]
            })
    }

    /// Whether an engine has passed its known answers.
    pub fn has(&self, kind: EngineKind) -> bool {
        match kind {
            EngineKind::Portable => self.portable.is_some(),
            EngineKind::IpsecMb => self.ipsec_mb.is_some(),
            EngineKind::Vaes => self.vaes.is_some(),
        }
    }

    /// Expands the keys of an SA for the engines that its packets will use.
    pub fn prepare(
        &self,
        material: &KeyMaterial<'_>,
        direction: Direction,
    ) -> Result<KeySet, KeyError> {
        let choice = self.chosen(material.suite(), direction);
        if choice.iter().any(|kind| !self.has(*kind)) {
            return Err(KeyError::NoEngine);
        }
        let engines = Prepares {
            portable: self.portable.as_ref(),
            ipsec_mb: self.ipsec_mb.as_ref(),
            vaes: self.vaes.as_ref(),
        };
        KeySet::prepare(material, direction, choice, engines)
    }

    /// State for one worker.
    pub fn worker(&self) -> Result<EngineWorkers, WorkerError> {
        let ipsec_mb = match self.ipsec_mb {
            None => None,
            Some(_) => Some(ipsec_mb::Worker::new().ok_or(WorkerError(EngineKind::IpsecMb))?),
        };
        Ok(EngineWorkers {
            ipsec_mb,
            vaes: self.vaes,
        })
    }

    /// The choice as a table: a line per suite and direction, a column per size class.
    pub fn report(&self) -> String {
        let mut out = String::new();
        let [tiny, small, medium] = SIZE_CLASS_BOUNDS;
        let heads = [tiny, small, medium].map(|bound| format!("<= {bound} B"));
        let _ = write!(out, "{:<32}{:<6}", "suite", "");
        for head in heads.iter().map(String::as_str).chain(["larger"]) {
            let _ = write!(out, "{head:<10}");
        }
        out.push('\n');
        for suite in Suite::all() {
            for (direction, verb) in [(Direction::Seal, "seal"), (Direction::Open, "open")] {
                let _ = write!(out, "{:<32}{verb:<6}", suite.to_string());
                for kind in self.chosen(suite, direction) {
                    let _ = write!(out, "{:<10}", kind.to_string());
                }
                out.push('\n');
            }
        }
        out
    }
}

/// The fastest engine by size class, of at most two engines; `None` if nothing was measured.
fn fastest(measured: &[(EngineKind, calibration::Cycles)], direction: usize) -> Option<SizeChoice> {
    let fastest_of = |kinds: &[EngineKind]| {
        let mut choice = [EngineKind::Portable; SIZE_CLASSES];
        let mut best = [u64::MAX; SIZE_CLASSES];
        for (kind, cycles) in measured.iter().filter(|(kind, _)| kinds.contains(kind)) {
            let classes = choice.iter_mut().zip(&mut best).zip(cycles.get(direction)?);
            for ((choice, best), cycles) in classes {
                if cycles < best {
                    (*choice, *best) = (*kind, *cycles);
                }
            }
        }
        let [.., largest] = best;
        (largest != u64::MAX).then_some(choice)
    };
    let choice = fastest_of(&EngineKind::ALL)?;
    if EngineKind::ALL.iter().all(|kind| choice.contains(kind)) {
        // An SA has room for the keys of two: what each has won decides who stays away.
        let wins = |kind: &EngineKind| choice.iter().filter(|it| *it == kind).count();
        let loser = EngineKind::ALL.into_iter().min_by_key(wins)?;
        let kinds: Vec<_> = EngineKind::ALL
            .into_iter()
            .filter(|it| *it != loser)
            .collect();
        return fastest_of(&kinds);
    }
    Some(choice)
}

/// Packets of a burst that go to one engine.
pub(crate) type PortableJob<'a> = CryptoJob<'a, portable::Key>;
/// Packets of a burst that go to libipsec-mb.
pub(crate) type IpsecMbJob<'a> = CryptoJob<'a, ipsec_mb::Key>;
/// Packets of a burst that go to our own engine.
pub(crate) type VaesJob<'a> = CryptoJob<'a, vaes::Key>;

impl EngineWorkers {
    /// Seals or opens the packets of every engine.
    pub(crate) fn run(
        &mut self,
        direction: Direction,
        portable: &mut [PortableJob<'_>],
        ipsec_mb: &mut [IpsecMbJob<'_>],
        vaes: &mut [VaesJob<'_>],
    ) {
        match direction {
            Direction::Seal => portable::Portable::seal(&mut (), portable),
            Direction::Open => portable::Portable::open(&mut (), portable),
        }
        if let Some(worker) = self.ipsec_mb.as_mut().filter(|_| !ipsec_mb.is_empty()) {
            match direction {
                Direction::Seal => ipsec_mb::IpsecMb::seal(worker, ipsec_mb),
                Direction::Open => ipsec_mb::IpsecMb::open(worker, ipsec_mb),
            }
        }
        if let Some(worker) = self.vaes.as_mut().filter(|_| !vaes.is_empty()) {
            match direction {
                Direction::Seal => vaes::Vaes::seal(worker, vaes),
                Direction::Open => vaes::Vaes::open(worker, vaes),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_that_the_cpu_can_run_passes_its_known_answers() {
        let engines = Engines::with(Choice::Fixed(EngineKind::Portable));
        assert!(engines.has(EngineKind::Portable) && engines.has(EngineKind::IpsecMb));
        assert_eq!(engines.has(EngineKind::Vaes), vaes::Vaes::new().is_some());
    }

    #[test]
    fn a_fixed_choice_is_the_same_everywhere() {
        for kind in EngineKind::ALL {
            let engines = Engines::with(Choice::Fixed(kind));
            for suite in Suite::all().filter(|suite| engines.can(kind, *suite)) {
                assert_eq!(engines.chosen(suite, Direction::Seal), [kind; SIZE_CLASSES]);
                assert_eq!(engines.chosen(suite, Direction::Open), [kind; SIZE_CLASSES]);
            }
        }
    }

    #[test]
    fn the_report_has_a_line_per_suite_and_direction() {
        let report = Engines::probe().report();
        assert_eq!(report.lines().count(), 1 + 2 * Suite::all().count());
        assert!(report.contains("esp-aes-256 esp-sha-hmac"));
    }
}
