use crate::testing::{parsed, rendered};
use crate::{Audience, Config, Defaults, Mode, apply_line, render};

#[test]
fn a_command_that_stands_once_is_replaced() {
    let config = parsed("telnet timeout 5\ntelnet timeout 10\ntelnet 10.0.0.0 255.0.0.0 inside");
    let shown = "telnet timeout 10\ntelnet 10.0.0.0 255.0.0.0 inside\n";
    assert_eq!(rendered(&config, "telnet"), shown);
    assert_eq!(parsed("telnet timeout 5\nno telnet timeout 5").kept, []);
}

#[test]
fn a_no_that_removes_nothing_is_kept() {
    let config = parsed("no failover\nno failover");
    assert_eq!(rendered(&config, "failover"), "no failover\n");
    assert_eq!(
        rendered(&parsed("no failover\nfailover"), "failover"),
        "failover\n"
    );
}

#[test]
fn passwords_are_stored_and_not_shown() {
    let config = parsed("passwd hunter2 encrypted\nenable password hunter2\nbanner motd * hi");
    let shown = render(&config, Audience::Shown, Defaults::Hidden, None);
    assert!(
        shown.contains("enable password *\npasswd * encrypted\n"),
        "{shown}"
    );
    assert!(!shown.contains("hunter2") && !format!("{config:?}").contains("hunter2"));
    let stored = render(&config, Audience::Stored, Defaults::Hidden, None);
    assert!(
        stored.contains("enable password hunter2\npasswd hunter2 encrypted\n"),
        "{stored}"
    );
    assert!(stored.contains("banner motd * hi\n"), "{stored}");
}

#[test]
fn typed_lines_stand_at_their_depth() {
    let (mut config, mut mode) = (Config::default(), Mode::Global);
    for line in [
        "policy-map global_policy",
        "class a",
        "inspect ftp",
        "class b",
        "inspect sip",
        "class a",
        "inspect dns",
        "inspect ftp",
        "no inspect sip",
        "exit",
        "description all",
        "service-policy global_policy global",
    ] {
        apply_line(&mut config, &mut mode, line).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
    assert_eq!(mode, Mode::Global);
    let block = [
        "class a",
        " inspect ftp",
        " inspect dns",
        "class b",
        " inspect sip",
        "description all",
    ];
    assert_eq!(config.kept[0].block, block);
    assert_eq!(config.kept.len(), 2);
}

#[test]
fn a_level_goes_with_what_is_inside() {
    let config =
        parsed("policy-map p\n class a\n  inspect ftp\n class b\n  inspect sip\n no class a\n");
    assert_eq!(config.kept[0].block, ["class b", " inspect sip"]);
}
