use std::net::Ipv4Addr;

use crate::testing::{EffectCase, parsed, refused, rendered};
use crate::{GlobalPool, MaskedNet, NatSource};

pub(crate) const EFFECTS: &[EffectCase] = &[
    EffectCase {
        row: "global",
        given: "",
        line: "global (outside) 1 interface",
        then: |config, _| {
            let global = &config.globals[0];
            (global.nameif.as_str(), global.nat_id, global.pool)
                == ("outside", 1, GlobalPool::Interface)
        },
        undo: Some("no global (outside) 1 interface"),
    },
    EffectCase {
        row: "nat",
        given: "nat (inside) 0 access-list test",
        line: "nat (inside) 1 10.224.10.0 255.255.255.0",
        then: |config, _| {
            let (net, mask) = (
                Ipv4Addr::new(10, 224, 10, 0),
                Ipv4Addr::new(255, 255, 255, 0),
            );
            let source = NatSource::Net(MaskedNet::new(net, mask));
            config.nats[1].nat_id == 1 && config.nats[1].source == source
        },
        undo: Some("no nat (inside) 1 10.224.10.0 255.255.255.0"),
    },
];

#[test]
fn an_interface_has_one_exemption_list() {
    let config = parsed(
        "nat (inside) 0 access-list a\nnat (inside) 0 10.0.0.0 255.0.0.0\n\
         nat (inside) 0 access-list b\nnat (inside) 0 access-list b\nnat (dmz) 0 access-list a",
    );
    assert_eq!(
        rendered(&config, "nat"),
        "nat (inside) 0 access-list b\nnat (inside) 0 10.0.0.0 255.0.0.0\n\
         nat (dmz) 0 access-list a\n"
    );
}

#[test]
fn a_pool_may_be_one_address() {
    let config = parsed("global (outside) 1 209.165.201.5");
    let pool = GlobalPool::Address(Ipv4Addr::new(209, 165, 201, 5));
    assert_eq!(config.globals[0].pool, pool);
}

#[test]
fn nonsense_is_refused() {
    let given = "nat (inside) 1 10.0.0.0 255.0.0.0";
    assert_eq!(
        refused(given, "nat (inside) 2 10.0.0.0 255.0.0.0"),
        "nat-duplicate"
    );
    assert_eq!(
        refused("", "nat inside 1 10.0.0.0 255.0.0.0"),
        "invalid-input"
    );
    assert_eq!(refused("", "global (outside) 0 interface"), "invalid-input");
    assert_eq!(
        refused("", "global (outside) 1 10.0.0.1-10.0.0.9"),
        "invalid-input"
    );
}
