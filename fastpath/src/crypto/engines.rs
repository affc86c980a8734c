//! The engines of this process, and which of them does what.

use std::fmt::Write as _;

use super::engine::{Direction, Engine, EngineKind, KeyMaterial};
use super::keys::{KeyError, KeySet, SIZE_CLASS_BOUNDS, SIZE_CLASSES};
use super::{CryptoJob, calibration, ipsec_mb, known_answer, portable};
use crate::esp::Suite;
use crate::limits::BURST_MAX;

/// How engines are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// By measurement.
    Measured,
    /// Always this one; for tests and comparisons.
    Fixed(EngineKind),
}

/// Engine by direction and size class.
type Row = [[EngineKind; SIZE_CLASSES]; 2];

/// The engines that have passed their known answers, and the choice among them.
#[derive(Clone, Debug)]
pub struct Engines {
    ipsec_mb: Option<ipsec_mb::IpsecMb>,
    portable: bool,
    rows: [Row; Suite::COUNT],
    /// Cycles of a full-sized packet by direction; zero where nothing was measured.
    packet_cycles: [[u64; 2]; Suite::COUNT],
}

/// Cycles that one call may take: half a millisecond at 2 GHz.
const BURST_CYCLES_MAX: u64 = 1_000_000;

/// A worker's engine state cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no memory for the lanes of {0}")]
pub struct WorkerError(EngineKind);

/// What a worker needs to call the engines; never shared.
#[derive(Debug)]
pub struct EngineWorkers {
    ipsec_mb: Option<ipsec_mb::Worker>,
}

impl Engines {
    /// Tries every engine against known answers and measures those that pass.
    ///
    /// Takes some tens of milliseconds of one CPU.
    pub fn probe() -> Self {
        Self::with(Choice::Measured)
    }

    /// As [`Engines::probe`], with the choice given. A fixed engine that fails its known answers
    /// is replaced by the other one.
    pub fn with(choice: Choice) -> Self {
        let portable = known_answer::published(&portable::Portable, &mut ());
        let ipsec_mb = ipsec_mb::IpsecMb::new().filter(|library| {
            ipsec_mb::Worker::new().is_some_and(|mut worker| {
                known_answer::published(library, &mut worker)
                    && known_answer::agrees(library, &mut worker)
            })
        });
        let kind = match choice {
            Choice::Fixed(EngineKind::Portable) if portable => EngineKind::Portable,
            _ if ipsec_mb.is_some() => EngineKind::IpsecMb,
            _ => EngineKind::Portable,
        };
        let mut engines = Self {
            ipsec_mb,
            portable,
            rows: [[[kind; SIZE_CLASSES]; 2]; Suite::COUNT],
            packet_cycles: [[0; 2]; Suite::COUNT],
        };
        if choice == Choice::Measured && portable {
            engines.measure();
        }
        engines
    }

    fn measure(&mut self) {
        let Some(library) = self.ipsec_mb else { return };
        let Some(mut worker) = ipsec_mb::Worker::new() else {
            return;
        };
        for suite in Suite::all() {
            let mine = calibration::cycles(&portable::Portable, &mut (), suite);
            let theirs = calibration::cycles(&library, &mut worker, suite);
            let Some(row) = self.rows.get_mut(suite.index()) else {
                continue;
            };
            for (chosen, (mine, theirs)) in row.iter_mut().zip(mine.iter().zip(&theirs)) {
                for (kind, (mine, theirs)) in chosen.iter_mut().zip(mine.iter().zip(theirs)) {
                    *kind = if mine < theirs {
                        EngineKind::Portable
                    } else {
                        EngineKind::IpsecMb
                    };
                }
            }
            if let Some(cycles) = self.packet_cycles.get_mut(suite.index()) {
                *cycles = calibration::packet_cycles(&mine, &theirs);
            }
        }
    }

    /// Full-sized packets of a suite that one call may take without holding a worker's loop for
    /// longer than half a millisecond at 2 GHz; at least one, at most [`BURST_MAX`].
    pub fn burst_max(&self, suite: Suite, direction: Direction) -> usize {
        let cycles = self.packet_cycles.get(suite.index());
        match cycles.map_or(0, |cycles| cycles[direction as usize]) {
            0 => suite.cost_class().burst_max(),
            cycles => ((BURST_CYCLES_MAX / cycles) as usize).clamp(1, BURST_MAX),
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
            EngineKind::Portable => self.portable,
            EngineKind::IpsecMb => self.ipsec_mb.is_some(),
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
        KeySet::prepare(material, direction, choice, self.ipsec_mb.as_ref())
    }

    /// State for one worker.
    pub fn worker(&self) -> Result<EngineWorkers, WorkerError> {
        let ipsec_mb = match self.ipsec_mb {
            None => None,
            Some(_) => Some(ipsec_mb::Worker::new().ok_or(WorkerError(EngineKind::IpsecMb))?),
        };
        Ok(EngineWorkers { ipsec_mb })
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

/// Packets of a burst that go to one engine.
pub(crate) type PortableJob<'a> = CryptoJob<'a, portable::Key>;
/// Packets of a burst that go to libipsec-mb.
pub(crate) type IpsecMbJob<'a> = CryptoJob<'a, ipsec_mb::Key>;

impl EngineWorkers {
    /// Seals or opens the packets of every engine.
    pub(crate) fn run(
        &mut self,
        direction: Direction,
        portable: &mut [PortableJob<'_>],
        ipsec_mb: &mut [IpsecMbJob<'_>],
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_pass_their_known_answers() {
        let engines = Engines::with(Choice::Fixed(EngineKind::Portable));
        assert!(EngineKind::ALL.into_iter().all(|kind| engines.has(kind)));
    }

    #[test]
    fn a_fixed_choice_is_the_same_everywhere() {
        for kind in EngineKind::ALL {
            let engines = Engines::with(Choice::Fixed(kind));
            for suite in Suite::all() {
                assert_eq!(engines.chosen(suite, Direction::Seal), [kind; SIZE_CLASSES]);
                assert_eq!(engines.chosen(suite, Direction::Open), [kind; SIZE_CLASSES]);
            }
        }
    }

    #[test]
    fn dear_suites_have_shorter_bursts() {
        use config::{Encryption, Hash};
        let suite = |cipher, hash| Suite::new(cipher, hash).expect("a suite");
        let dear = suite(Encryption::TripleDes, Some(Hash::Md5));
        let cheap = suite(Encryption::AesGcm128, None);
        for engines in [
            Engines::probe(),
            Engines::with(Choice::Fixed(EngineKind::IpsecMb)),
        ] {
            let bursts = [dear, cheap].map(|suite| engines.burst_max(suite, Direction::Seal));
            assert!(bursts[0] >= 1 && bursts[0] < bursts[1], "{bursts:?}");
            assert!(bursts[1] <= BURST_MAX);
        }
    }

    #[test]
    fn the_report_has_a_line_per_suite_and_direction() {
        let report = Engines::probe().report();
        assert_eq!(report.lines().count(), 1 + 2 * Suite::all().count());
        assert!(report.contains("esp-aes-256 esp-sha-hmac"));
    }
}
