use std::net::Ipv4Addr;

use crate::testing::{EffectCase, parsed, refused, rendered};

pub(crate) const EFFECTS: &[EffectCase] = &[
    EffectCase {
        row: "logging enable",
        given: "",
        line: "logging enable",
        then: |config, _| config.logging.enabled,
        undo: Some("no logging enable"),
    },
    EffectCase {
        row: "logging timestamp",
        given: "",
        line: "logging timestamp",
        then: |config, _| config.logging.timestamp,
        undo: Some("no logging timestamp"),
    },
    EffectCase {
        row: "logging buffered",
        given: "",
        line: "logging buffered informational",
        then: |config, _| config.logging.buffered == Some(6),
        undo: Some("no logging buffered"),
    },
    EffectCase {
        row: "logging buffer-size",
        given: "",
        line: "logging buffer-size 65536",
        then: |config, _| config.logging.buffer_size_bytes == Some(65536),
        undo: Some("no logging buffer-size"),
    },
    EffectCase {
        row: "logging trap",
        given: "",
        line: "logging trap warn",
        then: |config, _| config.logging.trap == Some(4),
        undo: Some("no logging trap"),
    },
    EffectCase {
        row: "logging host",
        given: "",
        line: "logging host inside 10.0.0.9 udp/1514",
        then: |config, _| {
            let host = &config.logging.hosts[0];
            let address = Ipv4Addr::new(10, 0, 0, 9);
            (host.nameif.as_str(), host.address, host.port) == ("inside", address, 1514)
        },
        undo: Some("no logging host inside 10.0.0.9"),
    },
    EffectCase {
        row: "logging file",
        given: "",
        line: "logging file /var/log/holdfast.log 7",
        then: |config, _| config.logging.file == Some(("/var/log/holdfast.log".to_owned(), 7)),
        undo: Some("no logging file"),
    },
];

#[test]
fn every_severity_has_a_name_and_a_number() {
    let names = [
        "emergencies",
        "alerts",
        "critical",
        "errors",
        "warnings",
        "notifications",
        "informational",
        "debugging",
    ];
    for (number, name) in names.iter().enumerate() {
        let config = parsed(&format!("logging trap {number}"));
        assert_eq!(
            rendered(&config, "logging"),
            format!("logging trap {name}\n")
        );
        assert_eq!(parsed(&format!("logging trap {name}")), config);
    }
    assert_eq!(refused("", "logging trap 8"), "invalid-input");
    assert_eq!(refused("", "logging trap e"), "ambiguous-command");
}

#[test]
fn a_host_stands_once() {
    let config = parsed("logging host a 1.1.1.1 udp/600\nlogging host a 1.1.1.1 udp/514");
    assert_eq!(rendered(&config, "logging"), "logging host a 1.1.1.1\n");
    assert_eq!(
        refused("", "logging host a 1.1.1.1 tcp/514"),
        "invalid-input"
    );
}
