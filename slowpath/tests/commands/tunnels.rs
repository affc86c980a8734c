//! What makes a tunnel: `crypto map`, `crypto isakmp enable`, `tunnel-group`; its replay window.

use super::lab::{CLIENT, FAR_AWAY, INSIDE, Lab, OUTSIDE, with};
use super::packet::{Seen, udp};
use super::peer::{FAR_HOST, Peer, TUNNEL};

/// Milliseconds in which a negotiation would long have come to its end.
const NEGOTIATION_MS: u64 = 600;

/// A packet from inside to a host behind the peer, by its source port.
fn to_peer(port: u16) -> Vec<u8> {
    udp((CLIENT, port), (FAR_HOST, 53))
}

/// Packets to the peer's net bring the tunnel up.
pub(crate) fn up(lab: &mut Lab) {
    assert_eq!(lab.way(INSIDE, &to_peer(4_000)), None);
    lab.until("a tunnel", |lab| lab.peer.as_ref().is_some_and(Peer::is_up));
    lab.run(50);
    assert!(
        opened(lab).is_empty(),
        "what asked for the tunnel was not kept"
    );
}

/// What the peer got through the tunnel since it was last asked.
pub(crate) fn opened(lab: &mut Lab) -> Vec<Seen> {
    let peer = lab.peer.as_mut().expect("a peer");
    let opened = peer.opened.drain(..);
    opened.map(|packet| Seen::of(&packet)).collect()
}

/// How a packet to the peer's net fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Tunnel,
    Clear,
    Dropped,
}

fn expect(lab: &mut Lab, expected: Fate, why: &str) {
    lab.peer = Some(Peer::new());
    let clear = lab.way(INSIDE, &to_peer(4_000)).is_some();
    let is_up = |lab: &mut Lab| lab.peer.as_ref().is_some_and(Peer::is_up);
    if expected == Fate::Tunnel {
        lab.until(why, is_up);
    } else {
        let mut waited = 0;
        lab.until(why, |lab| {
            waited += 1;
            waited > NEGOTIATION_MS || is_up(lab)
        });
    }
    // The peer has its pair a message before the box has its own.
    lab.run(50);
    let clear = lab.way(INSIDE, &to_peer(4_001)).is_some() || clear;
    let found = match (clear, opened(lab).is_empty()) {
        (true, true) => Fate::Clear,
        (false, false) => Fate::Tunnel,
        (false, true) => Fate::Dropped,
        (true, false) => panic!("{why}: both ways"),
    };
    assert_eq!(found, expected, "{why}");
}

#[test]
fn what_the_access_list_permits_and_nothing_else_goes_through_the_tunnel() {
    with(|lab| {
        lab.configure(TUNNEL);
        lab.peer = Some(Peer::new());
        up(lab);
        assert_eq!(lab.way(INSIDE, &to_peer(4_001)), None, "not in clear");
        let came = opened(lab);
        assert_eq!(came.len(), 1, "{came:?}");
        assert_eq!(
            (came[0].sport, came[0].dst.to_string().as_str()),
            (4_001, FAR_HOST)
        );
        let beside = udp((CLIENT, 4_002), (FAR_AWAY, 53));
        assert_eq!(lab.way(INSIDE, &beside), Some(OUTSIDE));
        assert!(opened(lab).is_empty());
    });
}

/// Each line is one that the tunnel cannot do without; with another in its place it is back.
#[test]
fn every_part_of_a_tunnel_takes_part() {
    with(|lab| {
        for (line, without) in [
            ("no crypto map map1 5 match address vpn", Fate::Clear),
            ("no crypto map map1 interface outside", Fate::Clear),
            ("no crypto map map1 5", Fate::Clear),
            ("no crypto map map1", Fate::Clear),
            (
                "no access-list vpn permit ip 10.0.0.0 255.255.255.0 10.9.0.0 255.255.0.0",
                Fate::Clear,
            ),
            ("no crypto map map1 5 set peer 192.0.2.2", Fate::Dropped),
            ("no crypto map map1 5 set transform-set set1", Fate::Dropped),
            ("no crypto ipsec transform-set set1", Fate::Dropped),
            ("no crypto isakmp enable outside", Fate::Dropped),
            ("no crypto isakmp policy 5", Fate::Dropped),
            ("no tunnel-group 192.0.2.2", Fate::Dropped),
            ("no tunnel-group 192.0.2.2 ipsec-attributes", Fate::Dropped),
            (
                "tunnel-group 192.0.2.2 ipsec-attributes\n no pre-shared-key",
                Fate::Dropped,
            ),
            (
                "tunnel-group 192.0.2.2 ipsec-attributes\n pre-shared-key sardine",
                Fate::Dropped,
            ),
        ] {
            lab.configure(&format!("{TUNNEL}{line}"));
            expect(lab, without, line);
            lab.configure(&format!("{TUNNEL}{line}\n{TUNNEL}"));
            expect(lab, Fate::Tunnel, line);
        }
    });
}

#[test]
fn a_group_for_all_others_has_the_key_of_peers_without_a_group() {
    with(|lab| {
        let group = "tunnel-group DefaultL2LGroup ipsec-attributes\n pre-shared-key swordfish";
        lab.configure(&format!("{TUNNEL}no tunnel-group 192.0.2.2\n{group}"));
        expect(lab, Fate::Tunnel, group);
    });
}

#[test]
fn the_box_answers_ike_where_it_is_enabled() {
    with(|lab| {
        for (command, answers) in [("", true), ("no crypto isakmp enable outside", false)] {
            lab.configure(&format!("{TUNNEL}{command}"));
            lab.peer = Some(Peer::new());
            lab.peer_initiates();
            let mut waited = 0;
            lab.until("a tunnel", |lab| {
                waited += 1;
                let is_up = lab.peer.as_ref().is_some_and(Peer::is_up);
                assert!(answers || !is_up, "{command}");
                is_up || !answers && waited > NEGOTIATION_MS
            });
        }
    });
}

#[test]
fn a_pair_whose_kilobytes_are_used_up_is_replaced() {
    with(|lab| {
        let command = "crypto ipsec security-association lifetime kilobytes 10";
        lab.configure(&format!("{TUNNEL}{command}"));
        lab.peer = Some(Peer::new());
        up(lab);
        let newest = |lab: &Lab| lab.peer.as_ref().and_then(Peer::newest);
        let first = newest(lab);
        // Each is of 32 bytes.
        let mut sent = 0;
        lab.until("a successor", |lab| {
            lab.transmit(INSIDE, &to_peer(4_000));
            sent += 1;
            newest(lab) != first
        });
        assert!(sent > 100, "{sent} packets are far below ten kilobytes");
    });
}

/// Sends the first of `packets` packets of the peer's last; whether it is taken.
fn takes_late(lab: &mut Lab, packets: u16) -> bool {
    let peer = lab.peer.as_mut().expect("a peer");
    let mut seal = |port| peer.sealed(&udp((FAR_HOST, port), (CLIENT, 53)));
    let sealed: Vec<Vec<u8>> = (1..=packets).map(&mut seal).collect();
    for packet in &sealed[1..] {
        assert_eq!(lab.way(OUTSIDE, packet), Some(INSIDE));
    }
    lab.way(OUTSIDE, &sealed[0]).is_some()
}

#[test]
fn a_packet_is_taken_as_late_as_the_replay_window_says() {
    with(|lab| {
        let command = "crypto ipsec security-association replay window-size";
        for (commands, window) in [
            (String::new(), 64),
            (format!("{command} 128"), 128),
            (format!("{command} 128\nno {command}"), 64),
        ] {
            lab.configure(&format!("{TUNNEL}{commands}"));
            lab.peer = Some(Peer::new());
            up(lab);
            assert!(takes_late(lab, window), "{commands}");
            assert!(!takes_late(lab, window + 1), "{commands}");
        }
    });
}
