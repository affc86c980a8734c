//! Parse: header offsets and the flow key. What is malformed gets its reason, what is for the box
//! goes to the slowpath.

use super::Entrance;
use crate::burst::Burst;
use crate::conn::tcp::Segment;
use crate::dpdk::Mbuf;
use crate::packet::{FlowKey, Meta, flag, protocol};
use crate::policy::Policy;
use crate::verdict::{DropReason, PuntClass, Verdict};
use crate::wire::{Ethernet, Icmp, Ipv4, Mac, Tcp, Udp, ethernet, icmp, ipv4, tcp, udp};
use crate::wire::checksum;
use crate::worker::{Core, View};

/// UDP ports of IKE (RFC 2408 section 2.5.1) and of NAT traversal (RFC 3947 section 4).
const IKE_PORT: u16 = 500;
const NATT_PORT: u16 = 4500;
/// The one byte of a NAT keepalive (RFC 3948 section 2.3).
const KEEPALIVE: u8 = 0xff;

/// Parses a burst. Behind this step a packet's data begins with its IPv4 header and ends with the
/// packet; ARP keeps its Ethernet header.
///
/// Cost: the packet's first line, and the line of its facts.
pub(super) fn step(core: &mut Core, view: &View<'_>, burst: &mut Burst) {
    let mut decided = core::mem::take(&mut core.decided);
    burst.step(&mut decided, |packet| parse(core, view, packet).unwrap_or_else(Verdict::Drop));
    core.decided = decided;
}

type Parsed = Result<Verdict, DropReason>;

fn parse(core: &mut Core, view: &View<'_>, packet: &mut Mbuf) -> Parsed {
    let meta = *packet.meta();
    // Put together here, or handed over as a fragment: the Ethernet header is gone already.
    if meta.has(flag::REASSEMBLED) || meta.hops > 0 {
        return datagram(core, view, packet);
    }
    let interface = view.policy.interface_of_port(meta.in_port).ok_or(DropReason::InterfaceDown)?;
    let (header, _) = Ethernet::parse(packet.data()).ok_or(DropReason::TruncatedFrame)?;
    let (destination, kind) = (header.dst(), header.ethertype());
    if destination != Mac(view.shared.port_mac(meta.in_port)) && !destination.is_group() {
        return Err(DropReason::DestinationMac);
    }
    match kind {
        ethernet::ethertype::ARP => return Ok(Verdict::Punt(PuntClass::Arp)),
        ethernet::ethertype::IPV4 => {}
        _ => return Err(DropReason::NotIp),
    }
    if destination.is_group() {
        return Err(DropReason::BadIpAddress);
    }
    packet.trim_front(ethernet::LEN);
    check_header(view.policy, interface, packet)?;
    datagram(core, view, packet)
}

/// The IPv4 header by itself: lengths, checksum, addresses. Cuts the padding of the frame off.
fn check_header(policy: &Policy, interface: u8, packet: &mut Mbuf) -> Result<(), DropReason> {
    let total = check_lengths(packet)?;
    packet.truncate(total);
    let key = addresses(packet.data()).ok_or(DropReason::TruncatedFrame)?;
    if key.src == key.dst {
        return Err(DropReason::LandAttack);
    }
    if ipv4::is_unforwardable(key.src) || ipv4::is_unforwardable(key.dst) {
        return Err(DropReason::BadIpAddress);
    }
    if policy.is_own(interface, key.src) {
        return Err(DropReason::BadIpAddress);
    }
    Ok(())
}

fn check_lengths(packet: &mut Mbuf) -> Result<usize, DropReason> {
    let header = Ipv4::parse(packet.data()).ok_or(DropReason::TruncatedFrame)?;
    let lengths = header.lengths(packet.len())?;
    if usize::from(lengths.header) != ipv4::LEN {
        return Err(DropReason::IpOptions);
    }
    if !checksum::is_valid(header.as_bytes()) {
        return Err(DropReason::BadIpChecksum);
    }
    let meta = packet.meta_mut();
    meta.l4_offset = lengths.header;
    meta.l3_len = lengths.total;
    Ok(usize::from(lengths.total))
}

/// The inner packet of ESP: as from the wire, but for Ethernet and for what is ours alone.
pub(super) fn inner(core: &mut Core, view: &View<'_>, packet: &mut Mbuf) -> Verdict {
    let checked = check_lengths(packet).and_then(|total| {
        packet.truncate(total);
        datagram(core, view, packet)
    });
    checked.unwrap_or_else(Verdict::Drop)
}

/// From the addresses on. Fragments are put together first.
fn datagram(core: &mut Core, view: &View<'_>, packet: &mut Mbuf) -> Parsed {
    let header = Ipv4::parse(packet.data()).ok_or(DropReason::TruncatedFrame)?;
    let total = usize::from(header.total_len());
    if header.is_fragment() {
        return fragment(core, packet);
    }
    let meta = packet.meta_mut();
    meta.l4_offset = ipv4::LEN as u16;
    meta.l3_len = total as u16;
    transport(packet)?;
    let meta = *packet.meta();
    let interface = view.policy.interface_of_port(meta.in_port).ok_or(DropReason::InterfaceDown)?;
    let destination = if meta.has(flag::ICMP_ERROR) {
        addresses(packet.data()).map_or(0, |key| key.dst)
    } else {
        meta.key.dst
    };
    if view.policy.is_local(interface, destination) {
        return local(core, view, packet);
    }
    Ok(Verdict::Continue)
}

/// A fragment goes to the home of its addresses and waits there for the others.
fn fragment(core: &mut Core, packet: &mut Mbuf) -> Parsed {
    let key = addresses(packet.data()).ok_or(DropReason::TruncatedFrame)?;
    packet.meta_mut().key = key;
    let home = core.home.home(&key);
    Ok(if home == core.id {
        Verdict::Hold
    } else {
        core.hand_over(packet, home, Entrance::Parse)
    })
}

/// Addresses and protocol of an IPv4 packet, without ports.
pub(super) fn addresses(packet: &[u8]) -> Option<FlowKey> {
    let header = Ipv4::parse(packet)?;
    Some(FlowKey::new(header.protocol(), header.src(), 0, header.dst(), 0))
}

/// Fills the key in from the transport header and checks that header.
fn transport(packet: &mut Mbuf) -> Result<(), DropReason> {
    let mut key = addresses(packet.data()).ok_or(DropReason::TruncatedFrame)?;
    let payload = packet.data().get(ipv4::LEN..).unwrap_or_default();
    let mut flags = 0;
    let mut spi = 0;
    match key.protocol {
        protocol::TCP => {
            let (header, _) = Tcp::parse(payload).ok_or(DropReason::BadTcpHeader)?;
            if header.header_len() < tcp::LEN || header.header_len() > payload.len() {
                return Err(DropReason::BadTcpHeader);
            }
            if !tcp::flags_are_sane(header.flags()) {
                return Err(DropReason::BadTcpFlags);
            }
            (key.sport, key.dport) = (header.src_port(), header.dst_port());
        }
        protocol::UDP => {
            let (header, _) = Udp::parse(payload).ok_or(DropReason::BadUdpHeader)?;
            let len = usize::from(header.length());
            if len < udp::LEN || len > payload.len() {
                return Err(DropReason::BadUdpHeader);
            }
            (key.sport, key.dport) = (header.src_port(), header.dst_port());
        }
        protocol::ICMP => {
            let (quoted, is_error) = icmp_key(&key, payload)?;
            key = quoted;
            flags |= if is_error { flag::ICMP_ERROR } else { 0 };
        }
        protocol::ESP => {
            let header = payload.first_chunk::<8>().ok_or(DropReason::EspTruncated)?;
            let [s0, s1, s2, s3, ..] = *header;
            spi = u32::from_be_bytes([s0, s1, s2, s3]);
        }
        _ => {}
    }
    let meta = packet.meta_mut();
    meta.key = key;
    meta.flags |= flags;
    meta.spi = spi;
    Ok(())
}

/// The key of an ICMP message: its identifier on both sides, or for an error the key of the packet
/// that it quotes, reversed, so that it finds the flow from the side that sends it.
fn icmp_key(outer: &FlowKey, payload: &[u8]) -> Result<(FlowKey, bool), DropReason> {
    let (header, quoted) = Icmp::parse(payload).ok_or(DropReason::BadIcmpHeader)?;
    let mut key = *outer;
    if !icmp::is_error(header.kind()) {
        if icmp::is_query(header.kind()) {
            (key.sport, key.dport) = (header.identifier(), header.identifier());
        }
        return Ok((key, false));
    }
    let embedded = quoted_key(quoted).ok_or(DropReason::BadIcmpHeader)?;
    // An error goes to the host that sent what it quotes (RFC 5508 section 4).
    if embedded.src != outer.dst {
        return Err(DropReason::BadIcmpHeader);
    }
    Ok((embedded.reversed(), true))
}

/// The key of a quoted packet, of which eight bytes behind its header are enough.
fn quoted_key(quoted: &[u8]) -> Option<FlowKey> {
    let header = Ipv4::parse(quoted)?;
    if header.version() != 4 || header.fragment_offset() != 0 {
        return None;
    }
    let mut key = FlowKey::new(header.protocol(), header.src(), 0, header.dst(), 0);
    let ports = quoted.get(header.header_len()..)?.first_chunk::<8>()?;
    match key.protocol {
        protocol::TCP | protocol::UDP => {
            key.sport = u16::from_be_bytes([ports[0], ports[1]]);
            key.dport = u16::from_be_bytes([ports[2], ports[3]]);
        }
        protocol::ICMP if icmp::is_query(ports[0]) => {
            let identifier = u16::from_be_bytes([ports[4], ports[5]]);
            (key.sport, key.dport) = (identifier, identifier);
        }
        _ => {}
    }
    Some(key)
}

/// A packet to one of our own addresses: ESP, IKE, ICMP, the answer to a translated flow, or
/// nothing of ours.
fn local(core: &mut Core, view: &View<'_>, packet: &mut Mbuf) -> Parsed {
    let meta = *packet.meta();
    match meta.key.protocol {
        protocol::ESP if !meta.has(flag::DECRYPTED) => return esp(packet, meta.spi),
        protocol::UDP if !meta.has(flag::DECRYPTED) => match meta.key.dport {
            IKE_PORT => return Ok(Verdict::Punt(PuntClass::Ike)),
            NATT_PORT => return natt(packet),
            _ => {}
        },
        protocol::ICMP if is_echo_request(packet) => return Ok(Verdict::Punt(PuntClass::Icmp)),
        _ => {}
    }
    if meta.has(flag::ICMP_ERROR) && meta.key.protocol == protocol::ESP {
        return Ok(Verdict::Punt(PuntClass::Icmp));
    }
    if view.policy.nat.is_pool(meta.key.dst) && core.nat.owner_of(meta.key.dport).is_some() {
        return Ok(Verdict::Continue);
    }
    if meta.key.protocol == protocol::TCP && view.policy.resets_to_self(&meta) {
        super::reply::tcp_reset(core, view, packet);
    }
    Err(DropReason::NotForUs)
}

fn is_echo_request(packet: &Mbuf) -> bool {
    let payload = packet.data().get(ipv4::LEN..).unwrap_or_default();
    Icmp::parse(payload).is_some_and(|(header, _)| header.kind() == icmp::kind::ECHO)
}

fn esp(packet: &mut Mbuf, spi: u32) -> Parsed {
    if spi == 0 {
        return Err(DropReason::InvalidSpi);
    }
    packet.meta_mut().l4_offset = ipv4::LEN as u16;
    Ok(Verdict::Continue)
}

/// UDP 4500: a keepalive, IKE behind four zero bytes, or ESP (RFC 3948 section 2).
fn natt(packet: &mut Mbuf) -> Parsed {
    let offset = ipv4::LEN + udp::LEN;
    let payload = packet.data().get(offset..).unwrap_or_default();
    if payload == [KEEPALIVE] {
        return Err(DropReason::NattKeepalive);
    }
    let Some(&[s0, s1, s2, s3, ..]) = payload.first_chunk::<8>() else {
        return Err(DropReason::EspTruncated);
    };
    let spi = u32::from_be_bytes([s0, s1, s2, s3]);
    if spi == 0 {
        return Ok(Verdict::Punt(PuntClass::Ike));
    }
    let meta = packet.meta_mut();
    meta.spi = spi;
    meta.key.protocol = protocol::ESP;
    meta.flags |= flag::UDP_ENCAPSULATED;
    meta.l4_offset = offset as u16;
    Ok(Verdict::Continue)
}

/// The facts of a TCP packet for the connection's state.
pub(super) fn segment(packet: &Mbuf) -> Option<Segment> {
    let meta: &Meta = packet.meta();
    let bytes = packet.data().get(usize::from(meta.l4_offset)..)?;
    let (header, _) = Tcp::parse(bytes)?;
    let payload = bytes.len().checked_sub(header.header_len())?;
    let syn = header.flags() & tcp::flag::SYN != 0;
    Some(Segment {
        seq: header.sequence(),
        ack: header.acknowledgement(),
        flags: header.flags(),
        window: header.window(),
        payload_len: payload as u32,
        scale: if syn { tcp::Options::of(bytes).window_scale() } else { None },
    })
}
