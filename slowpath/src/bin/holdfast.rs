//! Holdfast: IPsec gateway and stateful firewall on DPDK.
//!
//! `holdfast [EAL options] -- --config FILE ...`. The EAL's options come first, as with every DPDK
//! program; ours follow the two dashes.

#![forbid(unsafe_code)]

use std::fs::{DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use config::{Config, Diagnostic, Severity};
use core_affinity::CoreId;
use fastpath::control::{Fastpath, Settings};
use fastpath::dpdk::{self, Eal, Ports};
use fastpath::worker::{Idle, SAMPLE_BURSTS_DEFAULT};
use nix::fcntl::{Flock, FlockArg};
use slowpath::appliance::{
    Appliance, BoxFacts, Clock, Offload, Signal, Signals, StatsEnds, map_ports, read_config,
};
use slowpath::control_socket::ControlSocket;
use slowpath::stats::commands;
use slowpath::stats::http::{HttpServer, ListenAddress};
use slowpath::stats::measures::Measures;
use slowpath::stats::published::Mailbox;
use slowpath::stats::questions::questions;
use slowpath::stats::reading::Reading;
use slowpath::stats::server::{Layout, StatsServer, StatsSocket, StatsThread};
use slowpath::syslog::{Logger, Writer};
use zeroize::Zeroizing;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Name of the lock file in the run directory.
const LOCK_NAME: &str = "lock";
/// What the loop sleeps when a turn found nothing to do.
const REST: Duration = Duration::from_micros(500);
/// For how long tunnels are deleted at the peers before the workers stop.
const FAREWELL: Duration = Duration::from_millis(300);
/// Descriptors of the two rings of a port's queue pair.
const DESCRIPTORS_PER_QUEUE: u32 = 2 * 1024;
/// Buffers beyond those in descriptors: rings between threads, bursts, caches.
const SPARE_BUFFERS: u32 = 8 * 1024;
/// Buffers per worker for datagrams that are put together.
const LARGE_BUFFERS_PER_WORKER: u32 = 512;

/// IPsec gateway and stateful firewall whose connections outlive their tunnels.
///
/// Usage: `holdfast [EAL OPTIONS] -- --config FILE [OPTIONS]`
#[derive(Debug, Parser)]
#[command(name = "holdfast", disable_version_flag = true)]
struct Args {
    /// Configuration file; `write memory` writes it.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["version", "check_config"])]
    config: Option<PathBuf>,
    /// Directory of the control socket and of the lock.
    #[arg(long, value_name = "DIR", default_value = "/run/holdfast")]
    run_dir: PathBuf,
    /// What workers do when their queues are empty.
    #[arg(long, value_enum, default_value_t = IdleArg::Busy)]
    idle: IdleArg,
    /// Connections that one worker can hold.
    #[arg(long, value_name = "N", default_value_t = 262_144, value_parser = conns_range())]
    conns: u32,
    /// Serve metrics and the status page at a loopback address, `127.0.0.1:9464`, or at
    /// `unix:PATH`.
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<ListenAddress>,
    /// Time one of N bursts for the histograms, none with 0.
    #[arg(long, value_name = "N", default_value_t = SAMPLE_BURSTS_DEFAULT)]
    sample_bursts: u32,
    /// Say what is wrong with a configuration file, and end.
    #[arg(long, value_name = "FILE")]
    check_config: Option<PathBuf>,
    /// Print the versions of Holdfast and of DPDK, and end.
    #[arg(long, short = 'V')]
    version: bool,
}

/// A shard of the connection table can be neither tiny nor beyond its index's bits.
fn conns_range() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1_024..=16_777_216)
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum IdleArg {
    /// Poll on.
    Busy,
    /// Poll on with PAUSE.
    Pause,
    /// Sleep up to half a millisecond.
    Sleep,
}

/// The EAL's arguments, program name first, and ours.
fn split(mut arguments: Vec<String>) -> (Vec<String>, Vec<String>) {
    let program = arguments
        .first()
        .cloned()
        .unwrap_or_else(|| "holdfast".to_owned());
    match arguments.iter().position(|it| it == "--") {
        Some(at) => {
            let ours = arguments.split_off(at + 1);
            arguments.pop();
            (arguments, [vec![program], ours].concat())
        }
        None => (vec![program], arguments),
    }
}

fn main() -> ExitCode {
    let (eal, ours) = split(std::env::args().collect());
    let args = Args::parse_from(ours);
    if args.version {
        println!(
            "holdfast {} ({})",
            env!("CARGO_PKG_VERSION"),
            dpdk::version()
        );
        return ExitCode::SUCCESS;
    }
    if let Some(file) = &args.check_config {
        return check(file);
    }
    match args.config.clone().map(|file| run(&args, eal, file)) {
        Some(Err(text)) => {
            eprintln!("holdfast: {text}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn check(file: &Path) -> ExitCode {
    match read_config(file) {
        Ok((_, diagnostics, text)) => {
            let rendered: String = diagnostics.iter().map(|it| it.render(&text)).collect();
            // Who reads no further has seen enough; the exit code says the rest.
            let _closed = std::io::stdout().write_all(rendered.as_bytes());
            let wrong = diagnostics.iter().any(|it| it.severity == Severity::Error);
            ExitCode::from(u8::from(wrong))
        }
        Err(error) => {
            eprintln!("holdfast: {}: {error}", file.display());
            ExitCode::FAILURE
        }
    }
}

/// The configuration at start: what is wrong is printed and left out.
fn first_config(file: &Path) -> Result<Config, String> {
    let read: std::io::Result<(Config, Vec<Diagnostic>, Zeroizing<String>)> = read_config(file);
    let (config, diagnostics, text) =
        read.map_err(|error| format!("{}: {error}", file.display()))?;
    for diagnostic in &diagnostics {
        eprint!("{}", diagnostic.render(&text));
    }
    Ok(config)
}

/// Makes the run directory and locks it, so that there is one box per directory.
fn lock(run_dir: &Path) -> Result<Flock<File>, String> {
    let failed = |what: &str| {
        let place = run_dir.display().to_string();
        let what = what.to_owned();
        move |error: std::io::Error| format!("{what} {place}: {error}")
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(run_dir)
        .map_err(failed("run directory"))?;
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(run_dir.join(LOCK_NAME))
        .map_err(failed("lock in"))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .map_err(|_| format!("another instance runs in {}", run_dir.display()))
}

fn run(args: &Args, eal: Vec<String>, file: PathBuf) -> Result<(), String> {
    let config = first_config(&file)?;
    let _lock = lock(&args.run_dir)?;
    // The EAL pins its caller: the whole list is there only before it starts.
    let cpus = core_affinity::get_core_ids().unwrap_or_default();
    let mut signals = Signals::block().map_err(|error| format!("signals: {error}"))?;
    let clock = Clock::new();
    let eal = Eal::start(&with_quiet_log(eal)).map_err(|error| error.to_string())?;
    let offload_cpus = beside_workers(&eal, cpus);
    let available = Ports::available();
    let ports = map_ports(&config, &available);
    warn_missing(&config, &ports);
    let numbers: Vec<u16> = ports.iter().map(|(_, port)| *port).collect();
    let settings = settings(args, &config, eal.workers().len(), numbers.len());
    let mut fastpath =
        Fastpath::start(eal, &settings, &numbers).map_err(|error| error.to_string())?;
    let socket = ControlSocket::bind(&args.run_dir)
        .map_err(|error| format!("control socket in {}: {error}", args.run_dir.display()))?;
    let writer = Writer::new(offload_cpus.clone());
    let offload = Offload::spawn(&offload_cpus).map_err(|error| format!("offload: {error}"))?;
    let (stats, ends) = start_stats(args, &mut fastpath, &offload_cpus, clock)?;
    let facts = BoxFacts {
        ports,
        cpu: cpu_name(),
        build: build_name(),
        workers_started: clock.now(),
    };
    let mut appliance = Appliance::start(
        fastpath,
        socket,
        Logger::new(writer),
        (offload, ends),
        (config, file),
        facts,
        (clock.now(), clock.wall_ms()),
    );
    serve(&mut appliance, &clock, &mut signals);
    stats.finish();
    appliance.finish();
    Ok(())
}

/// The statistics thread with its sockets, and the control loop's ends of what it reads.
fn start_stats(
    args: &Args,
    fastpath: &mut Fastpath,
    cpus: &[CoreId],
    clock: Clock,
) -> Result<(StatsThread, StatsEnds), String> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: std::io::Error| format!("{what}: {error}")
    };
    let telemetry = fastpath.telemetry().ok_or("statistics are read already")?;
    let (measures, reader) = Measures::new();
    let (asking, answering) = questions();
    let mailbox = Mailbox::default();
    let times = (clock.now(), clock.wall_ms());
    let reading = Reading::new(telemetry, reader, mailbox.clone(), times);
    // Without DPDK's telemetry, or with a newer DPDK, some commands are not ours to register.
    let _left_out = commands::register(&reading, &mailbox);
    let socket = StatsSocket::bind(&args.run_dir).map_err(failed("statistics socket"))?;
    let layout = Layout::make(&args.run_dir).map_err(failed("telemetry links"))?;
    let http = args.metrics.as_ref().map(HttpServer::bind).transpose();
    let http = http.map_err(failed("metrics"))?;
    let thread = StatsServer::new(reading, socket, http, asking)
        .spawn(cpus, clock, layout)
        .map_err(failed("statistics thread"))?;
    let ends = StatsEnds {
        mailbox,
        answering,
        measures,
        stopwatch_us: Box::new(move || clock.now_us()),
    };
    Ok((thread, ends))
}

fn serve(appliance: &mut Appliance, clock: &Clock, signals: &mut Signals) {
    loop {
        match signals.poll() {
            Some(Signal::Stop) => break,
            Some(Signal::Reload) => appliance.reload(),
            None => {}
        }
        if !appliance.turn(clock.now(), clock.wall_ms()) {
            std::thread::sleep(REST);
        }
    }
    let begin = clock.now();
    appliance.begin_shutdown(begin);
    while u128::from(clock.now().since_ms(begin)) < FAREWELL.as_millis() {
        appliance.turn(clock.now(), clock.wall_ms());
        std::thread::sleep(REST);
    }
}

/// Warnings and worse only, unless the operator asks for more.
fn with_quiet_log(mut eal: Vec<String>) -> Vec<String> {
    if !eal
        .iter()
        .any(|argument| argument.starts_with("--log-level"))
    {
        eal.push("--log-level=warning".to_owned());
    }
    eal
}

/// CPUs on which no worker polls; all where there is no other.
fn beside_workers(eal: &Eal, cpus: Vec<CoreId>) -> Vec<CoreId> {
    let polled: Vec<usize> = eal
        .workers()
        .into_iter()
        .filter_map(dpdk::Lcore::cpu)
        .collect();
    let free: Vec<CoreId> = cpus
        .iter()
        .copied()
        .filter(|cpu| !polled.contains(&cpu.id))
        .collect();
    if free.is_empty() { cpus } else { free }
}

fn warn_missing(config: &Config, ports: &[(String, u16)]) {
    for interface in &config.interfaces {
        let has_port = ports
            .iter()
            .any(|(hardware, _)| *hardware == interface.hardware);
        if let (Some(device), false) = (&interface.device, has_port) {
            eprintln!(
                "warning: interface {}: no device {device}",
                interface.hardware
            );
        }
    }
}

fn settings(args: &Args, config: &Config, workers: usize, ports: usize) -> Settings {
    let (workers, ports) = (workers.max(1) as u32, ports.max(1) as u32);
    let mtu = config
        .mtus
        .iter()
        .map(|(_, mtu)| *mtu)
        .max()
        .unwrap_or(0)
        .max(1500);
    Settings {
        idle: match args.idle {
            IdleArg::Busy => Idle::Busy,
            IdleArg::Pause => Idle::Pause,
            IdleArg::Sleep => Idle::Sleep,
        },
        conns_per_worker: args.conns,
        // A pool's size is best one less than a power of two (rte_mempool_create).
        buffers: (workers * ports * DESCRIPTORS_PER_QUEUE + SPARE_BUFFERS).next_power_of_two() - 1,
        large_buffers: (workers * LARGE_BUFFERS_PER_WORKER).next_power_of_two() - 1,
        mtu,
        sample_bursts: args.sample_bursts,
        seed: |bytes| getrandom::fill(bytes).expect("the system has random numbers"),
    }
}

fn cpu_name() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line
        .and_then(|line| line.split_once(':'))
        .map(|(_, name)| name.trim());
    name.unwrap_or("unknown").to_owned()
}

const fn build_name() -> &'static str {
    if cfg!(target_feature = "avx512f") {
        "x86-64-v4"
    } else if cfg!(target_feature = "avx2") {
        "x86-64-v3"
    } else {
        "x86-64"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_two_dashes_part_the_eals_options_from_ours() {
        let (eal, ours) = split(words("holdfast -l 0-1 -- --config x"));
        assert_eq!(
            (eal, ours),
            (words("holdfast -l 0-1"), words("holdfast --config x"))
        );
        let (eal, ours) = split(words("holdfast --version"));
        assert_eq!(
            (eal, ours),
            (words("holdfast"), words("holdfast --version"))
        );
    }

    #[test]
    fn the_eal_is_quiet_unless_told_otherwise() {
        assert_eq!(with_quiet_log(words("a")), words("a --log-level=warning"));
        assert_eq!(
            with_quiet_log(words("a --log-level=8")),
            words("a --log-level=8")
        );
    }

    #[test]
    fn one_instance_per_run_directory() {
        let directory = std::env::temp_dir().join(format!("holdfast-lock-{}", std::process::id()));
        let first = lock(&directory).expect("the first one");
        assert!(lock(&directory).is_err_and(|text| text.contains("another instance")));
        drop(first);
        assert!(lock(&directory).is_ok());
        std::fs::remove_dir_all(directory).expect("removed");
    }
}
