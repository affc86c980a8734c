//! The rules of the house, checked from the sources: who imports whom, where `unsafe` may stand,
//! what a file may look like, whether the documents are true, and a release's builds can run where
//! they are started.
//!
//! Every rule is a function from text to violations; beside each is a test that it finds one.

mod documents;
mod layering;
mod release;
mod source;
mod tidy;
mod unsafe_budget;

/// Fails with every violation there is.
#[track_caller]
fn assert_none(violations: &[String]) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}
