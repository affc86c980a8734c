use std::net::Ipv4Addr;

use crate::testing::{EffectCase, parsed, refused, rendered};
use crate::{AccessEntry, AclLine, Config, MaskedNet, PortMatch};

pub(crate) const EFFECTS: &[EffectCase] = &[
    EffectCase {
        row: "access-list extended",
        given: "access-list x extended deny ip any any",
        line: "access-list x line 1 extended permit tcp any host 10.0.0.1 eq https",
        then: |config, _| {
            let entry = entry(config, 0);
            let host = MaskedNet::host(Ipv4Addr::new(10, 0, 0, 1));
            entry.permit
                && entry.protocol == Some(6)
                && entry.source == MaskedNet::ANY
                && entry.destination == host
                && entry.destination_ports == PortMatch::Eq(443)
        },
        undo: Some("no access-list x extended permit tcp any host 10.0.0.1 eq 443"),
    },
    EffectCase {
        row: "access-list standard",
        given: "",
        line: "access-list s standard permit 10.0.0.0 255.0.0.0",
        then: |config, _| {
            let net = MaskedNet::new(Ipv4Addr::new(10, 0, 0, 0), Ipv4Addr::new(255, 0, 0, 0));
            *config.access_lists[0].lines == [AclLine::Standard { permit: true, net }]
        },
        undo: Some("no access-list s standard permit 10.0.0.0 255.0.0.0"),
    },
    EffectCase {
        row: "access-list remark",
        given: "",
        line: "access-list x remark to  the partner",
        then: |config, _| {
            *config.access_lists[0].lines == [AclLine::Remark("to  the partner".to_owned())]
        },
        undo: Some("no access-list x remark to  the partner"),
    },
];

fn entry(config: &Config, line: usize) -> &AccessEntry {
    match &config.access_lists[0].lines[line] {
        AclLine::Extended(entry) => entry,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_line_is_written_as_an_asa_writes_it() {
    for (line, shown) in [
        ("permit ip any any", "extended permit ip any any"),
        ("permit 6 any any", "extended permit tcp any any"),
        ("permit 0 any any", "extended permit ip any any"),
        (
            "deny esp any host 1.2.3.4",
            "extended deny esp any host 1.2.3.4",
        ),
        ("permit 47 0 0 any", "extended permit gre any any"),
        ("permit 200 any any", "extended permit 200 any any"),
        (
            "permit tcp any eq 80 any",
            "extended permit tcp any eq www any",
        ),
        (
            "permit udp any any range 1 500",
            "extended permit udp any any range 1 isakmp",
        ),
        ("permit icmp any any 8", "extended permit icmp any any echo"),
        ("permit icmp any any 77", "extended permit icmp any any 77"),
        ("permit ip any any log", "extended permit ip any any log"),
        (
            "permit ip any any log 6 interval 300",
            "extended permit ip any any log",
        ),
        (
            "permit ip any any log default",
            "extended permit ip any any",
        ),
        (
            "deny ip any any log dis",
            "extended deny ip any any log disable",
        ),
        (
            "permit ip any any log debugging interval 5 inactive",
            "extended permit ip any any log debugging interval 5 inactive",
        ),
        (
            "permit tcp host 1.1.1.1 gt 1023 2.2.2.0 255.255.255.0 neq ssh",
            "extended permit tcp host 1.1.1.1 gt 1023 2.2.2.0 255.255.255.0 neq ssh",
        ),
    ] {
        let config = parsed(&format!("access-list x {line}"));
        let expected = format!("access-list x {shown}\n");
        assert_eq!(rendered(&config, "access-list"), expected, "{line}");
    }
}

#[test]
fn a_mask_need_not_be_contiguous() {
    let line = "access-list x extended permit ip any 10.224.228.0 255.255.255.1\n";
    let config = parsed(line);
    assert_eq!(entry(&config, 0).destination.prefix_len(), None);
    assert_eq!(rendered(&config, "access-list x"), line);
}

#[test]
fn nonsense_is_refused() {
    for (line, code) in [
        ("permit ip 10.0.0.1 255.255.255.0 any", "address-mask-pair"),
        ("permit tcp any any range 20 10", "empty-port-range"),
        ("permit icmp any any eq 8", "invalid-input"),
        ("permit esp any any eq 8", "invalid-input"),
        ("permit tcp any any eq 65536", "invalid-input"),
        ("permit tcp any any eq tftp", "invalid-input"),
        ("permit 256 any any", "invalid-input"),
        ("permit tcp any", "incomplete-command"),
        ("permit icmp any any in", "ambiguous-command"),
        ("standard permit any", "access-list-type"),
    ] {
        let given = "access-list x remark a\naccess-list x permit ip any any";
        assert_eq!(
            refused(given, &format!("access-list x {line}")),
            code,
            "{line}"
        );
    }
    assert_eq!(
        refused("", "no access-list x permit ip any any"),
        "no-such-line"
    );
}
