//! No command claims an effect that no test shows.
//!
//! What a case of a family says is what a line does to the configuration. That something acts upon
//! the configuration is shown elsewhere, by the tests that `effects.txt` names.

use std::collections::BTreeSet;
use std::path::Path;

use crate::grammar::table::rows;
use crate::grammar::{Effect, Row, Token};

/// Indented: a file, a test of it, a row whose effect the test shows. Behind the row stand those of
/// its words, which a line may have or lack or choose among, whose effect the test shows: keywords,
/// words of a choice, arguments and choices by their names.
const TABLE: &str = include_str!("effects.txt");

/// Other spellings of the same command.
const SPELLINGS: [&str; 3] = ["crypto", "isakmp", "ikev1"];
/// Words that are for people, or say the only thing that there is.
const EXCUSED: [(&str, &str); 4] = [
    ("name", "description"),
    ("snmp-server host", "trap"),
    ("snmp-server host", "version"),
    ("snmp-server host", "snmp version"),
];
/// A word that is accepted without effect, or not accepted, says so in its help.
const WITHOUT_EFFECT: [&str; 4] = ["Kept", "kept", "without effect", "Refused"];

fn is_without_effect(help: &str) -> bool {
    WITHOUT_EFFECT.iter().any(|mark| help.contains(mark))
}

/// A test of an effect.
#[derive(Debug, Default)]
struct Proof<'a> {
    file: &'a str,
    test: &'a str,
    row: &'a str,
    words: Vec<&'a str>,
}

fn proofs(table: &str) -> Vec<Proof<'_>> {
    let (mut file, mut test) = ("", "");
    let mut proofs = Vec::new();
    for line in table.lines() {
        let text = line.trim_start();
        match line.len() - text.len() {
            0 => file = text,
            4 => test = text,
            _ => {
                let (row, words) = text.split_once(": ").unwrap_or((text, ""));
                let words = words.split(", ").filter(|word| !word.is_empty());
                proofs.push(Proof {
                    file,
                    test,
                    row,
                    words: words.collect(),
                });
            }
        }
    }
    proofs
}

/// A word whose effect a test has to show.
#[derive(Debug)]
struct Word {
    name: &'static str,
    /// Of a choice, those with an effect; all of them stand for its name.
    options: Vec<&'static str>,
}

impl Word {
    const fn alone(name: &'static str) -> Self {
        Self {
            name,
            options: Vec::new(),
        }
    }

    fn is_shown(&self, shown: &BTreeSet<&str>) -> bool {
        let all = !self.options.is_empty() && self.options.iter().all(|it| shown.contains(it));
        shown.contains(self.name) || all
    }
}

/// The words that a line may have or lack, or choose among. What goes with a word without effect
/// has none either.
fn words_of(tokens: &'static [Token], may_lack: bool, words: &mut Vec<Word>) {
    let idle = |token: &Token| match token {
        Token::Keyword { help, .. } => is_without_effect(help),
        _ => false,
    };
    if may_lack && tokens.iter().any(idle) {
        return;
    }
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Keyword { word, .. } if may_lack => words.push(Word::alone(word)),
            Token::Argument { name, .. } if may_lack && at == 0 => words.push(Word::alone(name)),
            Token::Choice { name, options } => {
                let acting = options.iter().filter(|it| !is_without_effect(it.help));
                words.push(Word {
                    name,
                    options: acting.map(|option| option.text).collect(),
                });
            }
            Token::Keyword { .. } | Token::Argument { .. } => {}
            Token::Named { tokens, .. } | Token::Repeat(tokens) => {
                words_of(tokens, may_lack, words);
            }
            Token::Optional(tokens) => words_of(tokens, true, words),
            Token::OneOf(branches) => {
                for branch in *branches {
                    words_of(branch, true, words);
                }
            }
        }
    }
}

/// What of a row no proof shows.
fn unshown(row: &'static Row, proofs: &[Proof<'_>]) -> Vec<String> {
    let own = || proofs.iter().filter(|proof| proof.row == row.id);
    if own().next().is_none() {
        return vec![format!("no test shows the effect of `{}`", row.id)];
    }
    let shown: BTreeSet<&str> = own().flat_map(|proof| &proof.words).copied().collect();
    let mut words = Vec::new();
    words_of(row.syntax, false, &mut words);
    let excused =
        |word: &Word| SPELLINGS.contains(&word.name) || EXCUSED.contains(&(row.id, word.name));
    let missing = words
        .iter()
        .filter(|word| !excused(word) && !word.is_shown(&shown));
    missing
        .map(|word| {
            format!(
                "no test shows the effect of `{}` in `{}`",
                word.name, row.id
            )
        })
        .collect()
}

/// What a proof names that is not there.
fn stray(proof: &Proof<'_>) -> Option<String> {
    let Some(row) = rows().find(|row| row.id == proof.row) else {
        return Some(format!("`{}` is no row", proof.row));
    };
    if row.effect == Effect::Kept {
        return Some(format!("`{}` claims no effect", proof.row));
    }
    let mut words = Vec::new();
    words_of(row.syntax, false, &mut words);
    let is_there = |name: &str| {
        let named = |word: &Word| word.name == name || word.options.contains(&name);
        words.iter().any(named)
    };
    let stray = proof.words.iter().find(|name| !is_there(name))?;
    Some(format!(
        "`{stray}` is no word of `{}` with an effect",
        row.id
    ))
}

/// Whether a text has a test of this name that is not left out.
fn has_test(text: &str, name: &str) -> bool {
    let start = format!("fn {name}(");
    let mut attributes: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with(&start) {
            let left_out = attributes.iter().any(|it| it.starts_with("#[ignore"));
            return attributes.contains(&"#[test]") && !left_out;
        }
        if line.starts_with("#[") {
            attributes.push(line);
        } else if !line.is_empty() && !line.starts_with("//") {
            attributes.clear();
        }
    }
    false
}

/// Says so when the test of a proof is not there.
fn untested(proof: &Proof<'_>) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(proof.file);
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let found = has_test(&text, proof.test);
    (!found).then(|| format!("{} has no test {}", proof.file, proof.test))
}

#[track_caller]
fn assert_none(violations: &[String]) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn every_effect_that_is_claimed_is_shown_by_a_test() {
    let proofs = proofs(TABLE);
    let acting = rows().filter(|row| row.effect == Effect::Acted);
    let found: Vec<_> = acting.flat_map(|row| unshown(row, &proofs)).collect();
    assert_none(&found);
}

#[test]
fn every_proof_is_a_test_of_a_row_that_claims_its_effect() {
    let proofs = proofs(TABLE);
    let strays = proofs.iter().filter_map(stray);
    let found: Vec<_> = strays.chain(proofs.iter().filter_map(untested)).collect();
    assert_none(&found);
}

/// The proofs of a table whose file and test are there.
fn planted(rows: &str) -> Vec<Proof<'_>> {
    let mut proofs = proofs(rows);
    for proof in &mut proofs {
        proof.file = "fastpath/tests/line/reset.rs";
        proof.test = "resetinbound_answers_what_is_denied_from_a_lower_level";
    }
    proofs
}

#[test]
fn a_planted_row_without_a_proof_is_found() {
    let missing = |id: &str, table: &str| {
        let row = rows().find(|row| row.id == id).expect("a row");
        unshown(row, &planted(table)).len()
    };
    assert_eq!(missing("shutdown", "        nameif"), 1);
    assert_eq!(missing("shutdown", "        shutdown"), 0);
    // A word that nobody acts upon does not hide behind the others.
    let timers = "        timeout: conn, half-closed, udp, icmp";
    assert_eq!(
        missing("timeout", &timers.replace(" udp,", "")),
        1 + missing("timeout", timers)
    );
    assert_eq!(missing("hash", "        hash: md5, sha, sha256, sha384"), 1);
    assert_eq!(
        missing("hash", "        hash: md5, sha, sha256, sha384, sha512"),
        0
    );
    assert_eq!(missing("hash", "        hash: function"), 0);
}

#[test]
fn a_planted_stray_is_found() {
    let strays = |table: &str| planted(table).iter().filter_map(stray).count();
    for table in ["shutdwn", "speed", "timeout: sip", "tunnel-group: ipsec-ra"] {
        assert_eq!(strays(&format!("        {table}")), 1, "{table}");
    }
    assert_eq!(strays("        timeout: udp\n        shutdown"), 0);

    assert_eq!(planted("        x").iter().filter_map(untested).count(), 0);
    let no_test = "fastpath/tests/line/reset.rs\n    is_reset\n        x";
    let no_file = "fastpath/tests/line/nothing.rs\n    is_reset\n        x";
    for table in [no_test, no_file] {
        assert_eq!(
            proofs(table).iter().filter_map(untested).count(),
            1,
            "{table}"
        );
    }
    assert!(has_test("#[test]\n#[cfg(unix)]\nfn a() {}", "a"));
    for text in [
        "fn a() {}",
        "#[test]\nfn b() {}\nfn a() {}",
        "// #[test]\nfn a() {}",
        "#[test]\n#[ignore]\nfn a() {}",
    ] {
        assert!(!has_test(text, "a"), "{text}");
    }
}
