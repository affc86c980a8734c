use proptest::prelude::*;

use super::*;

const A: u32 = 0x0a00_0001;
const B: u32 = 0xc0a8_1e05;

fn ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Ipv4::emit(A, B, protocol, payload.len()).0.to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

fn whole(bytes: &[u8]) -> Result<Datagram, DropReason> {
    parse(bytes, bytes.len())
}

fn syn() -> Vec<u8> {
    let mut segment = vec![0; tcp::LEN];
    segment[..4].copy_from_slice(&[0x0f, 0xa0, 0, 80]);
    segment[12] = 0x50;
    segment[13] = tcp::flag::SYN;
    ip(protocol::TCP, &segment)
}

#[test]
fn a_syn_in_a_padded_frame() {
    let mut bytes = syn();
    bytes.extend_from_slice(&[0xee; 6]);
    let datagram = whole(&bytes).unwrap();
    assert_eq!(datagram.key, FlowKey::new(protocol::TCP, A, 4000, B, 80));
    assert_eq!((datagram.l4_offset, datagram.l3_len), (20, 40));
    assert_eq!((datagram.flags, datagram.detail), (0, [tcp::flag::SYN, 0]));
    assert!(!datagram.is_fragment);
    assert!(header_checksum_is_valid(&bytes));
    bytes[9] ^= 1;
    assert!(!header_checksum_is_valid(&bytes));
}

#[test]
fn malformed_packets_have_their_reasons() {
    use DropReason as R;
    let change = |at: usize, value: u8| {
        let mut bytes = syn();
        bytes[at] = value;
        whole(&bytes).unwrap_err()
    };
    assert_eq!(change(0, 0x55), R::BadIpHeader);
    assert_eq!(change(0, 0x44), R::BadIpHeader);
    assert_eq!(change(2, 0xff), R::TruncatedFrame);
    assert_eq!(change(12, 127), R::BadIpAddress);
    assert_eq!(change(16, 224), R::BadIpAddress);
    assert_eq!(change(32, 0x40), R::BadTcpHeader);
    assert_eq!(change(32, 0x60), R::BadTcpHeader);
    assert_eq!(change(33, tcp::flag::SYN | tcp::flag::FIN), R::BadTcpFlags);
    assert_eq!(whole(&syn()[..19]), Err(R::TruncatedFrame));
    assert_eq!(whole(&ip(protocol::TCP, &[0; 19])), Err(R::BadTcpHeader));
    assert_eq!(whole(&ip(protocol::UDP, &[0; 7])), Err(R::BadUdpHeader));
    assert_eq!(
        whole(&ip(protocol::UDP, &[0, 1, 0, 1, 0, 9, 0, 0])),
        Err(R::BadUdpHeader)
    );
    assert_eq!(whole(&ip(protocol::ICMP, &[8; 7])), Err(R::BadIcmpHeader));
    let mut land = syn();
    land.copy_within(12..16, 16);
    assert_eq!(whole(&land), Err(R::LandAttack));
}

#[test]
fn fragments_have_no_ports() {
    let mut bytes = syn();
    bytes[6] = 0x20;
    let datagram = whole(&bytes).unwrap();
    assert!(datagram.is_fragment);
    assert_eq!(datagram.key, FlowKey::new(protocol::TCP, A, 0, B, 0));
    // The last fragment would end beyond 65535 bytes.
    bytes[6..8].copy_from_slice(&[0x1f, 0xff]);
    assert_eq!(whole(&bytes), Err(DropReason::FragmentOverlap));
}

#[test]
fn options_are_marked() {
    let mut bytes = syn();
    bytes[0] = 0x46;
    bytes[3] = 44;
    bytes.splice(20..20, [1, 1, 1, 0]);
    let datagram = whole(&bytes).unwrap();
    assert_eq!(
        (datagram.flags, datagram.l4_offset),
        (flag::HAS_OPTIONS, 24)
    );
    assert_eq!(datagram.key.sport, 4000);
}

#[test]
fn echo_has_its_identifier_in_both_ports() {
    let datagram = whole(&ip(protocol::ICMP, &[8, 0, 0, 0, 0x12, 0x34, 0, 1])).unwrap();
    assert_eq!(
        datagram.key,
        FlowKey::new(protocol::ICMP, A, 0x1234, B, 0x1234)
    );
    assert_eq!(datagram.detail, [8, 0]);
}

#[test]
fn an_error_belongs_to_the_flow_that_it_quotes() {
    // A router tells B about B's packet to A: the flow's key as a packet from A would have it.
    let mut sent_by_b = syn();
    sent_by_b[12..20].rotate_left(4);
    let mut message = vec![3, 4, 0, 0, 0, 0, 5, 0x78];
    message.extend_from_slice(&sent_by_b[..28]);
    let datagram = whole(&ip(protocol::ICMP, &message)).unwrap();
    assert_eq!(datagram.key, FlowKey::new(protocol::TCP, A, 80, B, 4000));
    assert_eq!(datagram.flags, flag::ICMP_ERROR);
    message.truncate(message.len() - 1);
    assert_eq!(
        whole(&ip(protocol::ICMP, &message)),
        Err(DropReason::BadIcmpHeader)
    );
}

/// What the short way has to say of a packet, by what the long one says.
fn expected_plain(packet: &[u8]) -> Option<Plain> {
    let datagram = whole(packet)
        .ok()
        .filter(|_| header_checksum_is_valid(packet))?;
    let ways = [protocol::TCP, protocol::UDP, protocol::ESP];
    let plain = ways.contains(&packet[9])
        && datagram.flags == 0
        && !datagram.is_fragment
        && usize::from(datagram.l3_len) >= PLAIN_LEN_MIN;
    assert!(!plain || usize::from(datagram.l4_offset) == ipv4::LEN);
    plain.then_some(Plain {
        key: datagram.key,
        l3_len: datagram.l3_len,
    })
}

#[test]
fn the_short_way_takes_what_is_whole_and_right() {
    let mut padded = syn();
    padded.extend_from_slice(&[0xee; 6]);
    let key = FlowKey::new(protocol::TCP, A, 4000, B, 80);
    assert_eq!(plain(&padded), Some(Plain { key, l3_len: 40 }));
    let udp = [&[0x0f, 0xa0, 0, 80, 0, 20, 0, 0], [7; 12].as_slice()].concat();
    let taken = plain(&ip(protocol::UDP, &udp)).expect("a plain packet");
    assert_eq!(taken.key, FlowKey::new(protocol::UDP, A, 4000, B, 80));
    let taken = plain(&ip(protocol::ESP, &[1; 40])).expect("a plain packet");
    assert_eq!(taken.key, FlowKey::new(protocol::ESP, A, 0, B, 0));
    assert_eq!(plain(&ip(protocol::ICMP, &[8; 40])), None);
    assert_eq!(plain(&syn()[..39]), None);
}

proptest! {
    #[test]
    fn the_short_way_agrees_with_the_long_one(
        proto in prop::sample::select(&[1_u8, 6, 17, 47, 50]),
        payload in prop::collection::vec(any::<u8>(), 0..60),
        header_words in prop_oneof![8 => Just(5_u8), 1 => 0_u8..16],
        udp_len in 0_u8..70,
        changes in prop::collection::vec((0..40_usize, any::<u8>()), 0..3),
        (sound, padding) in (prop::bool::weighted(0.8), 0_usize..8),
    ) {
        let mut bytes = ip(proto, &payload);
        if proto == protocol::TCP && payload.len() >= 14 {
            bytes[32] = header_words << 4;
        }
        if proto == protocol::UDP && payload.len() >= 8 {
            bytes[24..26].copy_from_slice(&[0, udp_len]);
        }
        for (at, value) in changes {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        if sound {
            let mut header = Ipv4::parse_mut(&mut bytes).expect("a header");
            header.fill_checksum();
        }
        bytes.extend(vec![0; padding]);
        prop_assert_eq!(plain(&bytes), expected_plain(&bytes));
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..120), proto in 0u8..20, plausible: bool,
    ) {
        if plausible && bytes.len() >= 20 {
            bytes[0] = 0x45;
            bytes[2] = 0;
            bytes[9] = proto;
        }
        if let Ok(datagram) = whole(&bytes) {
            prop_assert!(usize::from(datagram.l3_len) <= bytes.len());
            prop_assert!(datagram.l4_offset <= datagram.l3_len);
        }
        prop_assert_eq!(plain(&bytes), expected_plain(&bytes));
    }

    #[test]
    fn a_short_first_segment_is_refused_not_read(len in 0usize..41) {
        let bytes = syn();
        let parsed = parse(&bytes[..len.min(40)], bytes.len());
        prop_assert_eq!(parsed.is_ok(), len >= 40);
    }
}
