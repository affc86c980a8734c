//! Helper threads for what takes longer than a turn: public-key work and files.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;

use core_affinity::CoreId;
use crossbeam_channel::{Receiver, Sender, bounded};
use zeroize::Zeroizing;

use crate::control_socket::ClientId;
use crate::ike::{DhJob, DhResult};

/// Jobs that wait; more public-key work than that is refused, and IKE's retransmissions ask again.
const QUEUE_LEN: usize = 256;
/// Helper threads: one may wait for a disk while the other computes.
const THREADS: usize = 2;

/// Work for a helper.
enum Job {
    Dh(DhJob),
    Write {
        client: ClientId,
        path: PathBuf,
        text: Zeroizing<String>,
    },
}

/// What a helper has done.
pub(super) enum Done {
    Dh(DhResult),
    Written {
        client: ClientId,
        outcome: std::io::Result<usize>,
    },
}

/// The threads, which end when this goes. Nothing waits for them: results are polled.
#[derive(Debug)]
pub struct Helpers {
    jobs: Sender<Job>,
    results: Receiver<Done>,
}

impl Helpers {
    /// Starts the threads, each pinned to one of `cpus` as far as there are any.
    pub fn spawn(cpus: &[CoreId]) -> std::io::Result<Self> {
        let (jobs, work) = bounded(QUEUE_LEN);
        let (done, results) = bounded(2 * QUEUE_LEN);
        for index in 0..THREADS {
            let (work, done) = (Receiver::clone(&work), Sender::clone(&done));
            let cpu = cpus.iter().cycle().nth(index).copied();
            thread::Builder::new()
                .name(format!("helper-{index}"))
                .spawn(move || {
                    let _pinned = cpu.is_some_and(core_affinity::set_for_current);
                    for job in work {
                        if done.send(run(job)).is_err() {
                            return;
                        }
                    }
                })?;
        }
        Ok(Self { jobs, results })
    }

    /// Hands over public-key work; `false` when too much waits.
    pub(super) fn compute(&self, job: DhJob) -> bool {
        self.jobs.try_send(Job::Dh(job)).is_ok()
    }

    /// Writes a configuration; `false` when too much waits.
    pub(super) fn write(&self, client: ClientId, path: PathBuf, text: Zeroizing<String>) -> bool {
        self.jobs
            .try_send(Job::Write { client, path, text })
            .is_ok()
    }

    /// The next result.
    pub(super) fn poll(&self) -> Option<Done> {
        self.results.try_recv().ok()
    }
}

fn run(job: Job) -> Done {
    match job {
        Job::Dh(job) => Done::Dh(job.run()),
        Job::Write { client, path, text } => {
            let outcome = replace(&path, text.as_bytes()).map(|()| text.len());
            Done::Written { client, outcome }
        }
    }
}

/// Puts `bytes` in the place of a file: whoever reads it finds the old or the new one, whole.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole() {
        let path = std::env::temp_dir().join(format!("holdfast-replace-{}", std::process::id()));
        std::fs::write(&path, "old and long").expect("written");
        replace(&path, b"new").expect("replaced");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "new");
        std::fs::remove_file(&path).expect("removed");
        assert!(replace(Path::new("/nowhere/at/all"), b"x").is_err());
    }
}
