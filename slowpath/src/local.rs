//! Packets to and from the box itself: IKE datagrams and echo requests.

use std::net::{Ipv4Addr, SocketAddrV4};

use fastpath::packet::protocol;
use fastpath::wire::ipv4::{self, Ipv4};
use fastpath::wire::udp::{self, Udp};
use fastpath::wire::{Icmp, fragment, icmp};

use crate::ike::{Datagram, IKE_PORT, NATT_PORT};

const _: () = assert!(
    IKE_PORT == udp::port::IKE && NATT_PORT == udp::port::NAT_TRAVERSAL,
    "what workers punt is what IKE listens to"
);
/// What tells IKE from ESP on [`NATT_PORT`] (RFC 3948 section 2.2).
const NON_ESP_MARKER: [u8; 4] = [0; 4];

/// The IKE message of an IPv4 packet to port 500 or 4500.
///
/// `None` when it is none: malformed, a wrong checksum, another port, ESP on port 4500.
pub fn ike_datagram(packet: &[u8]) -> Option<Datagram<'_>> {
    let ip = Ipv4::parse(packet)?;
    let lengths = ip.lengths(packet.len()).ok()?;
    if ip.protocol() != protocol::UDP || ip.is_fragment() {
        return None;
    }
    let segment = packet.get(usize::from(lengths.header)..usize::from(lengths.total))?;
    let (header, _) = Udp::parse(segment)?;
    let segment = segment.get(..usize::from(header.length()))?;
    if !udp::checksum_is_valid(ip.src(), ip.dst(), segment) {
        return None;
    }
    let payload = segment.get(udp::LEN..)?;
    let message = match header.dst_port() {
        IKE_PORT => payload,
        NATT_PORT => payload.strip_prefix(&NON_ESP_MARKER)?,
        _ => return None,
    };
    let end = |address, port| SocketAddrV4::new(Ipv4Addr::from_bits(address), port);
    Some(Datagram {
        local: end(ip.dst(), header.dst_port()),
        remote: end(ip.src(), header.src_port()),
        message,
    })
}

/// The IPv4 packets that carry an IKE message, each at most `mtu` bytes. With port 4500 the
/// non-ESP marker goes in front, unless it is a NAT keepalive.
///
/// Empty when the message is longer than a datagram can be.
pub fn ike_packets(
    local: SocketAddrV4,
    remote: SocketAddrV4,
    message: &[u8],
    keepalive: bool,
    identification: u16,
    mtu: u16,
) -> Vec<Vec<u8>> {
    let marked = local.port() == NATT_PORT && !keepalive;
    let marker: &[u8] = if marked { &NON_ESP_MARKER } else { &[] };
    let payload_len = marker.len() + message.len();
    if ipv4::LEN + udp::LEN + payload_len > usize::from(u16::MAX) {
        return Vec::new();
    }
    let (src, dst) = (local.ip().to_bits(), remote.ip().to_bits());
    let mut segment = Udp::emit(local.port(), remote.port(), payload_len)
        .0
        .to_vec();
    segment.extend_from_slice(marker);
    segment.extend_from_slice(message);
    let mut header = Ipv4::emit(src, dst, protocol::UDP, segment.len());
    if ipv4::LEN + segment.len() <= usize::from(mtu) {
        return vec![[&header.as_bytes()[..], &segment].concat()];
    }
    header.set_identification(identification);
    header.set_fragment_word(0);
    let Some(plan) = fragment::plan(&header, segment.len(), usize::from(mtu)) else {
        return Vec::new();
    };
    plan.filter_map(|piece| {
        let bytes = segment.get(piece.start..piece.start + piece.len)?;
        let header = fragment::header(&header, &piece);
        Some([&header.as_bytes()[..], bytes].concat())
    })
    .collect()
}

/// The reply to an echo request, with the address that it goes to; `None` when `packet` is no
/// echo request that may be answered.
pub fn echo_reply(packet: &[u8]) -> Option<(Ipv4Addr, Vec<u8>)> {
    let mut reply = packet.to_vec();
    if !icmp::reply_to_echo(&mut reply) {
        return None;
    }
    let to = Ipv4::parse(&reply)?.dst();
    Some((Ipv4Addr::from_bits(to), reply))
}

/// Host unreachable from our address `source` about an IPv4 packet whose next hop does not answer
/// (RFC 1812 section 4.3.3.1), and to whom it goes; `None` when nobody may be told.
pub fn host_unreachable(packet: &[u8], source: u32) -> Option<(Ipv4Addr, Vec<u8>)> {
    let to = Ipv4::parse(packet)?.src();
    let mut answer = vec![0; icmp::ERROR_LEN_MAX];
    let len = icmp::error(icmp::Error::HostUnreachable, source, packet, &mut answer)?;
    answer.truncate(len);
    Some((Ipv4Addr::from_bits(to), answer))
}

/// The peer that an ICMP destination unreachable about our ESP names (RFC 792); `None` when
/// `packet` is none, or is about the path's MTU.
pub fn unreachable_peer(packet: &[u8]) -> Option<Ipv4Addr> {
    let ip = Ipv4::parse(packet)?;
    let lengths = ip.lengths(packet.len()).ok()?;
    if ip.protocol() != protocol::ICMP || ip.is_fragment() {
        return None;
    }
    let message = packet.get(usize::from(lengths.header)..usize::from(lengths.total))?;
    let (error, quoted) = Icmp::parse(message)?;
    let says_so =
        error.kind() == icmp::kind::UNREACHABLE && error.code() != icmp::code::FRAGMENTATION_NEEDED;
    let quoted = Ipv4::parse(quoted)?;
    let ours = quoted.protocol() == protocol::ESP && quoted.src() == ip.dst();
    (says_so && ours).then(|| Ipv4Addr::from_bits(quoted.dst()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn end(last: u8, port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, last), port)
    }

    fn sent(port: u16, message: &[u8], mtu: u16) -> Vec<Vec<u8>> {
        ike_packets(end(1, port), end(2, port), message, false, 77, mtu)
    }

    #[test]
    fn what_is_sent_is_what_the_other_end_reads() {
        for (port, marker) in [(IKE_PORT, 0), (NATT_PORT, 4)] {
            let packets = sent(port, b"a message", 1500);
            assert_eq!(packets[0].len(), 28 + marker + 9);
            let read = ike_datagram(&packets[0]).expect("a message");
            assert_eq!((read.local, read.remote), (end(2, port), end(1, port)));
            assert_eq!(read.message, b"a message");
        }
    }

    #[test]
    fn a_keepalive_has_no_marker_and_is_no_message() {
        let (local, remote) = (end(1, NATT_PORT), end(2, NATT_PORT));
        let packets = ike_packets(local, remote, &[0xff], true, 0, 1500);
        assert_eq!(packets[0][28..], [0xff]);
        assert!(ike_datagram(&packets[0]).is_none());
    }

    #[test]
    fn esp_on_the_ike_port_and_altered_packets_are_no_message() {
        let mut esp = sent(NATT_PORT, b"12345678", 1500).remove(0);
        esp[28] = 1;
        assert!(ike_datagram(&esp).is_none());
        let mut other = sent(IKE_PORT, b"12345678", 1500).remove(0);
        other[22..24].copy_from_slice(&501_u16.to_be_bytes());
        assert!(ike_datagram(&other).is_none());
        let mut summed = sent(IKE_PORT, b"12345678", 1500).remove(0);
        summed[26..28].copy_from_slice(&0x1234_u16.to_be_bytes());
        assert!(ike_datagram(&summed).is_none());
    }

    #[test]
    fn a_long_message_goes_in_fragments_that_make_it_whole_again() {
        let message: Vec<u8> = (0..4000_u16).map(|at| at as u8).collect();
        let packets = sent(IKE_PORT, &message, 1500);
        assert_eq!(packets.len(), 3);
        let mut segment = Vec::new();
        for packet in &packets {
            let header = Ipv4::parse(packet).expect("a header");
            assert!(packet.len() <= 1500 && fastpath::wire::checksum::is_valid(&packet[..20]));
            assert_eq!(
                (header.identification(), header.fragment_offset()),
                (77, segment.len())
            );
            segment.extend_from_slice(&packet[20..]);
        }
        assert_eq!(segment[8..], message);
        assert!(sent(IKE_PORT, &vec![0; 65_510], 1500).is_empty());
    }

    #[test]
    fn the_sender_is_told_of_a_next_hop_that_does_not_answer() {
        let (host, far, own) = (0x0a00_0009, 0xc000_0280, 0x0a00_0001);
        let header = Ipv4::emit(host, far, protocol::UDP, 8);
        let packet = [&header.as_bytes()[..], &[7; 8]].concat();
        let (to, answer) = host_unreachable(&packet, own).expect("an answer");
        assert_eq!(to, Ipv4Addr::from_bits(host));
        let header = Ipv4::parse(&answer).expect("a header");
        assert_eq!((header.src(), header.dst()), (own, host));
        assert_eq!(answer[20..22], [3, 1]);
        assert_eq!(answer[28..], packet);
        // Nobody is told about an error.
        assert!(host_unreachable(&answer, own).is_none());
        assert!(host_unreachable(b"short", own).is_none());
    }

    #[test]
    fn an_echo_request_comes_back() {
        let mut request = Ipv4::emit(0xc000_0201, 0xc000_0202, protocol::ICMP, 12)
            .0
            .to_vec();
        request.extend_from_slice(&[8, 0, 0, 0, 0, 7, 0, 1, b'p', b'i', b'n', b'g']);
        let sum = fastpath::wire::checksum::checksum(&request[20..]);
        request[22..24].copy_from_slice(&sum.to_be_bytes());
        let (to, reply) = echo_reply(&request).expect("a reply");
        assert_eq!(to, Ipv4Addr::new(192, 0, 2, 1));
        assert_eq!((reply[20], &reply[24..]), (0, &request[24..]));
        assert!(echo_reply(&reply).is_none());
    }

    /// An ICMP error of a router about a packet of 192.0.2.1 to 192.0.2.2.
    fn error(kind: icmp::Error, protocol: u8) -> Vec<u8> {
        let (ours, theirs) = (end(1, 0).ip().to_bits(), end(2, 0).ip().to_bits());
        let header = Ipv4::emit(ours, theirs, protocol, 16);
        let offending = [&header.as_bytes()[..], &[7; 16]].concat();
        let mut out = vec![0; icmp::ERROR_LEN_MAX];
        let router = end(254, 0).ip().to_bits();
        let len = icmp::error(kind, router, &offending, &mut out).expect("an error");
        out.truncate(len);
        out
    }

    #[test]
    fn an_unreachable_about_our_esp_names_the_peer_and_nothing_else_does() {
        use icmp::Error::{AdministrativelyProhibited, NetUnreachable, TimeExceeded};
        let peer = Some(*end(2, 0).ip());
        let of = |kind, protocol| unreachable_peer(&error(kind, protocol));
        assert_eq!(of(NetUnreachable, protocol::ESP), peer);
        assert_eq!(of(AdministrativelyProhibited, protocol::ESP), peer);
        assert_eq!(of(TimeExceeded, protocol::ESP), None);
        assert_eq!(of(NetUnreachable, protocol::TCP), None);
        let mut theirs = error(NetUnreachable, protocol::ESP);
        // Quoted as if another box had sent it.
        theirs[ipv4::LEN + icmp::LEN + 15] ^= 1;
        assert_eq!(unreachable_peer(&theirs), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (ike_datagram(&bytes), echo_reply(&bytes), unreachable_peer(&bytes));
        }
    }
}
