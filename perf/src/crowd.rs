//! `crowd`: many clients of one statistics socket, each asking command after command; one of them
//! never reads, another one sends what is no command.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::options::Crowd;
use crate::report::Figure;
use crate::stats_socket::StatsSocket;

/// What the histograms are asked for, where a command wants one.
const HISTOGRAM: &str = "line_ns";
/// No command, no text, no JSON.
const GARBAGE: [u8; 64] = [0xfe; 64];

/// Asks until the time is over.
pub(crate) fn run(options: &Crowd) -> Result<Vec<Figure>, String> {
    let socket = options.socket.as_path();
    let commands = commands(socket)?;
    let clients: Vec<StatsSocket> = (2..options.clients.max(3))
        .map(|_| StatsSocket::connect(socket))
        .collect::<Result<_, _>>()?;
    let (stuck, mut garbler) = (StatsSocket::connect(socket)?, StatsSocket::connect(socket)?);
    let pause = Duration::from_millis(options.every_ms) / clients.len() as u32;
    let (begin, mut answers, mut longest) = (Instant::now(), 0_u64, Duration::ZERO);
    while begin.elapsed() < Duration::from_secs(options.seconds) {
        for client in &clients {
            let command = &commands[answers as usize % commands.len()];
            let asked = Instant::now();
            client.ask(command)?;
            longest = longest.max(asked.elapsed());
            answers += 1;
            sleep(pause.saturating_sub(asked.elapsed()));
        }
        // Once it has no room for more it is stuck for good.
        stuck.send(commands[0].as_bytes());
        if !garbler.send(&GARBAGE) {
            garbler = StatsSocket::connect(socket)?;
        }
    }
    let rate = answers as f64 / begin.elapsed().as_secs_f64();
    let size = options.clients as u64;
    Ok(vec![
        Figure::single("answers", size, rate, "per second"),
        Figure::single("longest answer", size, longest.as_secs_f64() * 1e3, "ms"),
    ])
}

/// Every command that the box has, ready to be asked.
fn commands(socket: &Path) -> Result<Vec<String>, String> {
    let all = StatsSocket::connect(socket)?.ask("/")?;
    let names = all.as_array().into_iter().flatten();
    let commands: Vec<String> = names
        .filter_map(|name| name.as_str())
        .map(|name| {
            if name.contains("/hist/") && !name.ends_with("/list") {
                format!("{name},{HISTOGRAM}")
            } else {
                name.to_owned()
            }
        })
        .collect();
    if commands.is_empty() {
        return Err(format!("{}: no commands: {all}", socket.display()));
    }
    Ok(commands)
}
