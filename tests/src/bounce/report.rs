//! What the cases have shown: one row per setting, outage and round trip, held against the goals.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::case::{Run, Setting};

/// What a flow that is held may take beyond the round trip, in seconds.
const HOLD_BEYOND_S: f64 = 0.020;
/// What a flow that is told of the outage may take, in seconds.
const UNREACHABLE_S: f64 = 1.3;
/// Within so many seconds a peer of a busy tunnel is declared dead.
const DECLARED_S: f64 = 2.0;
/// Shorter outages may end before that.
const DECLARED_FROM_S: u64 = 5;

/// A row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// `hold`, `unreachable`, `none` or `strongswan`.
    pub setting: String,
    /// Length of the outage.
    pub outage_s: u64,
    /// Round trip that the wire adds.
    pub rtt_ms: u32,
    /// Streams of all repeats together.
    pub flows: usize,
    /// From tunnel-up to the first new byte: half of the flows that are helped. Nothing where none
    /// went on.
    pub resume_p50_s: Option<f64>,
    /// Ninety-nine of a hundred.
    pub resume_p99_s: Option<f64>,
    /// Bytes in the first second after tunnel-up to those in the last second before the outage.
    pub goodput_first_second_ratio: f64,
    /// Flows that did not go on, or of which something is missing.
    pub flows_lost: usize,
    /// Segments that both ends sent again, from the outage on.
    pub retransmissions: u64,
    /// How often the case was played.
    pub repeats: usize,
    /// In how many of them the tunnel went down. Where it did not, tunnel-up is the end of the
    /// outage, and only that none is lost is a goal.
    pub bounced: usize,
    /// The whole round trip, measured through the tunnel.
    pub rtt_measured_ms: f64,
    /// From the end of the outage to tunnel-up, at most.
    pub tunnel_up_after_s: f64,
    /// Until a box declared its peer dead, at most; nothing where none did.
    pub declared_s: Option<f64>,
    /// From tunnel-up until the last packet that a box has held was acknowledged, at most. A flow
    /// whose receiver had its oldest segment already, and only lost the acknowledgement, brings a
    /// new byte one round trip after that.
    pub acknowledged_s: Option<f64>,
    /// As `resume_p99_s`, of the flows of the direction that only the far end could help.
    pub other_direction_p99_s: Option<f64>,
    /// What the row has to show.
    pub goal: String,
    /// What speaks against it.
    pub faults: Vec<String>,
}

/// The rows of all runs, in the order of settings, round trips and outages.
pub(super) fn rows(runs: &[Run]) -> Vec<Row> {
    let mut groups: BTreeMap<(Setting, u32, u64), Vec<&Run>> = BTreeMap::new();
    for run in runs {
        let key = (run.case.setting, run.rtt_ms, run.case.outage_s);
        groups.entry(key).or_default().push(run);
    }
    groups.values().map(|runs| row(runs)).collect()
}

fn row(runs: &[&Run]) -> Row {
    let case = runs[0].case;
    let all = |of: fn(&Run) -> &Vec<f64>| -> Vec<f64> {
        runs.iter().flat_map(|run| of(run)).copied().collect()
    };
    let (helped, others) = (all(|run| &run.resumes_s), all(|run| &run.unhelped_s));
    let mean =
        |of: fn(&Run) -> f64| runs.iter().map(|run| of(run)).sum::<f64>() / runs.len() as f64;
    let lost: Vec<&String> = runs.iter().flat_map(|run| &run.lost).collect();
    let trip_s = mean(|run| run.trip_us as f64 / 1e6);
    let most = |values: &[f64]| values.iter().copied().reduce(f64::max);
    let mut row = Row {
        setting: case.setting.name().to_owned(),
        outage_s: case.outage_s,
        rtt_ms: runs[0].rtt_ms,
        flows: helped.len() + others.len(),
        resume_p50_s: quantile(&helped, 0.5),
        resume_p99_s: quantile(&helped, 0.99),
        goodput_first_second_ratio: mean(|run| run.goodput_ratio),
        flows_lost: lost.len(),
        retransmissions: runs.iter().map(|run| run.retransmissions).sum(),
        repeats: runs.len(),
        bounced: runs.iter().filter(|run| run.bounced).count(),
        rtt_measured_ms: trip_s * 1e3,
        tunnel_up_after_s: most(&all_of(runs, |run| run.up_after_s)).unwrap_or(0.0),
        declared_s: most(&all(|run| &run.declared_s)),
        acknowledged_s: most(&all(|run| &run.acknowledged_s)),
        other_direction_p99_s: quantile(&others, 0.99),
        goal: String::new(),
        faults: Vec::new(),
    };
    let bounced = runs.iter().filter(|run| run.bounced);
    let bounced: Vec<f64> = bounced.flat_map(|run| &run.resumes_s).copied().collect();
    judge(&mut row, case.setting, trip_s, &bounced);
    row.faults.extend(lost.first().map(|first| {
        let count = lost.len();
        format!("{count} flows lost, first: {first}")
    }));
    row
}

fn all_of(runs: &[&Run], of: fn(&Run) -> f64) -> Vec<f64> {
    runs.iter().map(|run| of(run)).collect()
}

/// `bounced`: resume times of those repeats in which the tunnel went down.
fn judge(row: &mut Row, setting: Setting, trip_s: f64, bounced: &[f64]) {
    let bound_s = match setting {
        // A tunnel that never went down held nothing: what was lost on the path is TCP's to repair.
        _ if row.bounced == 0 => None,
        Setting::Hold | Setting::StrongSwan => Some(trip_s + HOLD_BEYOND_S),
        Setting::Unreachable => Some(UNREACHABLE_S),
        Setting::None => None,
    };
    row.goal.push_str("none lost");
    if let Some(bound_s) = bound_s {
        let _ = write!(row.goal, ", p99 {bound_s:.3} s");
        let p99_s = quantile(bounced, 0.99).unwrap_or(f64::INFINITY);
        if p99_s > bound_s {
            row.faults.push(format!("p99 {p99_s:.3} s"));
        }
    }
    if setting.detects() && row.outage_s >= DECLARED_FROM_S {
        let _ = write!(row.goal, ", dead in {DECLARED_S:.0} s");
        if row.declared_s.is_none_or(|at| at > DECLARED_S) {
            row.faults
                .push(format!("declared dead: {:?}", row.declared_s));
        }
    }
}

/// The value that this part of all values does not exceed.
fn quantile(values: &[f64], part: f64) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * part).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied()
}

/// The rows for people.
pub fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<12} {:>6} {:>6} {:>6} {:>9} {:>9} {:>9} {:>8} {:>5} {:>7} {:>8} {:>9}  goal\n",
        "setting",
        "outage",
        "rtt",
        "flows",
        "p50",
        "p99",
        "acked",
        "goodput",
        "lost",
        "resent",
        "dead",
        "tunnel-up"
    );
    let shown = |value: Option<f64>| value.map_or("-".to_owned(), |s| format!("{s:.3} s"));
    for row in rows {
        let met = match row.faults.as_slice() {
            [] => format!("met: {}", row.goal),
            faults => format!("MISSED: {} ({})", row.goal, faults.join("; ")),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:<12} {:>4} s {:>3} ms {:>6} {:>9} {:>9} {:>9} {:>8.2} {:>5} {:>7} {:>8} {:>7.3} s  {met}",
            row.setting,
            row.outage_s,
            row.rtt_ms,
            row.flows,
            shown(row.resume_p50_s),
            shown(row.resume_p99_s),
            shown(row.acknowledged_s),
            row.goodput_first_second_ratio,
            row.flows_lost,
            row.retransmissions,
            shown(row.declared_s),
            row.tunnel_up_after_s,
        );
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::case::Case;
    use super::*;

    pub(in crate::bounce) fn run(setting: Setting, resume_s: f64) -> Run {
        Run {
            case: Case {
                setting,
                outage_s: 5,
            },
            rtt_ms: 1,
            trip_us: 2_000,
            resumes_s: vec![resume_s; 100],
            unhelped_s: Vec::new(),
            lost: Vec::new(),
            goodput_ratio: 1.5,
            retransmissions: 7,
            up_after_s: 0.1,
            bounced: true,
            acknowledged_s: vec![0.004],
            declared_s: vec![1.2],
        }
    }

    #[test]
    fn repeats_are_one_row_with_the_agreed_names() {
        let runs = [run(Setting::Hold, 0.010), run(Setting::Hold, 0.012)];
        let rows = rows(&runs);
        assert_eq!(rows.len(), 1);
        let json = serde_json::to_value(&rows).unwrap();
        let row = &json[0];
        assert_eq!(row["setting"], "hold");
        assert_eq!((&row["outage_s"], &row["rtt_ms"]), (&5.into(), &1.into()));
        assert_eq!(
            (&row["flows"], &row["flows_lost"]),
            (&200.into(), &0.into())
        );
        assert_eq!(row["resume_p50_s"], 0.010);
        assert_eq!(row["resume_p99_s"], 0.012);
        assert_eq!(row["goodput_first_second_ratio"], 1.5);
        assert_eq!(row["retransmissions"], 14);
        assert!(rows[0].faults.is_empty());
    }

    #[test]
    fn each_goal_is_missed_by_what_it_forbids() {
        let faults = |run: Run| rows(&[run])[0].faults.clone();
        assert!(faults(run(Setting::Hold, 0.0221))[0].starts_with("p99"));
        assert!(faults(run(Setting::Hold, 0.0219)).is_empty());
        assert!(faults(run(Setting::StrongSwan, 0.03))[0].starts_with("p99"));
        assert!(faults(run(Setting::Unreachable, 1.31))[0].starts_with("p99"));
        assert!(faults(run(Setting::None, 60.0)).is_empty());
        let mut stayed = run(Setting::Hold, 0.5);
        stayed.bounced = false;
        assert!(faults(stayed).is_empty());
        let mut late = run(Setting::Hold, 0.01);
        late.declared_s.push(2.1);
        assert!(faults(late)[0].starts_with("declared"));
        let mut lost = run(Setting::None, 1.0);
        lost.lost.push("stream 3".to_owned());
        assert!(faults(lost.clone())[0].contains("stream 3"));
        assert!(table(&rows(&[lost])).contains("MISSED"));
    }

    #[test]
    fn a_quantile_is_a_value_that_was_seen() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(quantile(&values, 0.5), Some(50.0));
        assert_eq!(quantile(&values, 0.99), Some(99.0));
        assert_eq!(quantile(&[7.0], 0.99), Some(7.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
