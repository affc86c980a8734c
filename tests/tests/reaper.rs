//! The reaper is one per process, however many threads begin at once. A process of its own: any
//! topology before would have started it.
#![forbid(unsafe_code)]

use std::sync::{Arc, Barrier};
use std::time::Duration;
use std::{fs, thread};

use tests::lab::namespace::Namespace;
use tests::lab::run::{Owner, fresh_name};
use tests::lab::sweep::{guard, namespaces};

const THREADS: usize = 16;
/// What a reaper that was set to work needs, many times over.
const REAPED: Duration = Duration::from_secs(1);

/// Reapers of this process.
fn reapers() -> usize {
    let tag = Owner::this().unwrap().tag();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines
        .filter(|line| {
            let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
            words.contains(&b"reap".as_slice()) && words.contains(&tag.as_bytes())
        })
        .count()
}

#[test]
fn threads_that_begin_together_share_a_reaper_that_waits() {
    let together = Arc::new(Barrier::new(THREADS));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let together = Arc::clone(&together);
            thread::spawn(move || {
                together.wait();
                guard().unwrap();
                Namespace::new(fresh_name().unwrap()).unwrap()
            })
        })
        .collect();
    let made: Vec<Namespace> = threads.into_iter().map(|it| it.join().unwrap()).collect();
    thread::sleep(REAPED);
    assert_eq!(reapers(), 1);
    let alive = namespaces();
    assert!(made.iter().all(|space| alive.contains(space.name())));
}
