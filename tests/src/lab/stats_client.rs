//! A client of a box's statistics socket, as a script would write one.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, setsockopt, socket,
    sockopt,
};
use nix::sys::time::TimeVal;
use serde_json::Value;

use super::error::{Result, failed};

/// Bytes of the longest packet that may come: more than any answer may have.
const PACKET_BYTES: usize = 64 * 1024;
/// Seconds that an answer may take.
const ANSWER_S: i64 = 10;

/// A connected client that has been greeted.
#[derive(Debug)]
pub struct StatsClient {
    fd: OwnedFd,
    /// What the box said of itself.
    pub greeting: Value,
}

impl StatsClient {
    /// Connects to a socket.
    pub fn connect(path: &Path) -> Result<Self> {
        let mut this = Self::connect_without_greeting(path)?;
        this.greeting = this.receive()?;
        Ok(this)
    }

    /// Connects and leaves the greeting where it is.
    pub fn connect_without_greeting(path: &Path) -> Result<Self> {
        let connected = || {
            let flags = SockFlag::SOCK_CLOEXEC;
            let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
            setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::new(ANSWER_S, 0))?;
            connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
            Ok(fd)
        };
        match connected() {
            Ok(fd) => Ok(Self {
                fd,
                greeting: Value::Null,
            }),
            Err(error) => {
                let error: nix::Error = error;
                failed(format!("connect to {}: {error}", path.display()))
            }
        }
    }

    /// Sends a packet.
    pub fn send(&self, bytes: &[u8]) -> Result<()> {
        match send(self.fd.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL) {
            Ok(_) => Ok(()),
            Err(error) => failed(format!("send a command: {error}")),
        }
    }

    /// Receives a packet: one JSON object.
    pub fn receive(&self) -> Result<Value> {
        let mut packet = vec![0; PACKET_BYTES];
        match recv(self.fd.as_raw_fd(), &mut packet, MsgFlags::empty()) {
            Ok(0) => failed("the box has closed the socket"),
            Err(error) => failed(format!("receive an answer: {error}")),
            Ok(len) => match serde_json::from_slice(&packet[..len]) {
                Ok(value) => Ok(value),
                Err(error) => failed(format!("an answer is no JSON: {error}")),
            },
        }
    }

    /// Asks a command; the value behind its name.
    pub fn ask(&self, command: &str) -> Result<Value> {
        self.send(command.as_bytes())?;
        let mut answer = self.receive()?;
        let name = command.split(',').next().unwrap_or_default();
        match answer.get_mut(name) {
            Some(value) => Ok(value.take()),
            None => failed(format!("{command} was answered with {answer}")),
        }
    }

    /// Every item of a command that answers in pages.
    pub fn pages(&self, command: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor = Some(0);
        while let Some(at) = cursor {
            let page = self.ask(&format!("{command},{at}"))?;
            let Some(some) = page["items"].as_array() else {
                return failed(format!("{command},{at} was answered with {page}"));
            };
            items.extend(some.iter().cloned());
            cursor = page["next"].as_u64();
        }
        Ok(items)
    }
}
