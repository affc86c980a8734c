//! `nat` and `global`, and ARP for what they map to.

use std::net::Ipv4Addr;

use fastpath::wire::{Arp, Mac};

use super::lab::{CLIENT, DMZ, DMZ_HOST, FAR_AWAY, INSIDE, Lab, OUTSIDE, SERVER, with};
use super::packet::{Seen, ip, udp};

/// What a packet from inside becomes, `None` where it does not pass.
fn mapped(lab: &mut Lab, from: &'static str, to: &'static str) -> Option<Seen> {
    let came = lab.send(INSIDE, &udp((from, 4_000), (to, 53)));
    came.into_iter().map(|(_, seen)| seen).next()
}

fn source(lab: &mut Lab, from: &'static str, to: &'static str) -> Option<String> {
    mapped(lab, from, to).map(|seen| seen.src.to_string())
}

#[test]
fn sources_leave_under_the_global_of_their_number() {
    with(|lab| {
        lab.configure(
            "nat (inside) 1 10.0.0.0 255.255.255.0\nglobal (outside) 1 interface\n\
             nat (inside) 2 10.0.1.0 255.255.255.0\nglobal (outside) 2 192.0.2.77\n\
             nat (inside) 3 10.0.2.0 255.255.255.0",
        );
        assert_eq!(source(lab, CLIENT, SERVER).as_deref(), Some("192.0.2.1"));
        assert_eq!(
            source(lab, "10.0.1.9", SERVER).as_deref(),
            Some("192.0.2.77")
        );
        assert_eq!(
            source(lab, "10.0.2.9", SERVER),
            None,
            "no global has its number"
        );
        assert_eq!(source(lab, "10.0.3.9", SERVER).as_deref(), Some("10.0.3.9"));
        assert_eq!(source(lab, CLIENT, DMZ_HOST), None, "no global there");
        lab.configure(
            "nat (inside) 1 10.0.0.0 255.255.255.0\nglobal (outside) 1 interface\n\
             no nat (inside) 1 10.0.0.0 255.255.255.0\nno global (outside) 1 interface",
        );
        assert_eq!(source(lab, CLIENT, SERVER).as_deref(), Some(CLIENT));
    });
}

#[test]
fn an_answer_to_the_mapped_port_finds_the_real_host() {
    with(|lab| {
        lab.configure("nat (inside) 1 0 0\nglobal (outside) 1 interface");
        let out = mapped(lab, CLIENT, SERVER).expect("it passes");
        assert_eq!(out.src, Ipv4Addr::new(192, 0, 2, 1));
        let back = lab.send(OUTSIDE, &udp((SERVER, 53), ("192.0.2.1", out.sport)));
        let [(INSIDE, back)] = &back[..] else {
            panic!("{back:?}");
        };
        assert_eq!((back.dst.to_string().as_str(), back.dport), (CLIENT, 4_000));
    });
}

#[test]
fn number_zero_exempts() {
    with(|lab| {
        let base = "nat (inside) 1 0 0\nglobal (outside) 1 interface\n";
        lab.configure(&format!("{base}nat (inside) 0 10.0.0.10 255.255.255.255"));
        assert_eq!(source(lab, CLIENT, SERVER).as_deref(), Some(CLIENT));
        assert_eq!(
            source(lab, "10.0.0.11", SERVER).as_deref(),
            Some("192.0.2.1")
        );
        lab.configure(&format!(
            "{base}access-list exempt permit ip host 10.0.0.10 host 192.0.2.80\n\
             nat (inside) 0 access-list exempt"
        ));
        assert_eq!(source(lab, CLIENT, SERVER).as_deref(), Some(CLIENT));
        assert_eq!(source(lab, CLIENT, FAR_AWAY).as_deref(), Some("192.0.2.1"));
    });
}

#[test]
fn a_list_chooses_what_is_translated() {
    with(|lab| {
        lab.configure(
            "access-list web permit udp any host 192.0.2.80 eq 53\n\
             nat (inside) 1 access-list web\nglobal (outside) 1 interface",
        );
        assert_eq!(source(lab, CLIENT, SERVER).as_deref(), Some("192.0.2.1"));
        assert_eq!(source(lab, CLIENT, FAR_AWAY).as_deref(), Some(CLIENT));
        assert_eq!(
            lab.way(INSIDE, &udp((CLIENT, 4_001), (DMZ_HOST, 53))),
            Some(DMZ)
        );
    });
}

/// Whether ARP is answered for an address on the outside.
fn answers(lab: &mut Lab, address: &str) -> bool {
    let asker = (Mac([2, 0, 0, 0, 0, 9]), ip(SERVER));
    lab.ask_arp(OUTSIDE, &Arp::request(asker, ip(address)))
}

#[test]
fn arp_is_answered_for_mapped_addresses_unless_it_shall_not() {
    with(|lab| {
        let base = "nat (inside) 1 0 0\nglobal (outside) 1 192.0.2.77\n";
        lab.configure(base);
        assert!(answers(lab, "192.0.2.1") && answers(lab, "192.0.2.77"));
        assert!(!answers(lab, "192.0.2.78"));
        lab.configure(&format!("{base}sysopt noproxyarp outside"));
        assert!(answers(lab, "192.0.2.1") && !answers(lab, "192.0.2.77"));
        lab.configure(&format!(
            "{base}sysopt noproxyarp outside\nno sysopt noproxyarp outside"
        ));
        assert!(answers(lab, "192.0.2.77"));
    });
}
