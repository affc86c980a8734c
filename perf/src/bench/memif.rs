//! A box between two memifs: one neutral generator on one CPU, the box on the other.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use super::child::{Failure, figures, run, start_quietly};
use super::product::{self, Which};
use super::programs::{Place, own_path};
use super::secgw;
use crate::report::Figure;

/// Seconds of one run: the first is for the connection.
const FORWARD_S: &str = "2";
/// Share of its time that the generator may have lost, on a CPU that the other side's main thread
/// needs now and then: the kernel alone keeps 5 % of it from programs of real-time priority.
const LOST_MAX: f64 = 0.1;
/// Longest wait for the memifs that a box makes.
const START_MAX: Duration = Duration::from_secs(20);
/// What a box needs from then on until its ports are started: one that is not is refused for good.
const START: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);
/// Station addresses of the box's two ports.
const BOX_MACS: [&str; 2] = ["02:00:00:00:01:00", "02:00:00:00:01:01"];
/// For pools, and for the routing tables of ipsec-secgw.
const MEGABYTES: &str = "600";

/// What stands between the memifs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Device {
    /// The product's worker: firewall and one tunnel.
    Holdfast,
    /// The product's worker in clear.
    HoldfastClear,
    /// DPDK's example of an IPsec gateway.
    Secgw,
    /// testpmd that swaps station addresses: what memif itself costs.
    Macswap,
    /// The product's own program in clear, while many readers ask it or an idle one.
    Product { asked: Which },
}

impl Device {
    /// Its name in the table.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Holdfast | Self::HoldfastClear => "holdfast",
            Self::Secgw => "ipsec-secgw",
            Self::Macswap => "testpmd macswap",
            Self::Product { .. } => "holdfast, another box is read",
        }
    }

    fn command(self, directory: &Path, place: &Place) -> Result<Command, Failure> {
        // One lcore, whose transmit queue is the first: the generator has no other one.
        let lcores = if self == Self::Secgw {
            "0@1"
        } else {
            "0@0,1@1"
        };
        let eal = eal(directory, Side::Box, lcores);
        let (program, options) = match self {
            Self::Product { .. } => return product::measured(directory, eal),
            Self::Holdfast => (own_path(), "-- --forward-mode gateway".to_owned()),
            Self::HoldfastClear => (own_path(), "-- --forward-mode firewall".to_owned()),
            Self::Secgw => {
                let program = secgw::build(&place.build_dir)?;
                let config = secgw::write_config(directory)?;
                let options = format!(
                    "--vdev crypto_aesni_gcm0 -- -p 0x3 -P -u 0x2 --config (0,0,0),(1,0,0) -l \
                     -f {}",
                    config.display()
                );
                (program, options)
            }
            Self::Macswap => (
                PathBuf::from("dpdk-testpmd"),
                "-- --forward-mode=macswap --auto-start --total-num-mbufs=32768".to_owned(),
            ),
        };
        let mut command = Command::new(program);
        command.args(eal);
        command.args(options.split_whitespace());
        Ok(command)
    }
}

/// Who stands at one end of the memifs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// The client: its one pair of queues fits every box.
    Generator,
    /// The server, which may have more queues than are used.
    Box,
}

/// EAL options of one side, with its lcores on CPUs: the generator's worker is on CPU 0, the box's
/// on CPU 1.
fn eal(directory: &Path, side: Side, lcores: &str) -> Vec<String> {
    let (name, role) = match side {
        Side::Generator => ("generator", "client"),
        Side::Box => ("box", "server"),
    };
    let mut options: Vec<String> = ["--no-pci", "--no-telemetry", "--no-huge", "-m", MEGABYTES]
        .into_iter()
        .map(str::to_owned)
        .collect();
    options.extend(["--lcores".to_owned(), lcores.to_owned()]);
    let prefix = format!("hf_{name}_{}", std::process::id());
    options.extend(["--file-prefix".to_owned(), prefix]);
    for (index, box_mac) in BOX_MACS.iter().enumerate() {
        let socket = socket(directory, index);
        let mac = match side {
            Side::Generator => format!("02:00:00:00:02:0{index}"),
            Side::Box => (*box_mac).to_owned(),
        };
        options.push("--vdev".to_owned());
        options.push(format!(
            "net_memif{index},role={role},id={index},socket={},socket-abstract=no,mac={mac}",
            socket.display()
        ));
    }
    options
}

fn socket(directory: &Path, index: usize) -> PathBuf {
    directory.join(format!("memif{index}.sock"))
}

/// One run: packets per second that come out behind the box.
pub(super) fn run_box(device: Device, frame: u32, place: &Place) -> Result<Vec<Figure>, Failure> {
    let directory = place.build_dir.join(format!("memif{}", std::process::id()));
    let io = |error: std::io::Error| Failure::Missing(error.to_string());
    std::fs::create_dir_all(&directory).map_err(io)?;
    let is_product = matches!(device, Device::Product { .. });
    let (mut generator, forward_s) = if is_product {
        (product::usual(&own_path()), product::FORWARD_S)
    } else {
        (Command::new(own_path()), FORWARD_S)
    };
    generator.args(eal(&directory, Side::Generator, "0@1,1@0"));
    generator.args(["--", "--forward-mode", "flowgen", "--forward-s", forward_s]);
    generator.args([
        "--txpkts",
        &frame.to_string(),
        "--eth-peer",
        BOX_MACS[0],
        "--json",
    ]);
    if is_product || device == Device::HoldfastClear {
        generator.args(["--tunnels", "0"]);
    }
    if is_product {
        generator.args(["--rate", product::RATE]);
    }
    let box_command = device.command(&directory, place);
    let result = box_command.and_then(|command| between(device, command, generator, &directory));
    // Sockets of a run that has ended.
    let _ = std::fs::remove_dir_all(&directory);
    let mut figures = result?;
    let lost = figures
        .iter()
        .find(|figure| figure.name == "flowgen lost time");
    if lost.is_some_and(|figure| figure.value > LOST_MAX) {
        return Err(Failure::Disturbed);
    }
    figures.retain(|figure| matches!(&*figure.name, "flowgen received" | "line p99"));
    for figure in &mut figures {
        figure.size = u64::from(frame);
    }
    Ok(figures)
}

/// The box first: a client finds no memif that its server has not made. The generator waits for the
/// links, and for its packets to come back.
fn between(
    device: Device,
    mut command: Command,
    generator: Command,
    directory: &Path,
) -> Result<Vec<Figure>, Failure> {
    let asked = match device {
        Device::Product { asked } => Some((asked, Running::start(&mut product::idle(directory)?)?)),
        _ => None,
    };
    let mut measured = Running::start(&mut command)?;
    let begin = Instant::now();
    let made = || (0..BOX_MACS.len()).all(|index| socket(directory, index).exists());
    while !made() && measured.ended().is_none() && begin.elapsed() < START_MAX {
        std::thread::sleep(PAUSE);
    }
    std::thread::sleep(START);
    let measuring = std::thread::spawn(move || {
        let mut generator = generator;
        run(&mut generator, figures, f64::INFINITY)
    });
    let mut readers = match &asked {
        Some((asked, _)) => Some(Running::start(&mut product::crowd(*asked, directory))?),
        None => None,
    };
    let p99 = readers.is_some().then(|| product::line_p99(directory));
    // When the generator has left, the box may end: its driver does not bear the other side's end.
    let left_early = match &mut readers {
        Some(readers) => readers.ended().map(|_| readers.error()),
        None => None,
    };
    let result = measuring.join();
    if let Some(error) = left_early {
        return Err(Failure::Missing(format!("readers: {error}")));
    }
    let ended = measured.ended();
    match (result, ended) {
        (Ok(Ok(mut figures)), _) => {
            figures.extend(p99.transpose()?);
            Ok(figures)
        }
        // As above: whatever became of the box since.
        (Ok(Err(Failure::Disturbed)), _) => Err(Failure::Disturbed),
        (_, Some(status)) => Err(Failure::Missing(format!(
            "{}: {status}: {}",
            command.get_program().to_string_lossy(),
            measured.error()
        ))),
        (Ok(failure), None) => failure,
        (Err(_), None) => Err(Failure::Missing("the generator's thread".to_owned())),
    }
}

/// A program of ours, ended with this value.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Result<Self, Failure> {
        start_quietly(command).map(Self)
    }

    /// What it has complained of; waits until it has ended.
    fn error(&mut self) -> String {
        let mut text = String::new();
        if let Some(stderr) = &mut self.0.stderr {
            // What is no text says nothing.
            let _ = stderr.read_to_string(&mut text);
        }
        text.trim_end().to_owned()
    }

    /// How it has ended, if it has.
    fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().ok().flatten()
    }
}

impl Drop for Running {
    /// Asks it to end, then makes it.
    fn drop(&mut self) {
        use nix::sys::signal::{Signal, kill};
        use nix::unistd::Pid;
        if self.ended().is_none() {
            // It may end by itself meanwhile.
            let _ = kill(Pid::from_raw(self.0.id() as i32), Signal::SIGINT);
            std::thread::sleep(Duration::from_millis(300));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
