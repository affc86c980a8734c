//! Probes after the resume.

use fastpath::tunnel::{ProbeOptions, ResumeOptions};
use fastpath::wire::{Ipv4, Tcp};
use fastpath::worker::event::{Event, TeardownReason};

use super::harness::{ACK, CLIENT_SEQ, Lab, RST, SERVER_SEQ, options, says, with};

const SECOND: u64 = 1_000_000;

fn probing() -> ResumeOptions {
    ResumeOptions {
        probe: Some(ProbeOptions {
            idle_s: 2,
            interval_s: 1,
            retries: 2,
        }),
        ..options(true, false)
    }
}

fn bounce(lab: &mut Lab) {
    lab.down(0);
    lab.run(SECOND / 2);
    lab.up(0);
    lab.release(0, 1000);
    lab.sealed();
    lab.clear();
}

/// Destination's last byte, sequence number, acknowledgement and payload.
fn parts(packets: &[Vec<u8>]) -> Vec<(u8, u32, u32, usize)> {
    let part = |packet: &Vec<u8>| {
        let (header, rest) = Tcp::parse(&packet[20..]).expect("TCP");
        let to = Ipv4::parse(packet).expect("IPv4").dst() as u8;
        (to, header.sequence(), header.acknowledgement(), rest.len())
    };
    packets.iter().map(part).collect()
}

fn reasons(lab: &mut Lab) -> Vec<TeardownReason> {
    let ended = lab.events.iter().filter_map(|event| match event {
        Event::ConnTeardown { reason, .. } => Some(*reason),
        _ => None,
    });
    ended.collect()
}

#[test]
fn silent_ends_are_asked_and_who_never_answers_goes() {
    with(|lab| {
        lab.set_options(probing());
        lab.connect(5, 0);
        bounce(lab);
        lab.run(2 * SECOND - 200_000);
        assert!(lab.sealed().is_empty() && lab.clear().is_empty());
        lab.run(400_000);
        // To the server as from the client, to the client as from the server.
        let below = CLIENT_SEQ.wrapping_sub(1);
        assert_eq!(parts(&lab.sealed()), [(7, below, SERVER_SEQ, 0)]);
        assert_eq!(parts(&lab.clear()), [(5, SERVER_SEQ - 1, CLIENT_SEQ, 0)]);
        lab.run(SECOND);
        assert_eq!((lab.sealed().len(), lab.clear().len()), (1, 1));
        lab.run(SECOND);
        assert_eq!(reasons(lab), [TeardownReason::ProbeRetries]);
        assert_eq!(
            TeardownReason::ProbeRetries.text(),
            "Probe maximum retries of retransmission exceeded"
        );
        assert_eq!(lab.report(0).probed_out, 1);
    });
}

#[test]
fn an_answer_ends_the_probing_and_a_reset_ends_the_flow() {
    with(|lab| {
        lab.set_options(probing());
        let alive = lab.connect(5, 0);
        let dead = lab.connect(6, 0);
        bounce(lab);
        lab.run(2 * SECOND + 200_000);
        assert_eq!((lab.sealed().len(), lab.clear().len()), (2, 2));
        for flow in [alive, dead] {
            lab.client(flow, says(ACK, CLIENT_SEQ, SERVER_SEQ, b""));
        }
        lab.server(alive, says(ACK, SERVER_SEQ, CLIENT_SEQ, b""));
        // An end that does not know the connection answers the probe's number.
        lab.server(dead, says(RST, SERVER_SEQ, 0, b""));
        lab.sealed();
        lab.clear();
        lab.run(4 * SECOND);
        assert!(lab.sealed().is_empty() && lab.clear().is_empty());
        assert_eq!(reasons(lab), [TeardownReason::TcpResetOutside]);
        assert_eq!(lab.report(0).far_resets, 1);
    });
}

#[test]
fn without_probes_a_silent_flow_is_left_alone() {
    with(|lab| {
        lab.connect(5, 0);
        bounce(lab);
        lab.run(6 * SECOND);
        assert!(lab.sealed().is_empty() && lab.clear().is_empty());
        assert!(reasons(lab).is_empty());
    });
}
