//! Interoperability with strongSwan, as initiator and as responder, and the promise kept with the
//! feature on our side alone.

use std::time::Duration;

use tests::lab::Result;
use tests::lab::config_text::{KEY, Options, Suite};
use tests::lab::error::failed;
use tests::lab::flow_log::{self, messages};
use tests::lab::interrupt::wait_for;
use tests::lab::offices::{BoxAndPeer, Setup};
use tests::lab::scene::judge_in_turn;
use tests::lab::strongswan::{AES256_PFS, Proposals, SEED, Settings};
use tests::lab::topology::{CLIENT, SERVER};
use tests::lab::traffic::{ECHO_PORT, ECHO_WAIT, HeldConnections, start_echo};

const FLOWS: usize = 4;
const GONE: Duration = Duration::from_secs(2);

/// Who opens the tunnel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opener {
    Holdfast,
    StrongSwan,
}

fn start(suite: Suite, proposals: Proposals, workers: usize) -> Result<BoxAndPeer> {
    let options = Options {
        preserve: true,
        suite,
    };
    let setup = Setup {
        options,
        workers,
        rate_bytes_s: 0,
        file_megabytes: 1,
    };
    BoxAndPeer::start(setup, &Settings::branch(proposals, KEY))
}

fn expect_alive(when: &str, held: &mut HeldConnections, offices: &BoxAndPeer) -> Result<()> {
    let alive = held.probe()?;
    if alive == FLOWS {
        return Ok(());
    }
    let (head, peer) = (offices.head.log(), offices.peer.log());
    failed(format!(
        "{when}: {alive} of {FLOWS} flows\nhead office:\n{head}\nstrongSwan:\n{peer}"
    ))
}

/// Opens the tunnel from one side, keeps flows over it, and bounces it in every way.
fn interoperate(suite: Suite, proposals: Proposals, opener: Opener, workers: usize) -> Result<()> {
    let mut offices = start(suite, proposals, workers)?;
    let files = offices.topology.directory().to_path_buf();
    let (from, to, target) = match opener {
        Opener::Holdfast => (&offices.topology.server, &offices.topology.client, CLIENT),
        Opener::StrongSwan => {
            offices.peer.initiate()?;
            (&offices.topology.client, &offices.topology.server, SERVER)
        }
    };
    let _echo = start_echo(to, "tcp-echo", &files)?;
    let log = files.join("held.log");
    let mut held = HeldConnections::open(from, target, FLOWS, ECHO_WAIT, &log)?;
    expect_alive("at the start", &mut held, &offices)?;
    let endpoint = format!("{target}/{ECHO_PORT}");
    let ids = flow_log::live_ids(&offices.head.log(), &endpoint);

    let pairs = || flow_log::count(&offices.head.log(), messages::TUNNEL_UP);
    let before = pairs();
    offices.peer.rekey_child()?;
    wait_for("its rekey of phase 2", ECHO_WAIT, || {
        Ok((pairs() > before).then_some(()))
    })?;
    expect_alive("after its rekey of phase 2", &mut held, &offices)?;

    offices.head.control("clear crypto isakmp sa")?;
    reopen(&offices, opener)?;
    expect_alive("after our clear of phase 1", &mut held, &offices)?;
    offices.head.control("clear crypto ipsec sa")?;
    reopen(&offices, opener)?;
    expect_alive("after our clear of phase 2", &mut held, &offices)?;
    offices.peer.terminate_child()?;
    reopen(&offices, opener)?;
    expect_alive("after its DELETE of phase 2", &mut held, &offices)?;
    offices.peer.terminate_ike()?;
    reopen(&offices, opener)?;
    expect_alive("after its DELETE of phase 1", &mut held, &offices)?;
    offices.peer.kill()?;
    std::thread::sleep(GONE);
    offices.peer.launch()?;
    offices.peer.initiate()?;
    expect_alive("after it was killed and started", &mut held, &offices)?;

    let after = flow_log::live_ids(&offices.head.log(), &endpoint);
    if after != ids {
        return failed(format!("connection ids were {ids:?} and are {after:?}"));
    }
    offices.end()
}

/// Where the flows' senders are behind strongSwan, no packet of theirs makes it initiate: its ESP
/// in user space has no traps.
fn reopen(offices: &BoxAndPeer, opener: Opener) -> Result<()> {
    match opener {
        Opener::Holdfast => Ok(()),
        Opener::StrongSwan => offices.peer.initiate(),
    }
}

/// One test per opener, suite and number of workers.
macro_rules! interoperability {
    ($($name:ident: $suite:expr, $proposals:expr, $opener:expr;)*) => {
        $(mod $name {
            use super::*;
            #[test]
            fn with_one_worker() {
                judge_in_turn(|| interoperate($suite, $proposals, $opener, 1));
            }
            #[test]
            fn with_two_workers() {
                judge_in_turn(|| interoperate($suite, $proposals, $opener, 2));
            }
            #[test]
            fn with_four_workers() {
                judge_in_turn(|| interoperate($suite, $proposals, $opener, 4));
            }
        })*
    };
}

interoperability! {
    we_initiate_with_the_seeds_algorithms: Suite::Seed, SEED, Opener::Holdfast;
    we_respond_with_the_seeds_algorithms: Suite::Seed, SEED, Opener::StrongSwan;
    we_initiate_with_aes256_and_pfs: Suite::Aes256Pfs, AES256_PFS, Opener::Holdfast;
    we_respond_with_aes256_and_pfs: Suite::Aes256Pfs, AES256_PFS, Opener::StrongSwan;
}
