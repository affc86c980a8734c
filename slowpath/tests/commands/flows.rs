//! `sysopt connection`: what tunnels mean for connections.

use super::lab::{CLIENT, INSIDE, Lab, OUTSIDE, with};
use super::packet::{ACK, SYN, segment, syn, udp};
use super::peer::{FAR_HOST, Peer, TUNNEL};
use super::tunnels::{opened, up};

pub(crate) const FROM: (&str, u16) = (CLIENT, 4_100);
pub(crate) const TO: (&str, u16) = (FAR_HOST, 80);

pub(crate) fn tunnel_with(lab: &mut Lab, commands: &str) {
    lab.configure(&format!("{TUNNEL}{commands}"));
    lab.peer = Some(Peer::new());
    up(lab);
}

fn from_peer(lab: &mut Lab, packet: &[u8]) -> Option<usize> {
    let peer = lab.peer.as_mut().expect("a peer");
    let sealed = peer.sealed(packet);
    lab.way(OUTSIDE, &sealed)
}

/// A connection through the tunnel.
pub(crate) fn connect(lab: &mut Lab) {
    assert_eq!(lab.way(INSIDE, &syn(FROM, TO)), None);
    assert_eq!(opened(lab).len(), 1);
    let answer = segment(TO, FROM, SYN | ACK, (500, 101), 0);
    assert_eq!(from_peer(lab, &answer), Some(INSIDE));
    say(lab);
    assert_eq!(opened(lab).len(), 1);
}

/// The client says something on the connection.
fn say(lab: &mut Lab) {
    let packet = segment(FROM, TO, ACK, (101, 501), 0);
    let came = lab.send(INSIDE, &packet);
    assert!(came.iter().all(|(at, _)| *at == INSIDE), "{came:?}");
}

#[test]
fn what_comes_out_of_a_tunnel_skips_the_access_groups_if_it_may() {
    with(|lab| {
        let open = "sysopt connection permit-vpn";
        for (commands, passes) in [
            (String::new(), true),
            (format!("no {open}"), false),
            (format!("no {open}\n{open}"), true),
        ] {
            tunnel_with(lab, &commands);
            let way = from_peer(lab, &syn(TO, (CLIENT, 4_200)));
            assert_eq!(way.is_some(), passes, "{commands}");
        }
        // Without the option the access group decides.
        tunnel_with(
            lab,
            &format!(
                "no {open}\naccess-list in permit ip any any\naccess-group in in interface outside"
            ),
        );
        assert_eq!(from_peer(lab, &syn(TO, (CLIENT, 4_200))), Some(INSIDE));
    });
}

#[test]
fn older_connections_in_clear_end_when_a_tunnel_comes_up_that_covers_them() {
    with(|lab| {
        let option = "sysopt connection reclassify-vpn";
        for (commands, ends) in [
            (String::new(), true),
            (format!("no {option}"), false),
            (format!("no {option}\n{option}"), true),
        ] {
            lab.configure(&commands);
            lab.peer = Some(Peer::new());
            let old = udp((CLIENT, 4_300), (FAR_HOST, 53));
            assert_eq!(lab.way(INSIDE, &old), Some(OUTSIDE));
            lab.edit(TUNNEL);
            up(lab);
            lab.run(500);
            let way = lab.way(INSIDE, &old);
            let through = opened(lab).len();
            let expected = if ends { (None, 1) } else { (Some(OUTSIDE), 0) };
            assert_eq!((way, through), expected, "{commands}");
        }
    });
}

/// Whether the connection outlives a drop of its tunnel.
fn outlives(lab: &mut Lab) -> bool {
    let before = lab.connections();
    lab.ask("clear crypto ipsec sa");
    lab.run(500);
    let kept = lab.connections() == before;
    // A segment of no connection asks for nothing; a datagram does.
    lab.transmit(INSIDE, &udp((CLIENT, 4_400), (FAR_HOST, 53)));
    lab.until("the tunnel again", |lab| {
        lab.peer.as_ref().is_some_and(Peer::is_up)
    });
    lab.run(500);
    opened(lab);
    say(lab);
    let passes = !opened(lab).is_empty();
    assert_eq!(passes, kept, "a connection that is there goes on");
    kept
}

#[test]
fn connections_outlive_their_tunnel_if_they_shall() {
    with(|lab| {
        let option = "sysopt connection preserve-vpn-flows";
        for (commands, kept) in [
            (String::new(), false),
            (option.to_owned(), true),
            (format!("{option}\nno {option}"), false),
        ] {
            tunnel_with(lab, &commands);
            connect(lab);
            assert_eq!(outlives(lab), kept, "{commands}");
        }
    });
}

#[test]
fn the_option_is_for_later_tunnels_and_with_immediate_for_live_ones_too() {
    with(|lab| {
        for (word, kept) in [("", false), (" immediate", true)] {
            tunnel_with(lab, "");
            connect(lab);
            lab.edit(&format!("sysopt connection preserve-vpn-flows{word}"));
            assert_eq!(outlives(lab), kept, "preserve-vpn-flows{word}");
        }
    });
}
