//! The product's own program between the generator's memifs: what readers of its statistics change.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::child::Failure;
use super::programs::own_path;
use crate::report::Figure;
use crate::stats_socket::StatsSocket;

/// Packets per second of the generator: below what a worker forwards, so that the CPU which the
/// generator, the control loop and the readers share is not what is measured.
pub(super) const RATE: &str = "1000000";
/// Seconds of one run: most of it with the readers.
pub(super) const FORWARD_S: &str = "6";
/// Seconds of the readers: longer than the generator takes.
const CROWD_S: &str = "20";
/// Clients in all.
pub(super) const CLIENTS: u64 = 50;

/// The addresses of the generator's flows.
const CONFIG: &str = "hostname Crowd
interface Ethernet0/0
 device net_memif0
 nameif inside
 security-level 100
 ip address 10.1.0.1 255.255.0.0
interface Ethernet0/1
 device net_memif1
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

/// The box; `eal` are its options of the EAL.
pub(super) fn command(directory: &Path, eal: Vec<String>) -> Result<Command, Failure> {
    let program = own_path().with_file_name("holdfast");
    if !program.is_file() {
        return Err(Failure::Missing(format!(
            "{} is not there",
            program.display()
        )));
    }
    let config = directory.join("startup-config");
    let run_dir = run_dir(directory);
    let written = std::fs::create_dir_all(&run_dir).and_then(|()| std::fs::write(&config, CONFIG));
    written.map_err(|error| Failure::Missing(error.to_string()))?;
    let mut command = usual(&program);
    command.args(eal).arg("--").arg("--config").arg(config);
    command.arg("--run-dir").arg(run_dir);
    Ok(command)
}

fn run_dir(directory: &Path) -> PathBuf {
    directory.join("run")
}

fn socket(directory: &Path) -> PathBuf {
    run_dir(directory).join("stats.sock")
}

/// The readers.
pub(super) fn crowd(directory: &Path) -> Command {
    let mut command = usual(Path::new("taskset"));
    command.args(["-c", "0"]).arg(own_path()).arg("crowd");
    command.arg(socket(directory));
    command.args(["--clients", &CLIENTS.to_string(), "--seconds", CROWD_S]);
    command
}

/// The 99th percentile of packets' times in the line, in nanoseconds.
pub(super) fn line_p99(directory: &Path) -> Result<Figure, Failure> {
    let asked = StatsSocket::connect(&socket(directory))
        .and_then(|client| client.ask("/holdfast/hist/percentiles,line_ns"));
    let answer = asked.map_err(Failure::Missing)?;
    let p99 = answer["p99"].as_f64();
    let p99 = p99.ok_or_else(|| Failure::Missing(format!("no percentiles: {answer}")))?;
    Ok(Figure::single("line p99", 0, p99, "ns"))
}
