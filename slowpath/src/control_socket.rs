//! The operator's door: a `SOCK_SEQPACKET` socket in the run directory.
//!
//! One message is one JSON object of at most [`MESSAGE_MAX_BYTES`]. A client sends a
//! [`RequestMessage`] and gets one or more [`ReplyMessage`]s, the last of which is marked. The
//! server never waits: it is polled by the control loop, reads one request per client and turn,
//! and keeps what a slow client has not taken in a bounded outbox.

mod client;
mod protocol;
mod server;

pub use client::Client;
pub use protocol::{Format, ReplyMessage, RequestMessage};
pub(crate) use server::remove_stale;
pub use server::{ClientId, ControlSocket, Gone, Outcome, PeerCredentials, Request};

/// Name of the socket in the run directory.
pub const SOCKET_NAME: &str = "control.sock";
/// Largest message in bytes; fits a socket's default send buffer three times.
pub const MESSAGE_MAX_BYTES: usize = 64 * 1024;
/// Bytes of text in one reply message. JSON writes a byte with at most six, so that every message
/// stays below [`MESSAGE_MAX_BYTES`].
pub const CHUNK_TEXT_BYTES: usize = 8 * 1024;
/// Sessions at one time: operators, scripts and monitoring of one box.
pub const CLIENTS_MAX: usize = 16;
/// Bytes that wait for a client that reads slowly. Who produces long output asks for room first.
pub const OUTBOX_MAX_BYTES: usize = 1024 * 1024;
/// Time after which a client that does not take its reply is dropped.
pub const STALL_TIMEOUT_MS: u64 = 10_000;
/// Time after which a session without a request is closed.
pub const IDLE_TIMEOUT_MS: u64 = 30 * 60 * 1000;

const _: () = assert!(
    CHUNK_TEXT_BYTES * 6 + 1024 <= MESSAGE_MAX_BYTES,
    "an escaped chunk fits one message"
);

#[cfg(test)]
mod tests;
