//! Small programs of the lab, each run inside a namespace.
#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tests::lab::error::Result;
use tests::lab::sniffer::{Net, watch};
use tests::lab::wire::{Impairment, forward};
use tests::lab::{streams, sweep, traffic};

/// The lab's small programs.
#[derive(Parser)]
enum Tool {
    /// Wait for standard input to close, then remove what carries TAG.
    Reap { tag: String },
    /// Echo UDP datagrams.
    UdpEcho { port: u16 },
    /// Send UDP probes to an echo and print how many came back.
    UdpSend {
        target: SocketAddr,
        #[arg(long, default_value_t = 0)]
        source_port: u16,
        #[arg(long, default_value_t = 1)]
        count: u32,
    },
    /// Echo TCP streams.
    TcpEcho { port: u16 },
    /// Keep TCP connections to an echo; each input line probes all of them.
    TcpHold {
        target: SocketAddr,
        #[arg(long, default_value_t = 1)]
        count: usize,
        #[arg(long, default_value_t = 70)]
        wait_s: u64,
    },
    /// Serve paced TCP streams; a line of input ends them.
    StreamsServe {
        port: u16,
        #[command(flatten)]
        load: LoadOptions,
    },
    /// Open paced TCP streams, downloads and uploads in turn; a line of input ends them.
    StreamsOpen {
        target: SocketAddr,
        #[command(flatten)]
        load: LoadOptions,
    },
    /// Send frames, one in hexadecimal per line of standard input.
    SendFrames { device: String },
    /// Send IPv4 packets, one in hexadecimal per line of standard input.
    SendPackets,
    /// Report cleartext packets from or to protected nets.
    Sniff {
        #[arg(required = true)]
        devices: Vec<String>,
        #[arg(long, required = true)]
        protect: Vec<Net>,
    },
    /// Forward frames between two devices, with faults.
    Wire {
        left: String,
        right: String,
        #[arg(long, default_value_t = 0)]
        delay_us: u32,
        #[arg(long, default_value_t = 0)]
        loss_per_mille: u32,
        #[arg(long, default_value_t = 0)]
        duplicate_per_mille: u32,
        #[arg(long, default_value_t = 0)]
        reorder_per_mille: u32,
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

/// What streams carry.
#[derive(clap::Args)]
struct LoadOptions {
    #[arg(long)]
    count: u32,
    #[arg(long)]
    up: bool,
    #[arg(long)]
    every_ms: u32,
    #[arg(long)]
    chunk_bytes: usize,
}

impl LoadOptions {
    fn load(&self) -> streams::Load {
        streams::Load {
            count: self.count,
            up: self.up,
            every_ms: self.every_ms,
            chunk_bytes: self.chunk_bytes,
        }
    }
}

fn main() -> ExitCode {
    match run(Tool::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab-tool: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(tool: Tool) -> Result<()> {
    match tool {
        Tool::Reap { tag } => {
            sweep::reap(&tag);
            Ok(())
        }
        Tool::UdpEcho { port } => traffic::udp_echo(port),
        Tool::UdpSend {
            target,
            source_port,
            count,
        } => traffic::udp_send(target, source_port, count),
        Tool::TcpEcho { port } => traffic::tcp_echo(port),
        Tool::TcpHold {
            target,
            count,
            wait_s,
        } => traffic::tcp_hold(target, count, Duration::from_secs(wait_s)),
        Tool::StreamsServe { port, load } => streams::serve(port, load.load()),
        Tool::StreamsOpen { target, load } => streams::open(target, load.load()),
        Tool::SendFrames { device } => traffic::send_frames(&device),
        Tool::SendPackets => traffic::send_packets(),
        Tool::Sniff { devices, protect } => watch(&devices, &protect),
        Tool::Wire {
            left,
            right,
            delay_us,
            loss_per_mille,
            duplicate_per_mille,
            reorder_per_mille,
            seed,
        } => {
            let impairment = Impairment {
                delay_us,
                loss_per_mille,
                duplicate_per_mille,
                reorder_per_mille,
                seed,
            };
            forward([&left, &right], &impairment)
        }
    }
}
