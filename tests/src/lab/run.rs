//! Programs that run to their end, and the names that one process of the lab gives to things.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

use super::error::{Doing, Result, failed};

/// Start of every name that the lab gives to a namespace or a directory.
pub const PREFIX: &str = "hfl";

static NEXT_LAB: AtomicU32 = AtomicU32::new(0);

/// Runs `program` to its end and gives its standard output; a failure carries its standard error.
pub fn run(program: &str, args: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .doing(&format!("run {program}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    failed(format!(
        "`{program} {}` failed ({}): {}",
        args.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}

/// Who made a namespace or directory: a process id and its start time, so that a process id that is
/// used again is not taken for the maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Process id.
    pub pid: u32,
    /// Field 22 of `/proc/PID/stat`, clock ticks since boot.
    pub start_ticks: u64,
}

impl Owner {
    /// The calling process.
    pub fn this() -> Result<Self> {
        let pid = std::process::id();
        match start_ticks(pid) {
            Some(start_ticks) => Ok(Self { pid, start_ticks }),
            None => failed("/proc/self/stat is not readable"),
        }
    }

    /// Whether the process still runs.
    pub fn alive(self) -> bool {
        start_ticks(self.pid) == Some(self.start_ticks)
    }

    /// `hfl-PID-TICKS`.
    pub fn tag(self) -> String {
        format!("{PREFIX}-{}-{:x}", self.pid, self.start_ticks)
    }

    /// The owner named at the start of `name`; `None` when the lab did not make it.
    pub fn of(name: &str) -> Option<Self> {
        let mut parts = name.split('-');
        if parts.next()? != PREFIX {
            return None;
        }
        let pid = parts.next()?.parse().ok()?;
        let start_ticks = u64::from_str_radix(parts.next()?, 16).ok()?;
        Some(Self { pid, start_ticks })
    }
}

/// A fresh name for one topology of this process: `hfl-PID-TICKS-N`.
pub fn fresh_name() -> Result<String> {
    let n = NEXT_LAB.fetch_add(1, Ordering::Relaxed);
    Ok(format!("{}-{n}", Owner::this()?.tag()))
}

fn start_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command name may hold blanks and parentheses: fields count from the last one.
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(19)?.parse().ok()
}

/// A program of this workspace: beside the running executable, or beside its directory (tests run
/// from `deps`).
pub fn beside(program: &str) -> Result<PathBuf> {
    let this = env::current_exe().doing("find the running executable")?;
    for directory in this.ancestors().skip(1).take(2) {
        let candidate = directory.join(program);
        if candidate.is_file() {
            return Ok(candidate);
        }
    }
    failed(format!(
        "the program `{program}` is not built: build the workspace with `cargo build --workspace`"
    ))
}

/// The workspace's `target` directory.
pub fn target_dir() -> Result<PathBuf> {
    let this = env::current_exe().doing("find the running executable")?;
    let tagged = this
        .ancestors()
        .find(|directory| directory.join("CACHEDIR.TAG").is_file());
    match tagged {
        Some(directory) => Ok(directory.to_path_buf()),
        None => failed("the running executable is not inside a cargo target directory"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_its_owner_and_foreign_names_have_none() {
        let owner = Owner::this().unwrap();
        assert!(owner.alive());
        assert_eq!(Owner::of(&format!("{}-3-client", owner.tag())), Some(owner));
        assert_eq!(Owner::of("docker-12-ab"), None);
        assert_eq!(Owner::of("hfl-x-ab"), None);
        let reused = Owner {
            start_ticks: owner.start_ticks + 1,
            ..owner
        };
        assert!(!reused.alive());
    }

    #[test]
    fn a_failing_program_tells_its_standard_error() {
        let error = run("sh", &["-c", "echo reason >&2; exit 3"]).unwrap_err();
        assert!(error.to_string().contains("reason"), "{error}");
    }
}
