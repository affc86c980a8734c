//! `interface` and its block, `mtu`.

use std::net::Ipv4Addr;

use fastpath::packet::protocol;
use fastpath::wire::icmp::kind;
use fastpath::wire::{Ipv4, Udp};

use super::lab::{CLIENT, DMZ, DMZ_HOST, INSIDE, Lab, OUTSIDE, SERVER, with};
use super::packet::{raw, syn, udp};

/// Whether inside and outside are connected.
fn passes(lab: &mut Lab) -> bool {
    lab.way(INSIDE, &udp((CLIENT, 4_000), (SERVER, 53))) == Some(OUTSIDE)
}

#[test]
fn an_interface_without_a_name_or_turned_off_or_away_carries_nothing() {
    with(|lab| {
        lab.configure("");
        assert!(passes(lab));
        for (command, back) in [("no nameif", "nameif outside"), ("shutdown", "no shutdown")] {
            lab.configure(&format!("interface Ethernet0/0\n {command}"));
            assert!(!passes(lab), "{command}");
            lab.configure(&format!("interface Ethernet0/0\n {command}\n {back}"));
            assert!(passes(lab), "{back}");
        }
        lab.configure("no interface Ethernet0/1");
        assert!(!passes(lab), "no interface");
    });
}

#[test]
fn a_connection_begins_where_the_security_level_is_higher() {
    with(|lab| {
        let inward = syn((DMZ_HOST, 4_000), (CLIENT, 80));
        let outward = syn((CLIENT, 4_001), (DMZ_HOST, 80));
        let ways = |lab: &mut Lab| (lab.way(DMZ, &inward), lab.way(INSIDE, &outward));
        lab.configure("");
        assert_eq!(ways(lab), (None, Some(DMZ)));
        lab.configure(
            "interface Ethernet0/1\n security-level 50\n\
             interface Ethernet0/2\n security-level 51",
        );
        assert_eq!(ways(lab), (Some(INSIDE), None));
        // Without a level, `inside` has 100 and every other name none.
        lab.configure("interface Ethernet0/2\n security-level 100\n no security-level");
        assert_eq!(ways(lab), (None, Some(DMZ)));
    });
}

#[test]
fn the_address_of_an_interface_makes_its_net_and_is_the_box_s_own() {
    with(|lab| {
        let to = |address| udp((CLIENT, 4_000), (address, 53));
        lab.configure("interface Ethernet0/2\n ip address 172.16.9.1 255.255.255.128");
        assert_eq!(lab.way(INSIDE, &to("172.16.9.126")), Some(DMZ));
        assert_eq!(lab.way(INSIDE, &to("172.16.9.129")), Some(OUTSIDE));
        let echo = super::packet::icmp(DMZ_HOST, "172.16.9.1", kind::ECHO_REQUEST);
        let answers = lab.send(DMZ, &echo);
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert_eq!(answers[0].1.src, Ipv4Addr::new(172, 16, 9, 1));
        let echo = super::packet::icmp(DMZ_HOST, "172.16.0.1", kind::ECHO_REQUEST);
        let old = lab.send(DMZ, &echo);
        assert!(
            old.iter().all(|(_, it)| it.kind != kind::ECHO_REPLY),
            "{old:?}"
        );
    });
}

/// A datagram of so many bytes.
fn large(len: usize, dont_fragment: bool) -> Vec<u8> {
    let payload_len = len - 28;
    let segment = [
        &Udp::emit(5_000, 5_001, payload_len).0[..],
        &vec![0; payload_len],
    ]
    .concat();
    let mut packet = raw(CLIENT, SERVER, protocol::UDP, &segment);
    let mut header = Ipv4::parse_mut(&mut packet).expect("a header");
    header.set_fragment_word(if dont_fragment { 0x4000 } else { 0 });
    header.fill_checksum();
    packet
}

#[test]
fn what_is_longer_than_the_mtu_is_cut_or_refused() {
    with(|lab| {
        for (command, mtu) in [("mtu outside 1200", 1_200), ("no mtu outside", 1_500)] {
            lab.configure(&format!("mtu outside 1300\n{command}"));
            assert_eq!(
                lab.way(INSIDE, &large(mtu, true)),
                Some(OUTSIDE),
                "{command}"
            );
            let refused = lab.send(INSIDE, &large(1_400.max(mtu), true));
            if mtu < 1_400 {
                let [(INSIDE, told)] = &refused[..] else {
                    panic!("{refused:?}");
                };
                assert_eq!(told.kind, kind::UNREACHABLE);
                let pieces = lab.send(INSIDE, &large(1_400, false));
                assert_eq!(pieces.len(), 2, "{pieces:?}");
                assert!(
                    pieces
                        .iter()
                        .all(|(at, it)| *at == OUTSIDE && it.len <= mtu)
                );
            } else {
                assert_eq!(refused[0].0, OUTSIDE);
            }
        }
    });
}
