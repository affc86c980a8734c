//! The files of the project, and their code without comments and literals.

use std::fs;
use std::path::{Path, PathBuf};

/// Our crates.
pub(crate) const CRATES: [&str; 6] = [
    "config", "dpdk-sys", "fastpath", "perf", "slowpath", "tests",
];

/// A text file of the project.
pub(crate) struct File {
    /// From the project's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file below `directory` with one of these endings.
pub(crate) fn files(directory: &str, endings: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    walk(&root(), directory, endings, &mut found);
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// Every Rust file of every crate.
pub(crate) fn rust() -> Vec<File> {
    CRATES
        .iter()
        .flat_map(|name| files(name, &[".rs"]))
        .collect()
}

fn walk(root: &Path, directory: &str, endings: &[&str], found: &mut Vec<File>) {
    let entries = fs::read_dir(root.join(directory)).expect("a directory of the project");
    for entry in entries {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        let path = if directory.is_empty() {
            name.clone()
        } else {
            format!("{directory}/{name}")
        };
        if entry.path().is_dir() {
            if !["target", ".git", "__pycache__"].contains(&name.as_str()) {
                walk(root, &path, endings, found);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            let text = fs::read_to_string(entry.path()).expect("text");
            found.push(File { path, text });
        }
    }
}

/// Whether the file holds tests and nothing else.
pub(crate) fn is_test(path: &str) -> bool {
    let in_tests = path.contains("/tests/") || path.contains("/testing/");
    let name = path.rsplit('/').next().unwrap_or(path);
    in_tests
        || name == "tests.rs"
        || name == "testing.rs"
        || name == "loom_models.rs"
        || name.ends_with("_tests.rs")
}

/// The text up to the tests at its end.
pub(crate) fn without_tests(text: &str) -> &str {
    let end = text.find("#[cfg(test)]\nmod tests {");
    &text[..end.unwrap_or(text.len())]
}

/// The code alone: comments, strings and characters are blanks; lines stay where they are.
pub(crate) fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let len = blank_len(&bytes[at..], at > 0 && is_word(bytes[at - 1]));
        for byte in &mut out[at..at + len] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += len.max(1);
    }
    String::from_utf8(out).expect("what is not ASCII stays whole or goes whole")
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Length of the comment or literal at the start of `rest`, zero when there is none.
fn blank_len(rest: &[u8], in_word: bool) -> usize {
    let until = |end: &[u8], from: usize| {
        let tail = rest.get(from..).unwrap_or_default();
        let place = tail.windows(end.len()).position(|window| window == end);
        place.map_or(rest.len(), |place| from + place + end.len())
    };
    match rest {
        [b'/', b'/', ..] => until(b"\n", 0) - usize::from(rest.contains(&b'\n')),
        [b'/', b'*', ..] => until(b"*/", 2),
        [b'"', ..] => quoted_len(rest, b'"'),
        [b'r', b'"' | b'#', ..] if !in_word => {
            let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
            if rest.get(1 + hashes) != Some(&b'"') {
                return 0;
            }
            until(&[&b"\""[..], &vec![b'#'; hashes]].concat(), 2 + hashes)
        }
        // A lifetime is no character.
        [b'\'', b'\\', ..] => quoted_len(rest, b'\''),
        [b'\'', ..] => {
            let text = std::str::from_utf8(&rest[1..rest.len().min(6)]);
            let text = text.unwrap_or_else(|error| {
                std::str::from_utf8(&rest[1..=error.valid_up_to()]).unwrap_or_default()
            });
            let len = text.chars().next().map_or(0, char::len_utf8);
            if rest.get(1 + len) == Some(&b'\'') {
                len + 2
            } else {
                0
            }
        }
        _ => 0,
    }
}

fn quoted_len(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'\\' => at += 2,
            byte if *byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The words of code with the line that each stands on, from 1.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = code.lines().enumerate();
    lines.flat_map(|(line, text)| {
        text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter(|word| !word.is_empty())
            .map(move |word| (line + 1, word))
    })
}

#[test]
fn code_is_what_is_no_comment_and_no_literal() {
    let text = "let a = \"// \\\" x\"; // y\nlet b: &'z str = r#\"w\"#; /* v\n u */ let c = '\"';\nd('\u{2265}', 't')";
    let code = code(text);
    let words: Vec<_> = words(&code)
        .map(|(line, word)| format!("{line}{word}"))
        .collect();
    let expected = ["1let", "1a", "2let", "2b", "2z", "2str", "3let", "3c", "4d"];
    assert_eq!(words, expected);
}
