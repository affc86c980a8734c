//! Many bounces under a running download: every file arrives whole over one connection, and the
//! wire between the offices never carries a packet of a protected net in clear.

use std::time::Duration;

use tests::lab::Result;
use tests::lab::config_text::{Options, Suite};
use tests::lab::download::Download;
use tests::lab::error::failed;
use tests::lab::flow_log::{self, messages};
use tests::lab::frame::{Segment, tcp_flags, tcp_packet};
use tests::lab::offices::{Setup, TwoBoxes, wait_tunnel};
use tests::lab::payload::MEGABYTE;
use tests::lab::scene::{expect_eq, judge_in_turn};
use tests::lab::topology::{BRANCH_OUTSIDE, HEAD_OUTSIDE, SERVER};
use tests::lab::traffic::forge;

/// How many bounces `with_one_worker` makes, where the environment names no other number.
const COUNT: usize = 100;
const COUNT_VARIABLE: &str = "BOUNCES";
/// TCP's retransmission timer has backed off by a few doublings at the worst.
const PROGRESS: Duration = Duration::from_secs(20);
const FILE_MEGABYTES: u64 = 20;
/// The server's pace: a file lasts for some bounces, and some files for all of them.
const RATE_BYTES_S: u64 = 2 * MEGABYTE;

#[test]
fn many_bounces_with_one_worker() {
    let count = std::env::var(COUNT_VARIABLE).map_or(COUNT, |text| text.parse().expect("a number"));
    judge_in_turn(|| bounce(count, 1));
}

#[test]
fn ten_bounces_with_two_workers() {
    judge_in_turn(|| bounce(10, 2));
}

#[test]
fn ten_bounces_with_four_workers() {
    judge_in_turn(|| bounce(10, 4));
}

/// Bounces the tunnel `count` times: phase 2 and phase 1, at either office in turn, and by a DELETE
/// for the peer alone.
fn bounce(count: usize, workers: usize) -> Result<()> {
    let options = Options {
        preserve: true,
        suite: Suite::Aes256,
    };
    let mut offices = TwoBoxes::start(Setup {
        options,
        workers,
        rate_bytes_s: RATE_BYTES_S,
        file_megabytes: FILE_MEGABYTES,
    })?;
    let by_peer =
        [BRANCH_OUTSIDE, HEAD_OUTSIDE].map(|peer| format!("clear crypto ipsec sa peer {peer}"));
    let mut downloads = 1;
    let mut download = begin(&offices)?;
    download.wait_progress(PROGRESS)?;
    for number in 0..count {
        if download.exit_code()?.is_some() {
            download.expect_whole(&offices.payload, PROGRESS)?;
            downloads += 1;
            download = begin(&offices)?;
            download.wait_progress(PROGRESS)?;
        }
        let (holdfast, other) = match number % 2 {
            0 => (&offices.head, &by_peer[0]),
            _ => (&offices.branch, &by_peer[1]),
        };
        let command = match number / 2 % 3 {
            0 => "clear crypto ipsec sa",
            1 => "clear crypto isakmp sa",
            _ => other,
        };
        let tunnels = flow_log::count(&offices.head.log(), messages::TUNNEL_UP);
        holdfast.control(command)?;
        wait_tunnel(&offices.head, tunnels)?;
        if download.exit_code()?.is_none() {
            download.wait_progress(PROGRESS)?;
        }
    }
    download.expect_whole(&offices.payload, PROGRESS)?;
    for holdfast in [&offices.head, &offices.branch] {
        let log = holdfast.log();
        let ids = flow_log::ids(&log, &format!("{SERVER}/80"));
        expect_eq("connections, one per file", ids.len(), downloads)?;
    }
    offices.sniffer.expect_clean()?;
    plant(&offices)?;
    offices
        .sniffer
        .expect_planted(&format!("{SERVER} > 192.168.30.10"))?;
    offices.end()
}

fn begin(offices: &TwoBoxes) -> Result<Download> {
    let topology = &offices.topology;
    Download::start(&topology.client, topology.directory(), SERVER, None)
}

/// A segment of a protected net in clear, as a box with a leak would send it.
fn plant(offices: &TwoBoxes) -> Result<()> {
    let topology = &offices.topology;
    let ends = (
        format!("{SERVER}:80").parse(),
        "192.168.30.10:40000".parse(),
    );
    let (Ok(source), Ok(destination)) = ends else {
        return failed("no addresses");
    };
    let leaked = Segment {
        source,
        destination,
        flags: tcp_flags::ACK,
        sequence: 1,
        acknowledgement: 1,
        payload: Vec::new(),
    };
    let mac = topology.internet.mac("head")?;
    forge(&topology.head, "outside", mac, &[tcp_packet(&leaked)])
}
