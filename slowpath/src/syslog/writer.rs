//! The thread that writes lines to the file and to the hosts, off the control loop.
//!
//! The control loop hands lines over with `try_send` on a bounded queue: what does not fit is
//! dropped and counted, so that a slow disk never holds the loop. Hosts are reached by a socket of
//! the operating system, not through the workers' ports.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use core_affinity::CoreId;
use crossbeam_channel::{Receiver, Sender, TrySendError};

/// Lines that wait for the writer: at 1 KiB each at most 8 MiB.
pub const QUEUE_LEN: usize = 8192;
/// Size at which the file becomes `PATH.1` (the former `PATH.1` goes) and a new one begins.
pub const FILE_MAX_BYTES: u64 = 64 << 20;
/// Hosts that the writer serves; the ASA's own bound.
const HOSTS_MAX: usize = 16;

/// Where lines go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Targets {
    pub(super) file: Option<PathBuf>,
    pub(super) hosts: Vec<SocketAddrV4>,
}

/// A line on its way.
#[derive(Debug)]
pub(super) struct Job {
    /// `%ASA-...`, with time stamp where that is configured.
    pub(super) line: String,
    /// RFC 3164 priority.
    pub(super) priority: u8,
    pub(super) to_file: bool,
    pub(super) to_hosts: bool,
}

/// What the writer has done.
#[derive(Debug, Default)]
pub struct WriterCounters {
    /// Lines that found the queue full.
    pub queue_dropped: AtomicU64,
    /// Lines written to the file.
    pub file_lines: AtomicU64,
    /// Lines that could not be written to the file.
    pub file_errors: AtomicU64,
    /// Datagrams by host, in the order of the configuration.
    pub host_sent: [AtomicU64; HOSTS_MAX],
    /// Datagrams that the system refused, by host.
    pub host_errors: [AtomicU64; HOSTS_MAX],
}

#[derive(Debug, Default)]
struct Shared {
    targets: Mutex<Arc<Targets>>,
    counters: WriterCounters,
}

impl Shared {
    fn targets(&self) -> Arc<Targets> {
        let guard = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&guard)
    }
}

/// The handle of the writing thread. The thread ends when the handle goes.
#[derive(Debug)]
pub struct Writer {
    queue: Option<Sender<Job>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread, pinned to the first of `cpus` that takes it. The list is read before the
    /// EAL starts, because the EAL pins its caller; an empty one leaves the thread where it is.
    pub fn spawn(cpus: Vec<CoreId>) -> std::io::Result<Self> {
        let (queue, jobs) = crossbeam_channel::bounded(QUEUE_LEN);
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("syslog".to_owned())
            .spawn(move || {
                let _pinned = cpus.into_iter().any(core_affinity::set_for_current);
                Outputs::default().run(&jobs, &theirs);
            })?;
        Ok(Self {
            queue: Some(queue),
            shared,
            thread: Some(thread),
        })
    }

    /// What it has done so far.
    pub fn counters(&self) -> &WriterCounters {
        &self.shared.counters
    }

    /// Sets where lines go; lines that wait go to the new places.
    pub(super) fn retarget(&self, mut targets: Targets) {
        targets.hosts.truncate(HOSTS_MAX);
        let mut guard = self
            .shared
            .targets
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if **guard != targets {
            *guard = Arc::new(targets);
        }
    }

    /// Hands a line over; never waits.
    pub(super) fn send(&self, job: Job) {
        let refused = match self.queue.as_ref().map(|queue| queue.try_send(job)) {
            Some(Ok(())) => false,
            Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) | None => true,
        };
        if refused {
            let dropped = &self.shared.counters.queue_dropped;
            dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Ends the thread once it has written what waits. Waits for it, so it is for the very end.
    pub fn finish(mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to write.
            let _ended = thread.join();
        }
    }
}

/// What the thread holds open.
#[derive(Default)]
struct Outputs {
    targets: Arc<Targets>,
    file: Option<LogFile>,
    socket: Option<UdpSocket>,
}

impl Outputs {
    fn run(mut self, jobs: &Receiver<Job>, shared: &Shared) {
        while let Ok(job) = jobs.recv() {
            self.take_targets(shared);
            self.write(&job, &shared.counters);
            if jobs.is_empty() {
                self.flush(&shared.counters);
            }
        }
        self.flush(&shared.counters);
    }

    fn take_targets(&mut self, shared: &Shared) {
        let targets = shared.targets();
        if !Arc::ptr_eq(&targets, &self.targets) {
            self.flush(&shared.counters);
            self.file = None;
            self.targets = targets;
        }
    }

    fn write(&mut self, job: &Job, counters: &WriterCounters) {
        if job.to_file
            && let Some(path) = &self.targets.file
        {
            if self.file.is_none() {
                self.file = LogFile::open(path).ok();
            }
            let written = match &mut self.file {
                Some(file) => file.append(path, &job.line),
                None => false,
            };
            if !written {
                self.file = None;
                counters.file_errors.fetch_add(1, Ordering::Relaxed);
            } else {
                counters.file_lines.fetch_add(1, Ordering::Relaxed);
            }
        }
        if job.to_hosts {
            self.send(job, counters);
        }
    }

    fn send(&mut self, job: &Job, counters: &WriterCounters) {
        if self.socket.is_none() {
            self.socket = bind().ok();
        }
        let datagram = format!("<{}>{}", job.priority, job.line);
        let hosts = self.targets.hosts.iter();
        for (host, (sent, errors)) in
            hosts.zip(counters.host_sent.iter().zip(&counters.host_errors))
        {
            let socket = self.socket.as_ref();
            let gone =
                socket.is_some_and(|socket| socket.send_to(datagram.as_bytes(), host).is_ok());
            let counter = if gone { sent } else { errors };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&mut self, counters: &WriterCounters) {
        if let Some(file) = &mut self.file
            && file.writer.flush().is_err()
        {
            counters.file_errors.fetch_add(1, Ordering::Relaxed);
            self.file = None;
        }
    }
}

fn bind() -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The log file with the bytes that it holds.
struct LogFile {
    writer: std::io::BufWriter<File>,
    bytes: u64,
}

impl LogFile {
    fn open(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o640)
            .open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self {
            writer: std::io::BufWriter::new(file),
            bytes,
        })
    }

    /// Appends a line and begins a new file where this one is full; whether the line is there.
    fn append(&mut self, path: &Path, line: &str) -> bool {
        let len_bytes = line.len() as u64 + 1;
        if self.bytes + len_bytes > FILE_MAX_BYTES && self.rotate(path).is_err() {
            return false;
        }
        self.bytes += len_bytes;
        writeln!(self.writer, "{line}").is_ok()
    }

    fn rotate(&mut self, path: &Path) -> std::io::Result<()> {
        self.writer.flush()?;
        let mut old = path.as_os_str().to_owned();
        old.push(".1");
        std::fs::rename(path, old)?;
        *self = Self::open(path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("holdfast-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        path
    }

    fn job(line: &str) -> Job {
        Job {
            line: line.to_owned(),
            priority: 166,
            to_file: true,
            to_hosts: true,
        }
    }

    #[test]
    fn lines_reach_the_file_and_the_host() {
        let directory = directory("writer");
        let path = directory.join("log");
        let host = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        let port = host.local_addr().expect("an address").port();
        let writer = Writer::spawn(Vec::new()).expect("a thread");
        writer.retarget(Targets {
            file: Some(path.clone()),
            hosts: vec![SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)],
        });
        writer.send(job("%ASA-6-199002: one"));
        writer.send(Job {
            to_file: false,
            ..job("%ASA-6-199002: two")
        });
        let mut datagram = [0; 64];
        let len = host.recv(&mut datagram).expect("a datagram");
        assert_eq!(&datagram[..len], b"<166>%ASA-6-199002: one");
        let shared = Arc::clone(&writer.shared);
        writer.finish();
        let text = std::fs::read_to_string(&path).expect("a file");
        assert_eq!(text, "%ASA-6-199002: one\n");
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        assert_eq!(load(&shared.counters.file_lines), 1);
        assert_eq!(load(&shared.counters.host_sent[0]), 2);
        std::fs::remove_dir_all(directory).expect("removed");
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let (queue, jobs) = crossbeam_channel::bounded(2);
        let writer = Writer {
            queue: Some(queue),
            shared: Arc::default(),
            thread: None,
        };
        for _ in 0..5 {
            writer.send(job("x"));
        }
        assert_eq!(writer.counters().queue_dropped.load(Ordering::Relaxed), 3);
        assert_eq!(jobs.len(), 2);
        drop(jobs);
        writer.send(job("x"));
        assert_eq!(writer.counters().queue_dropped.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_counted() {
        let shared = Shared::default();
        let mut outputs = Outputs {
            targets: Arc::new(Targets {
                file: Some(PathBuf::from("/nonexistent/holdfast/log")),
                hosts: Vec::new(),
            }),
            ..Outputs::default()
        };
        outputs.write(&job("x"), &shared.counters);
        assert_eq!(shared.counters.file_errors.load(Ordering::Relaxed), 1);
        assert_eq!(shared.counters.file_lines.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_full_file_is_kept_once_and_begun_anew() {
        let directory = directory("rotate");
        let path = directory.join("log");
        let mut file = LogFile::open(&path).expect("a file");
        assert!(file.append(&path, "old"));
        file.bytes = FILE_MAX_BYTES;
        assert!(file.append(&path, "new"));
        file.writer.flush().expect("flushed");
        let read = |path: &Path| std::fs::read_to_string(path).expect("a file");
        assert_eq!(read(&directory.join("log.1")), "old\n");
        assert_eq!(read(&path), "new\n");
        assert_eq!(file.bytes, 4);
        std::fs::remove_dir_all(directory).expect("removed");
    }
}
