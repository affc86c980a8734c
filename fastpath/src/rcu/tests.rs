use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use proptest::prelude::*;

use super::{Domain, RcuCell};
use crate::limits::{RECLAIM_STEP_MAX, RETIRED_MAX};

/// Counts its drops and holds a value twice, so that a torn or freed one shows.
struct Probe {
    value: u64,
    check: u64,
    dropped: Arc<AtomicUsize>,
}

impl Probe {
    fn boxed(value: u64, dropped: &Arc<AtomicUsize>) -> Box<Self> {
        Box::new(Self {
            value,
            check: !value,
            dropped: dropped.clone(),
        })
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.value = 0;
        self.check = 0;
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_retired_value_lives_until_every_reader_has_passed() {
    let (domain, mut publisher) = Domain::new(2);
    let dropped = Arc::new(AtomicUsize::new(0));
    let cell = RcuCell::new(&domain);
    let mut first = domain.reader(0).unwrap();
    let mut second = domain.reader(1).unwrap();
    publisher.publish(&cell, Probe::boxed(1, &dropped)).unwrap();
    let seen = cell.load(&second).unwrap();
    publisher.publish(&cell, Probe::boxed(2, &dropped)).unwrap();
    first.quiescent();
    assert_eq!(publisher.poll(), 0);
    assert_eq!((seen.value, seen.check), (1, !1));
    assert_eq!(cell.load(&first).unwrap().value, 2);
    second.quiescent();
    assert_eq!(publisher.poll(), 1);
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    drop(cell);
    assert_eq!(dropped.load(Ordering::Relaxed), 2);
}

#[test]
fn a_sleeping_reader_holds_nothing_up_and_sees_the_new_value_when_it_wakes() {
    let (domain, mut publisher) = Domain::new(1);
    let cell = RcuCell::new(&domain);
    publisher.publish(&cell, Box::new(1)).unwrap();
    let mut reader = domain.reader(0).unwrap();
    reader.offline(|| {
        assert_eq!(domain.online(), 0);
        publisher.publish(&cell, Box::new(2)).unwrap();
        assert_eq!(publisher.poll(), 1);
    });
    assert_eq!(domain.online(), 1);
    assert_eq!(cell.load(&reader), Some(&2));
    assert!(publisher.remove(&cell));
    assert!(!publisher.remove(&cell));
    assert_eq!(cell.load(&reader), None);
    assert_eq!(publisher.poll(), 0);
}

#[test]
fn a_reader_that_unwinds_in_its_sleep_is_online_again() {
    let (domain, mut publisher) = Domain::new(1);
    let cell = RcuCell::new(&domain);
    publisher.publish(&cell, Box::new(1)).unwrap();
    let mut reader = domain.reader(0).unwrap();
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        reader.offline(|| std::panic::resume_unwind(Box::new(())));
    }));
    assert!(unwound.is_err());
    publisher.remove(&cell);
    assert_eq!(publisher.poll(), 0);
    reader.quiescent();
    assert_eq!(publisher.poll(), 1);
}

#[test]
fn there_is_one_reader_per_index() {
    let (domain, _publisher) = Domain::new(1);
    let reader = domain.reader(0).unwrap();
    assert!(domain.reader(0).is_none());
    assert!(domain.reader(1).is_none());
    drop(reader);
    assert!(domain.reader(0).is_some());
}

#[test]
#[should_panic(expected = "of one domain")]
fn a_cell_is_not_loaded_under_a_reader_of_another_domain() {
    let (domain, _publisher) = Domain::new(1);
    let (other, _other_publisher) = Domain::new(1);
    let cell = RcuCell::<u32>::new(&domain);
    let reader = other.reader(0).unwrap();
    let _ = cell.load(&reader);
}

#[test]
#[should_panic(expected = "of one domain")]
fn a_cell_is_not_changed_by_the_publisher_of_another_domain() {
    let (domain, _publisher) = Domain::new(1);
    let (_other, mut other_publisher) = Domain::new(1);
    let cell = RcuCell::new(&domain);
    let _ = other_publisher.publish(&cell, Box::new(1));
}

#[test]
fn a_stuck_reader_makes_publishing_refuse_and_removing_go_on() {
    let (domain, mut publisher) = Domain::new(1);
    let cell = RcuCell::new(&domain);
    let mut reader = domain.reader(0).unwrap();
    for value in 0..=RETIRED_MAX {
        publisher.publish(&cell, Box::new(value)).unwrap();
    }
    assert_eq!(publisher.retired(), RETIRED_MAX);
    let refused = publisher.publish(&cell, Box::new(7)).unwrap_err();
    assert_eq!(*refused.0, 7);
    assert_eq!(cell.load(&reader), Some(&RETIRED_MAX));
    assert!(publisher.remove(&cell));
    assert!(publisher.publish(&cell, refused.0).is_err());
    reader.quiescent();
    assert_eq!(publisher.poll(), RECLAIM_STEP_MAX);
    publisher.publish(&cell, Box::new(8)).unwrap();
    assert_eq!(publisher.drain(), 0);
    assert_eq!(publisher.peek(&cell), Some(&8));
}

#[test]
fn destructors_run_on_the_thread_that_publishes() {
    struct OnThread(thread::ThreadId);
    impl Drop for OnThread {
        fn drop(&mut self) {
            assert_eq!(thread::current().id(), self.0);
        }
    }
    let (domain, mut publisher) = Domain::new(1);
    let cell = Arc::new(RcuCell::new(&domain));
    let me = thread::current().id();
    publisher.publish(&cell, Box::new(OnThread(me))).unwrap();
    let mut reader = domain.reader(0).unwrap();
    let reading = thread::spawn({
        let cell = cell.clone();
        move || {
            while cell.load(&reader).is_some() {
                reader.quiescent();
            }
        }
    });
    assert!(publisher.remove(&cell));
    reading.join().unwrap();
    assert_eq!(publisher.drain(), 0);
}

#[test]
fn swaps_under_load_lose_nothing_and_leak_nothing() {
    const SWAPS: u64 = 100_000;
    const READERS: usize = 2;
    let (domain, mut publisher) = Domain::new(READERS);
    let dropped = Arc::new(AtomicUsize::new(0));
    let cell = Arc::new(RcuCell::new(&domain));
    let stop = Arc::new(AtomicBool::new(false));
    publisher.publish(&cell, Probe::boxed(0, &dropped)).unwrap();
    let threads: Vec<_> = (0..READERS)
        .map(|index| {
            let (cell, stop) = (cell.clone(), stop.clone());
            let mut reader = domain.reader(index).unwrap();
            thread::spawn(move || {
                let mut last = 0;
                let mut loops = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    for _ in 0..8 {
                        let probe = cell.load(&reader).expect("never empty");
                        assert_eq!(probe.check, !probe.value);
                        assert!(probe.value >= last);
                        last = probe.value;
                    }
                    loops += 1;
                    if loops.is_multiple_of(64) {
                        reader.offline(thread::yield_now);
                    } else {
                        reader.quiescent();
                    }
                }
            })
        })
        .collect();
    for value in 1..=SWAPS {
        let mut next = Probe::boxed(value, &dropped);
        while let Err(refused) = publisher.publish(&cell, next) {
            next = refused.0;
            thread::yield_now();
        }
        publisher.poll();
    }
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(publisher.drain(), 0);
    assert_eq!(dropped.load(Ordering::Relaxed) as u64, SWAPS);
}

proptest! {
    /// Against the definition: a value is freed at the first poll after every reader that was
    /// online when it was retired has passed or slept.
    #[test]
    fn frees_exactly_what_was_passed(steps in prop::collection::vec(0_u8..6, 0..200)) {
        let (domain, mut publisher) = Domain::new(2);
        let dropped = Arc::new(AtomicUsize::new(0));
        let cell = RcuCell::new(&domain);
        let mut readers = [domain.reader(0).unwrap(), domain.reader(1).unwrap()];
        let mut waiting: Vec<[bool; 2]> = Vec::new();
        let mut freed = 0;
        publisher.publish(&cell, Probe::boxed(0, &dropped)).unwrap();
        for step in steps {
            match step {
                0 | 1 => {
                    publisher.publish(&cell, Probe::boxed(1, &dropped)).unwrap();
                    waiting.push([true; 2]);
                }
                2 | 3 => {
                    let index = usize::from(step - 2);
                    readers[index].quiescent();
                    for on in &mut waiting {
                        on[index] = false;
                    }
                }
                4 => {
                    readers[1].offline(|| ());
                    for on in &mut waiting {
                        on[1] = false;
                    }
                }
                _ => {
                    publisher.poll();
                    let before = waiting.len();
                    waiting.retain(|on| on.contains(&true));
                    freed += before - waiting.len();
                }
            }
            prop_assert_eq!(dropped.load(Ordering::Relaxed), freed);
        }
    }
}
