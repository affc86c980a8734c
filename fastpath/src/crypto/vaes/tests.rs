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
}

/// Keys of a burst: SAs of all three key lengths.
const KEYS: usize = 6;

fn key_bytes(key: usize, seed: u8) -> Vec<u8> {
    let len = suite(key).cipher_key_len();
    (0..len)
        .map(|at| (at * 29 + key * 7) as u8 ^ seed)
        .collect()
}

type Icv = [u8; 16];

/// Bytes, ICV and success of every packet of a burst.
type Outcome = Vec<(Vec<u8>, Icv, bool)>;

/// Bytes behind a packet.
const BEHIND: usize = 70;

/// What an engine makes of a burst; with `icvs` it opens, expecting them.
fn run<E: Engine>(
    engine: &E,
    worker: &mut E::Worker,
    cases: &[Case],
    seed: u8,
    icvs: Option<&[Icv]>,
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
        .enumerate()
        .map(|(at, case)| {
            let icv = icvs.map_or([0xdd; 16], |icvs| icvs[at]);
            let (head, behind) = (vec![0xee; case.skew + 16], [0xdd; BEHIND]);
            [&head, case.text.as_slice(), &icv, &behind].concat()
        })
        .collect();
    let mut jobs: Vec<CryptoJob<'_, E::Key>> = packets
        .iter_mut()
        .zip(cases)
        .map(|(packet, case)| {
            let end = packet.len() - BEHIND;
            let packet = &mut packet[case.skew..end];
            let job = CryptoJob::new(suite(case.key), &*keys[case.key], packet);
            let mut job = job.expect("a packet has room");
            job.iv = case.iv;
            let aad = &case.aad[..if case.extended { 12 } else { 8 }];
            assert!(job.set_aad(aad));
            job
        })
        .collect();
    match direction {
        Direction::Seal => E::seal(worker, &mut jobs),
        Direction::Open => E::open(worker, &mut jobs),
    }
    let done: Vec<bool> = jobs.iter().map(|job| job.done).collect();
    drop(jobs);
    let results = packets.iter().zip(cases).zip(done);
    results
        .map(|((packet, case), done)| {
            let (head, rest) = packet.split_at(case.skew + 16);
            let (text, rest) = rest.split_at(case.text.len());
            let (icv, behind) = rest.split_first_chunk().expect("an ICV");
            let untouched =
                head.iter().all(|byte| *byte == 0xee) && behind.iter().all(|byte| *byte == 0xdd);
            assert!(untouched, "bytes beside text and ICV were written");
            (text.to_vec(), *icv, done)
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
fn a_job_with_another_icv_is_not_touched() {
    let bytes = key_bytes(0, 0);
    let material = KeyMaterial::new(suite(0), &bytes, &[]).expect("keys fit");
    for vaes in Vaes::all() {
        let key = vaes
            .prepare(&material, Direction::Seal)
            .expect("the suite is there");
        for icv_len in (0..=32).filter(|len| *len != 16) {
            let mut packet = vec![1; 80];
            let job = CryptoJob::over(&*key, &mut packet, (16, icv_len));
            let mut jobs = [job.expect("it fits")];
            Vaes::seal(&mut { vaes }, &mut jobs);
            assert!(!jobs[0].done);
            assert!(packet.iter().all(|byte| *byte == 1));
        }
    }
}

fn any_case() -> impl Strategy<Value = Case> {
    let len = prop_oneof![0..130_usize, 0..300_usize, 0..2000_usize];
    let fixed = (any::<[u8; 16]>(), any::<[u8; 12]>(), any::<bool>());
    (0..KEYS, len, any::<u8>(), fixed, 0..64_usize).prop_map(
        |(key, len, fill, (iv, aad, extended), skew)| Case {
            key,
            text: (0..len).map(|at| (at as u8).wrapping_mul(fill)).collect(),
            iv,
            aad,
            extended,
            skew,
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
