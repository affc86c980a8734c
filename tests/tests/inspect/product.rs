//! The product itself. What a compiler merges differs from build to build, and the list with it: a
//! target of its own, with the feature that it turns on.

use tests::inspect::inspect;
use tests::lab::holdfast_box::binaries;

use super::allow_list::{ALLOWED, ALLOWED_BY_BUILD, ROOT};
use super::texts;

/// Functions of a worker's turn at least: a walk that ends early finds nothing.
const FUNCTIONS_MIN: usize = 50;

#[test]
fn a_turn_of_a_worker_reaches_nothing_that_it_must_not() {
    let program = binaries().expect("a built product").join("holdfast");
    let list = [ALLOWED, ALLOWED_BY_BUILD].concat();
    let report = inspect(&program, &[ROOT], &list).expect("a program to inspect");
    assert!(
        report.functions >= FUNCTIONS_MIN,
        "{} functions",
        report.functions
    );
    assert!(report.violations.is_empty(), "{}", texts(&report));
    // Who names the programs may have built them as a release, which merges more.
    if std::env::var_os("HOLDFAST_BIN_DIR").is_none() {
        let of_every_build: Vec<String> = ALLOWED.iter().map(|it| format!("{it:?}")).collect();
        let idle = report.idle.iter().filter(|it| of_every_build.contains(it));
        let idle: Vec<_> = idle.cloned().collect();
        assert!(
            idle.is_empty(),
            "entries that allow nothing:\n{}",
            idle.join("\n")
        );
    }
}
