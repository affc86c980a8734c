use crate::testing::{EffectCase, refused};

pub(crate) const EFFECTS: &[EffectCase] = &[
    EffectCase {
        row: "hostname",
        given: "",
        line: "hostname CiscoASA",
        then: |config, _| config.identity.hostname == "CiscoASA",
        undo: Some("no hostname"),
    },
    EffectCase {
        row: "domain-name",
        given: "",
        line: "domain-name example.com",
        then: |config, _| config.identity.domain_name.as_deref() == Some("example.com"),
        undo: Some("no domain-name example.com"),
    },
];

#[test]
fn names_that_dns_has_not_are_refused() {
    let long = format!("hostname {}", "a".repeat(64));
    for line in [
        "hostname -a",
        "hostname a.b",
        "hostname a_b",
        "domain-name a..b",
        &long,
    ] {
        assert_eq!(refused("", line), "invalid-input", "{line}");
    }
}
