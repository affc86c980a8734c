//! The statistics thread: it serves `stats.sock` and, where it is asked to, HTTP.
//!
//! It waits for its clients beside the workers' CPUs and never takes more than half of its own:
//! after a round of work it rests for as long as that took.

mod layout;
mod socket;

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use core_affinity::CoreId;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::commands::{self, Answer, Context};
use super::http::HttpServer;
use super::questions::{Asking, ConnQuestion};
use super::reading::Reading;
use crate::appliance::Clock;
use crate::time::Time;

pub use layout::{DPDK_PREFIX, Layout, SOCKET_NAME};
pub use socket::{ClientId, Request, StatsSocket};

/// Longest wait for a client; the sources are read at least this often.
const WAIT_MS: u16 = 250;
/// The same while the workers are being asked.
const WAIT_ASKED_MS: u16 = 2;
/// Time after which a question to the workers counts as not answered.
const ANSWER_MAX_MS: u64 = 2_000;
/// Shortest rest after a round with work.
const REST_MIN: Duration = Duration::from_millis(1);

/// A client that waits for the workers.
#[derive(Debug)]
struct Waiting {
    id: u64,
    client: ClientId,
    line: String,
    since: Time,
}

/// Everything that the thread owns.
#[derive(Debug)]
pub struct StatsServer {
    reading: Reading,
    socket: StatsSocket,
    http: Option<HttpServer>,
    asking: Asking,
    waiting: Vec<Waiting>,
    next_id: u64,
}

/// The running thread.
#[derive(Debug)]
pub struct StatsThread {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    _layout: Layout,
}

impl StatsServer {
    /// A server of these sources.
    pub fn new(
        reading: Reading,
        socket: StatsSocket,
        http: Option<HttpServer>,
        asking: Asking,
    ) -> Self {
        Self {
            reading,
            socket,
            http,
            asking,
            waiting: Vec::new(),
            next_id: 0,
        }
    }

    /// Serves in a thread of its own, pinned to one of `cpus` as far as there are any, until
    /// [`StatsThread::finish`].
    pub fn spawn(
        mut self,
        cpus: &[CoreId],
        clock: Clock,
        layout: Layout,
    ) -> std::io::Result<StatsThread> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let cpu = cpus.last().copied();
        let thread = thread::Builder::new()
            .name("stats".to_owned())
            .spawn(move || {
                let _pinned = cpu.is_some_and(core_affinity::set_for_current);
                while !stopping.load(Ordering::Acquire) {
                    self.wait();
                    let begin_us = clock.now_us();
                    if self.turn(clock.now(), clock.wall_ms()) {
                        let worked = Duration::from_micros(clock.now_us() - begin_us);
                        thread::sleep(worked.max(REST_MIN));
                    }
                }
            })?;
        Ok(StatsThread {
            stop,
            thread: Some(thread),
            _layout: layout,
        })
    }

    /// Waits until a client wants something, for a bounded time.
    fn wait(&self) {
        let mut wanted: Vec<(BorrowedFd<'_>, PollFlags)> = self.socket.interests();
        wanted.extend(self.http.iter().flat_map(HttpServer::interests));
        let mut polled: Vec<PollFd<'_>> = wanted
            .into_iter()
            .map(|(fd, flags)| PollFd::new(fd, flags))
            .collect();
        let wait_ms = if self.waiting.is_empty() {
            WAIT_MS
        } else {
            WAIT_ASKED_MS
        };
        // An interrupted wait is a short one.
        let _ready = poll(&mut polled, PollTimeout::from(wait_ms));
    }

    /// One round over all clients; whether there was anything to do.
    fn turn(&mut self, now: Time, unix_ms: u64) -> bool {
        self.reading.tick(now, unix_ms);
        let mut busy = self.take_answers(now);
        for request in self.socket.poll(now) {
            busy = true;
            self.serve(request, now);
        }
        if let Some(http) = &mut self.http {
            busy |= http.turn(&self.reading, now);
        }
        busy
    }

    fn serve(&mut self, request: Request, now: Time) {
        let Request { client, line } = request;
        let Some(baselines) = self.socket.baselines(client) else {
            return;
        };
        let mut context = Context {
            reading: &self.reading,
            baselines,
        };
        let value = match commands::carry_out(&mut context, &line) {
            Answer::Value(value) => Some(value),
            Answer::Nothing => None,
            Answer::Conns(cursor) => {
                let id = self.next_id;
                self.next_id += 1;
                if self.asking.ask(ConnQuestion { id, cursor }) {
                    let since = now;
                    self.waiting.push(Waiting {
                        id,
                        client,
                        line,
                        since,
                    });
                    return;
                }
                None
            }
        };
        let text = commands::envelope(&line, value.as_ref());
        self.socket.reply(client, text, now);
    }

    /// Hands on what the workers have answered; gives up on what they have not.
    fn take_answers(&mut self, now: Time) -> bool {
        let mut busy = false;
        while let Some(page) = self.asking.poll() {
            let asked = self.waiting.iter().position(|it| it.id == page.id);
            if let Some(at) = asked {
                let Waiting { client, line, .. } = self.waiting.swap_remove(at);
                let value = commands::page_answer(&page);
                let text = commands::envelope(&line, Some(&value));
                self.socket.reply(client, text, now);
                busy = true;
            }
        }
        let Self {
            waiting, socket, ..
        } = self;
        waiting.retain(|it| {
            let patient = now.since_ms(it.since) < ANSWER_MAX_MS;
            if !patient {
                socket.reply(it.client, commands::envelope(&it.line, None), now);
            }
            patient
        });
        busy
    }
}

impl StatsThread {
    /// Ends the thread: nobody reads ports or pools any more.
    pub fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended too.
            let _ended = thread.join();
        }
    }
}

impl Drop for StatsThread {
    fn drop(&mut self) {
        self.end();
    }
}

/// The fd of something that is polled.
fn interest<F: AsFd>(fd: &F, flags: PollFlags) -> (BorrowedFd<'_>, PollFlags) {
    (fd.as_fd(), flags)
}
