//! The command line's side: errors with a caret, abbreviations, `?`, completion.

use super::parsed;
use crate::{CliError, Config, Effect, Mode, apply_line, complete, help};

fn error(line: &str, mode: &Mode) -> CliError {
    apply_line(&mut Config::default(), &mut mode.clone(), line).expect_err(line)
}

fn words(line: &str, mode: &Mode) -> Vec<String> {
    let lines = help(line, mode).unwrap_or_else(|e| panic!("{line}: {e}"));
    lines.into_iter().map(|line| line.word).collect()
}

fn interface() -> Mode {
    Mode::Interface("Ethernet0/0".to_owned())
}

#[test]
fn the_caret_stands_under_the_first_wrong_word() {
    for (line, column) in [
        ("nonsense", 1),
        ("  nonsense", 3),
        ("route outside 1.2.3 0 1.1.1.1", 15),
        ("sysopt connection tcpmss 47", 26),
        ("no sysopt connection tcpmsss", 22),
        ("names and more", 7),
    ] {
        match error(line, &Mode::Global) {
            CliError::Invalid { column: found, .. } => assert_eq!(found, column, "{line}"),
            other => panic!("{line}: {other:?}"),
        }
    }
}

#[test]
fn errors_are_worded_as_on_an_asa() {
    let report = error("sysopt conection", &Mode::Global).report(18);
    let blank = " ".repeat(18 + 7);
    let expected = format!("{blank}^\nERROR: % Invalid input detected at '^' marker.\n");
    assert_eq!(report, expected);
    let report = error("sysopt connection", &Mode::Global).report(0);
    assert_eq!(report, "ERROR: % Incomplete command\n");
    let report = error("s", &Mode::Global).report(0);
    assert_eq!(report, "ERROR: % Ambiguous command\n");
    let report = error("crypto ipsec transform-set t esp-null", &Mode::Global).report(0);
    assert!(
        report.starts_with("ERROR: Neither encryption nor authentication.\n"),
        "{report}"
    );
    let report = error("crypto isakmp policy 1 group 7", &Mode::Global).report(0);
    assert!(report.contains("Group 7"), "{report}");
}

#[test]
fn keywords_may_be_abbreviated_and_in_capitals() {
    let (mut config, mut mode) = (Config::default(), Mode::Global);
    for line in [
        "SYS conn pres",
        "cry isa pol 5",
        "enc aes-256",
        "exit",
        "int e0/1",
        "sh",
    ] {
        apply_line(&mut config, &mut mode, line).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
    assert!(config.sysopt.preserve_vpn_flows && config.interfaces[0].shutdown);
    assert_eq!(mode, Mode::Interface("Ethernet0/1".to_owned()));
}

#[test]
fn a_command_of_configuration_mode_leaves_the_submode() {
    let mut config = parsed("interface e0/0");
    let mut mode = interface();
    let applied = apply_line(&mut config, &mut mode, "telnet timeout 5").unwrap();
    assert_eq!((mode, applied.effect), (Mode::Global, Effect::Kept));
    assert_eq!(applied.command, "telnet timeout");
}

#[test]
fn a_submode_and_configuration_mode_may_share_a_word() {
    let mut config = parsed("tunnel-group DefaultL2LGroup ipsec-attributes");
    let group = || Mode::TunnelGroup {
        name: "DefaultL2LGroup".to_owned(),
        block: crate::TunnelBlock::Ipsec,
    };
    let mut mode = group();
    apply_line(&mut config, &mut mode, "isakmp keepalive disable").unwrap();
    assert_eq!(mode, group());
    apply_line(&mut config, &mut mode, "isakmp enable outside").unwrap();
    assert_eq!(mode, Mode::Global);
    assert_eq!(config.isakmp.enabled_on, ["outside"]);
}

#[test]
fn a_block_that_is_gone_takes_no_line() {
    let (mut config, mut mode) = (Config::default(), interface());
    let refused = apply_line(&mut config, &mut mode, "shutdown").unwrap_err();
    assert!(matches!(refused, CliError::Refused(diagnostic) if diagnostic.code == "gone"));
}

#[test]
fn comments_and_empty_lines_do_nothing() {
    for line in ["", "   ", "! words", ": Saved"] {
        let (mut config, mut mode) = (Config::default(), interface());
        apply_line(&mut config, &mut mode, line).unwrap();
        assert_eq!((config, mode), (Config::default(), interface()));
    }
}

#[test]
fn a_question_mark_shows_what_may_follow() {
    let shown = words("sysopt connection ", &Mode::Global);
    let expected = [
        "permit-vpn",
        "preserve-vpn-flows",
        "reclassify-vpn",
        "tcpmss",
        "timewait",
    ];
    assert_eq!(shown, expected);
    assert_eq!(
        words("sysopt connection p", &Mode::Global),
        ["permit-vpn", "preserve-vpn-flows"]
    );
    let shown = words("sysopt connection tcpmss ", &Mode::Global);
    assert_eq!(shown, ["<0 | 48-65535>", "minimum"]);
    assert_eq!(words("names ", &Mode::Global), ["<cr>"]);
    assert_eq!(words("logging buffered 3 ", &Mode::Global), ["<cr>"]);
    assert!(words("", &interface()).contains(&"security-level".to_owned()));
    assert!(!words("", &interface()).contains(&"access-list".to_owned()));
    assert_eq!(words("sysopt conn", &interface()), ["connection"]);
    assert!(help("nonsense ", &Mode::Global).is_err());
}

#[test]
fn every_continuation_has_help() {
    let mut open = vec![String::new(), "no ".to_owned()];
    let mut seen = 0;
    while let Some(line) = open.pop() {
        for entry in help(&line, &Mode::Global).unwrap() {
            seen += 1;
            assert!(
                !entry.help.is_empty() || entry.word == "<cr>",
                "{line}{}",
                entry.word
            );
            let keyword = entry
                .word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'-');
            if keyword && line.split(' ').count() < 5 {
                open.push(format!("{line}{} ", entry.word));
            }
        }
    }
    assert!(seen > 200, "{seen}");
}

#[test]
fn words_are_completed() {
    assert_eq!(
        complete("sysopt connection pre", &Mode::Global),
        ["preserve-vpn-flows"]
    );
    assert_eq!(
        complete("crypto isakmp policy 5 enc", &Mode::Global),
        ["encryption"]
    );
    assert_eq!(complete("sec", &interface()), ["security-level"]);
    assert_eq!(
        complete("acc", &interface()),
        ["access-group", "access-list"]
    );
    let ports = complete("access-list a permit tcp any any eq ht", &Mode::Global);
    assert_eq!(ports, ["http", "https"]);
    assert!(complete("nonsense x", &Mode::Global).is_empty());
    assert!(complete("\u{7}", &Mode::Global).is_empty());
}
