//! Phase 1 is replaced, and its end is told, with a peer whose pairs belong to a phase-1 SA.

use std::time::Duration;

use tests::lab::Result;
use tests::lab::config_text::{KEY, Options, Suite};
use tests::lab::flow_log::{self, messages};
use tests::lab::interrupt::{pause, wait_for};
use tests::lab::offices::{BoxAndPeer, Setup};
use tests::lab::scene::{expect_eq, judge};
use tests::lab::strongswan::{AES256, Settings};
use tests::lab::topology::CLIENT;
use tests::lab::traffic::{ECHO_PORT, ECHO_WAIT, HeldConnections, start_echo};

const FLOWS: usize = 4;
/// The lifetime at its minimum, with what a busy machine may add.
const LIFETIME: Duration = Duration::from_secs(150);
/// Until a replaced SA has ended, whichever of lifetime and overlap is shorter.
const OVERLAP: Duration = Duration::from_secs(45);

#[test]
fn a_pair_outlives_its_phase_1_with_strongswan() {
    judge(play());
}

fn play() -> Result<()> {
    let options = Options {
        preserve: true,
        suite: Suite::Aes256,
    };
    let setup = Setup {
        options,
        workers: 1,
        rate_bytes_s: 0,
        file_megabytes: 1,
    };
    let offices = BoxAndPeer::start(setup, &Settings::branch(AES256, KEY))?;
    let head = &offices.head;
    head.configure(&["crypto isakmp policy 1", "lifetime 120"])?;
    let (from, to) = (&offices.topology.server, &offices.topology.client);
    let files = offices.topology.directory();
    let _echo = start_echo(to, "tcp-echo", files)?;
    let log = files.join("held.log");
    let mut held = HeldConnections::open(from, CLIENT, FLOWS, ECHO_WAIT, &log)?;
    expect_eq("flows at the start", held.probe()?, FLOWS)?;
    let endpoint = format!("{CLIENT}/{ECHO_PORT}");
    let ids = flow_log::live_ids(&head.log(), &endpoint);
    let phase_1s = || flow_log::count(&head.log(), messages::PHASE_1_UP);
    let before = phase_1s();
    wait_for("another phase 1", LIFETIME, || {
        Ok((phase_1s() > before).then_some(()))
    })?;
    pause(OVERLAP)?;
    let shown = head.control("show crypto isakmp sa")?;
    expect_eq("one phase 1 is left", shown.matches("MM_ACTIVE").count(), 1)?;
    expect_eq("flows afterwards", held.probe()?, FLOWS)?;
    expect_eq("their ids", flow_log::live_ids(&head.log(), &endpoint), ids)?;
    let lost = flow_log::count(&head.log(), messages::PEER_LOST);
    expect_eq("times that the peer was lost", lost, 0)?;
    offices.end()
}
