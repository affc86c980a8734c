//! Lines to a host over TCP: each ends with a line feed (RFC 6587 section 3.4.2), which no message
//! contains.
//!
//! ```text
//!   away --connect--> here --write fails, the host closes, nothing is taken for long--> away
//!     ^  |                                                                               |
//!     |  +-- fails: wait, twice as long as before, at most [`WAIT_MAX`] <-----------------+
//! ```
//!
//! Lines wait in the lane's queue while the host is away; the one in hand is written again on the
//! next connection.

use std::io::{ErrorKind, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::lane::{LaneCounters, Line, Sink};

/// Longest attempt to connect.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Time after which a host that takes nothing is away.
const TAKE_MAX: Duration = Duration::from_secs(10);
/// First wait between two attempts.
const WAIT_FIRST: Duration = Duration::from_millis(250);
/// Longest wait between two attempts.
const WAIT_MAX: Duration = Duration::from_secs(16);
/// Steps of a wait, so that the end of the lane is seen.
const STEP: Duration = Duration::from_millis(50);

/// A host.
pub(super) struct TcpSink {
    host: SocketAddrV4,
    stream: Option<TcpStream>,
    /// Nothing was written for a while: the connection is looked at before it is used.
    rested: bool,
    /// Time from the next failure to another attempt.
    wait: Duration,
}

impl TcpSink {
    pub(super) fn new(host: SocketAddrV4) -> Self {
        Self {
            host,
            stream: None,
            rested: false,
            wait: WAIT_FIRST,
        }
    }

    fn connect(&mut self, counters: &LaneCounters) {
        let connected = TcpStream::connect_timeout(&self.host.into(), CONNECT_MAX);
        let ready = connected.and_then(|stream| {
            stream.set_write_timeout(Some(TAKE_MAX))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        });
        self.stream = ready.ok();
        counters
            .down
            .store(self.stream.is_none(), Ordering::Relaxed);
    }

    /// Waits for the next attempt, or until the lane closes.
    fn pause(&mut self, counters: &LaneCounters) {
        let mut left = self.wait;
        while !left.is_zero() && !counters.is_closing() {
            std::thread::sleep(STEP);
            left = left.saturating_sub(STEP);
        }
        self.wait = (self.wait * 2).min(WAIT_MAX);
    }

    /// Whether the host has closed a connection that was idle; what is written into one is lost.
    fn is_closed(&self) -> bool {
        let Some(stream) = &self.stream else {
            return false;
        };
        let peeked = stream
            .set_nonblocking(true)
            .and_then(|()| stream.peek(&mut [0]));
        let back = stream.set_nonblocking(false);
        let quiet = match peeked {
            Ok(count) => count > 0,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        };
        !quiet || back.is_err()
    }

    fn put(&mut self, text: &[u8]) -> bool {
        if std::mem::take(&mut self.rested) && self.is_closed() {
            self.stream = None;
        }
        let Some(stream) = &mut self.stream else {
            return false;
        };
        let taken = stream.write_all(text).is_ok();
        if !taken {
            self.stream = None;
        }
        taken
    }
}

impl Sink for TcpSink {
    fn write(&mut self, line: &Line, counters: &LaneCounters) {
        let text = format!("{}\n", line.text);
        let mut tried = false;
        while !self.put(text.as_bytes()) {
            if counters.is_closing() {
                return LaneCounters::count(&counters.errors);
            }
            // The connection that broke is followed by another at once, what fails by a wait.
            if std::mem::replace(&mut tried, true) {
                self.pause(counters);
            }
            self.connect(counters);
        }
        self.wait = WAIT_FIRST;
        LaneCounters::count(&counters.written);
    }

    fn rest(&mut self, _: &LaneCounters) {
        self.rested = true;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::{Ipv4Addr, TcpListener};

    use super::super::lane::Lane;
    use super::*;

    fn listener(port: u16) -> (TcpListener, SocketAddrV4) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        (listener, SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
    }

    fn line(text: &str) -> Line {
        Line {
            level: 6,
            text: text.into(),
        }
    }

    fn read(listener: &TcpListener) -> (BufReader<TcpStream>, String) {
        let (stream, _) = listener.accept().expect("a connection");
        let mut reader = BufReader::new(stream);
        let mut text = String::new();
        reader.read_line(&mut text).expect("a line");
        (reader, text)
    }

    #[test]
    fn a_line_ends_with_a_line_feed() {
        let (listener, host) = listener(0);
        let lane = Lane::spawn("test", Vec::new(), TcpSink::new(host));
        lane.offer(line("<166>one"), 9);
        lane.offer(line("<166>two"), 9);
        let (mut reader, first) = read(&listener);
        let mut second = String::new();
        reader.read_line(&mut second).expect("a line");
        assert_eq!(
            (first.as_str(), second.as_str()),
            ("<166>one\n", "<166>two\n")
        );
    }

    #[test]
    fn lines_wait_for_a_host_that_is_away() {
        let (gone, host) = listener(0);
        drop(gone);
        let lane = Lane::spawn("test", Vec::new(), TcpSink::new(host));
        lane.offer(line("patient"), 9);
        while !lane.counters().down.load(Ordering::Relaxed) {
            std::thread::sleep(STEP);
        }
        let (listener, _) = listener(host.port());
        assert_eq!(read(&listener).1, "patient\n");
        assert!(!lane.counters().down.load(Ordering::Relaxed));
    }

    #[test]
    fn a_connection_that_the_host_has_closed_is_made_anew() {
        let (listener, host) = listener(0);
        let lane = Lane::spawn("test", Vec::new(), TcpSink::new(host));
        lane.offer(line("one"), 9);
        drop(read(&listener));
        // The kernel tells the other end on its own time.
        std::thread::sleep(10 * STEP);
        lane.offer(line("two"), 9);
        assert_eq!(read(&listener).1, "two\n", "nothing is lost");
    }

    #[test]
    fn a_lane_that_closes_does_not_wait_for_its_host() {
        let (gone, host) = listener(0);
        drop(gone);
        let lane = Lane::spawn("test", Vec::new(), TcpSink::new(host));
        for _ in 0..100 {
            lane.offer(line("never"), 1000);
        }
        let ending = lane.close();
        let deadline = crossbeam_channel::after(Duration::from_secs(30));
        assert!(ending.wait(&deadline), "the thread has ended");
    }
}
