use crate::testing::{EffectCase, parsed, refused, rendered};
use crate::{Audience, Defaults, Secret, SnmpTraps, render};

const NONE: SnmpTraps = SnmpTraps {
    authentication: false,
    link_up: false,
    link_down: false,
    cold_start: false,
    ipsec_start: false,
    ipsec_stop: false,
};

fn secret(text: &str) -> Option<Secret> {
    Some(Secret::new(text.to_owned()))
}

pub(crate) const EFFECTS: &[EffectCase] = &[
    EffectCase {
        row: "snmp-server host",
        given: "",
        line: "snmp-server host inside 10.0.0.9 trap community hunter2 version 2c udp-port 1162",
        then: |config, _| {
            let host = &config.snmp.hosts[0];
            let place = (host.nameif.as_str(), host.address, host.port);
            place == ("inside", [10, 0, 0, 9].into(), 1162) && host.community == secret("hunter2")
        },
        undo: Some("no snmp-server host inside 10.0.0.9"),
    },
    EffectCase {
        row: "snmp-server community",
        given: "",
        line: "snmp-server community hunter2",
        then: |config, _| config.snmp.community == secret("hunter2"),
        undo: Some("no snmp-server community"),
    },
    EffectCase {
        row: "snmp-server enable traps",
        given: "",
        line: "snmp-server enable traps snmp linkup coldstart",
        then: |config, _| {
            config.snmp.traps
                == SnmpTraps {
                    link_up: true,
                    cold_start: true,
                    ..NONE
                }
        },
        undo: Some("no snmp-server enable traps snmp linkup coldstart"),
    },
    EffectCase {
        row: "snmp-server enable traps",
        given: "",
        line: "snmp-server enable traps ipsec",
        then: |config, _| {
            config.snmp.traps
                == SnmpTraps {
                    ipsec_start: true,
                    ipsec_stop: true,
                    ..NONE
                }
        },
        undo: Some("no snmp-server enable traps"),
    },
];

#[test]
fn traps_are_named_or_all_of_a_kind() {
    let traps = |text: &str| rendered(&parsed(text), "snmp-server");
    let all = "snmp-server enable traps snmp authentication linkup linkdown coldstart\n\
               snmp-server enable traps ipsec start stop\n";
    assert_eq!(traps("snmp-server enable traps"), all);
    assert_eq!(traps(all), all);
    assert_eq!(
        traps("snmp-server enable traps snmp\nno snmp-server enable traps snmp linkup linkdown"),
        "snmp-server enable traps snmp authentication coldstart\n"
    );
    assert_eq!(
        traps("snmp-server enable traps\nno snmp-server enable traps snmp"),
        "snmp-server enable traps ipsec start stop\n"
    );
}

#[test]
fn traps_of_other_kinds_are_kept() {
    let config = parsed("snmp-server enable traps entity config-change");
    assert_eq!(config.snmp.traps, NONE);
    assert_eq!(config.kept.len(), 1);
}

#[test]
fn communities_are_stored_and_not_shown() {
    let config =
        parsed("snmp-server host a 1.1.1.1 community hunter2\nsnmp-server community hunter2");
    let shown = render(
        &config,
        Audience::Shown,
        Defaults::Hidden,
        Some("snmp-server"),
    );
    assert_eq!(
        shown,
        "snmp-server host a 1.1.1.1 community * version 2c\nsnmp-server community *\n"
    );
    assert!(!format!("{config:?}").contains("hunter2"));
    assert_eq!(
        rendered(&config, "snmp-server"),
        shown.replace('*', "hunter2")
    );
}

#[test]
fn other_versions_and_long_communities_are_refused() {
    for version in ["1", "3"] {
        let line = format!("snmp-server host a 1.1.1.1 version {version}");
        assert_eq!(refused("", &line), "invalid-input");
    }
    let long = format!("snmp-server community {}", "x".repeat(33));
    assert_eq!(refused("", &long), "community");
}

#[test]
fn a_receiver_stands_once() {
    let config =
        parsed("snmp-server host a 1.1.1.1 community x udp-port 9\nsnmp-server host a 1.1.1.1");
    assert_eq!(
        rendered(&config, "snmp-server"),
        "snmp-server host a 1.1.1.1 version 2c\n"
    );
}
