//! A watcher of devices: reports every cleartext packet from or to protected nets.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::error::{Doing, LabError, Result, failed};
use super::frame::{Ipv4Seen, ipv4_in};
use super::namespace::Namespace;
use super::packet_socket::PacketSocket;
use super::process::Process;
use super::run::beside;

/// Frames longer than this are judged by their beginning.
const FRAME_BYTES: usize = 2_048;
/// How often the count of seen frames is written.
const COUNT_EVERY: Duration = Duration::from_millis(200);
/// Findings written in full; the rest is only counted.
const FINDINGS_MAX: u64 = 100;

/// An IPv4 net, as in `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    address: u32,
    mask: u32,
}

impl Net {
    /// Whether `address` lies in the net.
    pub fn holds(self, address: Ipv4Addr) -> bool {
        u32::from(address) & self.mask == self.address
    }
}

impl std::str::FromStr for Net {
    type Err = LabError;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = text.split_once('/').and_then(|(address, bits)| {
            let address: Ipv4Addr = address.parse().ok()?;
            let bits = bits.parse::<u32>().ok().filter(|bits| *bits <= 32)?;
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            Some(Self {
                address: u32::from(address) & mask,
                mask,
            })
        });
        match parsed {
            Some(net) => Ok(net),
            None => failed(format!("`{text}` is not a net, as in 10.0.0.0/8")),
        }
    }
}

/// A running watcher.
#[derive(Debug)]
pub struct Sniffer {
    process: Process,
    /// Findings that the lab itself has planted.
    planted: usize,
}

impl Sniffer {
    /// Watches `devices` of `space` for cleartext packets from or to `protected` nets.
    pub fn start(
        space: &Namespace,
        devices: &[&str],
        protected: &[&str],
        log: &Path,
    ) -> Result<Self> {
        let mut command = space.command(&beside("lab-tool")?.to_string_lossy());
        command.arg("sniff").args(devices);
        for net in protected {
            command.args(["--protect", net]);
        }
        let mut process = Process::start("the sniffer", command, log)?;
        process.wait_output("ready", Duration::from_secs(10))?;
        Ok(Self {
            process,
            planted: 0,
        })
    }

    /// One line per cleartext packet.
    pub fn findings(&mut self) -> Result<Vec<String>> {
        // The count that follows a finding is at most one period away.
        super::interrupt::pause(COUNT_EVERY * 2)?;
        self.process.expect_running()?;
        let output = self.process.output();
        Ok(output
            .lines()
            .filter(|line| line.starts_with("clear "))
            .map(Into::into)
            .collect())
    }

    /// Frames seen so far: a sniffer that has seen nothing has proven nothing.
    pub fn frames_seen(&mut self) -> Result<u64> {
        self.process.expect_running()?;
        let output = self.process.output();
        let last = output
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix("seen "));
        Ok(last.and_then(|count| count.parse().ok()).unwrap_or(0))
    }

    /// An error unless exactly one more cleartext packet was seen, whose finding holds `text`; it
    /// is forgiven: the lab has planted it, to see that nothing of the kind is overlooked.
    pub fn expect_planted(&mut self, text: &str) -> Result<()> {
        let findings = self.findings()?;
        match findings.get(self.planted..) {
            Some([planted]) if planted.contains(text) => {
                self.planted += 1;
                Ok(())
            }
            other => failed(format!("not one planted packet: {other:?}")),
        }
    }

    /// An error when a cleartext packet was seen, or no frame at all.
    pub fn expect_clean(&mut self) -> Result<()> {
        let findings = self.findings()?;
        if let Some(first) = findings.get(self.planted) {
            let count = findings.len() - self.planted;
            return failed(format!("{count} cleartext packets, first: {first}"));
        }
        if self.frames_seen()? == 0 {
            return failed("the sniffer saw no frame: it proves nothing");
        }
        Ok(())
    }
}

/// The watcher's work: prints findings and counts until the process ends.
pub fn watch(devices: &[String], protected: &[Net]) -> Result<()> {
    use std::os::fd::AsFd;
    let mut sockets = Vec::new();
    for device in devices {
        sockets.push((device, PacketSocket::open(device)?));
    }
    println!("ready");
    let mut buffer = vec![0; FRAME_BYTES];
    let (mut seen, mut found, mut written) = (0_u64, 0_u64, 0_u64);
    let mut count_due = Instant::now();
    loop {
        let mut watched: Vec<PollFd> = sockets
            .iter()
            .map(|(_, socket)| PollFd::new(socket.as_fd(), PollFlags::POLLIN))
            .collect();
        match poll(&mut watched, PollTimeout::from(50_u8)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).doing("poll the devices"),
        }
        for (device, socket) in &sockets {
            while let Some(received) = socket.receive(&mut buffer)? {
                // What leaves here has arrived here before, or was forged here by the lab.
                if received.outgoing {
                    continue;
                }
                seen += 1;
                let Some(packet) = protected_packet(&buffer[..received.len_bytes], protected)
                else {
                    continue;
                };
                found += 1;
                if found <= FINDINGS_MAX {
                    let Ipv4Seen {
                        source,
                        destination,
                        protocol,
                    } = packet;
                    println!("clear {device} {source} > {destination} protocol {protocol}");
                }
            }
        }
        if seen != written && Instant::now() >= count_due {
            println!("seen {seen}");
            written = seen;
            count_due = Instant::now() + COUNT_EVERY;
        }
    }
}

fn protected_packet(frame: &[u8], protected: &[Net]) -> Option<Ipv4Seen> {
    let packet = ipv4_in(frame)?;
    let hit = |address| protected.iter().any(|net| net.holds(address));
    (hit(packet.source) || hit(packet.destination)).then_some(packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nets_hold_their_addresses_and_no_others() {
        let net: Net = "10.224.228.0/25".parse().unwrap();
        assert!(net.holds(Ipv4Addr::new(10, 224, 228, 127)));
        assert!(!net.holds(Ipv4Addr::new(10, 224, 228, 128)));
        let all: Net = "0.0.0.0/0".parse().unwrap();
        assert!(all.holds(Ipv4Addr::BROADCAST));
        for wrong in ["10.0.0.0", "10.0.0.0/33", "x/8", "10.0.0.0/-1"] {
            assert!(wrong.parse::<Net>().is_err(), "{wrong}");
        }
    }
}
