//! Reports about our own ESP go to the slowpath; what it makes of them bounds inner packets.

use std::sync::Arc;

use config::{AccessEntry, AclLine, MaskedNet, PortMatch};
use fastpath::packet::protocol;
use fastpath::policy::{Acl, CryptoEntry, CryptoMap, Policy, PortsOf, Route, RouteTable};
use fastpath::tunnel::TunnelMtu;
use fastpath::verdict::{DropReason, PuntClass};
use fastpath::wire::{Ipv4, Udp, checksum};

use super::harness::{
    CLIENT, INSIDE, OUTSIDE, OUTSIDE_ADDRESS, SERVER, interfaces, ip, policy, take,
};

const PEER: &str = "198.51.100.9";
pub(super) const FAR_HOST: &str = "10.9.0.7";

fn with_header(from: &str, to: &str, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header = Ipv4::emit(ip(from), ip(to), protocol, payload.len());
    [&header.as_bytes()[..], payload].concat()
}

/// Fragmentation needed, about a packet of the box's.
fn report(quoted_protocol: u8, quoted: &[u8]) -> Vec<u8> {
    let mut message = vec![3, 4, 0, 0, 0, 0, 5, 0];
    message.extend_from_slice(&with_header(OUTSIDE_ADDRESS, PEER, quoted_protocol, quoted));
    let sum = checksum::checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    with_header(SERVER, OUTSIDE_ADDRESS, protocol::ICMP, &message)
}

#[test]
fn reports_about_esp_in_udp_or_not_are_punted() {
    let mut line = take();
    line.publish(policy(&interfaces()));
    let esp = [1, 2, 3, 4, 0, 0, 0, 9];
    let in_udp = [&Udp::emit(4500, 4500, 8).0[..], &esp].concat();
    for quoted in [report(protocol::ESP, &esp), report(protocol::UDP, &in_udp)] {
        line.send(OUTSIDE, &quoted);
        let mut punts = Vec::new();
        while punts.is_empty() {
            line.wait_for(|_| true);
            punts = line.fastpath.punts(8);
        }
        let punt = punts.swap_remove(0);
        assert_eq!(punt.class, PuntClass::Icmp);
        assert_eq!(punt.packet.data(), quoted);
        line.fastpath
            .consume(punt.packet, DropReason::LocalConsumed);
    }
    let dns = report(protocol::UDP, &Udp::emit(53, 53, 8).0);
    line.send_and_see(OUTSIDE, &dns, Some(DropReason::NotForUs));
}

/// Everything for 10.9.0.0/16 goes through the slot.
pub(super) fn protected(slot: fastpath::tunnel::SlotId) -> Policy {
    let mut interfaces = interfaces();
    interfaces[usize::from(OUTSIDE)].crypto_map = Some(0);
    let far = MaskedNet::new([10, 9, 0, 0].into(), [255, 255, 0, 0].into());
    let line = AclLine::Extended(AccessEntry {
        permit: true,
        protocol: None,
        source: MaskedNet::ANY,
        source_ports: PortMatch::Any,
        destination: far,
        destination_ports: PortMatch::Any,
        icmp_type: None,
        log: None,
        inactive: false,
    });
    let route = |net, mask, interface, gateway: Option<&str>| Route {
        net: ip(net),
        mask: ip(mask),
        interface,
        gateway: gateway.map(ip),
        metric: 1,
    };
    Policy {
        routes: Arc::new(RouteTable::new(&[
            route("10.0.0.0", "255.255.255.0", INSIDE, None),
            route("192.0.2.0", "255.255.255.0", OUTSIDE, None),
            route("10.9.0.0", "255.255.0.0", OUTSIDE, Some(SERVER)),
        ])),
        crypto: Arc::new([CryptoMap {
            name: "map1".to_owned(),
            entries: vec![CryptoEntry {
                sequence: 1,
                acl: Arc::new(Acl::compile(&[line], PortsOf::Packet)),
                complete: true,
                slots: vec![slot],
            }],
        }]),
        ..policy(&interfaces)
    }
}

#[test]
fn a_lowered_path_refuses_inner_packets_with_df() {
    let mut line = take();
    let mtu = |inner| TunnelMtu {
        path: inner + 100,
        inner,
        mss: 536,
    };
    let slot = line.fastpath.tunnels().0.allocate(mtu(1_400));
    let slot = slot.expect("a slot");
    line.fastpath.tunnels().0.bring_up(slot, false);
    line.publish(protected(slot));
    let payload = [&Udp::emit(5_000, 5_001, 1_100).0[..], &[0; 1_100]].concat();
    let mut packet = with_header(CLIENT, FAR_HOST, protocol::UDP, &payload);
    packet[6] = 0x40;
    let mut header = Ipv4::parse_mut(&mut packet).expect("a header");
    header.fill_checksum();
    // It fits, and meets the slot's missing SA.
    line.send_and_see(INSIDE, &packet, Some(DropReason::TunnelDown));
    line.fastpath.tunnels().0.set_mtu(slot, mtu(1_000));
    line.send_and_see(INSIDE, &packet, Some(DropReason::MtuExceeded));
}
