//! `crypto map ... set spread`: every worker seals for a tunnel, and the peer takes all of it.

use std::time::Duration;

use tests::lab::Result;
use tests::lab::error::failed;
use tests::lab::interrupt::pause;
use tests::lab::scene::{Scene, expect_eq};
use tests::lab::streams::{Load, Streams};
use tests::lab::topology::SERVER;
use tests::scenarios;

/// TCP connections, half of them downloads.
const FLOWS: u32 = 40;
const BUSY: Duration = Duration::from_secs(4);
const DRAIN: Duration = Duration::from_secs(30);
const LOGGED: Duration = Duration::from_secs(10);
/// What both boxes say of themselves and of each other.
const WIDE: &str = "crypto ipsec security-association replay window-size 8192\n\
                    crypto map map1 5 set spread peer-window 8192\n";

scenarios!(every_worker_seals_where_the_peers_window_is_wide);

mod scenario {
    use super::*;

    pub(super) fn every_worker_seals_where_the_peers_window_is_wide(workers: usize) -> Result<()> {
        let wide = |_, text: &str| format!("{text}{WIDE}");
        Scene::play_with(true, workers, wide, |scene| {
            let topology = &scene.offices.topology;
            let server = (&topology.server, SERVER);
            let logs = (topology.directory(), "spread");
            let load = Load::usual(FLOWS);
            let mut streams = Streams::start(server, &topology.client, load, logs)?;
            pause(BUSY)?;
            streams.stop(DRAIN)?;
            expect_eq("streams that lost something", streams.lost(), Vec::new())?;
            for office in [&scene.offices.head, &scene.offices.branch] {
                let shown = office.control("show crypto ipsec sa")?;
                let spread = shown.contains("in use settings ={L2L, Tunnel, Spread, }");
                expect_eq("an SA that is spread", spread, workers > 1)?;
                let balance = office.balance()?;
                let mut drops = balance.drops();
                if let Some((_, replays)) = drops.find(|(key, _)| *key == "ipsec-replay") {
                    return failed(format!("{replays} packets fell out of the window"));
                }
            }
            let head = &scene.offices.head;
            head.configure(&["crypto map map1 5 set spread peer-window 64"])?;
            if workers > 1 {
                head.wait_log("the refusal", LOGGED, |log| {
                    let refusal = "\"crypto map map1 5 set spread\" is inactive";
                    log.contains(refusal).then_some(())
                })?;
            }
            Ok(())
        })
    }
}
