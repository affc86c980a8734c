//! Which message goes where: level filters, rate limit, buffer, writer.

use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use config::Logging;

use super::writer::{Job, Targets};
use super::{LogBuffer, Message, RateLimit, Writer};
use crate::stats::view::logging::{HostView, LoggingView, SinkView};
use crate::time::Time;

/// The log of the box. Owned by the control loop; no call waits for anything.
#[derive(Debug)]
pub struct Logger {
    settings: Logging,
    buffer: LogBuffer,
    rate: RateLimit,
    writer: Writer,
    buffered: u64,
    trapped: u64,
}

fn passes(sink: Option<u8>, message: &Message) -> bool {
    sink.is_some_and(|level| message.level <= level)
}

impl Logger {
    /// A log that is off until [`Logger::configure`].
    pub fn new(writer: Writer) -> Self {
        Self {
            settings: Logging::default(),
            buffer: LogBuffer::default(),
            rate: RateLimit::default(),
            writer,
            buffered: 0,
            trapped: 0,
        }
    }

    /// Takes over the `logging` commands. The buffer keeps its lines.
    pub fn configure(&mut self, settings: &Logging) {
        self.buffer.set_capacity(settings.buffer_size_bytes);
        self.writer.retarget(Targets {
            file: settings.file.as_ref().map(|(path, _)| PathBuf::from(path)),
            hosts: settings
                .hosts
                .iter()
                .map(|host| SocketAddrV4::new(host.address, host.port))
                .collect(),
        });
        self.settings = settings.clone();
    }

    /// Writes a message to every place that wants its level. `unix_ms` is the wall clock.
    pub fn log(&mut self, message: &Message, now: Time, unix_ms: u64) {
        let file_level = self.settings.file.as_ref().map(|(_, level)| *level);
        let to_buffer = passes(self.settings.buffered, message);
        let to_file = passes(file_level, message);
        let to_hosts = passes(self.settings.trap, message) && !self.settings.hosts.is_empty();
        let wanted = self.settings.enabled && (to_buffer || to_file || to_hosts);
        if !wanted || !self.rate.allow(message.id, now) {
            return;
        }
        let line = if self.settings.timestamp {
            message.stamped_line(unix_ms)
        } else {
            message.line()
        };
        if to_buffer {
            self.buffered += 1;
            self.buffer.push(line.clone());
        }
        self.trapped += u64::from(to_hosts);
        if to_file || to_hosts {
            self.writer.send(Job {
                line,
                priority: message.priority(),
                to_file,
                to_hosts,
            });
        }
    }

    /// `clear logging buffer`.
    pub fn clear_buffer(&mut self) {
        self.buffer.clear();
    }

    /// Messages that the rate limit kept back.
    pub const fn rate_limited(&self) -> u64 {
        self.rate.suppressed()
    }

    /// What `show logging` prints.
    pub fn view(&self) -> LoggingView {
        let settings = &self.settings;
        let counters = self.writer.counters();
        let hosts = settings.hosts.iter();
        let host_counters = counters.host_sent.iter().zip(&counters.host_errors);
        LoggingView {
            enabled: settings.enabled,
            timestamp: settings.timestamp,
            buffered: settings.buffered.map(|level| SinkView {
                level,
                messages: self.buffered,
            }),
            trap: settings.trap.map(|level| SinkView {
                level,
                messages: self.trapped,
            }),
            hosts: hosts
                .zip(host_counters)
                .map(|(host, (sent, errors))| HostView {
                    nameif: host.nameif.clone(),
                    address: host.address,
                    sent: sent.load(Ordering::Relaxed),
                    errors: errors.load(Ordering::Relaxed),
                })
                .collect(),
            file: settings.file.as_ref().map(|(path, level)| {
                let messages = counters.file_lines.load(Ordering::Relaxed);
                let level = *level;
                (path.clone(), SinkView { level, messages })
            }),
            queue_dropped: counters.queue_dropped.load(Ordering::Relaxed),
            buffer: self.buffer.lines().map(str::to_owned).collect(),
        }
    }

    /// Ends the log once everything that waits is written; for the very end of the process.
    pub fn finish(self) {
        self.writer.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logger(settings: &Logging) -> Logger {
        let mut logger = Logger::new(Writer::spawn(Vec::new()).expect("a thread"));
        logger.configure(settings);
        logger
    }

    fn settings() -> Logging {
        Logging {
            enabled: true,
            buffered: Some(6),
            ..Logging::default()
        }
    }

    #[test]
    fn every_sink_has_its_own_level() {
        let path = std::env::temp_dir().join(format!("holdfast-logger-{}", std::process::id()));
        let mut logger = logger(&Logging {
            file: Some((path.to_str().expect("a path").to_owned(), 4)),
            ..settings()
        });
        for level in [3, 6, 7] {
            logger.log(&Message::new(1, level, "m"), Time(0), 0);
        }
        let view = logger.view();
        assert_eq!(view.buffer, ["%ASA-3-000001: m", "%ASA-6-000001: m"]);
        assert_eq!(view.buffered.map(|sink| sink.messages), Some(2));
        logger.finish();
        let text = std::fs::read_to_string(&path).expect("a file");
        assert_eq!(text, "%ASA-3-000001: m\n");
        std::fs::remove_file(path).expect("removed");
    }

    #[test]
    fn a_log_that_is_off_keeps_nothing() {
        let mut logger = logger(&Logging {
            enabled: false,
            ..settings()
        });
        logger.log(&Message::new(1, 0, "m"), Time(0), 0);
        assert!(logger.view().buffer.is_empty());
        logger.finish();
    }

    #[test]
    fn time_stamps_and_the_rate_limit_apply() {
        let mut logger = logger(&Logging {
            timestamp: true,
            ..settings()
        });
        let replay = Message::new(402_119, 4, "m");
        for now in [0, 1000, 5000] {
            logger.log(&replay, Time(now), 1_795_453_122_000);
        }
        assert_eq!(
            logger.view().buffer,
            ["Nov 23 2026 16:58:42: %ASA-4-402119: m"; 2]
        );
        assert_eq!(logger.rate_limited(), 1);
        logger.clear_buffer();
        assert!(logger.view().buffer.is_empty());
        logger.finish();
    }
}
