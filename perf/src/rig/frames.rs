//! Frames of the generators.

use fastpath::dpdk::{Mbuf, Pool};
use fastpath::packet::FlowKey;
use fastpath::wire::{Ethernet, Ipv4, Mac, Udp, checksum, ethernet, ipv4, udp};

use super::plan::FAR_MAC;

/// Smallest IP packet that holds UDP.
pub(crate) const IP_LEN_MIN: usize = ipv4::LEN + udp::LEN;
/// Where the IP packet begins.
pub(crate) const IP_OFFSET: usize = ethernet::LEN;

/// Writes an Ethernet header to the box.
pub(crate) fn write_ethernet(frame: &mut [u8], box_mac: [u8; 6]) {
    if let Some(front) = frame.first_chunk_mut() {
        *front = Ethernet::emit(Mac(box_mac), Mac(FAR_MAC), ethernet::ethertype::IPV4).0;
    }
}

/// Writes an IP packet with UDP without checksum (RFC 768 lets a sender do without); what is
/// behind the headers stays as it is. `packet` is at least [`IP_LEN_MIN`] bytes.
pub(crate) fn write_udp(packet: &mut [u8], key: &FlowKey) {
    let payload_len = packet.len() - IP_LEN_MIN;
    let ip = Ipv4::emit(key.src, key.dst, key.protocol, udp::LEN + payload_len);
    let mut header = Udp::emit(key.sport, key.dport, payload_len);
    header.set_checksum(0);
    packet[..ipv4::LEN].copy_from_slice(&ip.0);
    packet[ipv4::LEN..IP_LEN_MIN].copy_from_slice(&header.0);
}

/// A frame with UDP in a fresh buffer; `None` when the pool is empty or the frame does not fit.
pub(crate) fn udp_frame(
    pool: Pool,
    box_mac: [u8; 6],
    key: &FlowKey,
    ip_len: usize,
) -> Option<Mbuf> {
    let mut mbuf = pool.allocate()?;
    if !mbuf.append(IP_OFFSET + ip_len.max(IP_LEN_MIN)) {
        return None;
    }
    write_ethernet(mbuf.data_mut(), box_mac);
    write_udp(&mut mbuf.data_mut()[IP_OFFSET..], key);
    Some(mbuf)
}

/// What a TCP segment says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    /// Addresses and ports.
    pub(crate) key: FlowKey,
    /// Sequence number.
    pub(crate) seq: u32,
    /// Acknowledgement.
    pub(crate) ack: u32,
    /// Flags.
    pub(crate) flags: u8,
    /// Bytes of payload.
    pub(crate) payload_len: usize,
}

const TCP_LEN: usize = 20;
const TCP_WINDOW: u16 = 65_000;

/// A frame with a TCP segment, its checksum right.
pub(crate) fn tcp_frame(pool: Pool, box_mac: [u8; 6], segment: &Segment) -> Option<Mbuf> {
    let mut mbuf = pool.allocate()?;
    let segment_len = TCP_LEN + segment.payload_len;
    if !mbuf.append(IP_OFFSET + ipv4::LEN + segment_len) {
        return None;
    }
    write_ethernet(mbuf.data_mut(), box_mac);
    let (ip, tcp) = mbuf.data_mut()[IP_OFFSET..].split_at_mut(ipv4::LEN);
    let key = &segment.key;
    ip.copy_from_slice(&Ipv4::emit(key.src, key.dst, key.protocol, segment_len).0);
    tcp[..2].copy_from_slice(&key.sport.to_be_bytes());
    tcp[2..4].copy_from_slice(&key.dport.to_be_bytes());
    tcp[4..8].copy_from_slice(&segment.seq.to_be_bytes());
    tcp[8..12].copy_from_slice(&segment.ack.to_be_bytes());
    tcp[12..14].copy_from_slice(&[(TCP_LEN as u8 / 4) << 4, segment.flags]);
    tcp[14..16].copy_from_slice(&TCP_WINDOW.to_be_bytes());
    tcp[16..TCP_LEN].fill(0);
    let sum = checksum::of_segment(key.src, key.dst, key.protocol, tcp);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    Some(mbuf)
}

/// Addresses, ports and protocol of a frame with IPv4 and TCP or UDP.
pub(crate) fn key_of(frame: &[u8]) -> Option<FlowKey> {
    let packet = frame.get(IP_OFFSET..)?;
    let ip = Ipv4::parse(packet)?;
    let ports = packet.get(ip.header_len()..)?.first_chunk::<4>()?;
    Some(FlowKey::new(
        ip.protocol(),
        ip.src(),
        u16::from_be_bytes([ports[0], ports[1]]),
        ip.dst(),
        u16::from_be_bytes([ports[2], ports[3]]),
    ))
}
