//! ESP against scapy: byte for byte, in both directions, raw and in UDP, with both engines.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use config::{Encryption, Hash, MaskedNet};
use fastpath::crypto::{Choice, EngineKind, Engines};
use fastpath::esp::{
    InboundSa, OpenJob, OpenScratch, OutboundSa, SaParameters, SealJob, SealScratch, Selectors,
    Suite, open_burst, seal_burst,
};
use fastpath::tunnel::SlotId;

/// Debian's interpreter, for which its scapy is installed.
const PYTHON: &str = "/usr/bin/python3";
const LOCAL: u32 = 0xc000_0201;
const REMOTE: u32 = 0xc633_6401;
const PORTS: (u16, u16) = (4500, 33_000);
const SPI: u32 = 0x8000_1234;
const INNER_LENS: [usize; 5] = [20, 35, 64, 577, 1400];

/// One packet and the SA that it goes by.
#[derive(Debug)]
struct Case {
    engine: EngineKind,
    suite: Suite,
    esn: bool,
    udp: bool,
    sequence: u64,
    inner: Vec<u8>,
}

impl Case {
    fn encryption_key(&self) -> Vec<u8> {
        (0..self.suite.encryption_key_len())
            .map(|at| (at * 29 + 3) as u8)
            .collect()
    }

    fn integrity_key(&self) -> Vec<u8> {
        (0..self.suite.integrity_key_len())
            .map(|at| (at * 57 + 101) as u8)
            .collect()
    }

    fn dont_fragment(&self) -> bool {
        self.inner[6] & 0x40 != 0
    }

    fn with_parameters<T>(&self, build: impl FnOnce(&SaParameters<'_>) -> T) -> T {
        build(&SaParameters {
            spi: SPI,
            suite: self.suite,
            encryption_key: &self.encryption_key(),
            integrity_key: &self.integrity_key(),
            local: LOCAL,
            remote: REMOTE,
            encapsulation: self.udp.then_some(PORTS),
            esn: self.esn,
            replay_window: 64,
            lifetime_bytes: None,
            slot: SlotId::new(1),
            selectors: Selectors::between(MaskedNet::ANY, MaskedNet::ANY),
            spread: false,
        })
    }

    /// The words that every request has.
    fn words(&self) -> String {
        let cipher = match self.suite.encryption() {
            Encryption::Des => "DES",
            Encryption::TripleDes => "3DES",
            Encryption::Aes128 | Encryption::Aes192 | Encryption::Aes256 => "AES-CBC",
            Encryption::AesGcm128 | Encryption::AesGcm192 | Encryption::AesGcm256 => "AES-GCM",
        };
        let hmac = match self.suite.integrity() {
            None => "NULL",
            Some(Hash::Md5) => "HMAC-MD5-96",
            Some(Hash::Sha1) => "HMAC-SHA1-96",
            Some(Hash::Sha256) => "SHA2-256-128",
            Some(Hash::Sha384) => "SHA2-384-192",
            Some(Hash::Sha512) => "SHA2-512-256",
        };
        format!(
            "{cipher} {hmac} {} {} {SPI} {} {} {}",
            hex(&self.encryption_key()),
            hex(&self.integrity_key()),
            self.sequence,
            u8::from(self.esn),
            u8::from(self.udp),
        )
    }

    fn outer_len(&self) -> usize {
        if self.udp { 28 } else { 20 }
    }

    fn seal(&self, scratch: &mut SealScratch, engines: &Engines) -> Vec<u8> {
        let sa = self
            .with_parameters(|it| OutboundSa::build(it, engines))
            .expect("keys fit");
        let tail_len = sa.tail_len(self.inner.len());
        let mut packet = [&vec![0; sa.head_len()], &self.inner[..], &vec![0; tail_len]].concat();
        let job = SealJob {
            sa: &sa,
            sequence: self.sequence,
            packet: &mut packet,
            inner_len: self.inner.len(),
        };
        assert!(seal_burst(scratch, [job]).all(), "{self:?}");
        packet
    }

    /// Opens a whole outer packet.
    fn open(&self, scratch: &mut OpenScratch, engines: &Engines, outer: &[u8]) -> Vec<u8> {
        let sa = self
            .with_parameters(|it| InboundSa::build(it, engines))
            .expect("keys fit");
        let mut esp = outer[self.outer_len()..].to_vec();
        let outcome = open_burst(scratch, [OpenJob::new(&sa, &mut esp, outer[1])])[0];
        let opened = outcome.unwrap_or_else(|reason| panic!("{reason:?}: {self:?}"));
        assert_eq!(opened.sequence, self.sequence);
        esp[opened.range()].to_vec()
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for suite in Suite::all() {
        for (at, len) in INNER_LENS.into_iter().enumerate() {
            for variant in 0..4 * EngineKind::ALL.len() {
                let [esn, udp] = [0, 1].map(|bit| variant >> bit & 1 == 1);
                cases.push(Case {
                    engine: EngineKind::ALL[variant / 4],
                    suite,
                    esn,
                    udp,
                    // A fresh window takes the middle of the first subspace for what it is.
                    sequence: 0x7654_3210 + at as u64,
                    inner: inner(len, at % 2 == 0),
                });
            }
        }
    }
    cases
}

/// An IPv4 packet of an experimental protocol, so that nobody looks inside.
fn inner(len: usize, dont_fragment: bool) -> Vec<u8> {
    let mut packet: Vec<u8> = (0..len).map(|at| (at * 11 + len) as u8).collect();
    packet[..2].copy_from_slice(&[0x45, 0x2e]);
    packet[2..4].copy_from_slice(&(len as u16).to_be_bytes());
    let flags = if dont_fragment { 0x40 } else { 0 };
    packet[4..12].copy_from_slice(&[1, 2, flags, 0, 62, 253, 0, 0]);
    let sum: u32 = packet[..20]
        .chunks(2)
        .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
        .sum();
    let checksum = !((sum & 0xffff) + (sum >> 16)) as u16;
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).expect("is hexadecimal"))
        .collect()
}

/// Gives scapy the requests and returns its answers.
fn scapy(requests: &[String]) -> Vec<Vec<u8>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scapy_esp.py");
    let mut child = Command::new(PYTHON)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{PYTHON}: {error}; apt-get install python3-scapy"));
    let mut stdin = child.stdin.take().expect("is piped");
    let text = requests.join("\n") + "\n";
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("the interpreter ends");
    assert!(
        output.status.success(),
        "scapy does not run (apt-get install python3-scapy): {}",
        String::from_utf8_lossy(&output.stderr)
    );
    writer
        .join()
        .expect("no panic")
        .expect("scapy reads everything");
    let answers = String::from_utf8(output.stdout).expect("is text");
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), requests.len());
    for (answer, request) in answers.iter().zip(requests) {
        assert!(!answer.starts_with("error"), "{answer}: {request}");
    }
    answers.into_iter().map(unhex).collect()
}

#[test]
fn scapy_seals_the_same_bytes_and_opens_ours() {
    let engines = EngineKind::ALL.map(|kind| Engines::with(Choice::Fixed(kind)));
    let mut seal =
        [0, 1, 2].map(|at| SealScratch::new(&engines[at], &[0x77; 16]).expect("there is memory"));
    let mut open = [0, 1, 2].map(|at| OpenScratch::new(&engines[at]).expect("there is memory"));
    let cases = cases();
    let sealed: Vec<Vec<u8>> = cases
        .iter()
        .map(|case| {
            let at = case.engine as usize;
            case.seal(&mut seal[at], &engines[at])
        })
        .collect();
    let mut requests = Vec::new();
    for (case, outer) in cases.iter().zip(&sealed) {
        let iv_start = case.outer_len() + 8;
        let iv = hex(&outer[iv_start..iv_start + case.suite.iv_len()]);
        let (id, flags) = if case.dont_fragment() {
            (0, 2)
        } else {
            (case.sequence & 0xffff, 0)
        };
        let (words, tos, inner) = (case.words(), case.inner[1], hex(&case.inner));
        requests.push(format!("seal {words} {iv} {id} {flags} {tos} {inner}"));
        requests.push(format!("open {words} {}", hex(outer)));
    }
    let answers = scapy(&requests);
    for ((case, outer), answers) in cases.iter().zip(&sealed).zip(answers.chunks(2)) {
        assert_eq!(
            hex(&answers[0]),
            hex(outer),
            "scapy seals otherwise: {case:?}"
        );
        assert_eq!(
            hex(&answers[1]),
            hex(&case.inner),
            "scapy opens otherwise: {case:?}"
        );
        let at = case.engine as usize;
        let opened = case.open(&mut open[at], &engines[at], &answers[0]);
        assert_eq!(hex(&opened), hex(&case.inner));
    }
}
