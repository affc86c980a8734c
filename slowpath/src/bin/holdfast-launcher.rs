//! The launcher of a release: starts the best build of a program that this CPU can run.
//!
//! A release has each program once per [`Build`], in `lib/holdfast/BUILD/` beside the `bin` of the
//! launcher, which stands there under the program's name. It is itself built for every x86-64 CPU,
//! and is gone when the program runs: the process is the same.

#![forbid(unsafe_code)]

use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Names a build that is to be started although the CPU could run a better one.
const CHOICE: &str = "HOLDFAST_BUILD";

/// A build of the programs, for CPUs that have certain instructions.
struct Build {
    /// Name of its directory.
    name: &'static str,
    /// Whether this CPU has all instructions that the compiler was allowed to use.
    runs_here: fn() -> bool,
}

/// All builds, the best first. `RELEASE_FLAGS_...` in the Makefile are their other half.
const BUILDS: [Build; 2] = [
    Build {
        name: "x86-64-v4",
        runs_here: has_avx512,
    },
    Build {
        name: "x86-64-v3",
        runs_here: has_avx2,
    },
];

macro_rules! has_all {
    ($($feature:tt),+) => { $(std::is_x86_feature_detected!($feature))&&+ };
}

/// x86-64-v3 with AES.
fn has_avx2() -> bool {
    has_all!(
        "cmpxchg16b",
        "xsave",
        "sse3",
        "ssse3",
        "sse4.1",
        "sse4.2",
        "popcnt",
        "avx",
        "avx2",
        "bmi1",
        "bmi2",
        "f16c",
        "fma",
        "lzcnt",
        "movbe",
        "aes",
        "pclmulqdq"
    )
}

/// x86-64-v4 with AES on wide vectors.
fn has_avx512() -> bool {
    has_avx2()
        && has_all!(
            "avx512f",
            "avx512bw",
            "avx512cd",
            "avx512dq",
            "avx512vl",
            "vaes",
            "vpclmulqdq"
        )
}

fn main() -> ExitCode {
    let error = launch();
    eprintln!("{error}");
    ExitCode::FAILURE
}

/// Becomes the program, or says why not.
fn launch() -> String {
    let mut arguments = env::args_os();
    let called = PathBuf::from(arguments.next().unwrap_or_default());
    let Some(program) = called.file_name() else {
        return "holdfast: started without a name".to_owned();
    };
    let shown = program.to_string_lossy().into_owned();
    let own_path = match env::current_exe() {
        Ok(path) => path,
        Err(error) => return format!("{shown}: {error}"),
    };
    let choice = env::var(CHOICE).ok();
    let runnable = match runnable(choice.as_deref(), |build| (build.runs_here)()) {
        Ok(builds) => builds,
        Err(error) => return format!("{shown}: {error}"),
    };
    let mut looked_for = Vec::new();
    for build in runnable {
        let path = path_of(&own_path, build.name).join(program);
        let error = Command::new(&path).args(env::args_os().skip(1)).exec();
        if error.kind() != io::ErrorKind::NotFound {
            return format!("{shown}: {}: {error}", path.display());
        }
        looked_for.push(path.display().to_string());
    }
    format!("{shown}: not found: {}", looked_for.join(", "))
}

/// Builds that can be started, the best first.
fn runnable(
    choice: Option<&str>,
    runs_here: impl Fn(&Build) -> bool,
) -> Result<Vec<&'static Build>, String> {
    let names = || BUILDS.map(|build| build.name).join(" or ");
    if let Some(choice) = choice {
        let Some(build) = BUILDS.iter().find(|build| build.name == choice) else {
            return Err(format!("{CHOICE} is {choice}, not {}", names()));
        };
        return if runs_here(build) {
            Ok(vec![build])
        } else {
            Err(format!(
                "this CPU cannot run {choice}, which {CHOICE} asks for"
            ))
        };
    }
    let runnable: Vec<_> = BUILDS.iter().filter(|build| runs_here(build)).collect();
    if runnable.is_empty() {
        return Err(format!(
            "this CPU can run neither {}: AVX2, AES and PCLMULQDQ are needed",
            names().replace(" or ", " nor ")
        ));
    }
    Ok(runnable)
}

/// The directory of a build's programs; `own_path` is that of the launcher.
fn path_of(own_path: &Path, build: &str) -> PathBuf {
    let prefix = own_path.parent().and_then(Path::parent);
    prefix
        .unwrap_or(Path::new("/"))
        .join("lib/holdfast")
        .join(build)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(
        choice: Option<&str>,
        runs_here: impl Fn(&Build) -> bool,
    ) -> Result<Vec<&'static str>, String> {
        let builds = runnable(choice, runs_here)?;
        Ok(builds.into_iter().map(|build| build.name).collect())
    }

    #[test]
    fn the_best_build_comes_first_and_what_the_cpu_lacks_not_at_all() {
        assert_eq!(names(None, |_| true), Ok(vec!["x86-64-v4", "x86-64-v3"]));
        let old = |build: &Build| build.name == "x86-64-v3";
        assert_eq!(names(None, old), Ok(vec!["x86-64-v3"]));
        let error = names(None, |_| false).unwrap_err();
        assert!(error.contains("neither x86-64-v4 nor x86-64-v3"), "{error}");
    }

    #[test]
    fn a_choice_is_obeyed_or_refused() {
        let choose = |name, any| names(Some(name), move |_| any);
        assert_eq!(choose("x86-64-v3", true), Ok(vec!["x86-64-v3"]));
        assert!(choose("x86-64-v3", false).unwrap_err().contains("cannot"));
        assert!(choose("i386", true).unwrap_err().contains("x86-64-v4 or"));
    }

    #[test]
    fn builds_stand_beside_the_launchers_directory() {
        let path = path_of(Path::new("/usr/bin/holdfast"), "x86-64-v3");
        assert_eq!(path, Path::new("/usr/lib/holdfast/x86-64-v3"));
    }
}
