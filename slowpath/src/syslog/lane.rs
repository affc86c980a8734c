//! A destination's own thread behind a bounded queue.
//!
//! The control loop offers lines and never waits: what the queue cannot take is dropped and
//! counted. A destination that is stuck holds its own thread and nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use core_affinity::CoreId;
use crossbeam_channel::{Receiver, Sender};

/// Most lines that may wait for one destination: at 1 KiB each, 8 MiB.
pub const QUEUE_MAX: usize = 8192;

/// A line on its way.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Its severity.
    pub(super) level: u8,
    pub(super) text: Arc<str>,
}

/// Counters of one destination.
#[derive(Debug, Default)]
pub struct LaneCounters {
    /// Lines that arrived there.
    pub written: AtomicU64,
    /// Lines that could not be written.
    pub errors: AtomicU64,
    /// Lines that found the queue full.
    pub dropped: AtomicU64,
    /// The destination does not answer.
    pub down: AtomicBool,
    /// Most lines that ever waited.
    most_waiting: AtomicUsize,
    /// No more lines come: what takes long shall end.
    closing: AtomicBool,
}

impl LaneCounters {
    /// Adds one.
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the destination is to be left.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

/// Where a lane leads.
pub(super) trait Sink: Send + 'static {
    /// Writes a line; takes as long as it takes, but little where the lane closes.
    fn write(&mut self, line: &Line, counters: &LaneCounters);
    /// Nothing waits.
    fn rest(&mut self, _: &LaneCounters) {}
}

/// The control loop's end of a destination.
#[derive(Debug)]
pub(super) struct Lane {
    queue: Option<Sender<Line>>,
    counters: Arc<LaneCounters>,
    /// Says when the thread has ended.
    ended: Receiver<()>,
}

impl Lane {
    /// Starts the thread, pinned to the first of `cpus` that takes it. Without one every line is
    /// dropped and counted.
    pub(super) fn spawn(name: &str, cpus: Vec<CoreId>, sink: impl Sink) -> Self {
        let counters = Arc::<LaneCounters>::default();
        let (queue, lines) = crossbeam_channel::bounded(QUEUE_MAX);
        let (alive, ended) = crossbeam_channel::bounded(0);
        let theirs = Arc::clone(&counters);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let _pinned = cpus.into_iter().any(core_affinity::set_for_current);
                run(sink, &lines, &theirs);
                drop(alive);
            });
        Self {
            queue: thread.is_ok().then_some(queue),
            counters,
            ended,
        }
    }

    /// Its counters.
    pub(super) fn counters(&self) -> &LaneCounters {
        &self.counters
    }

    /// Lines that wait, and the most that ever did.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let most = self.counters.most_waiting.load(Ordering::Relaxed);
        (self.queue.as_ref().map_or(0, Sender::len), most)
    }

    /// Hands a line over where fewer than `limit` wait; never waits itself.
    pub(super) fn offer(&self, line: Line, limit: usize) {
        let Some(queue) = self.queue.as_ref().filter(|queue| queue.len() < limit) else {
            return LaneCounters::count(&self.counters.dropped);
        };
        if queue.try_send(line).is_err() {
            return LaneCounters::count(&self.counters.dropped);
        }
        let most = &self.counters.most_waiting;
        most.fetch_max(queue.len(), Ordering::Relaxed);
    }

    /// Takes no more lines. The thread writes what waits, as far as its destination takes it, and
    /// ends; so that one can wait for that.
    pub(super) fn close(mut self) -> Ending {
        self.counters.closing.store(true, Ordering::Relaxed);
        self.queue = None;
        Ending(self.ended.clone())
    }
}

/// A lane that ends.
#[derive(Debug)]
pub(super) struct Ending(Receiver<()>);

impl Ending {
    /// Waits until the thread has ended; `false` when the deadline came first.
    pub(super) fn wait<T>(&self, deadline: &Receiver<T>) -> bool {
        // Nothing is ever sent by the thread: its end disconnects.
        crossbeam_channel::select_biased! {
            recv(self.0) -> _ => true,
            recv(deadline) -> _ => false,
        }
    }
}

fn run(mut sink: impl Sink, lines: &Receiver<Line>, counters: &LaneCounters) {
    while let Ok(line) = lines.recv() {
        sink.write(&line, counters);
        if lines.is_empty() {
            sink.rest(counters);
        }
    }
    sink.rest(counters);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crossbeam_channel::after;

    use super::*;

    /// Takes a line when it is allowed to.
    struct Gate(Receiver<()>, Sender<String>);

    impl Sink for Gate {
        fn write(&mut self, line: &Line, counters: &LaneCounters) {
            if self.0.recv().is_ok() {
                LaneCounters::count(&counters.written);
            }
            let _told = self.1.send(line.text.to_string());
        }
    }

    fn line(text: &str) -> Line {
        Line {
            level: 6,
            text: text.into(),
        }
    }

    #[test]
    fn a_full_queue_drops_counts_and_never_waits() {
        let (open, gate) = crossbeam_channel::unbounded();
        let (tell, told) = crossbeam_channel::unbounded();
        let lane = Lane::spawn("test", Vec::new(), Gate(gate, tell));
        lane.offer(line("first"), 2);
        while lane.waiting().0 > 0 {
            std::thread::yield_now();
        }
        for text in ["a", "b", "c", "d"] {
            lane.offer(line(text), 2);
        }
        let counters = Arc::clone(&lane.counters);
        assert_eq!(counters.dropped.load(Ordering::Relaxed), 2);
        assert_eq!(lane.waiting(), (2, 2));
        for _ in 0..3 {
            open.send(()).expect("the thread is there");
        }
        assert!(lane.close().wait(&after(Duration::from_mins(1))));
        let told: Vec<String> = told.try_iter().collect();
        assert_eq!(told, ["first", "a", "b"], "what waited is written");
        assert_eq!(counters.written.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn the_end_is_not_waited_for_forever() {
        let (_open, gate) = crossbeam_channel::unbounded();
        let (tell, _told) = crossbeam_channel::unbounded();
        let lane = Lane::spawn("test", Vec::new(), Gate(gate, tell));
        lane.offer(line("stuck"), 2);
        assert!(!lane.close().wait(&after(Duration::from_millis(20))));
    }
}
