//! What is refused in a text, and what follows.

use std::fmt::Write;

use super::{codes, parsed};
use crate::{Severity, limits, parse};

#[test]
fn a_wrong_line_is_refused_and_reading_goes_on() {
    let text = "hostname a\nhostname e!\nhostnme b\ndomain-name c\n";
    let (config, remarks) = parse(text);
    assert_eq!(config.identity.hostname, "a");
    assert_eq!(config.identity.domain_name.as_deref(), Some("c"));
    let places: Vec<_> = remarks
        .iter()
        .map(|r| (r.line, r.column, r.length, r.code))
        .collect();
    assert_eq!(
        places,
        [(2, 10, 2, "invalid-input"), (3, 1, 7, "invalid-input")]
    );
    assert!(
        remarks[1]
            .render(text)
            .contains("3 | hostnme b\n  | ^^^^^^^\n")
    );
}

#[test]
fn what_could_have_stood_there_is_said() {
    let help = |text: &str| parse(text).1[0].help.clone().unwrap_or_default();
    assert_eq!(
        help("service reset"),
        "It may be resetinbound, resetoutside."
    );
    assert_eq!(
        help("service sett"),
        "Expected `resetinbound` or `resetoutside`."
    );
    assert_eq!(
        help("service"),
        "Expected `resetinbound` or `resetoutside`."
    );
    assert!(help("access-list a extended permit tcp any eq").starts_with("Expected `"));
    assert!(help("blah").contains('?'));
}

#[test]
fn the_block_of_a_refused_command_goes_with_it() {
    let text = "interface e0/0\n nameif inside\ninterface Vlan1\n shutdown\n nameif inside2\n";
    let (config, remarks) = parse(text);
    assert!(!config.interfaces[0].shutdown);
    assert_eq!(config.interfaces[0].nameif.as_deref(), Some("inside"));
    let errors: Vec<_> = remarks.iter().map(|r| (r.line, r.code)).collect();
    assert_eq!(
        errors,
        [(3, "invalid-input"), (4, "block-of-refused-command")]
    );
}

#[test]
fn a_refused_line_of_a_block_leaves_the_rest() {
    let (config, remarks) = parse("interface e0/0\n speeed 1\n shutdown\n");
    assert!(config.interfaces[0].shutdown);
    assert_eq!(remarks.len(), 1);
}

#[test]
fn blocks_need_no_indentation() {
    let config = parsed(
        "interface Ethernet0/0\nnameif inside\nip address 10.0.0.1 255.0.0.0\n\
         class-map c\nmatch any\npolicy-map p\nclass c\ninspect ftp\nnames\n\
         crypto isakmp policy 1\nhash md5\ngroup 5\n",
    );
    assert_eq!(config.interfaces[0].nameif.as_deref(), Some("inside"));
    assert_eq!(config.kept[1].block, ["class c", " inspect ftp"]);
    assert_eq!(config.isakmp.policies[0].group, 5);
}

#[test]
fn a_command_of_configuration_mode_is_not_an_abbreviation_of_the_block() {
    // `name` would abbreviate `nameif`.
    let config = parsed("interface e0/0\n nameif a\nno name 10.0.0.1\nname 10.0.0.1 b\n");
    assert_eq!(config.interfaces[0].nameif.as_deref(), Some("a"));
    assert_eq!(config.names.len(), 1);
}

#[test]
fn ends_of_lines_and_tabs_are_blanks() {
    let config = parsed("hostname\tb\r\n\tdomain-name  c  \r\n\r\n");
    assert_eq!(config.identity.hostname, "b");
    assert_eq!(config.identity.domain_name.as_deref(), Some("c"));
}

#[test]
fn a_long_line_is_refused() {
    let fits = format!("banner motd {}", "x".repeat(400));
    assert_eq!(codes(&fits), [""; 0]);
    let long = "x ".repeat(limits::LINE_CHARS);
    assert_eq!(
        codes(&format!("{long}\nhostname a\0")),
        ["line-too-long", "control-character"]
    );
}

#[test]
fn remarks_are_bounded() {
    let text = "x\n".repeat(limits::DIAGNOSTICS + 5);
    let (_, remarks) = parse(&text);
    assert_eq!(remarks.len(), limits::DIAGNOSTICS + 1);
    let last = &remarks[limits::DIAGNOSTICS];
    assert_eq!(
        (last.code, last.severity),
        ("too-many-diagnostics", Severity::Error)
    );
    assert!(last.message.starts_with("5 "), "{}", last.message);
}

#[test]
fn lines_are_bounded() {
    let text = "!\n".repeat(limits::LINES + 5);
    assert_eq!(codes(&text), ["text-too-long"]);
}

#[test]
fn many_lines_of_many_lists_are_read_in_time() {
    let mut text = String::new();
    for number in 0..20_000_u32 {
        let (list, port) = (number / 5_000, number % 5_000 + 1);
        writeln!(
            text,
            "access-list l{list} extended permit tcp any any eq {port}"
        )
        .unwrap();
    }
    let config = parsed(&text);
    let lines: usize = config
        .access_lists
        .iter()
        .map(|list| list.lines.len())
        .sum();
    assert_eq!(lines, 20_000);
}

#[test]
fn entries_are_bounded() {
    let mut text = String::new();
    for number in 0..=limits::ISAKMP_POLICIES {
        writeln!(text, "crypto isakmp policy {}", number + 1).unwrap();
    }
    assert_eq!(codes(&text), ["limit-reached"]);
}
