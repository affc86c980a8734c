//! `bench`: the table of figures against peers. Each run of ours is followed by one of the peer,
//! so that both see the same machine; the ratio is that of the medians.

mod ab;
mod child;
mod memif;
mod pages;
mod product;
mod programs;
mod rows;
mod secgw;
mod table;

use serde::{Deserialize, Serialize};

pub(crate) use ab::interleave;

use crate::options::Bench;
use crate::progress::Bar;
use crate::report::Figure;
use crate::statistics::{median, ratio_interval};
use child::Failure;
use pages::Reserved;
use programs::Place;
use rows::{Against, Bound, Group, Row};

/// Runs of a group whose runs are dear.
const DEAR_RUNS: usize = 3;
/// How many times as many runs may be rejected as are needed.
const PATIENCE: usize = 2;

/// A row of the report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// What was measured.
    pub(crate) name: String,
    /// Bytes of the packet, or number of flows.
    pub(crate) size: u64,
    /// Our value, `None` when it could not be measured.
    pub(crate) value: Option<f64>,
    /// Its unit.
    pub(crate) unit: String,
    /// What it is held against; when that is missing, why.
    pub(crate) peer: String,
    /// The peer's value.
    pub(crate) peer_value: Option<f64>,
    /// Ours divided by the peer's.
    pub(crate) ratio: Option<f64>,
    /// The ratio's 95 % interval.
    pub(crate) interval: Option<[f64; 2]>,
    /// What the ratio should be.
    pub(crate) goal: String,
    /// Whether it is; `None` when it could not be measured.
    pub(crate) met: Option<bool>,
    /// Runs of ours and of the peer that the machine disturbed.
    pub(crate) rejected: usize,
}

/// Runs the groups that were asked for, writes the report and prints the table.
pub(crate) fn run(options: &Bench) -> Result<(), String> {
    let asked = |group: &Group| {
        options.rows.is_empty() || options.rows.iter().any(|word| group.name.contains(word))
    };
    let groups: Vec<Group> = rows::all().into_iter().filter(asked).collect();
    let place = Place {
        duration_ms: options.duration_ms,
        build_dir: std::path::absolute(&options.build_dir).map_err(|error| error.to_string())?,
        release: options.release.clone(),
    };
    let mut bar = Bar::new("bench", groups.len());
    let mut report = Vec::new();
    println!("{}", table::head());
    for group in &groups {
        let runs = if group.dear {
            DEAR_RUNS
        } else {
            options.blocks
        };
        let measured = measure(group, &place, runs);
        print!("{}", table::lines(&measured));
        report.extend(measured);
        bar.step();
    }
    let text = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
    let write = || {
        if let Some(directory) = options.output.parent() {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(&options.output, text + "\n")?;
        std::fs::write(
            options.output.with_extension("md"),
            table::markdown(&report),
        )
    };
    write().map_err(|error| format!("{}: {error}", options.output.display()))?;
    println!("{}", options.output.display());
    Ok(())
}

/// The runs of one side.
#[derive(Debug, Default)]
struct Runs {
    figures: Vec<Vec<Figure>>,
    rejected: usize,
    missing: Option<String>,
}

impl Runs {
    fn take(&mut self, result: Result<Vec<Figure>, Failure>) {
        match result {
            Ok(figures) => self.figures.push(figures),
            Err(Failure::Disturbed) => self.rejected += 1,
            Err(Failure::Missing(text)) => self.missing = Some(text),
        }
    }

    /// Values of a figure, one per run; names may go on after a comma.
    fn values(&self, name: &str, size: u64) -> (Vec<f64>, String) {
        let found: Vec<&Figure> = self
            .figures
            .iter()
            .flatten()
            .filter(|it| it.size == size && it.blocks > 0)
            .filter(|it| it.name == name || it.name.starts_with(&format!("{name}, ")))
            .collect();
        let unit = found.first().map_or(String::new(), |it| it.unit.clone());
        (found.iter().map(|it| it.value).collect(), unit)
    }
}

fn measure(group: &Group, place: &Place, wanted: usize) -> Vec<Measured> {
    let (mut ours, mut theirs) = (Runs::default(), Runs::default());
    let _pages = group.huge_megabytes.and_then(Reserved::megabytes);
    for _ in 0..wanted * (1 + PATIENCE) {
        let enough = |runs: &Runs| runs.figures.len() >= wanted || runs.missing.is_some();
        if enough(&ours) && (group.peer.is_none() || enough(&theirs)) {
            break;
        }
        ours.take(group.ours.run(place));
        if let Some(peer) = group.peer.as_ref().filter(|_| theirs.missing.is_none()) {
            theirs.take(peer.run(place));
        }
    }
    group
        .rows
        .iter()
        .map(|row| judge(group, row, &ours, &theirs))
        .collect()
}

fn judge(group: &Group, row: &Row, ours: &Runs, theirs: &Runs) -> Measured {
    let (name, size) = &row.figure;
    let (values, unit) = ours.values(name, *size);
    let (against, peer) = match &row.against {
        Against::Constant(value) => (vec![*value], "the goal itself".to_owned()),
        Against::Own(name, size) => (ours.values(name, *size).0, name.clone()),
        Against::Peer(name, size) => {
            let peer = group
                .peer
                .as_ref()
                .map_or(String::new(), programs::Program::name);
            let text = match &theirs.missing {
                Some(text) => format!("missing: {text}"),
                None => peer,
            };
            (theirs.values(name, *size).0, text)
        }
    };
    let whole = !values.is_empty() && !against.is_empty();
    let (value, peer_value) = (median(&values), median(&against));
    let ratio = value / peer_value;
    let interval = (whole && ratio.is_finite()).then(|| ratio_interval(&values, &against));
    let (goal, met) = verdict(row, value, peer_value, interval);
    Measured {
        name: row.title.clone(),
        size: *size,
        value: (!values.is_empty()).then_some(value),
        unit,
        peer: ours
            .missing
            .as_ref()
            .map_or(peer, |text| format!("ours is missing: {text}")),
        peer_value: (!against.is_empty()).then_some(peer_value),
        ratio: (whole && ratio.is_finite()).then_some(ratio),
        interval,
        goal,
        met: whole.then_some(met),
        rejected: ours.rejected + theirs.rejected,
    }
}

fn verdict(row: &Row, value: f64, peer: f64, interval: Option<[f64; 2]>) -> (String, bool) {
    match row.goal {
        Bound::Beyond(bound) => (format!("at most {bound} more"), value <= peer + bound),
        Bound::Noise => {
            let met = interval.is_some_and(|[low, high]| low <= 1.0 && 1.0 <= high);
            ("within noise".to_owned(), met)
        }
        Bound::AtMost(bound) => (format!("at most {bound:.2}"), value <= peer * bound),
        Bound::AtLeast(bound) => (format!("at least {bound:.2}"), value >= peer * bound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(values: &[f64]) -> Runs {
        let figures = values
            .iter()
            .map(|value| vec![Figure::single("x", 5, *value, "cycles")]);
        Runs {
            figures: figures.collect(),
            ..Runs::default()
        }
    }

    #[test]
    fn a_row_is_held_against_its_peer_and_a_missing_one_is_named() {
        let group = rows::all().remove(0);
        let row = Row {
            figure: ("x".to_owned(), 5),
            title: "x".to_owned(),
            against: Against::Peer("x".to_owned(), 5),
            goal: Bound::AtMost(1.2),
        };
        let measured = judge(&group, &row, &runs(&[110.0; 3]), &runs(&[100.0; 3]));
        assert_eq!(measured.met, Some(true));
        assert!((measured.ratio.unwrap() - 1.1).abs() < 1e-9);
        let missing = Runs {
            missing: Some("no program".to_owned()),
            ..Runs::default()
        };
        let measured = judge(&group, &row, &runs(&[110.0]), &missing);
        assert_eq!((measured.met, measured.ratio), (None, None));
        assert!(table::lines(&[measured]).contains("missing: no program"));
    }
}
