//! One network namespace.

use std::process::Command;

use super::error::{Result, failed};
use super::run::run;
use super::sweep::remove_namespace;

/// Kernel settings of every namespace: no IPv6, no reverse-path filter, no redirects; and the
/// congestion control that every kernel has (RFC 5681). One that models the path's bandwidth, which
/// some machines have by default, takes an outage for a slow path and keeps to it.
const SYSCTLS: &[&str] = &[
    "net.ipv6.conf.all.disable_ipv6=1",
    "net.ipv6.conf.default.disable_ipv6=1",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
    "net.ipv4.conf.all.send_redirects=0",
    "net.ipv4.conf.default.send_redirects=0",
    "net.ipv4.conf.all.accept_redirects=0",
    "net.ipv4.tcp_congestion_control=reno",
];

/// A network namespace; removed on drop, with what still runs in it.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes the namespace `name` with loopback up.
    pub fn new(name: String) -> Result<Self> {
        run("ip", &["netns", "add", &name])?;
        let namespace = Self { name };
        namespace.sysctl(SYSCTLS)?;
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// Its name as `ip netns` shows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `ip -n NAME ARGS`, the arguments split at blanks.
    pub fn ip(&self, args: &str) -> Result<String> {
        let mut all = vec!["-n", &self.name];
        all.extend(args.split_whitespace());
        run("ip", &all)
    }

    /// Runs a program inside to its end.
    pub fn run(&self, program: &str, args: &[&str]) -> Result<String> {
        let mut all = vec!["netns", "exec", &self.name, program];
        all.extend(args);
        run("ip", &all)
    }

    /// A command that starts `program` inside; `ip` becomes the program, so its id is the child's.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Sets `key=value` pairs.
    pub fn sysctl(&self, settings: &[&str]) -> Result<()> {
        let mut args = vec!["-q", "-w"];
        args.extend(settings);
        self.run("sysctl", &args).map(|_| ())
    }

    /// Makes the namespace a router.
    pub fn forward(&self) -> Result<()> {
        self.sysctl(&["net.ipv4.ip_forward=1"])
    }

    /// Gives `device` an address, as in `10.0.0.1/24`.
    pub fn address(&self, device: &str, address: &str) -> Result<()> {
        self.ip(&format!("addr add {address} dev {device}"))
            .map(|_| ())
    }

    /// Adds a route, as in `default via 10.0.0.1`.
    pub fn route(&self, route: &str) -> Result<()> {
        self.ip(&format!("route add {route}")).map(|_| ())
    }

    /// The hardware address of `device`.
    pub fn mac(&self, device: &str) -> Result<[u8; 6]> {
        let text = self.ip(&format!("-o link show dev {device}"))?;
        let mac = text
            .split_once("link/ether ")
            .and_then(|(_, rest)| parse_mac(rest.split(' ').next()?));
        match mac {
            Some(mac) => Ok(mac),
            None => failed(format!("{device} has no hardware address: {text}")),
        }
    }

    /// Whether `from here` reaches `address` with one echo request, waiting `seconds`.
    pub fn pings(&self, address: &str, seconds: u32) -> bool {
        let wait = seconds.to_string();
        self.run("ping", &["-n", "-q", "-c", "1", "-w", &wait, address])
            .is_ok()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove_namespace(&self.name);
    }
}

/// Reads `aa:bb:cc:dd:ee:ff`.
pub fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_addresses_are_read_whole_or_not_at_all() {
        assert_eq!(parse_mac("02:00:0a:ff:10:01"), Some([2, 0, 10, 255, 16, 1]));
        assert_eq!(parse_mac("02:00:0a:ff:10"), None);
        assert_eq!(parse_mac("02:00:0a:ff:10:01:02"), None);
        assert_eq!(parse_mac("02:00:0a:ff:10:zz"), None);
    }
}
