//! The file that is downloaded: pseudo-random bytes with a known SHA-256.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::error::{Doing, Result};
use super::run::target_dir;
use super::wire::SplitMix;

/// Bytes of a megabyte here and in every rate: 10^6.
pub const MEGABYTE: u64 = 1_000_000;
const CHUNK_BYTES: usize = 64_000;

static MAKING: Mutex<()> = Mutex::new(());

/// A file with its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Payload {
    /// The payload of `megabytes`, made on first use under the target directory.
    pub fn of(megabytes: u64) -> Result<Self> {
        // One thread makes it, the others find it.
        let _one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = target_dir()?.join("payload");
        fs::create_dir_all(&directory).doing("make the payload directory")?;
        let path = directory.join(format!("{megabytes}MB.bin"));
        let digest_path = directory.join(format!("{megabytes}MB.sha256"));
        let size_bytes = megabytes * MEGABYTE;
        let whole = fs::metadata(&path).is_ok_and(|file| file.len() == size_bytes);
        if whole && let Ok(sha256) = fs::read_to_string(&digest_path) {
            return Ok(Self {
                path,
                size_bytes,
                sha256,
            });
        }
        let unfinished = directory.join(format!("{megabytes}MB.{}", std::process::id()));
        let sha256 = write(&unfinished, size_bytes).doing("write the payload")?;
        fs::rename(&unfinished, &path).doing("name the payload")?;
        fs::write(&digest_path, &sha256).doing("write the payload's digest")?;
        Ok(Self {
            path,
            size_bytes,
            sha256,
        })
    }
}

fn write(path: &Path, size_bytes: u64) -> std::io::Result<String> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut digest = Sha256::new();
    let mut numbers = SplitMix(size_bytes);
    let mut chunk = vec![0_u8; CHUNK_BYTES];
    let mut left = size_bytes;
    while left > 0 {
        for word in chunk.chunks_exact_mut(8) {
            word.copy_from_slice(&numbers.draw().to_le_bytes());
        }
        let part = &chunk[..left.min(CHUNK_BYTES as u64) as usize];
        digest.update(part);
        file.write_all(part)?;
        left -= part.len() as u64;
    }
    file.flush()?;
    Ok(hex(&digest.finalize()))
}

/// SHA-256 of a file in hexadecimal.
pub fn sha256_of(path: &Path) -> Result<String> {
    let mut file = File::open(path).doing("open the received file")?;
    let mut digest = Sha256::new();
    let mut chunk = vec![0_u8; CHUNK_BYTES];
    loop {
        let read = file.read(&mut chunk).doing("read the received file")?;
        if read == 0 {
            return Ok(hex(&digest.finalize()));
        }
        digest.update(&chunk[..read]);
    }
}

/// The bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_has_its_size_and_the_digest_of_its_bytes() {
        let payload = Payload::of(1).unwrap();
        assert_eq!(fs::metadata(&payload.path).unwrap().len(), MEGABYTE);
        assert_eq!(sha256_of(&payload.path).unwrap(), payload.sha256);
        assert_eq!(Payload::of(1).unwrap(), payload);
    }

    /// FIPS 180-2 appendix B.1.
    #[test]
    fn digests_are_written_as_the_standard_writes_them() {
        assert_eq!(
            hex(&Sha256::digest(b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
