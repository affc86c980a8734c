//! What scenarios start from and end with: the offices with echo servers, and what must be true of
//! them after every scenario.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::config_text::{self, Options, Suite};
use super::error::{Result, failed};
use super::flow_log::{self, Built, TORN_DOWN};
use super::interrupt::wait_for;
use super::offices::{Office, Setup, TwoBoxes};
use super::process::Process;
use super::topology::{CLIENT, SERVER};
use super::traffic::{ECHO_PORT, HeldConnections, start_echo};
use super::turn::in_turn;

/// Connections that a scenario holds.
pub const FLOWS: usize = 6;
/// Sweeps are paced, logs are written by a thread of their own.
const LOGGED: Duration = Duration::from_secs(10);

/// The offices with echo servers behind the head office.
#[derive(Debug)]
pub struct Scene {
    _tcp_echo: Process,
    _udp_echo: Process,
    /// The offices.
    pub offices: TwoBoxes,
}

impl Scene {
    /// Plays a scenario between two boxes with the option on or off, then asks of both boxes what
    /// must be true after every scenario ([`TwoBoxes::end`]).
    pub fn play(
        preserve: bool,
        workers: usize,
        scenario: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        Self::play_with(preserve, workers, |_, text| text.to_owned(), scenario)
    }

    /// As [`Scene::play`] with the offices' configurations edited.
    pub fn play_with(
        preserve: bool,
        workers: usize,
        edit: impl Fn(Office, &str) -> String,
        scenario: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let options = Options {
            preserve,
            suite: Suite::Seed,
        };
        let setup = Setup {
            options,
            workers,
            rate_bytes_s: 0,
            file_megabytes: 1,
        };
        let configure =
            |office, options, log: &Path| edit(office, &config_text::of(office, options, log));
        let offices = TwoBoxes::start_with(setup, configure)?;
        let (server, files) = (&offices.topology.server, offices.topology.directory());
        let mut scene = Self {
            _tcp_echo: start_echo(server, "tcp-echo", files)?,
            _udp_echo: start_echo(server, "udp-echo", files)?,
            offices,
        };
        scenario(&mut scene)?;
        scene.offices.end()
    }

    /// Opens [`FLOWS`] connections from the client to the echo server at `server`. Those to the
    /// server of the head office are in both logs by then.
    pub fn hold(&self, server: &str, name: &str, wait: Duration) -> Result<HeldConnections> {
        let topology = &self.offices.topology;
        let log = topology.directory().join(name);
        let before = self.built();
        let mut held = HeldConnections::open(&topology.client, server, FLOWS, wait, &log)?;
        expect_eq("answering flows at the start", held.probe()?, FLOWS)?;
        if server == SERVER {
            wait_for("all flows in both logs", LOGGED, || {
                let both = self.built().into_iter().zip(before);
                let all = both.into_iter().all(|(now, before)| now >= before + FLOWS);
                Ok(all.then_some(()))
            })?;
        }
        Ok(held)
    }

    /// How many connections to the echo server the head office and the branch have logged; ids
    /// begin anew with each start of a box.
    fn built(&self) -> [usize; 2] {
        [&self.offices.head, &self.offices.branch].map(|office| to_server(&office.log()).len())
    }

    /// Ids of the live connections to the echo server, at the head office and at the branch.
    pub fn ids(&self) -> (BTreeSet<u64>, BTreeSet<u64>) {
        self.offices.live_ids(ECHO_PORT)
    }

    /// The client's ports of all connections that the head office has built to the echo server.
    pub fn client_ports(&self) -> Vec<u16> {
        to_server(&self.offices.head.log())
            .iter()
            .flat_map(|flow| [&flow.first, &flow.second])
            .filter_map(|end| end.split_once(&format!(":{CLIENT}/"))?.1.parse().ok())
            .collect()
    }

    /// Waits until the head office has removed all of `ids`, each by the tunnel's own message.
    pub fn expect_torn_down(&self, ids: &BTreeSet<u64>) -> Result<()> {
        let head = &self.offices.head;
        let teardowns = head.wait_log("the teardown of every flow", LOGGED, |log| {
            let gone = flow_log::teardowns(log);
            let all = ids
                .iter()
                .all(|id| gone.iter().any(|teardown| teardown.id == *id));
            all.then_some(gone)
        })?;
        for teardown in teardowns
            .iter()
            .filter(|teardown| ids.contains(&teardown.id))
        {
            let shape = shape(&teardown.message);
            let (id, expected) = (teardown.id, "duration #:##:## bytes # ");
            expect_eq("reason", teardown.reason.as_str(), TORN_DOWN)?;
            let start =
                format!("%ASA-6-302014: Teardown TCP connection {id} for outside:{CLIENT}/");
            if !teardown.message.starts_with(&start) || !shape.contains(&self::shape(expected)) {
                return failed(format!("not the ASA's line: {}", teardown.message));
            }
        }
        Ok(())
    }
}

/// The text with every run of digits as one `#`.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    for letter in text.chars() {
        let letter = if letter.is_ascii_digit() { '#' } else { letter };
        if letter != '#' || !shape.ends_with('#') {
            shape.push(letter);
        }
    }
    shape
}

/// An error that says `what` unless the two are equal.
#[expect(
    clippy::needless_pass_by_value,
    reason = "facts and expectations are mostly values"
)]
pub fn expect_eq<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        failed(format!("{what}: {found:?}, not {expected:?}"))
    }
}

/// Fails a test with the error's own text.
///
/// # Panics
/// When the scenario failed.
pub fn judge(result: Result<()>) {
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// Connections that a log has to the echo server.
fn to_server(log: &str) -> Vec<Built> {
    let server = format!(":{SERVER}/{ECHO_PORT}");
    let ends_there = |flow: &Built| {
        [&flow.first, &flow.second]
            .iter()
            .any(|end| end.ends_with(&server))
    };
    flow_log::built(log)
        .into_iter()
        .filter(ends_there)
        .collect()
}

/// As [`judge`], of a scenario that works: when it is its turn.
pub fn judge_in_turn(scenario: impl FnOnce() -> Result<()>) {
    judge(in_turn(scenario));
}

/// One test per scenario of `mod scenario` and per number of workers.
#[macro_export]
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        $(mod $name {
            #[test]
            fn with_one_worker() {
                $crate::lab::scene::judge_in_turn(|| super::scenario::$name(1));
            }
            #[test]
            fn with_two_workers() {
                $crate::lab::scene::judge_in_turn(|| super::scenario::$name(2));
            }
            #[test]
            fn with_four_workers() {
                $crate::lab::scene::judge_in_turn(|| super::scenario::$name(4));
            }
        })*
    };
}
