//! `vpn-resume`: how preserved connections go on when their tunnel is back.

use fastpath::wire::icmp::kind;

use super::flows::{FROM, TO, connect, tunnel_with};
use super::lab::{INSIDE, Lab, with};
use super::packet::says;
use super::peer::Peer;
use super::tunnels::opened;

const TEXT: &[u8] = b"said while the tunnel was down";
/// Bytes of a packet that says it.
const TEXT_LEN: usize = 40 + TEXT.len();

/// A connection through a tunnel that preserves it.
fn connected(lab: &mut Lab, commands: &str) {
    let preserve = "sysopt connection preserve-vpn-flows";
    tunnel_with(lab, &format!("{preserve}\n{commands}"));
    connect(lab);
}

fn peer(lab: &mut Lab) -> &mut Peer {
    lab.peer.as_mut().expect("a peer")
}

/// The tunnel is down, and the peer hears nothing of it.
fn take_down(lab: &mut Lab) -> Option<u32> {
    peer(lab).deaf = true;
    lab.ask("clear crypto ipsec sa");
    lab.run(300);
    peer(lab).newest()
}

fn bring_up(lab: &mut Lab, before: Option<u32>) {
    peer(lab).deaf = false;
    lab.until("the tunnel again", |lab| peer(lab).newest() != before);
    lab.run(1_500);
}

/// The client says something; what the box answers it.
fn client_says(lab: &mut Lab) -> Vec<u8> {
    let came = lab.send(INSIDE, &says(FROM, TO, (101, 501), TEXT));
    assert!(came.iter().all(|(at, _)| *at == INSIDE), "{came:?}");
    came.iter().map(|(_, it)| it.kind).collect()
}

#[test]
fn what_was_said_meanwhile_is_held_if_it_shall_be() {
    with(|lab| {
        for (commands, held) in [
            ("", true),
            ("no vpn-resume hold", false),
            ("no vpn-resume", false),
            ("no vpn-resume\nvpn-resume", true),
            ("no vpn-resume hold\nvpn-resume hold", true),
            ("no vpn-resume hold\nvpn-resume hold memory-mb 8", true),
        ] {
            connected(lab, commands);
            let before = take_down(lab);
            client_says(lab);
            assert!(opened(lab).is_empty());
            bring_up(lab, before);
            let found = opened(lab).iter().any(|it| it.len == TEXT_LEN);
            assert_eq!(found, held, "{commands}");
        }
    });
}

#[test]
fn retransmissions_that_nobody_holds_are_answered_if_they_shall_be() {
    with(|lab| {
        for (commands, answered) in [
            ("no vpn-resume hold", false),
            ("no vpn-resume hold\nvpn-resume unreachable", true),
            (
                "no vpn-resume hold\nvpn-resume unreachable\nno vpn-resume unreachable",
                false,
            ),
        ] {
            connected(lab, commands);
            client_says(lab);
            take_down(lab);
            let mut told = Vec::new();
            for _ in 0..4 {
                told.extend(client_says(lab));
                lab.run(300);
            }
            assert_eq!(
                told.contains(&kind::UNREACHABLE),
                answered,
                "{commands}: {told:?}"
            );
        }
    });
}

/// The client talks on while nobody answers; whether the box has given up the peer.
fn given_up_after(lab: &mut Lab, ms: u64) -> bool {
    for _ in 0..ms / 50 {
        lab.transmit(INSIDE, &says(FROM, TO, (101, 501), TEXT));
        lab.run(50);
    }
    !lab.ask("show crypto isakmp sa").contains("MM_ACTIVE")
}

#[test]
fn traffic_without_an_answer_finds_a_dead_peer_if_it_shall() {
    with(|lab| {
        for (commands, early, late) in [
            ("", true, true),
            ("vpn-resume detect milliseconds 5000", false, true),
            ("no vpn-resume detect", false, false),
            ("no vpn-resume detect\nvpn-resume detect", true, true),
        ] {
            connected(lab, commands);
            assert!(!given_up_after(lab, 200), "{commands}: it hears");
            peer(lab).deaf = true;
            assert_eq!(given_up_after(lab, 3_000), early, "{commands}");
            assert_eq!(given_up_after(lab, 6_000), late, "{commands}");
        }
    });
}

#[test]
fn silent_ends_are_asked_after_a_resume_if_they_shall_be() {
    with(|lab| {
        let probe = "vpn-resume probe idle 2 interval 1 retries 2";
        for (commands, asked) in [
            (String::new(), false),
            (probe.to_owned(), true),
            (format!("{probe}\nno vpn-resume probe"), false),
        ] {
            connected(lab, &commands);
            let before = take_down(lab);
            bring_up(lab, before);
            opened(lab);
            lab.received();
            lab.pass(10);
            let client_was = lab.received().iter().any(|(at, _)| *at == INSIDE);
            let server_was = !opened(lab).is_empty();
            assert_eq!((client_was, server_was), (asked, asked), "{commands}");
            let left = u32::from(!asked);
            assert_eq!(lab.connections(), left, "{commands}: nobody has answered");
        }
    });
}
