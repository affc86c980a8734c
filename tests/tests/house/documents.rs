//! Whether the documents are true: links lead somewhere, commands are commands, generated pages are
//! current.

use std::fmt::Write as _;
use std::fs;

use config::Severity;
use fastpath::verdict::{self, DropReason};
use slowpath::cli::{self, Command, Mode};

use crate::assert_none;
use crate::source::{self, File};

/// The page that is made from the table of drop reasons.
const DROP_REASONS: &str = "docs/manual/drop-reasons.md";

/// Arguments as the manual writes them, and a value of each.
const ARGUMENTS: [(&str, &str); 7] = [
    ("SPI", "0x1000"),
    ("PEER", "192.0.2.1"),
    ("ADDRESS", "192.0.2.1"),
    ("PORT", "80"),
    ("NAME", "map1"),
    ("PATTERN", "TCP"),
    ("N", "1"),
];

fn markdown() -> Vec<File> {
    source::files("", &[".md"])
}

/// Relative links that lead nowhere.
fn dead_links(file: &File) -> Vec<String> {
    let directory = file
        .path
        .rsplit_once('/')
        .map_or("", |(directory, _)| directory);
    let mut found = Vec::new();
    for (at, _) in file.text.match_indices("](") {
        let target = file.text[at + 2..]
            .split([')', ' '])
            .next()
            .unwrap_or_default();
        let path = target.split('#').next().unwrap_or_default();
        if path.is_empty() || path.contains("://") {
            continue;
        }
        if !source::root().join(directory).join(path).exists() {
            found.push(format!("{}: {target} does not exist", file.path));
        }
    }
    found
}

/// Lines of fenced blocks with this language, block by block.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut parts = text.split("\n```");
    let _ = parts.next();
    // Every other part is inside of a fence.
    for block in parts.step_by(2) {
        let (named, lines) = block.split_once('\n').unwrap_or((block, ""));
        if named == language {
            found.push(lines.to_owned());
        }
    }
    found
}

/// Commands behind a prompt in `console` blocks that the box does not take.
fn wrong_commands(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    for block in blocks(&file.text, "console") {
        for line in block.lines() {
            let typed = line
                .split_once("# ")
                .filter(|(prompt, _)| !prompt.contains(' '));
            let Some((prompt, command)) = typed else {
                continue;
            };
            if let Err(reason) = is_command(command, prompt.contains("(config")) {
                found.push(format!("{}: `{command}`: {reason}", file.path));
            }
        }
    }
    for command in inline_commands(&file.text) {
        if let Err(reason) = is_command(&command, false) {
            found.push(format!("{}: `{command}`: {reason}", file.path));
        }
    }
    found
}

/// Code in a sentence that begins like a command of exec mode, with values for its arguments and
/// without what stands in brackets.
fn inline_commands(text: &str) -> Vec<String> {
    let spans = text.split('`').skip(1).step_by(2);
    let begins = |span: &&str| {
        ["show ", "clear ", "test ", "write "]
            .iter()
            .any(|start| span.starts_with(start))
    };
    let spans = spans
        .filter(begins)
        .filter(|span| !span.contains(['\n', '.']));
    spans
        .map(|span| {
            let bare = span.split('[').next().unwrap_or_default();
            let words = bare.split(' ').map(|word| {
                let argument = ARGUMENTS.iter().find(|(name, _)| *name == word);
                argument.map_or(word, |(_, value)| *value)
            });
            words.collect::<Vec<_>>().join(" ").trim_end().to_owned()
        })
        .collect()
}

/// A command of exec mode, or one of configuration mode.
fn is_command(line: &str, configures: bool) -> Result<(), String> {
    let mode = if configures { Mode::Config } else { Mode::Exec };
    let parsed = cli::parse(line, &mode).map_err(|error| error.to_string())?;
    match parsed.command {
        Command::Configure(line) => wrong_lines(&line),
        _ => Ok(()),
    }
}

/// The first error of a configuration. A line of a block needs its block before it.
fn wrong_lines(text: &str) -> Result<(), String> {
    let (_, remarks) = config::parse(text);
    let error = remarks
        .iter()
        .find(|remark| remark.severity == Severity::Error);
    error.map_or(Ok(()), |error| Err(error.render(text)))
}

fn wrong_configurations(file: &File) -> Vec<String> {
    let whole = blocks(&file.text, "asa").into_iter();
    let wrong = whole.filter_map(|block| wrong_lines(&block).err());
    wrong
        .map(|error| format!("{}: {error}", file.path))
        .collect()
}

/// The page of drop reasons as it ought to be.
fn drop_reasons() -> String {
    let mut page = String::from(
        "# Drop reasons\n\n\
         Generated from the table in `fastpath`; do not edit. `show asp drop` prints text and key, \
         and counts since the last `clear asp drop`. *Normal* drops belong to the work of a \
         firewall. *Suspicious* ones should not be sent by anybody. *Exhaustion* is a bound of \
         this box, and a reason to look.\n\n\
         | Key | Text | Severity | What it means |\n|---|---|---|---|\n",
    );
    for reason in DropReason::ALL {
        let severity = match reason.severity() {
            verdict::Severity::Normal => "normal",
            verdict::Severity::Suspicious => "suspicious",
            verdict::Severity::Exhaustion => "exhaustion",
        };
        let (key, text, help) = (reason.key(), reason.text(), reason.help());
        let _ = writeln!(page, "| `{key}` | {text} | {severity} | {help} |");
    }
    page
}

#[test]
fn links_lead_somewhere() {
    let found: Vec<_> = markdown().iter().flat_map(dead_links).collect();
    assert_none(&found);
}

#[test]
fn commands_of_the_documents_are_commands() {
    let found: Vec<_> = markdown().iter().flat_map(wrong_commands).collect();
    assert_none(&found);
}

#[test]
fn configurations_of_the_documents_have_no_error() {
    let found: Vec<_> = markdown().iter().flat_map(wrong_configurations).collect();
    assert_none(&found);
}

#[test]
fn the_page_of_drop_reasons_is_current() {
    let path = source::root().join(DROP_REASONS);
    if std::env::var_os("UPDATE_MANUAL").is_some() {
        fs::write(&path, drop_reasons()).expect("the manual can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == drop_reasons(),
        "{DROP_REASONS} is stale: run `UPDATE_MANUAL=1 cargo test -p tests --test house`"
    );
}

#[test]
fn every_page_of_the_manual_is_in_its_index() {
    let index = fs::read_to_string(source::root().join("docs/manual/README.md"));
    let index = index.expect("the manual has an index");
    for file in source::files("docs/manual", &[".md"]) {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        assert!(
            name == "README.md" || index.contains(&format!("({name})")),
            "{name}"
        );
    }
}

#[test]
fn a_planted_fault_is_found() {
    let planted = |text: &str| {
        let file = File {
            path: "docs/manual/x.md".to_owned(),
            text: text.to_owned(),
        };
        [
            dead_links(&file).len(),
            wrong_commands(&file).len(),
            wrong_configurations(&file).len(),
        ]
    };
    assert_eq!(
        planted("[a](nowhere.md) [b](../adr) [c](https://example.org)"),
        [1, 0, 0]
    );
    assert_eq!(
        planted("see `show nothing` and `show conn [detail]`"),
        [0, 1, 0]
    );
    assert_eq!(
        planted("\n```console\nbox# show con\nbox# shw conn\n```\n"),
        [0, 1, 0]
    );
    assert_eq!(
        planted("\n```console\nbox(config)# hostnam x y\n```\n"),
        [0, 1, 0]
    );
    assert_eq!(
        planted("\n```asa\nhostname a\nroute outside 1\n```\n"),
        [0, 0, 1]
    );
    assert_eq!(
        planted("\n```asa\nhostname a\n```\n\n```\nnothing\n```\n"),
        [0, 0, 0]
    );
}
