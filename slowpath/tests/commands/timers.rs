//! `timeout` and `sysopt connection timewait`: when a connection that is silent ends.

use fastpath::wire::icmp::kind;

use super::lab::{CLIENT, INSIDE, Lab, OUTSIDE, SERVER, with};
use super::packet::{ACK, FIN, SYN, icmp, segment, udp};

const FROM: (&str, u16) = (CLIENT, 4_000);
const TO: (&str, u16) = (SERVER, 80);
/// How late the timer wheel may be.
const LATE_S: u64 = 3;

/// The client and the server say these, in turn.
fn talk(lab: &mut Lab, says: &[(u8, u32, u32)]) {
    for &(flags, seq, ack) in says {
        let (at, packet) = if seq < 500 {
            (INSIDE, segment(FROM, TO, flags, (seq, ack), 0))
        } else {
            (OUTSIDE, segment(TO, FROM, flags, (seq, ack), 0))
        };
        assert!(lab.way(at, &packet).is_some());
    }
}

const HANDSHAKE: [(u8, u32, u32); 3] = [(SYN, 100, 0), (SYN | ACK, 500, 101), (ACK, 101, 501)];
const CLOSE: [(u8, u32, u32); 3] = [
    (FIN | ACK, 101, 501),
    (FIN | ACK, 501, 102),
    (ACK, 102, 502),
];

/// The connection lives for so many seconds and no more; what its end is logged with.
fn lives(lab: &mut Lab, seconds: u64, number: u32) -> String {
    assert_eq!(lab.connections(), 1);
    lab.pass(seconds - LATE_S);
    assert_eq!(lab.connections(), 1, "{seconds} s are not over");
    lab.pass(2 * LATE_S);
    assert_eq!(lab.connections(), 0, "{seconds} s are over");
    lab.logged(number).remove(0)
}

#[test]
fn a_silent_connection_ends_after_its_own_time() {
    with(|lab| {
        lab.configure("timeout conn 0:05:00 half-closed 0:00:40 udp 0:01:10 icmp 0:00:09");
        talk(lab, &HANDSHAKE);
        assert!(lives(lab, 300, 302_014).ends_with("Conn-timeout"));
        lab.ask("clear logging buffer");
        talk(lab, &HANDSHAKE);
        talk(lab, &CLOSE[..1]);
        assert!(lives(lab, 40, 302_014).ends_with("FIN Timeout"));
        assert!(lab.way(INSIDE, &udp(FROM, TO)).is_some());
        lives(lab, 70, 302_016);
        assert!(
            lab.way(INSIDE, &icmp(CLIENT, SERVER, kind::ECHO_REQUEST))
                .is_some()
        );
        lives(lab, 9, 302_021);
    });
}

#[test]
fn an_idle_translation_ends_its_connection() {
    with(|lab| {
        lab.configure(
            "timeout xlate 0:01:00 udp 0:30:00\nnat (inside) 1 10.0.0.0 255.255.255.0\n\
             global (outside) 1 interface",
        );
        assert!(lab.way(INSIDE, &udp(FROM, TO)).is_some());
        lives(lab, 60, 305_012);
    });
}

#[test]
fn no_timeout_sets_the_times_of_an_asa() {
    with(|lab| {
        lab.configure("timeout udp 0:30:00 icmp 0:10:00\nno timeout");
        assert!(lab.way(INSIDE, &udp(FROM, TO)).is_some());
        lives(lab, 120, 302_016);
    });
}

#[test]
fn a_connection_whose_timeout_is_zero_stays() {
    with(|lab| {
        lab.configure("timeout conn 0:00:00");
        talk(lab, &HANDSHAKE);
        // The default is an hour.
        lab.pass(3_700);
        assert_eq!(lab.connections(), 1);
    });
}

#[test]
fn a_closed_connection_lingers_if_it_shall() {
    with(|lab| {
        for (command, lingers) in [
            ("", false),
            ("sysopt connection timewait", true),
            (
                "sysopt connection timewait\nno sysopt connection timewait",
                false,
            ),
        ] {
            lab.configure(command);
            talk(lab, &HANDSHAKE);
            talk(lab, &CLOSE);
            assert_eq!(lab.connections(), u32::from(lingers), "{command}");
            if lingers {
                assert!(lives(lab, 15, 302_014).ends_with("TCP FINs"));
            }
        }
    });
}
