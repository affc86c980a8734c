//! Who may import whom (ARCHITECTURE.md).

use crate::assert_none;
use crate::source::{self, File, code};

/// What each crate may name of the others.
const SEES: [(&str, &[&str]); 6] = [
    ("config", &[]),
    ("dpdk-sys", &[]),
    ("fastpath", &["config", "dpdk-sys"]),
    // `config` for the value types that the surface of `fastpath` is made of.
    ("perf", &["config", "fastpath", "slowpath"]),
    ("slowpath", &["config", "fastpath"]),
    ("tests", &["config", "fastpath", "slowpath"]),
];

/// Value types of `config`: all that `fastpath` may name.
const CONFIG_VALUES: [&str; 7] = [
    "AccessEntry",
    "AclLine",
    "AclLog",
    "Encryption",
    "Hash",
    "MaskedNet",
    "PortMatch",
];

/// Parts of a crate that see less than their crate does.
struct Part {
    /// Paths that begin with one of these, except those that begin with one of `except`.
    within: &'static [&'static str],
    except: &'static [&'static str],
    /// Paths in code, of which none may appear.
    forbidden: &'static [&'static str],
}

const PARTS: &[Part] = &[
    // DPDK and libipsec-mb are called in two places.
    Part {
        within: &["fastpath/src/"],
        except: &["fastpath/src/dpdk/", "fastpath/src/crypto/"],
        forbidden: &["dpdk_sys"],
    },
    // IKE: no socket, no clock, no fastpath, and of its own crate itself and the type of time.
    Part {
        within: &["slowpath/src/ike/"],
        except: &[],
        forbidden: &[
            "fastpath",
            "nix",
            "std::fs",
            "std::time",
            "std::thread",
            "UdpSocket",
            "TcpStream",
            "UnixStream",
            "crate::appliance",
            "crate::apply",
            "crate::cli",
            "crate::control_socket",
            "crate::local",
            "crate::local_net",
            "crate::neighbour",
            "crate::stats",
            "crate::syslog",
            "crate::tunnel",
        ],
    },
    // The harness measures IKE, and knows nothing else of the slowpath.
    Part {
        within: &["perf/src/"],
        except: &["perf/src/engine/ike.rs"],
        forbidden: &["slowpath"],
    },
    Part {
        within: &["perf/src/engine/ike.rs"],
        except: &[],
        forbidden: &[
            "slowpath::appliance",
            "slowpath::apply",
            "slowpath::cli",
            "slowpath::tunnel",
        ],
    },
    // The model of a configuration is made without the world.
    Part {
        within: &["config/src/"],
        except: &["config/src/testing"],
        forbidden: &[
            "std::fs",
            "std::net::UdpSocket",
            "std::time",
            "std::thread",
            "std::env",
        ],
    },
    // The control loop computes nothing that grows with the configuration, and waits for no disk:
    // other threads do.
    Part {
        within: &["slowpath/src/appliance/"],
        except: &["slowpath/src/appliance/jobs.rs"],
        forbidden: &[
            "config::render",
            "config::parse",
            "config::check",
            "std::fs",
        ],
    },
    // Time is an argument: one place of the slowpath reads a clock. The fastpath's is the TSC.
    Part {
        within: &["slowpath/src/", "fastpath/src/"],
        except: &["slowpath/src/appliance/clock.rs"],
        forbidden: &["Instant", "SystemTime"],
    },
    // A worker takes no lock. DPDK's telemetry is answered by a thread of its own.
    Part {
        within: &["fastpath/src/"],
        except: &["fastpath/src/dpdk/telemetry.rs"],
        forbidden: &["Mutex", "RwLock", "Condvar", "println", "eprintln"],
    },
    // What the line is made of knows neither how it is driven nor who orders it.
    Part {
        within: &[
            "fastpath/src/wire/",
            "fastpath/src/esp/",
            "fastpath/src/crypto/",
            "fastpath/src/conn/",
            "fastpath/src/rcu/",
            "fastpath/src/ring/",
        ],
        except: &[],
        forbidden: &["crate::path", "crate::control", "crate::dpdk"],
    },
];

/// Crates of ours that a manifest names outside of `[dev-dependencies]`.
fn unlawful_dependencies(name: &str, sees: &[&str], manifest: &str) -> Vec<String> {
    let mut section = "";
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
        let ours = source::CRATES.contains(&dependency) && section.contains("dependencies");
        if ours && !sees.contains(&dependency) {
            found.push(format!(
                "{name}/Cargo.toml: {name} may not see {dependency}"
            ));
        }
    }
    found
}

/// Whether `path` (`a::b`) stands in code as a path or the start of one.
fn names(code: &str, path: &str) -> Option<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut from = 0;
    while let Some(place) = code[from..].find(path) {
        let (start, end) = (from + place, from + place + path.len());
        let before = code[..start].chars().next_back();
        let after = code[end..].chars().next();
        if !before.is_some_and(is_word) && !after.is_some_and(is_word) {
            return Some(code[..start].lines().count().max(1));
        }
        from = end;
    }
    None
}

fn unlawful_names(file: &File) -> Vec<String> {
    let code = code(source::without_tests(&file.text));
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| file.path.starts_with(prefix));
    let mut found = Vec::new();
    for part in PARTS {
        if !starts(part.within) || starts(part.except) || source::is_test(&file.path) {
            continue;
        }
        for path in part.forbidden {
            if let Some(line) = names(&code, path) {
                found.push(format!(
                    "{}:{line}: `{path}` does not belong here",
                    file.path
                ));
            }
        }
    }
    found
}

/// What `fastpath` takes from `config` beyond value types.
fn more_than_values(file: &File) -> Vec<String> {
    let code = code(source::without_tests(&file.text));
    let uses = code
        .match_indices("config::")
        .map(|(at, root)| (at, at + root.len()));
    let mut found = Vec::new();
    for (start, end) in uses {
        let before = code[..start].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &code[end..];
        let list = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default(),
            None => rest
                .split(|c: char| !c.is_alphanumeric())
                .next()
                .unwrap_or_default(),
        };
        let names = list
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        for name in names.filter(|name| !CONFIG_VALUES.contains(name)) {
            found.push(format!("{}: `config::{name}` is no value type", file.path));
        }
    }
    found
}

#[test]
fn crates_depend_on_what_they_may_see() {
    let mut found = Vec::new();
    for (name, sees) in SEES {
        let manifest = std::fs::read_to_string(source::root().join(name).join("Cargo.toml"));
        found.extend(unlawful_dependencies(
            name,
            sees,
            &manifest.expect("a manifest"),
        ));
    }
    assert_none(&found);
}

#[test]
fn parts_name_what_they_may_see() {
    let found: Vec<_> = source::rust().iter().flat_map(unlawful_names).collect();
    assert_none(&found);
}

#[test]
fn the_fastpath_takes_values_from_the_configuration() {
    let files = source::files("fastpath/src", &[".rs"]);
    let found: Vec<_> = files.iter().flat_map(more_than_values).collect();
    assert_none(&found);
}

#[test]
fn a_planted_import_is_found() {
    let manifest = "[package]\nname = \"config\"\n[dependencies]\nfastpath.workspace = true\n";
    assert_eq!(unlawful_dependencies("config", &[], manifest).len(), 1);
    let planted = |path: &str, text: &str| {
        let file = File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        unlawful_names(&file).len() + more_than_values(&file).len()
    };
    assert_eq!(
        planted("slowpath/src/ike/x.rs", "use fastpath::esp::Suite;"),
        1
    );
    assert_eq!(
        planted(
            "slowpath/src/ike/x.rs",
            "let t = std::time::Instant::now();"
        ),
        2
    );
    assert_eq!(
        planted(
            "slowpath/src/appliance/x.rs",
            "let text = config::render(&self.config);"
        ),
        2
    );
    assert_eq!(
        planted("fastpath/src/path/x.rs", "fn f() { dpdk_sys::rte_free(x) }"),
        1
    );
    assert_eq!(
        planted("fastpath/src/conn/x.rs", "use crate::control::Control;"),
        1
    );
    assert_eq!(
        planted("fastpath/src/nat/x.rs", "use config::{Hash, Config};"),
        1
    );
    assert_eq!(
        planted("fastpath/src/dpdk/x.rs", "use dpdk_sys::rte_mbuf; // Mutex"),
        0
    );
}
