//! Finds DPDK and libipsec-mb, compiles the shim and writes the bindings into `OUT_DIR`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::exit;

const DPDK_SERIES: &str = "22.11";
const IPSEC_MB_HEADER: &str = "/usr/include/intel-ipsec-mb.h";
const IPSEC_MB_MIN: &str = "1.3.0";
const PACKAGES: &str = "apt-get install libdpdk-dev libipsec-mb-dev libclang-dev";

fn main() {
    for input in ["c/shim.h", "c/shim.c"] {
        println!("cargo::rerun-if-changed={input}");
    }
    let dpdk = find_dpdk();
    find_ipsec_mb();
    compile_shim(&dpdk);
    bind(&dpdk);
    // Debian ships libipsec-mb without a .pc file.
    println!("cargo::rustc-link-lib=IPSec_MB");
}

/// Stops the build with the one line that an operator needs: Cargo fails at an error, and prints
/// the whole output of a script that exits with another status.
fn fail(what: &str) -> ! {
    println!("cargo::error={what}; on Debian 12: {PACKAGES}");
    exit(0)
}

fn find_dpdk() -> pkg_config::Library {
    let dpdk = pkg_config::Config::new()
        .probe("libdpdk")
        .unwrap_or_else(|_| fail("DPDK was not found (pkg-config libdpdk)"));
    if !dpdk.version.starts_with(DPDK_SERIES) {
        fail(&format!(
            "DPDK {} was found, {DPDK_SERIES} is needed",
            dpdk.version
        ));
    }
    dpdk
}

fn find_ipsec_mb() {
    let Ok(header) = std::fs::read_to_string(IPSEC_MB_HEADER) else {
        fail(&format!("libipsec-mb was not found ({IPSEC_MB_HEADER})"))
    };
    let version = header
        .lines()
        .find_map(|line| line.strip_prefix("#define IMB_VERSION_STR "))
        .map(|text| text.trim().trim_matches('"').to_owned());
    match version {
        Some(found) if release(&found) >= release(IPSEC_MB_MIN) => {}
        Some(found) => fail(&format!(
            "libipsec-mb {found} was found, {IPSEC_MB_MIN} is needed"
        )),
        None => fail(&format!("{IPSEC_MB_HEADER} names no version")),
    }
}

fn release(text: &str) -> Vec<u32> {
    text.split(['.', '-'])
        .map_while(|part| part.parse().ok())
        .collect()
}

/// `-include rte_config.h` is part of DPDK's interface, which pkg-config's crate drops.
fn compile_shim(dpdk: &pkg_config::Library) {
    cc::Build::new()
        .file("c/shim.c")
        .includes(&dpdk.include_paths)
        .flag("-include")
        .flag("rte_config.h")
        .flag("-march=corei7")
        .flag("-Wno-deprecated-declarations")
        .opt_level(3)
        .compile("holdfast_shim");
}

fn bind(dpdk: &pkg_config::Library) {
    let mut builder = bindgen::Builder::default()
        .header("c/shim.h")
        .clang_args(dpdk.include_paths.iter().map(|path| include_flag(path)))
        .clang_args(["-include", "rte_config.h", "-march=corei7"])
        .use_core()
        .layout_tests(true)
        .derive_default(true)
        .generate_comments(false)
        .prepend_enum_name(false)
        .default_enum_style(bindgen::EnumVariation::Consts);
    for function in FUNCTIONS {
        builder = builder.allowlist_function(function);
    }
    for item in TYPES {
        builder = builder.allowlist_type(item);
    }
    for item in CONSTANTS {
        builder = builder.allowlist_var(item);
    }
    // Packed structs inside packed structs: Rust has no such layout, and none is touched by field.
    for item in OPAQUE {
        builder = builder.opaque_type(item);
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_else(|| fail("cargo set no OUT_DIR")));
    match builder.generate() {
        Ok(bindings) => bindings
            .write_to_file(out.join("bindings.rs"))
            .unwrap_or_else(|error| fail(&format!("the bindings could not be written: {error}"))),
        Err(error) => fail(&format!("bindgen could not read the headers ({error})")),
    }
}

fn include_flag(path: &Path) -> String {
    format!("-I{}", path.display())
}

const FUNCTIONS: &[&str] = &[
    "hf_.*",
    "rte_eal_(init|cleanup|remote_launch|wait_lcore|mp_wait_lcore)",
    "rte_version",
    "rte_strerror",
    "rte_get_(main_lcore|next_lcore|tsc_hz)",
    "rte_lcore_(count|to_cpu_id|to_socket_id)",
    "rte_log_set_global_level",
    "rte_eth_dev_(count_avail|configure|start|stop|close|info_get|get_mtu|set_mtu|get_port_by_name|get_name_by_port|socket_id|adjust_nb_rx_tx_desc|rss_reta_update|rss_hash_update|is_valid_port)",
    "rte_eth_(rx_queue_setup|tx_queue_setup|macaddr_get|promiscuous_enable|stats_get|stats_reset|link_get_nowait|find_next|xstats_get|xstats_get_names)",
    "rte_pktmbuf_pool_create",
    "rte_mempool_(avail_count|free|in_use_count)",
    "rte_ip_frag_table_(create|destroy|del_expired_entries)",
    "rte_ipv4_(frag_reassemble_packet|fragment_packet)",
    "rte_ring_create",
    "rte_hash_(create|free|add_key|del_key|lookup_bulk)",
    "rte_rcu_qsbr_(get_memsize|init|thread_register)",
    "rte_free",
    "rte_zmalloc_socket",
    "rte_telemetry_.*",
    "rte_tel_data_.*",
    "imb_.*",
    "alloc_mb_mgr",
    "free_mb_mgr",
    "init_mb_mgr_auto",
];

const TYPES: &[&str] = &[
    "rte_eth_.*",
    "rte_mbuf",
    "rte_mempool",
    "rte_ip_frag_.*",
    "rte_ether_addr",
    "IMB_.*",
];

const CONSTANTS: &[&str] = &[
    "RTE_MAX_LCORE",
    "RTE_MAX_ETHPORTS",
    "RTE_PKTMBUF_HEADROOM",
    "RTE_MBUF_.*",
    "RTE_ETH_.*",
    "RTE_ETHER_.*",
    "RTE_LIBRTE_IP_FRAG_.*",
    "RTE_MEMPOOL_.*",
    "RING_F_S(P_ENQ|C_DEQ)",
    "IMB_.*",
    "hf_rss_ip_tcp_udp",
];

const OPAQUE: &[&str] = &["rte_arp_.*", "rte_gtp_.*", "rte_l2tpv2_.*", "rte_flow_.*"];
