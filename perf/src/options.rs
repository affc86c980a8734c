//! The command line: EAL options, `--`, our options. Names are testpmd's where testpmd has them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use config::{Encryption, Hash};
use fastpath::esp::Suite;

use crate::engine::Kind;

/// Measures Holdfast's fastpath: in a closed loop without ports, or on ports of the EAL.
#[derive(Parser, Debug)]
#[command(
    name = "holdfast-perf",
    version,
    override_usage = "holdfast-perf [EAL options] -- [options]\n       \
                      holdfast-perf [bench | compare | ab | crowd] [options]"
)]
pub(crate) struct Options {
    /// Measurements of many processes, and comparisons; these start no EAL of their own.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Options of one measurement.
    #[command(flatten)]
    pub(crate) run: Run,
}

/// What needs no EAL here.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// The table of figures against peers, each interleaved with its peer.
    Bench(Bench),
    /// Compares two reports.
    Compare(Compare),
    /// Runs two programs in turn and compares their figures.
    Ab(Ab),
    /// Many clients of a box's statistics socket at once.
    Crowd(Crowd),
}

/// Options of `bench`.
#[derive(Args, Debug)]
pub(crate) struct Bench {
    /// Rows whose names contain one of these words; all when none is given.
    pub(crate) rows: Vec<String>,
    /// Runs of each side.
    #[arg(long, default_value_t = 10)]
    pub(crate) blocks: usize,
    /// Milliseconds of each run and figure.
    #[arg(long, default_value_t = 80)]
    pub(crate) duration_ms: u64,
    /// Where the report goes.
    #[arg(long, default_value = "target/bench/report.json")]
    pub(crate) output: PathBuf,
    /// Where peers are built.
    #[arg(long, default_value = "target/bench")]
    pub(crate) build_dir: PathBuf,
    /// This program as a release has it for AVX-512; its rows are missing without.
    #[arg(long)]
    pub(crate) release: Option<PathBuf>,
}

/// Options of `compare`.
#[derive(Args, Debug)]
pub(crate) struct Compare {
    /// The earlier report.
    pub(crate) before: PathBuf,
    /// The later report.
    pub(crate) after: PathBuf,
    /// Exit code 1 when a figure is worse by more than this.
    #[arg(long, value_parser = percent)]
    pub(crate) fail_if: Option<f64>,
}

/// Options of `ab`.
#[derive(Args, Debug)]
pub(crate) struct Ab {
    /// First program.
    #[arg(long)]
    pub(crate) a: PathBuf,
    /// Second program.
    #[arg(long)]
    pub(crate) b: PathBuf,
    /// Runs of each.
    #[arg(long, default_value_t = 10)]
    pub(crate) blocks: usize,
    /// Options for both.
    #[arg(last = true)]
    pub(crate) arguments: Vec<String>,
}

/// Options of `crowd`.
#[derive(Args, Debug)]
pub(crate) struct Crowd {
    /// The socket, `RUN_DIR/stats.sock`.
    pub(crate) socket: PathBuf,
    /// Clients: one of them never reads, one sends garbage, the others ask every command in turn.
    #[arg(long, default_value_t = 50)]
    pub(crate) clients: usize,
    /// Seconds.
    #[arg(long, default_value_t = 5)]
    pub(crate) seconds: u64,
    /// Milliseconds between two commands of a client.
    #[arg(long, default_value_t = 100)]
    pub(crate) every_ms: u64,
}

/// Options of one measurement.
#[derive(Args, Clone, Debug)]
pub(crate) struct Run {
    /// What to measure in a closed loop; what needs no ports when none is named.
    #[arg(long, value_enum)]
    pub(crate) engine: Vec<Kind>,
    /// What worker lcores do with ports of the EAL.
    #[arg(long, value_enum)]
    pub(crate) forward_mode: Option<Mode>,
    /// Bytes of the IP packet; with --forward-mode bytes of the frame without FCS.
    #[arg(long, value_delimiter = ',')]
    pub(crate) txpkts: Vec<usize>,
    /// The Internet mix of sizes (7 of 64, 4 of 594, 1 of 1518 bytes of frame) instead of --txpkts.
    #[arg(long)]
    pub(crate) imix: bool,
    /// Flows.
    #[arg(long, default_value_t = 1000)]
    pub(crate) flows: u32,
    /// How flows are drawn.
    #[arg(long, value_enum, default_value_t = Draw::Uniform)]
    pub(crate) draw: Draw,
    /// Tunnels of the gateway.
    #[arg(long, default_value_t = 1)]
    pub(crate) tunnels: u32,
    /// What the tunnels encrypt with.
    #[arg(long, value_enum, default_value_t = Cipher::Aes128Gcm)]
    pub(crate) cipher: Cipher,
    /// Which way packets go through the gateway; both when not given.
    #[arg(long, value_enum)]
    pub(crate) direction: Option<Direction>,
    /// Workers that run side by side.
    #[arg(long, default_value_t = 1)]
    pub(crate) workers: u16,
    /// Every packet arrives at another worker than its flow's.
    #[arg(long)]
    pub(crate) handoff: bool,
    /// One tunnel, with which every worker seals.
    #[arg(long)]
    pub(crate) spread: bool,
    /// Entries of the access list.
    #[arg(long, default_value_t = 1000)]
    pub(crate) aces: u32,
    /// Milliseconds per figure.
    #[arg(long, default_value_t = 300)]
    pub(crate) duration_ms: u64,
    /// SA swaps per second under load, for rcu.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) swaps: u32,
    /// Packets per second that a generator sends, 0 for as fast as it can.
    #[arg(long, default_value_t = 0)]
    pub(crate) rate: u64,
    /// Seconds after which forwarding ends, 0 for Ctrl-C.
    #[arg(long, default_value_t = 0)]
    pub(crate) forward_s: u64,
    /// Search for a rate with flowgen.
    #[arg(long, value_enum)]
    pub(crate) search: Option<Search>,
    /// Seconds between two blocks of statistics, 0 for none.
    #[arg(long, default_value_t = 0)]
    pub(crate) stats_period: u64,
    /// Interactive prompt.
    #[arg(short, long)]
    pub(crate) interactive: bool,
    /// Commands of the prompt to run first.
    #[arg(long)]
    pub(crate) cmdline_file: Option<PathBuf>,
    /// Station address to which generators send, and the gateway's next hops have.
    #[arg(long, value_parser = station)]
    pub(crate) eth_peer: Option<[u8; 6]>,
    /// Latency histogram: this path with .hlog and .hgrm.
    #[arg(long)]
    pub(crate) histogram: Option<PathBuf>,
    /// A self-contained page with the figures.
    #[arg(long)]
    pub(crate) html: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// IP sizes of the closed loop.
pub(crate) const IP_SIZES: [usize; 6] = [50, 114, 242, 498, 1010, 1386];

impl Run {
    /// Sizes of IP packets in the closed loop.
    pub(crate) fn ip_sizes(&self) -> Vec<usize> {
        if self.txpkts.is_empty() {
            IP_SIZES.to_vec()
        } else {
            self.txpkts.clone()
        }
    }
}

/// What a worker lcore does with its ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Sends what it receives out of the paired port, as it is.
    Io,
    /// The same with the station addresses swapped.
    Macswap,
    /// Receives and frees.
    Rxonly,
    /// Sends one frame again and again.
    Txonly,
    /// Sends flows out of even ports and counts what comes in by any, with loss and order.
    Flowgen,
    /// The product's worker: inside is port 0, outside is port 1, one tunnel.
    Gateway,
    /// The product's worker in clear.
    Firewall,
}

/// How flows are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Draw {
    /// Each as often as any other.
    Uniform,
    /// By Zipf's law with exponent 1.
    Zipf,
}

/// A direction through the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Direction {
    /// Into the tunnel.
    Seal,
    /// Out of the tunnel.
    Open,
}

/// What to search for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Search {
    /// Maximum receive rate.
    Mrr,
    /// No drop rate.
    Ndr,
    /// Partial drop rate, 0.5 %.
    Pdr,
    /// No drop rate at the frame sizes of RFC 2544 section 9.1.
    Rfc2544,
}

/// Suites that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cipher {
    /// AES-128-GCM.
    #[value(name = "aes-128-gcm")]
    Aes128Gcm,
    /// AES-256-GCM.
    #[value(name = "aes-256-gcm")]
    Aes256Gcm,
    /// AES-256-CBC with HMAC-SHA-256-128.
    #[value(name = "aes-256-cbc-sha256")]
    Aes256Sha256,
    /// 3DES-CBC with HMAC-MD5-96.
    #[value(name = "3des-md5")]
    TripleDesMd5,
}

impl Cipher {
    /// The suite of the line.
    pub(crate) fn suite(self) -> Suite {
        let (encryption, hash) = match self {
            Self::Aes128Gcm => (Encryption::AesGcm128, None),
            Self::Aes256Gcm => (Encryption::AesGcm256, None),
            Self::Aes256Sha256 => (Encryption::Aes256, Some(Hash::Sha256)),
            Self::TripleDesMd5 => (Encryption::TripleDes, Some(Hash::Md5)),
        };
        Suite::new(encryption, hash).expect("each names a cipher with what belongs to it")
    }

    /// As on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    match number.parse::<f64>() {
        Ok(value) if value >= 0.0 => Ok(value / 100.0),
        _ => Err("a percentage, as 3%".to_owned()),
    }
}

fn station(text: &str) -> Result<[u8; 6], String> {
    let bytes: Option<Vec<u8>> = text
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).ok())
        .collect();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| "six bytes, as 02:00:00:00:00:01".to_owned())
}

/// EAL options and our own, split at `--`. Without `--` all are ours.
pub(crate) fn split(arguments: &[String]) -> (Vec<String>, Vec<String>) {
    let (program, rest) = match arguments.split_first() {
        Some((program, rest)) => (program.clone(), rest),
        None => return (Vec::new(), Vec::new()),
    };
    let ours_only = rest.first().is_some_and(|word| {
        matches!(
            word.as_str(),
            "bench" | "compare" | "ab" | "crowd" | "help" | "--help" | "--version"
        )
    });
    match rest.iter().position(|word| word == "--") {
        Some(at) if !ours_only => {
            let ours = [&[program], &rest[at + 1..]].concat();
            (rest[..at].to_vec(), ours)
        }
        _ => (Vec::new(), arguments.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn arguments_are_split_at_the_dashes() {
        let (eal, ours) = split(&words("perf -l 0-1 --no-huge -- --engine gateway"));
        assert_eq!(eal, words("-l 0-1 --no-huge"));
        assert_eq!(ours, words("perf --engine gateway"));
        let (eal, ours) = split(&words("perf --engine gateway"));
        assert_eq!((eal.len(), ours.len()), (0, 3));
        let (eal, ours) = split(&words("perf ab --a x --b y -- --engine gateway"));
        assert_eq!((eal.len(), ours.len()), (0, 9));
    }

    #[test]
    fn percentages_and_stations_are_read() {
        assert!((percent("3%").unwrap() - 0.03).abs() < 1e-9);
        assert!(percent("-1").is_err() && percent("x").is_err());
        assert_eq!(station("02:00:00:00:00:0f"), Ok([2, 0, 0, 0, 0, 15]));
        assert!(station("02:00").is_err());
    }

    #[test]
    fn every_cipher_is_a_suite() {
        for cipher in Cipher::value_variants() {
            assert!(cipher.suite().encryption_key_len() > 0, "{}", cipher.name());
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Options::command().debug_assert();
    }
}
