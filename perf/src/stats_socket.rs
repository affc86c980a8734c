//! A client of a box's statistics socket.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, setsockopt, socket,
    sockopt,
};
use nix::sys::time::TimeVal;
use serde_json::Value;

/// Bytes of the longest packet that may come.
const PACKET_BYTES: usize = 64 * 1024;
/// Seconds that an answer may take.
const ANSWER_S: i64 = 10;

/// A connected client that has been greeted.
#[derive(Debug)]
pub(crate) struct StatsSocket(OwnedFd);

impl StatsSocket {
    /// Connects.
    pub(crate) fn connect(path: &Path) -> Result<Self, String> {
        let connected = || -> nix::Result<OwnedFd> {
            let flags = SockFlag::SOCK_CLOEXEC;
            let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
            setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::new(ANSWER_S, 0))?;
            connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
            Ok(fd)
        };
        let fd = connected().map_err(|error| format!("{}: {error}", path.display()))?;
        let client = Self(fd);
        client.receive()?;
        Ok(client)
    }

    /// Sends a packet as far as there is room for it; `false` when there is none, or nobody.
    pub(crate) fn send(&self, bytes: &[u8]) -> bool {
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        send(self.0.as_raw_fd(), bytes, flags).is_ok()
    }

    /// A packet that has come.
    pub(crate) fn receive(&self) -> Result<Vec<u8>, String> {
        let mut packet = vec![0; PACKET_BYTES];
        let len = recv(self.0.as_raw_fd(), &mut packet, MsgFlags::empty());
        match len {
            Ok(0) | Err(Errno::ECONNRESET) => Err("the box has closed the socket".to_owned()),
            Ok(len) => {
                packet.truncate(len);
                Ok(packet)
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// Asks a command; the value behind its name.
    pub(crate) fn ask(&self, command: &str) -> Result<Value, String> {
        if !self.send(command.as_bytes()) {
            return Err(format!("{command}: there is no room for it"));
        }
        let mut answer: Value =
            serde_json::from_slice(&self.receive()?).map_err(|error| error.to_string())?;
        let name = command.split(',').next().unwrap_or_default();
        let value = answer.get_mut(name).map(Value::take);
        value.ok_or_else(|| format!("{command} was answered with {answer}"))
    }
}
