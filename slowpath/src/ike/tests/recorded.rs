//! Authenticated messages that somebody has recorded and sends again, from elsewhere.

use super::*;
use crate::ike::limits::FINISHED_MAX;
use crate::ike::wire::exchange;

/// Whoever records.
const STRANGER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(198, 51, 100, 66), 4_711);
/// Byte of the exchange type (RFC 2408 section 3.1).
const EXCHANGE: usize = 18;

/// End 0 gets every message of this kind that was sent to it, at its other port and from a
/// stranger.
fn replay(lab: &mut Lab, kind: u8) -> usize {
    let recorded = lab.seen.iter().filter(|flight| flight.to == 0);
    let recorded = recorded.filter(|flight| flight.message[EXCHANGE] == kind);
    let messages: Vec<_> = recorded.map(|flight| flight.message.clone()).collect();
    for message in &messages {
        lab.with(0, |engine, now, spis| {
            let datagram = Datagram {
                local: SocketAddrV4::new(A, 4_500),
                remote: STRANGER,
                message,
            };
            engine.datagram(now, spis, datagram);
        });
    }
    messages.len()
}

fn ends_of_sa(lab: &Lab) -> (SocketAddrV4, SocketAddrV4) {
    let sa = lab.ends[0].sa();
    (sa.local, sa.remote)
}

#[test]
fn a_recorded_message_moves_no_address() {
    let mut lab = lab();
    up(&mut lab);
    // Probes of both sides, and their answers.
    lab.quiet(120_000);
    let before = (ends_of_sa(&lab), lab.ends[0].sa().dpd.last_heard);
    lab.quiet(1);
    for kind in [exchange::INFORMATIONAL, exchange::QUICK] {
        assert!(replay(&mut lab, kind) > 0, "there was one");
        let after = (ends_of_sa(&lab), lab.ends[0].sa().dpd.last_heard);
        assert_eq!(after, before, "exchange {kind}");
    }
    assert!(lab.ends[0].moves.is_empty());
}

/// The first messages of many quick modes, the oldest of which are in nobody's short memory any
/// more: none makes a pair.
#[test]
fn a_recorded_quick_mode_replaces_nothing() {
    let mut lab = lab();
    up(&mut lab);
    for _ in 0..FINISHED_MAX + 4 {
        lab.quiet(3_000);
        let child = lab.ends[1].engine.core.current(TUNNEL).expect("a pair");
        let spi = child.inbound_spi;
        lab.with(1, |engine, now, spis| engine.rekey(now, spis, spi));
    }
    lab.quiet(60_000);
    let pairs = |lab: &Lab| lab.ends[0].children.keys().copied().collect::<Vec<_>>();
    let before = pairs(&lab);
    assert!(replay(&mut lab, exchange::QUICK) > FINISHED_MAX);
    assert_eq!(pairs(&lab), before);
    lab.quiet(60_000);
    assert_eq!(pairs(&lab), before);
    assert_eq!(lab.agreed(), 1);
}
