//! What a router says about our own ESP: fragmentation needed and DF set (RFC 1191 section 4).

use std::net::Ipv4Addr;

use fastpath::packet::protocol;
use fastpath::wire::checksum;
use fastpath::wire::icmp::{self, Icmp};
use fastpath::wire::ipv4::Ipv4;
use fastpath::wire::udp::{self, Udp};

use crate::ike::NATT_PORT;

/// A router could not pass on an ESP packet of ours, whole and with DF. Nobody has authenticated
/// this: what may be believed of it is for the tunnel's owner to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooBig {
    /// Who says so.
    pub router: Ipv4Addr,
    /// Our address in the packet that is quoted.
    pub local: Ipv4Addr,
    /// Where that packet was to go.
    pub remote: Ipv4Addr,
    /// UDP ports of ESP in UDP, ours first.
    pub ports: Option<(u16, u16)>,
    /// Its SPI.
    pub spi: u32,
    /// The lower half of its sequence number.
    pub sequence: u32,
    /// Its length in bytes.
    pub len_bytes: u16,
    /// Bytes of the largest packet that the next hop takes, zero when the router does not say.
    pub mtu_bytes: u16,
}

/// The report in an IPv4 packet; `None` for any other packet, for a wrong checksum, and when the
/// quotation is too short to show the SPI and the sequence number.
pub fn parse(packet: &[u8]) -> Option<TooBig> {
    let outer = Ipv4::parse(packet)?;
    let lengths = outer.lengths(packet.len()).ok()?;
    if outer.protocol() != protocol::ICMP || outer.is_fragment() {
        return None;
    }
    let message = packet.get(usize::from(lengths.header)..usize::from(lengths.total))?;
    let (header, quoted) = Icmp::parse(message)?;
    let is_meant = header.kind() == icmp::kind::UNREACHABLE
        && header.code() == icmp::code::FRAGMENTATION_NEEDED;
    if !is_meant || !checksum::is_valid(message) {
        return None;
    }
    let inner = Ipv4::parse(quoted)?;
    // Nobody need fragment a packet without DF, or one that is a fragment already.
    if inner.version() != 4 || !inner.dont_fragment() || inner.is_fragment() {
        return None;
    }
    let segment = quoted.get(inner.header_len()..)?;
    let (ports, esp) = match inner.protocol() {
        protocol::ESP => (None, segment),
        protocol::UDP => {
            let (header, esp) = Udp::parse(segment)?;
            (Some((header.src_port(), header.dst_port())), esp)
        }
        _ => return None,
    };
    let &[s0, s1, s2, s3, n0, n1, n2, n3] = esp.first_chunk()?;
    let from_us = ports.is_none_or(|(ours, _)| ours == NATT_PORT);
    let spi = u32::from_be_bytes([s0, s1, s2, s3]);
    (from_us && spi != 0).then_some(TooBig {
        router: Ipv4Addr::from_bits(outer.src()),
        local: Ipv4Addr::from_bits(inner.src()),
        remote: Ipv4Addr::from_bits(inner.dst()),
        ports,
        spi,
        sequence: u32::from_be_bytes([n0, n1, n2, n3]),
        len_bytes: inner.total_len(),
        mtu_bytes: header.next_hop_mtu(),
    })
}

const _: () = assert!(
    udp::LEN == 8,
    "ESP in UDP follows the ports, length and checksum"
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const US: u32 = 0xc000_0201;
    const PEER: u32 = 0xc633_6401;
    const ROUTER: u32 = 0xcb00_7101;

    /// The beginning of an ESP packet of 1500 bytes, as a router quotes it.
    fn quotation(udp: bool) -> Vec<u8> {
        let esp = [0x1234_5678_u32, 77].map(u32::to_be_bytes).concat();
        let (protocol, segment) = if udp {
            let header = Udp::emit(4500, 33_000, 1472).0.to_vec();
            (protocol::UDP, [header, esp].concat())
        } else {
            (protocol::ESP, esp)
        };
        let mut header = Ipv4::emit(US, PEER, protocol, 1480);
        header.set_fragment_word(0x4000);
        [&header.as_bytes()[..], &segment].concat()
    }

    fn report(quoted: &[u8], mtu: u16) -> Vec<u8> {
        let mut message = vec![3, 4, 0, 0, 0, 0];
        message.extend_from_slice(&mtu.to_be_bytes());
        message.extend_from_slice(quoted);
        let sum = checksum::checksum(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        let header = Ipv4::emit(ROUTER, US, protocol::ICMP, message.len());
        [&header.as_bytes()[..], &message].concat()
    }

    #[test]
    fn a_report_tells_whose_packet_was_too_big_and_for_what() {
        let expected = TooBig {
            router: Ipv4Addr::from_bits(ROUTER),
            local: Ipv4Addr::from_bits(US),
            remote: Ipv4Addr::from_bits(PEER),
            ports: None,
            spi: 0x1234_5678,
            sequence: 77,
            len_bytes: 1500,
            mtu_bytes: 1400,
        };
        assert_eq!(parse(&report(&quotation(false), 1400)), Some(expected));
        let in_udp = TooBig {
            ports: Some((4500, 33_000)),
            ..expected
        };
        assert_eq!(parse(&report(&quotation(true), 1400)), Some(in_udp));
    }

    #[test]
    fn what_no_router_says_is_no_report() {
        let good = report(&quotation(false), 1400);
        for (at, value) in [(20, 11), (21, 3), (22, good[22] ^ 1), (9, 17)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert_eq!(parse(&bad), None, "byte {at}");
        }
        let mut without_df = quotation(false);
        without_df[6] = 0;
        assert_eq!(parse(&report(&without_df, 1400)), None);
        let mut fragment = quotation(false);
        fragment[6] = 0x60;
        assert_eq!(parse(&report(&fragment, 1400)), None);
        let mut not_ours = quotation(true);
        not_ours[20..22].copy_from_slice(&53_u16.to_be_bytes());
        assert_eq!(parse(&report(&not_ours, 1400)), None);
        let mut ike = quotation(true);
        ike[28..32].fill(0);
        assert_eq!(parse(&report(&ike, 1400)), None);
    }

    #[test]
    fn a_quotation_without_a_sequence_number_proves_nothing() {
        for udp in [false, true] {
            let whole = quotation(udp);
            assert_eq!(parse(&report(&whole[..whole.len() - 1], 1400)), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(quoted in prop::collection::vec(any::<u8>(), 0..80), mtu: u16) {
            let _ = (parse(&quoted), parse(&report(&quoted, mtu)));
        }
    }
}
