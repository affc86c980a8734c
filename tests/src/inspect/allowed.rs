//! What a polling core may call although it looks like what it must not, entry by entry.

use std::collections::BTreeSet;

use super::finding::{Fault, Finding};

/// An entry of a list.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// What kind of finding.
    pub fault: Fault,
    /// The source file, or how its path begins.
    pub file: &'static str,
    /// What is called, or the beginning of it.
    pub callee: &'static str,
    /// Lines of the file that may do it.
    pub lines: usize,
    /// Why it is no violation.
    pub why: &'static str,
}

impl Allowed {
    fn covers(&self, finding: &Finding) -> bool {
        finding.fault == self.fault
            && finding.line.starts_with(self.file)
            && finding.callee.starts_with(self.callee)
    }
}

/// Findings held against a list.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) violations: Vec<Finding>,
    pub(super) allowed: Vec<Finding>,
    pub(super) idle: Vec<String>,
}

/// The first entry that covers a finding allows it, as long as it has lines left; an entry that
/// covers nothing is idle.
pub(super) fn judge(findings: Vec<Finding>, list: &[Allowed]) -> Judged {
    let mut judged = Judged::default();
    let mut lines: Vec<BTreeSet<String>> = vec![BTreeSet::new(); list.len()];
    for finding in findings {
        let entry = list
            .iter()
            .zip(&mut lines)
            .find(|(entry, _)| entry.covers(&finding));
        let has_room = |(entry, lines): (&Allowed, &mut BTreeSet<String>)| {
            lines.insert(finding.line.clone());
            lines.len() <= entry.lines
        };
        if entry.is_some_and(has_room) {
            judged.allowed.push(finding);
        } else {
            judged.violations.push(finding);
        }
    }
    let unused = list
        .iter()
        .zip(&lines)
        .filter(|(_, lines)| lines.is_empty());
    judged.idle = unused.map(|(entry, _)| format!("{entry:?}")).collect();
    judged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(line: &str) -> Finding {
        Finding {
            fault: Fault::Foreign,
            callee: "memcpy".to_owned(),
            at: 1,
            chain: Vec::new(),
            line: line.to_owned(),
        }
    }

    #[test]
    fn an_entry_allows_its_lines_and_no_more() {
        let entry = Allowed {
            fault: Fault::Foreign,
            file: "a.rs",
            callee: "mem",
            lines: 2,
            why: "a copy",
        };
        let found = ["a.rs:1", "a.rs:2", "a.rs:1", "a.rs:3", "b.rs:1"].map(finding);
        let idle = Allowed {
            file: "c.rs",
            ..entry
        };
        let judged = judge(found.into(), &[entry, idle]);
        let lines = |list: &[Finding]| list.iter().map(|it| it.line.clone()).collect::<Vec<_>>();
        assert_eq!(lines(&judged.allowed), ["a.rs:1", "a.rs:2", "a.rs:1"]);
        assert_eq!(lines(&judged.violations), ["a.rs:3", "b.rs:1"]);
        assert_eq!(judged.idle.len(), 1);
    }
}
