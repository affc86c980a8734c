use std::net::Ipv4Addr;

use crate::testing::{EffectCase, codes, parsed, refused, rendered};
use crate::{
    Config, DeviceId, LogClass, LogFilter, LogMessage, LogRateLimit, LogRule, LogTransport,
    RateLimited, Timestamp,
};

const fn level(level: u8) -> Option<LogFilter> {
    Some(LogFilter::Level(level))
}

fn host(config: &Config) -> (&str, Ipv4Addr, LogTransport, u16) {
    let host = &config.logging.hosts[0];
    (&host.nameif, host.address, host.transport, host.port)
}

fn rules(config: &Config) -> &[LogRule] {
    &config.logging.lists[0].rules
}

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
        then: |config, _| config.logging.timestamp == Timestamp::Asa,
        undo: Some("no logging timestamp"),
    },
    EffectCase {
        row: "logging timestamp",
        given: "",
        line: "logging timestamp rfc5424",
        then: |config, _| config.logging.timestamp == Timestamp::Rfc5424,
        undo: Some("no logging timestamp"),
    },
    EffectCase {
        row: "logging console",
        given: "",
        line: "logging console errors",
        then: |config, _| config.logging.console == level(3),
        undo: Some("no logging console"),
    },
    EffectCase {
        row: "logging buffered",
        given: "",
        line: "logging buffered informational",
        then: |config, _| config.logging.buffered == level(6),
        undo: Some("no logging buffered"),
    },
    EffectCase {
        row: "logging buffered",
        given: "",
        line: "logging buffered mine",
        then: |config, _| config.logging.buffered == Some(LogFilter::List("mine".to_owned())),
        undo: Some("no logging buffered mine"),
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
        then: |config, _| config.logging.trap == level(4),
        undo: Some("no logging trap"),
    },
    EffectCase {
        row: "logging host",
        given: "",
        line: "logging host inside 10.0.0.9 udp/1514",
        then: |config, _| host(config) == ("inside", [10, 0, 0, 9].into(), LogTransport::Udp, 1514),
        undo: Some("no logging host inside 10.0.0.9"),
    },
    EffectCase {
        row: "logging host",
        given: "",
        line: "logging host inside 10.0.0.9 6/1470",
        then: |config, _| host(config) == ("inside", [10, 0, 0, 9].into(), LogTransport::Tcp, 1470),
        undo: Some("no logging host inside 10.0.0.9 tcp/1470"),
    },
    EffectCase {
        row: "logging file",
        given: "",
        line: "logging file /var/log/holdfast.log 7",
        then: |config, _| {
            config.logging.file == level(7).map(|it| ("/var/log/holdfast.log".to_owned(), it))
        },
        undo: Some("no logging file"),
    },
    EffectCase {
        row: "logging list",
        given: "",
        line: "logging list mine level errors class vpn",
        then: |config, _| {
            rules(config)
                == [LogRule::Level {
                    level: 3,
                    class: LogClass::named("vpn"),
                }]
        },
        undo: Some("no logging list mine"),
    },
    EffectCase {
        row: "logging list",
        given: "logging list mine level 1",
        line: "logging list mine message 302013-302016",
        then: |config, _| {
            rules(config).get(1)
                == Some(&LogRule::Messages {
                    first: 302_013,
                    last: 302_016,
                })
        },
        undo: Some("no logging list mine message 302013-302016"),
    },
    EffectCase {
        row: "logging facility",
        given: "",
        line: "logging facility 16",
        then: |config, _| config.logging.facility == 16,
        undo: Some("no logging facility"),
    },
    EffectCase {
        row: "logging device-id",
        given: "",
        line: "logging device-id ipaddress inside",
        then: |config, _| config.logging.device_id == Some(DeviceId::Address("inside".to_owned())),
        undo: Some("no logging device-id"),
    },
    EffectCase {
        row: "logging queue",
        given: "",
        line: "logging queue 0",
        then: |config, _| config.logging.queue == 0,
        undo: Some("no logging queue"),
    },
    EffectCase {
        row: "logging rate-limit",
        given: "",
        line: "logging rate-limit 10 60 level debugging",
        then: |config, _| {
            config.logging.rate_limits
                == [LogRateLimit {
                    of: RateLimited::Level(7),
                    limit: Some((10, 60)),
                }]
        },
        undo: Some("no logging rate-limit 10 60 level debugging"),
    },
    EffectCase {
        row: "logging rate-limit",
        given: "",
        line: "logging rate-limit unlimited message 402119",
        then: |config, _| {
            config.logging.rate_limits
                == [LogRateLimit {
                    of: RateLimited::Message(402_119),
                    limit: None,
                }]
        },
        undo: Some("no logging rate-limit message 402119"),
    },
    EffectCase {
        row: "logging message",
        given: "no logging message 302013",
        line: "logging message 302013",
        then: |config, _| config.logging.messages.is_empty(),
        undo: Some("no logging message 302013"),
    },
    EffectCase {
        row: "logging message level",
        given: "",
        line: "logging message 302013 level errors",
        then: |config, _| {
            config.logging.messages
                == [LogMessage {
                    id: 302_013,
                    enabled: true,
                    level: Some(3),
                }]
        },
        undo: Some("no logging message 302013 level"),
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
    let config = parsed("logging host a 1.1.1.1 tcp/600\nlogging host a 1.1.1.1 17/514");
    assert_eq!(rendered(&config, "logging"), "logging host a 1.1.1.1\n");
    assert_eq!(
        refused("", "logging host a 1.1.1.1 sctp/514"),
        "invalid-input"
    );
    let emblem = "logging host a 1.1.1.1 udp/514 format emblem";
    assert_eq!(refused("", emblem), "emblem-format");
}

#[test]
fn a_list_is_not_called_as_a_severity() {
    for name in ["e", "Warn", "errors", "informational"] {
        let line = format!("logging list {name} level 3");
        assert!(
            ["list-name", "invalid-input"].contains(&refused("", &line)),
            "{name}"
        );
    }
    assert_eq!(refused("", "logging list 3 level 3"), "invalid-input");
    let config = parsed("logging list vpn message 713120\nlogging trap vpn");
    assert_eq!(config.logging.trap, Some(LogFilter::List("vpn".to_owned())));
    assert_eq!(
        codes("logging trap vpn"),
        [""; 0],
        "the list may come later"
    );
}

#[test]
fn rules_of_a_list_come_and_go() {
    let config = parsed(
        "logging list v level 5 class vpn\nlogging list v level 5 class vpn\n\
         logging list v message 302014\nlogging list x level 1\nno logging list x level 1\n\
         no logging list v level 5\n",
    );
    assert_eq!(
        rendered(&config, "logging list"),
        "logging list v level notifications class vpn\nlogging list v message 302014\n"
    );
    for line in [
        "logging list v message 302016-302013",
        "logging list v message 99999",
        "logging list v level 5 class nothing",
    ] {
        assert_eq!(refused("", line), "invalid-input", "{line}");
    }
}

#[test]
fn rules_take_by_severity_class_and_number() {
    let vpn = LogRule::Level {
        level: 5,
        class: LogClass::named("vpn"),
    };
    assert!(vpn.takes(713_120, 5) && !vpn.takes(713_120, 6) && !vpn.takes(302_014, 5));
    let numbers = LogRule::Messages {
        first: 302_013,
        last: 302_014,
    };
    assert!(numbers.takes(302_014, 7) && !numbers.takes(302_015, 0));
}

#[test]
fn a_message_is_kept_while_it_is_not_at_its_default() {
    let config = parsed(
        "no logging message 302013\nlogging message 302013 level 3\nlogging message 106015 level 1",
    );
    let text = "logging message 106015 level alerts\nlogging message 302013 level errors\n\
                no logging message 302013\n";
    assert_eq!(rendered(&config, "logging message"), text);
    assert_eq!(parsed(text), config);
    let config = parsed(&format!(
        "{text}logging message 302013\nno logging message 302013 level 3\n"
    ));
    assert_eq!(config.logging.messages.len(), 1);
}

#[test]
fn a_severity_without_a_limit_is_unlimited() {
    let config = parsed("logging rate-limit 5 level 7\nlogging rate-limit unlimited level 7");
    assert_eq!(config.logging.rate_limits, []);
    let config = parsed("logging rate-limit 5 level 7\nlogging rate-limit 6 9 level 7");
    assert_eq!(
        rendered(&config, "logging"),
        "logging rate-limit 6 9 level debugging\n"
    );
    assert_eq!(refused("", "logging rate-limit 0 level 7"), "invalid-input");
}
