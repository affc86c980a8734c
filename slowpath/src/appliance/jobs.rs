//! What other threads do for the control loop.

use std::any::Any;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{Audience, Config, Defaults, Diagnostic};
use zeroize::Zeroizing;

use crate::apply::{CompileJob, Compiled, PlanJob, Planned};
use crate::cli::Filter;
use crate::control_socket::ClientId;
use crate::ike::DhResult;

/// A piece of work.
pub(super) enum Job {
    /// To say what a configuration asks for.
    Plan(Box<PlanJob>),
    /// To compile it.
    Compile(Box<CompileJob>),
    /// To print a configuration for an operator.
    Print { client: ClientId, print: Print },
    /// To write the configuration file.
    Write {
        client: ClientId,
        path: PathBuf,
        config: Arc<Config>,
    },
    /// To read the configuration file.
    Read(PathBuf),
    /// To free something.
    Discard(Box<dyn Any + Send>),
}

/// What came of it.
pub(super) enum Done {
    Dh(DhResult),
    Planned(Box<Planned>),
    Compiled(Box<Compiled>),
    Printed {
        client: ClientId,
        answer: Result<String, String>,
    },
    Written {
        client: ClientId,
        outcome: std::io::Result<usize>,
    },
    Read(std::io::Result<FileRead>),
}

/// A configuration file and what is to be said about it.
pub(super) struct FileRead {
    pub(super) config: Arc<Config>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// A configuration for an operator, its secrets masked.
pub(super) struct Print {
    pub(super) source: Source,
    pub(super) defaults: Defaults,
    /// Only what begins with these words.
    pub(super) section: Option<String>,
    pub(super) filter: Option<Filter>,
}

/// Which configuration.
pub(super) enum Source {
    Running(Arc<Config>),
    Startup(PathBuf),
}

/// Reads a configuration file. Lines that are wrong are left out and reported.
pub fn read_config(path: &Path) -> std::io::Result<(Config, Vec<Diagnostic>, Zeroizing<String>)> {
    let text = Zeroizing::new(std::fs::read_to_string(path)?);
    let (config, mut diagnostics) = config::parse(&text);
    diagnostics.extend(config::check(&config));
    Ok((config, diagnostics, text))
}

impl Job {
    /// Does it; `None` when there is nothing to say.
    pub(super) fn run(self) -> Option<Done> {
        Some(match self {
            Self::Plan(job) => Done::Planned(Box::new(job.run())),
            Self::Compile(job) => Done::Compiled(Box::new(job.run())),
            Self::Print { client, print } => {
                let answer = print.run();
                Done::Printed { client, answer }
            }
            Self::Write {
                client,
                path,
                config,
            } => {
                let text = config::render(&config, Audience::Stored, Defaults::Hidden, None);
                let text = Zeroizing::new(text);
                let outcome = replace(&path, text.as_bytes()).map(|()| text.len());
                Done::Written { client, outcome }
            }
            Self::Read(path) => {
                let read = read_config(&path);
                Done::Read(read.map(|(config, diagnostics, _)| FileRead {
                    config: Arc::new(config),
                    diagnostics,
                }))
            }
            Self::Discard(what) => {
                drop(what);
                return None;
            }
        })
    }
}

impl Print {
    fn run(self) -> Result<String, String> {
        let config = match self.source {
            Source::Running(config) => config,
            Source::Startup(path) => {
                let read = read_config(&path).map_err(|error| {
                    format!("ERROR: % {} cannot be read: {error}\n", path.display())
                })?;
                Arc::new(read.0)
            }
        };
        let section = self.section.as_deref();
        let text = config::render(&config, Audience::Shown, self.defaults, section);
        Ok(match self.filter {
            Some(mut filter) => filter.apply(&text),
            None => text,
        })
    }
}

/// Puts `bytes` in the place of a file: whoever reads it finds the old or the new one, whole.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(source: Source, section: Option<&str>, filter: Option<Filter>) -> String {
        let print = Print {
            source,
            defaults: Defaults::Hidden,
            section: section.map(str::to_owned),
            filter,
        };
        print.run().unwrap_or_else(|refusal| refusal)
    }

    #[test]
    fn a_configuration_is_printed_with_masked_keys_by_section_and_pattern() {
        let text = "hostname Box\ntunnel-group 192.0.2.1 type ipsec-l2l\n\
                    tunnel-group 192.0.2.1 ipsec-attributes\n pre-shared-key swordfish\n";
        let config = Arc::new(config::parse(text).0);
        let running =
            |section, filter| print(Source::Running(Arc::clone(&config)), section, filter);
        assert_eq!(running(Some("hostname"), None), "hostname Box\n");
        let parsed = crate::cli::parse("show run | include pre-shared", &crate::cli::Mode::Exec);
        let filter = parsed.expect("a command").filter;
        assert_eq!(running(None, filter), " pre-shared-key *\n");
        let path = std::env::temp_dir().join(format!("holdfast-print-{}", std::process::id()));
        std::fs::write(&path, text).expect("written");
        assert_eq!(
            print(Source::Startup(path.clone()), None, None),
            running(None, None)
        );
        std::fs::remove_file(&path).expect("removed");
        assert!(print(Source::Startup(path), None, None).contains("cannot be read"));
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let path = std::env::temp_dir().join(format!("holdfast-replace-{}", std::process::id()));
        std::fs::write(&path, "old and long").expect("written");
        replace(&path, b"new").expect("replaced");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "new");
        std::fs::remove_file(&path).expect("removed");
        assert!(replace(Path::new("/nowhere/at/all"), b"x").is_err());
    }
}
