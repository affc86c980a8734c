//! The server's side of the control socket; polled, never waiting.

use std::collections::VecDeque;
use std::fmt;
use std::fs::{self, Permissions};
use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, bind, getsockopt, listen, recv,
    send, socket, sockopt,
};
use nix::sys::stat::{Mode, fchmod};
use zeroize::{Zeroize, Zeroizing};

use super::protocol::{Format, ReplyMessage, RequestMessage};
use super::{
    CHUNK_TEXT_BYTES, CLIENTS_MAX, IDLE_TIMEOUT_MS, MESSAGE_MAX_BYTES, OUTBOX_MAX_BYTES,
    SOCKET_NAME, STALL_TIMEOUT_MS,
};
use crate::cli::Session;
use crate::syslog::format::redact;
use crate::time::Time;

/// Mode of the socket: its owner and its group may command the box.
const SOCKET_MODE: u32 = 0o660;

/// A client for as long as it is connected; never used again for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(u64);

#[cfg(test)]
impl ClientId {
    /// The client of a test.
    pub(crate) const fn numbered(number: u64) -> Self {
        Self(number)
    }
}

/// Who a client is, as the system says (`SO_PEERCRED`); for the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCredentials {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Process.
    pub pid: i32,
}

/// A command that waits for its answer. Until [`ControlSocket::finish`] nothing more is read from
/// its client.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub client: ClientId,
    /// Who that is.
    pub peer: PeerCredentials,
    /// The command line; it may hold a key.
    pub command: Zeroizing<String>,
    /// How the output shall look.
    pub format: Format,
    /// The line was typed behind the prompt.
    pub interactive: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("client", &self.client)
            .field("peer", &self.peer)
            .field("command", &redact(&self.command))
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// How a command ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// It was refused.
    pub error: bool,
    /// The session ends.
    pub close: bool,
    /// What the next command is prompted with.
    pub prompt: String,
}

/// The client is no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client is gone")]
pub struct Gone;

struct Client {
    id: ClientId,
    stream: UnixStream,
    peer: PeerCredentials,
    session: Session,
    outbox: VecDeque<Vec<u8>>,
    outbox_bytes: usize,
    /// A request was handed out and not finished yet.
    busy: bool,
    /// Goes once its outbox is empty.
    closing: bool,
    /// Goes now.
    dead: bool,
    /// When it last sent a request or took a piece of its reply.
    active: Time,
}

/// The listening socket and its clients.
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
    clients: Vec<Client>,
    next_id: u64,
    message: Vec<u8>,
}

impl ControlSocket {
    /// Listens in `run_dir`, whose lock the caller holds: a socket that is left there is removed.
    pub fn bind(run_dir: &Path) -> Result<Self> {
        let path = run_dir.join(SOCKET_NAME);
        remove_stale(&path)?;
        let address = UnixAddr::new(&path)?;
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
        // The file takes over the mode of the socket, so that it is never open to others; the
        // process's umask may narrow it, which the second call undoes.
        fchmod(&socket, Mode::from_bits_truncate(SOCKET_MODE))?;
        bind(socket.as_raw_fd(), &address)?;
        fs::set_permissions(&path, Permissions::from_mode(SOCKET_MODE))?;
        listen(&socket, Backlog::new(CLIENTS_MAX as i32)?)?;
        Ok(Self {
            listener: UnixListener::from(socket),
            path,
            clients: Vec::new(),
            next_id: 0,
            message: vec![0; MESSAGE_MAX_BYTES],
        })
    }

    /// Accepts, sends and reads what can be without waiting. At most one request per client.
    pub fn poll(&mut self, now: Time) -> Vec<Request> {
        let mut requests = Vec::new();
        let (accepts, ready) = self.readiness();
        for (client, ready) in self.clients.iter_mut().zip(ready) {
            if ready.contains(PollFlags::POLLOUT) {
                client.flush(now);
            }
            let readable = ready.contains(PollFlags::POLLIN);
            if readable && !client.busy && !client.closing {
                requests.extend(client.read(&mut self.message, now));
            } else if ready.intersects(PollFlags::POLLHUP | PollFlags::POLLERR) {
                client.dead = true;
            }
            client.expire(now);
        }
        self.clients.retain(|client| !client.dead);
        if accepts {
            self.accept(now);
        }
        requests
    }

    /// Whether somebody connects, and what each client is ready for.
    fn readiness(&self) -> (bool, Vec<PollFlags>) {
        let mut polled = Vec::with_capacity(1 + self.clients.len());
        polled.push(PollFd::new(self.listener.as_fd(), PollFlags::POLLIN));
        polled.extend(self.clients.iter().map(|client| {
            let mut interest = PollFlags::empty();
            if !client.busy && !client.closing {
                interest |= PollFlags::POLLIN;
            }
            if !client.outbox.is_empty() {
                interest |= PollFlags::POLLOUT;
            }
            PollFd::new(client.stream.as_fd(), interest)
        }));
        // An interrupted call finds nothing ready; the next turn asks again.
        let found = poll(&mut polled, PollTimeout::ZERO).unwrap_or(0);
        let flags = |fd: &PollFd<'_>| {
            if found > 0 {
                fd.revents().unwrap_or(PollFlags::empty())
            } else {
                PollFlags::empty()
            }
        };
        let accepts = polled.first().is_some_and(|fd| !flags(fd).is_empty());
        let ready = polled.iter().skip(1).map(flags).collect();
        (accepts, ready)
    }

    fn accept(&mut self, now: Time) {
        for _ in 0..CLIENTS_MAX {
            let Ok((stream, _)) = self.listener.accept() else {
                return;
            };
            let Some(mut client) = Client::new(ClientId(self.next_id), stream, now) else {
                continue;
            };
            self.next_id += 1;
            if self.clients.len() >= CLIENTS_MAX {
                client.refuse("ERROR: % Too many sessions\n", now);
                continue;
            }
            self.clients.push(client);
        }
    }

    fn client(&mut self, id: ClientId) -> std::result::Result<&mut Client, Gone> {
        self.clients
            .iter_mut()
            .find(|client| client.id == id && !client.dead)
            .ok_or(Gone)
    }

    /// The mode of a client's session.
    pub fn session(&mut self, id: ClientId) -> std::result::Result<&mut Session, Gone> {
        self.client(id).map(|client| &mut client.session)
    }

    /// Bytes of output text that a client can be given now. Who produces long output gives no more
    /// than that and goes on at the next turn.
    pub fn room_bytes(&mut self, id: ClientId) -> std::result::Result<usize, Gone> {
        let client = self.client(id)?;
        Ok(OUTBOX_MAX_BYTES.saturating_sub(client.outbox_bytes) / 8)
    }

    /// Gives a piece of output to a client; more than it has room for ends the session.
    pub fn reply(&mut self, id: ClientId, text: &str, now: Time) -> std::result::Result<(), Gone> {
        let client = self.client(id)?;
        for chunk in chunks(text) {
            client.enqueue(&ReplyMessage {
                text: chunk.to_owned(),
                ..ReplyMessage::default()
            });
        }
        client.flush(now);
        if client.dead { Err(Gone) } else { Ok(()) }
    }

    /// Ends the answer to a client's request.
    pub fn finish(
        &mut self,
        id: ClientId,
        outcome: Outcome,
        now: Time,
    ) -> std::result::Result<(), Gone> {
        let client = self.client(id)?;
        client.finish(outcome);
        client.flush(now);
        let delivered = client.closing && client.outbox.is_empty();
        if client.dead && !delivered {
            Err(Gone)
        } else {
            Ok(())
        }
    }

    /// Number of sessions.
    pub const fn sessions(&self) -> usize {
        self.clients.len()
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // The next start removes what is left here.
        let _removed = fs::remove_file(&self.path);
    }
}

/// Removes a socket that a former process left; refuses to remove anything else.
pub(crate) fn remove_stale(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => Err(Error::new(
            ErrorKind::AlreadyExists,
            format!("{} is there and is no socket", path.display()),
        )),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Pieces of at most [`CHUNK_TEXT_BYTES`], cut between characters.
fn chunks(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let (chunk, rest) = text.split_at(text.floor_char_boundary(CHUNK_TEXT_BYTES));
        text = rest;
        Some(chunk)
    })
}

impl Client {
    fn new(id: ClientId, stream: UnixStream, now: Time) -> Option<Self> {
        stream.set_nonblocking(true).ok()?;
        let credentials = getsockopt(&stream, sockopt::PeerCredentials).ok()?;
        Some(Self {
            id,
            stream,
            peer: PeerCredentials {
                uid: credentials.uid(),
                gid: credentials.gid(),
                pid: credentials.pid(),
            },
            session: Session::default(),
            outbox: VecDeque::new(),
            outbox_bytes: 0,
            busy: false,
            closing: false,
            dead: false,
            active: now,
        })
    }

    fn read(&mut self, message: &mut [u8], now: Time) -> Option<Request> {
        // With MSG_TRUNC the length is the message's own, also where the buffer is too small.
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
        let len = match recv(self.stream.as_raw_fd(), message, flags) {
            Ok(0) => {
                self.dead = true;
                return None;
            }
            Ok(len) => len,
            Err(Errno::EAGAIN | Errno::EINTR) => return None,
            Err(_) => {
                self.dead = true;
                return None;
            }
        };
        self.active = now;
        let request: Option<RequestMessage> = message
            .get(..len)
            .and_then(|bytes| serde_json::from_slice(bytes).ok());
        message.zeroize();
        let Some(request) = request else {
            self.refuse("ERROR: % Malformed request\n", now);
            return None;
        };
        self.busy = true;
        Some(Request {
            client: self.id,
            peer: self.peer,
            command: Zeroizing::new(request.command),
            format: request.format,
            interactive: request.interactive,
        })
    }

    fn enqueue(&mut self, message: &ReplyMessage) {
        let bytes = message.encode();
        self.outbox_bytes += bytes.len();
        if self.outbox_bytes > OUTBOX_MAX_BYTES {
            self.dead = true;
            return;
        }
        self.outbox.push_back(bytes);
    }

    fn finish(&mut self, outcome: Outcome) {
        self.busy = false;
        self.closing = outcome.close;
        self.enqueue(&ReplyMessage {
            text: String::new(),
            last: true,
            error: outcome.error,
            closed: outcome.close,
            prompt: outcome.prompt,
        });
    }

    /// Says why and closes.
    fn refuse(&mut self, why: &str, now: Time) {
        self.enqueue(&ReplyMessage {
            text: why.to_owned(),
            last: true,
            error: true,
            closed: true,
            prompt: String::new(),
        });
        self.closing = true;
        self.flush(now);
    }

    /// Sends what the socket takes.
    fn flush(&mut self, now: Time) {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        while let Some(message) = self.outbox.front() {
            match send(self.stream.as_raw_fd(), message, flags) {
                Ok(_) => {
                    self.outbox_bytes -= message.len();
                    self.outbox.pop_front();
                    self.active = now;
                }
                Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => return,
                Err(_) => {
                    self.dead = true;
                    return;
                }
            }
        }
        self.dead |= self.closing;
    }

    fn expire(&mut self, now: Time) {
        let silent_ms = now.since_ms(self.active);
        let stalled = !self.outbox.is_empty() && silent_ms >= STALL_TIMEOUT_MS;
        let idle = !self.busy && silent_ms >= IDLE_TIMEOUT_MS;
        self.dead |= stalled || idle;
    }
}
