//! Datagrams to a host, by a socket of the operating system (RFC 5426).

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};

use super::lane::{LaneCounters, Line, Sink};

/// A host.
pub(super) struct UdpSink {
    host: SocketAddrV4,
    socket: Option<UdpSocket>,
}

impl UdpSink {
    pub(super) const fn new(host: SocketAddrV4) -> Self {
        Self { host, socket: None }
    }
}

impl Sink for UdpSink {
    fn write(&mut self, line: &Line, counters: &LaneCounters) {
        if self.socket.is_none() {
            self.socket = bind().ok();
        }
        let socket = self.socket.as_ref();
        let sent = socket.is_some_and(|it| it.send_to(line.text.as_bytes(), self.host).is_ok());
        LaneCounters::count(if sent {
            &counters.written
        } else {
            &counters.errors
        });
    }
}

fn bind() -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn what_is_sent_and_what_is_refused_is_counted() {
        let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        let port = receiver.local_addr().expect("an address").port();
        let counters = LaneCounters::default();
        let mut sink = UdpSink::new(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
        let line = |text: &str| Line {
            level: 6,
            text: text.into(),
        };
        sink.write(&line("<166>one"), &counters);
        let mut datagram = [0; 64];
        let len = receiver.recv(&mut datagram).expect("a datagram");
        assert_eq!(&datagram[..len], b"<166>one");
        // Longer than any datagram.
        sink.write(&line(&"x".repeat(70_000)), &counters);
        assert_eq!(counters.written.load(Ordering::Relaxed), 1);
        assert_eq!(counters.errors.load(Ordering::Relaxed), 1);
    }
}
