//! `compare`: two reports, of `bench` or of an engine.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::options::Compare;

/// What both kinds of report have of a figure.
#[derive(Clone, Debug, Deserialize)]
struct Entry {
    name: String,
    size: u64,
    value: Option<f64>,
    unit: String,
}

/// A figure in both reports.
#[derive(Clone, Debug, PartialEq)]
struct Change {
    name: String,
    size: u64,
    before: f64,
    after: f64,
    /// How much worse it is: 0.03 is three percent.
    worse: f64,
}

/// Prints the changes; whether one is worse than allowed.
pub(crate) fn run(options: &Compare) -> Result<bool, String> {
    let changes = changes(&read(&options.before)?, &read(&options.after)?);
    println!(
        "{:<40} {:>9} {:>12} {:>12} {:>9}",
        "what", "size", "before", "after", "worse"
    );
    for change in &changes {
        println!(
            "{:<40} {:>9} {:>12.2} {:>12.2} {:>8.1}%",
            change.name,
            change.size,
            change.before,
            change.after,
            change.worse * 100.0
        );
    }
    let bound = options.fail_if.unwrap_or(f64::INFINITY);
    Ok(changes.iter().any(|change| change.worse > bound))
}

fn read(path: &Path) -> Result<Vec<Entry>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn changes(before: &[Entry], after: &[Entry]) -> Vec<Change> {
    let pairs = before.iter().filter_map(|old| {
        let same = |new: &&Entry| new.name == old.name && new.size == old.size;
        Some((old, old.value?, after.iter().find(same)?.value?))
    });
    let changes = pairs.map(|(old, before, after)| {
        let more = if before == 0.0 {
            after
        } else {
            after / before - 1.0
        };
        Change {
            name: old.name.clone(),
            size: old.size,
            before,
            after,
            worse: if more_is_better(&old.unit) {
                -more
            } else {
                more
            },
        }
    });
    changes.collect()
}

/// Rates are better when they are high, costs when they are low.
fn more_is_better(unit: &str) -> bool {
    unit == "x" || unit.contains("/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(value: f64, unit: &str) -> Entry {
        Entry {
            name: "n".to_owned(),
            size: 1,
            value: Some(value),
            unit: unit.to_owned(),
        }
    }

    #[test]
    fn worse_is_more_cycles_or_fewer_packets() {
        let cost = changes(
            &[entry(100.0, "TSC cycles/packet")],
            &[entry(104.0, "TSC cycles/packet")],
        );
        assert!((cost[0].worse - 0.04).abs() < 1e-9);
        let rate = changes(&[entry(100.0, "packets/s")], &[entry(104.0, "packets/s")]);
        assert!((rate[0].worse + 0.04).abs() < 1e-9);
        assert!(changes(&[entry(1.0, "x")], &[]).is_empty());
    }
}
