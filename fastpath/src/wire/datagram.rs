//! An IPv4 packet as the line parses it: where its headers are and which flow it belongs to.

use super::checksum;
use super::icmp::{self, Icmp};
use super::ipv4::{self, Ipv4};
use super::tcp::{self, Tcp};
use super::udp::{self, Udp};
use crate::packet::{FlowKey, flag, protocol};
use crate::verdict::DropReason;

/// What one look at the headers tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Datagram {
    /// Its flow. A fragment has no ports; an ICMP error has the reversed key of what it quotes.
    pub key: FlowKey,
    /// Bytes from the IPv4 header to the transport header.
    pub l4_offset: u16,
    /// Bytes of the IPv4 packet by its own header.
    pub l3_len: u16,
    /// [`flag::HAS_OPTIONS`] and [`flag::ICMP_ERROR`] as they apply.
    pub flags: u16,
    /// A part of a datagram: the transport header was not looked at.
    pub is_fragment: bool,
    /// TCP flags and zero, or ICMP type and code.
    pub detail: [u8; 2],
}

/// A packet as nearly all are: no options, not a fragment, TCP, UDP or ESP, nothing wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Its flow; ESP has no ports.
    pub key: FlowKey,
    /// Bytes of the IPv4 packet by its own header.
    pub l3_len: u16,
}

/// Bytes that a packet must have to be taken for [`Plain`]: two headers.
const PLAIN_LEN_MIN: usize = ipv4::LEN + tcp::LEN;

/// Takes the short way through [`header_checksum_is_valid`] and [`parse`], in words. `None` says
/// only that the packet has to take the long one, which knows what is wrong with it, if anything.
#[expect(
    clippy::inline_always,
    reason = "what it finds stays in registers only where it is inlined"
)]
#[inline(always)]
pub fn plain(packet: &[u8]) -> Option<Plain> {
    let head = packet.first_chunk::<PLAIN_LEN_MIN>()?;
    let (ip, transport) = head.split_first_chunk::<{ ipv4::LEN }>()?;
    let transport = transport.first_chunk::<{ tcp::LEN }>()?;
    let header = Ipv4(ip);
    if !header.is_bare() || header.is_fragment() || !checksum::header_is_valid(ip) {
        return None;
    }
    let (src, dst, l3_len) = (header.src(), header.dst(), header.total_len());
    if ipv4::is_unforwardable(src) || ipv4::is_unforwardable(dst) || src == dst {
        return None;
    }
    let total = usize::from(l3_len);
    let payload_len = total.wrapping_sub(ipv4::LEN);
    if !(PLAIN_LEN_MIN..=packet.len()).contains(&total) {
        return None;
    }
    let (sport, dport) = match header.protocol() {
        protocol::TCP => {
            let tcp = Tcp(transport);
            let fits = (tcp::LEN..=payload_len).contains(&tcp.header_len());
            let fits = fits && tcp::flags_are_sane(tcp.flags());
            fits.then(|| (tcp.src_port(), tcp.dst_port()))?
        }
        protocol::UDP => {
            let udp = Udp(transport.first_chunk()?);
            let fits = (udp::LEN..=payload_len).contains(&usize::from(udp.length()));
            fits.then(|| (udp.src_port(), udp.dst_port()))?
        }
        protocol::ESP => (0, 0),
        _ => return None,
    };
    Some(Plain {
        key: FlowKey::new(header.protocol(), src, sport, dst, dport),
        l3_len,
    })
}

/// Parses the IPv4 packet at the start of `head`, of which `packet_len` bytes are there in all; the
/// headers must lie in `head`.
///
/// The header checksum is checked by the NIC or by [`header_checksum_is_valid`].
pub fn parse(head: &[u8], packet_len: usize) -> Result<Datagram, DropReason> {
    let ip = Ipv4::parse(head).ok_or(DropReason::TruncatedFrame)?;
    let lengths = ip.lengths(packet_len)?;
    let (src, dst) = (ip.src(), ip.dst());
    if ipv4::is_unforwardable(src) || ipv4::is_unforwardable(dst) {
        return Err(DropReason::BadIpAddress);
    }
    if src == dst {
        return Err(DropReason::LandAttack);
    }
    let options = usize::from(lengths.header) > ipv4::LEN;
    let flags = if options { flag::HAS_OPTIONS } else { 0 };
    let payload_len = usize::from(lengths.total - lengths.header);
    let is_fragment = ip.is_fragment();
    let transport = if is_fragment {
        if ip.fragment_offset() + payload_len > usize::from(u16::MAX) {
            return Err(DropReason::FragmentOverlap);
        }
        Transport::default()
    } else {
        let end = usize::from(lengths.total).min(head.len());
        let segment = head
            .get(usize::from(lengths.header)..end)
            .ok_or(DropReason::TruncatedFrame)?;
        match ip.protocol() {
            protocol::TCP => tcp_ports(segment, payload_len)?,
            protocol::UDP => udp_ports(segment, payload_len)?,
            protocol::ICMP => return icmp_message(ip, segment, lengths, flags),
            _ => Transport::default(),
        }
    };
    Ok(Datagram {
        key: FlowKey::new(ip.protocol(), src, transport.sport, dst, transport.dport),
        l4_offset: lengths.header,
        l3_len: lengths.total,
        flags,
        is_fragment,
        detail: [transport.flags, 0],
    })
}

/// Whether the checksum of the IPv4 header of `head`, options included, fits.
pub fn header_checksum_is_valid(head: &[u8]) -> bool {
    let Some(ip) = Ipv4::parse(head) else {
        return false;
    };
    if ip.header_len() == ipv4::LEN {
        return checksum::header_is_valid(ip.as_bytes());
    }
    head.get(..ip.header_len()).is_some_and(checksum::is_valid)
}

/// Ports and TCP flags.
#[derive(Clone, Copy, Default)]
struct Transport {
    sport: u16,
    dport: u16,
    flags: u8,
}

/// Looks at the TCP header at the start of `segment`; `len` bytes follow in the packet.
fn tcp_ports(segment: &[u8], len: usize) -> Result<Transport, DropReason> {
    let (header, _) = Tcp::parse(segment).ok_or(DropReason::BadTcpHeader)?;
    let header_len = header.header_len();
    if header_len < tcp::LEN || header_len > len {
        return Err(DropReason::BadTcpHeader);
    }
    if !tcp::flags_are_sane(header.flags()) {
        return Err(DropReason::BadTcpFlags);
    }
    Ok(Transport {
        sport: header.src_port(),
        dport: header.dst_port(),
        flags: header.flags(),
    })
}

/// The same for UDP.
fn udp_ports(segment: &[u8], len: usize) -> Result<Transport, DropReason> {
    let (header, _) = Udp::parse(segment).ok_or(DropReason::BadUdpHeader)?;
    let stated = usize::from(header.length());
    if stated < udp::LEN || stated > len {
        return Err(DropReason::BadUdpHeader);
    }
    Ok(Transport {
        sport: header.src_port(),
        dport: header.dst_port(),
        flags: 0,
    })
}

fn icmp_message(
    ip: Ipv4<&[u8; ipv4::LEN]>,
    segment: &[u8],
    lengths: ipv4::Lengths,
    flags: u16,
) -> Result<Datagram, DropReason> {
    let (header, quoted) = Icmp::parse(segment).ok_or(DropReason::BadIcmpHeader)?;
    let mut datagram = Datagram {
        key: FlowKey::new(ip.protocol(), ip.src(), 0, ip.dst(), 0),
        l4_offset: lengths.header,
        l3_len: lengths.total,
        flags,
        is_fragment: false,
        detail: [header.kind(), header.code()],
    };
    if icmp::is_error(header.kind()) {
        datagram.key = quoted_key(quoted)?.reversed();
        datagram.flags |= flag::ICMP_ERROR;
    } else if icmp::has_identifier(header.kind()) {
        datagram.key.sport = header.identifier();
        datagram.key.dport = header.identifier();
    }
    Ok(datagram)
}

/// The key of the packet that an ICMP error quotes: its header and eight bytes at least.
fn quoted_key(quoted: &[u8]) -> Result<FlowKey, DropReason> {
    let ip = Ipv4::parse(quoted).ok_or(DropReason::BadIcmpHeader)?;
    let header_len = ip.header_len();
    if ip.version() != 4 || header_len < ipv4::LEN || ip.fragment_offset() != 0 {
        return Err(DropReason::BadIcmpHeader);
    }
    let segment: &[u8; 8] = quoted
        .get(header_len..)
        .and_then(|rest| rest.first_chunk())
        .ok_or(DropReason::BadIcmpHeader)?;
    let word = |at: usize| u16::from_be_bytes([segment[at], segment[at + 1]]);
    let (sport, dport) = match ip.protocol() {
        protocol::TCP | protocol::UDP => (word(0), word(2)),
        protocol::ICMP if icmp::is_error(segment[0]) => return Err(DropReason::BadIcmpHeader),
        protocol::ICMP if icmp::has_identifier(segment[0]) => (word(4), word(4)),
        _ => (0, 0),
    };
    Ok(FlowKey::new(
        ip.protocol(),
        ip.src(),
        sport,
        ip.dst(),
        dport,
    ))
}

#[cfg(test)]
#[path = "datagram_tests.rs"]
mod tests;
