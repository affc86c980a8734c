//! Known answers: an engine that gives another one is not used.
//!
//! First each algorithm against published vectors, several packets in one call so that lanes are
//! shared; then, for every engine but the portable one, all suites with bursts of mixed lengths
//! against the portable one.

use config::{Encryption, Hash};

use super::engine::{Direction, Engine, KeyMaterial};
use super::{CryptoJob, portable};
use crate::esp::Suite;

/// A cipher's vector.
struct CipherVector {
    encryption: Encryption,
    key: &'static str,
    /// IV or nonce.
    iv: &'static str,
    aad: &'static str,
    plaintext: &'static str,
    ciphertext: &'static str,
    /// GCM only.
    icv: &'static str,
}

/// Blocks of NIST SP 800-38A appendix F.
const NIST_PLAINTEXT: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
const NIST_IV: &str = "000102030405060708090a0b0c0d0e0f";
/// Text and nonce of the GCM specification's test cases 3, 9 and 15.
const GCM_PLAINTEXT: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
const GCM_NONCE: &str = "cafebabefacedbaddecaf888";

const CIPHER_VECTORS: &[CipherVector] = &[
    // RFC 3602 section 4, case 1.
    cbc(
        Encryption::Aes128,
        "06a9214036b8a15b512e03d534120006",
        "3dafba429d9eb430b422da802c9fac41",
        "53696e676c6520626c6f636b206d7367",
        "e353779c1079aeb82708942dbe77181a",
    ),
    // RFC 3602 section 4, case 2.
    cbc(
        Encryption::Aes128,
        "c286696d887c9aa0611bbb3e2025a45a",
        "562e17996d093d28ddb3ba695a2e6f58",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1",
    ),
    // NIST SP 800-38A F.2.3.
    cbc(
        Encryption::Aes192,
        "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
        NIST_IV,
        NIST_PLAINTEXT,
        "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a",
    ),
    // NIST SP 800-38A F.2.5.
    cbc(
        Encryption::Aes256,
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        NIST_IV,
        NIST_PLAINTEXT,
        "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
    ),
    // FIPS PUB 81 appendix C.
    cbc(
        Encryption::Des,
        "0123456789abcdef",
        "1234567890abcdef",
        "4e6f77206973207468652074696d6520666f7220616c6c20",
        "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6",
    ),
    // NIST SP 800-67 appendix B, the first block; with a zero IV, CBC is ECB there.
    cbc(
        Encryption::TripleDes,
        "0123456789abcdef23456789abcdef01456789abcdef0123",
        "0000000000000000",
        "5468652071756663",
        "a826fd8ce53b855f",
    ),
    gcm(
        Encryption::AesGcm128,
        "feffe9928665731c6d6a8f9467308308",
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e\
         21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
        "4d5c2af327cd64a62cf35abd2ba6fab4",
    ),
    gcm(
        Encryption::AesGcm192,
        "feffe9928665731c6d6a8f9467308308feffe9928665731c",
        "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c\
         7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710acade256",
        "9924a7c8587336bfb118024db8674a14",
    ),
    gcm(
        Encryption::AesGcm256,
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
         8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
        "b094dac5d93471bdec1a502270e3cc6c",
    ),
    // An ESP packet of draft-mcgrew-gcm-test section 2 with an extended sequence number.
    CipherVector {
        encryption: Encryption::AesGcm128,
        key: "4c80cdefbb5d10da906ac73c3613a634",
        iv: "2e443b684956ed7e3b244cfe",
        aad: "000043218765432100000000",
        plaintext: "45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000\
                    00000000045f736970045f756470037369700963796265726369747902646b00\
                    0021000101020201",
        ciphertext: "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34\
                     cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce\
                     61bc17d768fd9732",
        icv: "459018148f6cbe722fd04796562dfdb4",
    },
];

const fn cbc(
    encryption: Encryption,
    key: &'static str,
    iv: &'static str,
    plaintext: &'static str,
    ciphertext: &'static str,
) -> CipherVector {
    CipherVector {
        encryption,
        key,
        iv,
        aad: "",
        plaintext,
        ciphertext,
        icv: "",
    }
}

const fn gcm(
    encryption: Encryption,
    key: &'static str,
    ciphertext: &'static str,
    icv: &'static str,
) -> CipherVector {
    CipherVector {
        encryption,
        key,
        iv: GCM_NONCE,
        aad: "",
        plaintext: GCM_PLAINTEXT,
        ciphertext,
        icv,
    }
}

/// An HMAC's vector: a key of equal bytes, and the ICV truncated as ESP does.
struct HmacVector {
    hash: Hash,
    key: u8,
    text: &'static [u8],
    icv: &'static str,
}

/// Text of the cases 1.
const HI_THERE: &[u8] = b"Hi There";
/// Text of the cases 3.
const FIFTY_DD: &[u8] = &[0xdd; 50];

/// RFC 2202 sections 2 and 3, RFC 4868 sections 2.7.2.1 to 2.7.2.3: cases 1 and 3.
const HMAC_VECTORS: &[HmacVector] = &[
    hmac(Hash::Md5, 0x0b, HI_THERE, "9294727a3638bb1c13f48ef8"),
    hmac(Hash::Md5, 0xaa, FIFTY_DD, "56be34521d144c88dbb8c733"),
    hmac(Hash::Sha1, 0x0b, HI_THERE, "b617318655057264e28bc0b6"),
    hmac(Hash::Sha1, 0xaa, FIFTY_DD, "125d7342b9ac11cd91a39af4"),
    hmac(
        Hash::Sha256,
        0x0b,
        HI_THERE,
        "198a607eb44bfbc69903a0f1cf2bbdc5",
    ),
    hmac(
        Hash::Sha256,
        0xaa,
        FIFTY_DD,
        "cdcb1220d1ecccea91e53aba3092f962",
    ),
    hmac(
        Hash::Sha384,
        0x0b,
        HI_THERE,
        "b6a8d5636f5c6a7224f9977dcf7ee6c7fb6d0c48cbdee973",
    ),
    hmac(
        Hash::Sha384,
        0xaa,
        FIFTY_DD,
        "809f439be00274321d4a538652164b53554a508184a0c316",
    ),
    hmac(
        Hash::Sha512,
        0x0b,
        HI_THERE,
        "637edc6e01dce7e6742a99451aae82df23da3e92439e590e43e761b33e910fb8",
    ),
    hmac(
        Hash::Sha512,
        0xaa,
        FIFTY_DD,
        "2ee7acd783624ca9398710f3ee05ae41b9f9b0510c87e49e586cc9bf961733d8",
    ),
];

const fn hmac(hash: Hash, key: u8, text: &'static [u8], icv: &'static str) -> HmacVector {
    HmacVector {
        hash,
        key,
        text,
        icv,
    }
}

/// Packets of one known answer: more than any engine has lanes.
const LANES: usize = 19;

/// Whether the engine gives the published answers.
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
    let (key, plaintext) = (bytes(vector.key), bytes(vector.plaintext));
    let (_, integrity) = any_keys(suite);
    let material = KeyMaterial::new(suite, &key, &integrity)?;
    let seal = engine.prepare(&material, Direction::Seal)?;
    let open = engine.prepare(&material, Direction::Open)?;
    let head_len = suite.esp_head_len();
    let mut packets: Vec<Vec<u8>> = (0..LANES)
        .map(|lane| [&vec![lane as u8; head_len], plaintext.as_slice()].concat())
        .collect();
    let mut jobs: Vec<_> = packets
        .iter_mut()
        .map(|packet| {
            let mut job = CryptoJob::new(suite, &*seal, packet, plaintext.len());
            fill(&mut job.iv, &bytes(vector.iv));
            job.aad_len = fill(&mut job.aad, &bytes(vector.aad));
            job
        })
        .collect();
    E::seal(worker, &mut jobs);
    let ciphertext = bytes(vector.ciphertext);
    let icv = bytes(vector.icv);
    for job in &mut jobs {
        let fits = job.done && job.text() == ciphertext && job.icv.starts_with(&icv);
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
    let (cipher, _) = any_keys(suite);
    let integrity = vec![vector.key; suite.integrity_key_len()];
    let material = KeyMaterial::new(suite, &cipher, &integrity)?;
    let key = engine.prepare(&material, Direction::Open)?;
    let mut packets = vec![vector.text.to_vec(); LANES];
    let mut jobs: Vec<_> = packets
        .iter_mut()
        .enumerate()
        .map(|(lane, packet)| {
            // The text is ciphertext as far as it has whole blocks.
            let rest = packet.len() % 8;
            let text_len = packet.len() - rest;
            let mut job = CryptoJob::new(suite, &*key, packet, text_len);
            job.text_offset = rest;
            job.authenticated_len = rest + text_len;
            fill(&mut job.icv, &bytes(vector.icv));
            job.icv[0] ^= u8::from(is_altered(lane));
            job
        })
        .collect();
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

/// Whether the engine does the same as the portable one, for every suite.
pub(super) fn agrees<E: Engine>(engine: &E, worker: &mut E::Worker) -> bool {
    Suite::all().all(|suite| {
        let text_lens: Vec<usize> = (0..LANES)
            .map(|lane| {
                let odd = if suite.is_gcm() { 4 * (lane % 4) } else { 0 };
                (1 + lane * 5) * 16 - odd
            })
            .collect();
        let mine = seal_and_open(engine, worker, suite, &text_lens);
        let theirs = seal_and_open(&portable::Portable, &mut (), suite, &text_lens);
        mine.is_some() && mine == theirs
    })
}

/// Sealed packets and ICVs of a burst that also opens again, unless an ICV is altered.
fn seal_and_open<E: Engine>(
    engine: &E,
    worker: &mut E::Worker,
    suite: Suite,
    text_lens: &[usize],
) -> Option<Vec<(Vec<u8>, [u8; 32])>> {
    let (cipher, integrity) = any_keys(suite);
    let material = KeyMaterial::new(suite, &cipher, &integrity)?;
    let seal = engine.prepare(&material, Direction::Seal)?;
    let open = engine.prepare(&material, Direction::Open)?;
    let mut packets: Vec<Vec<u8>> = text_lens
        .iter()
        .map(|len| (0..suite.esp_head_len() + len).map(|at| at as u8).collect())
        .collect();
    let before = packets.clone();
    let mut jobs: Vec<_> = packets
        .iter_mut()
        .zip(text_lens)
        .enumerate()
        .map(|(lane, (packet, len))| {
            let mut job = CryptoJob::new(suite, &*seal, packet, *len);
            job.iv = [lane as u8; 16];
            job.aad = [lane as u8; 12];
            job.aad_len = 8 + 4 * (lane % 2);
            job
        })
        .collect();
    E::seal(worker, &mut jobs);
    let sealed = jobs
        .iter()
        .map(|job| job.done.then(|| (job.packet.to_vec(), job.icv)))
        .collect::<Option<Vec<_>>>()?;
    for (lane, job) in jobs.iter_mut().enumerate() {
        job.key = &*open;
        job.icv[0] ^= u8::from(is_altered(lane));
    }
    E::open(worker, &mut jobs);
    let mut opened = jobs.iter().zip(&before).enumerate();
    opened
        .all(|(lane, (job, before))| {
            if is_altered(lane) {
                !job.done
            } else {
                job.done && *job.packet == *before
            }
        })
        .then_some(sealed)
}

/// Some keys of the right lengths; not secret.
pub(super) fn any_keys(suite: Suite) -> (Vec<u8>, Vec<u8>) {
    let cipher = (0..suite.cipher_key_len()).map(|at| (at * 37 + 11) as u8);
    let integrity = (0..suite.integrity_key_len()).map(|at| (at * 91 + 5) as u8);
    (cipher.collect(), integrity.collect())
}

/// Copies `from` to the start of `to`; returns its length.
fn fill(to: &mut [u8], from: &[u8]) -> usize {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    from.len()
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
    fn a_broken_engine_is_found_out() {
        assert!(!published(&Broken::<WRONG_BIT>, &mut ()));
        assert!(!agrees(&Broken::<WRONG_BIT>, &mut ()));
        assert!(!published(&Broken::<ACCEPTS_ALL>, &mut ()));
        assert!(!agrees(&Broken::<ACCEPTS_ALL>, &mut ()));
    }
}
