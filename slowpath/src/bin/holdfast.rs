//! holdfast: the appliance.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use config::{Config, Severity};
use fastpath::control::{Fastpath, Settings};
use fastpath::dpdk::{Eal, Ports, port_by_device};
use fastpath::worker::Idle;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use slowpath::appliance::{Appliance, Clock, Compute, Parts};
use slowpath::control_socket::ControlSocket;
use slowpath::ike::Entropy;
use slowpath::syslog::{Logger, Writer};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "holdfast [EAL options] -- --config FILE [--run-dir DIR] [--idle POLICY]";

/// IPsec gateway and stateful firewall on DPDK. EAL options stand in front of `--`.
#[derive(Parser, Debug)]
#[command(name = "holdfast", version, override_usage = USAGE)]
struct Options {
    /// The startup configuration.
    #[arg(long, required_unless_present = "check_config")]
    config: Option<PathBuf>,
    /// Where the control socket and the lock are.
    #[arg(long, default_value = "/run/holdfast")]
    run_dir: PathBuf,
    /// What a worker does when its queues are empty.
    #[arg(long, value_enum, default_value_t = IdleOption::Busy)]
    idle: IdleOption,
    /// Connections that each worker's shard holds.
    #[arg(long, default_value_t = 262_144)]
    conns: u32,
    /// Packet buffers.
    #[arg(long, default_value_t = 16_383)]
    buffers: u32,
    /// Read a configuration, print what is wrong with it, and end.
    #[arg(long, value_name = "FILE")]
    check_config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum IdleOption {
    /// Poll on.
    Busy,
    /// Poll on with PAUSE.
    Pause,
    /// Sleep longer and longer, half a millisecond at the most.
    Sleep,
}

fn main() -> ExitCode {
    let (eal, own) = split(std::env::args().collect());
    let options = Options::parse_from(own);
    let result = match &options.check_config {
        Some(path) => return check_config(path),
        None => start(eal, &options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("holdfast: {text}");
            ExitCode::FAILURE
        }
    }
}

/// EAL options and our own, both with the program's name in front. Without `--` all are ours.
fn split(arguments: Vec<String>) -> (Vec<String>, Vec<String>) {
    let program = arguments.first().cloned().unwrap_or_else(|| "holdfast".to_owned());
    match arguments.iter().position(|argument| argument == "--") {
        None => (vec![program], arguments),
        Some(at) => {
            let mut own = vec![program];
            own.extend_from_slice(&arguments[at + 1..]);
            (arguments[..at].to_vec(), own)
        }
    }
}

fn check_config(path: &Path) -> ExitCode {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("holdfast: {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    };
    let (config, diagnostics) = config::parse(&text);
    let mut wrong = false;
    for diagnostic in diagnostics.iter().chain(&config::check(&config)) {
        wrong |= diagnostic.severity == Severity::Error;
        println!("{}", diagnostic.render(&text));
    }
    if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn start(mut eal_arguments: Vec<String>, options: &Options) -> Result<(), String> {
    let path = options.config.as_ref().ok_or("--config is missing")?;
    let config = read(path)?;
    let _lock = lock(&options.run_dir)?;
    // The EAL pins this thread: what CPUs there are is asked before.
    let cpus = core_affinity::get_core_ids().unwrap_or_default();
    let mut signals = signals()?;
    let writer = Writer::spawn(cpus.clone()).map_err(|error| format!("log writer: {error}"))?;
    let compute = Compute::spawn(&cpus).map_err(|error| format!("compute thread: {error}"))?;
    if !eal_arguments.iter().any(|argument| argument.starts_with("--log-level")) {
        eal_arguments.push("--log-level=warning".to_owned());
    }
    let eal = Eal::start(&eal_arguments).map_err(|error| error.to_string())?;
    let clock = Clock::start();
    let settings = Settings {
        idle: match options.idle {
            IdleOption::Busy => Idle::Busy,
            IdleOption::Pause => Idle::Pause,
            IdleOption::Sleep => Idle::Sleep,
        },
        conns_per_worker: options.conns,
        buffers: options.buffers,
        large_buffers: 511,
        mtu: 1500,
        seed,
    };
    let fastpath = Fastpath::start(eal, &settings, &ports(&config))
        .map_err(|error| error.to_string())?;
    let socket = ControlSocket::bind(&options.run_dir)
        .map_err(|error| format!("control socket: {error}"))?;
    let appliance = Appliance::new(Parts {
        fastpath,
        config,
        config_path: path.clone(),
        logger: Logger::new(writer),
        socket,
        compute,
        clock,
        entropy: Box::new(System),
    });
    appliance.run(|appliance| match signal(&mut signals) {
        Some(Signal::SIGHUP) => {
            appliance.reload();
            false
        }
        Some(_) => true,
        None => false,
    });
    Ok(())
}

fn read(path: &Path) -> Result<Config, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (config, diagnostics) = config::parse(&text);
    for diagnostic in diagnostics.iter().chain(&config::check(&config)) {
        eprintln!("{}", diagnostic.render(&text));
    }
    Ok(config)
}

/// The ports that interfaces name and that are there.
fn ports(config: &Config) -> Vec<u16> {
    let available = Ports::available();
    let mut ports: Vec<u16> = config
        .interfaces
        .iter()
        .filter_map(|interface| match &interface.device {
            Some(device) => port_by_device(device),
            None => interface.port(),
        })
        .filter(|port| available.iter().any(|(known, _)| known == port))
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Keeps a second instance out of the run directory.
fn lock(run_dir: &Path) -> Result<Flock<File>, String> {
    std::fs::create_dir_all(run_dir).map_err(|error| format!("{}: {error}", run_dir.display()))?;
    let path = run_dir.join("lock");
    let file = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, _)| {
        format!("another holdfast runs in {}", run_dir.display())
    })
}

/// Signals as something to look at: no handler interrupts anything.
fn signals() -> Result<SignalFd, String> {
    let set: SigSet = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().collect();
    set.thread_block().map_err(|error| format!("signals: {error}"))?;
    SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
        .map_err(|error| format!("signals: {error}"))
}

fn signal(signals: &mut SignalFd) -> Option<Signal> {
    let pending = signals.read_signal().ok().flatten()?;
    Signal::try_from(pending.ssi_signo as i32).ok()
}

/// The operating system's generator.
struct System;

impl Entropy for System {
    fn fill(&mut self, bytes: &mut [u8]) {
        seed(bytes);
    }
}

/// Without randomness there is nothing that the box could safely do.
fn seed(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        eprintln!("holdfast: the operating system gives no randomness: {error}");
        std::process::abort();
    }
}
