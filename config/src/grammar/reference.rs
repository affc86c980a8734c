//! The command reference, made from the table.

use std::fmt::Write;

use super::kind::Kind;
use super::table::FAMILIES;
use super::{Effect, No, Place, Row, Token};

/// Every command of the configuration language as a Markdown page: syntax, effect, help.
pub fn command_reference() -> String {
    let mut page = String::from(
        "# Commands\n\n\
         Generated from the grammar of `config`; do not edit. A command that is *acted* upon does \
         what its help says. A command that is *kept* is accepted, kept and shown again, and has \
         no effect. `[no]` marks a command that has a `no` form of the same syntax; another `no` \
         form has a line of its own.\n",
    );
    for (title, rows) in FAMILIES {
        let _ = writeln!(page, "\n## {title}\n");
        page.push_str("| Command | Where | Effect | Help |\n|---|---|---|---|\n");
        for row in *rows {
            write_row(&mut page, row);
        }
        write_named(&mut page, rows);
    }
    page
}

fn write_row(page: &mut String, row: &Row) {
    let (effect, help) = (effect_word(row.effect), row.help);
    let place = match row.place {
        Place::Global => "global",
        place => place.title(),
    };
    let prefix = if matches!(row.no, No::Same) {
        "[no] "
    } else {
        ""
    };
    let syntax = show_tokens(row.syntax).replace('|', "\\|");
    let _ = writeln!(page, "| `{prefix}{syntax}` | {place} | {effect} | {help} |");
    if let No::As(tokens) = row.no {
        let syntax = show_tokens(tokens).replace('|', "\\|");
        let _ = writeln!(
            page,
            "| `no {syntax}` | {place} | {effect} | Undo, or the default |"
        );
    }
}

/// Explains the named pieces of a family's rows.
fn write_named(page: &mut String, rows: &'static [Row]) {
    let mut named = Vec::new();
    for row in rows {
        collect_named(row.syntax, &mut named);
        if let No::As(tokens) = row.no {
            collect_named(tokens, &mut named);
        }
    }
    if !named.is_empty() {
        page.push('\n');
    }
    for (name, tokens) in named {
        let _ = writeln!(page, "- `<{name}>`: `{}`", show_tokens(tokens));
    }
}

fn collect_named(tokens: &'static [Token], named: &mut Vec<(&'static str, &'static [Token])>) {
    for token in tokens {
        match token {
            Token::Named { name, tokens } => {
                if !named.iter().any(|(other, _)| other == name) {
                    named.push((name, tokens));
                }
                collect_named(tokens, named);
            }
            Token::Optional(inner) | Token::Repeat(inner) => collect_named(inner, named),
            Token::OneOf(branches) => {
                for branch in *branches {
                    collect_named(branch, named);
                }
            }
            Token::Keyword { .. } | Token::Choice { .. } | Token::Argument { .. } => {}
        }
    }
}

const fn effect_word(effect: Effect) -> &'static str {
    match effect {
        Effect::Acted => "acted",
        Effect::Kept => "kept",
    }
}

fn show_tokens(tokens: &[Token]) -> String {
    let shown: Vec<String> = tokens.iter().map(show_token).collect();
    shown.join(" ")
}

/// Longer choices are shown as an argument.
const CHOICE_SHOWN_WORDS: usize = 12;

fn show_token(token: &Token) -> String {
    match token {
        Token::Keyword { word, .. } => (*word).to_owned(),
        Token::Choice { name, options } if options.len() > CHOICE_SHOWN_WORDS => {
            format!("<{name}>")
        }
        Token::Choice { options, .. } => {
            let words: Vec<_> = options.iter().map(|option| option.text).collect();
            match words[..] {
                [word] => word.to_owned(),
                _ => format!("{{{}}}", words.join(" | ")),
            }
        }
        Token::Argument { name, kind, .. } => match kind {
            Kind::ParenNameif => format!("(<{name}>)"),
            _ => format!("<{name}>"),
        },
        Token::Named { name, .. } => format!("<{name}>"),
        Token::Optional(tokens) => format!("[{}]", show_tokens(tokens)),
        Token::OneOf(branches) => {
            let branches: Vec<_> = branches.iter().map(|tokens| show_tokens(tokens)).collect();
            format!("{{{}}}", branches.join(" | "))
        }
        Token::Repeat(tokens) => format!("{}...", show_tokens(tokens)),
    }
}
