//! Ctrl-C and SIGTERM, read from a descriptor.

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// The two signals that end a run.
#[derive(Debug)]
pub(crate) struct Signals(SignalFd);

impl Signals {
    /// Blocks them in this thread and in those that it will start.
    pub(crate) fn watch() -> Result<Self, String> {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGINT);
        mask.add(Signal::SIGTERM);
        mask.thread_block().map_err(|error| error.to_string())?;
        SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// Whether one has come since the last call.
    pub(crate) fn asked(&self) -> bool {
        matches!(self.0.read_signal(), Ok(Some(_)))
    }
}
