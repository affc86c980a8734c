//! A box with one, two, four and eight workers, of which one seals for a tunnel or all: the same
//! packets come out of it, but for the ports of those that are translated, each flow's in order,
//! and none falls out of its peer's window.
//!
//! There is one EAL per process, so each box is a process of its own: this program again, with the
//! number of workers in its environment. All workers of a box take turns on one thread, which makes
//! every run the same.

#[path = "../office/mod.rs"]
mod office;

mod clear;
mod site;

use std::env;
use std::process::Command;

use site::Site;

/// Names the number of workers of a process that is one box.
const WORKERS: &str = "HOLDFAST_TEST_WORKERS";
/// Says in such a process that every worker seals.
const SPREAD: &str = "HOLDFAST_TEST_SPREAD";
const COUNTS: [usize; 4] = [1, 2, 4, 8];
/// Packets of each flow and direction.
const ROUNDS: u32 = 200;

fn main() {
    match env::var(WORKERS) {
        Ok(count) => {
            let count = count.parse().expect("a number of workers");
            play(count, env::var_os(SPREAD).is_some());
        }
        Err(_) => compare(),
    }
}

/// Every box with its number of workers; what comes out is the same.
fn compare() {
    let program = env::current_exe().expect("this program has a path");
    let mut first = None;
    for (count, spread) in COUNTS.into_iter().flat_map(|it| [(it, false), (it, true)]) {
        let mut command = Command::new(&program);
        command.env(WORKERS, count.to_string());
        if spread {
            command.env(SPREAD, "yes");
        }
        let output = command.output();
        let output = output.expect("the box starts");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{count} workers:\n{complaints}");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(text.lines().count() >= site::FLOWS as usize, "{text}");
        let expected = first.get_or_insert_with(|| text.clone());
        assert_eq!(&text, expected, "{count} workers make a difference");
        let sealed = if spread { ", spread" } else { "" };
        println!("{count} workers{sealed}: the same packets, in order");
    }
}

/// One box. Prints what has come out, flow by flow.
fn play(workers: usize, spread: bool) {
    let mut site = Site::start(workers, spread);
    for round in 0..ROUNDS {
        site.send_all(round);
        site.settle();
    }
    let streams = site.finish();
    for (flow, stream) in streams.iter().enumerate() {
        for (way, packets) in ["out", "in"].into_iter().zip(stream) {
            let rounds: Vec<u32> = packets.iter().map(|packet| packet.round).collect();
            let expected: Vec<u32> = (0..ROUNDS).collect();
            assert_eq!(rounds, expected, "flow {flow} {way}");
            let sum = packets.iter().fold(0xcbf2_9ce4_8422_2325, |sum, packet| {
                let bytes = packet.bytes.iter();
                bytes.fold(sum, |sum: u64, byte| {
                    (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
                })
            });
            println!("flow {flow} {way}: {} packets, {sum:016x}", packets.len());
        }
    }
}
