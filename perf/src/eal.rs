//! EAL options for who gives none.

use std::fs;
use std::sync::OnceLock;

use fastpath::dpdk::Eal;

/// Megabytes for pools and tables of a measurement, and for rte_hash where there are many flows.
const MEGABYTES: u64 = 400;
const BYTES_PER_FLOW: u64 = 160;

/// The CPUs that this process may use. The EAL pins its caller, so they are read before it starts.
static CPUS: OnceLock<Vec<core_affinity::CoreId>> = OnceLock::new();

/// Pins the calling thread to the CPU with this place in the list, counted round.
pub(crate) fn pin(place: u8) {
    let cpus = CPUS.get().map_or(&[][..], Vec::as_slice);
    if let Some(cpu) = cpus.get(usize::from(place) % cpus.len().max(1)) {
        core_affinity::set_for_current(*cpu);
    }
}

/// Starts the EAL with `arguments`, or with none of the machine's devices.
pub(crate) fn start(arguments: &[String], flows: u32) -> Result<Eal, String> {
    CPUS.get_or_init(|| core_affinity::get_core_ids().unwrap_or_default());
    let mut all = vec!["holdfast-perf".to_owned()];
    if arguments.is_empty() {
        all.extend(closed_loop(megabytes(flows), "0"));
    } else {
        all.extend_from_slice(arguments);
    }
    Eal::start(&all).map_err(|error| error.to_string())
}

/// Memory that `flows` flows need.
pub(crate) fn megabytes(flows: u32) -> u64 {
    MEGABYTES + u64::from(flows) * BYTES_PER_FLOW / 1_000_000
}

/// Options for a closed loop on `lcores`: no device, hugepages where there are enough.
pub(crate) fn closed_loop(megabytes: u64, lcores: &str) -> Vec<String> {
    let mut options = vec!["--no-pci", "--no-telemetry", "--log-level=error"];
    // Pages without a mounted file system, or none at all.
    let memory = if free_huge_megabytes() >= megabytes {
        "--in-memory"
    } else {
        "--no-huge"
    };
    let size = megabytes.to_string();
    let prefix = format!("hf_perf_{}", std::process::id());
    options.extend([memory, "-m", &size, "-l", lcores]);
    if memory == "--no-huge" {
        options.extend(["--file-prefix", &prefix]);
    }
    options.into_iter().map(str::to_owned).collect()
}

/// Megabytes of large pages that nobody uses.
pub(crate) fn free_huge_megabytes() -> u64 {
    memory_field("HugePages_Free:") * huge_page_kilobytes() / 1024
}

/// Kilobytes of a large page.
pub(crate) fn huge_page_kilobytes() -> u64 {
    memory_field("Hugepagesize:")
}

fn memory_field(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
