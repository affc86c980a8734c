//! `make bounce`: a hundred TCP streams at once through a tunnel whose path is cut, and how soon
//! they go on when the tunnel is back, in every setting.

mod case;
mod lane;
mod report;
mod svg;
mod windows;

pub use report::{Row, table};

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::lab::error::{Doing, LabError, Result};
use crate::lab::{holdfast_box, needs};
use case::{Case, Run, Setting};
use lane::Lane;
use windows::Windows;

/// How much is to be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Outages of 1 and 5 s, once.
    Quick,
    /// Outages of 1, 5, 30 and 120 s, as often as fits, but twice.
    Whole,
}

/// All cases of a round are begun again only if they are over by then.
const WHOLE: Duration = Duration::from_mins(39);
const REPEATS_LEAST: u32 = 2;

impl Extent {
    const fn outages_s(self) -> &'static [u64] {
        match self {
            Self::Quick => &[1, 5],
            Self::Whole => &[1, 5, 30, 120],
        }
    }

    /// Pairs of offices: the round trip that the wire adds, and whether the far end is a
    /// strongSwan.
    const fn lanes(self) -> &'static [(u32, bool)] {
        match self {
            Self::Quick | Self::Whole => &[(1, false), (50, false), (1, true)],
        }
    }

    /// The cases of one round.
    fn cases(self, strongswan: bool) -> Vec<Case> {
        let settings: &[Setting] = if strongswan {
            &[Setting::StrongSwan]
        } else {
            &[Setting::Hold, Setting::Unreachable, Setting::None]
        };
        let of_setting = |setting: &Setting| {
            let setting = *setting;
            let outages = self.outages_s().iter();
            outages.map(move |&outage_s| Case { setting, outage_s })
        };
        settings.iter().flat_map(of_setting).collect()
    }

    /// Whether another round is played after so many, the longest of which took this long.
    fn goes_on(self, rounds: u32, longest: Duration, elapsed: Duration) -> bool {
        match self {
            Self::Quick => rounds < 1,
            Self::Whole => rounds < REPEATS_LEAST || elapsed + longest < WHOLE,
        }
    }
}

/// Plays the cases and writes report, picture and logs into `directory`.
/// `rounds_most`: so many repeats at the most.
pub fn run(extent: Extent, rounds_most: u32, directory: &Path) -> Result<Vec<Row>> {
    needs::check()?;
    holdfast_box::binaries()?;
    fs::create_dir_all(directory).doing("make the report's directory")?;
    let runs = play_all(extent, rounds_most, directory)?;
    let each = serde_json::to_string(&runs).doing("write the runs")?;
    fs::write(directory.join("runs.json"), each).doing("write the runs")?;
    let rows = report::rows(&runs);
    let json = serde_json::to_string_pretty(&rows).doing("write the report")?;
    fs::write(directory.join("report.json"), json).doing("write the report")?;
    fs::write(directory.join("resume.svg"), svg::draw(&rows)).doing("draw")?;
    println!("\n{}", table(&rows));
    println!("{0}/resume.svg\n{0}/report.json", directory.display());
    Ok(rows)
}

/// One pair of offices per round trip and kind of far end, side by side.
fn play_all(extent: Extent, rounds_most: u32, directory: &Path) -> Result<Vec<Run>> {
    let windows = Windows::default();
    let runs = Mutex::new(Vec::new());
    let start = Instant::now();
    let play = |trip_ms, strongswan| -> Result<()> {
        let lane = {
            let _alone = windows.book(&[(Duration::ZERO, Duration::from_mins(1))])?;
            Lane::start(trip_ms, strongswan)?
        };
        let (mut rounds, mut longest) = (0, Duration::ZERO);
        while rounds < rounds_most && extent.goes_on(rounds, longest, start.elapsed()) {
            let began = Instant::now();
            for case in extent.cases(strongswan) {
                let run = case::play(&lane, case, &windows, lane.topology.directory())?;
                print!("{}", told(&run));
                let mut runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
                runs.push(run);
            }
            rounds += 1;
            longest = longest.max(began.elapsed());
        }
        let far = if strongswan { "strongswan" } else { "holdfast" };
        let name = format!("{far}-{trip_ms}ms");
        let delays = lane.wire();
        println!(
            "{name}: the wire's delay was {} us, at most {} us; {} frames had no room",
            delays.mean_us, delays.most_us, delays.no_room
        );
        lane.end(directory, &name)
    };
    thread::scope(|scope| {
        let play = &play;
        let lanes: Vec<_> = extent
            .lanes()
            .iter()
            .map(|(trip_ms, strongswan)| scope.spawn(move || play(*trip_ms, *strongswan)))
            .collect();
        let ended = lanes.into_iter().map(|lane| match lane.join() {
            Ok(result) => result,
            Err(_) => Err(LabError::Failed("a lane has panicked".to_owned())),
        });
        // All are waited for before an error ends it.
        let ended: Vec<Result<()>> = ended.collect();
        for error in ended.iter().filter_map(|it| it.as_ref().err()) {
            println!("a pair of offices has failed: {error}");
        }
        ended.into_iter().collect::<Result<()>>()
    })?;
    Ok(runs.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn told(run: &Run) -> String {
    let most = run.resumes_s.iter().copied().fold(0.0, f64::max);
    format!(
        "{:<12} outage {:>3} s, round trip {:>4.1} ms: tunnel up after {:.3} s, {} flows go on \
         within {most:.3} s, {} lost; declared dead after {:.3?} s, held packets acknowledged \
         within {:.3?} s\n",
        run.case.setting.name(),
        run.case.outage_s,
        run.trip_us as f64 / 1e3,
        run.up_after_s,
        run.resumes_s.len(),
        run.lost.len(),
        run.declared_s,
        run.acknowledged_s
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_has_every_setting_with_every_outage() {
        assert_eq!(Extent::Quick.cases(false).len(), 6);
        assert_eq!(Extent::Whole.cases(false).len(), 12);
        assert_eq!(Extent::Whole.cases(true).len(), 4);
    }

    #[test]
    fn rounds_fit_their_time_and_are_two_at_least() {
        let m = Duration::from_mins;
        assert!(Extent::Whole.goes_on(1, m(30), m(30)));
        assert!(Extent::Whole.goes_on(2, m(13), m(25)));
        assert!(!Extent::Whole.goes_on(2, m(15), m(25)));
        assert!(!Extent::Quick.goes_on(1, m(1), m(1)));
    }
}
