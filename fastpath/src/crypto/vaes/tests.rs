//! The engine against published vectors, and against the two others on bursts of anything.

use config::Encryption;
use proptest::prelude::*;

use super::super::{CryptoJob, Direction, Engine, KeyMaterial, ipsec_mb, portable};
use super::*;
use crate::esp::Suite;

const ENCRYPTIONS: [Encryption; 3] = [
    Encryption::AesGcm128,
    Encryption::AesGcm192,
    Encryption::AesGcm256,
];

fn suite(key: usize) -> Suite {
    Suite::new(ENCRYPTIONS[key % 3], None).expect("a suite")
}

/// One packet of a burst.
#[derive(Clone, Debug)]
struct Case {
    /// Which of the burst's keys.
    key: usize,
    text: Vec<u8>,
    iv: [u8; 16],
    aad: [u8; 12],
    extended: bool,
    /// Bytes in front of the packet, so that it lies at any alignment.
    skew: usize,
    /// Bytes of the packet behind the text, at most 70.
    behind: usize,
}

/// Keys of a burst: SAs of all three key lengths.
const KEYS: usize = 6;

fn key_bytes(key: usize, seed: u8) -> Vec<u8> {
    let len = suite(key).cipher_key_len();
    (0..len)
        .map(|at| (at * 29 + key * 7) as u8 ^ seed)
        .collect()
}

/// Bytes, ICV and success of every packet of a burst.
type Outcome = Vec<(Vec<u8>, [u8; 32], bool)>;

/// What an engine makes of a burst; with `icvs` it opens, expecting them.
fn run<E: Engine>(
    engine: &E,
    worker: &mut E::Worker,
    cases: &[Case],
    seed: u8,
    icvs: Option<&[[u8; 32]]>,
) -> Outcome {
    let direction = match icvs {
        None => Direction::Seal,
        Some(_) => Direction::Open,
    };
    let keys: Vec<Box<E::Key>> = (0..KEYS)
        .map(|key| {
            let bytes = key_bytes(key, seed);
            let material = KeyMaterial::new(suite(key), &bytes, &[]).expect("keys fit");
            engine
                .prepare(&material, direction)
                .expect("the engine has the suite")
        })
        .collect();
    let mut packets: Vec<Vec<u8>> = cases
        .iter()
        .map(|case| {
            [
                &vec![0xee; case.skew + 16],
                case.text.as_slice(),
                &[0xdd; 70],
            ]
            .concat()
        })
        .collect();
    let mut jobs: Vec<CryptoJob<'_, E::Key>> = packets
        .iter_mut()
        .zip(cases)
        .map(|(packet, case)| {
            // Some packets end with their text, others behind it.
            let end = case.skew + 16 + case.text.len() + case.behind;
            let packet = &mut packet[case.skew..end];
            let mut job =
                CryptoJob::new(suite(case.key), &*keys[case.key], packet, case.text.len());
            (job.iv, job.aad) = (case.iv, case.aad);
            job.aad_len = if case.extended { 12 } else { 8 };
            job
        })
        .collect();
    if let Some(icvs) = icvs {
        for (job, icv) in jobs.iter_mut().zip(icvs) {
            job.icv = *icv;
        }
        E::open(worker, &mut jobs);
    } else {
        E::seal(worker, &mut jobs);
    }
    let results: Vec<_> = jobs.iter().map(|job| (job.icv, job.done)).collect();
    drop(jobs);
    let untouched = |packet: &[u8], case: &Case| {
        let (head, rest) = packet.split_at(case.skew + 16);
        head.iter().all(|byte| *byte == 0xee)
            && rest[case.text.len()..].iter().all(|byte| *byte == 0xdd)
    };
    for (packet, case) in packets.iter().zip(cases) {
        assert!(
            untouched(packet, case),
            "bytes beside the text were written"
        );
    }
    packets
        .into_iter()
        .zip(cases)
        .zip(results)
        .map(|((packet, case), (icv, done))| {
            let start = case.skew + 16;
            (packet[start..start + case.text.len()].to_vec(), icv, done)
        })
        .collect()
}

/// Panics unless two engines have sealed a burst alike.
fn same(cases: &[Case], mine: &Outcome, theirs: &Outcome) {
    for ((mine, theirs), case) in mine.iter().zip(theirs).zip(cases) {
        let (key, len) = (case.key, case.text.len());
        assert!(mine.2 && theirs.2, "key {key}, {len} bytes: sealed");
        assert!(mine.0 == theirs.0, "key {key}, {len} bytes: ciphertext");
        assert!(mine.1 == theirs.1, "key {key}, {len} bytes: ICV");
    }
}

/// As [`check_one`] on vectors of every width that the CPU has; nothing where it has none.
fn check(cases: &[Case], seed: u8, altered: &[Option<u8>]) {
    Vaes::all().for_each(|vaes| check_one(vaes, cases, seed, altered));
}

/// Seals with all engines, opens with ours, and again with some ICVs altered.
fn check_one(vaes: Vaes, cases: &[Case], seed: u8, altered: &[Option<u8>]) {
    let sealed = run(&vaes, &mut { vaes }, cases, seed, None);
    same(
        cases,
        &sealed,
        &run(&portable::Portable, &mut (), cases, seed, None),
    );
    let library = ipsec_mb::IpsecMb::new().expect("the library runs here");
    let mut lanes = ipsec_mb::Worker::new().expect("there is memory");
    same(
        cases,
        &sealed,
        &run(&library, &mut lanes, cases, seed, None),
    );
    let mut received = cases.to_vec();
    let mut icvs = Vec::new();
    for (at, (case, (text, icv, done))) in received.iter_mut().zip(&sealed).enumerate() {
        assert!(*done);
        case.text.clone_from(text);
        icvs.push(*icv);
        if let Some(bit) = altered.get(at).copied().flatten() {
            icvs[at][usize::from(bit) / 8 % 16] ^= 1 << (bit % 8);
        }
    }
    let opened = run(&vaes, &mut { vaes }, &received, seed, Some(&icvs));
    for (at, ((text, _, done), case)) in opened.iter().zip(cases).enumerate() {
        if altered.get(at).copied().flatten().is_some() {
            assert!(!done, "a packet with another ICV was opened");
            assert!(text.iter().all(|byte| *byte == 0), "its text is wiped");
        } else {
            assert!(done);
            assert!(text == &case.text, "{} bytes: plaintext", text.len());
        }
    }
}

fn case(key: usize, text_len: usize) -> Case {
    Case {
        key,
        text: (0..text_len).map(|at| (at * 11 + key) as u8).collect(),
        iv: [key as u8 ^ 0x5a; 16],
        aad: [text_len as u8; 12],
        extended: text_len.is_multiple_of(3),
        skew: text_len % 61,
        behind: text_len % 23,
    }
}

#[test]
fn every_length_agrees_with_the_other_engines() {
    for key in 0..3 {
        let cases: Vec<Case> = (0..2100).map(|len| case(key, len)).collect();
        for burst in cases.chunks(64) {
            check(burst, 1, &[]);
        }
    }
}

#[test]
fn counters_carry_into_their_higher_bytes() {
    let cases: Vec<Case> = [
        4000, 4047, 4048, 4064, 4079, 4080, 4096, 9000, 65_000, 65_535,
    ]
    .into_iter()
    .enumerate()
    .map(|(key, len)| case(key % KEYS, len))
    .collect();
    check(&cases, 2, &[]);
}

#[test]
fn every_bit_of_packet_and_icv_counts() {
    const LENS: [usize; 6] = [1, 64, 100, 200, 256, 700];
    for (vaes, len) in Vaes::all().flat_map(|vaes| LENS.map(|len| (vaes, len))) {
        let original = case(1, len);
        let sealed = run(
            &vaes,
            &mut { vaes },
            std::slice::from_ref(&original),
            3,
            None,
        );
        let (text, icv, _) = &sealed[0];
        let mut cases = Vec::new();
        let mut icvs = Vec::new();
        for bit in 0..8 * (len + 12 + 16) {
            let mut case = original.clone();
            case.extended = true;
            let mut expected = *icv;
            case.text.clone_from(text);
            let (byte, flip) = (bit / 8, 1 << (bit % 8));
            match byte.checked_sub(len) {
                None => case.text[byte] ^= flip,
                Some(at) if at < 12 => case.aad[at] ^= flip,
                Some(at) => expected[at - 12] ^= flip,
            }
            cases.push(case);
            icvs.push(expected);
        }
        let opened = run(&vaes, &mut { vaes }, &cases, 3, Some(&icvs));
        assert!(opened.iter().all(|(_, _, done)| !done));
    }
}

#[test]
fn a_job_that_does_not_fit_is_not_touched() {
    Vaes::all().for_each(check_misfits);
}

fn check_misfits(vaes: Vaes) {
    let bytes = key_bytes(0, 0);
    let material = KeyMaterial::new(suite(0), &bytes, &[]).expect("keys fit");
    let key = vaes
        .prepare(&material, Direction::Seal)
        .expect("the suite is there");
    let mut packets = [vec![1; 80], vec![1; 80], vec![1; 80]];
    let mut jobs: Vec<_> = packets
        .iter_mut()
        .map(|packet| CryptoJob::new(suite(0), &*key, packet, 64))
        .collect();
    jobs[0].text_len = 65;
    jobs[1].text_offset = usize::MAX;
    jobs[2].icv_len = 12;
    Vaes::seal(&mut { vaes }, &mut jobs);
    assert!(jobs.iter().all(|job| !job.done));
    drop(jobs);
    assert!(packets.iter().flatten().all(|byte| *byte == 1));
}

fn any_case() -> impl Strategy<Value = Case> {
    let len = prop_oneof![0..130_usize, 0..300_usize, 0..2000_usize];
    let fixed = (any::<[u8; 16]>(), any::<[u8; 12]>(), any::<bool>());
    (0..KEYS, len, any::<u8>(), fixed, (0..64_usize, 0..64_usize)).prop_map(
        |(key, len, fill, (iv, aad, extended), (skew, behind))| Case {
            key,
            text: (0..len).map(|at| (at as u8).wrapping_mul(fill)).collect(),
            iv,
            aad,
            extended,
            skew,
            behind,
        },
    )
}

proptest! {
    #[test]
    fn bursts_agree_with_the_other_engines(
        cases in prop::collection::vec(any_case(), 1..=64),
        altered in prop::collection::vec(prop::option::weighted(0.2, any::<u8>()), 64),
        seed: u8,
    ) {
        check(&cases, seed, &altered);
    }
}
