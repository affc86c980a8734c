//! Public-key work on a thread of its own: the control loop never waits for it.

use core_affinity::CoreId;
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use crate::ike::{DhJob, DhResult};

/// Jobs that may wait. A half-open SA has at most one, and those are bounded.
const JOBS_MAX: usize = 1_024;

/// The thread's two ends.
#[derive(Debug)]
pub struct Compute {
    jobs: Sender<DhJob>,
    results: Receiver<DhResult>,
}

impl Compute {
    /// Starts the thread on the last of these CPUs, away from the first workers.
    pub fn spawn(cpus: &[CoreId]) -> std::io::Result<Self> {
        let (jobs, todo) = bounded::<DhJob>(JOBS_MAX);
        let (done, results) = bounded(JOBS_MAX);
        let cpu = cpus.last().copied();
        std::thread::Builder::new().name("hf-compute".to_owned()).spawn(move || {
            if let Some(cpu) = cpu {
                core_affinity::set_for_current(cpu);
            }
            for job in todo {
                if done.send(job.run()).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { jobs, results })
    }

    /// Hands a job over; a job that finds no room is lost, and IKE's timers begin anew.
    pub fn submit(&self, job: DhJob) -> bool {
        self.jobs.try_send(job).is_ok()
    }

    /// A result, if there is one.
    pub fn take(&self) -> Option<DhResult> {
        match self.results.try_recv() {
            Ok(result) => Some(result),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }
}
