//! Sealing and opening together: every suite, both engines, every edge.

use std::sync::LazyLock;

use config::{Encryption, Hash, MaskedNet};
use proptest::prelude::*;

use super::tunnel_header::{fold, word_sum};
use super::*;
use crate::crypto::{Choice, EngineKind, Engines};
use crate::tunnel::SlotId;
use crate::verdict::DropReason;

const LOCAL: u32 = 0xc0000201;
const REMOTE: u32 = 0xc6336401;
const SPI: u32 = 0x1234_5678;

/// Engines are probed once: known answers are not what these tests are about.
static ENGINES: LazyLock<[Engines; EngineKind::ALL.len()]> =
    LazyLock::new(|| EngineKind::ALL.map(|kind| Engines::with(Choice::Fixed(kind))));

struct Keys {
    encryption: Vec<u8>,
    integrity: Vec<u8>,
}

fn keys(suite: Suite, seed: u8) -> Keys {
    let bytes = |len| (0..len).map(|at| seed.wrapping_mul(31).wrapping_add((at * 7) as u8));
    Keys {
        encryption: bytes(suite.encryption_key_len()).collect(),
        integrity: bytes(suite.integrity_key_len()).collect(),
    }
}

fn parameters(suite: Suite, keys: &Keys, esn: bool, udp: bool) -> SaParameters<'_> {
    SaParameters {
        spi: SPI,
        suite,
        encryption_key: &keys.encryption,
        integrity_key: &keys.integrity,
        local: LOCAL,
        remote: REMOTE,
        encapsulation: udp.then_some((4500, 33_000)),
        esn,
        replay_window: 64,
        lifetime_bytes: None,
        slot: SlotId::new(3),
        selectors: Selectors::between(MaskedNet::ANY, MaskedNet::ANY),
        spread: false,
    }
}

/// Both ends of a tunnel in one place.
struct Pair {
    outbound: OutboundSa,
    inbound: InboundSa,
    seal: SealScratch,
    open: OpenScratch,
}

impl Pair {
    fn new(suite: Suite, esn: bool, udp: bool, engines: [&Engines; 2]) -> Self {
        let keys = keys(suite, 5);
        Self::with(&parameters(suite, &keys, esn, udp), engines)
    }

    fn with(parameters: &SaParameters<'_>, [seal, open]: [&Engines; 2]) -> Self {
        Self {
            outbound: OutboundSa::build(parameters, seal).expect("keys fit"),
            inbound: InboundSa::build(parameters, open).expect("keys fit"),
            seal: SealScratch::new(seal, &[9; 16]).expect("there is memory"),
            open: OpenScratch::new(open).expect("there is memory"),
        }
    }

    fn seal(&mut self, inner: &[u8], sequence: u64) -> Vec<u8> {
        seal_one(&mut self.seal, &self.outbound, inner, sequence)
    }

    fn outer_len(&self) -> usize {
        self.outbound.head_len() - self.outbound.suite().esp_head_len()
    }

    /// Opens the ESP part of a whole outer packet; gives the inner packet.
    fn open(&mut self, outer: &[u8]) -> Result<Vec<u8>, DropReason> {
        let mut esp = outer[self.outer_len()..].to_vec();
        self.open_esp(&mut esp, outer[1])
    }

    fn open_esp(&mut self, esp: &mut [u8], outer_tos: u8) -> Result<Vec<u8>, DropReason> {
        let job = OpenJob::new(&self.inbound, esp, outer_tos);
        let opened = open_burst(&mut self.open, [job])[0]?;
        Ok(esp[opened.range()].to_vec())
    }
}

fn seal_one(scratch: &mut SealScratch, sa: &OutboundSa, inner: &[u8], sequence: u64) -> Vec<u8> {
    let mut packet = room(sa, inner);
    let job = SealJob {
        sa,
        sequence,
        packet: &mut packet,
        inner_len: inner.len(),
    };
    assert!(seal_burst(scratch, [job]).all());
    packet
}

fn room(sa: &OutboundSa, inner: &[u8]) -> Vec<u8> {
    let head = vec![0xee; sa.head_len()];
    let tail = vec![0xee; sa.tail_len(inner.len())];
    [&head, inner, &tail].concat()
}

/// An IPv4 packet of `len` bytes, at least 20.
fn ipv4(len: usize, tos: u8, dont_fragment: bool) -> Vec<u8> {
    let mut packet: Vec<u8> = (0..len).map(|at| (at * 13) as u8).collect();
    packet[..2].copy_from_slice(&[0x45, tos]);
    packet[2..4].copy_from_slice(&(len as u16).to_be_bytes());
    packet[4..12].copy_from_slice(&[7, 7, if dont_fragment { 0x40 } else { 0 }, 0, 63, 17, 0, 0]);
    let checksum = !fold(word_sum(&packet[..20]));
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet
}

fn gcm() -> Suite {
    Suite::new(Encryption::AesGcm128, None).expect("a suite")
}

fn cbc() -> Suite {
    Suite::new(Encryption::Aes256, Some(Hash::Sha256)).expect("a suite")
}

fn any_suite() -> impl Strategy<Value = Suite> {
    prop::sample::select(Suite::all().collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_one_engine_seals_the_other_opens(
        suite in any_suite(),
        esn in any::<bool>(),
        udp in any::<bool>(),
        len in 20usize..1500,
        low in 1u32..u32::MAX,
        mine in 0..EngineKind::ALL.len(),
    ) {
        let other = (mine + 1) % EngineKind::ALL.len();
        let engines = [&ENGINES[mine], &ENGINES[other]];
        let mut pair = Pair::new(suite, esn, udp, engines);
        let inner = ipv4(len, 0, true);
        let outer = pair.seal(&inner, u64::from(low));
        prop_assert_eq!(outer.len(), pair.outer_len() + pair.outbound.esp_len(len));
        prop_assert_eq!(pair.open(&outer), Ok(inner));
        prop_assert_eq!(pair.open(&outer), Err(DropReason::EspReplay));
        // The IV generator has the same key, so the other engine gives the same bytes.
        let mut swapped = Pair::new(suite, esn, udp, [&ENGINES[other], &ENGINES[mine]]);
        prop_assert_eq!(swapped.seal(&ipv4(len, 0, true), u64::from(low)), outer);
    }

    #[test]
    fn a_flipped_bit_never_opens(
        suite in any_suite(),
        kind in 0..EngineKind::ALL.len(),
        esn in any::<bool>(),
        len in 20usize..300,
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let mut pair = Pair::new(suite, esn, false, [&ENGINES[kind], &ENGINES[kind]]);
        let outer = pair.seal(&ipv4(len, 0, false), 77);
        let mut esp = outer[20..].to_vec();
        let at = at.index(esp.len());
        esp[at] ^= 1 << bit;
        let outcome = pair.open_esp(&mut esp, 0);
        // GCM and the HMACs cover the whole packet, the SPI too.
        prop_assert_eq!(outcome, Err(DropReason::EspAuthentication));
        prop_assert_eq!(pair.inbound.sequence(), 0);
        prop_assert_eq!(pair.inbound.not_authentic(), 1);
        prop_assert_eq!(pair.open(&outer).map(|inner| inner.len()), Ok(len));
    }

    #[test]
    fn inner_mtu_is_the_longest_that_fits(
        suite in any_suite(),
        udp in any::<bool>(),
        path_mtu in 100usize..9000,
    ) {
        let pair = Pair::new(suite, false, udp, [&ENGINES[0], &ENGINES[0]]);
        let sa = &pair.outbound;
        let sealed = |inner: usize| sa.head_len() + inner + sa.tail_len(inner);
        let inner_mtu = sa.inner_mtu(path_mtu);
        prop_assert!(inner_mtu == 0 || sealed(inner_mtu) <= path_mtu);
        prop_assert!(sealed(inner_mtu + 1) > path_mtu);
    }
}

proptest! {
    #[test]
    fn noise_is_never_opened(
        suite in any_suite(),
        kind in 0..EngineKind::ALL.len(),
        esn in any::<bool>(),
        mut esp in prop::collection::vec(any::<u8>(), 0..1600),
        tos in any::<u8>(),
    ) {
        let mut pair = Pair::new(suite, esn, false, [&ENGINES[kind], &ENGINES[kind]]);
        prop_assert!(pair.open_esp(&mut esp, tos).is_err());
        prop_assert_eq!(pair.inbound.sequence(), 0);
    }
}

#[test]
fn every_short_length_is_refused_without_a_panic() {
    for engines in &*ENGINES {
        for suite in Suite::all() {
            for esn in [false, true] {
                let mut pair = Pair::new(suite, esn, false, [engines, engines]);
                for len in 0..=128 {
                    let mut esp = vec![1; len];
                    let outcome = pair.open_esp(&mut esp, 0);
                    assert!(outcome.is_err(), "{suite} {len}");
                }
                assert_eq!(pair.inbound.packets(), 0);
            }
        }
    }
}

#[test]
fn a_burst_of_many_sas_and_sizes_goes_through_as_one_call() {
    let sas: Vec<Pair> = Suite::all()
        .enumerate()
        .map(|(at, suite)| {
            Pair::new(
                suite,
                at % 2 == 0,
                at % 3 == 0,
                [&ENGINES[at % EngineKind::ALL.len()]; 2],
            )
        })
        .collect();
    let inner: Vec<Vec<u8>> = (0..150).map(|at| ipv4(20 + at * 9, 0, true)).collect();
    let sa = |at: usize| &sas[at % sas.len()];
    let mut packets: Vec<_> = (0..inner.len())
        .map(|at| room(&sa(at).outbound, &inner[at]))
        .collect();
    let mut scratch = SealScratch::new(&ENGINES[0], &[1; 16]).expect("there is memory");
    let mut jobs = packets.iter_mut().enumerate().map(|(at, packet)| SealJob {
        sa: &sa(at).outbound,
        sequence: sa(at).outbound.reserve(inner[at].len()).expect("is young"),
        packet,
        inner_len: inner[at].len(),
    });
    for burst in [64, 64, 22] {
        let sealed = seal_burst(&mut scratch, jobs.by_ref().take(burst));
        assert!(sealed.all() && sealed.each().count() == burst);
    }
    let mut scratch = OpenScratch::new(&ENGINES[0]).expect("there is memory");
    let mut jobs = packets.iter_mut().enumerate().map(|(at, packet)| {
        let outer_len = sa(at).outer_len();
        OpenJob::new(&sa(at).inbound, &mut packet[outer_len..], 0)
    });
    let mut outcomes = Vec::new();
    for burst in [64, 64, 22] {
        let opened = open_burst(&mut scratch, jobs.by_ref().take(burst));
        assert_eq!(opened.len(), burst);
        outcomes.extend(opened);
    }
    for (at, (packet, outcome)) in packets.iter().zip(outcomes).enumerate() {
        let opened = outcome.expect("is authentic");
        assert_eq!(packet[sa(at).outer_len()..][opened.range()], inner[at]);
    }
}

#[test]
fn nothing_around_a_packet_is_touched() {
    const MARGIN: usize = 64;
    for engines in &*ENGINES {
        for suite in Suite::all() {
            let mut pair = Pair::new(suite, true, false, [engines, engines]);
            for (sequence, len) in (1..).zip([20, 21, 35, 64, 100, 127, 255, 577, 1400]) {
                let inner = ipv4(len, 0, false);
                let margin = [0xa5; MARGIN];
                let mut buffer = [&margin, &room(&pair.outbound, &inner)[..], &margin].concat();
                let end = buffer.len() - MARGIN;
                let job = SealJob {
                    sa: &pair.outbound,
                    sequence,
                    packet: &mut buffer[MARGIN..end],
                    inner_len: len,
                };
                assert!(seal_burst(&mut pair.seal, [job]).all());
                let job = OpenJob::new(&pair.inbound, &mut buffer[MARGIN + 20..end], 0);
                assert!(open_burst(&mut pair.open, [job])[0].is_ok());
                let around = [&buffer[..MARGIN], &buffer[end..]].concat();
                assert!(around.iter().all(|byte| *byte == 0xa5), "{suite} {len}");
            }
        }
    }
}

#[test]
fn a_failure_leaves_its_neighbours_alone() {
    for (engines, suite) in ENGINES
        .iter()
        .flat_map(|it| Suite::all().map(move |s| (it, s)))
    {
        let mut pair = Pair::new(suite, false, false, [engines, engines]);
        let mut packets: Vec<Vec<u8>> = (1..=20)
            .map(|sequence| pair.seal(&ipv4(200, 0, false), sequence)[20..].to_vec())
            .collect();
        for (at, packet) in packets.iter_mut().enumerate() {
            match at % 4 {
                1 => packet[30] ^= 0x80,
                2 => packet.truncate(packet.len() - 1),
                _ => {}
            }
        }
        let jobs = packets
            .iter_mut()
            .map(|packet| OpenJob::new(&pair.inbound, packet, 0));
        let outcomes = open_burst(&mut pair.open, jobs);
        for (at, outcome) in outcomes.iter().enumerate() {
            let expected = match at % 4 {
                1 => Err(DropReason::EspAuthentication),
                // GCM's text may have any length that is a whole number of words.
                2 => Err(DropReason::EspTruncated),
                _ => Ok(200),
            };
            assert_eq!(outcome.map(|opened| opened.len), expected, "{suite} {at}");
        }
        assert_eq!(pair.inbound.packets(), 10);
    }
}

#[test]
fn of_two_copies_in_one_burst_one_passes() {
    for suite in [gcm(), cbc()] {
        let mut pair = Pair::new(suite, true, false, [&ENGINES[1], &ENGINES[1]]);
        let first = pair.seal(&ipv4(100, 0, false), 9)[20..].to_vec();
        let (mut one, mut two) = (first.clone(), first);
        let jobs = [
            OpenJob::new(&pair.inbound, &mut one, 0),
            OpenJob::new(&pair.inbound, &mut two, 0),
        ];
        let outcomes = open_burst(&mut pair.open, jobs);
        assert!(outcomes[0].is_ok());
        assert_eq!(outcomes[1], Err(DropReason::EspReplay));
        assert_eq!((pair.inbound.packets(), pair.inbound.replayed()), (1, 1));
    }
}

#[test]
fn the_outer_header_is_what_the_rfcs_say() {
    for (udp, dont_fragment) in [(false, true), (false, false), (true, true), (true, false)] {
        let mut pair = Pair::new(gcm(), false, udp, [&ENGINES[0], &ENGINES[0]]);
        let outer = pair.seal(&ipv4(61, 0xba, dont_fragment), 0x0001_beef);
        assert_eq!(outer[..2], [0x45, 0xba]);
        assert_eq!(outer[2..4], (outer.len() as u16).to_be_bytes());
        let id: &[u8] = if dont_fragment {
            &[0, 0]
        } else {
            &[0xbe, 0xef]
        };
        assert_eq!(&outer[4..6], id);
        assert_eq!(outer[6..8], [if dont_fragment { 0x40 } else { 0 }, 0]);
        assert_eq!(outer[8..10], [64, if udp { 17 } else { 50 }]);
        assert_eq!(fold(word_sum(&outer[..20])), 0xffff);
        assert_eq!(outer[12..16], LOCAL.to_be_bytes());
        assert_eq!(outer[16..20], REMOTE.to_be_bytes());
        let esp = if udp {
            assert_eq!(outer[20..24], [0x11, 0x94, 0x80, 0xe8]);
            assert_eq!(outer[24..26], (outer.len() as u16 - 20).to_be_bytes());
            assert_eq!(outer[26..28], [0, 0]);
            &outer[28..]
        } else {
            &outer[20..]
        };
        assert_eq!(esp[..4], SPI.to_be_bytes());
        assert_eq!(esp[4..8], 0x0001_beef_u32.to_be_bytes());
        // RFC 4106: the explicit IV is the whole counter.
        assert_eq!(esp[8..16], 0x0001_beef_u64.to_be_bytes());
    }
}

#[test]
fn extended_sequence_numbers_cross_the_subspaces() {
    for engines in &*ENGINES {
        for suite in [gcm(), cbc()] {
            let mut pair = Pair::new(suite, true, false, [engines, engines]);
            // From a young window the end of the subspace looks like the one before the first.
            let far = [
                1,
                0x8000_0000,
                0xffff_fff0,
                0x1_0000_0003,
                0xffff_fff5,
                0x1_0000_0000,
            ];
            for sequence in far {
                let outer = pair.seal(&ipv4(90, 0, false), sequence);
                assert!(pair.open(&outer).is_ok(), "{suite} {sequence:#x}");
                assert_eq!(pair.open(&outer), Err(DropReason::EspReplay));
            }
            assert_eq!(pair.inbound.sequence(), 0x1_0000_0003);
        }
    }
}

#[test]
fn a_forged_jump_moves_nothing() {
    for engines in &*ENGINES {
        for suite in [gcm(), cbc()] {
            let mut pair = Pair::new(suite, true, false, [engines, engines]);
            for sequence in [0x8000_0000, 0x1_0000_0000 - 5] {
                let outer = pair.seal(&ipv4(90, 0, false), sequence);
                assert!(pair.open(&outer).is_ok());
            }
            let mut forged = pair.seal(&ipv4(90, 0, false), 0x1_0000_0007);
            // Authentic under subspace 1, taken for subspace 1 in `check`, but altered.
            forged[60] ^= 1;
            assert_eq!(pair.open(&forged), Err(DropReason::EspAuthentication));
            // Authentic, but two subspaces ahead: the guess is wrong and the ICV tells.
            let ahead = pair.seal(&ipv4(90, 0, false), 0x2_0000_0007);
            assert_eq!(pair.open(&ahead), Err(DropReason::EspAuthentication));
            assert_eq!(pair.inbound.sequence(), 0x1_0000_0000 - 5);
            let next = pair.seal(&ipv4(90, 0, false), 0x1_0000_0000 - 4);
            assert!(pair.open(&next).is_ok());
        }
    }
}

/// Seals `text`, whole blocks with padding and trailer, as it is.
fn seal_text(pair: &mut Pair, text: &[u8], sequence: u32) -> Vec<u8> {
    use crate::crypto::{Direction, PacketKey};
    assert!(pair.outbound.suite().is_gcm());
    let head = [&SPI.to_be_bytes()[..], &sequence.to_be_bytes(), &[3; 8]].concat();
    let mut esp = [&head, text, &[0; 16]].concat();
    let Some(PacketKey::Portable(key)) = pair.outbound.hot.keys.packet_key(text.len()) else {
        panic!("the portable engine is fixed");
    };
    let facts = gcm::GcmFacts {
        salt: pair.outbound.hot.salt,
        explicit: [3; 8],
        spi: SPI,
        sequence: u64::from(sequence),
        esn: false,
    };
    let mut jobs = [facts.job(key, &mut esp, 0).expect("a packet has room")];
    let mut workers = ENGINES[0].worker().expect("there is memory");
    workers.run(Direction::Seal, &mut jobs, &mut [], &mut []);
    assert!(jobs[0].done);
    esp
}

#[test]
fn an_authentic_packet_is_still_checked() {
    let mut pair = Pair::new(gcm(), false, false, [&ENGINES[0], &ENGINES[0]]);
    let inner = ipv4(60, 0, false);
    let with = |body: &[u8], trailer: &[u8]| [body, trailer].concat();
    let mut version = inner.clone();
    version[0] = 0x65;
    let mut header_len = inner.clone();
    header_len[0] = 0x44;
    let mut too_long = inner.clone();
    too_long[3] += 1;
    let cases = [
        (with(&inner, &[1, 2, 2, 4]), Ok(60)),
        // Traffic flow confidentiality: payload behind the inner packet.
        (with(&with(&inner, &[0; 40]), &[1, 2, 2, 4]), Ok(60)),
        (with(&inner, &[1, 2, 3, 4, 5, 6, 6, 4]), Ok(60)),
        (with(&inner, &[1, 3, 2, 4]), Err(DropReason::EspPadding)),
        (with(&inner, &[1, 2, 200, 4]), Err(DropReason::EspPadding)),
        (with(&inner, &[1, 2, 2, 59]), Err(DropReason::EspDummy)),
        (with(&inner, &[1, 2, 2, 41]), Err(DropReason::EspPadding)),
        (with(&[9; 10], &[0, 4]), Err(DropReason::BadIpHeader)),
        (vec![1, 2, 2, 4], Err(DropReason::BadIpHeader)),
        (vec![1, 2, 3, 4], Err(DropReason::EspPadding)),
        (with(&version, &[1, 2, 2, 4]), Err(DropReason::BadIpHeader)),
        (
            with(&header_len, &[1, 2, 2, 4]),
            Err(DropReason::BadIpHeader),
        ),
        (with(&too_long, &[1, 2, 2, 4]), Err(DropReason::BadIpHeader)),
    ];
    for (sequence, (text, expected)) in (1..).zip(cases) {
        let mut esp = seal_text(&mut pair, &text, sequence);
        let outcome = pair.open_esp(&mut esp, 0).map(|inner| inner.len());
        assert_eq!(outcome, expected, "{text:02x?}");
        // It was authentic, so its number is used up either way.
        assert_eq!(pair.inbound.sequence(), u64::from(sequence));
    }
}

#[test]
fn congestion_is_passed_on_or_the_packet_dropped() {
    let mut pair = Pair::new(cbc(), false, false, [&ENGINES[0], &ENGINES[0]]);
    for (sequence, (inner, outer, expected)) in (1..).zip([
        (0b10, 0b11, Ok(0b11)),
        (0b10, 0b01, Ok(0b01)),
        (0b11, 0b00, Ok(0b11)),
        (0b00, 0b10, Ok(0b00)),
        (0b00, 0b11, Err(DropReason::EspCongestion)),
    ]) {
        let mut packet = pair.seal(&ipv4(64, 0xb8 | inner, false), sequence);
        packet[1] = 0xb8 | outer;
        let opened = pair.open(&packet);
        assert_eq!(
            opened.as_ref().map(|inner| inner[1] & 3).map_err(|e| *e),
            expected
        );
        if let Ok(inner) = opened {
            assert_eq!(fold(word_sum(&inner[..20])), 0xffff);
            assert_eq!(inner[1] & 0xfc, 0xb8);
        }
    }
}

#[test]
fn an_inbound_lifetime_ends() {
    let keys = keys(cbc(), 5);
    let mut parameters = parameters(cbc(), &keys, false, false);
    parameters.lifetime_bytes = Some(800);
    let mut pair = Pair::with(&parameters, [&ENGINES[0], &ENGINES[0]]);
    for sequence in 1..=8 {
        assert_eq!(pair.inbound.take_soft(), sequence == 8);
        let outer = pair.seal(&ipv4(100, 0, false), sequence);
        assert!(pair.open(&outer).is_ok());
    }
    let outer = pair.seal(&ipv4(100, 0, false), 9);
    assert_eq!(pair.open(&outer), Err(DropReason::EspLifetime));
    assert_eq!((pair.inbound.packets(), pair.inbound.bytes()), (8, 800));
}

#[test]
fn wrong_room_is_not_sealed() {
    let mut pair = Pair::new(gcm(), false, false, [&ENGINES[0], &ENGINES[0]]);
    let inner = ipv4(60, 0, false);
    for (spare, inner_len) in [(-1, 60), (1, 60), (0, 57), (0, 19), (0, usize::MAX)] {
        let mut packet = room(&pair.outbound, &inner);
        packet.resize(packet.len().wrapping_add_signed(spare), 0);
        let job = SealJob {
            sa: &pair.outbound,
            sequence: 1,
            packet: &mut packet,
            inner_len,
        };
        assert!(
            !seal_burst(&mut pair.seal, [job]).all(),
            "{spare} {inner_len}"
        );
    }
}

#[test]
fn keys_of_the_wrong_length_and_reserved_spis_are_refused() {
    for suite in Suite::all() {
        let good = keys(suite, 5);
        let mut parameters = parameters(suite, &good, false, false);
        parameters.encryption_key = &good.encryption[1..];
        assert!(OutboundSa::build(&parameters, &ENGINES[0]).is_err());
        let long = [&good.encryption[..], &[0]].concat();
        parameters.encryption_key = &long;
        assert!(InboundSa::build(&parameters, &ENGINES[0]).is_err());
        parameters.encryption_key = &good.encryption;
        let long = [&good.integrity[..], &[0]].concat();
        parameters.integrity_key = &long;
        assert!(InboundSa::build(&parameters, &ENGINES[0]).is_err());
        parameters.integrity_key = &good.integrity;
        parameters.spi = 255;
        let error = OutboundSa::build(&parameters, &ENGINES[0]).err();
        assert_eq!(error, Some(BuildError::Spi(255)));
    }
}

#[test]
fn nothing_prints_a_key() {
    let keys = Keys {
        encryption: vec![0xab; cbc().encryption_key_len()],
        integrity: vec![0xab; cbc().integrity_key_len()],
    };
    let parameters = parameters(cbc(), &keys, false, false);
    let pair = Pair::with(&parameters, [&ENGINES[0], &ENGINES[1]]);
    let text = format!("{parameters:?} {:?} {:?}", pair.outbound, pair.inbound);
    assert!(!text.contains("171") && !text.contains("ab, ab"), "{text}");
}

#[test]
fn sas_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<OutboundSa>();
    shared::<InboundSa>();
    shared::<Engines>();
    sent::<SealScratch>();
    sent::<OpenScratch>();
}

#[test]
fn an_sa_in_udp_follows_its_peer_and_its_numbers_go_on() {
    let suite = Suite::all().next().expect("a suite");
    let (engines, keys) = (&ENGINES[0], keys(suite, 1));
    let parameters = parameters(suite, &keys, false, true);
    let outbound = OutboundSa::build(&parameters, engines).expect("keys fit");
    let mut head = [0; 36];
    let template = &outbound.hot.header;
    assert!(outbound.move_to(0xcb00_7105, 40_001));
    assert_eq!(outbound.reserve(100), Ok(1));
    template.words().write(&mut head, 100, 1, (0x2e, 0x4000));
    assert_eq!(head[16..20], [203, 0, 113, 5]);
    assert_eq!(head[22..24], 40_001_u16.to_be_bytes());
    assert!(crate::wire::checksum::is_valid(&head[..20]));
    let inbound = InboundSa::build(&parameters, engines).expect("keys fit");
    inbound.hot.window.advance(7).expect("fresh");
    inbound.hot.window.advance(6).expect("fresh");
    let (_, their_port) = parameters.encapsulation.expect("in UDP");
    assert!(!inbound.is_moved(7, REMOTE, their_port));
    assert!(!inbound.is_moved(6, REMOTE, 40_001), "an older packet");
    assert!(inbound.is_moved(7, REMOTE, 40_001));
    inbound.has_moved(REMOTE, 40_001);
    assert!(!inbound.is_moved(7, REMOTE, 40_001));
    let raw = SaParameters {
        encapsulation: None,
        ..parameters
    };
    let raw_outbound = OutboundSa::build(&raw, engines).expect("keys fit");
    assert!(!raw_outbound.move_to(0xcb00_7105, 40_001));
    let raw_inbound = InboundSa::build(&raw, engines).expect("keys fit");
    assert!(!raw_inbound.is_moved(0, 0xcb00_7105, 0));
}
