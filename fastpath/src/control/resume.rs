//! Options of how flows resume, orders to release, and what came of them.

use super::Fastpath;
use crate::conn::HashKey;
use crate::histogram::{Counts, Reader};
use crate::hold::Setup;
use crate::ring::{Consumer, Producer};
use crate::tunnel::{ReleaseOrder, ResumeOptions};
use crate::worker::request::What;

/// The slowpath's ends of what a worker's held packets need.
#[derive(Debug)]
pub(super) struct ResumeEnds {
    pub(super) setups: Producer<Box<Setup>>,
    pub(super) retired: Consumer<Box<Setup>>,
    /// Until somebody reads the histograms.
    pub(super) latency: Option<Reader>,
}

impl Fastpath {
    /// Has the workers obey these options within a coarse tick or two. The memory of the pools is
    /// reserved here; what is held moves into a pool of another size.
    ///
    /// `false` when a worker has not taken up the last options yet: nothing has changed, try again
    /// later.
    pub fn set_resume(&mut self, options: ResumeOptions) -> bool {
        let mut workers = self.workers.iter_mut();
        if workers.any(|worker| worker.resume.setups.free() == 0) {
            return false;
        }
        for worker in &mut self.workers {
            let mut words = [0; 16];
            (self.seed)(&mut words);
            let (low, high) = words.split_at(8);
            let word = |half: &[u8]| {
                half.iter()
                    .fold(0, |word, byte| word << 8 | u64::from(*byte))
            };
            let key = HashKey([word(low), word(high)]);
            let setup = Setup::new(options, self.resume.as_ref(), key, self.conns_per_worker);
            // There is room, and nobody else writes.
            let _ = worker.resume.setups.push(Box::new(setup));
        }
        self.resume = Some(options);
        true
    }

    /// Orders every worker to let go what is held for a slot that is up. The answers come from
    /// [`Fastpath::replies`] with the ticket, at once; the packets leave at the order's pace.
    /// `None` when a worker has too many requests waiting.
    pub fn release_held(&mut self, order: ReleaseOrder) -> Option<u32> {
        self.request(What::Release(order))
    }

    /// Adds to `into` how long flows took to resume, in microseconds from the order to the
    /// acknowledgement that came back, as far as it was not collected before; nothing once
    /// [`Fastpath::telemetry`] has given the histograms away.
    pub fn resume_latency(&mut self, into: &mut Counts) {
        for worker in &mut self.workers {
            if let Some(latency) = &mut worker.resume.latency {
                latency.collect(std::slice::from_mut(into));
            }
        }
    }

    /// Frees memory that the workers have given back.
    pub(super) fn free_retired(&mut self) {
        for worker in &mut self.workers {
            while worker.resume.retired.pop().is_some() {}
        }
    }
}
