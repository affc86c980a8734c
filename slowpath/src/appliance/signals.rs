//! Signals, polled.

use nix::sys::signal::{SigSet, Signal as Number};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// What somebody outside wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM, SIGINT: delete the tunnels at the peers and end.
    Stop,
    /// SIGHUP: read the configuration file again.
    Reload,
}

/// Signals that wait to be polled instead of interrupting.
#[derive(Debug)]
pub struct Signals {
    descriptor: SignalFd,
}

impl Signals {
    /// Blocks the signals for this thread and all that it starts later, so before the EAL starts.
    pub fn block() -> nix::Result<Self> {
        let mut mask = SigSet::empty();
        for signal in [Number::SIGTERM, Number::SIGINT, Number::SIGHUP] {
            mask.add(signal);
        }
        mask.thread_block()?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        Ok(Self {
            descriptor: SignalFd::with_flags(&mask, flags)?,
        })
    }

    /// The next signal that has come.
    pub fn poll(&mut self) -> Option<Signal> {
        let received = self.descriptor.read_signal().ok()??;
        let number = i32::try_from(received.ssi_signo).ok()?;
        match Number::try_from(number).ok()? {
            Number::SIGHUP => Some(Signal::Reload),
            _ => Some(Signal::Stop),
        }
    }
}
