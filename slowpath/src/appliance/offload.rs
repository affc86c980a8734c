//! Threads for what takes longer than a turn. Nothing waits for them: results are polled.

use std::any::Any;
use std::thread;

use core_affinity::CoreId;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, select_biased};

use super::jobs::{Done, Job};
use crate::ike::DhJob;
use crate::limits::{JOBS_MAX, KEY_JOBS_MAX};

/// What a thread does first when both wait. There is one thread of each kind, so that neither the
/// keys, for which flows wait, nor the other jobs can be starved.
#[derive(Clone, Copy, Debug)]
enum First {
    Keys,
    Jobs,
}

const THREADS: [First; 2] = [First::Keys, First::Jobs];

/// The threads, which end when this goes.
#[derive(Debug)]
pub struct Offload {
    keys: Sender<DhJob>,
    jobs: Sender<Job>,
    results: Receiver<Done>,
}

impl Offload {
    /// Starts the threads, each pinned to one of `cpus` as far as there are any.
    pub fn spawn(cpus: &[CoreId]) -> std::io::Result<Self> {
        let (keys, wanted) = bounded(KEY_JOBS_MAX);
        let (jobs, work) = bounded(JOBS_MAX);
        let (done, results) = bounded(KEY_JOBS_MAX + JOBS_MAX);
        for (index, first) in THREADS.into_iter().enumerate() {
            let (wanted, work) = (Receiver::clone(&wanted), Receiver::clone(&work));
            let done = Sender::clone(&done);
            let cpu = cpus.iter().cycle().nth(index).copied();
            thread::Builder::new()
                .name(format!("offload-{index}"))
                .spawn(move || {
                    let _pinned = cpu.is_some_and(core_affinity::set_for_current);
                    serve(first, &wanted, &work, &done);
                })?;
        }
        Ok(Self {
            keys,
            jobs,
            results,
        })
    }

    /// Hands over public-key work, or gives it back when too much waits.
    pub(super) fn compute(&self, job: DhJob) -> Result<(), DhJob> {
        self.keys.try_send(job).map_err(TrySendError::into_inner)
    }

    /// Whether the next job will be taken: nobody else hands any over.
    pub(super) fn has_room(&self) -> bool {
        !self.jobs.is_full()
    }

    /// Hands over a job; `false` when too much waits.
    pub(super) fn give(&self, job: Job) -> bool {
        self.jobs.try_send(job).is_ok()
    }

    /// Has something freed that is made of many parts; here, if there is no other way.
    pub(super) fn discard(&self, what: impl Any + Send) {
        self.give(Job::Discard(Box::new(what)));
    }

    /// The next result.
    pub(super) fn poll(&self) -> Option<Done> {
        self.results.try_recv().ok()
    }
}

/// Does jobs until nobody hands over any more.
fn serve(first: First, keys: &Receiver<DhJob>, jobs: &Receiver<Job>, done: &Sender<Done>) {
    let compute = |job: DhJob| Some(Done::Dh(job.run()));
    loop {
        let result = match first {
            First::Keys => select_biased! {
                recv(keys) -> job => job.map(compute),
                recv(jobs) -> job => job.map(Job::run),
            },
            First::Jobs => select_biased! {
                recv(jobs) -> job => job.map(Job::run),
                recv(keys) -> job => job.map(compute),
            },
        };
        let Ok(result) = result else { return };
        if result.is_some_and(|result| done.send(result).is_err()) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    /// For a thread that never gets its turn.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// Says on which thread it is freed.
    struct Traced(Sender<Option<String>>);

    impl Drop for Traced {
        fn drop(&mut self) {
            let name = thread::current().name().map(str::to_owned);
            self.0.send(name).expect("somebody hears it");
        }
    }

    #[test]
    fn what_is_given_away_is_freed_elsewhere() {
        let offload = Offload::spawn(&[]).expect("threads");
        let (tell, told) = bounded(1);
        offload.discard(Arc::new(Traced(tell)));
        let name = told.recv_timeout(PATIENCE).expect("it was freed");
        assert!(name.is_some_and(|name| name.starts_with("offload-")));
    }

    #[test]
    fn neither_keys_nor_other_jobs_are_starved() {
        for (first, left) in [(First::Keys, (0, 2)), (First::Jobs, (2, 0))] {
            let (keys, wanted) = bounded(2);
            let (jobs, work) = bounded(2);
            let (done, _results) = bounded(4);
            for ticket in 0..2 {
                assert!(keys.send(DhJob::numbered(ticket)).is_ok());
                assert!(jobs.send(Job::Discard(Box::new(()))).is_ok());
            }
            // A thread ends as soon as what it does first cannot come any more.
            drop((keys, jobs));
            serve(first, &wanted, &work, &done);
            assert_eq!((wanted.len(), work.len()), left, "{first:?}");
        }
    }

    #[test]
    fn jobs_that_wait_are_bounded() {
        let (jobs, _work) = bounded(JOBS_MAX);
        let (keys, _wanted) = bounded(KEY_JOBS_MAX);
        let (_done, results) = bounded(1);
        let offload = Offload {
            keys,
            jobs,
            results,
        };
        for _ in 0..JOBS_MAX {
            assert!(offload.has_room() && offload.give(Job::Discard(Box::new(()))));
        }
        assert!(!offload.has_room() && !offload.give(Job::Discard(Box::new(()))));
    }
}
