//! Ctrl-C and SIGTERM as a flag that every wait of the lab looks at.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};

use super::error::{Doing, LabError, Result};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// The longest sleep between two looks at the flag.
const LOOK: Duration = Duration::from_millis(10);

/// Takes SIGINT, SIGTERM and SIGHUP away from the process and into the flag.
///
/// Call it from `main` before another thread exists: later threads inherit the mask. Programs that
/// are started do not, because the standard library clears the mask for them.
pub fn install() -> Result<()> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGHUP);
    signals.thread_block().doing("block signals")?;
    thread::spawn(move || {
        while signals.wait().is_ok() {
            REQUESTED.store(true, Ordering::Relaxed);
        }
    });
    Ok(())
}

/// An error once a signal has come.
pub fn check() -> Result<()> {
    if REQUESTED.load(Ordering::Relaxed) {
        Err(LabError::Interrupted)
    } else {
        Ok(())
    }
}

/// Sleeps, and ends early with an error when a signal comes.
pub fn pause(duration: Duration) -> Result<()> {
    let end = Instant::now() + duration;
    loop {
        check()?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(LOOK));
    }
}

/// Waits until `condition` gives a value; fails with `what` when `deadline` has passed.
pub fn wait_for<T>(
    what: &str,
    deadline: Duration,
    mut condition: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = condition()? {
            return Ok(value);
        }
        if start.elapsed() > deadline {
            return Err(LabError::Failed(format!(
                "{what} did not happen within {:.0} s",
                deadline.as_secs_f64()
            )));
        }
        pause(LOOK)?;
    }
}
