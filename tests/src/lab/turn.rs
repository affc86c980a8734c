//! Turns of scenarios: the machine is shared by a few that work, and by any that only wait.

use std::sync::{Condvar, Mutex, PoisonError};

/// Scenarios that work at a time: of each the boxes, hosts and the wire, on two CPUs.
const AT_ONCE: usize = 2;

static WORKING: Mutex<usize> = Mutex::new(0);
static DONE: Condvar = Condvar::new();

/// Gives the turn back, also when the scenario panics.
struct Turn;

impl Turn {
    fn take() -> Self {
        let working = WORKING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut working = DONE
            .wait_while(working, |working| *working >= AT_ONCE)
            .unwrap_or_else(PoisonError::into_inner);
        *working += 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *WORKING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        DONE.notify_one();
    }
}

/// Runs a scenario that works when it is its turn. Those that mostly wait need none.
pub fn in_turn<R>(scenario: impl FnOnce() -> R) -> R {
    let _turn = Turn::take();
    scenario()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn no_more_than_a_few_work_at_a_time_and_each_gets_its_turn() {
        let (working, most, done) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    in_turn(|| {
                        most.fetch_max(
                            working.fetch_add(1, Ordering::SeqCst) + 1,
                            Ordering::SeqCst,
                        );
                        thread::yield_now();
                        working.fetch_sub(1, Ordering::SeqCst);
                    });
                    done.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        assert!(most.into_inner() <= AT_ONCE);
        assert_eq!(done.into_inner(), 8);
    }
}
