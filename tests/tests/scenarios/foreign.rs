//! Nothing that did not come through a flow's own tunnel touches the flow: forged packets in clear
//! and packets out of another peer's tunnel, with the flow's tunnel up and down.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use tests::lab::Result;
use tests::lab::config_text::KEY;
use tests::lab::frame::{IcmpError, Segment, icmp_packet, tcp_flags, tcp_packet};
use tests::lab::holdfast_box::HoldfastBox;
use tests::lab::interrupt::wait_for;
use tests::lab::namespace::Namespace;
use tests::lab::offices::Office;
use tests::lab::outage::Outage;
use tests::lab::raw_entry::{RawEntries, settled_entries};
use tests::lab::scene::{FLOWS, Scene, expect_eq};
use tests::lab::strongswan::{SEED, Settings, StrongSwan};
use tests::lab::topology::{BRANCH_OUTSIDE, CLIENT, INTERNET_HEAD, SERVER, STRANGER};
use tests::lab::traffic::{ECHO_PORT, ECHO_WAIT, forge, send_from};
use tests::scenarios;

/// A box has taken in a few hundred packets.
const TAKEN: Duration = Duration::from_secs(10);
/// Key of the drops of packets in clear of a tunnelled flow.
const CLEAR: &str = "ipsec-clear-in-tunnel-flow";
/// Key of the drops of packets out of another tunnel than their flow's.
const WRONG_TUNNEL: &str = "ipsec-spoof";

scenarios!(
    decision_15_packets_in_clear_change_nothing,
    decision_3_another_tunnel_changes_nothing,
);

fn client(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(CLIENT.parse().expect("an address"), port)
}

fn server() -> SocketAddrV4 {
    SocketAddrV4::new(SERVER.parse().expect("an address"), ECHO_PORT)
}

/// What an attacker who knows everything sends for each flow: the segment that comes next in the
/// window, and others, with every flag that could end or move the connection.
fn forged_segments(entries: &RawEntries) -> Result<Vec<Vec<u8>>> {
    let mut packets = Vec::new();
    for entry in entries.values() {
        let next = entry.high_next_sequence()?;
        for (flags, payload) in [
            (tcp_flags::RST, ""),
            (tcp_flags::RST | tcp_flags::ACK, ""),
            (tcp_flags::SYN, ""),
            (tcp_flags::FIN | tcp_flags::ACK, ""),
            (tcp_flags::PSH | tcp_flags::ACK, "forged"),
        ] {
            for sequence in [next, next.wrapping_add(1000), 0, 1 << 31] {
                packets.push(tcp_packet(&Segment {
                    source: client(entry.high_port),
                    destination: server(),
                    flags,
                    sequence,
                    acknowledgement: sequence,
                    payload: payload.into(),
                }));
            }
        }
    }
    Ok(packets)
}

/// Host unreachable, port unreachable and fragmentation needed, each about a segment that the
/// server could have sent.
fn forged_errors(entries: &RawEntries, source: Ipv4Addr) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for entry in entries.values() {
        for (kind, rest) in [([3, 1], 0), ([3, 3], 0), ([3, 4], 576)] {
            packets.push(icmp_packet(&IcmpError {
                source,
                kind,
                rest,
                quoted: Segment {
                    source: server(),
                    destination: client(entry.high_port),
                    flags: tcp_flags::ACK,
                    sequence: 0,
                    acknowledgement: entry.high_next_sequence().unwrap_or(0),
                    payload: Vec::new(),
                },
            }));
        }
    }
    packets
}

/// Sends `packets` by `send` and holds the head office's entries against what they were: the
/// packets all count under `key`, and no byte has moved.
fn expect_untouched(
    head: &HoldfastBox,
    before: &RawEntries,
    key: &str,
    packets: &[Vec<u8>],
    send: impl FnOnce(&[Vec<u8>]) -> Result<()>,
) -> Result<()> {
    let dropped = head.balance()?.dropped(key);
    send(packets)?;
    wait_for(&format!("the drop of every packet ({key})"), TAKEN, || {
        let now = head.balance()?.dropped(key);
        Ok((now - dropped >= packets.len() as u64).then_some(()))
    })?;
    expect_eq(
        "entries after foreign packets",
        &settled_entries(head, ECHO_PORT)?,
        before,
    )
}

mod scenario {
    use super::*;

    pub(super) fn decision_15_packets_in_clear_change_nothing(workers: usize) -> Result<()> {
        Scene::play(true, workers, |scene| {
            let mut held = scene.hold(SERVER, "held.log", ECHO_WAIT)?;
            let ids = scene.ids();
            let (head, topology) = (&scene.offices.head, &scene.offices.topology);
            let mac = topology.head.mac("outside")?;
            let attack = || {
                let before = settled_entries(head, ECHO_PORT)?;
                expect_eq("entries", before.len(), FLOWS)?;
                let mut packets = forged_segments(&before)?;
                let router = INTERNET_HEAD.parse().expect("an address");
                packets.extend(forged_errors(&before, router));
                expect_untouched(head, &before, CLEAR, &packets, |packets| {
                    forge(&topology.internet, "head", mac, packets)
                })
            };
            attack()?;
            expect_eq("flows with the tunnel up", held.probe()?, FLOWS)?;
            let outage = Outage::begin(&topology.internet)?;
            scene.offices.control_both("clear crypto isakmp sa")?;
            attack()?;
            outage.end()?;
            expect_eq("flows with the tunnel up again", held.probe()?, FLOWS)?;
            expect_eq("connection ids", scene.ids(), ids)
        })
    }

    /// The stranger has a tunnel of its own, whose selectors cover the branch's flows.
    pub(super) fn decision_3_another_tunnel_changes_nothing(workers: usize) -> Result<()> {
        Scene::play_with(true, workers, with_stranger, |scene| {
            let mut held = scene.hold(SERVER, "held.log", ECHO_WAIT)?;
            let ids = scene.ids();
            let (head, topology) = (&scene.offices.head, &scene.offices.topology);
            let space = topology.stranger(CLIENT)?;
            let home = topology.directory().join("stranger");
            let stranger = StrongSwan::start(&space, &home, &Settings::stranger(SEED, KEY))?;
            stranger.initiate()?;
            let attack = |space: &Namespace| {
                let before = settled_entries(head, ECHO_PORT)?;
                expect_eq("entries", before.len(), FLOWS)?;
                let mut packets = forged_segments(&before)?;
                packets.extend(forged_errors(&before, CLIENT.parse().expect("an address")));
                expect_untouched(head, &before, WRONG_TUNNEL, &packets, |packets| {
                    send_from(space, packets)
                })
            };
            attack(&space)?;
            expect_eq("flows with the tunnel up", held.probe()?, FLOWS)?;
            let outage = Outage::begin(&topology.internet)?;
            head.control(&format!("clear crypto ipsec sa peer {BRANCH_OUTSIDE}"))?;
            // Neither hears of the other: each has to know by itself.
            scene.offices.branch.control("clear crypto isakmp sa")?;
            attack(&space)?;
            outage.end()?;
            expect_eq("flows with the tunnel up again", held.probe()?, FLOWS)?;
            expect_eq("connection ids", scene.ids(), ids)?;
            stranger.stop()
        })
    }

    fn with_stranger(office: Office, text: &str) -> String {
        if office == Office::Branch {
            return text.to_owned();
        }
        format!(
            "{text}\
             access-list stranger extended permit ip 10.224.228.0 255.255.255.128 \
             192.168.30.0 255.255.255.0\n\
             crypto map map1 6 match address stranger\n\
             crypto map map1 6 set peer {STRANGER}\n\
             crypto map map1 6 set transform-set testSET\n\
             tunnel-group {STRANGER} type ipsec-l2l\n\
             tunnel-group {STRANGER} ipsec-attributes\n pre-shared-key {KEY}\n"
        )
    }
}
