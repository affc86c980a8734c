//! The product's own program between the generator's memifs: what readers of its statistics change.
//!
//! With two CPUs the readers share one with the generator, which is held up by them. So there are
//! two boxes, one between the memifs and an idle one, and as many readers in every run: they ask
//! the one or the other. What differs then is what the box that is asked has to do.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::child::Failure;
use super::programs::own_path;
use crate::report::Figure;
use crate::stats_socket::StatsSocket;

/// Packets per second of the generator: below what a worker forwards, so that the CPU which the
/// generator, the control loop and the readers share is not what is measured.
pub(super) const RATE: &str = "1000000";
/// Seconds of one run: the boxes' start, [`WATCH`], and what is left at the end.
pub(super) const FORWARD_S: &str = "8";
/// For how long the line is watched.
const WATCH: Duration = Duration::from_secs(4);
/// Seconds of the readers: longer than the generator takes.
const CROWD_S: &str = "20";
/// Time that a box has until it can be asked.
const START_MAX: Duration = Duration::from_secs(10);
/// Megabytes of the idle box.
const IDLE_MEGABYTES: &str = "256";
/// Clients in all.
pub(super) const CLIENTS: u64 = 50;

/// The addresses of the generator's flows.
const CONFIG: &str = "hostname Crowd
interface Ethernet0/0
 nameif inside
 security-level 100
 ip address 10.1.0.1 255.255.0.0
interface Ethernet0/1
 nameif outside
 security-level 0
 ip address 192.0.2.1 255.255.255.0
route outside 198.51.100.0 255.255.255.0 192.0.2.2
";

/// A program at the priority of usual work: at that of the table, whoever polls keeps the others of
/// its CPU waiting.
pub(super) fn usual(program: &Path) -> Command {
    let mut command = Command::new("chrt");
    command.args(["--other", "0"]).arg(program);
    command
}

/// Which box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// The one between the memifs.
    Measured,
    /// The one without traffic.
    Idle,
}

/// A box; `eal` are its options of the EAL.
fn command(which: Which, directory: &Path, eal: Vec<String>) -> Result<Command, Failure> {
    let program = own_path().with_file_name("holdfast");
    if !program.is_file() {
        return Err(Failure::Missing(format!(
            "{} is not there",
            program.display()
        )));
    }
    let config = directory.join("startup-config");
    let run_dir = run_dir(which, directory);
    let written = std::fs::create_dir_all(&run_dir).and_then(|()| std::fs::write(&config, CONFIG));
    written.map_err(|error| Failure::Missing(error.to_string()))?;
    let mut command = usual(&program);
    command.args(eal).arg("--").arg("--config").arg(config);
    command.arg("--run-dir").arg(run_dir);
    Ok(command)
}

/// The box between the memifs.
pub(super) fn measured(directory: &Path, eal: Vec<String>) -> Result<Command, Failure> {
    command(Which::Measured, directory, eal)
}

/// The box without traffic, on the CPU of the generator.
pub(super) fn idle(directory: &Path) -> Result<Command, Failure> {
    let prefix = format!("hf_idle_{}", std::process::id());
    let eal = format!(
        "--no-pci --no-telemetry --no-huge -m {IDLE_MEGABYTES} --lcores 0@0,1@0 --file-prefix \
         {prefix} --vdev net_null0,no-rx=1 --vdev net_null1,no-rx=1"
    );
    let eal = eal.split_whitespace().map(str::to_owned).collect();
    let mut command = command(Which::Idle, directory, eal)?;
    command.args(["--idle", "sleep"]);
    Ok(command)
}

fn run_dir(which: Which, directory: &Path) -> PathBuf {
    directory.join(match which {
        Which::Measured => "run",
        Which::Idle => "run-idle",
    })
}

fn socket(which: Which, directory: &Path) -> PathBuf {
    run_dir(which, directory).join("stats.sock")
}

/// The readers of a box. Both boxes have some time to start.
pub(super) fn crowd(which: Which, directory: &Path) -> Command {
    let begin = Instant::now();
    for which in [Which::Measured, Which::Idle] {
        let socket = socket(which, directory);
        while begin.elapsed() < START_MAX && StatsSocket::connect(&socket).is_err() {
            sleep(Duration::from_millis(50));
        }
    }
    let mut command = usual(Path::new("taskset"));
    command.args(["-c", "0"]).arg(own_path()).arg("crowd");
    command.arg(socket(which, directory));
    command.args(["--clients", &CLIENTS.to_string(), "--seconds", CROWD_S]);
    command
}

/// The 99th percentile of packets' times in the line, in nanoseconds, over [`WATCH`] from now on:
/// readers are there, and the generator has not left yet.
pub(super) fn line_p99(directory: &Path) -> Result<Figure, Failure> {
    let watched = StatsSocket::connect(&socket(Which::Measured, directory)).and_then(|client| {
        client.ask("/holdfast/hist/reset,line_ns")?;
        sleep(WATCH);
        client.ask("/holdfast/hist/percentiles,line_ns")
    });
    let answer = watched.map_err(Failure::Missing)?;
    let p99 = answer["p99"].as_f64();
    let p99 = p99.ok_or_else(|| Failure::Missing(format!("no percentiles: {answer}")))?;
    Ok(Figure::single("line p99", 0, p99, "ns"))
}
