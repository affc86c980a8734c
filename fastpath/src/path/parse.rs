//! Parse: header offsets and the flow key. What is malformed gets its reason, what is for the box
//! goes to the slowpath.

use super::{Entrance, reply};
use crate::burst::Burst;
use crate::conn::tcp::Segment;
use crate::dpdk::Mbuf;
use crate::nat::PortBlocks;
use crate::packet::{FlowKey, flag, protocol};
use crate::policy::Ingress;
use crate::verdict::{DropReason, PuntClass, Verdict};
use crate::wire::datagram::Plain;
use crate::wire::ethernet::{self, ethertype};
use crate::wire::{Ethernet, Ipv4, Mac, Tcp, checksum, datagram, icmp, ipv4, tcp, udp};
use crate::worker::{Core, View};

/// The one byte of a NAT keepalive (RFC 3948 section 2.3).
const KEEPALIVE: u8 = 0xff;

/// What the packets of one port have in common.
#[derive(Clone, Copy)]
struct Port<'r> {
    number: u16,
    ingress: &'r Ingress,
    mac: Mac,
}

impl<'r> Port<'r> {
    fn of(view: &View<'r>, number: u16) -> Option<Self> {
        Some(Self {
            number,
            ingress: view.policy.ingress(number)?,
            mac: Mac(view.shared.port_mac(number)),
        })
    }
}

/// Parses a burst. Behind this step a packet's data begins with its IPv4 header and ends with the
/// packet; ARP keeps its Ethernet header.
///
/// Cost: the packet's first line, and the line of its facts.
#[inline(never)]
pub(super) fn step(core: &mut Core, view: &View<'_>, burst: &mut Burst) {
    let mut last = None;
    core.step(burst, |core, packet| {
        let number = packet.meta().in_port;
        let known = last.filter(|port: &Port<'_>| port.number == number);
        let Some(port) = known.or_else(|| Port::of(view, number)) else {
            return Verdict::Drop(DropReason::InterfaceDown);
        };
        last = Some(port);
        parse(core, view, packet, &port).unwrap_or_else(Verdict::Drop)
    });
}

pub(super) type Parsed = Result<Verdict, DropReason>;

#[inline]
fn parse(core: &mut Core, view: &View<'_>, packet: &mut Mbuf, port: &Port<'_>) -> Parsed {
    let meta = packet.meta();
    // Put together here, or handed over as a fragment: the Ethernet header is gone already.
    if meta.has(flag::REASSEMBLED) || meta.hops > 0 {
        return any(core, view, packet, port.ingress);
    }
    let (header, _) = Ethernet::parse(packet.data()).ok_or(DropReason::TruncatedFrame)?;
    if header.dst() != port.mac || header.ethertype() != ethertype::IPV4 {
        return not_to_us(header, port);
    }
    packet.trim_front(ethernet::LEN);
    datagram(core, view, packet, port.ingress)
}

/// A frame that is not IPv4 to the port's own address: ARP, or nothing for us.
#[cold]
fn not_to_us(header: Ethernet<&[u8; ethernet::LEN]>, port: &Port<'_>) -> Parsed {
    let is_group = header.dst().is_group();
    match header.ethertype() {
        _ if header.dst() != port.mac && !is_group => Err(DropReason::DestinationMac),
        ethertype::ARP => Ok(Verdict::Punt(PuntClass::Arp)),
        ethertype::IPV4 => Err(DropReason::BadIpAddress),
        _ => Err(DropReason::NotIp),
    }
}

/// From the IPv4 header on.
#[inline]
fn datagram(core: &mut Core, view: &View<'_>, packet: &mut Mbuf, ingress: &Ingress) -> Parsed {
    match datagram::plain(packet.data()) {
        Some(known) => plain(core, view, packet, ingress, known),
        None => any(core, view, packet, ingress),
    }
}

/// A packet of which everything is known.
#[expect(
    clippy::inline_always,
    reason = "what is known stays in registers only then"
)]
#[inline(always)]
pub(super) fn plain(
    core: &mut Core,
    view: &View<'_>,
    packet: &mut Mbuf,
    ingress: &Ingress,
    Plain { key, l3_len }: Plain,
) -> Parsed {
    // What an Ethernet frame was padded with is no part of the packet.
    packet.truncate(usize::from(l3_len));
    let meta = packet.meta_mut();
    meta.key = key;
    meta.l4_offset = ipv4::LEN as u16;
    meta.l3_len = l3_len;
    if ingress.is_local(key.src) {
        return Err(DropReason::BadIpAddress);
    }
    if !ingress.is_local(key.dst) {
        return Ok(Verdict::Continue);
    }
    if key.protocol == protocol::ESP && !packet.meta().has(flag::DECRYPTED) {
        return esp(packet);
    }
    local(core, view, packet, [0; 2])
}

/// Any packet, from the IPv4 header on. Fragments are put together first.
#[cold]
#[inline(never)]
pub(super) fn any(
    core: &mut Core,
    view: &View<'_>,
    packet: &mut Mbuf,
    ingress: &Ingress,
) -> Parsed {
    if !datagram::header_checksum_is_valid(packet.data()) {
        return Err(header_fault(packet));
    }
    let parsed = datagram::parse(packet.data(), packet.len())?;
    if parsed.flags & flag::HAS_OPTIONS != 0 {
        return Err(DropReason::IpOptions);
    }
    packet.truncate(usize::from(parsed.l3_len));
    let meta = packet.meta_mut();
    meta.key = parsed.key;
    meta.flags |= parsed.flags;
    meta.l4_offset = parsed.l4_offset;
    meta.l3_len = parsed.l3_len;
    if parsed.is_fragment {
        return Ok(fragment(core, packet));
    }
    let (src, dst) = if parsed.flags & flag::ICMP_ERROR == 0 {
        (parsed.key.src, parsed.key.dst)
    } else {
        // The key is that of the packet which it quotes.
        let outer = addresses(packet.data()).ok_or(DropReason::TruncatedFrame)?;
        (outer.src, outer.dst)
    };
    if ingress.is_local(src) {
        return Err(DropReason::BadIpAddress);
    }
    // An error goes to the host that sent what it quotes (RFC 5508 section 4).
    if parsed.key.dst != dst {
        return Err(DropReason::BadIcmpHeader);
    }
    if ingress.is_local(dst) {
        return local(core, view, packet, parsed.detail);
    }
    Ok(Verdict::Continue)
}

/// Which of the header's faults it is; a header that cannot be read has no checksum either.
fn header_fault(packet: &Mbuf) -> DropReason {
    let lengths = Ipv4::parse(packet.data())
        .ok_or(DropReason::TruncatedFrame)
        .and_then(|header| header.lengths(packet.len()));
    lengths.map_or_else(|reason| reason, |_| DropReason::BadIpChecksum)
}

/// A fragment goes to the home of its addresses and waits there for the others.
fn fragment(core: &mut Core, packet: &mut Mbuf) -> Verdict {
    // By the addresses alone: only the first fragment has ports.
    let key = packet.meta().key;
    let home = core.home.home_of_addresses(key.src, key.dst);
    if home == core.id {
        Verdict::Hold
    } else {
        Core::hand_over(packet, home, Entrance::Parse)
    }
}

/// Addresses and protocol of an IPv4 packet, without ports.
pub(super) fn addresses(packet: &[u8]) -> Option<FlowKey> {
    let header = Ipv4::parse(packet)?;
    Some(FlowKey::new(
        header.protocol(),
        header.src(),
        0,
        header.dst(),
        0,
    ))
}

/// A packet to one of our own addresses: ESP, IKE, ICMP, the answer to a translated flow, or
/// nothing of ours. `detail` counts for ICMP.
#[inline(never)]
fn local(core: &mut Core, view: &View<'_>, packet: &mut Mbuf, detail: [u8; 2]) -> Parsed {
    let meta = *packet.meta();
    let wire = !meta.has(flag::DECRYPTED);
    let error = meta.has(flag::ICMP_ERROR);
    match meta.key.protocol {
        protocol::ESP if wire && !error => return esp(packet),
        protocol::UDP if wire && !error && meta.key.dport == udp::port::IKE => {
            return Ok(Verdict::Punt(PuntClass::Ike));
        }
        protocol::UDP if wire && !error && meta.key.dport == udp::port::NAT_TRAVERSAL => {
            return natt(packet);
        }
        protocol::ICMP if !error && detail[0] == icmp::kind::ECHO_REQUEST => {
            return Ok(Verdict::Punt(PuntClass::Icmp));
        }
        // About our own ESP, in UDP or not: the path's MTU (RFC 4301 section 8.2).
        protocol::ESP if wire && error => return Ok(Verdict::Punt(PuntClass::Icmp)),
        protocol::UDP if wire && error && meta.key.dport == udp::port::NAT_TRAVERSAL => {
            return Ok(Verdict::Punt(PuntClass::Icmp));
        }
        _ => {}
    }
    if view.policy.is_mapped(meta.key.dst) && PortBlocks::is_given_out(meta.key.dport) {
        return Ok(Verdict::Continue);
    }
    let denied = meta.key.protocol == protocol::TCP && !error;
    if denied && view.policy.reset_outside && is_outermost(view, meta.in_port) {
        reply::tcp_reset(core, view, packet);
    }
    Err(DropReason::NotForUs)
}

/// Whether no interface is trusted less than the one of this port.
fn is_outermost(view: &View<'_>, port: u16) -> bool {
    let own = view.policy.interface_of_port(port);
    let own = own.and_then(|index| view.policy.interface(index));
    own.is_some_and(|own| {
        let mut others = view.policy.interfaces.iter().filter(|other| other.up);
        others.all(|other| own.security_level <= other.security_level)
    })
}

#[inline]
fn esp(packet: &mut Mbuf) -> Parsed {
    let spi = spi_at(packet.data(), ipv4::LEN)?;
    packet.meta_mut().spi = spi;
    Ok(Verdict::Continue)
}

/// UDP 4500: a keepalive, IKE behind four zero bytes, or ESP (RFC 3948 section 2).
fn natt(packet: &mut Mbuf) -> Parsed {
    let offset = ipv4::LEN + udp::LEN;
    if packet.data().get(offset..) == Some(&[KEEPALIVE]) {
        return Err(DropReason::NattKeepalive);
    }
    match spi_at(packet.data(), offset) {
        Ok(spi) => {
            let meta = packet.meta_mut();
            meta.spi = spi;
            meta.key.protocol = protocol::ESP;
            meta.flags |= flag::UDP_ENCAPSULATED;
            meta.l4_offset = offset as u16;
            Ok(Verdict::Continue)
        }
        Err(DropReason::InvalidSpi) => Ok(Verdict::Punt(PuntClass::Ike)),
        Err(reason) => Err(reason),
    }
}

/// The SPI of the ESP header at `offset`; zero is none (RFC 4303 section 2.1).
#[inline]
fn spi_at(packet: &[u8], offset: usize) -> Result<u32, DropReason> {
    let header = packet.get(offset..).and_then(<[u8]>::first_chunk::<8>);
    let &[s0, s1, s2, s3, ..] = header.ok_or(DropReason::EspTruncated)?;
    match u32::from_be_bytes([s0, s1, s2, s3]) {
        0 => Err(DropReason::InvalidSpi),
        spi => Ok(spi),
    }
}

/// The facts of a TCP packet for the connection's state.
///
/// What begins or ends a connection must have a right checksum: its receiver drops it otherwise,
/// and the state here would be ahead. For the rest the receiver decides, and a translation keeps a
/// wrong checksum wrong.
pub(crate) fn segment(packet: &Mbuf) -> Result<Segment, DropReason> {
    const DECISIVE: u8 = tcp::flag::SYN | tcp::flag::FIN | tcp::flag::RST;
    let malformed = DropReason::BadTcpHeader;
    let l4_offset = usize::from(packet.meta().l4_offset);
    let bytes = packet.data().get(l4_offset..).ok_or(malformed)?;
    let (header, _) = Tcp::parse(bytes).ok_or(malformed)?;
    let payload = bytes.len().checked_sub(header.header_len());
    let payload = payload.ok_or(malformed)?;
    let syn = header.flags() & tcp::flag::SYN != 0;
    if header.flags() & DECISIVE != 0 {
        let ip = Ipv4::parse(packet.data()).ok_or(malformed)?;
        if !checksum::segment_is_valid(ip.src(), ip.dst(), protocol::TCP, bytes) {
            return Err(DropReason::BadTcpChecksum);
        }
    }
    Ok(Segment {
        seq: header.sequence(),
        ack: header.acknowledgement(),
        flags: header.flags(),
        window: header.window(),
        payload_len: payload as u32,
        scale: if syn {
            tcp::Options::of(bytes).window_scale()
        } else {
            None
        },
    })
}
