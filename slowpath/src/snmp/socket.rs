//! The operating system's sockets for traps and queries. No call waits.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};

/// Port of an agent (RFC 3417 section 3.1).
const AGENT_PORT: u16 = 161;
/// Longest datagram that is looked at; the head of a query is far shorter.
const DATAGRAM_MAX_BYTES: usize = 1500;

/// Both sockets, as far as they are needed.
#[derive(Debug, Default)]
pub struct Socket {
    sending: Option<UdpSocket>,
    listening: Option<UdpSocket>,
}

fn bound(port: u16) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

impl Socket {
    /// Sends a datagram; whether the system took it.
    pub fn send(&mut self, to: SocketAddrV4, datagram: &[u8]) -> bool {
        if self.sending.is_none() {
            self.sending = bound(0).ok();
        }
        let socket = self.sending.as_ref();
        socket.is_some_and(|socket| socket.send_to(datagram, to).is_ok())
    }

    /// Listens on port 161, or no longer.
    pub fn listen(&mut self, wanted: bool) -> std::io::Result<()> {
        if !wanted {
            self.listening = None;
        } else if self.listening.is_none() {
            self.listening = Some(bound(AGENT_PORT)?);
        }
        Ok(())
    }

    /// The next datagram to port 161, and who sent it.
    pub fn receive(&mut self) -> Option<(Vec<u8>, Ipv4Addr)> {
        let socket = self.listening.as_ref()?;
        let mut bytes = [0; DATAGRAM_MAX_BYTES];
        match socket.recv_from(&mut bytes).ok()? {
            (len, SocketAddr::V4(from)) => {
                Some((bytes.get(..len).unwrap_or_default().to_vec(), *from.ip()))
            }
            _ => None,
        }
    }
}
