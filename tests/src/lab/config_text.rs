//! Configurations of the two offices.

use std::fmt::Write;
use std::path::Path;

use super::offices::Office;
use super::topology::{BRANCH_OUTSIDE, HEAD_OUTSIDE, INTERNET_BRANCH, INTERNET_HEAD};

/// The head office's configuration as it came, with its oddities.
const SEED: &str = include_str!("../../fixtures/ciscoasa.cfg");
/// The pre-shared key of both offices.
pub const KEY: &str = "swordfish";
const PRESERVE: &str = "sysopt connection preserve-vpn-flows";
const PFS: &str = "crypto map map1 5 set pfs group14";

/// Which algorithms a configuration names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// 3DES, SHA-1, group 2; ESP with 3DES and MD5.
    Seed,
    /// AES-256, SHA-256, group 14.
    Aes256,
    /// The same with group 14 for every child SA too (PFS).
    Aes256Pfs,
}

/// What differs between the runs of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// `sysopt connection preserve-vpn-flows`.
    pub preserve: bool,
    /// Algorithms.
    pub suite: Suite,
}

/// The configuration of an office, which logs to the file `log`.
pub fn of(office: Office, options: Options, log: &Path) -> String {
    match office {
        Office::Head => head(options, log),
        Office::Branch => branch(options, log),
    }
}

/// The head office: the seed with a key, a default route, device lines and a log file added.
pub fn head(options: Options, log: &Path) -> String {
    let mut text = String::new();
    for line in SEED.lines() {
        let line = match line {
            PRESERVE if !options.preserve => "no sysopt connection preserve-vpn-flows",
            other => other,
        };
        match (line, options.suite) {
            (" pre-shared-key *", _) => {
                let _ = write!(text, " pre-shared-key {KEY}");
            }
            ("crypto map map1 5 set transform-set testSET", Suite::Aes256 | Suite::Aes256Pfs) => {
                text.push_str(
                    "crypto ipsec transform-set modern esp-aes-256 esp-sha256-hmac\n\
                     crypto map map1 5 set transform-set modern",
                );
                if options.suite == Suite::Aes256Pfs {
                    let _ = write!(text, "\n{PFS}");
                }
            }
            ("crypto isakmp policy 5", Suite::Aes256 | Suite::Aes256Pfs) => {
                let _ = write!(text, "{}\n{line}", modern_policy(1));
            }
            _ => text.push_str(line),
        }
        text.push('\n');
        match line {
            "interface Ethernet0/0" => text.push_str(" device net_af_packet0\n"),
            "interface Ethernet0/1" => text.push_str(" device net_af_packet1\n"),
            "route outside 0.0.0.0 255.255.255.255 209.165.201.1 1" => {
                let _ = writeln!(text, "route outside 0.0.0.0 0.0.0.0 {INTERNET_HEAD} 1");
            }
            " pre-shared-key *" => text.push_str(" isakmp keepalive threshold 10 retry 2\n"),
            _ => {}
        }
    }
    logging(&mut text, log);
    text
}

/// The branch: the mirror of the head office's access list, with its NAT exemption.
pub fn branch(options: Options, log: &Path) -> String {
    let mut text = format!(
        "hostname Branch
interface Ethernet0/0
 device net_af_packet0
 nameif outside
 security-level 0
 ip address {BRANCH_OUTSIDE} 255.255.255.0
interface Ethernet0/1
 device net_af_packet1
 nameif inside
 security-level 100
 ip address 192.168.30.1 255.255.255.0
"
    );
    for list in ["vpn", "exempt"] {
        for net in ["10.224.228.0", "10.224.52.0"] {
            let _ = writeln!(
                text,
                "access-list {list} extended permit ip any {net} 255.255.255.128"
            );
        }
    }
    let no = if options.preserve { "" } else { "no " };
    let (transforms, policy) = match options.suite {
        Suite::Seed => ("esp-3des esp-md5-hmac", seed_policy(5)),
        Suite::Aes256 | Suite::Aes256Pfs => ("esp-aes-256 esp-sha256-hmac", modern_policy(5)),
    };
    let pfs = match options.suite {
        Suite::Aes256Pfs => format!("{PFS}\n"),
        Suite::Seed | Suite::Aes256 => String::new(),
    };
    let _ = write!(
        text,
        "nat (inside) 0 access-list exempt
route outside 0.0.0.0 0.0.0.0 {INTERNET_BRANCH} 1
{no}{PRESERVE}
crypto ipsec transform-set set1 {transforms}
crypto map map1 5 match address vpn
crypto map map1 5 set peer {HEAD_OUTSIDE}
crypto map map1 5 set transform-set set1
{pfs}crypto map map1 interface outside
crypto isakmp enable outside
{policy}
tunnel-group {HEAD_OUTSIDE} type ipsec-l2l
tunnel-group {HEAD_OUTSIDE} ipsec-attributes
 pre-shared-key {KEY}
 isakmp keepalive threshold 10 retry 2
"
    );
    logging(&mut text, log);
    text
}

fn seed_policy(priority: u16) -> String {
    policy(priority, "3des", "sha", 2)
}

fn modern_policy(priority: u16) -> String {
    policy(priority, "aes-256", "sha256", 14)
}

fn policy(priority: u16, encryption: &str, hash: &str, group: u8) -> String {
    format!(
        "crypto isakmp policy {priority}\n authentication pre-share\n encryption {encryption}\n \
         hash {hash}\n group {group}\n lifetime 86400"
    )
}

fn logging(text: &mut String, log: &Path) {
    let _ = write!(
        text,
        "logging enable\nlogging timestamp\nlogging file {} 7\nlogging queue 8192\n",
        log.display()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "/tmp/x.log";

    fn added_to_seed(text: &str) -> Vec<&str> {
        text.lines()
            .filter(|line| !SEED.lines().any(|seed| seed == *line))
            .collect()
    }

    #[test]
    fn the_head_office_is_the_seed_with_few_lines_added() {
        let text = head(
            Options {
                preserve: true,
                suite: Suite::Seed,
            },
            Path::new(LOG),
        );
        assert_eq!(
            added_to_seed(&text),
            [
                " device net_af_packet0",
                " device net_af_packet1",
                "route outside 0.0.0.0 0.0.0.0 209.165.201.1 1",
                " pre-shared-key swordfish",
                " isakmp keepalive threshold 10 retry 2",
                "logging enable",
                "logging timestamp",
                "logging file /tmp/x.log 7",
                "logging queue 8192",
            ]
        );
        let gone: Vec<&str> = SEED
            .lines()
            .filter(|line| !text.lines().any(|kept| kept == *line))
            .collect();
        assert_eq!(gone, [" pre-shared-key *"]);
    }

    #[test]
    fn preserve_off_is_the_no_form_in_both_offices() {
        let options = Options {
            preserve: false,
            suite: Suite::Aes256Pfs,
        };
        for text in [
            head(options, Path::new(LOG)),
            branch(options, Path::new(LOG)),
        ] {
            assert!(text.lines().any(|line| line == format!("no {PRESERVE}")));
            assert!(!text.lines().any(|line| line == PRESERVE));
            assert!(text.contains(" group 14\n"));
            assert!(text.contains("\ncrypto map map1 5 set pfs group14\n"));
        }
    }
}
