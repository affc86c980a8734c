//! A translated flow through a tunnel that knows only the mapped address: it keeps its translation
//! through every bounce, whichever worker each of its packets comes to.

use std::collections::BTreeSet;
use std::time::Duration;

use tests::lab::Result;
use tests::lab::error::failed;
use tests::lab::flow_log;
use tests::lab::holdfast_box::HoldfastBox;
use tests::lab::offices::Office;
use tests::lab::scene::{FLOWS, Scene, expect_eq};
use tests::lab::topology::{BRANCH_OUTSIDE, CLIENT, INTERNET_BRANCH, SERVER};
use tests::lab::traffic::{ECHO_PORT, ECHO_WAIT, probe_udp, start_echo};
use tests::scenarios;

/// The only address of the branch that the tunnel's selectors hold.
const MAPPED: &str = "172.30.1.1";
const UDP_PORT: u16 = 40_000;
const NAT: &str = "nat (inside) 1 192.168.30.0 255.255.255.0";
/// A flow that is gone does not answer; there is no need to wait for long.
const DEAD_WAIT: Duration = Duration::from_secs(8);

scenarios!(
    translations_outlive_every_drop,
    decision_14_translations_in_clear_stay_until_they_are_cleared,
);

/// The branch translates its net to one address, and both access lists name that alone.
fn translated(office: Office, text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line = match (office, line) {
            (Office::Head, _) if line.starts_with("access-list 100 ") => {
                line.replace(" any", &format!(" host {MAPPED}"))
            }
            (Office::Branch, _) if line.starts_with("access-list vpn ") => {
                line.replace(" any ", &format!(" host {MAPPED} "))
            }
            (Office::Branch, _) if line.starts_with("access-list exempt ") => continue,
            (Office::Branch, "nat (inside) 0 access-list exempt") => {
                format!("nat (inside) 1 192.168.30.0 255.255.255.0\nglobal (outside) 1 {MAPPED}")
            }
            _ => line.to_owned(),
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// The branch translates to its outside address what goes to the internet and not into the tunnel.
fn translated_to_interface(office: Office, text: &str) -> String {
    match office {
        Office::Head => text.to_owned(),
        Office::Branch => format!("{text}{NAT}\nglobal (outside) 1 interface\n"),
    }
}

/// The lines of `show xlate` but for the header.
fn translations(branch: &HoldfastBox) -> Result<BTreeSet<String>> {
    let shown = branch.control("show xlate")?;
    let lines = shown.lines().filter(|line| line.starts_with("PAT Global "));
    Ok(lines.map(str::to_owned).collect())
}

/// How often translations were built and removed.
fn built_and_removed(branch: &HoldfastBox) -> (usize, usize) {
    let log = branch.log();
    let count = |number| flow_log::count(&log, number);
    (count("-305011: "), count("-305012: "))
}

mod scenario {
    use super::*;

    /// Clear flows to the internet under the interface's address, beside flows in the tunnel that
    /// `nat 0` exempts: neither a bounce nor an edit of the rule touches them, `clear xlate` does.
    pub(super) fn decision_14_translations_in_clear_stay_until_they_are_cleared(
        workers: usize,
    ) -> Result<()> {
        Scene::play_with(true, workers, translated_to_interface, |scene| {
            let topology = &scene.offices.topology;
            let _echo = start_echo(&topology.internet, "tcp-echo", topology.directory())?;
            let mut tunnelled = scene.hold(SERVER, "tunnelled.log", ECHO_WAIT)?;
            let mut clear = scene.hold(INTERNET_BRANCH, "clear.log", DEAD_WAIT)?;
            let branch = &scene.offices.branch;
            let before = translations(branch)?;
            expect_eq("translations", before.len(), FLOWS)?;
            let global = format!("PAT Global {BRANCH_OUTSIDE}(");
            if !before.iter().all(|line| line.starts_with(&global)) {
                return failed(format!("not of the interface: {before:?}"));
            }
            branch.control("clear crypto isakmp sa")?;
            branch.configure(&[&format!("no {NAT}")])?;
            expect_eq("flows in clear", clear.probe()?, FLOWS)?;
            expect_eq("flows in the tunnel", tunnelled.probe()?, FLOWS)?;
            expect_eq("translations", translations(branch)?, before)?;
            expect_eq("built and removed", built_and_removed(branch), (FLOWS, 0))?;
            branch.control("clear xlate")?;
            branch.wait_log("the end of the translations", ECHO_WAIT, |log| {
                (flow_log::count(log, "-305012: ") == FLOWS).then_some(())
            })?;
            let reasons = flow_log::teardowns(&branch.log());
            let cleared = reasons.iter().filter(|gone| gone.reason == "Xlate Clear");
            expect_eq("flows cleared with them", cleared.count(), FLOWS)?;
            expect_eq("flows in clear", clear.probe()?, 0)?;
            expect_eq("flows in the tunnel", tunnelled.probe()?, FLOWS)
        })
    }

    pub(super) fn translations_outlive_every_drop(workers: usize) -> Result<()> {
        Scene::play_with(true, workers, translated, |scene| {
            let mut held = scene.hold(SERVER, "held.log", ECHO_WAIT)?;
            let (head, branch) = (&scene.offices.head, &scene.offices.branch);
            let client = &scene.offices.topology.client;
            expect_eq("UDP probes", probe_udp(client, SERVER, UDP_PORT, 1)?, 1)?;
            let before = translations(branch)?;
            expect_eq("translations of TCP and UDP", before.len(), FLOWS + 1)?;
            expect_eq(
                "built and removed",
                built_and_removed(branch),
                (FLOWS + 1, 0),
            )?;
            let ids = scene.ids();
            let seen = flow_log::built(&head.log());
            let mapped = format!(":{MAPPED}/");
            if !seen.iter().any(|flow| flow.first.contains(&mapped)) {
                return failed(format!("the head office saw no mapped address: {seen:?}"));
            }
            for (holdfast, command) in [
                (branch, "clear crypto ipsec sa"),
                (branch, "clear crypto isakmp sa"),
                (head, "clear crypto ipsec sa"),
                (head, "clear crypto isakmp sa"),
            ] {
                holdfast.control(command)?;
                expect_eq(command, held.probe()?, FLOWS)?;
                expect_eq("translations", &translations(branch)?, &before)?;
            }
            expect_eq("UDP probes", probe_udp(client, SERVER, UDP_PORT, 1)?, 1)?;
            expect_eq("translations", translations(branch)?, before)?;
            expect_eq(
                "built and removed",
                built_and_removed(branch),
                (FLOWS + 1, 0),
            )?;
            expect_eq("connection ids", scene.ids(), ids)?;
            let handed_over = branch.balance()?.handed_over() > 0;
            expect_eq("packets handed over", handed_over, workers > 1)?;
            let shown = branch.control("show conn")?;
            let own = format!("{CLIENT}:{UDP_PORT}");
            let shows_real = shown.lines().any(|line| line.contains(&own));
            expect_eq("the UDP flow by its real address", shows_real, true)?;
            let port = format!("{SERVER}:{ECHO_PORT}");
            let shows = shown.lines().filter(|line| line.contains(&port)).count();
            expect_eq("connections to the echo server", shows, FLOWS + 1)
        })
    }
}
