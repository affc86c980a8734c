use proptest::prelude::*;

use super::*;

/// A segment with these options (padded to words) and a right checksum between 1 and 2.
fn segment(flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let words = options.len().div_ceil(4);
    let mut bytes = vec![0; LEN];
    bytes[DATA_OFFSET] = ((LEN / 4 + words) as u8) << 4;
    bytes[FLAGS] = flags;
    bytes.extend_from_slice(options);
    bytes.resize(LEN + words * 4, 0);
    bytes.extend_from_slice(payload);
    let sum = checksum::of_segment(1, 2, protocol::TCP, &bytes);
    bytes[CHECKSUM..CHECKSUM + 2].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn packet(flags: u8, sequence: u32, acknowledgement: u32, payload: &[u8]) -> Vec<u8> {
    let mut tcp = segment(flags, &[], payload);
    let (mut header, _) = Tcp::parse_mut(&mut tcp).unwrap();
    header.set_src_port(4000);
    header.set_dst_port(80);
    header.set_sequence(sequence);
    header.set_acknowledgement(acknowledgement);
    let mut bytes = Ipv4::emit(0x0a00_0001, 0x0a00_0002, 6, tcp.len())
        .0
        .to_vec();
    bytes.append(&mut tcp);
    bytes
}

#[test]
fn options_of_a_linux_syn() {
    // MSS 1460, SACK permitted, timestamps, no-operation, window scale 7.
    let options = [
        2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7,
    ];
    let bytes = segment(flag::SYN, &options, &[]);
    assert_eq!(Options::of(&bytes).mss(), Some((2, 1460)));
    assert_eq!(Options::of(&bytes).window_scale(), Some(7));
    let kinds: Vec<u8> = Options::of(&bytes).map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, [2, 4, 8, 3]);
}

#[test]
fn broken_options_end_the_walk() {
    for options in [
        &[1, 2, 4, 5][..],
        &[2, 0, 5, 5],
        &[2, 1, 5, 5],
        &[8, 40, 0, 0],
        &[2],
    ] {
        let bytes = segment(flag::SYN, options, &[]);
        assert_eq!(Options::of(&bytes).mss(), None, "{options:?}");
    }
    let large = segment(flag::SYN, &[3, 3, 200], &[]);
    assert_eq!(Options::of(&large).window_scale(), Some(WINDOW_SCALE_MAX));
}

#[test]
fn mss_is_clamped_both_ways() {
    let bounds = MssBounds { max: 1380, min: 0 };
    assert_eq!(bounds.clamp(1460), 1380);
    assert_eq!(bounds.clamp(536), 536);
    assert_eq!(MssBounds { max: 0, min: 0 }.clamp(9000), 9000);
    assert_eq!(
        MssBounds {
            max: 1380,
            min: 600
        }
        .clamp(536),
        600
    );
    assert_eq!(MssBounds { max: 500, min: 600 }.clamp(400), 500);
}

#[test]
fn flags_of_scanners_are_not_sane() {
    use flag::{ACK, FIN, PSH, RST, SYN, URG};
    for flags in [
        SYN,
        SYN | ACK,
        ACK,
        ACK | FIN,
        RST,
        RST | ACK,
        PSH | ACK,
        0xc0 | SYN,
    ] {
        assert!(flags_are_sane(flags), "{flags:#x}");
    }
    for flags in [
        0,
        FIN,
        SYN | FIN,
        SYN | RST,
        FIN | RST | ACK,
        FIN | PSH | URG,
        PSH,
        URG,
    ] {
        assert!(!flags_are_sane(flags), "{flags:#x}");
    }
}

#[test]
fn a_syn_is_answered_with_its_acknowledgement() {
    let answer = reset(&packet(flag::SYN, 1000, 0, &[])).unwrap();
    let ip = Ipv4::parse(&answer).unwrap();
    assert_eq!((ip.src(), ip.dst()), (0x0a00_0002, 0x0a00_0001));
    assert!(checksum::is_valid(&answer[..ipv4::LEN]));
    let (tcp, _) = Tcp::parse(&answer[ipv4::LEN..]).unwrap();
    assert_eq!((tcp.src_port(), tcp.dst_port()), (80, 4000));
    assert_eq!((tcp.sequence(), tcp.acknowledgement()), (0, 1001));
    assert_eq!(tcp.flags(), flag::RST | flag::ACK);
    let (src, dst) = (ip.src(), ip.dst());
    assert!(checksum::segment_is_valid(
        src,
        dst,
        6,
        &answer[ipv4::LEN..]
    ));
}

#[test]
fn an_acknowledgement_is_answered_at_its_number() {
    let answer = reset(&packet(flag::ACK | flag::PSH, 5, 777, b"data")).unwrap();
    let (tcp, _) = Tcp::parse(&answer[ipv4::LEN..]).unwrap();
    assert_eq!((tcp.sequence(), tcp.acknowledgement()), (777, 0));
    assert_eq!(tcp.flags(), flag::RST);
}

#[test]
fn a_reset_is_never_answered() {
    assert!(reset(&packet(flag::RST, 5, 0, &[])).is_none());
    assert!(reset(&packet(flag::RST | flag::ACK, 5, 0, &[])).is_none());
    let mut fragment = packet(flag::SYN, 5, 0, &[]);
    fragment[6] = 0x20;
    assert!(reset(&fragment).is_none());
}

proptest! {
    #[test]
    fn a_rewritten_mss_keeps_the_checksum(
        padding in 0usize..4, mss: u16, max in 1u16..,
        payload in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let mut options = vec![option_kind::NO_OPERATION; padding];
        options.extend_from_slice(&[2, 4]);
        options.extend_from_slice(&mss.to_be_bytes());
        let mut bytes = segment(flag::SYN, &options, &payload);
        let changed = rewrite_mss(&mut bytes, MssBounds { max, min: 0 });
        prop_assert_eq!(changed.is_some(), mss > max);
        prop_assert_eq!(Options::of(&bytes).mss(), Some((padding + 2, mss.min(max))));
        prop_assert!(checksum::segment_is_valid(1, 2, protocol::TCP, &bytes));
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let kinds = Options::of(&bytes).count();
        prop_assert!(kinds <= 20);
        let len = bytes.len();
        let _changed = rewrite_mss(&mut bytes, MssBounds { max: 1, min: 0 });
        prop_assert_eq!(bytes.len(), len);
        if let Some(answer) = reset(&bytes) {
            prop_assert!(reset(&answer).is_none());
        }
    }
}
