//! Which message goes where: what the configuration says of it, rate limits, buffer, writer.

use std::borrow::Cow;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use config::{Config, LogTransport, Logging, LoggingHost};

use super::filter::Filter;
use super::heading::Heading;
use super::lane::{Line, QUEUE_MAX};
use super::writer::Destination;
use super::{LogBuffer, Message, RateLimit, Writer};
use crate::stats::published::LogStats;
use crate::stats::view::logging::{HostView, LoggingView, QueueView, SinkView};
use crate::time::Time;

/// The filters of the destinations.
#[derive(Debug, Default)]
struct Filters {
    console: Filter,
    buffered: Filter,
    file: Filter,
    trap: Filter,
}

/// The log of the box. Owned by the control loop; no call waits for anything.
#[derive(Debug)]
pub struct Logger {
    settings: Logging,
    filters: Filters,
    heading: Heading,
    buffer: LogBuffer,
    rate: RateLimit,
    writer: Writer,
    buffered: u64,
    trapped: u64,
}

fn address(host: &LoggingHost) -> SocketAddrV4 {
    SocketAddrV4::new(host.address, host.port)
}

fn destination(host: &LoggingHost) -> Destination {
    match host.transport {
        LogTransport::Udp => Destination::Udp(address(host)),
        LogTransport::Tcp => Destination::Tcp(address(host)),
    }
}

impl Logger {
    /// A log that is off until [`Logger::configure`].
    pub fn new(writer: Writer) -> Self {
        Self {
            settings: Logging::default(),
            filters: Filters::default(),
            heading: Heading::default(),
            buffer: LogBuffer::default(),
            rate: RateLimit::default(),
            writer,
            buffered: 0,
            trapped: 0,
        }
    }

    /// Takes over the `logging` commands. The buffer keeps its lines.
    pub fn configure(&mut self, config: &Config) {
        let settings = &config.logging;
        self.buffer.set_capacity(settings.buffer_size_bytes);
        self.rate.configure(&settings.rate_limits);
        self.heading = Heading::new(config);
        let file = settings.file.as_ref();
        self.filters = Filters {
            console: Filter::new(settings.console.as_ref(), settings),
            buffered: Filter::new(settings.buffered.as_ref(), settings),
            file: Filter::new(file.map(|(_, filter)| filter), settings),
            trap: Filter::new(settings.trap.as_ref(), settings),
        };
        let mut wanted = Vec::new();
        if settings.enabled {
            wanted.extend(settings.console.as_ref().map(|_| Destination::Console));
            wanted.extend(file.map(|(path, _)| Destination::File(PathBuf::from(path))));
            wanted.extend(settings.hosts.iter().map(destination));
        }
        let limit = match settings.queue {
            0 => QUEUE_MAX,
            limit => usize::from(limit),
        };
        self.writer.retarget(&wanted, limit);
        self.settings = settings.clone();
    }

    /// The message as the configuration wants it; `None`: not at all.
    fn wanted<'m>(&self, message: &'m Message) -> Option<Cow<'m, Message>> {
        let messages = &self.settings.messages;
        let place = messages.binary_search_by_key(&message.id, |it| it.id);
        let Some(changed) = place.ok().and_then(|at| messages.get(at)) else {
            return Some(Cow::Borrowed(message));
        };
        changed.enabled.then(|| match changed.level {
            None => Cow::Borrowed(message),
            Some(level) => Cow::Owned(Message {
                level,
                ..message.clone()
            }),
        })
    }

    /// Writes a message to every place that wants it. `unix_ms` is the wall clock.
    pub fn log(&mut self, message: &Message, now: Time, unix_ms: u64) {
        if !self.settings.enabled {
            return;
        }
        let Some(message) = self.wanted(message) else {
            return;
        };
        let takes = |filter: &Filter| filter.takes(message.id, message.level);
        let to_console = takes(&self.filters.console);
        let to_buffer = takes(&self.filters.buffered);
        let to_file = takes(&self.filters.file);
        let to_hosts = !self.settings.hosts.is_empty() && takes(&self.filters.trap);
        let wanted = to_console || to_buffer || to_file || to_hosts;
        if !wanted || !self.rate.allow(message.id, message.level, now) {
            return;
        }
        let line = |text: &str| Line {
            level: message.level,
            text: text.into(),
        };
        if to_console || to_buffer || to_file {
            let local = self.heading.local(&message, unix_ms);
            if to_console || to_file {
                self.writer.offer(&line(&local), |to| match to {
                    Destination::Console => to_console,
                    Destination::File(_) => to_file,
                    Destination::Udp(_) | Destination::Tcp(_) => false,
                });
            }
            if to_buffer {
                self.buffered += 1;
                self.buffer.push(local);
            }
        }
        if to_hosts {
            self.trapped += 1;
            let wire = self.heading.wire(&message, unix_ms);
            self.writer.offer(&line(&wire), Destination::is_host);
        }
    }

    /// Says which TCP hosts have ceased to answer since it was last asked.
    pub fn poll_hosts(&mut self) -> Vec<Message> {
        let hosts = &self.settings.hosts;
        let mut messages = Vec::new();
        for outlet in self.writer.outlets_mut() {
            let down = outlet.lane.counters().down.load(Ordering::Relaxed);
            let before = std::mem::replace(&mut outlet.told_down, down);
            let host = hosts
                .iter()
                .find(|it| destination(it) == outlet.destination);
            if let (Some(host), true) = (host, down && !before) {
                let text = format!(
                    "TCP Syslog Server {}:{}/{} not responding. New connections are permitted \
                     based on logging permit-hostdown policy.",
                    host.nameif, host.address, host.port
                );
                messages.push(Message::new(414_003, 3, text));
            }
        }
        messages
    }

    /// `clear logging buffer`.
    pub fn clear_buffer(&mut self) {
        self.buffer.clear();
    }

    /// Messages that a rate limit kept back.
    pub const fn rate_limited(&self) -> u64 {
        self.rate.suppressed()
    }

    /// Counters.
    pub fn stats(&self) -> LogStats {
        let totals = self.writer.totals();
        let hosts = self.hosts();
        LogStats {
            buffered: self.buffered,
            trapped: self.trapped,
            console: totals.console,
            file: totals.file,
            rate_limited: self.rate_limited(),
            queue_dropped: totals.dropped,
            host_errors: totals.host_errors,
            hosts_down: hosts.iter().filter(|host| host.down).count() as u64,
        }
    }

    fn hosts(&self) -> Vec<HostView> {
        let view = |host: &LoggingHost| {
            let outlet = self.writer.outlet(&destination(host));
            let counters = outlet.map(|outlet| outlet.lane.counters());
            let load = |it: Option<&std::sync::atomic::AtomicU64>| {
                it.map_or(0, |it| it.load(Ordering::Relaxed))
            };
            HostView {
                nameif: host.nameif.clone(),
                address: host.address,
                tcp: host.transport == LogTransport::Tcp,
                port: host.port,
                sent: load(counters.map(|it| &it.written)),
                errors: load(counters.map(|it| &it.errors)),
                dropped: load(counters.map(|it| &it.dropped)),
                down: counters.is_some_and(|it| it.down.load(Ordering::Relaxed)),
            }
        };
        self.settings.hosts.iter().map(view).collect()
    }

    /// What `show logging` prints.
    pub fn view(&self) -> LoggingView {
        let settings = &self.settings;
        let totals = self.writer.totals();
        let sink = |filter: Option<&config::LogFilter>, messages| {
            filter.map(|filter| SinkView::new(filter, messages))
        };
        LoggingView {
            enabled: settings.enabled,
            timestamp: settings.timestamp.into(),
            facility: settings.facility,
            device_id: settings.device_id.as_ref().map(|id| self.device_id(id)),
            console: sink(settings.console.as_ref(), totals.console),
            buffered: sink(settings.buffered.as_ref(), self.buffered),
            trap: sink(settings.trap.as_ref(), self.trapped),
            hosts: self.hosts(),
            permit_hostdown: settings.permit_hostdown,
            file: settings
                .file
                .as_ref()
                .map(|(path, filter)| (path.clone(), SinkView::new(filter, totals.file))),
            rate_limited: self.rate_limited(),
            buffer: self.buffer.lines().map(str::to_owned).collect(),
        }
    }

    /// `logging device-id` as `show logging` prints it.
    fn device_id(&self, id: &config::DeviceId) -> String {
        let name = self.heading.device().unwrap_or_default();
        match id {
            config::DeviceId::Hostname => format!("hostname \"{name}\""),
            config::DeviceId::Address(nameif) => {
                format!("'{nameif}' interface IP address \"{name}\"")
            }
            config::DeviceId::Text(_) => format!("string \"{name}\""),
            config::DeviceId::Context => format!("context-name \"{name}\""),
        }
    }

    /// What `show logging queue` prints.
    pub fn queue(&self) -> QueueView {
        let (limit, waiting, most) = self.writer.queue();
        QueueView {
            limit,
            dropped: self.writer.totals().dropped,
            waiting,
            most,
        }
    }

    /// Ends the log once everything that waits is written; for the very end of the process.
    pub fn finish(self) {
        self.writer.finish();
    }
}

#[cfg(test)]
mod tests;
