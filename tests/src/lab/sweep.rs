//! Removal of what a process of the lab left behind.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::{Doing, Result};
use super::run::{Owner, beside, run};

/// Where DPDK keeps one directory per `--file-prefix`.
const DPDK_RUNTIME: &str = "/var/run/dpdk";

/// One per process: the end of a reaper's input sets it to work, so a second one must never be
/// started and dropped.
static REAPER: Mutex<Option<Child>> = Mutex::new(None);

/// Starts, once per process, a second process that outlives this one and removes what it leaves,
/// however it ends: the reaper sees its standard input close.
pub fn guard() -> Result<()> {
    use std::os::unix::process::CommandExt;
    let mut reaper = REAPER.lock().unwrap_or_else(PoisonError::into_inner);
    if reaper.is_some() {
        return Ok(());
    }
    let child = Command::new(beside("lab-tool")?)
        .arg("reap")
        .arg(Owner::this()?.tag())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .doing("start the reaper")?;
    *reaper = Some(child);
    sweep_stale();
    Ok(())
}

/// The reaper's work: waits for the owner to go, then removes everything that carries `tag`.
pub fn reap(tag: &str) {
    let mut rest = Vec::new();
    let _ = std::io::stdin().read_to_end(&mut rest);
    remove_all(|owner| owner.tag() == tag);
}

/// Removes what processes that no longer run have left.
pub fn sweep_stale() {
    remove_all(|owner| !owner.alive());
}

/// Removes one namespace and ends what runs in it.
pub fn remove_namespace(name: &str) {
    if let Ok(pids) = run("ip", &["netns", "pids", name]) {
        for pid in pids.lines().filter_map(|line| line.trim().parse().ok()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
    let _ = run("ip", &["netns", "del", name]);
}

fn remove_all(wanted: impl Fn(Owner) -> bool) {
    let chosen = |name: &str| Owner::of(name).is_some_and(&wanted);
    for name in namespaces().iter().filter(|name| chosen(name)) {
        remove_namespace(name);
    }
    for root in [std::env::temp_dir().as_path(), Path::new(DPDK_RUNTIME)] {
        for entry in fs::read_dir(root).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(&chosen) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Names of the network namespaces of this machine.
pub fn namespaces() -> HashSet<String> {
    fs::read_dir("/run/netns")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}
