//! A Holdfast between two devices of a namespace.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread::available_parallelism;
use std::time::Duration;

use super::balance::Balance;
use super::error::{Doing, LabError, Result, failed};
use super::interrupt::wait_for;
use super::namespace::Namespace;
use super::process::Process;
use super::run::{run, target_dir};

/// The product's own promise for SIGTERM.
pub const STOP: Duration = Duration::from_secs(2);
/// EAL, self-tests of the cryptography and two ports.
const START: Duration = Duration::from_secs(20);
/// Somewhere in this time no packet is on its way: what goes on at the end of a scenario are single
/// retransmissions, keepalives and ARP.
const AT_REST: Duration = Duration::from_secs(10);
/// Where the binaries are, when they are not to be built.
const BINARIES_VARIABLE: &str = "HOLDFAST_BIN_DIR";
/// The profile in which boxes are built for the lab.
const PROFILE: &str = "lab";
/// Where a box serves metrics and its status page, inside of its namespace.
pub const METRICS: &str = "127.0.0.1:9464";
/// Name of the log file in the box's directory.
const LOG_FILE: &str = "box.log";

static BINARIES: OnceLock<Result<PathBuf>> = OnceLock::new();

/// The directory of `holdfast` and `holdfastctl`: `$HOLDFAST_BIN_DIR`, else the lab profile's,
/// built once per process so that a test never judges an older product. The demo, of that profile
/// itself, takes what was built with it.
pub fn binaries() -> Result<PathBuf> {
    let found = BINARIES.get_or_init(|| {
        let directory = find_binaries()?;
        for program in ["holdfast", "holdfastctl"] {
            if !directory.join(program).is_file() {
                return failed(format!("{program} is not in {}", directory.display()));
            }
        }
        Ok(directory)
    });
    found.clone()
}

fn find_binaries() -> Result<PathBuf> {
    if let Some(directory) = env::var_os(BINARIES_VARIABLE) {
        return Ok(directory.into());
    }
    let target = target_dir()?;
    let built = target.join(PROFILE);
    if env::current_exe().is_ok_and(|this| this.parent() == Some(&built)) {
        return Ok(built);
    }
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    run(
        &cargo,
        &[
            "build",
            "--quiet",
            "--profile",
            PROFILE,
            "--package",
            "slowpath",
            "--bins",
            "--manifest-path",
            &manifest.to_string_lossy(),
            "--target-dir",
            &target.to_string_lossy(),
        ],
    )?;
    Ok(built)
}

/// A Holdfast; killed on drop.
#[derive(Debug)]
pub struct HoldfastBox {
    space: String,
    label: String,
    home: PathBuf,
    file_prefix: String,
    workers: usize,
    process: Option<Process>,
}

impl HoldfastBox {
    /// Starts a box in `space`, between its devices `outside` and `inside`; its files are in
    /// `home`. `config` gets the path of the log file and gives the configuration. Returns when
    /// the box answers.
    pub fn start(
        space: &Namespace,
        home: &Path,
        workers: usize,
        config: impl FnOnce(&Path) -> String,
    ) -> Result<Self> {
        fs::create_dir_all(home.join("run")).doing("make the box's directory")?;
        fs::write(home.join("startup-config"), config(&home.join(LOG_FILE)))
            .doing("write the configuration")?;
        let mut this = Self {
            space: space.name().to_owned(),
            label: format!("holdfast in {}", space.name()),
            home: home.to_path_buf(),
            file_prefix: space.name().to_owned(),
            workers,
            process: None,
        };
        this.launch()?;
        Ok(this)
    }

    /// Starts the box again after [`Self::stop`] or [`Self::kill`].
    pub fn launch(&mut self) -> Result<()> {
        let program = binaries()?.join("holdfast");
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.space])
            .arg(program)
            .args(self.arguments());
        let output = self.home.join("output.log");
        let mut process = Process::start(&self.label, command, &output)?;
        let ready = wait_for(&format!("{} answering", self.label), START, || {
            process.expect_running()?;
            let version = self.control("show version").unwrap_or_default();
            Ok((!version.trim().is_empty()).then_some(()))
        });
        match ready {
            Err(LabError::Failed(text)) => failed(format!("{text}\n{}", process.tail())),
            other => {
                self.process = Some(process);
                other
            }
        }
    }

    fn arguments(&self) -> Vec<String> {
        let queues = match self.workers {
            1 => String::new(),
            workers => format!(",qpairs={workers}"),
        };
        let mut arguments = ["--no-pci", "--no-huge", "-m", "256"]
            .map(String::from)
            .to_vec();
        arguments.extend(["--file-prefix".to_owned(), self.file_prefix.clone()]);
        arguments.extend(["--lcores".to_owned(), lcores(self.workers)]);
        for (number, device) in ["outside", "inside"].iter().enumerate() {
            arguments.push("--vdev".to_owned());
            arguments.push(format!("net_af_packet{number},iface={device}{queues}"));
        }
        arguments.extend(["--", "--config"].map(String::from));
        arguments.push(self.home.join("startup-config").display().to_string());
        arguments.push("--run-dir".to_owned());
        arguments.push(self.run_dir().display().to_string());
        arguments.extend(["--idle", "sleep"].map(String::from));
        arguments.extend(["--metrics", METRICS, "--sample-bursts", "8"].map(String::from));
        arguments
    }

    /// The box's run directory.
    pub fn run_dir(&self) -> PathBuf {
        self.home.join("run")
    }

    /// The EAL's `--file-prefix`, by which DPDK's tools find its own sockets.
    pub fn file_prefix(&self) -> &str {
        &self.file_prefix
    }

    /// One command of the operator; its text.
    pub fn control(&self, command: &str) -> Result<String> {
        let program = binaries()?.join("holdfastctl");
        let run_dir = self.run_dir();
        run(
            &program.to_string_lossy(),
            &["--run-dir", &run_dir.to_string_lossy(), command],
        )
    }

    /// As [`Self::control`], for the answer in JSON.
    pub fn control_json(&self, command: &str) -> Result<String> {
        let program = binaries()?.join("holdfastctl");
        let run_dir = self.run_dir();
        run(
            &program.to_string_lossy(),
            &["--json", "--run-dir", &run_dir.to_string_lossy(), command],
        )
    }

    /// Where the box's packets and buffers are.
    pub fn balance(&self) -> Result<Balance> {
        Balance::parse(&self.control_json("show asp balance")?)
    }

    /// Waits until the box is at rest with every packet and every buffer accounted for.
    pub fn expect_balanced(&self) -> Result<()> {
        let mut faults = Vec::new();
        let seen = wait_for("the balance", AT_REST, || {
            faults = self.balance()?.faults();
            Ok(faults.is_empty().then_some(()))
        });
        match seen {
            Err(LabError::Failed(text)) => failed(format!(
                "{text}; {}: {}\n{}",
                self.label,
                faults.join(", "),
                self.control("show asp balance")?
            )),
            other => other,
        }
    }

    /// Lines of configuration, entered in order; an error when the box refuses one.
    pub fn configure(&self, lines: &[&str]) -> Result<()> {
        let script = format!("configure terminal\n{}\nend\n", lines.join("\n"));
        let mut command = Command::new(binaries()?.join("holdfastctl"));
        command.arg("--run-dir").arg(self.run_dir());
        let log = self.home.join("configure.log");
        let _ = fs::remove_file(&log);
        let mut client = Process::start("holdfastctl", command, &log)?;
        client.send_line(&script)?;
        client.end_input();
        if client.wait_exit(START)?.success() {
            return Ok(());
        }
        failed(format!("{} refused: {}", self.label, client.tail()))
    }

    /// Everything the box has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.join(LOG_FILE)).unwrap_or_default()
    }

    /// Waits until the log matches.
    pub fn wait_log<T>(
        &self,
        what: &str,
        deadline: Duration,
        mut matcher: impl FnMut(&str) -> Option<T>,
    ) -> Result<T> {
        let seen = wait_for(what, deadline, || Ok(matcher(&self.log())));
        match seen {
            Err(LabError::Failed(text)) => {
                let log = self.log();
                let lines: Vec<&str> = log.lines().collect();
                let tail = lines[lines.len().saturating_sub(20)..].join("\n");
                failed(format!("{text}; {} logged last:\n{tail}", self.label))
            }
            other => other,
        }
    }

    /// Copies the box's log to `to`.
    pub fn keep_log(&self, to: &Path) -> Result<()> {
        fs::write(to, self.log()).doing("keep the box's log")
    }

    /// SIGTERM; an error when the box takes longer than it promises.
    pub fn stop(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.terminate(STOP),
            None => Ok(()),
        }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }
}

impl Drop for HoldfastBox {
    fn drop(&mut self) {
        self.kill();
        // EAL leaves its runtime directory behind.
        let _ = fs::remove_dir_all(Path::new("/var/run/dpdk").join(&self.file_prefix));
    }
}

/// `--lcores`: the main lcore on the first CPU, workers on the others in turn.
fn lcores(workers: usize) -> String {
    let cpus = available_parallelism().map_or(1, usize::from);
    (0..=workers)
        .map(|lcore| format!("{lcore}@{}", lcore % cpus))
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_has_an_lcore_beside_the_main_one() {
        assert!(lcores(1).starts_with("0@0,1@"));
        assert_eq!(lcores(4).split(',').count(), 5);
    }
}
