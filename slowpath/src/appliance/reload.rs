//! The configuration file: read again on SIGHUP, written by `write memory`.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use config::{Config, Defaults, Severity};

use super::edits::Reload;
use super::jobs::{FileRead, Job, Print, Source};
use super::{Appliance, commands};
use crate::cli::Filter;
use crate::control_socket::{ClientId, Outcome};
use crate::limits::WRONG_LINES_LOGGED;
use crate::syslog::Message;
use crate::time::Time;

/// What an operator is told when too many jobs wait.
const BUSY: &str = "ERROR: % The box is busy\n";

/// `write memory`s: one at a time, so that the last one is what stands in the file. At most one
/// per session.
#[derive(Debug, Default)]
pub(super) struct Writes {
    running: bool,
    waiting: VecDeque<ClientId>,
}

impl Writes {
    fn are_done(&self) -> bool {
        !self.running && self.waiting.is_empty()
    }
}

/// The configuration of a file at `path` if it may take the place of the running one, which it may
/// not with a wrong line: half of it could be worse than either. Else what the log says.
fn accepted(path: &str, read: io::Result<FileRead>) -> Result<Arc<Config>, Vec<Message>> {
    let failed = |why: String| {
        let kept = "the running configuration stays as it is";
        let text = format!("{path} end configuration: FAILED: {why}; {kept}");
        Message::new(111_004, 4, text)
    };
    let read = read.map_err(|error| vec![failed(error.to_string())])?;
    let wrong = read.diagnostics.iter();
    let wrong: Vec<_> = wrong.filter(|it| it.severity == Severity::Error).collect();
    if wrong.is_empty() {
        return Ok(read.config);
    }
    let mut messages = vec![failed(format!("wrong lines: {}", wrong.len()))];
    for diagnostic in wrong.iter().take(WRONG_LINES_LOGGED) {
        let text = match diagnostic.line {
            0 => diagnostic.message.clone(),
            line => format!("Line {line} refused: {}", diagnostic.message),
        };
        messages.push(Message::new(111_004, 4, text));
    }
    let more = wrong.len().saturating_sub(WRONG_LINES_LOGGED);
    if more > 0 {
        let text = format!("{more} more errors of {path} are not listed: run the check on it");
        messages.push(Message::new(111_004, 4, text));
    }
    Err(messages)
}

impl Appliance {
    /// SIGHUP: the file's configuration takes the place of the running one, if all of it is right.
    pub fn reload(&mut self) {
        self.edits.reload.want();
    }

    /// Has the file read, if that is wanted and nobody is about to write it.
    pub(super) fn read_file(&mut self) {
        if self.edits.reload != Reload::Wanted || !self.writes.are_done() {
            return;
        }
        if self.offload.give(Job::Read(self.config_path.clone())) {
            self.edits.reload = Reload::Reading;
        }
    }

    /// The file has been read.
    pub(super) fn file_read(&mut self, read: io::Result<FileRead>, now: Time) {
        let path = self.config_path.display().to_string();
        match accepted(&path, read) {
            Ok(config) => {
                let text = format!("Configuration read again from {path}");
                self.log(&Message::new(111_007, 5, text), now);
                let old = std::mem::replace(&mut self.config, config);
                self.offload.discard(old);
                self.mark_edited(now);
            }
            Err(messages) => {
                for message in messages {
                    self.log(&message, now);
                }
            }
        }
        self.edits.reload.done();
        self.serve_deferred(now);
    }

    /// `write memory`: the file will be what the configuration is when its turn comes.
    pub(super) fn write_memory(&mut self, client: ClientId) {
        let Self { writes, socket, .. } = self;
        // Who is gone needs no file, and sessions bound the queue.
        writes.waiting.retain(|&it| socket.session(it).is_ok());
        writes.waiting.push_back(client);
        self.write_file();
    }

    /// Has the file written for the next one who asked.
    pub(super) fn write_file(&mut self) {
        if self.writes.running || !self.offload.has_room() {
            return;
        }
        if let Some(client) = self.writes.waiting.pop_front() {
            let (path, config) = (self.config_path.clone(), Arc::clone(&self.config));
            self.writes.running = self.offload.give(Job::Write {
                client,
                path,
                config,
            });
        }
    }

    pub(super) fn written(&mut self, client: ClientId, outcome: &io::Result<usize>, now: Time) {
        self.writes.running = false;
        let (text, error) = match outcome {
            Ok(bytes) => (
                format!("Building configuration...\n\n{bytes} bytes copied\n[OK]\n"),
                false,
            ),
            Err(error) => {
                let path = self.config_path.display();
                (
                    format!("ERROR: % {path} cannot be written: {error}\n"),
                    true,
                )
            }
        };
        self.finish_with(client, text, error, now);
    }

    /// `show running-config`; the refusal, if it cannot be now.
    pub(super) fn print_running(
        &self,
        client: ClientId,
        all: bool,
        section: &[String],
        filter: Option<Filter>,
    ) -> Result<(), &'static str> {
        let print = Print {
            source: Source::Running(Arc::clone(&self.config)),
            defaults: if all { Defaults::All } else { Defaults::Hidden },
            section: (!section.is_empty()).then(|| section.join(" ")),
            filter,
        };
        self.print(client, print)
    }

    /// `show startup-config`: the file with its secrets masked; the refusal, if it cannot be now.
    pub(super) fn print_startup(
        &self,
        client: ClientId,
        filter: Option<Filter>,
    ) -> Result<(), &'static str> {
        let print = Print {
            source: Source::Startup(self.config_path.clone()),
            defaults: Defaults::Hidden,
            section: None,
            filter,
        };
        self.print(client, print)
    }

    fn print(&self, client: ClientId, print: Print) -> Result<(), &'static str> {
        if self.offload.give(Job::Print { client, print }) {
            Ok(())
        } else {
            Err(BUSY)
        }
    }

    /// A configuration has been printed.
    pub(super) fn printed(&mut self, client: ClientId, answer: Result<String, String>, now: Time) {
        let error = answer.is_err();
        let (Ok(text) | Err(text)) = answer;
        self.finish_with(client, text, error, now);
    }

    /// Ends an answer.
    pub(super) fn finish_with(&mut self, client: ClientId, text: String, error: bool, now: Time) {
        let prompt = commands::prompt(&mut self.socket, client, &self.config);
        let outcome = Outcome {
            error,
            close: false,
            prompt,
        };
        self.outputs.push(client, text, outcome);
        self.outputs.send(&mut self.socket, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Arc<Config>, Vec<Message>> {
        let (config, mut diagnostics) = config::parse(text);
        diagnostics.extend(config::check(&config));
        let config = Arc::new(config);
        accepted(
            "startup",
            Ok(FileRead {
                config,
                diagnostics,
            }),
        )
    }

    #[test]
    fn a_file_that_is_right_is_taken_whole() {
        let config = read("hostname Right\nroute outside 0 0 192.0.2.1\n").expect("taken");
        assert_eq!(config.identity.hostname, "Right");
        assert_eq!(config.routes.len(), 1, "incomplete is not wrong");
    }

    #[test]
    fn a_file_with_a_wrong_line_is_refused_whole() {
        let messages = read("hostname Wrong\nhostname\nrout outside\n").expect_err("refused");
        let texts: Vec<&str> = messages.iter().map(|it| it.text.as_str()).collect();
        assert!(texts[0].contains("FAILED: wrong lines: 2; the running configuration stays"));
        assert!(texts[1].starts_with("Line 2 refused: "), "{texts:?}");
        assert!(texts[2].starts_with("Line 3 refused: "), "{texts:?}");
        assert_eq!(texts.len(), 3);
    }

    #[test]
    fn the_log_names_no_more_than_some_wrong_lines() {
        let messages = read(&"wrong\n".repeat(5_000)).expect_err("refused");
        assert_eq!(messages.len(), WRONG_LINES_LOGGED + 2);
        let last = &messages[WRONG_LINES_LOGGED + 1].text;
        assert!(last.contains("more errors of startup"), "{last}");
    }

    #[test]
    fn a_file_that_cannot_be_read_changes_nothing() {
        let missing = io::Error::from(io::ErrorKind::NotFound);
        let messages = accepted("startup", Err(missing)).expect_err("refused");
        assert!(
            messages[0]
                .text
                .starts_with("startup end configuration: FAILED: ")
        );
    }
}
