//! The destinations outside of the control loop, each behind a lane of its own.

use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use core_affinity::CoreId;

use super::console::Console;
use super::file::FileSink;
use super::lane::{Ending, Lane, Line, QUEUE_MAX};
use super::tcp::TcpSink;
use super::udp::UdpSink;

/// Time that the end of the process waits for lines that wait.
const FINISH_MAX: Duration = Duration::from_secs(1);

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// Standard error.
    Console,
    /// A file.
    File(PathBuf),
    /// A host, a datagram per line.
    Udp(SocketAddrV4),
    /// A host, a connection.
    Tcp(SocketAddrV4),
}

impl Destination {
    fn open(&self, cpus: Vec<CoreId>) -> Lane {
        match self {
            Self::Console => Lane::spawn("syslog-console", cpus, Console::new()),
            Self::File(path) => Lane::spawn("syslog-file", cpus, FileSink::new(path.clone())),
            Self::Udp(host) => Lane::spawn("syslog-udp", cpus, UdpSink::new(*host)),
            Self::Tcp(host) => Lane::spawn("syslog-tcp", cpus, TcpSink::new(*host)),
        }
    }

    /// Whether it is a `logging host`.
    pub(super) const fn is_host(&self) -> bool {
        matches!(self, Self::Udp(_) | Self::Tcp(_))
    }
}

/// A destination in use.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) destination: Destination,
    pub(super) lane: Lane,
    /// Whether the log says that it does not answer.
    pub(super) told_down: bool,
}

/// Totals of all destinations, those that are gone included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Lines on the console.
    pub(super) console: u64,
    /// Lines in the file.
    pub(super) file: u64,
    /// Lines that could not be sent to a host.
    pub(super) host_errors: u64,
    /// Lines that found a queue full.
    pub(super) dropped: u64,
}

impl Totals {
    fn add(&mut self, outlet: &Outlet) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = outlet.lane.counters();
        match outlet.destination {
            Destination::Console => self.console += load(&counters.written),
            Destination::File(_) => self.file += load(&counters.written),
            Destination::Udp(_) | Destination::Tcp(_) => {
                self.host_errors += load(&counters.errors);
            }
        }
        self.dropped += load(&counters.dropped);
    }
}

/// The destinations. Their threads end when they go.
#[derive(Debug)]
pub struct Writer {
    cpus: Vec<CoreId>,
    outlets: Vec<Outlet>,
    limit: usize,
    past: Totals,
}

impl Writer {
    /// None yet. Their threads are pinned to the first of `cpus` that takes them. The list is read
    /// before the EAL starts, because the EAL pins its caller; with an empty one they stay there.
    pub const fn new(cpus: Vec<CoreId>) -> Self {
        Self {
            cpus,
            outlets: Vec::new(),
            limit: QUEUE_MAX,
            past: Totals {
                console: 0,
                file: 0,
                host_errors: 0,
                dropped: 0,
            },
        }
    }

    /// Sets where lines go, and how many may wait for each. Destinations that stay keep what waits.
    pub(super) fn retarget(&mut self, wanted: &[Destination], limit: usize) {
        self.limit = limit.min(QUEUE_MAX);
        for outlet in std::mem::take(&mut self.outlets) {
            if wanted.contains(&outlet.destination) {
                self.outlets.push(outlet);
            } else {
                self.past.add(&outlet);
                outlet.lane.close();
            }
        }
        for destination in wanted {
            if self.outlet(destination).is_none() {
                self.outlets.push(Outlet {
                    lane: destination.open(self.cpus.clone()),
                    destination: destination.clone(),
                    told_down: false,
                });
            }
        }
    }

    /// A destination that is in use.
    pub(super) fn outlet(&self, destination: &Destination) -> Option<&Outlet> {
        let mut outlets = self.outlets.iter();
        outlets.find(|outlet| outlet.destination == *destination)
    }

    /// All of them.
    pub(super) fn outlets_mut(&mut self) -> impl Iterator<Item = &mut Outlet> {
        self.outlets.iter_mut()
    }

    /// Hands a line to every destination that `to` names; never waits.
    pub(super) fn offer(&self, line: &Line, to: impl Fn(&Destination) -> bool) {
        for outlet in self.outlets.iter().filter(|it| to(&it.destination)) {
            outlet.lane.offer(line.clone(), self.limit);
        }
    }

    /// Totals.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = self.past;
        for outlet in &self.outlets {
            totals.add(outlet);
        }
        totals
    }

    /// How many lines may wait for a destination; how many do and did at most, where most do.
    pub(super) fn queue(&self) -> (usize, usize, usize) {
        let waiting = self.outlets.iter().map(|outlet| outlet.lane.waiting());
        let (now, most) = waiting.fold((0, 0), |(now, most), lane| {
            (now.max(lane.0), most.max(lane.1))
        });
        (self.limit, now, most)
    }

    /// Ends the threads once they have written what waits, as far as their destinations take it.
    /// Waits for them, so it is for the very end.
    pub fn finish(self) {
        let outlets = self.outlets.into_iter();
        let endings: Vec<Ending> = outlets.map(|outlet| outlet.lane.close()).collect();
        let deadline = crossbeam_channel::after(FINISH_MAX);
        let _in_time = endings.iter().all(|ending| ending.wait(&deadline));
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, UdpSocket};

    use super::*;

    fn line(text: &str) -> Line {
        Line {
            level: 6,
            text: text.into(),
        }
    }

    #[test]
    fn a_line_goes_where_it_shall() {
        let name = format!("holdfast-writer-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let host = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        let port = host.local_addr().expect("an address").port();
        let udp = Destination::Udp(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
        let mut writer = Writer::new(Vec::new());
        let file = Destination::File(path.clone());
        writer.retarget(&[file.clone(), udp], 9);
        writer.offer(&line("one"), |to| *to == file);
        writer.offer(&line("two"), Destination::is_host);
        let mut datagram = [0; 64];
        let len = host.recv(&mut datagram).expect("a datagram");
        assert_eq!(&datagram[..len], b"two");
        writer.retarget(&[], 9);
        assert!(writer.outlet(&file).is_none());
        writer.finish();
        let text = || std::fs::read_to_string(&path).unwrap_or_default();
        while text() != "one\n" {
            std::thread::yield_now();
        }
        std::fs::remove_file(path).expect("removed");
    }

    #[test]
    fn what_destinations_counted_stays_when_they_go() {
        let mut writer = Writer::new(Vec::new());
        let nowhere = Destination::File(PathBuf::from("/nonexistent/holdfast/log"));
        writer.retarget(std::slice::from_ref(&nowhere), 0);
        writer.offer(&line("x"), |_| true);
        assert_eq!(writer.totals().dropped, 1);
        writer.retarget(&[], 0);
        assert_eq!(writer.totals().dropped, 1);
        writer.finish();
    }

    /// A host that accepts and reads nothing: its lane fills, the others go on.
    #[test]
    fn a_stuck_host_holds_nobody_else() {
        let stuck = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = stuck.local_addr().expect("an address").port();
        let tcp = Destination::Tcp(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
        let host = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        let port = host.local_addr().expect("an address").port();
        let udp = Destination::Udp(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
        let mut writer = Writer::new(Vec::new());
        writer.retarget(&[tcp.clone(), udp.clone()], 4);
        let long = line(&"x".repeat(60_000));
        // Until nothing is taken for a while: what the system takes for the host is full too.
        let mut still = 0;
        while still < 20 {
            for _ in 0..8 {
                writer.offer(&long, |to| *to == tcp);
            }
            std::thread::sleep(Duration::from_millis(5));
            still = if writer.queue().1 == 4 { still + 1 } else { 0 };
        }
        assert!(writer.totals().dropped > 0);
        writer.offer(&line("on"), |to| *to == udp);
        let mut datagram = [0; 64];
        let len = host.recv(&mut datagram).expect("a datagram");
        assert_eq!(&datagram[..len], b"on");
        let (limit, now, most) = writer.queue();
        assert_eq!(limit, 4);
        assert_eq!((now, most), (4, 4));
        writer.finish();
    }
}
