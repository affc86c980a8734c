//! `?` and completion, from the table.

use std::collections::BTreeMap;

use super::error::CliError;
use super::parse::{Walk, words};
use super::table::Token;

/// What may follow `line` (without the `?`): name and help, sorted by name. The last word is a
/// beginning when no blank follows it.
fn following(line: &str) -> Result<BTreeMap<&'static str, &'static str>, CliError> {
    let mut words = words(line);
    let open = !line.is_empty() && !line.ends_with(char::is_whitespace);
    let start = if open { words.pop() } else { None };
    let mut walk = Walk::new(line);
    for word in words {
        let rest = line.get(word.offset..).unwrap_or_default();
        walk.step(word.text, rest)
            .map_err(|stop| stop.error(line, word.offset))?;
    }
    let start = start.map_or("", |word| word.text).to_ascii_lowercase();
    let mut entries = BTreeMap::new();
    for row in &walk.rows {
        match row.tokens.get(walk.depth) {
            Some(Token::Word(keyword, help)) if keyword.starts_with(&start) => {
                entries.entry(*keyword).or_insert(*help);
            }
            Some(Token::Arg(kind, help)) if start.is_empty() => {
                entries.insert(kind.name(), help);
            }
            Some(Token::Rest(help)) if start.is_empty() => {
                entries.insert("LINE", help);
            }
            _ => {}
        }
    }
    if start.is_empty() && walk.depth > 0 && walk.complete().is_some() {
        entries.insert("<cr>", "");
    }
    Ok(entries)
}

/// The text of `?` behind `line`.
pub(super) fn render(line: &str) -> Result<String, CliError> {
    let entries = following(line)?;
    if entries.is_empty() {
        let column = line.chars().count();
        return Err(CliError::Invalid { column });
    }
    let width = entries.keys().map(|name| name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for (name, help) in entries {
        let entry = format!("  {name:<width$}  {help}");
        out.push_str(entry.trim_end());
        out.push('\n');
    }
    Ok(out)
}

/// The keywords that may stand at the end of `line`, for completion by an editor.
pub fn completions(line: &str) -> Vec<&'static str> {
    let keyword = |name: &&'static str| name.starts_with(|c: char| c.is_ascii_lowercase());
    following(line).map_or_else(
        |_| Vec::new(),
        |entries| entries.into_keys().filter(keyword).collect(),
    )
}
