//! What the lab needs from the machine, and how to say that it is missing.

use std::env;
use std::path::Path;

use nix::unistd::geteuid;

use super::error::{LabError, Result};
use super::run::run;

/// A program and the Debian package that brings it.
const PROGRAMS: &[(&str, &str)] = &[
    ("ip", "iproute2"),
    ("ethtool", "ethtool"),
    ("ping", "iputils-ping"),
    ("sysctl", "procps"),
    ("nginx", "nginx-light"),
    ("curl", "curl"),
    ("charon-systemd", "charon-systemd"),
    ("swanctl", "strongswan-swanctl"),
    ("dpdk-telemetry.py", "dpdk"),
    ("chromium", "chromium"),
];

/// Says everything that is missing at once; nothing is changed on the machine.
pub fn check() -> Result<()> {
    let mut missing = Vec::new();
    if !geteuid().is_root() {
        missing.push("root (network namespaces and packet sockets): run it as root".to_owned());
    }
    for (program, package) in PROGRAMS {
        if !found(program) {
            missing.push(format!("the program {program} (apt-get install {package})"));
        }
    }
    if !Path::new("/dev/net/tun").exists() {
        missing.push("/dev/net/tun (strongSwan's ESP in user space)".to_owned());
    }
    if missing.is_empty()
        && let Err(error) = namespaces_work()
    {
        missing.push(format!("network namespaces ({error})"));
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(LabError::Missing(missing))
    }
}

fn found(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(Into::into))
        .any(|directory| directory.join(program).is_file())
}

fn namespaces_work() -> Result<()> {
    let name = super::run::fresh_name()?;
    run("ip", &["netns", "add", &name])?;
    run("ip", &["netns", "del", &name])?;
    Ok(())
}
