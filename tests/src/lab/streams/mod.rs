//! Many TCP streams at once, downloads and uploads, each paced; every byte is checked and the time
//! of every progress is written down.

mod ends;
mod log;
mod stream;

pub use ends::{open, serve};
pub use log::{Record, Seen, unix_us};
pub use stream::Way;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Result, failed};
use super::interrupt::wait_for;
use super::namespace::Namespace;
use super::process::Process;
use super::run::beside;

/// The server's port.
pub const PORT: u16 = 5_001;
const START: Duration = Duration::from_mins(1);

/// Which way stream `id` of a usual load goes: downloads and uploads take turns.
pub const fn way(id: u32) -> Way {
    if id.is_multiple_of(2) {
        Way::Down
    } else {
        Way::Up
    }
}

/// How many streams, and what they carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Streams.
    pub count: u32,
    /// All are uploads.
    pub up: bool,
    /// A sender hands a chunk over so often, in milliseconds.
    pub every_ms: u32,
    /// Bytes of a chunk.
    pub chunk_bytes: usize,
}

impl Load {
    /// Downloads and uploads in turn, of 20 kB/s each.
    pub const fn usual(count: u32) -> Self {
        Self {
            count,
            up: false,
            every_ms: 50,
            chunk_bytes: 1_000,
        }
    }

    fn arguments(self) -> Vec<String> {
        let mut arguments = vec![
            format!("--every-ms={}", self.every_ms),
            format!("--chunk-bytes={}", self.chunk_bytes),
            format!("--count={}", self.count),
        ];
        if self.up {
            arguments.push("--up".to_owned());
        }
        arguments
    }
}

/// Running streams.
#[derive(Debug)]
pub struct Streams {
    server: Process,
    client: Process,
    count: u32,
    /// What their ends have seen.
    pub record: Record,
}

impl Streams {
    /// Opens the load's streams from `client` to `address` in `server`, and waits until bytes have
    /// come on each. The ends' logs are `NAME-server.log` and `NAME-client.log`.
    pub fn start(
        (server, address): (&Namespace, &str),
        client: &Namespace,
        load: Load,
        (directory, name): (&Path, &str),
    ) -> Result<Self> {
        let log = |end: &str| -> PathBuf { directory.join(format!("{name}-{end}.log")) };
        for end in ["server", "client"] {
            // What an earlier case of this name has written is not this one's.
            let _ = fs::remove_file(log(end));
        }
        let tool = beside("lab-tool")?;
        let mut command = server.command(&tool.to_string_lossy());
        command.args(["streams-serve", &PORT.to_string()]);
        command.args(load.arguments());
        let mut serving = Process::start("the streams' server", command, &log("server"))?;
        serving.wait_output("ready", START)?;
        let mut command = client.command(&tool.to_string_lossy());
        let target = format!("{address}:{PORT}");
        command
            .args(["streams-open", &target])
            .args(load.arguments());
        let opening = Process::start("the streams' client", command, &log("client"))?;
        let mut streams = Self {
            server: serving,
            client: opening,
            count: load.count,
            record: Record::new([log("server"), log("client")]),
        };
        streams.wait("bytes on every stream", START, |seen| !seen.got.is_empty())?;
        Ok(streams)
    }

    /// Waits until every stream is as wanted.
    pub fn wait(
        &mut self,
        what: &str,
        deadline: Duration,
        wanted: impl Fn(&Seen) -> bool,
    ) -> Result<()> {
        wait_for(what, deadline, || {
            self.server.expect_running()?;
            self.record.update()?;
            let streams = self.record.streams.values();
            let reached = streams.filter(|seen| wanted(seen)).count();
            Ok((reached == self.count as usize).then_some(()))
        })
    }

    /// Ends all streams in order and waits until every byte has come, or until `deadline`.
    pub fn stop(&mut self, deadline: Duration) -> Result<()> {
        for end in [&mut self.server, &mut self.client] {
            end.send_line("stop")?;
        }
        match self.wait("the end of every stream", deadline, |seen| {
            seen.is_whole() || seen.lost.is_some()
        }) {
            Err(super::LabError::Failed(_)) | Ok(()) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Streams of which something is missing after [`Self::stop`].
    pub fn lost(&self) -> Vec<String> {
        (0..self.count)
            .filter_map(|id| {
                let seen = self.record.streams.get(&id).cloned().unwrap_or_default();
                let why = seen
                    .lost
                    .clone()
                    .unwrap_or_else(|| format!("sent {:?}, received {:?}", seen.sent, seen.end));
                (!seen.is_whole()).then(|| format!("stream {id}: {why}"))
            })
            .collect()
    }
}

/// Segments that the TCP of a namespace has sent again since it was made.
pub fn retransmissions(space: &Namespace) -> Result<u64> {
    let text = space.run("cat", &["/proc/net/snmp"])?;
    match counter(&text, "Tcp:", "RetransSegs") {
        Some(count) => Ok(count),
        None => failed(format!("no count of retransmissions: {text}")),
    }
}

/// A column of a table with two lines: names, then values.
fn counter(text: &str, table: &str, column: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with(table));
    let names = lines.next()?.split(' ');
    let mut pairs = names.zip(lines.next()?.split(' '));
    pairs
        .find(|(name, _)| *name == column)
        .and_then(|(_, value)| value.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_their_column() {
        let text = "Ip: A\nIp: 1\nTcp: InSegs RetransSegs\nTcp: 5 17\n";
        assert_eq!(counter(text, "Tcp:", "RetransSegs"), Some(17));
        assert_eq!(counter(text, "Tcp:", "OutSegs"), None);
    }
}
