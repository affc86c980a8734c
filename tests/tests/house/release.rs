//! Whether a release's launcher asks the CPU for all that the compiler may use in each build.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::assert_none;
use crate::source;

/// What every x86-64 CPU has.
const BASELINE: [&str; 3] = ["fxsr", "sse", "sse2"];

/// Flags of a release's build, as the Makefile has them.
fn flags<'m>(makefile: &'m str, build: &str) -> Option<Vec<&'m str>> {
    let name = format!("RELEASE_FLAGS_{build} := ");
    let line = makefile
        .lines()
        .find_map(|line| line.strip_prefix(name.as_str()))?;
    Some(line.split_whitespace().collect())
}

/// Instructions that the compiler may use under these flags.
fn used(flags: &[&str]) -> BTreeSet<String> {
    let output = Command::new("rustc")
        .args(["--print", "cfg"])
        .args(flags)
        .output();
    let output = output.expect("the compiler runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let features = text
        .lines()
        .filter_map(|line| line.strip_prefix("target_feature=\"")?.strip_suffix('"'));
    features.map(str::to_owned).collect()
}

/// Words in quotes of a function's body, and of the functions that it calls from this list.
fn asked(launcher: &str, function: &str) -> BTreeSet<String> {
    let Some((_, body)) = launcher.split_once(&format!("fn {function}() -> bool {{")) else {
        return BTreeSet::new();
    };
    let body = body.split_once("\n}").map_or(body, |(body, _)| body);
    let mut words: BTreeSet<String> = body
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    if body.contains("has_avx2()") {
        words.append(&mut asked(launcher, "has_avx2"));
    }
    words
}

fn not_asked(makefile: &str, launcher: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (build, function) in [("x86-64-v3", "has_avx2"), ("x86-64-v4", "has_avx512")] {
        let Some(flags) = flags(makefile, build) else {
            found.push(format!("the Makefile has no flags for {build}"));
            continue;
        };
        let asked = asked(launcher, function);
        let used = used(&flags).into_iter();
        let unasked = used.filter(|it| !BASELINE.contains(&it.as_str()) && !asked.contains(it));
        found.extend(unasked.map(|it| format!("{build}: the launcher does not ask for {it}")));
    }
    found
}

fn texts() -> [String; 2] {
    ["Makefile", "slowpath/src/bin/holdfast-launcher.rs"]
        .map(|path| fs::read_to_string(source::root().join(path)).expect(path))
}

#[test]
fn the_launcher_asks_for_what_its_builds_use() {
    let [makefile, launcher] = texts();
    assert_none(&not_asked(&makefile, &launcher));
}

#[test]
fn an_instruction_that_is_not_asked_for_is_found() {
    let [makefile, launcher] = texts();
    let forgetful = launcher.replace("\"vaes\",", "");
    let found = not_asked(&makefile, &forgetful);
    assert_eq!(found, ["x86-64-v4: the launcher does not ask for vaes"]);
    let eager = makefile.replace("+aes,+pclmulqdq\n", "+aes,+pclmulqdq,+sha\n");
    let found = not_asked(&eager, &launcher);
    assert_eq!(found, ["x86-64-v3: the launcher does not ask for sha"]);
}
