//! curl, fetching the file, with its progress read from the growing output.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Result, failed};
use super::interrupt::wait_for;
use super::namespace::Namespace;
use super::payload::{Payload, sha256_of};
use super::process::Process;

/// curl's exit code for "operation timed out", which its speed limit gives.
pub const EXIT_TIMED_OUT: i32 = 28;

/// When curl gives up: slower than `bytes_s` for `seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeedLimit {
    /// Bytes per second.
    pub bytes_s: u32,
    /// Seconds in a row.
    pub seconds: u32,
}

/// A running or ended download.
#[derive(Debug)]
pub struct Download {
    process: Process,
    file: PathBuf,
}

impl Download {
    /// Starts curl in `space` for `http://SERVER/file`.
    pub fn start(
        space: &Namespace,
        directory: &Path,
        server: &str,
        speed_limit: Option<SpeedLimit>,
    ) -> Result<Self> {
        let file = directory.join("received.bin");
        let _ = fs::remove_file(&file);
        let mut command = space.command("curl");
        command.args([
            "--silent",
            "--show-error",
            "--fail",
            "--no-buffer",
            "--noproxy",
            "*",
        ]);
        if let Some(limit) = speed_limit {
            command.args(["--speed-limit", &limit.bytes_s.to_string()]);
            command.args(["--speed-time", &limit.seconds.to_string()]);
        }
        command
            .arg("--output")
            .arg(&file)
            .arg(format!("http://{server}/file"));
        let process = Process::start("curl", command, &directory.join("curl.log"))?;
        Ok(Self { process, file })
    }

    /// Bytes received so far.
    pub fn received_bytes(&self) -> u64 {
        fs::metadata(&self.file).map_or(0, |file| file.len())
    }

    /// curl's exit code, `None` while it runs.
    pub fn exit_code(&mut self) -> Result<Option<i32>> {
        match self.process.status()? {
            None => Ok(None),
            Some(status) => match status.code() {
                Some(code) => Ok(Some(code)),
                None => failed(format!("curl was killed: {status}")),
            },
        }
    }

    /// What curl said.
    pub fn message(&self) -> String {
        self.process.output().trim().to_owned()
    }

    /// Waits until `bytes` have arrived.
    pub fn wait_bytes(&mut self, bytes: u64, deadline: Duration) -> Result<()> {
        wait_for(&format!("{bytes} received bytes"), deadline, || {
            if self.received_bytes() >= bytes {
                return Ok(Some(()));
            }
            match self.exit_code()? {
                None => Ok(None),
                Some(code) => failed(format!("curl ended with {code}: {}", self.message())),
            }
        })
    }

    /// Waits until more arrives than there is now.
    pub fn wait_progress(&mut self, deadline: Duration) -> Result<()> {
        self.wait_bytes(self.received_bytes() + 1, deadline)
    }

    /// Waits for curl's end and gives its exit code.
    pub fn wait_exit(&mut self, deadline: Duration) -> Result<i32> {
        wait_for("the end of curl", deadline, || self.exit_code())
    }

    /// Waits for the end; an error unless the file arrived whole.
    pub fn expect_whole(&mut self, payload: &Payload, deadline: Duration) -> Result<()> {
        let code = self.wait_exit(deadline)?;
        if code != 0 {
            return failed(format!("curl ended with {code}: {}", self.message()));
        }
        if self.matches(payload)? {
            Ok(())
        } else {
            failed("the file arrived with a wrong SHA-256")
        }
    }

    /// Whether what arrived is the payload, by SHA-256.
    pub fn matches(&self, payload: &Payload) -> Result<bool> {
        Ok(sha256_of(&self.file)? == payload.sha256)
    }
}
