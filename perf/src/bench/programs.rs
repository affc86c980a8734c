//! The programs that are measured, ours and the peers, with their options.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::child::{Failure, Parser, WAIT_MAX, crypto_perf, figures, run};
use super::memif::{self, Device};
use crate::eal::closed_loop;
use crate::options::Cipher;
use crate::report::Figure;

/// Packages in which Debian has the peers.
const CRYPTO_PERF: &str = "dpdk-test-crypto-perf";
/// Operations of a short run of a peer, per size.
const OPS_FAST: &str = "400000";
const OPS_SLOW: &str = "20000";
/// Megabytes of a peer's EAL.
const PEER_MEGABYTES: u64 = 200;

/// Something that gives figures, one run at a time.
#[derive(Clone, Debug)]
pub(super) enum Program {
    /// An engine of our own.
    Own(Vec<String>),
    /// The same in the release's build for AVX-512.
    Release(Vec<String>),
    /// DPDK's measurement of a crypto driver, encrypting.
    Crypto(Cipher, Vec<u32>),
    /// A box between two memifs, at a frame size.
    Memif(Device, u32),
}

/// Where things are.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Milliseconds of one of our own figures.
    pub(super) duration_ms: u64,
    /// Where peers are built.
    pub(super) build_dir: PathBuf,
    /// This program as a release has it for AVX-512.
    pub(super) release: Option<PathBuf>,
}

impl Program {
    /// One of our engines with options, as one string.
    pub(super) fn own(options: &str) -> Self {
        Self::Own(words(options))
    }

    /// The same in the release's build.
    pub(super) fn release(options: &str) -> Self {
        Self::Release(words(options))
    }

    /// Its name in the table.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Own(_) => "holdfast".to_owned(),
            Self::Release(_) => "a release's build".to_owned(),
            Self::Crypto(Cipher::Aes128Gcm | Cipher::Aes256Gcm, _) => "crypto_aesni_gcm".to_owned(),
            Self::Crypto(..) => "crypto_aesni_mb".to_owned(),
            Self::Memif(device, _) => device.name().to_owned(),
        }
    }

    /// Runs it once.
    pub(super) fn run(&self, place: &Place) -> Result<Vec<Figure>, Failure> {
        match self {
            Self::Own(options) => closed_loop_of(&own_path(), options, place),
            Self::Release(options) => match &place.release {
                Some(program) => closed_loop_of(program, options, place),
                None => Err(Failure::Missing("--release names it".to_owned())),
            },
            Self::Crypto(cipher, sizes) => {
                let mut command = Command::new(CRYPTO_PERF);
                command.args(crypto_options(*cipher, sizes));
                run(&mut command, crypto_perf as Parser, WAIT_MAX)
                    .map_err(|failure| missing(failure, "dpdk"))
            }
            Self::Memif(device, frame) => memif::run_box(*device, *frame, place),
        }
    }
}

/// An engine of a build of this program. Its own blocks tell what disturbed them.
fn closed_loop_of(
    program: &Path,
    options: &[String],
    place: &Place,
) -> Result<Vec<Figure>, Failure> {
    let mut command = Command::new(program);
    command.args(["--engine"]).args(options);
    let duration = place.duration_ms.to_string();
    command.args(["--duration-ms", &duration, "--json"]);
    run(&mut command, figures as Parser, f64::INFINITY)
}

/// Adds the package to what is missing.
fn missing(failure: Failure, package: &str) -> Failure {
    match failure {
        Failure::Missing(text) => Failure::Missing(format!("{text} (apt-get install {package})")),
        Failure::Disturbed => Failure::Disturbed,
    }
}

fn words(options: &str) -> Vec<String> {
    options.split_whitespace().map(str::to_owned).collect()
}

/// This program.
pub(super) fn own_path() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| Path::new("holdfast-perf").to_owned())
}

fn crypto_options(cipher: Cipher, sizes: &[u32]) -> Vec<String> {
    let (driver, algorithm, ops) = match cipher {
        Cipher::Aes128Gcm | Cipher::Aes256Gcm => ("crypto_aesni_gcm", GCM, OPS_FAST),
        Cipher::Aes256Sha256 => ("crypto_aesni_mb", CBC_SHA256, OPS_FAST),
        Cipher::TripleDesMd5 => ("crypto_aesni_mb", TRIPLE_DES_MD5, OPS_SLOW),
    };
    let sizes: Vec<String> = sizes.iter().map(u32::to_string).collect();
    let own = format!(
        "--vdev {driver}0 -- --devtype {driver} {algorithm} --ptest throughput --burst-sz 32 \
         --total-ops {ops} --csv-friendly --buffer-sz {}",
        sizes.join(",")
    );
    closed_loop(PEER_MEGABYTES, "0,1")
        .into_iter()
        .chain(own.split_whitespace().map(str::to_owned))
        .collect()
}

const GCM: &str = "--optype aead --aead-algo aes-gcm --aead-op encrypt --aead-key-sz 16 \
    --aead-iv-sz 12 --aead-aad-sz 12 --digest-sz 16";
const CBC_SHA256: &str = "--optype cipher-then-auth --cipher-algo aes-cbc --cipher-op encrypt \
    --cipher-key-sz 32 --cipher-iv-sz 16 --auth-algo sha2-256-hmac --auth-op generate \
    --auth-key-sz 32 --digest-sz 16";
const TRIPLE_DES_MD5: &str = "--optype cipher-then-auth --cipher-algo 3des-cbc --cipher-op encrypt \
    --cipher-key-sz 24 --cipher-iv-sz 8 --auth-algo md5-hmac --auth-op generate \
    --auth-key-sz 16 --digest-sz 12";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_peer_have_its_sizes() {
        let options = crypto_options(Cipher::Aes128Gcm, &[64, 128]);
        let at = options.iter().position(|word| word == "--buffer-sz");
        assert_eq!(options[at.unwrap() + 1], "64,128");
        assert!(options.contains(&"crypto_aesni_gcm0".to_owned()));
    }
}
