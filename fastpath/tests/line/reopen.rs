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
