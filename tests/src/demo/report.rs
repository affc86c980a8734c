//! What the demo found: as JSON, and as a table for people.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::Serialize;

/// All runs.
#[derive(Debug, Serialize)]
pub struct Report {
    /// How long they took.
    pub seconds: f64,
    /// In the order in which they ran.
    pub runs: Vec<Run>,
}

/// One setting of the offices.
#[derive(Debug, Serialize)]
pub struct Run {
    /// `preserve-both`, `preserve-off` or `strongswan-peer`.
    pub setting: &'static str,
    /// What the run has to show, in a sentence.
    pub claim: &'static str,
    /// Whether the file arrived with the right SHA-256.
    pub sha256_ok: bool,
    /// Ids that the download's connection had, by box.
    pub connection_ids: ConnectionIds,
    /// The head office's 302014 line, where the tunnel took the connection.
    pub teardown_message: Option<String>,
    /// Each bounce in order.
    pub bounces: Vec<Bounce>,
    /// What speaks against the claim; empty when it holds.
    pub faults: Vec<String>,
    /// Received bytes over time.
    pub samples: Vec<Sample>,
}

/// Connection ids; more than one means that the connection was lost and built again.
#[derive(Debug, Default, Serialize)]
pub struct ConnectionIds {
    /// On the head office's box.
    pub head: BTreeSet<u64>,
    /// On the branch's box; empty where that is no Holdfast.
    pub branch: BTreeSet<u64>,
}

/// One bounce of the tunnel.
#[derive(Clone, Debug, Serialize)]
pub struct Bounce {
    /// What was done.
    pub cause: String,
    /// When, in seconds of the run.
    pub at_s: f64,
    /// The longest time without a byte.
    pub outage_s: f64,
    /// From the tunnel (or the path, where the tunnel stayed) being up to the next byte; nothing
    /// when no byte came any more.
    pub resume_s: Option<f64>,
    /// Connections of the head office's box that were there before and after.
    pub flows_preserved: usize,
    /// Connections that were there before and not after.
    pub flows_lost: usize,
}

/// Received bytes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// Seconds of the run.
    pub at_s: f64,
    /// Bytes so far.
    pub bytes: u64,
}

impl Report {
    /// Whether every run showed what it has to show.
    pub fn holds(&self) -> bool {
        self.runs.iter().all(|run| run.faults.is_empty())
    }
}

/// The closing table.
pub fn table(report: &Report) -> String {
    let mut text = format!(
        "{:<16} {:<44} {:>8} {:>9} {:>14}\n",
        "setting", "bounce", "outage", "resume", "flows kept/lost"
    );
    for run in &report.runs {
        for bounce in &run.bounces {
            let resume = bounce
                .resume_s
                .map_or("never".to_owned(), |s| format!("{s:.2} s"));
            let flows = format!("{}/{}", bounce.flows_preserved, bounce.flows_lost);
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{:<16} {:<44} {:>6.1} s {:>9} {:>14}",
                run.setting, bounce.cause, bounce.outage_s, resume, flows
            );
        }
    }
    text.push('\n');
    for run in &report.runs {
        let verdict = if run.faults.is_empty() {
            "holds"
        } else {
            "DOES NOT HOLD"
        };
        let _ = writeln!(text, "{:<16} {verdict}: {}", run.setting, run.claim);
        for fault in &run.faults {
            let _ = writeln!(text, "{:<16}   - {fault}", "");
        }
    }
    let _ = write!(text, "\n{:.0} s in all", report.seconds);
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A run with one bounce.
    pub(in crate::demo) fn example() -> Run {
        Run {
            setting: "preserve-both",
            claim: "the file arrives",
            sha256_ok: true,
            connection_ids: ConnectionIds {
                head: BTreeSet::from([7]),
                ..Default::default()
            },
            teardown_message: None,
            bounces: vec![Bounce {
                cause: "outage <10 s>".to_owned(),
                at_s: 1.0,
                outage_s: 10.0,
                resume_s: None,
                flows_preserved: 1,
                flows_lost: 0,
            }],
            faults: Vec::new(),
            samples: (0..20)
                .map(|n| Sample {
                    at_s: f64::from(n) * 0.25,
                    bytes: n as u64 * 2_000_000,
                })
                .collect(),
        }
    }

    #[test]
    fn the_report_has_the_agreed_names() {
        let report = Report {
            seconds: 1.0,
            runs: vec![example()],
        };
        let json = serde_json::to_value(&report).unwrap();
        let run = &json["runs"][0];
        assert_eq!(run["setting"], "preserve-both");
        assert_eq!(run["sha256_ok"], true);
        assert_eq!(run["connection_ids"]["head"][0], 7);
        assert!(run["teardown_message"].is_null());
        let bounce = run["bounces"][0].as_object().unwrap();
        for name in [
            "cause",
            "outage_s",
            "resume_s",
            "flows_preserved",
            "flows_lost",
        ] {
            assert!(bounce.contains_key(name), "{name}");
        }
    }

    #[test]
    fn a_fault_breaks_the_claim_and_is_told() {
        let mut report = Report {
            seconds: 1.0,
            runs: vec![example()],
        };
        assert!(report.holds());
        report.runs[0].faults.push("the file is short".to_owned());
        assert!(!report.holds());
        assert!(table(&report).contains("DOES NOT HOLD"));
        assert!(table(&report).contains("the file is short"));
        assert!(table(&report).contains("never"));
    }
}
