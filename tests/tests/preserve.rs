//! The product's promise: TCP connections outlive the tunnel under them when told so, go with it
//! when not, and nothing ever leaves in clear. Each scenario runs with 1, 2 and 4 workers.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::time::Duration;

use tests::lab::Result;
use tests::lab::config_text::{Options, Suite};
use tests::lab::error::failed;
use tests::lab::flow_log::{self, TORN_DOWN, messages};
use tests::lab::frame::{Segment, tcp_flags};
use tests::lab::interrupt::wait_for;
use tests::lab::offices::{Setup, TwoBoxes};
use tests::lab::outage::Outage;
use tests::lab::process::Process;
use tests::lab::topology::{CLIENT, HEAD_OUTSIDE, SECOND_SERVER, SERVER};
use tests::lab::traffic::{ECHO_PORT, ECHO_WAIT, HeldConnections, forge, probe_udp, start_echo};

const FLOWS: usize = 6;
/// A flow that a tunnel took does not answer; there is no need to wait for long.
const DEAD_WAIT: Duration = Duration::from_secs(8);
/// Sweeps are paced, logs are written by a thread of their own.
const LOGGED: Duration = Duration::from_secs(10);
const PEER_LOST: Duration = Duration::from_mins(1);
const PRESERVE: &str = "sysopt connection preserve-vpn-flows";

/// One test per number of workers.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        $(mod $name {
            #[test]
            fn with_one_worker() {
                super::judge(super::scenario::$name(1));
            }
            #[test]
            fn with_two_workers() {
                super::judge(super::scenario::$name(2));
            }
            #[test]
            fn with_four_workers() {
                super::judge(super::scenario::$name(4));
            }
        })*
    };
}

scenarios!(
    flows_outlive_every_drop,
    flows_go_with_the_tunnel_when_off,
    udp_is_not_touched,
    enabling_needs_a_new_tunnel,
    one_entry_down_leaves_the_other,
    forged_clear_segments_change_nothing,
);

fn judge(result: Result<()>) {
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// The offices with echo servers behind the head office.
struct Scene {
    _tcp_echo: Process,
    _udp_echo: Process,
    offices: TwoBoxes,
}

impl Scene {
    fn new(preserve: bool, workers: usize) -> Result<Self> {
        let options = Options {
            preserve,
            suite: Suite::Seed,
        };
        let offices = TwoBoxes::start(Setup {
            head: options,
            branch: options,
            workers,
            rate_bytes_s: 0,
            file_megabytes: 1,
        })?;
        let (server, files) = (&offices.topology.server, offices.topology.directory());
        Ok(Self {
            _tcp_echo: start_echo(server, "tcp-echo", files)?,
            _udp_echo: start_echo(server, "udp-echo", files)?,
            offices,
        })
    }

    fn hold(&self, server: &str, name: &str, wait: Duration) -> Result<HeldConnections> {
        let topology = &self.offices.topology;
        let log = topology.directory().join(name);
        let mut held = HeldConnections::open(&topology.client, server, FLOWS, wait, &log)?;
        expect_eq("answering flows at the start", held.probe()?, FLOWS)?;
        Ok(held)
    }

    fn ids(&self) -> (BTreeSet<u64>, BTreeSet<u64>) {
        self.offices.live_ids(ECHO_PORT)
    }

    /// Waits until the head office has removed all of `ids`, each by the tunnel's own message.
    fn expect_torn_down(&self, ids: &BTreeSet<u64>) -> Result<()> {
        let teardowns =
            self.offices
                .head
                .wait_log("the teardown of every flow", LOGGED, |log| {
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

#[expect(
    clippy::needless_pass_by_value,
    reason = "facts and expectations are mostly values"
)]
fn expect_eq<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        failed(format!("{what}: {found:?}, not {expected:?}"))
    }
}

/// Takes the whole path away until both boxes have given their peer up.
fn outage_until_peer_lost(offices: &TwoBoxes) -> Result<()> {
    let boxes = [&offices.head, &offices.branch];
    let lost = |log: &str| flow_log::count(log, messages::PEER_LOST);
    let before = boxes.map(|holdfast| lost(&holdfast.log()));
    let outage = Outage::begin(&offices.topology.internet)?;
    for (holdfast, before) in boxes.into_iter().zip(before) {
        holdfast.wait_log("the peer declared dead", PEER_LOST, |log| {
            (lost(log) > before).then_some(())
        })?;
    }
    outage.end()
}

/// The SPI of the inbound SA whose local net is `net`, from `show crypto ipsec sa`.
fn inbound_spi(shown: &str, net: &str) -> Option<String> {
    let (_, block) = shown.split_once(&format!("local ident (addr/mask/prot/port): ({net}/"))?;
    let (_, inbound) = block.split_once("inbound esp sas:")?;
    let (_, spi) = inbound.split_once("spi: ")?;
    spi.split_whitespace().next().map(str::to_owned)
}

#[test]
fn an_inbound_spi_is_found_by_its_local_net() {
    let shown = "      local ident (addr/mask/prot/port): (10.224.228.0/255.255.255.128/0/0)\n\
        \x20   inbound esp sas:\n      spi: 0x00000001 (1)\n\
        \x20     local ident (addr/mask/prot/port): (10.224.52.0/255.255.255.128/0/0)\n\
        \x20     current outbound spi: 00000009\n\
        \x20   inbound esp sas:\n      spi: 0x6A7391E0 (1785958880)\n";
    assert_eq!(
        inbound_spi(shown, "10.224.52.0").as_deref(),
        Some("0x6A7391E0")
    );
    assert_eq!(
        inbound_spi(shown, "10.224.228.0").as_deref(),
        Some("0x00000001")
    );
    assert_eq!(inbound_spi(shown, "10.0.0.0"), None);
}

mod scenario {
    use super::*;

    /// Every kind of drop: all flows answer afterwards, under the connection ids that they had.
    pub(super) fn flows_outlive_every_drop(workers: usize) -> Result<()> {
        let mut scene = Scene::new(true, workers)?;
        let mut held = scene.hold(SERVER, "held.log", ECHO_WAIT)?;
        let ids = scene.ids();
        expect_eq(
            "flows on both boxes",
            (ids.0.len(), ids.1.len()),
            (FLOWS, FLOWS),
        )?;
        let delete = format!("clear crypto ipsec sa peer {HEAD_OUTSIDE}");
        for command in ["clear crypto isakmp sa", "clear crypto ipsec sa", &delete] {
            // The third is the branch's alone: the head office sees its peer's DELETE.
            let head_has_it = command != delete;
            let boxes = [&scene.offices.branch, &scene.offices.head];
            for holdfast in boxes.into_iter().take(if head_has_it { 2 } else { 1 }) {
                holdfast.control(command)?;
                expect_eq(command, held.probe()?, FLOWS)?;
                expect_eq("connection ids", scene.ids(), ids.clone())?;
            }
        }
        outage_until_peer_lost(&scene.offices)?;
        expect_eq("answering flows after the outage", held.probe()?, FLOWS)?;
        expect_eq("connection ids", scene.ids(), ids)?;
        scene.offices.sniffer.expect_clean()
    }

    /// Off: the tunnel takes its flows, with the ASA's line, and later segments belong to nothing.
    pub(super) fn flows_go_with_the_tunnel_when_off(workers: usize) -> Result<()> {
        let mut scene = Scene::new(false, workers)?;
        let mut held = scene.hold(SERVER, "held.log", DEAD_WAIT)?;
        let (ids, _) = scene.ids();
        expect_eq("flows on the head office's box", ids.len(), FLOWS)?;
        let denied = flow_log::count(&scene.offices.head.log(), messages::NO_CONNECTION);
        scene.offices.head.control("clear crypto ipsec sa")?;
        scene.expect_torn_down(&ids)?;
        expect_eq("answering flows", held.probe()?, 0)?;
        let branch_or_head = || {
            let logs = [scene.offices.head.log(), scene.offices.branch.log()];
            logs.iter()
                .map(|log| flow_log::count(log, messages::NO_CONNECTION))
                .sum::<usize>()
        };
        wait_for("a segment without connection", LOGGED, || {
            Ok((branch_or_head() > denied).then_some(()))
        })?;
        let mut again = scene.hold(SERVER, "again.log", ECHO_WAIT)?;
        expect_eq("flows opened afterwards", again.probe()?, FLOWS)?;
        scene.offices.sniffer.expect_clean()
    }

    /// UDP flows are left to their own timer, with the option on and off.
    pub(super) fn udp_is_not_touched(workers: usize) -> Result<()> {
        for preserve in [true, false] {
            let mut scene = Scene::new(preserve, workers)?;
            let (head, client) = (&scene.offices.head, &scene.offices.topology.client);
            let source_port = 40_000;
            // The first probe may be the one that asks for the tunnel.
            probe_udp(client, SERVER, source_port, 3)?;
            expect_eq("UDP probes", probe_udp(client, SERVER, source_port, 1)?, 1)?;
            head.control("clear crypto ipsec sa")?;
            let shown = head.control("show conn")?;
            let flow = format!("{CLIENT}:{source_port}");
            let kept = shown
                .lines()
                .any(|line| line.starts_with("UDP") && line.contains(&flow));
            expect_eq("the UDP flow is shown", kept, true)?;
            probe_udp(client, SERVER, source_port, 3)?;
            expect_eq("UDP probes", probe_udp(client, SERVER, source_port, 1)?, 1)?;
            expect_eq("302016 lines", flow_log::count(&head.log(), "-302016: "), 0)?;
            scene.offices.sniffer.expect_clean()?;
        }
        Ok(())
    }

    /// Turned on while a tunnel is up, the option has effect from the next tunnel on.
    pub(super) fn enabling_needs_a_new_tunnel(workers: usize) -> Result<()> {
        let mut scene = Scene::new(false, workers)?;
        let mut early = scene.hold(SERVER, "early.log", DEAD_WAIT)?;
        let (ids, _) = scene.ids();
        scene.offices.head.configure(&[PRESERVE])?;
        scene.offices.branch.configure(&[PRESERVE])?;
        scene.offices.head.control("clear crypto ipsec sa")?;
        scene.expect_torn_down(&ids)?;
        expect_eq("early flows", early.probe()?, 0)?;
        let mut late = scene.hold(SERVER, "late.log", ECHO_WAIT)?;
        scene.offices.head.control("clear crypto ipsec sa")?;
        expect_eq("late flows", late.probe()?, FLOWS)?;
        scene.offices.sniffer.expect_clean()
    }

    /// Two access-list entries, two tunnels: the drop of one takes its own flows alone.
    pub(super) fn one_entry_down_leaves_the_other(workers: usize) -> Result<()> {
        let mut scene = Scene::new(false, workers)?;
        let mut first = scene.hold(SERVER, "first.log", DEAD_WAIT)?;
        let mut second = scene.hold(SECOND_SERVER, "second.log", DEAD_WAIT)?;
        let (kept, _) = scene.ids();
        let log = scene.offices.head.log();
        let gone = flow_log::live_ids(&log, &format!("{SECOND_SERVER}/{ECHO_PORT}"));
        expect_eq("flows of the second entry", gone.len(), FLOWS)?;
        let shown = scene.offices.head.control("show crypto ipsec sa")?;
        let Some(spi) = inbound_spi(&shown, "10.224.52.0") else {
            return failed(format!("no SA of the second entry: {shown}"));
        };
        let clear = format!("clear crypto ipsec sa entry {HEAD_OUTSIDE} esp {spi}");
        scene.offices.head.control(&clear)?;
        scene.expect_torn_down(&gone)?;
        expect_eq("flows of the second entry", second.probe()?, 0)?;
        expect_eq("flows of the first entry", first.probe()?, FLOWS)?;
        expect_eq("their connection ids", scene.ids().0, kept)?;
        scene.offices.sniffer.expect_clean()
    }

    /// Segments in clear that claim to belong to a tunnelled flow, with the tunnel up and down.
    pub(super) fn forged_clear_segments_change_nothing(workers: usize) -> Result<()> {
        let scene = Scene::new(true, workers)?;
        let mut held = scene.hold(SERVER, "held.log", ECHO_WAIT)?;
        let ids = scene.ids();
        let log = scene.offices.head.log();
        let ports: Vec<u16> = flow_log::built(&log)
            .iter()
            .flat_map(|flow| [&flow.first, &flow.second])
            .filter_map(|end| end.split_once(&format!(":{CLIENT}/"))?.1.parse().ok())
            .collect();
        expect_eq("ports of the flows", ports.len(), FLOWS)?;
        forge_at(&scene, &ports)?;
        expect_eq("flows with the tunnel up", held.probe()?, FLOWS)?;
        let outage = Outage::begin(&scene.offices.topology.internet)?;
        scene.offices.head.control("clear crypto isakmp sa")?;
        forge_at(&scene, &ports)?;
        expect_eq(
            "connection ids with the tunnel down",
            scene.ids().0,
            ids.0.clone(),
        )?;
        outage.end()?;
        expect_eq("flows with the tunnel up again", held.probe()?, FLOWS)?;
        expect_eq("connection ids", scene.ids(), ids)
    }

    /// Every port gets a reset, a SYN, a FIN and a segment with bytes, over the whole window.
    fn forge_at(scene: &Scene, ports: &[u16]) -> Result<()> {
        let topology = &scene.offices.topology;
        let mac = topology.head.mac("outside")?;
        for port in ports {
            for (flags, payload) in [
                (tcp_flags::RST, ""),
                (tcp_flags::RST | tcp_flags::ACK, ""),
                (tcp_flags::SYN, ""),
                (tcp_flags::FIN | tcp_flags::ACK, ""),
                (tcp_flags::PSH | tcp_flags::ACK, "forged"),
            ] {
                for sequence in [0, 1 << 30, 2 << 30, 3 << 30] {
                    let segment = Segment {
                        source: address(CLIENT, *port)?,
                        destination: address(SERVER, ECHO_PORT)?,
                        flags,
                        sequence,
                        acknowledgement: sequence,
                        payload: payload.into(),
                    };
                    forge(&topology.internet, "head", mac, &segment)?;
                }
            }
        }
        Ok(())
    }

    fn address(address: &str, port: u16) -> Result<std::net::SocketAddrV4> {
        let text = format!("{address}:{port}");
        text.parse()
            .or_else(|_| failed(format!("`{text}` is no address and port")))
    }
}
