//! Where `unsafe` may stand, and how much of it.

use crate::assert_none;
use crate::source::{self, code, words};

/// How often the word may stand in the code of a file; in every other file not at all. A number may
/// go down at any time. Who raises one says in the review why safe code cannot do it.
const BUDGET: &[(&str, usize)] = &[
    ("dpdk-sys/tests/layout.rs", 2),
    ("fastpath/src/conn/index.rs", 1),
    ("fastpath/src/cpu.rs", 4),
    ("fastpath/src/crypto/ipsec_mb/key.rs", 5),
    ("fastpath/src/crypto/ipsec_mb/library.rs", 15),
    ("fastpath/src/crypto/ipsec_mb/worker.rs", 13),
    ("fastpath/src/crypto/vaes/columns.rs", 11),
    ("fastpath/src/crypto/vaes/long.rs", 5),
    ("fastpath/src/crypto/vaes/mod.rs", 10),
    ("fastpath/src/crypto/vaes/narrow/long.rs", 6),
    ("fastpath/src/crypto/vaes/narrow/mod.rs", 1),
    ("fastpath/src/crypto/vaes/narrow/packet.rs", 11),
    ("fastpath/src/crypto/vaes/narrow/short.rs", 4),
    ("fastpath/src/crypto/vaes/narrow/vector.rs", 4),
    ("fastpath/src/crypto/vaes/short.rs", 14),
    ("fastpath/src/crypto/vaes/tag.rs", 2),
    ("fastpath/src/crypto/vaes/text.rs", 7),
    ("fastpath/src/crypto/vaes/vector.rs", 3),
    ("fastpath/src/dpdk/crossover.rs", 6),
    ("fastpath/src/dpdk/eal.rs", 12),
    ("fastpath/src/dpdk/mbuf.rs", 11),
    ("fastpath/src/dpdk/peers.rs", 8),
    ("fastpath/src/dpdk/pool.rs", 7),
    ("fastpath/src/dpdk/port.rs", 23),
    ("fastpath/src/dpdk/reassembly.rs", 13),
    ("fastpath/src/dpdk/telemetry.rs", 7),
    ("fastpath/src/dpdk/xstats.rs", 3),
    ("fastpath/src/rcu/cell.rs", 3),
    ("fastpath/src/rcu/loom_models.rs", 3),
    ("fastpath/src/rcu/publisher.rs", 2),
    ("fastpath/src/ring/mod.rs", 6),
];

/// Roots of crates that forbid it altogether.
const FORBIDDING: [&str; 11] = [
    "config/src/lib.rs",
    "perf/src/main.rs",
    "slowpath/src/bin/holdfast-launcher.rs",
    "slowpath/src/bin/holdfast.rs",
    "slowpath/src/bin/holdfastctl.rs",
    "slowpath/src/lib.rs",
    "tests/src/bin/bounce.rs",
    "tests/src/bin/demo.rs",
    "tests/src/bin/lab-tool.rs",
    "tests/src/bin/planted.rs",
    "tests/src/lib.rs",
];

/// Modules that design and ADRs give it to.
const MODULES: [&str; 7] = [
    "dpdk-sys/",
    "fastpath/src/conn/index.rs",
    "fastpath/src/cpu.rs",
    "fastpath/src/crypto/",
    "fastpath/src/dpdk/",
    "fastpath/src/rcu/",
    "fastpath/src/ring/",
];

fn over_budget(path: &str, text: &str) -> Option<String> {
    let allowed = BUDGET.iter().find(|(file, _)| *file == path);
    let allowed = allowed.map_or(0, |(_, count)| *count);
    let code = code(text);
    let found = words(&code).filter(|(_, word)| *word == "unsafe").count();
    (found > allowed).then(|| format!("{path}: {found} times `unsafe`, {allowed} are allowed"))
}

#[test]
fn no_file_has_more_than_its_budget() {
    let files = source::rust();
    let found: Vec<_> = files
        .iter()
        .filter_map(|file| over_budget(&file.path, &file.text))
        .collect();
    assert_none(&found);
}

#[test]
fn the_budget_is_for_files_of_the_modules_that_may() {
    let files = source::rust();
    for (path, _) in BUDGET {
        assert!(
            files.iter().any(|file| file.path == *path),
            "{path} is gone"
        );
        let lawful = MODULES.iter().any(|module| path.starts_with(module));
        assert!(lawful, "{path} is in no module that may");
    }
}

#[test]
fn the_other_crates_forbid_it() {
    let files = source::rust();
    for root in FORBIDDING {
        let file = files.iter().find(|file| file.path == root).expect(root);
        assert!(file.text.contains("#![forbid(unsafe_code)]"), "{root}");
    }
}

#[test]
fn a_planted_block_is_found() {
    let planted = "fn f() { unsafe { g() } } // unsafe\n#![expect(unsafe_code)]";
    assert!(over_budget("slowpath/src/local.rs", planted).is_some());
    assert!(over_budget("slowpath/src/local.rs", "// unsafe\nlet a = \"unsafe\";").is_none());
    let (path, count) = BUDGET[0];
    let block = "unsafe { f() }\n";
    assert!(over_budget(path, &block.repeat(count)).is_none());
    assert!(over_budget(path, &block.repeat(count + 1)).is_some());
}
