//! DPDK's ipsec-secgw, built from the source that Debian's package `dpdk-doc` has.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::child::Failure;

const EXAMPLES: &str = "/usr/share/dpdk/examples";
/// memif has no checksum offload, and the example asks for it whatever the port can.
const ASKED: &str = ".offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM,";
const NOT_ASKED: &str = ".offloads = 0,";
/// One tunnel as the closed loop has it: AES-128-GCM, processed on the worker's own core.
const CONFIG: &str = "\
sp ipv4 out esp protect 5 pri 1 src 10.1.0.0/16 dst 10.64.0.0/10 sport 0:65535 dport 0:65535
sp ipv4 in esp protect 6 pri 1 src 10.64.0.0/10 dst 10.1.0.0/16 sport 0:65535 dport 0:65535
sa out 5 aead_algo aes-128-gcm aead_key \
03:0a:11:18:1f:26:2d:34:3b:42:49:50:57:5e:65:6c:73:7a:81:88 \
mode ipv4-tunnel src 192.0.2.1 dst 192.0.2.2 type cpu-crypto
sa in 6 aead_algo aes-128-gcm aead_key \
03:0a:11:18:1f:26:2d:34:3b:42:49:50:57:5e:65:6c:73:7a:81:88 \
mode ipv4-tunnel src 192.0.2.2 dst 192.0.2.1 type cpu-crypto
rt ipv4 dst 192.0.2.0/24 port 1
rt ipv4 dst 10.1.0.0/16 port 0
neigh port 0 02:00:00:00:00:09
neigh port 1 02:00:00:00:00:09
";

/// The program, built under `build_dir` when it is not there yet.
pub(super) fn build(build_dir: &Path) -> Result<PathBuf, Failure> {
    let place = build_dir.join("ipsec-secgw");
    let program = place.join("examples/ipsec-secgw/build/ipsec-secgw-shared");
    if program.exists() {
        return Ok(program);
    }
    let missing = |text: String| Failure::Missing(format!("ipsec-secgw: {text}"));
    if !Path::new(EXAMPLES).join("ipsec-secgw").exists() {
        return Err(missing("no source (apt-get install dpdk-doc)".to_owned()));
    }
    std::fs::create_dir_all(&place).map_err(|error| missing(error.to_string()))?;
    let copied = Command::new("cp")
        .args(["-rL", EXAMPLES])
        .arg(&place)
        .status();
    if !copied.is_ok_and(|status| status.success()) {
        return Err(missing("the source cannot be copied".to_owned()));
    }
    let source = place.join("examples/ipsec-secgw/ipsec-secgw.c");
    let text = std::fs::read_to_string(&source).map_err(|error| missing(error.to_string()))?;
    std::fs::write(&source, text.replace(ASKED, NOT_ASKED))
        .map_err(|error| missing(error.to_string()))?;
    let built = Command::new("make")
        .arg("-C")
        .arg(place.join("examples/ipsec-secgw"))
        .env("CFLAGS", "-march=native -w")
        .output()
        .map_err(|error| missing(error.to_string()))?;
    if built.status.success() {
        return Ok(program);
    }
    let errors = String::from_utf8_lossy(&built.stderr);
    Err(missing(
        errors.lines().last().unwrap_or("make failed").to_owned(),
    ))
}

/// Its configuration.
pub(super) fn write_config(directory: &Path) -> Result<PathBuf, Failure> {
    let path = directory.join("secgw.cfg");
    std::fs::write(&path, CONFIG).map_err(|error| Failure::Missing(error.to_string()))?;
    Ok(path)
}
