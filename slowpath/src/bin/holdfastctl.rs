//! The operator's client: one command, a script on standard input, or an interactive shell.
//!
//! Exit codes: 0 when every command was taken, 1 when the box answered one with an error, 2 when
//! the box cannot be reached.

#![forbid(unsafe_code)]

use std::io::{BufRead, ErrorKind, IsTerminal, Read, Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Context, Editor, Helper};
use slowpath::cli::{LINE_MAX_BYTES, completions};
use slowpath::control_socket::{Client, Format, ReplyMessage, RequestMessage};
use slowpath::syslog::format::redact;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Commands a running Holdfast.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Args {
    /// Run directory of the box.
    #[arg(long, value_name = "DIR", default_value = "/run/holdfast")]
    run_dir: PathBuf,
    /// Print views as JSON where a command has one.
    #[arg(long)]
    json: bool,
    /// The command; without one, commands come from standard input.
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    command: Vec<String>,
}

/// Name of the history file in the home directory.
const HISTORY_NAME: &str = ".holdfastctl_history";

/// Why the client ends early.
enum Failure {
    /// The box cannot be reached, or the connection broke.
    Box(std::io::Error),
    /// Nobody reads the output any more, or the input cannot be read.
    Terminal,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(Failure::Terminal) => ExitCode::from(1),
        Err(Failure::Box(error)) => {
            let place = args.run_dir.display();
            eprintln!("holdfastctl: the box in {place} cannot be reached: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether every command was taken.
fn run(args: &Args) -> Result<bool, Failure> {
    let client = Client::connect(&args.run_dir).map_err(Failure::Box)?;
    let interactive = args.command.is_empty() && stdin().is_terminal();
    let mut link = Link {
        client,
        format: if args.json {
            Format::Json
        } else {
            Format::Text
        },
        interactive,
    };
    if !args.command.is_empty() {
        let reply = link.execute(&args.command.join(" "))?;
        Ok(!reply.error)
    } else if interactive {
        link.shell().map(|()| true)
    } else {
        link.script(stdin().lock())
    }
}

/// The connection and how it is used.
struct Link {
    client: Client,
    format: Format,
    interactive: bool,
}

impl Link {
    /// Sends a command and prints its output.
    fn execute(&mut self, command: &str) -> Result<ReplyMessage, Failure> {
        let mut unread = false;
        let request = RequestMessage {
            command: command.to_owned(),
            format: self.format,
            interactive: self.interactive,
        };
        let reply = self.client.call(&request, |text| {
            let mut out = stdout().lock();
            out.write_all(text.as_bytes())
                .and_then(|()| out.flush())
                .inspect_err(|_| unread = true)
        });
        reply.map_err(|error| {
            if unread {
                Failure::Terminal
            } else {
                Failure::Box(error)
            }
        })
    }

    /// Every line of `input` is a command; a refused one does not end the script.
    fn script(&mut self, mut input: impl BufRead) -> Result<bool, Failure> {
        let mut taken = true;
        loop {
            let mut line = Vec::new();
            let len = input
                .by_ref()
                .take(LINE_MAX_BYTES as u64 + 1)
                .read_until(b'\n', &mut line)
                .map_err(|_| Failure::Terminal)?;
            if len == 0 {
                return Ok(taken);
            }
            let line = String::from_utf8_lossy(&line);
            let reply = self.execute(line.trim_end_matches(['\r', '\n']))?;
            taken &= !reply.error;
            if reply.closed {
                return Ok(taken);
            }
        }
    }

    /// Reads commands from the terminal until the session ends.
    fn shell(&mut self) -> Result<(), Failure> {
        let mut editor: Editor<Keywords, FileHistory> =
            Editor::new().map_err(|_| Failure::Terminal)?;
        editor.set_helper(Some(Keywords));
        let history = std::env::home_dir().map(|home| home.join(HISTORY_NAME));
        if let Some(path) = &history {
            // The first session has no history yet.
            let _loaded = editor.load_history(path);
        }
        let result = self.converse(&mut editor);
        if let Some(path) = &history {
            save_history(&mut editor, path);
        }
        result
    }

    fn converse(&mut self, editor: &mut Editor<Keywords, FileHistory>) -> Result<(), Failure> {
        let mut prompt = self.execute("")?.prompt;
        let mut start = String::new();
        loop {
            let line = match editor.readline_with_initial(&prompt, (&start, "")) {
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => {
                    start.clear();
                    continue;
                }
                Err(ReadlineError::Eof) => return Ok(()),
                Err(_) => return Err(Failure::Terminal),
            };
            // A line of help is typed on, as on the ASA.
            start.clear();
            start.push_str(line.strip_suffix('?').unwrap_or_default());
            if start.is_empty() && remembers(&line) {
                // A history that takes no entry costs only comfort.
                let _added = editor.add_history_entry(line.as_str());
            }
            let reply = self.execute(&line)?;
            if reply.closed {
                return Ok(());
            }
            prompt = reply.prompt;
        }
    }
}

/// Whether a line may go into the history: not empty and without a secret.
fn remembers(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    !words.is_empty() && redact(line) == words.join(" ")
}

fn save_history(editor: &mut Editor<Keywords, FileHistory>, path: &Path) {
    if let Err(error) = editor.save_history(path) {
        let quiet = matches!(&error, ReadlineError::Io(io) if io.kind() == ErrorKind::NotFound);
        if !quiet {
            eprintln!("holdfastctl: {}: {error}", path.display());
        }
    }
}

/// Completes keywords from the table of commands.
struct Keywords;

impl Helper for Keywords {}
impl Highlighter for Keywords {}
impl Validator for Keywords {}

impl Hinter for Keywords {
    type Hint = String;
}

impl Completer for Keywords {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let before = line.get(..position).unwrap_or(line);
        let start = before
            .char_indices()
            .rfind(|(_, character)| character.is_whitespace())
            .map_or(0, |(at, blank)| at + blank.len_utf8());
        let candidates = completions(before)
            .into_iter()
            .map(|keyword| format!("{keyword} "))
            .collect();
        Ok((start, candidates))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_out_of_the_history() {
        assert!(remembers("show  conn"));
        assert!(!remembers(" pre-shared-key s3cret"));
        assert!(!remembers("  "));
    }

    #[test]
    fn the_arguments_are_well_formed() {
        use clap::CommandFactory;
        Args::command().debug_assert();
        let args = Args::parse_from(["holdfastctl", "--run-dir", "/tmp", "show", "conn"]);
        assert_eq!(args.command.join(" "), "show conn");
    }
}
