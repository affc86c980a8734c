//! A SYN that reuses a closed connection (RFC 9293 section 3.6.1).

use fastpath::conn::tcp::tcp_flag::{ACK, FIN, SYN};
use fastpath::policy::Policy;
use fastpath::verdict::DropReason;
use fastpath::worker::event::{DenyKind, Event, TeardownReason};

use super::harness::{
    CLIENT, INSIDE, Line, OUTSIDE, SERVER, Segment, everything, interfaces, policy, take,
};

/// One connection of the client's, segment by segment.
struct Peers {
    client_port: u16,
}

impl Peers {
    fn client(&self, flags: u8, seq: u32, ack: u32) -> Segment {
        Segment {
            from: (CLIENT, self.client_port),
            to: (SERVER, 80),
            flags,
            seq,
            ack,
        }
    }

    fn server(&self, flags: u8, seq: u32, ack: u32) -> Segment {
        Segment {
            from: (SERVER, 80),
            to: (CLIENT, self.client_port),
            flags,
            seq,
            ack,
        }
    }

    /// Opens and closes; the connection lingers.
    fn open_and_close(&self, line: &mut Line) {
        let segments = [
            (INSIDE, self.client(SYN, 100, 0)),
            (OUTSIDE, self.server(SYN | ACK, 500, 101)),
            (INSIDE, self.client(ACK, 101, 501)),
            (INSIDE, self.client(FIN | ACK, 101, 501)),
            (OUTSIDE, self.server(FIN | ACK, 501, 102)),
            (INSIDE, self.client(ACK, 102, 502)),
        ];
        for (port, segment) in segments {
            line.send_and_see(port, &segment.packet(), None);
        }
    }
}

fn lingering() -> Policy {
    Policy {
        timewait: true,
        ..policy(&interfaces())
    }
}

/// Numbers of the connections that were made, and reasons of those that ended.
fn lives(line: &Line) -> (Vec<u32>, Vec<(u32, TeardownReason)>) {
    let built = line.events.iter().filter_map(|event| match event {
        Event::ConnBuilt(conn) => Some(conn.id.0),
        _ => None,
    });
    let ended = line.events.iter().filter_map(|event| match event {
        Event::ConnTeardown { conn, reason, .. } => Some((conn.id.0, *reason)),
        _ => None,
    });
    (built.collect(), ended.collect())
}

#[test]
fn a_new_syn_ends_the_closed_connection_and_opens_another() {
    let mut line = take();
    line.publish(lingering());
    let peers = Peers {
        client_port: 20_001,
    };
    peers.open_and_close(&mut line);
    assert_eq!(lives(&line).1, [], "it lingers");
    let syn = peers.client(SYN, 70_000, 0);
    line.send_and_see(INSIDE, &syn.packet(), None);
    line.wait_for(|line| lives(line).0.len() == 2);
    let (built, ended) = lives(&line);
    assert_eq!(ended, [(built[0], TeardownReason::TcpFins)]);
    // The other end answers the new connection, of which the old one knew nothing.
    let answer = peers.server(SYN | ACK, 9_000_000, 70_001);
    line.send_and_see(OUTSIDE, &answer.packet(), None);
}

#[test]
fn policy_is_asked_again() {
    let mut line = take();
    line.publish(lingering());
    let peers = Peers {
        client_port: 20_002,
    };
    peers.open_and_close(&mut line);
    let mut interfaces = interfaces();
    interfaces[usize::from(INSIDE)].access_in = Some(everything(false));
    line.publish(Policy {
        timewait: true,
        ..policy(&interfaces)
    });
    let syn = peers.client(SYN, 70_000, 0).packet();
    line.send_and_see(INSIDE, &syn, Some(DropReason::AclDrop));
    line.wait_for(|line| {
        line.events.iter().any(|event| match event {
            Event::Denied { kind, .. } => *kind == DenyKind::AccessGroup,
            _ => false,
        })
    });
    let (built, ended) = lives(&line);
    assert_eq!(built.len(), 1);
    assert_eq!(ended, [(built[0], TeardownReason::TcpFins)]);
}

/// Packets of one burst of which an earlier one ends the connection, and one after it ends the new
/// one: each of them is either sent or dropped under a reason.
#[test]
fn what_loses_its_connection_within_a_burst_is_accounted_for() {
    use fastpath::conn::tcp::tcp_flag::RST;
    let mut line = take();
    line.publish(lingering());
    for client_port in 20_010..20_030 {
        let peers = Peers { client_port };
        peers.open_and_close(&mut line);
        let before = line.counters();
        let burst = [
            peers.client(SYN, 70_000, 0),
            peers.client(RST, 70_001, 0),
            peers.client(ACK, 70_001, 501),
            peers.client(SYN, 80_000, 0),
        ];
        for segment in burst {
            line.send(INSIDE, &segment.packet());
        }
        line.wait_for(|line| {
            let now = line.counters();
            now.received >= before.received + burst.len() as u64 && now.balance().holds()
        });
    }
    let counters = line.counters();
    assert!(counters.drops_of(DropReason::TcpNotSyn) > 0);
}
