//! The machine code of a polling core: no lock, allocation, system call, panic or output can be
//! reached from a worker's turn, other than what the list allows with its reason.

#[cfg(feature = "inspect")]
mod allow_list;
#[cfg(feature = "inspect")]
mod product;

use std::collections::BTreeSet;
use std::path::Path;

use tests::inspect::{Fault, Report, inspect};

/// The program with planted violations.
const PLANTED: &str = env!("CARGO_BIN_EXE_planted");

fn faults(report: &Report, within: &str) -> BTreeSet<Fault> {
    let found = report.violations.iter();
    let found = found.filter(|it| it.chain.iter().any(|name| name.ends_with(within)));
    found.map(|it| it.fault).collect()
}

fn texts(report: &Report) -> String {
    let found: Vec<String> = report.violations.iter().map(ToString::to_string).collect();
    format!("\n{}\n", found.join("\n"))
}

#[test]
fn every_planted_violation_is_found() {
    let report = inspect(Path::new(PLANTED), &["planted::violating_root"], &[]);
    let report = report.expect("the planted program");
    for (function, fault) in [
        ("planted::allocates", Fault::Allocation),
        ("planted::locks", Fault::Lock),
        ("planted::panics", Fault::Panic),
        ("planted::writes", Fault::Output),
        ("planted::sleeps", Fault::Lock),
        ("planted::counts", Fault::Atomic),
        ("planted::violating_root", Fault::Indirect),
    ] {
        assert!(
            faults(&report, function).contains(&fault),
            "{function}: {}",
            texts(&report)
        );
    }
    let lines = report.violations.iter().map(|it| it.line.as_str());
    let ours = lines.filter(|line| line.starts_with("tests/src/bin/planted.rs:"));
    assert!(ours.count() >= 6, "{}", texts(&report));
}

#[test]
fn a_loop_without_violations_has_none() {
    let report = inspect(Path::new(PLANTED), &["planted::clean_root"], &[]).expect("the program");
    assert_eq!(report.functions, 2, "{}", texts(&report));
    assert!(report.violations.is_empty(), "{}", texts(&report));
}

#[test]
fn a_root_that_is_not_there_is_an_error() {
    assert!(inspect(Path::new(PLANTED), &["planted::no_such_root"], &[]).is_err());
}
