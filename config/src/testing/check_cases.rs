//! What the check says.

use super::parsed;
use crate::check;

/// A tunnel with all of its parts.
const WHOLE: &str = "interface e0/0\n nameif outside\n ip address 1.1.1.2 255.255.255.0\n\
    access-list a permit ip any any\n\
    crypto ipsec transform-set t esp-aes-gcm-256\n\
    crypto map m 1 match address a\ncrypto map m 1 set peer 1.1.1.1\n\
    crypto map m 1 set transform-set t\ncrypto map m interface outside\n\
    crypto isakmp enable outside\ncrypto isakmp policy 1\n\
    tunnel-group 1.1.1.1 type ipsec-l2l\ntunnel-group 1.1.1.1 ipsec-attributes\n\
    \x20pre-shared-key k\n";

fn codes(more: &str) -> Vec<&'static str> {
    let config = parsed(&format!("{WHOLE}{more}"));
    check(&config)
        .into_iter()
        .map(|remark| remark.code)
        .collect()
}

#[test]
fn a_whole_configuration_has_no_remark() {
    assert_eq!(codes(""), [""; 0]);
}

#[test]
fn what_is_missing_is_warned_about() {
    for (more, expected) in [
        ("no access-list a permit ip any any", "unknown-access-list"),
        ("no crypto map m 1 match address", "crypto-map-incomplete"),
        (
            "no crypto map m 1 set transform-set",
            "crypto-map-incomplete",
        ),
        ("no crypto ipsec transform-set t", "unknown-transform-set"),
        ("no crypto map m interface", "crypto-map-not-applied"),
        ("no crypto map m 1", "crypto-map-empty"),
        ("no crypto isakmp enable outside", "isakmp-not-enabled"),
        ("no crypto isakmp policy 1", "no-isakmp-policy"),
        (
            "crypto isakmp policy 1 authentication rsa-sig",
            "no-isakmp-policy",
        ),
        ("no tunnel-group 1.1.1.1", "peer-without-key"),
        (
            "tunnel-group 1.1.1.1 ipsec-attributes\n pre-shared-key *",
            "peer-without-key",
        ),
        ("tunnel-group 1.1.1.9 type ipsec-l2l", "tunnel-group-unused"),
        ("crypto map m 1 set peer 9.9.9.9", "peer-without-key"),
        (
            "access-group nothing in interface outside",
            "unknown-access-list",
        ),
        ("access-group a in interface nowhere", "unknown-interface"),
        ("route nowhere 0 0 1.1.1.1", "unknown-interface"),
        (
            "route outside 0.0.0.0 255.255.255.255 1.1.1.1",
            "host-route-to-zeros",
        ),
        ("mtu nowhere 1400", "unknown-interface"),
        ("global (nowhere) 1 interface", "unknown-interface"),
        ("global (outside) 1 0.0.0.0", "global-address"),
        ("nat (outside) 1 0 0", "nat-without-global"),
        ("nat (outside) 0 access-list nothing", "unknown-access-list"),
        ("crypto isakmp enable nowhere", "unknown-interface"),
        ("logging host nowhere 1.1.1.1", "unknown-interface"),
        ("logging device-id ipaddress nowhere", "unknown-interface"),
        (
            "logging host outside 1.1.1.1 tcp/1470",
            "hostdown-permitted",
        ),
        ("logging trap nothing", "unknown-logging-list"),
        ("logging file /tmp/x nothing", "unknown-logging-list"),
        ("snmp-server host nowhere 1.1.1.1", "unknown-interface"),
        (
            "snmp-server host outside 1.1.1.1\nsnmp-server enable traps",
            "snmp-host-without-community",
        ),
        (
            "snmp-server host outside 1.1.1.1 community *\nsnmp-server enable traps",
            "snmp-host-without-community",
        ),
        ("snmp-server host outside 1.1.1.1 community c", "no-traps"),
        ("access-list a permit ip any any", "repeated-line"),
        (
            "interface Management0/0\n nameif m\n ip address 2.2.2.2 255.0.0.0",
            "interface-without-device",
        ),
        ("interface e0/1\n nameif m", "interface-without-address"),
        (
            "interface e0/1\n ip address 2.2.2.2 255.0.0.0",
            "interface-without-name",
        ),
    ] {
        assert!(codes(more).contains(&expected), "{more}: {:?}", codes(more));
    }
}

#[test]
fn the_default_group_has_a_key_for_everybody() {
    let more = "no tunnel-group 1.1.1.1\ntunnel-group DefaultL2LGroup ipsec-attributes\n \
                pre-shared-key k";
    assert_eq!(codes(more), [""; 0]);
}

#[test]
fn a_device_or_a_shutdown_answers_a_warning() {
    let device = "interface Management0/0\n nameif m\n device d\n ip address 2.2.2.2 255.0.0.0";
    assert_eq!(codes(device), [""; 0]);
    assert_eq!(codes("interface e0/1\n nameif m\n shutdown"), [""; 0]);
}

#[test]
fn what_is_whole_of_logs_and_traps_has_no_remark() {
    let more = "logging list vpn level 5 class vpn\nlogging trap vpn\n\
                logging host outside 1.1.1.1 tcp/1470\nlogging permit-hostdown\n\
                logging device-id ipaddress outside\nsnmp-server host outside 1.1.1.1\n\
                snmp-server community c\nsnmp-server enable traps ipsec";
    assert_eq!(codes(more), [""; 0]);
}
