//! Known answers: an engine that gives another one is not used.
//!
//! First each algorithm against published vectors, several packets in one call so that lanes are
//! shared; then, for every engine but the portable one, all suites with bursts of mixed lengths
//! against the portable one.

mod vectors;

use config::{Encryption, Hash};

use super::engine::{Direction, Engine, KeyMaterial};
use super::{CryptoJob, portable};
use crate::esp::Suite;
use vectors::{CIPHER_VECTORS, CipherVector, HMAC_VECTORS, HmacVector};

/// Packets of one known answer: more than any engine has lanes.
const LANES: usize = 19;

/// Whether the engine gives the published answers of the algorithms that it has.
pub(super) fn published<E: Engine>(engine: &E, worker: &mut E::Worker) -> bool {
    CIPHER_VECTORS
        .iter()
        .all(|vector| check_cipher(engine, worker, vector).is_some())
        && HMAC_VECTORS
            .iter()
            .all(|vector| check_hmac(engine, worker, vector).is_some())
}

fn check_cipher<E: Engine>(
    engine: &E,
    worker: &mut E::Worker,
    vector: &CipherVector,
) -> Option<()> {
    let suite = Suite::new(vector.encryption, None)
        .or_else(|| Suite::new(vector.encryption, Some(Hash::Sha1)))?;
    if !E::has(suite) {
        return Some(());
    }
    let (key, plaintext) = (bytes(vector.key), bytes(vector.plaintext));
    let (_, integrity) = any_keys(suite);
    let material = KeyMaterial::new(suite, &key, &integrity)?;
    let seal = engine.prepare(&material, Direction::Seal)?;
    let open = engine.prepare(&material, Direction::Open)?;
    let head_len = suite.esp_head_len();
    let mut packets: Vec<Vec<u8>> = (0..LANES)
        .map(|lane| {
            let (head, icv) = (vec![lane as u8; head_len], vec![0; suite.icv_len()]);
            [&head, plaintext.as_slice(), &icv].concat()
        })
        .collect();
    let mut jobs = Vec::with_capacity(LANES);
    for packet in &mut packets {
        let mut job = CryptoJob::new(suite, &*seal, packet)?;
        fill(&mut job.iv, &bytes(vector.iv));
        job.set_aad(&bytes(vector.aad)).then_some(())?;
        jobs.push(job);
    }
    E::seal(worker, &mut jobs);
    let ciphertext = bytes(vector.ciphertext);
    let icv = bytes(vector.icv);
    for job in &mut jobs {
        let fits = job.done && job.text() == ciphertext && job.icv().starts_with(&icv);
        fits.then_some(())?;
        job.key = &*open;
    }
    E::open(worker, &mut jobs);
    let mut opened = jobs.iter_mut();
    opened
        .all(|job| job.done && job.text() == plaintext)
        .then_some(())
}

/// Opens packets that consist of the vector's text, every third with one bit of the ICV changed.
fn check_hmac<E: Engine>(engine: &E, worker: &mut E::Worker, vector: &HmacVector) -> Option<()> {
    let suite = Suite::new(Encryption::Des, Some(vector.hash))?;
    if !E::has(suite) {
        return Some(());
    }
    let (cipher, _) = any_keys(suite);
    let integrity = vec![vector.key; suite.integrity_key_len()];
    let material = KeyMaterial::new(suite, &cipher, &integrity)?;
    let key = engine.prepare(&material, Direction::Open)?;
    let icv = bytes(vector.icv);
    let icv = icv.get(..suite.icv_len())?;
    let mut packets = vec![[vector.text, icv].concat(); LANES];
    let mut jobs = Vec::with_capacity(LANES);
    for (lane, packet) in packets.iter_mut().enumerate() {
        // The text is ciphertext as far as it has whole blocks.
        let ranges = ((vector.text.len() % 8) as u8, suite.icv_len() as u8);
        let mut job = CryptoJob::over(&*key, packet, ranges)?;
        job.icv()[0] ^= u8::from(is_altered(lane));
        jobs.push(job);
    }
    E::open(worker, &mut jobs);
    jobs.iter()
        .enumerate()
        .all(|(lane, job)| job.done != is_altered(lane))
        .then_some(())
}

/// Every third lane gets an ICV that does not fit.
const fn is_altered(lane: usize) -> bool {
    lane % 3 == 2
}

/// Whether the engine does the same as the portable one, for every suite that it has.
pub(super) fn agrees<E: Engine>(engine: &E, worker: &mut E::Worker) -> bool {
    Suite::all().filter(|suite| E::has(*suite)).all(|suite| {
        let odd = |lane| if suite.is_gcm() { 4 * (lane % 4) } else { 0 };
        // All different, and four alike each: engines may take equal ones together. Those of DES
        // are short, because it may be slow.
        let blocks_max = if suite.is_des() { 6 } else { usize::MAX };
        let different = |lane| (1 + lane * 5 % blocks_max) * 16 - odd(lane);
        let alike = |lane| (1 + lane / 4 * 9 % blocks_max) * 16 - odd(lane);
        [
            (0..LANES).map(different).collect(),
            (0..LANES).map(alike).collect(),
        ]
        .iter()
        .all(|text_lens: &Vec<usize>| {
            let mine = seal_and_open(engine, worker, suite, text_lens);
            let theirs = seal_and_open(&portable::Portable, &mut (), suite, text_lens);
            mine.is_some() && mine == theirs
        })
    })
}

/// Sealed packets of a burst that also opens again, unless an ICV is altered.
fn seal_and_open<E: Engine>(
    engine: &E,
    worker: &mut E::Worker,
    suite: Suite,
    text_lens: &[usize],
) -> Option<Vec<Vec<u8>>> {
    let (cipher, integrity) = any_keys(suite);
    let material = KeyMaterial::new(suite, &cipher, &integrity)?;
    let seal = engine.prepare(&material, Direction::Seal)?;
    let open = engine.prepare(&material, Direction::Open)?;
    let beside = suite.esp_head_len() + suite.icv_len();
    let mut packets: Vec<Vec<u8>> = text_lens
        .iter()
        .map(|len| (0..beside + len).map(|at| at as u8).collect())
        .collect();
    let before = packets.clone();
    let mut jobs = Vec::with_capacity(LANES);
    for (lane, packet) in packets.iter_mut().enumerate() {
        let mut job = CryptoJob::new(suite, &*seal, packet)?;
        job.iv = [lane as u8; 16];
        let aad_len = 8 + 4 * (lane % 2);
        job.set_aad(&[lane as u8; 12][..aad_len]).then_some(())?;
        jobs.push(job);
    }
    E::seal(worker, &mut jobs);
    let sealed = jobs
        .iter_mut()
        .map(|job| job.done.then(|| job.packet().to_vec()))
        .collect::<Option<Vec<_>>>()?;
    for (lane, job) in jobs.iter_mut().enumerate() {
        job.key = &*open;
        job.icv()[0] ^= u8::from(is_altered(lane));
    }
    E::open(worker, &mut jobs);
    let mut opened = jobs.iter_mut().zip(&before).enumerate();
    opened
        .all(|(lane, (job, before))| {
            let text_end = before.len() - suite.icv_len();
            let is_as_before = job.packet()[..text_end] == before[..text_end];
            job.done != is_altered(lane) && (is_altered(lane) || is_as_before)
        })
        .then_some(sealed)
}

/// Some keys of the right lengths; not secret.
pub(super) fn any_keys(suite: Suite) -> (Vec<u8>, Vec<u8>) {
    let cipher = (0..suite.cipher_key_len()).map(|at| (at * 37 + 11) as u8);
    let integrity = (0..suite.integrity_key_len()).map(|at| (at * 91 + 5) as u8);
    (cipher.collect(), integrity.collect())
}

/// Copies `from` to the start of `to`.
fn fill(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// The bytes of a vector.
fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| {
            pair.iter().fold(0, |byte, digit| {
                byte << 4 | (*digit as char).to_digit(16).unwrap_or(0) as u8
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::ipsec_mb::{IpsecMb, Worker};
    use crate::crypto::vaes::Vaes;

    /// The portable engine with one fault.
    struct Broken<const FAULT: u8>;

    const WRONG_BIT: u8 = 0;
    const ACCEPTS_ALL: u8 = 1;

    impl<const FAULT: u8> Engine for Broken<FAULT> {
        type Key = portable::Key;
        type Worker = ();

        fn prepare(
            &self,
            material: &KeyMaterial<'_>,
            direction: Direction,
        ) -> Option<Box<portable::Key>> {
            portable::Portable.prepare(material, direction)
        }

        fn seal((): &mut (), jobs: &mut [CryptoJob<'_, portable::Key>]) {
            portable::Portable::seal(&mut (), jobs);
            if FAULT == WRONG_BIT
                && let Some(job) = jobs.last_mut()
            {
                job.text()[0] ^= 1;
            }
        }

        fn open((): &mut (), jobs: &mut [CryptoJob<'_, portable::Key>]) {
            portable::Portable::open(&mut (), jobs);
            for job in jobs.iter_mut().filter(|_| FAULT == ACCEPTS_ALL) {
                job.done = true;
            }
        }
    }

    #[test]
    fn the_portable_engine_gives_the_published_answers() {
        for vector in CIPHER_VECTORS {
            let checked = check_cipher(&portable::Portable, &mut (), vector);
            assert!(checked.is_some(), "{:?} {}", vector.encryption, vector.key);
        }
        for vector in HMAC_VECTORS {
            let checked = check_hmac(&portable::Portable, &mut (), vector);
            assert!(checked.is_some(), "{:?} {}", vector.hash, vector.key);
        }
    }

    #[test]
    fn ipsec_mb_gives_the_published_answers() {
        let engine = IpsecMb::new().expect("the library runs here");
        let mut worker = Worker::new().expect("there is memory");
        for vector in CIPHER_VECTORS {
            let checked = check_cipher(&engine, &mut worker, vector);
            assert!(checked.is_some(), "{:?} {}", vector.encryption, vector.key);
        }
        for vector in HMAC_VECTORS {
            let checked = check_hmac(&engine, &mut worker, vector);
            assert!(checked.is_some(), "{:?} {}", vector.hash, vector.key);
        }
        assert!(agrees(&engine, &mut worker));
    }

    #[test]
    fn our_own_gcm_gives_the_published_answers() {
        for mut engine in Vaes::all() {
            for vector in CIPHER_VECTORS {
                let checked = check_cipher(&{ engine }, &mut engine, vector);
                assert!(checked.is_some(), "{:?} {}", vector.encryption, vector.key);
            }
            assert!(agrees(&{ engine }, &mut engine));
        }
    }

    #[test]
    fn a_broken_engine_is_found_out() {
        assert!(!published(&Broken::<WRONG_BIT>, &mut ()));
        assert!(!agrees(&Broken::<WRONG_BIT>, &mut ()));
        assert!(!published(&Broken::<ACCEPTS_ALL>, &mut ()));
        assert!(!agrees(&Broken::<ACCEPTS_ALL>, &mut ()));
    }
}
