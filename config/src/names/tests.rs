use std::net::Ipv4Addr;

use crate::testing::{EffectCase, parsed, refused};

pub(crate) const EFFECTS: &[EffectCase] = &[
    EffectCase {
        row: "names",
        given: "no names",
        line: "names",
        then: |config, _| config.names_enabled,
        undo: Some("no names"),
    },
    EffectCase {
        row: "name",
        given: "",
        line: "name 10.0.0.1 peer description the  far end",
        then: |config, _| {
            let named = &config.names[0];
            named.address == Ipv4Addr::new(10, 0, 0, 1)
                && named.name == "peer"
                && named.description.as_deref() == Some("the  far end")
        },
        undo: Some("no name 10.0.0.1"),
    },
];

#[test]
fn a_name_stands_for_its_address() {
    let config = parsed("name 10.0.0.1 peer\nroute outside 0 0 peer 1");
    assert_eq!(config.routes[0].gateway, Ipv4Addr::new(10, 0, 0, 1));
}

#[test]
fn without_names_a_name_is_no_address() {
    let code = refused("name 10.0.0.1 peer\nno names", "route outside 0 0 peer 1");
    assert_eq!(code, "invalid-input");
}

#[test]
fn a_name_belongs_to_one_address() {
    assert_eq!(
        refused("name 10.0.0.1 peer", "name 10.0.0.2 peer"),
        "name-in-use"
    );
    let config = parsed("name 10.0.0.1 peer\nname 10.0.0.1 other");
    assert_eq!(config.names.len(), 1);
    assert_eq!(config.names[0].name, "other");
}
