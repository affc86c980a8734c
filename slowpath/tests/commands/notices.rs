//! `logging` and `snmp-server`: what the box tells of what happens in it.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use super::lab::{CLIENT, INSIDE, Lab, SERVER, with};
use super::packet::syn;
use super::peer::{Peer, TUNNEL};
use super::tunnels::up;

/// How often a test listens for what must come.
const PATIENCE: usize = 50;

/// A host that datagrams are sent to, and its port.
fn host() -> (UdpSocket, u16) {
    let host = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let wait = Duration::from_millis(200);
    host.set_read_timeout(Some(wait)).expect("a timeout");
    let port = host.local_addr().expect("an address").port();
    (host, port)
}

/// The datagrams that have come.
fn heard(host: &UdpSocket) -> Vec<Vec<u8>> {
    let mut datagram = [0; 2048];
    let next = || {
        let len = host.recv(&mut datagram).ok()?;
        Some(datagram[..len].to_vec())
    };
    std::iter::from_fn(next).collect()
}

fn has(datagrams: &[Vec<u8>], part: &[u8]) -> bool {
    let mut datagrams = datagrams.iter();
    datagrams.any(|it| it.windows(part.len()).any(|window| window == part))
}

#[test]
fn a_host_is_told_of_connections_at_their_severity() {
    with(|lab| {
        let (host, port) = host();
        for (commands, told) in [
            ("logging trap informational", true),
            ("logging trap errors", false),
            ("logging trap informational\nno logging trap", false),
            ("logging trap informational\nno logging enable", false),
            (
                "logging trap informational\nno logging message 302013",
                false,
            ),
        ] {
            lab.configure(&format!(
                "logging host outside 127.0.0.1 udp/{port}\n{commands}"
            ));
            heard(&host);
            assert!(
                lab.way(INSIDE, &syn((CLIENT, 4_000), (SERVER, 80)))
                    .is_some()
            );
            lab.run(50);
            // A thread of its own sends.
            let line = b"%ASA-6-302013: Built outbound TCP connection";
            let tries = if told { PATIENCE } else { 1 };
            let found = (0..tries).any(|_| has(&heard(&host), line));
            assert_eq!(found, told, "{commands}");
        }
    });
}

/// Object identifiers of `linkDown`, of `cipSecTunnelStart` and of `cipSecTunnelStop`.
const LINK_DOWN: &[u8] = &[0x2b, 6, 1, 6, 3, 1, 1, 5, 3];
const TUNNEL_START: &[u8] = &[0x2b, 6, 1, 4, 1, 9, 9, 0x81, 0x2b, 2, 0, 7];
const TUNNEL_STOP: &[u8] = &[0x2b, 6, 1, 4, 1, 9, 9, 0x81, 0x2b, 2, 0, 8];

/// A link goes down, a tunnel comes up and goes down: which of the three is told.
fn traps(lab: &mut Lab, commands: &str, host: &UdpSocket) -> [bool; 3] {
    lab.configure(&format!("{TUNNEL}{commands}"));
    lab.pass(2);
    heard(host);
    lab.edit("interface Ethernet0/2\n shutdown");
    lab.pass(2);
    lab.peer = Some(Peer::new());
    up(lab);
    lab.ask("clear crypto isakmp sa");
    lab.run(50);
    let datagrams = heard(host);
    [LINK_DOWN, TUNNEL_START, TUNNEL_STOP].map(|identifier| has(&datagrams, identifier))
}

#[test]
fn a_receiver_is_sent_the_traps_that_are_enabled() {
    with(|lab| {
        let (host, port) = host();
        let receiver = format!(
            "snmp-server community common\n\
             snmp-server host outside 127.0.0.1 udp-port {port}\n"
        );
        for (commands, told) in [
            ("", [false; 3]),
            ("snmp-server enable traps", [true; 3]),
            ("snmp-server enable traps snmp", [true, false, false]),
            ("snmp-server enable traps snmp linkup", [false; 3]),
            ("snmp-server enable traps ipsec", [false, true, true]),
            ("snmp-server enable traps ipsec stop", [false, false, true]),
            (
                "snmp-server enable traps\nno snmp-server enable traps ipsec",
                [true, false, false],
            ),
            (
                "snmp-server enable traps\nno snmp-server community",
                [false; 3],
            ),
        ] {
            let found = traps(lab, &format!("{receiver}{commands}"), &host);
            assert_eq!(found, told, "{commands}");
        }
        let gone = format!(
            "{receiver}snmp-server enable traps\nno {}",
            receiver.lines().nth(1).expect("a line")
        );
        assert_eq!(traps(lab, &gone, &host), [false; 3]);
    });
}
