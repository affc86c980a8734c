//! A program that runs in a namespace until it is ended.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::{Doing, LabError, Result, failed};
use super::interrupt::wait_for;

/// Lines of a log that an error message carries.
const TAIL_LINES: usize = 15;

/// A running program; killed on drop.
#[derive(Debug)]
pub struct Process {
    child: Child,
    label: String,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; both its outputs go to the file `log`, its input is a pipe.
    ///
    /// It gets a process group of its own, so that a Ctrl-C ends it in our order and not at once.
    pub fn start(label: &str, mut command: Command, log: &Path) -> Result<Self> {
        let what = format!("start {label}");
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .doing(&what)?;
        let err = out.try_clone().doing(&what)?;
        let child = command
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .doing(&what)?;
        Ok(Self {
            child,
            label: label.to_owned(),
            log: log.to_path_buf(),
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it has written so far.
    pub fn output(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The end of its output, for an error message.
    pub fn tail(&self) -> String {
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    /// Writes a line to its standard input.
    pub fn send_line(&mut self, line: &str) -> Result<()> {
        match self.child.stdin.as_mut() {
            Some(input) => writeln!(input, "{line}").doing(&format!("write to {}", self.label)),
            None => failed(format!("{} has no input", self.label)),
        }
    }

    /// Closes its standard input.
    pub fn end_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Its exit status, or `None` while it runs.
    pub fn status(&mut self) -> Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .doing(&format!("wait for {}", self.label))
    }

    /// An error, with the end of its output, when it no longer runs.
    pub fn expect_running(&mut self) -> Result<()> {
        match self.status()? {
            None => Ok(()),
            Some(status) => {
                let (label, tail) = (&self.label, self.tail());
                failed(format!("{label} ended early ({status}):\n{tail}"))
            }
        }
    }

    /// Waits until its output holds `text`.
    pub fn wait_output(&mut self, text: &str, deadline: Duration) -> Result<()> {
        let what = format!("`{text}` in the output of {}", self.label);
        let seen = wait_for(&what, deadline, || {
            if self.output().contains(text) {
                return Ok(Some(()));
            }
            self.expect_running().map(|()| None)
        });
        match seen {
            Err(LabError::Failed(error)) => failed(format!("{error}\n{}", self.tail())),
            other => other,
        }
    }

    /// Waits for its end.
    pub fn wait_exit(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let what = format!("the end of {}", self.label);
        wait_for(&what, deadline, || self.status())
    }

    /// Sends `signal`.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(self.pid() as i32);
        kill(pid, signal).doing(&format!("signal {}", self.label))
    }

    /// SIGTERM, then waits; an error when it takes longer than `deadline` or fails.
    pub fn terminate(&mut self, deadline: Duration) -> Result<()> {
        self.signal(Signal::SIGTERM)?;
        let status = self.wait_exit(deadline)?;
        if status.success() || status.signal() == Some(Signal::SIGTERM as i32) {
            return Ok(());
        }
        failed(format!(
            "{} ended with {status}:\n{}",
            self.label,
            self.tail()
        ))
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
