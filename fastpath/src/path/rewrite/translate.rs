//! Translation of addresses and ports in a packet of a translated flow.

use crate::conn::{Cold, Hot, entry_flag};
use crate::dpdk::Mbuf;
use crate::packet::{Side, protocol};
use crate::wire::{Delta, Icmp, Ipv4, Tcp, Udp};

/// Which end of the packet the flow's initiator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Source,
    Destination,
}

/// Writes the mapped source into packets of the initiator, the real destination into the others.
///
/// 1. address, 2. header checksum, 3. port or identifier, 4. transport checksum (RFC 1624).
pub(super) fn apply(packet: &mut Mbuf, hot: &Hot, cold: &Cold, from: Side) {
    if !hot.has(entry_flag::SOURCE_TRANSLATED) {
        return;
    }
    let initiator = hot.initiator();
    let (address, port) = real(hot, initiator);
    let l4 = usize::from(packet.meta().l4_offset);
    if from == initiator {
        put(packet.data_mut(), l4, End::Source, cold.mapped_address, cold.mapped_port);
    } else {
        put(packet.data_mut(), l4, End::Destination, address, port);
    }
}

/// The real address and port of an endpoint.
pub(super) const fn real(hot: &Hot, side: Side) -> (u32, u16) {
    match side {
        Side::Low => (hot.low_address, hot.low_port),
        Side::High => (hot.high_address, hot.high_port),
    }
}

/// Puts an address and a port into one end of an IPv4 packet and brings its checksums up to date.
pub(super) fn put(packet: &mut [u8], l4: usize, end: End, address: u32, port: u16) {
    let Some(mut header) = Ipv4::parse_mut(packet) else { return };
    let old = match end {
        End::Source => header.src(),
        End::Destination => header.dst(),
    };
    let delta = Delta::NONE.u32(old, address);
    match end {
        End::Source => header.set_src(address),
        End::Destination => header.set_dst(address),
    }
    header.update_checksum(delta);
    let protocol = header.protocol();
    put_port(packet.get_mut(l4..).unwrap_or_default(), protocol, end, port, delta);
}

fn put_port(segment: &mut [u8], protocol: u8, end: End, port: u16, addresses: Delta) {
    match protocol {
        protocol::TCP => {
            let Some((mut header, _)) = Tcp::parse_mut(segment) else { return };
            let old = match end {
                End::Source => header.src_port(),
                End::Destination => header.dst_port(),
            };
            match end {
                End::Source => header.set_src_port(port),
                End::Destination => header.set_dst_port(port),
            }
            header.update_checksum(addresses.u16(old, port));
        }
        protocol::UDP => {
            let Some((mut header, _)) = Udp::parse_mut(segment) else { return };
            let old = match end {
                End::Source => header.src_port(),
                End::Destination => header.dst_port(),
            };
            match end {
                End::Source => header.set_src_port(port),
                End::Destination => header.set_dst_port(port),
            }
            header.update_checksum(addresses.u16(old, port));
        }
        protocol::ICMP => {
            // No pseudo header: only the identifier counts.
            let Some((mut header, _)) = Icmp::parse_mut(segment) else { return };
            let old = header.identifier();
            header.set_identifier(port);
            header.update_checksum(Delta::NONE.u16(old, port));
        }
        _ => {}
    }
}
