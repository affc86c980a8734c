//! Ctrl-C and SIGTERM, read from a descriptor.

use std::cell::Cell;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// The two signals that end a run.
#[derive(Debug)]
pub(crate) struct Signals {
    descriptor: SignalFd,
    asked: Cell<bool>,
}

impl Signals {
    /// Blocks them in this thread and in those that it will start.
    pub(crate) fn watch() -> Result<Self, String> {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGINT);
        mask.add(Signal::SIGTERM);
        mask.thread_block().map_err(|error| error.to_string())?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let descriptor = SignalFd::with_flags(&mask, flags).map_err(|error| error.to_string())?;
        Ok(Self {
            descriptor,
            asked: Cell::new(false),
        })
    }

    /// Whether one has come: whatever waits then, and whatever follows, ends.
    pub(crate) fn asked(&self) -> bool {
        if matches!(self.descriptor.read_signal(), Ok(Some(_))) {
            self.asked.set(true);
        }
        self.asked.get()
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::raise;

    use super::*;

    #[test]
    fn who_asks_later_hears_of_it_too() {
        let signals = Signals::watch().expect("signals are watched");
        assert!(!signals.asked());
        raise(Signal::SIGINT).expect("a signal to this thread");
        assert!(signals.asked() && signals.asked());
    }
}
