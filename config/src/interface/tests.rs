use std::net::Ipv4Addr;

use crate::testing::{EffectCase, parsed, refused};

const BLOCK: &str = "interface Ethernet0/0";

pub(crate) const EFFECTS: &[EffectCase] = &[
    EffectCase {
        row: "interface",
        given: "",
        line: "interface e0/0",
        then: |config, _| config.interfaces[0].hardware == "Ethernet0/0",
        undo: Some("no interface Ethernet0/0"),
    },
    EffectCase {
        row: "nameif",
        given: "interface Ethernet0/0\n security-level 50",
        line: "nameif dmz",
        then: |config, _| config.interfaces[0].nameif.as_deref() == Some("dmz"),
        undo: Some("no nameif"),
    },
    EffectCase {
        row: "security-level",
        given: BLOCK,
        line: "security-level 50",
        then: |config, _| config.interfaces[0].security_level == Some(50),
        undo: Some("no security-level"),
    },
    EffectCase {
        row: "ip address",
        given: BLOCK,
        line: "ip address 10.0.0.1 255.255.255.0",
        then: |config, _| {
            let net = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(255, 255, 255, 0));
            config.interfaces[0].address == Some(net)
        },
        undo: Some("no ip address"),
    },
    EffectCase {
        row: "shutdown",
        given: BLOCK,
        line: "shutdown",
        then: |config, _| config.interfaces[0].shutdown,
        undo: Some("no shutdown"),
    },
    EffectCase {
        row: "device",
        given: BLOCK,
        line: "device net_af_packet0",
        then: |config, _| config.interfaces[0].device.as_deref() == Some("net_af_packet0"),
        undo: Some("no device"),
    },
    EffectCase {
        row: "mtu",
        given: "",
        line: "mtu outside 9000",
        then: |config, _| config.mtus == [("outside".to_owned(), 9000)],
        undo: Some("no mtu outside"),
    },
];

#[test]
fn a_name_brings_its_level_along() {
    let config = parsed("interface e0/0\n nameif inside\ninterface e0/1\n nameif outside");
    let levels: Vec<_> = config.interfaces.iter().map(|i| i.security_level).collect();
    assert_eq!(levels, [Some(100), Some(0)]);
}

#[test]
fn a_name_or_device_serves_one_interface() {
    let given = "interface e0/0\n nameif inside\n device a\ninterface e0/1";
    assert_eq!(refused(given, "nameif inside"), "nameif-in-use");
    assert_eq!(refused(given, "device a"), "device-in-use");
}

#[test]
fn an_address_has_a_contiguous_mask() {
    let refusals = [
        ("ip address 10.0.0.1 255.255.255.1", "interface-mask"),
        ("ip address 10.0.0.1 0.0.0.0", "interface-mask"),
        ("ip address 0.0.0.0 255.0.0.0", "interface-address"),
        ("ip address 224.0.0.1 255.0.0.0", "interface-address"),
    ];
    for (line, code) in refusals {
        assert_eq!(refused(BLOCK, line), code, "{line}");
    }
}

#[test]
fn a_kept_line_stands_once() {
    let config = parsed("interface e0/0\n speed 100\n duplex full\n speed 1000\n no duplex");
    assert_eq!(config.interfaces[0].kept, ["speed 1000"]);
}

#[test]
fn the_port_is_the_number_of_the_ethernet() {
    let config = parsed("interface e0/3\ninterface Management0/0");
    let ports: Vec<_> = config
        .interfaces
        .iter()
        .map(crate::Interface::port)
        .collect();
    assert_eq!(ports, [Some(3), None]);
}
