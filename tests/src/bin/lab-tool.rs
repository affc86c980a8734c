//! Small programs of the lab, each run inside a namespace.
#![forbid(unsafe_code)]

use std::net::{SocketAddr, SocketAddrV4};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tests::lab::error::{Result, failed};
use tests::lab::frame::Segment;
use tests::lab::namespace::parse_mac;
use tests::lab::sniffer::{Net, watch};
use tests::lab::wire::{Impairment, forward};
use tests::lab::{sweep, traffic};

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
    /// Send one forged TCP segment.
    RawSend {
        device: String,
        #[arg(long)]
        to_mac: String,
        #[arg(long)]
        source: SocketAddrV4,
        #[arg(long)]
        destination: SocketAddrV4,
        #[arg(long)]
        flags: u8,
        #[arg(long, default_value_t = 0)]
        sequence: u32,
        #[arg(long, default_value_t = 0)]
        acknowledgement: u32,
        #[arg(long, default_value = "")]
        payload: String,
    },
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
        delay_ms: u32,
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
        Tool::RawSend {
            device,
            to_mac,
            source,
            destination,
            flags,
            sequence,
            acknowledgement,
            payload,
        } => {
            let Some(mac) = parse_mac(&to_mac) else {
                return failed(format!("`{to_mac}` is not a hardware address"));
            };
            let payload = payload.into_bytes();
            let segment = Segment {
                source,
                destination,
                flags,
                sequence,
                acknowledgement,
                payload,
            };
            traffic::raw_send(&device, mac, &segment)
        }
        Tool::Sniff { devices, protect } => watch(&devices, &protect),
        Tool::Wire {
            left,
            right,
            delay_ms,
            loss_per_mille,
            duplicate_per_mille,
            reorder_per_mille,
            seed,
        } => {
            let impairment = Impairment {
                delay_ms,
                loss_per_mille,
                duplicate_per_mille,
                reorder_per_mille,
                seed,
            };
            forward([&left, &right], &impairment)
        }
    }
}
