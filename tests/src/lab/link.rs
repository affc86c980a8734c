//! Virtual Ethernet cables between namespaces.

use super::error::Result;
use super::namespace::Namespace;
use super::run::run;

/// Connects `a_device` in `a` with `b_device` in `b`, both up, without any offload: a veth end
/// otherwise hands out partial checksums and segments larger than the MTU, which no wire does.
pub fn connect(a: &Namespace, a_device: &str, b: &Namespace, b_device: &str) -> Result<()> {
    run(
        "ip",
        &[
            "link",
            "add",
            a_device,
            "netns",
            a.name(),
            "type",
            "veth",
            "peer",
            "name",
            b_device,
            "netns",
            b.name(),
        ],
    )?;
    for (namespace, device) in [(a, a_device), (b, b_device)] {
        namespace.run(
            "ethtool",
            &[
                "-K", device, "rx", "off", "tx", "off", "sg", "off", "tso", "off", "gso", "off",
                "gro", "off",
            ],
        )?;
        namespace.ip(&format!("link set {device} up"))?;
    }
    Ok(())
}
