//! The language as a whole: round trips, the seed, text that is none.

use proptest::prelude::*;

use super::generated::config;
use super::{SEED, parsed};
use crate::{Audience, Config, Defaults, Mode, Severity};
use crate::{apply_line, check, complete, help, parse, render};

fn stored(config: &Config) -> String {
    render(config, Audience::Stored, Defaults::Hidden, None)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_stored_parses_to_itself(config in config()) {
        let text = stored(&config);
        prop_assert_eq!(parsed(&text), config, "{}", text);
    }

    #[test]
    fn what_is_stored_with_defaults_means_the_same(config in config()) {
        let text = render(&config, Audience::Stored, Defaults::All, None);
        let again = parsed(&text);
        let shown = |c: &Config| render(c, Audience::Stored, Defaults::All, None);
        prop_assert_eq!(shown(&again), text);
    }

    #[test]
    fn a_shown_configuration_has_no_key(config in config()) {
        let text = render(&config, Audience::Shown, Defaults::Hidden, None);
        let again = parsed(&text);
        let keys = again.tunnel_groups.iter().filter_map(|group| group.pre_shared_key.as_ref());
        for key in keys {
            prop_assert_eq!(key.expose(), "*");
        }
        let hosts = again.snmp.hosts.iter().filter_map(|host| host.community.as_ref());
        for community in hosts.chain(&again.snmp.community) {
            prop_assert_eq!(community.expose(), "*");
        }
    }

    #[test]
    fn checking_any_configuration_ends(config in config()) {
        for remark in check(&config) {
            prop_assert_eq!(remark.severity, Severity::Warning);
            prop_assert!(remark.help.is_some());
        }
    }

    #[test]
    fn any_text_is_read(text in "\\PC{0,200}|[ -~\\n\\t]{0,400}|(?s).{0,200}") {
        let (config, remarks) = parse(&text);
        for remark in remarks {
            let _ = remark.render(&text);
        }
        prop_assert_eq!(parsed(&stored(&config)), config);
    }

    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        let (_, remarks) = parse(&text);
        for remark in remarks {
            let _ = remark.render(&text);
        }
    }

    #[test]
    fn a_mutated_seed_is_read(
        edits in proptest::collection::vec((0..SEED.len(), 0_usize..3, "[ -~\\n]{0,6}"), 0..12),
    ) {
        let mut text = SEED.to_owned();
        for (at, length, insertion) in edits {
            let at = at.min(text.len());
            let end = (at + length).min(text.len());
            text.replace_range(at..end, &insertion);
        }
        let (config, remarks) = parse(&text);
        for remark in remarks {
            let _ = remark.render(&text);
        }
        prop_assert_eq!(parsed(&stored(&config)), config, "{}", text);
    }

    #[test]
    fn words_of_the_language_in_any_order_are_read(
        words in proptest::collection::vec(proptest::sample::select(
            SEED.split_whitespace().chain(["no", "any", "0", "line", "eq"]).collect::<Vec<_>>()
        ), 0..8),
        indented in any::<bool>(),
    ) {
        let line = format!("{}{}", if indented { " " } else { "" }, words.join(" "));
        let (mut config, mut mode) = (parsed(SEED), Mode::Global);
        let before = (config.clone(), mode.clone());
        if apply_line(&mut config, &mut mode, &line).is_err() {
            prop_assert_eq!((config.clone(), mode.clone()), before);
        }
        prop_assert_eq!(parsed(&stored(&config)), config, "{}", line);
        let _ = help(&line, &mode);
        let _ = complete(&line, &mode);
    }
}

#[test]
fn the_seed_is_read_without_an_error() {
    let config = parsed(SEED);
    assert_eq!(config.identity.hostname, "CiscoASA");
    assert_eq!(config.interfaces.len(), 4);
    assert_eq!(config.access_lists.len(), 3);
    assert_eq!(config.crypto_maps[0].entries.len(), 1);
    assert!(config.sysopt.preserve_vpn_flows && config.service.reset_outside);
    assert!(
        config.tunnel_groups[0]
            .pre_shared_key
            .as_ref()
            .unwrap()
            .is_masked()
    );
}

#[test]
fn the_seed_survives_being_written() {
    let config = parsed(SEED);
    assert_eq!(parsed(&stored(&config)), config);
}

/// Apart from separators and comments, only what this file says is not written as it stood.
#[test]
fn the_seed_is_written_as_it_stood() {
    let written = render(&parsed(SEED), Audience::Shown, Defaults::Hidden, None);
    let lines = |text: &str| -> Vec<String> {
        let commands = text.lines().filter(|line| !line.starts_with(['!', ':']));
        commands.map(str::to_owned).collect()
    };
    let mut missing = lines(SEED);
    missing.retain(|line| !lines(&written).contains(line));
    // A hidden password is shown in one way; a checksum is not made.
    missing[2].truncate("Cryptochecksum:".len());
    let expected = [
        "enable password <removed>",
        "passwd <removed>",
        "Cryptochecksum:",
    ];
    assert_eq!(missing, expected);
    let mut added = lines(&written);
    added.retain(|line| !lines(SEED).contains(line));
    assert_eq!(added, ["enable password *", "passwd *"]);
}

#[test]
fn a_shown_configuration_begins_and_ends_as_on_an_asa() {
    let shown = render(&Config::default(), Audience::Shown, Defaults::Hidden, None);
    assert!(
        shown.starts_with(": Saved\n:\nASA Version 8.2(1)\n!\nhostname ciscoasa\n"),
        "{shown}"
    );
    assert!(shown.ends_with("\n: end\n"), "{shown}");
}

#[test]
fn a_section_is_the_commands_that_begin_with_its_words() {
    let config = parsed(SEED);
    let section = |name| render(&config, Audience::Shown, Defaults::Hidden, Some(name));
    assert_eq!(section("crypto map").lines().count(), 4);
    assert_eq!(section("access-list 100").lines().count(), 2);
    assert!(section("interface Ethernet0/2").starts_with("interface Ethernet0/2\n shutdown\n"));
    assert_eq!(section("policy-map").lines().count(), 19);
    assert_eq!(section("nothing"), "");
}

#[test]
fn the_seed_is_remarked_upon() {
    let (config, remarks) = parse(SEED);
    let warnings: Vec<_> = remarks
        .iter()
        .filter(|remark| remark.severity == Severity::Warning)
        .map(|remark| (remark.line, remark.code))
        .collect();
    let lines = |code| -> Vec<&str> {
        let of_code = warnings.iter().filter(|(_, other)| *other == code);
        of_code
            .map(|(line, _)| SEED.lines().nth(line - 1).unwrap())
            .collect()
    };
    assert_eq!(lines("masked-key"), [" pre-shared-key *"]);
    assert_eq!(lines("legacy-group"), [" group 2", " group 2"]);
    assert_eq!(
        lines("legacy-cipher"),
        [
            "crypto ipsec transform-set testSET esp-3des esp-md5-hmac",
            " encryption 3des",
            " encryption des",
        ]
    );
    let codes: Vec<_> = check(&config)
        .into_iter()
        .map(|remark| remark.code)
        .collect();
    let expected = [
        "interface-without-device",
        "host-route-to-zeros",
        "peer-without-key",
    ];
    assert_eq!(codes, expected);
}

#[test]
fn a_kept_command_is_noted_once() {
    let (_, remarks) = parse("http 10.0.0.0 255.0.0.0 a\nhttp 11.0.0.0 255.0.0.0 a\nprompt state");
    let notes: Vec<_> = remarks
        .iter()
        .map(|remark| (remark.line, remark.code))
        .collect();
    assert_eq!(notes, [(1, "no-effect"), (3, "no-effect")]);
}
