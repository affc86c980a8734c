//! The socket: DPDK's telemetry protocol, version 2.
//!
//! A client is greeted with one JSON object; then each packet of it is a command and is answered
//! with one packet. Nothing is read from a client before it has taken its answer, so that a client
//! costs one command and one answer at the most.

use std::io::Result;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, bind, listen, recv, send,
    socket,
};
use nix::sys::stat::{Mode, fchmod};

use super::{SOCKET_NAME, interest};
use crate::control_socket::remove_stale;
use crate::stats::commands::greeting;
use crate::stats::histograms::Baselines;
use crate::time::Time;

/// Clients at one time: collectors, scripts, people. DPDK's own socket takes ten.
const CLIENTS_MAX: usize = 64;
/// Bytes of the longest command, as with DPDK.
const COMMAND_MAX_BYTES: usize = 1024;
/// Time after which a client that does not take its answer goes.
const STALL_MS: u64 = 5_000;
/// Time after which a client that asks nothing goes; collectors ask every few minutes at least.
const IDLE_MS: u64 = 3_600_000;
/// Mode of the socket: its owner and its group may read.
const SOCKET_MODE: u32 = 0o660;

/// A client for as long as it is connected; never used again for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientId(u64);

/// A command that waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub client: ClientId,
    /// The command with its parameters.
    pub line: String,
}

#[derive(Debug)]
struct Client {
    id: ClientId,
    stream: UnixStream,
    /// The answer that the client has not taken.
    answer: Option<String>,
    /// A command was handed out and not answered.
    busy: bool,
    dead: bool,
    active: Time,
    baselines: Baselines,
}

/// The listening socket and its clients; polled, never waiting.
#[derive(Debug)]
pub struct StatsSocket {
    listener: UnixListener,
    path: PathBuf,
    clients: Vec<Client>,
    next_id: u64,
}

impl StatsSocket {
    /// Listens in `run_dir`, whose lock the caller holds: a socket that is left there is removed.
    pub fn bind(run_dir: &Path) -> Result<Self> {
        let path = run_dir.join(SOCKET_NAME);
        remove_stale(&path)?;
        let address = UnixAddr::new(&path)?;
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
        // The file takes over the mode of the socket; a umask may narrow it, which the second call
        // undoes.
        fchmod(&socket, Mode::from_bits_truncate(SOCKET_MODE))?;
        bind(socket.as_raw_fd(), &address)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
        listen(&socket, Backlog::new(CLIENTS_MAX as i32)?)?;
        Ok(Self {
            listener: UnixListener::from(socket),
            path,
            clients: Vec::new(),
            next_id: 0,
        })
    }

    /// What to wait for.
    pub(super) fn interests(&self) -> Vec<(BorrowedFd<'_>, PollFlags)> {
        let clients = self.clients.iter().map(|client| {
            let flags = match (&client.answer, client.busy) {
                (Some(_), _) => PollFlags::POLLOUT,
                (None, false) => PollFlags::POLLIN,
                (None, true) => PollFlags::empty(),
            };
            interest(&client.stream, flags)
        });
        [interest(&self.listener, PollFlags::POLLIN)]
            .into_iter()
            .chain(clients)
            .collect()
    }

    /// Accepts, sends and reads what can be without waiting; at most one command per client.
    pub fn poll(&mut self, now: Time) -> Vec<Request> {
        self.accept(now);
        let mut requests = Vec::new();
        for client in &mut self.clients {
            client.flush(now);
            if client.answer.is_none() && !client.busy {
                requests.extend(client.read(now));
            }
            client.expire(now);
        }
        self.clients.retain(|client| !client.dead);
        requests
    }

    fn accept(&mut self, now: Time) {
        for _ in 0..CLIENTS_MAX {
            let Ok((stream, _)) = self.listener.accept() else {
                return;
            };
            // One client too many is let go at once.
            if self.clients.len() >= CLIENTS_MAX || stream.set_nonblocking(true).is_err() {
                continue;
            }
            let mut client = Client {
                id: ClientId(self.next_id),
                stream,
                answer: Some(greeting().to_string()),
                busy: false,
                dead: false,
                active: now,
                baselines: Baselines::default(),
            };
            self.next_id += 1;
            client.flush(now);
            self.clients.push(client);
        }
    }

    fn client(&mut self, id: ClientId) -> Option<&mut Client> {
        self.clients.iter_mut().find(|client| client.id == id)
    }

    /// What a client has reset; `None` when it is gone.
    pub fn baselines(&mut self, id: ClientId) -> Option<&mut Baselines> {
        self.client(id).map(|client| &mut client.baselines)
    }

    /// Answers a command.
    pub fn reply(&mut self, id: ClientId, text: String, now: Time) {
        if let Some(client) = self.client(id) {
            client.busy = false;
            client.answer = Some(text);
            client.flush(now);
        }
    }

    /// Number of clients.
    pub const fn clients(&self) -> usize {
        self.clients.len()
    }
}

impl Drop for StatsSocket {
    fn drop(&mut self) {
        // The next start removes what is left here.
        let _removed = std::fs::remove_file(&self.path);
    }
}

impl Client {
    fn read(&mut self, now: Time) -> Option<Request> {
        let mut buffer = [0; COMMAND_MAX_BYTES];
        // With MSG_TRUNC the length is the message's own, also where the buffer is too small.
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
        let len = match recv(self.stream.as_raw_fd(), &mut buffer, flags) {
            Err(Errno::EAGAIN | Errno::EINTR) => return None,
            Ok(0) | Err(_) => {
                self.dead = true;
                return None;
            }
            Ok(len) => len,
        };
        self.active = now;
        self.busy = true;
        // What is too long is no command, and is answered like every other one that is none.
        let bytes = buffer.get(..len).unwrap_or_default();
        let line = String::from_utf8_lossy(bytes);
        let line = line.trim_end_matches(['\0', '\n', '\r']);
        Some(Request {
            client: self.id,
            line: line.to_owned(),
        })
    }

    fn flush(&mut self, now: Time) {
        let Some(answer) = &self.answer else { return };
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        match send(self.stream.as_raw_fd(), answer.as_bytes(), flags) {
            Ok(_) => {
                self.answer = None;
                self.active = now;
            }
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => {}
            Err(_) => self.dead = true,
        }
    }

    fn expire(&mut self, now: Time) {
        let silent_ms = now.since_ms(self.active);
        let stalled = self.answer.is_some() && silent_ms >= STALL_MS;
        let idle = !self.busy && silent_ms >= IDLE_MS;
        self.dead |= stalled || idle;
    }
}

#[cfg(test)]
mod tests;
