//! The configuration file: read at start, read again on SIGHUP, written by `write memory`.

use std::path::Path;

use config::{Audience, Config, Defaults, Diagnostic, Severity};
use zeroize::Zeroizing;

use super::{Appliance, commands};
use crate::control_socket::{ClientId, Outcome};
use crate::syslog::Message;
use crate::time::Time;

/// Reads a configuration file. Lines that are wrong are left out and reported.
pub fn read_config(path: &Path) -> std::io::Result<(Config, Vec<Diagnostic>, Zeroizing<String>)> {
    let text = Zeroizing::new(std::fs::read_to_string(path)?);
    let (config, mut diagnostics) = config::parse(&text);
    diagnostics.extend(config::check(&config));
    Ok((config, diagnostics, text))
}

impl Appliance {
    /// SIGHUP: the file's configuration takes the place of the running one.
    pub fn reload(&mut self, now: Time) {
        let path = self.config_path.display().to_string();
        match read_config(&self.config_path) {
            Ok((config, diagnostics, _)) => {
                let text = format!("Configuration read again from {path}");
                self.log(&Message::new(111_007, 5, text), now);
                let worst = diagnostics
                    .iter()
                    .filter(|it| it.severity == Severity::Error);
                for diagnostic in worst {
                    let text = format!("Line {} refused: {}", diagnostic.line, diagnostic.message);
                    self.log(&Message::new(111_004, 4, text), now);
                }
                self.config = config;
                self.apply_and_note(now);
            }
            Err(error) => {
                let text = format!("{path} end configuration: FAILED: {error}");
                self.log(&Message::new(111_004, 5, text), now);
            }
        }
    }

    /// `write memory`: a helper thread writes the file.
    pub(super) fn write_memory(&mut self, client: ClientId) -> Option<String> {
        let text = config::render(&self.config, Audience::Stored, Defaults::Hidden, None);
        let path = self.config_path.clone();
        let taken = self.helpers.write(client, path, Zeroizing::new(text));
        (!taken).then(|| "ERROR: % The box is busy\n".to_owned())
    }

    pub(super) fn written(
        &mut self,
        client: ClientId,
        outcome: &std::io::Result<usize>,
        now: Time,
    ) {
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

    /// `show startup-config`: the file with its secrets masked.
    pub(super) fn startup_config(&self) -> Result<String, String> {
        let (config, _, _) = read_config(&self.config_path).map_err(|error| {
            format!(
                "ERROR: % {} cannot be read: {error}\n",
                self.config_path.display()
            )
        })?;
        Ok(config::render(
            &config,
            Audience::Shown,
            Defaults::Hidden,
            None,
        ))
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
