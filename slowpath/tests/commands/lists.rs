//! `access-list`, `access-group`, and `name`s in them.

use fastpath::wire::icmp::kind;

use super::lab::{CLIENT, DMZ, FAR_AWAY, INSIDE, Lab, OUTSIDE, SERVER, with};
use super::packet::{icmp, raw, syn, udp};

/// Which packets from inside pass a list of these lines.
fn passed(lab: &mut Lab, lines: &str, packets: &[Vec<u8>]) -> Vec<bool> {
    let lines = lines.lines().map(|line| format!("access-list l {line}"));
    let group = "access-group l in interface inside".to_owned();
    let text: Vec<String> = lines.chain([group]).collect();
    lab.configure(&text.join("\n"));
    let mut pass = |packet: &Vec<u8>| lab.way(INSIDE, packet).is_some();
    packets.iter().map(&mut pass).collect()
}

/// A list of `permit`s, and how each of its packets fares.
fn expect(lab: &mut Lab, lines: &str, packets: &[Vec<u8>], expected: &[bool]) {
    assert_eq!(passed(lab, lines, packets), expected, "{lines}");
}

#[test]
fn a_line_matches_its_protocol() {
    with(|lab| {
        let packets = [
            syn((CLIENT, 4_000), (SERVER, 80)),
            udp((CLIENT, 4_000), (SERVER, 80)),
            icmp(CLIENT, SERVER, kind::ECHO_REQUEST),
            raw(CLIENT, SERVER, 47, &[0; 8]),
            raw(CLIENT, SERVER, 89, &[0; 8]),
        ];
        for (protocol, expected) in [
            ("ip", [true, true, true, true, true]),
            ("tcp", [true, false, false, false, false]),
            ("udp", [false, true, false, false, false]),
            ("icmp", [false, false, true, false, false]),
            ("gre", [false, false, false, true, false]),
            ("ospf", [false, false, false, false, true]),
            ("89", [false, false, false, false, true]),
            ("6", [true, false, false, false, false]),
        ] {
            let line = format!("extended permit {protocol} any any");
            expect(lab, &line, &packets, &expected);
        }
    });
}

#[test]
fn a_line_matches_addresses_by_their_masks() {
    with(|lab| {
        let packets = [(CLIENT, SERVER), ("10.0.0.11", SERVER), (CLIENT, FAR_AWAY)]
            .map(|(from, to)| udp((from, 4_000), (to, 53)));
        for (addresses, expected) in [
            ("any any", [true, true, true]),
            ("host 10.0.0.10 any", [true, false, true]),
            ("any host 192.0.2.80", [true, true, false]),
            (
                "10.0.0.0 255.255.255.0 192.0.2.0 255.255.255.0",
                [true, true, false],
            ),
            ("10.0.0.8 255.255.255.254 any", [false, false, false]),
            // The mask of the sample: only its bits count, wherever they stand.
            ("10.0.0.0 255.255.255.1 any", [true, false, true]),
            ("any 192.0.0.80 255.255.0.255", [true, true, false]),
        ] {
            let line = format!("extended permit ip {addresses}");
            expect(lab, &line, &packets, &expected);
        }
    });
}

#[test]
fn a_line_matches_ports_by_its_operator() {
    with(|lab| {
        let of = |ports: [u16; 3]| ports.map(|port| syn((CLIENT, 4_000), (SERVER, port)));
        for (operator, ports, expected) in [
            ("eq 80", [79, 80, 81], [false, true, false]),
            ("eq www", [79, 80, 81], [false, true, false]),
            ("neq 80", [79, 80, 81], [true, false, true]),
            ("lt 80", [79, 80, 81], [true, false, false]),
            ("gt 80", [79, 80, 81], [false, false, true]),
            ("range 80 81", [79, 80, 82], [false, true, false]),
            ("range 80 81", [81, 82, 83], [true, false, false]),
        ] {
            let line = format!("extended permit tcp any any {operator}");
            expect(lab, &line, &of(ports), &expected);
            // The same ports, of the other end and of the other transport.
            let line = format!("extended permit tcp any {operator} any");
            let packets = ports.map(|port| syn((CLIENT, port), (SERVER, 4_000)));
            expect(lab, &line, &packets, &expected);
            let line = format!(
                "extended permit udp any any {}",
                operator.replace("www", "80")
            );
            let packets = ports.map(|port| udp((CLIENT, 4_000), (SERVER, port)));
            expect(lab, &line, &packets, &expected);
        }
    });
}

#[test]
fn a_line_matches_an_icmp_type() {
    with(|lab| {
        let kinds = [
            kind::ECHO_REQUEST,
            kind::TIMESTAMP_REQUEST,
            kind::MASK_REQUEST,
        ];
        let packets = kinds.map(|kind| icmp(CLIENT, SERVER, kind));
        for (word, expected) in [
            ("", [true, true, true]),
            ("echo", [true, false, false]),
            ("timestamp-request", [false, true, false]),
            ("17", [false, false, true]),
        ] {
            let line = format!("extended permit icmp any any {word}");
            expect(lab, &line, &packets, &expected);
        }
    });
}

#[test]
fn the_first_line_decides_and_a_line_has_its_place() {
    with(|lab| {
        let packets = [
            udp((CLIENT, 4_000), (SERVER, 53)),
            udp((CLIENT, 4_000), (FAR_AWAY, 53)),
        ];
        for (lines, expected) in [
            ("deny udp any any\npermit ip any any", [false, false]),
            (
                "deny udp any host 192.0.2.80\npermit ip any any",
                [false, true],
            ),
            ("permit ip any any\ndeny udp any any", [true, true]),
            ("permit ip any any\nline 1 deny udp any any", [false, false]),
            ("deny udp any any inactive\npermit ip any any", [true, true]),
            ("remark deny udp any any\npermit ip any any", [true, true]),
        ] {
            expect(lab, lines, &packets, &expected);
        }
        lab.edit("access-list l line 1 remark in front");
        let shown = lab.ask("show running-config access-list");
        assert!(
            shown.starts_with("access-list l remark in front\n"),
            "{shown}"
        );
        // What is left are remarks, which are no entries: the security levels decide.
        lab.edit("no access-list l permit ip any any");
        let way = lab.way(INSIDE, &udp((CLIENT, 4_001), (SERVER, 53)));
        assert_eq!(way, Some(OUTSIDE));
        lab.edit("access-list l deny ip any any");
        assert_eq!(lab.way(INSIDE, &udp((CLIENT, 4_002), (SERVER, 53))), None);
    });
}

#[test]
fn a_standard_list_matches_destinations() {
    with(|lab| {
        let packets = [
            udp((CLIENT, 4_000), (SERVER, 53)),
            udp((CLIENT, 4_000), (FAR_AWAY, 53)),
        ];
        for (lines, expected) in [
            ("standard permit any", [true, true]),
            ("standard permit host 192.0.2.80", [true, false]),
            ("standard permit 203.0.113.0 255.255.255.0", [false, true]),
            (
                "standard deny 203.0.113.0 255.255.255.0\nstandard permit any",
                [true, false],
            ),
            (
                "standard permit any\nline 1 standard deny host 192.0.2.80",
                [false, true],
            ),
        ] {
            expect(lab, lines, &packets, &expected);
        }
    });
}

#[test]
fn a_group_filters_what_enters_or_what_leaves_and_denials_are_logged() {
    with(|lab| {
        let to_outside = udp((CLIENT, 4_000), (SERVER, 53));
        let to_dmz = udp((CLIENT, 4_000), (super::lab::DMZ_HOST, 53));
        let inward = udp((SERVER, 4_000), (CLIENT, 53));
        for (group, expected) in [
            ("", [Some(OUTSIDE), Some(DMZ), None]),
            ("access-group no in interface inside", [None, None, None]),
            (
                "access-group no out interface outside",
                [None, Some(DMZ), None],
            ),
            (
                "access-group yes in interface outside",
                [Some(OUTSIDE), Some(DMZ), Some(INSIDE)],
            ),
            (
                "access-group no in interface inside\nno access-group no in interface inside",
                [Some(OUTSIDE), Some(DMZ), None],
            ),
        ] {
            lab.configure(&format!(
                "access-list no deny ip any any\naccess-list yes permit ip any any\n{group}"
            ));
            let ways = [
                lab.way(INSIDE, &to_outside),
                lab.way(INSIDE, &to_dmz),
                lab.way(OUTSIDE, &inward),
            ];
            assert_eq!(ways, expected, "{group}");
            let denials = lab.logged(106_023);
            let denied = expected.iter().filter(|way| way.is_none()).count();
            let named = denials
                .iter()
                .filter(|line| line.contains("access-group \"no\""));
            // What comes from outside is denied by the levels, which is another message.
            assert_eq!(named.count(), denied.saturating_sub(1), "{denials:?}");
        }
    });
}

#[test]
fn a_name_stands_for_its_address_wherever_packets_are_judged() {
    with(|lab| {
        let packets = [
            udp((CLIENT, 4_000), (SERVER, 53)),
            udp((CLIENT, 4_000), (FAR_AWAY, 53)),
        ];
        let ways = |lab: &mut Lab| packets.each_ref().map(|it| lab.way(INSIDE, it).is_some());
        let list = "access-list l permit ip any host web\naccess-group l in interface inside\n";
        lab.configure(&format!("names\nname 192.0.2.80 web\n{list}"));
        assert_eq!(ways(lab), [true, false]);
        lab.configure(&format!("name 203.0.113.5 web\n{list}"));
        assert_eq!(ways(lab), [false, true]);
        // Without names the address alone is one.
        let (_, remarks) = config::parse(&format!("no names\nname 192.0.2.80 web\n{list}"));
        assert!(
            remarks
                .iter()
                .any(|it| it.severity == config::Severity::Error)
        );
    });
}

#[test]
fn an_entry_logs_what_it_decides_as_it_says() {
    with(|lab| {
        let denied = udp((CLIENT, 4_000), (SERVER, 53));
        let permitted = udp((CLIENT, 4_000), (SERVER, 54));
        let first = |fate: &str, port: u16| {
            format!(
                "access-list l {fate} udp inside/{CLIENT}(4000) -> outside/{SERVER}({port}) \
                 hit-cnt 1 first hit [0x0, 0x0]"
            )
        };
        // The option, the level of its 106100, whether denials are logged as 106023.
        for (option, level, plain) in [
            ("", None, true),
            (" log default", None, true),
            (" log disable", None, false),
            (" log", Some(6), false),
            (" log 3", Some(3), false),
            (" log errors interval 20", Some(3), false),
            (" log interval 20", Some(6), false),
        ] {
            lab.configure(&format!(
                "access-list l deny udp any any eq 53{option}\n\
                 access-list l permit udp any any eq 54{option}\n\
                 access-group l in interface inside"
            ));
            for _ in 0..3 {
                assert!(lab.way(INSIDE, &denied).is_none());
            }
            assert_eq!(lab.way(INSIDE, &permitted), Some(OUTSIDE));
            assert_eq!(
                lab.logged(106_023).len(),
                if plain { 3 } else { 0 },
                "{option}"
            );
            let lines = lab.logged(106_100);
            let expected = level.map(|level| {
                [first("denied", 53), first("permitted", 54)]
                    .map(|text| format!("%ASA-{level}-106100: {text}"))
            });
            let expected: Vec<String> = expected.into_iter().flatten().collect();
            assert_eq!(lines.len(), expected.len(), "{option}: {lines:?}");
            for (line, expected) in lines.iter().zip(&expected) {
                assert!(line.ends_with(expected), "{line}\n{expected}");
            }
            if option.contains("interval") {
                lab.pass(21);
                let counts = lab.logged(106_100).split_off(2);
                assert_eq!(counts.len(), 1, "{counts:?}");
                assert!(
                    counts[0].contains("hit-cnt 2 20-second interval"),
                    "{counts:?}"
                );
            }
        }
    });
}
