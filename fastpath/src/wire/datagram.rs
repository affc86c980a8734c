//! An IPv4 packet as the line parses it: where its headers are and which flow it belongs to.

use super::checksum;
use super::icmp::{self, Icmp};
use super::ipv4::{self, Ipv4};
use super::tcp::{self, Tcp};
use super::udp::{self, Udp};
use crate::packet::{FlowKey, flag, protocol};
use crate::verdict::DropReason;

/// What one look at the headers tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Parses the IPv4 packet at the start of `head`, of which `packet_len` bytes are there in all; the
/// headers must lie in `head`.
///
/// The header checksum is checked by the NIC or by [`header_checksum_is_valid`].
#[inline]
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
    let mut datagram = Datagram {
        key: FlowKey::new(ip.protocol(), src, 0, dst, 0),
        l4_offset: lengths.header,
        l3_len: lengths.total,
        flags: if options { flag::HAS_OPTIONS } else { 0 },
        is_fragment: ip.is_fragment(),
        detail: [0; 2],
    };
    let payload_len = usize::from(lengths.total - lengths.header);
    if datagram.is_fragment {
        return if ip.fragment_offset() + payload_len > usize::from(u16::MAX) {
            Err(DropReason::FragmentOverlap)
        } else {
            Ok(datagram)
        };
    }
    let end = usize::from(lengths.total).min(head.len());
    let segment = head
        .get(usize::from(lengths.header)..end)
        .ok_or(DropReason::TruncatedFrame)?;
    transport(&mut datagram, segment, payload_len)?;
    Ok(datagram)
}

/// Whether the checksum of the IPv4 header of `head`, options included, fits.
#[inline]
pub fn header_checksum_is_valid(head: &[u8]) -> bool {
    Ipv4::parse(head)
        .and_then(|ip| head.get(..ip.header_len()))
        .is_some_and(checksum::is_valid)
}

/// Looks at the transport header at the start of `segment`; `len` bytes follow in the packet.
#[inline]
fn transport(datagram: &mut Datagram, segment: &[u8], len: usize) -> Result<(), DropReason> {
    match datagram.key.protocol {
        protocol::TCP => {
            let (header, _) = Tcp::parse(segment).ok_or(DropReason::BadTcpHeader)?;
            let header_len = header.header_len();
            if header_len < tcp::LEN || header_len > len {
                return Err(DropReason::BadTcpHeader);
            }
            if !tcp::flags_are_sane(header.flags()) {
                return Err(DropReason::BadTcpFlags);
            }
            datagram.key.sport = header.src_port();
            datagram.key.dport = header.dst_port();
            datagram.detail = [header.flags(), 0];
        }
        protocol::UDP => {
            let (header, _) = Udp::parse(segment).ok_or(DropReason::BadUdpHeader)?;
            let stated = usize::from(header.length());
            if stated < udp::LEN || stated > len {
                return Err(DropReason::BadUdpHeader);
            }
            datagram.key.sport = header.src_port();
            datagram.key.dport = header.dst_port();
        }
        protocol::ICMP => {
            let (header, quoted) = Icmp::parse(segment).ok_or(DropReason::BadIcmpHeader)?;
            datagram.detail = [header.kind(), header.code()];
            if icmp::is_error(header.kind()) {
                datagram.key = quoted_key(quoted)?.reversed();
                datagram.flags |= flag::ICMP_ERROR;
            } else if icmp::has_identifier(header.kind()) {
                datagram.key.sport = header.identifier();
                datagram.key.dport = header.identifier();
            }
        }
        _ => {}
    }
    Ok(())
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
