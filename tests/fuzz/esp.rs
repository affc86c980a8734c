//! Bursts of ESP packets to one SA: forged, authentic with any content, altered, repeated.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, KeyInit};
use config::{Encryption, Hash, MaskedNet};
use fastpath::crypto::{Choice, EngineKind, Engines};
use fastpath::esp::{
    InboundSa, OpenJob, OpenScratch, OutboundSa, SaParameters, SealJob, SealScratch, Selectors,
    Suite, open_burst, seal_burst,
};
use fastpath::tunnel::SlotId;
use fastpath::wire::datagram;

use super::{Script, Target, packets};

/// ESP.
pub const TARGET: Target = Target {
    name: "esp",
    run,
    seeds,
    len_max: 512,
};

const SPI: u32 = 0x1234_5678;
const PACKETS_MAX: usize = 12;
const KEY: [u8; 64] = [0x6b; 64];

/// One suite of each shape: block length, ICV length, engine.
const SUITES: [(Encryption, Option<Hash>); 5] = [
    (Encryption::AesGcm128, None),
    (Encryption::TripleDes, Some(Hash::Md5)),
    (Encryption::Aes128, Some(Hash::Sha1)),
    (Encryption::Aes256, Some(Hash::Sha512)),
    (Encryption::Des, Some(Hash::Sha256)),
];

/// An engine with what a worker needs of it.
struct Bench {
    engines: Engines,
    seal: SealScratch,
    open: OpenScratch,
}

const KINDS: usize = EngineKind::ALL.len();

static ENGINES: LazyLock<[Engines; KINDS]> =
    LazyLock::new(|| EngineKind::ALL.map(|kind| Engines::with(Choice::Fixed(kind))));

thread_local! {
    static BENCHES: RefCell<[Bench; KINDS]> = RefCell::new(ENGINES.clone().map(|engines| Bench {
        seal: SealScratch::new(&engines, &[9; 16]).expect("there is memory"),
        open: OpenScratch::new(&engines).expect("there is memory"),
        engines,
    }));
}

struct Packet {
    esp: Vec<u8>,
    /// As it was sealed with the SA's key; empty for one that never was.
    sealed: Vec<u8>,
}

impl Packet {
    fn authentic(esp: Vec<u8>) -> Self {
        let sealed = esp.clone();
        Self { esp, sealed }
    }

    /// Two alterations of a copy's copy may undo each other.
    fn is_authentic(&self) -> bool {
        self.esp == self.sealed
    }
}

fn run(input: &[u8]) {
    let _ = run_counting(input);
}

/// The number of packets that were opened.
fn run_counting(input: &[u8]) -> usize {
    let mut script = Script(input);
    let (encryption, integrity) = script.pick(&SUITES);
    let suite = Suite::new(encryption, integrity).expect("a suite");
    let (esn, engine) = (script.byte() & 1 != 0, usize::from(script.byte()) % KINDS);
    let parameters = SaParameters {
        spi: SPI,
        suite,
        encryption_key: &KEY[..suite.encryption_key_len()],
        integrity_key: &KEY[..suite.integrity_key_len()],
        local: 0xc000_0201,
        remote: 0xc633_6401,
        encapsulation: None,
        esn,
        replay_window: script.pick(&[64, 128, 1024]),
        lifetime_bytes: None,
        slot: SlotId::new(1),
        selectors: Selectors::between(MaskedNet::ANY, MaskedNet::ANY),
        spread: false,
    };
    BENCHES.with_borrow_mut(|benches| {
        let bench = &mut benches[engine];
        let mut sent: Vec<Packet> = Vec::new();
        let outbound = OutboundSa::build(&parameters, &bench.engines).expect("keys fit");
        while !script.is_over() && sent.len() < PACKETS_MAX {
            let packet = packet(&mut script, &outbound, &mut bench.seal, &sent);
            sent.push(packet);
        }
        let inbound = InboundSa::build(&parameters, &bench.engines).expect("keys fit");
        receive(&inbound, &mut bench.open, &mut sent)
    })
}

/// The next packet that the input asks for.
fn packet(
    script: &mut Script<'_>,
    sa: &OutboundSa,
    scratch: &mut SealScratch,
    sent: &[Packet],
) -> Packet {
    let how = script.byte();
    let sequence = u64::from(script.word()).max(1);
    let bytes = usize::from(script.byte());
    let content = script.take(bytes);
    let mut packet = match how & 3 {
        0 => Packet {
            esp: [&SPI.to_be_bytes(), content].concat(),
            sealed: Vec::new(),
        },
        1 if sa.suite().is_gcm() => Packet::authentic(sealed_text(sa, sequence, content)),
        2 if !sent.is_empty() => {
            let earlier = &sent[usize::from(how >> 4) % sent.len()];
            Packet {
                esp: earlier.esp.clone(),
                sealed: earlier.sealed.clone(),
            }
        }
        _ => Packet::authentic(sealed_packet(sa, scratch, sequence, content)),
    };
    if how & 4 != 0 {
        let (at, mask) = (usize::from(script.byte()), script.byte());
        if let Some(byte) = packet.esp.get_mut(at) {
            *byte ^= mask;
        }
    }
    packet
}

/// AES-GCM over a text of any content, padding and trailer included (RFC 4106).
fn sealed_text(sa: &OutboundSa, sequence: u64, content: &[u8]) -> Vec<u8> {
    let mut text = content.to_vec();
    text.resize(text.len().next_multiple_of(4).max(4), 0);
    let iv = sequence.to_be_bytes();
    let low = (sequence as u32).to_be_bytes();
    let mut aad = SPI.to_be_bytes().to_vec();
    if sa.esn() {
        aad.extend_from_slice(&[0; 4]);
    }
    aad.extend_from_slice(&low);
    let (key, salt) = KEY[..20].split_at(16);
    let cipher = Aes128Gcm::new_from_slice(key).expect("16 bytes");
    let nonce: [u8; 12] = [salt, &iv].concat().try_into().expect("12 bytes");
    let tag = cipher
        .encrypt_inout_detached(&nonce.into(), &aad, text.as_mut_slice().into())
        .expect("a short text");
    [&SPI.to_be_bytes(), &low, &iv[..], &text, &tag].concat()
}

/// A packet as the product seals it, whatever is in it.
fn sealed_packet(
    sa: &OutboundSa,
    scratch: &mut SealScratch,
    sequence: u64,
    content: &[u8],
) -> Vec<u8> {
    let mut inner = content.to_vec();
    inner.resize(inner.len().max(20), 0);
    let (head, tail) = (vec![0; sa.head_len()], vec![0; sa.tail_len(inner.len())]);
    let mut outer = [&head, &inner[..], &tail].concat();
    let job = SealJob {
        sa,
        sequence,
        packet: &mut outer,
        inner_len: inner.len(),
    };
    assert!(seal_burst(scratch, [job]).all());
    outer.split_off(20)
}

/// Only what is authentic opens, and a sequence number opens once.
fn receive(sa: &InboundSa, scratch: &mut OpenScratch, sent: &mut [Packet]) -> usize {
    let mut seen = BTreeSet::new();
    for (burst, tos) in sent.chunks_mut(5).zip([0, 3, 0xff]) {
        let authentic: Vec<bool> = burst.iter().map(Packet::is_authentic).collect();
        let jobs = burst.iter_mut();
        let outcomes = open_burst(scratch, jobs.map(|it| OpenJob::new(sa, &mut it.esp, tos)));
        assert_eq!(outcomes.len(), authentic.len());
        for ((outcome, packet), authentic) in outcomes.iter().zip(burst).zip(authentic) {
            let Ok(opened) = outcome else { continue };
            assert!(authentic, "a forged packet was opened");
            assert!(seen.insert(opened.sequence), "a number was opened twice");
            let inner = &packet.esp[opened.range()];
            assert_eq!(inner[0] >> 4, 4);
            if let Ok(parsed) = datagram::parse(inner, inner.len()) {
                let _ = (sa.selects(&parsed.key), sa.selects_addresses(&parsed.key));
            }
        }
    }
    seen.len()
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for suite in 0..SUITES.len() as u8 {
        for (esn, engine) in [(0, 0), (1, 1), (1, 2)] {
            let mut seed = vec![suite, esn, engine, 0];
            for (at, packet) in (1u8..).zip(packets::all()) {
                // Sealed whole, sealed as a bare text, forged, repeated.
                let content = &packet[..packet.len().min(100)];
                for how in [3, 1, 0, 2] {
                    seed.extend_from_slice(&[how, 0, at, content.len() as u8]);
                    seed.extend_from_slice(content);
                }
            }
            seed.truncate(500);
            seeds.push(seed);
        }
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_inputs_open_packets_and_replays_are_refused() {
        let mut opened = 0;
        for seed in seeds() {
            opened += run_counting(&seed);
        }
        assert!(opened > SUITES.len(), "{opened}");
    }
}
