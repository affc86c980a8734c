//! Measurements in processes of their own: DPDK has one EAL per process, and a fresh process has
//! fresh pages.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::clock::{TICK_NS, measurer_waited_ns, steal_ticks};
use crate::report::Figure;

/// Longest run of a child.
const RUN_MAX: Duration = Duration::from_secs(100);
/// Pause between two looks at a child.
const PAUSE: Duration = Duration::from_millis(10);
/// Share of its time that a measuring thread may have waited for its CPU.
pub(super) const WAIT_MAX: f64 = 0.01;

/// What a child's output means.
pub(super) type Parser = fn(&str) -> Vec<Figure>;

/// Why a run gave no figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The machine disturbed it: another try may succeed.
    Disturbed,
    /// It cannot be run here.
    Missing(String),
}

/// Runs a child to its end and reads its figures. A run that lost time to others is rejected: to
/// the hypervisor, or, more than the share `wait_max`, to other threads. Without a bound
/// (infinity) the child says by itself what it has lost.
pub(super) fn run(
    command: &mut Command,
    parse: Parser,
    wait_max: f64,
) -> Result<Vec<Figure>, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let (steal, begin) = (steal_ticks(), Instant::now());
    let mut child = start(command)?;
    let mut waited = 0;
    let output = read_in_background(&mut child);
    let status = loop {
        waited = measurer_waited_ns(&child.id().to_string()).unwrap_or(waited);
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if begin.elapsed() < RUN_MAX => sleep(PAUSE),
            _ => {
                // Ours, and it does not end by itself.
                let _ = child.kill();
                let _ = child.wait();
                return Err(Failure::Missing(format!("{name} does not end")));
            }
        }
    };
    let text = output.join().unwrap_or_default();
    if !status.success() {
        let last = text.lines().last().unwrap_or_default();
        return Err(Failure::Missing(format!("{name}: {status}: {last}")));
    }
    let taken_ns = begin.elapsed().as_nanos() as f64;
    let stolen_ns = (steal_ticks() - steal) as f64 * TICK_NS;
    if stolen_ns > taken_ns * wait_max || waited as f64 > taken_ns * wait_max {
        return Err(Failure::Disturbed);
    }
    Ok(parse(&text))
}

/// Starts a child whose output is read.
pub(super) fn start(command: &mut Command) -> Result<Child, Failure> {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
    spawn(command.stdin(Stdio::null()))
}

/// Starts a child of which only complaints are read. Its input stays open without a word, because
/// testpmd ends with it.
pub(super) fn start_quietly(command: &mut Command) -> Result<Child, Failure> {
    let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
    spawn(command.stdin(Stdio::piped()))
}

fn spawn(command: &mut Command) -> Result<Child, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command.spawn();
    child.map_err(|error| Failure::Missing(format!("{name}: {error}")))
}

fn read_in_background(child: &mut Child) -> std::thread::JoinHandle<String> {
    let stdout = child.stdout.take();
    std::thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut stdout) = stdout {
            // What a child prints is text; what is not is no figure.
            let _ = stdout.read_to_string(&mut text);
        }
        text
    })
}

/// Our own JSON.
pub(super) fn figures(text: &str) -> Vec<Figure> {
    serde_json::from_str(text).unwrap_or_default()
}

/// `dpdk-test-crypto-perf --csv-friendly`: size in the second column, cycles in the last.
pub(super) fn crypto_perf(text: &str) -> Vec<Figure> {
    text.lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let (size, cycles) = (fields.get(1)?.parse().ok()?, fields.get(9)?.trim());
            Some(Figure::single(
                "crypto",
                size,
                cycles.parse().ok()?,
                "TSC cycles/packet",
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crypto_perf_lines_are_read() {
        let text = "#lcore id,Buffer Size(B),...\n\n\
            1,64,32,1000000,1000000,0,0,13.468,6.896,193.043\n\
            1,128,32,1000000,1000000,0,0,13.270,13.589,195.930\n";
        let figures = crypto_perf(text);
        assert_eq!(figures.len(), 2);
        assert_eq!(figures[1].size, 128);
        assert!((figures[1].value - 195.93).abs() < 1e-9);
    }

    #[test]
    fn a_missing_program_is_named() {
        let failure = run(&mut Command::new("/no/such/program"), figures, WAIT_MAX).unwrap_err();
        assert!(matches!(failure, Failure::Missing(text) if text.contains("/no/such/program")));
    }
}
