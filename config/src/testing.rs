//! What the crate's tests share: fixtures, cases, generated configurations.

use crate::grammar::table::rows;
use crate::grammar::{Effect, No, Token};
use crate::{Audience, Config, Defaults, Mode, Severity, apply_line, parse, render};
use crate::{
    access_group, access_list, crypto_map, identity, interface, ipsec, isakmp, logging, names, nat,
    navigation, route, service, snmp_server, sysopt, timeout, tunnel_group, vpn_resume,
};

mod check_cases;
mod effects;
mod generated;
mod interactive;
mod reference;
mod text;
mod whole;

/// The sample configuration of Cisco's note on persistent IPsec tunneled flows.
pub(crate) const SEED: &str = include_str!("../tests/fixtures/ciscoasa.cfg");

/// A row's effect: what a line does to a configuration, and what takes it back.
pub(crate) struct EffectCase {
    /// The row that recognises the line.
    pub(crate) row: &'static str,
    /// Lines before it.
    pub(crate) given: &'static str,
    /// The line.
    pub(crate) line: &'static str,
    /// What holds after it.
    pub(crate) then: fn(&Config, &Mode) -> bool,
    /// A line that makes the configuration what it was; every row with a `no` form has one.
    pub(crate) undo: Option<&'static str>,
}

/// The cases of every family.
const CASES: &[&[EffectCase]] = &[
    access_group::tests::EFFECTS,
    access_list::tests::EFFECTS,
    crypto_map::tests::EFFECTS,
    identity::tests::EFFECTS,
    interface::tests::EFFECTS,
    ipsec::tests::EFFECTS,
    isakmp::tests::EFFECTS,
    logging::tests::EFFECTS,
    names::tests::EFFECTS,
    nat::tests::EFFECTS,
    navigation::tests::EFFECTS,
    route::tests::EFFECTS,
    service::tests::EFFECTS,
    snmp_server::tests::EFFECTS,
    sysopt::tests::EFFECTS,
    timeout::tests::EFFECTS,
    tunnel_group::tests::EFFECTS,
    vpn_resume::tests::EFFECTS,
];

/// The configuration of a text without errors.
pub(crate) fn parsed(text: &str) -> Config {
    let (config, diagnostics) = parse(text);
    let errors: Vec<_> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(|diagnostic| diagnostic.render(text))
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    config
}

/// A section as it is stored.
pub(crate) fn rendered(config: &Config, section: &str) -> String {
    render(config, Audience::Stored, Defaults::Hidden, Some(section))
}

/// The code with which `line`, typed after the lines `given`, is refused. Nothing has changed.
pub(crate) fn refused(given: &str, line: &str) -> &'static str {
    let (mut config, mut mode) = typed(given);
    let before = (config.clone(), mode.clone());
    let error = apply_line(&mut config, &mut mode, line).expect_err(line);
    assert_eq!((config, mode), before, "{line}");
    error.into_diagnostic(1).code
}

/// The codes of the warnings on a text.
pub(crate) fn codes(text: &str) -> Vec<&'static str> {
    let (_, diagnostics) = parse(text);
    let warnings = diagnostics.iter().filter(|d| d.severity != Severity::Note);
    warnings.map(|diagnostic| diagnostic.code).collect()
}

fn typed(lines: &str) -> (Config, Mode) {
    let (mut config, mut mode) = (Config::default(), Mode::Global);
    for line in lines.lines() {
        apply_line(&mut config, &mut mode, line).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
    (config, mode)
}

#[test]
fn every_effect_is_what_its_case_says() {
    for case in CASES.iter().copied().flatten() {
        let (mut config, mut mode) = typed(case.given);
        let (before, mode_before) = (config.clone(), mode.clone());
        let line = case.line;
        let applied = apply_line(&mut config, &mut mode, line).expect(line);
        assert_eq!(applied.command, case.row, "{line}");
        assert!((case.then)(&config, &mode), "{line}");
        assert!(
            config != before || mode != mode_before,
            "{line} changes nothing"
        );
        if let Some(undo) = case.undo {
            apply_line(&mut config, &mut mode, undo).expect(undo);
            assert_eq!(config, before, "{line}, then {undo}");
        }
    }
}

#[test]
fn every_row_that_acts_has_a_case() {
    let cases = || CASES.iter().copied().flatten();
    for row in rows().filter(|row| row.effect == Effect::Acted) {
        let case = cases().find(|case| case.row == row.id);
        let case = case.unwrap_or_else(|| panic!("no case for the effect of `{}`", row.id));
        let undone = matches!(row.no, No::Without) || case.undo.is_some();
        assert!(undone, "no case for the `no` form of `{}`", row.id);
    }
    for case in cases() {
        let row = rows().find(|row| row.id == case.row);
        assert!(row.is_some(), "a case for `{}`, which is no row", case.row);
    }
}

#[test]
fn row_names_are_unique() {
    let mut ids: Vec<_> = rows().map(|row| row.id).collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

/// An argument of the same name as a keyword of its row would be read in its place.
#[test]
fn arguments_are_not_named_as_keywords() {
    for row in rows() {
        let (mut keywords, mut arguments) = (Vec::new(), Vec::new());
        names_of(row.syntax, &mut keywords, &mut arguments);
        if let No::As(tokens) = row.no {
            names_of(tokens, &mut keywords, &mut arguments);
        }
        for name in arguments {
            assert!(!keywords.contains(&name), "{}: {name}", row.id);
        }
    }
}

fn names_of(tokens: &[Token], keywords: &mut Vec<&'static str>, arguments: &mut Vec<&'static str>) {
    for token in tokens {
        match token {
            Token::Keyword { word, .. } => keywords.push(word),
            Token::Choice { name, .. } | Token::Argument { name, .. } => arguments.push(name),
            Token::Named { tokens: inner, .. } | Token::Optional(inner) | Token::Repeat(inner) => {
                names_of(inner, keywords, arguments);
            }
            Token::OneOf(branches) => {
                for branch in *branches {
                    names_of(branch, keywords, arguments);
                }
            }
        }
    }
}
