//! The lab judged by itself: without it working, no scenario means anything.
#![forbid(unsafe_code)]

use std::time::Duration;

use tests::demo::watch::Watch;
use tests::lab::download::{Download, EXIT_TIMED_OUT, SpeedLimit};
use tests::lab::frame::{Segment, tcp_flags, tcp_packet};
use tests::lab::http_server::HttpServer;
use tests::lab::outage::Outage;
use tests::lab::payload::{MEGABYTE, Payload};
use tests::lab::run::{Owner, PREFIX, beside, run};
use tests::lab::sniffer::Sniffer;
use tests::lab::strongswan::{AES256, SEED, Settings, StrongSwan};
use tests::lab::sweep::{namespaces, sweep_stale};
use tests::lab::topology::{
    CLIENT, Edge, HEAD_NETS, HEAD_OUTSIDE, Plan, SECOND_SERVER, SERVER, Topology,
};
use tests::lab::traffic::{HeldConnections, forge, probe_udp, start_echo};
use tests::lab::wire::Impairment;

const KEY: &str = "swordfish";
const MINUTE: Duration = Duration::from_mins(1);

fn routers(impairment: Option<Impairment>) -> Topology {
    let plan = Plan {
        head: Edge::Router,
        branch: Edge::Router,
        impairment,
    };
    Topology::build(plan).unwrap_or_else(|error| panic!("{error}"))
}

fn ours() -> usize {
    let tag = Owner::this().unwrap().tag();
    namespaces()
        .iter()
        .filter(|name| name.starts_with(&tag))
        .count()
}

/// A topology passes packets end to end, and twice in a row leaves nothing behind.
#[test]
fn topology_comes_and_goes_twice() {
    for _ in 0..2 {
        let before = ours();
        let topology = routers(None);
        assert!(ours() >= before + 6);
        let directory = topology.directory().to_path_buf();
        let names: Vec<String> = [&topology.server, &topology.client]
            .map(|space| space.name().to_owned())
            .to_vec();
        assert!(
            topology.client.pings(SERVER, 2),
            "{CLIENT} reaches {SERVER}"
        );
        assert!(topology.client.pings(SECOND_SERVER, 2));
        drop(topology);
        assert!(names.iter().all(|name| !namespaces().contains(name)));
        assert!(!directory.exists());
    }
}

/// A namespace whose maker is gone is swept, with its processes; one whose maker lives is not.
#[test]
fn stale_leftovers_are_swept() {
    let mut gone = std::process::Command::new("true").spawn().unwrap();
    let stale = format!("{PREFIX}-{}-1-x", gone.id());
    gone.wait().unwrap();
    run("ip", &["netns", "add", &stale]).unwrap();
    let mut inside = std::process::Command::new("ip")
        .args(["netns", "exec", &stale, "sleep", "1000"])
        .spawn()
        .unwrap();
    while run("ip", &["netns", "pids", &stale])
        .unwrap()
        .trim()
        .is_empty()
    {
        std::thread::sleep(Duration::from_millis(5));
    }
    let topology = routers(None);
    sweep_stale();
    assert!(!namespaces().contains(&stale));
    assert!(
        !inside.wait().unwrap().success(),
        "the process inside was killed"
    );
    assert!(namespaces().contains(topology.client.name()));
}

/// The reaper takes down what a killed process leaves.
#[test]
fn the_reaper_removes_what_carries_its_tag() {
    let tag = format!("{PREFIX}-4194304-77");
    let name = format!("{tag}-0-client");
    let mut reaper = std::process::Command::new(beside("lab-tool").unwrap())
        .args(["reap", &tag])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    run("ip", &["netns", "add", &name]).unwrap();
    drop(reaper.stdin.take());
    assert!(reaper.wait().unwrap().success());
    assert!(!namespaces().contains(&name));
}

/// A real curl fetches a paced file from a real nginx through plain routers.
#[test]
fn a_file_arrives_whole_through_plain_routers() {
    let topology = routers(None);
    let payload = Payload::of(20).unwrap();
    let files = topology.directory();
    let server = HttpServer::start(&topology.server, files, &payload, 10 * MEGABYTE).unwrap();
    let start = std::time::Instant::now();
    let mut download = Download::start(&topology.client, files, SERVER, None).unwrap();
    download.wait_bytes(MEGABYTE, MINUTE).unwrap();
    download.expect_whole(&payload, MINUTE).unwrap();
    assert!(start.elapsed() > Duration::from_secs(1), "the server paces");
    server.stop().unwrap();
}

/// An outage stops the bytes, its end lets them flow; a long one ends curl by its speed limit.
#[test]
fn an_outage_stops_a_download() {
    let topology = routers(None);
    let payload = Payload::of(20).unwrap();
    let files = topology.directory();
    let _server = HttpServer::start(&topology.server, files, &payload, 2 * MEGABYTE).unwrap();
    let limit = SpeedLimit {
        bytes_s: 1000,
        seconds: 4,
    };
    let mut download = Download::start(&topology.client, files, SERVER, Some(limit)).unwrap();
    download.wait_bytes(MEGABYTE, MINUTE).unwrap();
    let outage = Outage::begin(&topology.internet).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let at_outage = download.received_bytes();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(download.received_bytes(), at_outage);
    outage.end().unwrap();
    download.wait_progress(MINUTE).unwrap();
    let _outage = Outage::begin(&topology.internet).unwrap();
    assert_eq!(download.wait_exit(MINUTE).unwrap(), EXIT_TIMED_OUT);
}

/// A planted packet of a protected net is reported; traffic of other nets is not.
#[test]
fn the_sniffer_catches_a_planted_packet() {
    let topology = Topology::build(Plan {
        head: Edge::Peer,
        branch: Edge::Peer,
        impairment: None,
    })
    .unwrap_or_else(|error| panic!("{error}"));
    let log = topology.directory().join("sniffer.log");
    let mut sniffer =
        Sniffer::start(&topology.internet, &["head", "branch"], &HEAD_NETS, &log).unwrap();
    assert!(
        sniffer.expect_clean().is_err(),
        "a sniffer that saw nothing proves nothing"
    );
    assert!(topology.branch.pings(HEAD_OUTSIDE, 2));
    sniffer.expect_clean().unwrap();
    let planted = Segment {
        source: "10.224.228.10:80".parse().unwrap(),
        destination: "192.168.30.10:40000".parse().unwrap(),
        flags: tcp_flags::RST,
        sequence: 1,
        acknowledgement: 0,
        payload: Vec::new(),
    };
    let mac = topology.internet.mac("head").unwrap();
    forge(&topology.head, "outside", mac, &[tcp_packet(&planted)]).unwrap();
    assert!(sniffer.expect_clean().is_err());
    sniffer
        .expect_planted("10.224.228.10 > 192.168.30.10 protocol 6")
        .unwrap();
    sniffer.expect_clean().unwrap();
    assert!(
        sniffer.expect_planted("10.224.228.10").is_err(),
        "a packet is forgiven once"
    );
}

/// The demo's watch measures a bounce: one that leaves the tunnel up, one after which a tunnel is
/// reported, and one that nothing outlives.
#[test]
fn a_bounce_is_measured() {
    const BUILT: &str = "%ASA-6-302013: Built inbound TCP connection 7 for \
        outside:192.168.30.10/40000 (192.168.30.10/40000) to \
        inside:10.224.228.10/80 (10.224.228.10/80)\n";
    const TUNNEL_UP: &str = "%ASA-5-713120: PHASE 2 COMPLETED (msgid=1)\n";
    const TEARDOWN: &str = "%ASA-6-302014: Teardown TCP connection 7 for \
        outside:192.168.30.10/40000 to inside:10.224.228.10/80 \
        duration 0:00:05 bytes 9 Tunnel has been torn down\n";
    let topology = routers(None);
    let payload = Payload::of(60).unwrap();
    let files = topology.directory();
    let _server = HttpServer::start(&topology.server, files, &payload, 4 * MEGABYTE).unwrap();
    let limit = SpeedLimit {
        bytes_s: 1000,
        seconds: 4,
    };
    let download = Download::start(&topology.client, files, SERVER, Some(limit)).unwrap();
    let log = std::cell::RefCell::new(BUILT.to_owned());
    let read = || log.borrow().clone();
    let mut watch = Watch::new("test", download, payload.size_bytes);
    watch.run_to_bytes(5 * MEGABYTE).unwrap();

    let stayed = watch
        .bounce("a short outage", &read, |watch| {
            let outage = Outage::begin(&topology.internet)?;
            watch.run_for(Duration::from_secs(1))?;
            outage.end()
        })
        .unwrap();
    assert!((0.8..4.0).contains(&stayed.outage_s), "{stayed:?}");
    assert!(
        stayed.resume_s.is_some_and(|seconds| seconds < 3.0),
        "{stayed:?}"
    );
    assert_eq!((stayed.flows_preserved, stayed.flows_lost), (1, 0));

    let rebuilt = watch
        .bounce("a rebuilt tunnel", &read, |_| {
            log.borrow_mut().push_str(TUNNEL_UP);
            Ok(())
        })
        .unwrap();
    assert!(
        rebuilt.resume_s.is_some_and(|seconds| seconds < 1.0),
        "{rebuilt:?}"
    );

    let lost = watch
        .bounce("an outage without end", &read, |_| {
            std::mem::forget(Outage::begin(&topology.internet)?);
            log.borrow_mut().push_str(TEARDOWN);
            Ok(())
        })
        .unwrap();
    assert_eq!(lost.resume_s, None);
    assert_eq!((lost.flows_preserved, lost.flows_lost), (0, 1));
    assert_eq!(watch.run_to_exit(MINUTE).unwrap(), EXIT_TIMED_OUT);
    let (_, samples) = watch.finish();
    assert!(samples.iter().any(|sample| sample.bytes > 0));
}

/// Held connections and UDP probes pass; both notice an outage.
#[test]
fn echo_traffic_notices_an_outage() {
    let topology = routers(None);
    let files = topology.directory();
    let _tcp = start_echo(&topology.server, "tcp-echo", files).unwrap();
    let _udp = start_echo(&topology.server, "udp-echo", files).unwrap();
    let log = files.join("held.log");
    let mut held = HeldConnections::open(&topology.client, SERVER, 5, MINUTE, &log).unwrap();
    assert_eq!(held.probe().unwrap(), 5);
    assert_eq!(probe_udp(&topology.client, SERVER, 40_000, 3).unwrap(), 3);
    let outage = Outage::begin(&topology.internet).unwrap();
    assert_eq!(probe_udp(&topology.client, SERVER, 40_000, 1).unwrap(), 0);
    held.send_probes().unwrap();
    outage.end().unwrap();
    assert_eq!(held.alive().unwrap(), 5, "TCP repairs what the outage took");
}

/// A file arrives through a wire that delays, loses, doubles and reorders.
#[test]
fn a_file_arrives_through_a_bad_wire() {
    let topology = routers(Some(Impairment {
        delay_us: 3_000,
        loss_per_mille: 5,
        duplicate_per_mille: 5,
        reorder_per_mille: 5,
        seed: 1,
    }));
    let reply = topology
        .client
        .run("ping", &["-n", "-c", "3", "-i", "0.2", SERVER])
        .unwrap();
    let fastest = reply
        .rsplit_once(" = ")
        .unwrap()
        .1
        .split('/')
        .next()
        .unwrap();
    assert!(
        fastest.parse::<f64>().unwrap() >= 6.0,
        "two delays of 3 ms: {reply}"
    );
    let payload = Payload::of(3).unwrap();
    let files = topology.directory();
    let _server = HttpServer::start(&topology.server, files, &payload, 0).unwrap();
    let mut download = Download::start(&topology.client, files, SERVER, None).unwrap();
    download.expect_whole(&payload, MINUTE).unwrap();
}

/// Two strongSwans: a ping passes encrypted, stops when the tunnel goes, and passes again after
/// one side was killed and started anew.
fn strongswan_pair(settings: &Settings) {
    let topology = Topology::build(Plan {
        head: Edge::Peer,
        branch: Edge::Peer,
        impairment: None,
    })
    .unwrap_or_else(|error| panic!("{error}"));
    let files = topology.directory();
    let head =
        StrongSwan::start(&topology.head, &files.join("head"), &settings.mirrored()).unwrap();
    let mut branch = StrongSwan::start(&topology.branch, &files.join("branch"), settings).unwrap();
    let log = files.join("sniffer.log");
    let mut sniffer =
        Sniffer::start(&topology.internet, &["head", "branch"], &HEAD_NETS, &log).unwrap();
    assert!(!topology.client.pings(SERVER, 1), "no tunnel, no path");
    branch.initiate().unwrap();
    let up = head.wait_tunnel(Duration::from_secs(5));
    assert!(
        up.is_ok(),
        "head:\n{}\nbranch:\n{}",
        head.log(),
        branch.log()
    );
    assert!(topology.client.pings(SERVER, 5), "{}", branch.log());
    branch.terminate_ike().unwrap();
    assert!(!branch.tunnel_up().unwrap());
    assert!(!topology.client.pings(SERVER, 1));
    head.initiate().unwrap();
    assert!(topology.client.pings(SERVER, 5));
    branch.kill().unwrap();
    assert!(!topology.client.pings(SERVER, 1));
    branch.launch().unwrap();
    branch.initiate().unwrap();
    branch.wait_tunnel(MINUTE).unwrap();
    assert!(topology.client.pings(SERVER, 5));
    sniffer.expect_clean().unwrap();
    head.stop().unwrap();
    branch.stop().unwrap();
}

#[test]
fn strongswan_talks_to_strongswan_with_the_seeds_algorithms() {
    strongswan_pair(&Settings::branch(SEED, KEY));
}

#[test]
fn strongswan_talks_to_strongswan_with_aes256() {
    strongswan_pair(&Settings::branch_net(AES256, KEY));
}
