//! One end of one stream: bytes that both ends can compute, checked as they come.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use nix::sys::socket::{setsockopt, sockopt};

use super::log::Log;
use crate::lab::error::{Doing, Result};
use crate::lab::wire::SplitMix;

/// What a sender may have under way or waiting: what it cannot hand over, it does not make up for.
const SEND_BUFFER_BYTES: usize = 32_000;
/// The way and the stream's number, sent by the client first.
const HEAD_BYTES: usize = 9;
const READ_BYTES: usize = 65_536;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The server: a download.
    Down,
    /// The client: an upload.
    Up,
}

/// What is known of a stream.
#[derive(Debug)]
enum State {
    /// The server waits for the client's head.
    Greeting(Vec<u8>),
    /// This end sends.
    Sending,
    /// This end has sent everything, the other one has not read it yet.
    Draining,
    Receiving,
    Over,
}

/// One end.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) socket: TcpStream,
    id: u32,
    state: State,
    /// Bytes sent or received.
    bytes: u64,
}

impl Stream {
    /// The server's end.
    pub(super) fn accepted(socket: TcpStream) -> Result<Self> {
        Self::new(socket, 0, State::Greeting(Vec::new()))
    }

    /// The client's end; sends the head.
    pub(super) fn opened(mut socket: TcpStream, id: u32, way: Way) -> Result<Self> {
        let mut head = vec![u8::from(way == Way::Up)];
        head.extend(u64::from(id).to_be_bytes());
        socket.write_all(&head).doing("greet")?;
        let state = match way {
            Way::Up => State::Sending,
            Way::Down => State::Receiving,
        };
        Self::new(socket, id, state)
    }

    fn new(socket: TcpStream, id: u32, state: State) -> Result<Self> {
        socket.set_nodelay(true).doing("set no delay")?;
        socket.set_nonblocking(true).doing("never block")?;
        setsockopt(&socket, sockopt::SndBuf, &SEND_BUFFER_BYTES).doing("bound the buffer")?;
        Ok(Self {
            socket,
            id,
            state,
            bytes: 0,
        })
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Hands the next chunk over, as far as there is room.
    pub(super) fn send(&mut self, chunk_bytes: usize, log: &mut Log) {
        if !matches!(self.state, State::Sending) {
            return;
        }
        let mut chunk = vec![0; chunk_bytes];
        fill(self.id, self.bytes, &mut chunk);
        match self.socket.write(&chunk) {
            Ok(sent) => self.bytes += sent as u64,
            Err(error) if is_passing(error.kind()) => {}
            Err(error) => self.lose(log, &error.to_string()),
        }
    }

    /// Nothing more is sent; the end is told to the other side.
    pub(super) fn stop(&mut self, log: &mut Log) {
        if !matches!(self.state, State::Sending) {
            return;
        }
        log.sent(self.id, self.bytes);
        match self.socket.shutdown(Shutdown::Write) {
            Ok(()) => self.state = State::Draining,
            Err(error) => self.lose(log, &error.to_string()),
        }
    }

    /// Takes what has come.
    pub(super) fn receive(&mut self, log: &mut Log) {
        let mut buffer = vec![0; READ_BYTES];
        while !self.is_over() {
            match self.socket.read(&mut buffer) {
                Ok(0) => return self.ended(log),
                Ok(len) => self.take(&buffer[..len], log),
                Err(error) if is_passing(error.kind()) => return,
                Err(error) => return self.lose(log, &error.to_string()),
            }
        }
    }

    fn take(&mut self, mut bytes: &[u8], log: &mut Log) {
        if let State::Greeting(head) = &mut self.state {
            let part = bytes.len().min(HEAD_BYTES - head.len());
            head.extend(&bytes[..part]);
            bytes = &bytes[part..];
            if let [up, number @ ..] = head.as_slice()
                && let Ok(number) = number.try_into().map(u64::from_be_bytes)
            {
                self.id = number as u32;
                self.state = if *up == 1 {
                    State::Receiving
                } else {
                    State::Sending
                };
            }
            if bytes.is_empty() {
                return;
            }
        }
        let mut expected = vec![0; bytes.len()];
        fill(self.id, self.bytes, &mut expected);
        if !matches!(self.state, State::Receiving) || expected != bytes {
            return self.lose(log, "bytes that nobody has sent");
        }
        self.bytes += bytes.len() as u64;
        log.got(self.id, self.bytes);
    }

    fn ended(&mut self, log: &mut Log) {
        match self.state {
            State::Receiving => log.end(self.id, self.bytes),
            State::Draining => {}
            _ => return self.lose(log, "the other end has closed"),
        }
        self.state = State::Over;
    }

    fn lose(&mut self, log: &mut Log, why: &str) {
        log.lost(self.id, why);
        self.state = State::Over;
    }
}

fn is_passing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// The bytes of stream `id` from `offset` on.
fn fill(id: u32, offset: u64, bytes: &mut [u8]) {
    let mut number = offset / 8;
    let mut skip = (offset % 8) as usize;
    let mut at = 0;
    while at < bytes.len() {
        let word = SplitMix(u64::from(id) << 40 ^ number).draw().to_le_bytes();
        let part = (8 - skip).min(bytes.len() - at);
        bytes[at..at + part].copy_from_slice(&word[skip..skip + part]);
        (at, skip, number) = (at + part, 0, number + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_the_same_in_whatever_parts_they_are_asked_for() {
        let mut whole = [0; 100];
        fill(7, 0, &mut whole);
        for start in 0..90 {
            let mut part = [0; 10];
            fill(7, start, &mut part);
            assert_eq!(part[..], whole[start as usize..start as usize + 10]);
        }
        let mut other = [0; 100];
        fill(8, 0, &mut other);
        assert_ne!(whole, other);
    }
}
