//! What C says of the structs that Rust touches by field, against the bindings.
#![expect(unsafe_code, reason = "reads a table of the shim")]

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::mem::{offset_of, size_of};

use dpdk_sys as sys;

/// Name to offset and size, from the C compiler.
fn by_c() -> BTreeMap<String, (usize, usize)> {
    let mut count = 0;
    // SAFETY: the shim returns a static table and its length.
    let fields = unsafe { std::slice::from_raw_parts(sys::hf_layout(&raw mut count), count) };
    fields
        .iter()
        .map(|field| {
            // SAFETY: names are string literals of the shim.
            let name = unsafe { CStr::from_ptr(field.name) };
            (
                name.to_string_lossy().into_owned(),
                (field.offset, field.size),
            )
        })
        .collect()
}

#[test]
fn rust_and_c_agree_on_every_field() {
    let c = by_c();
    let whole = |name: &str, size: usize| assert_eq!(c[name].1, size, "{name}");
    whole("rte_mbuf", size_of::<sys::rte_mbuf>());
    whole("rte_eth_stats", size_of::<sys::rte_eth_stats>());
    whole("rte_eth_dev_info", size_of::<sys::rte_eth_dev_info>());
    whole("rte_eth_conf", size_of::<sys::rte_eth_conf>());
    whole(
        "rte_ip_frag_death_row",
        size_of::<sys::rte_ip_frag_death_row>(),
    );
    whole("IMB_JOB", size_of::<sys::IMB_JOB>());
    let field = |name: &str, offset: usize| assert_eq!(c[name].0, offset, "{name}");
    field("rte_mbuf.buf_addr", offset_of!(sys::rte_mbuf, buf_addr));
    field("rte_mbuf.data_off", offset_of!(sys::rte_mbuf, data_off));
    field("rte_mbuf.refcnt", offset_of!(sys::rte_mbuf, refcnt));
    field("rte_mbuf.nb_segs", offset_of!(sys::rte_mbuf, nb_segs));
    field("rte_mbuf.port", offset_of!(sys::rte_mbuf, port));
    field("rte_mbuf.ol_flags", offset_of!(sys::rte_mbuf, ol_flags));
    field(
        "rte_mbuf.packet_type",
        offset_of!(sys::rte_mbuf, __bindgen_anon_1),
    );
    field("rte_mbuf.pkt_len", offset_of!(sys::rte_mbuf, pkt_len));
    field("rte_mbuf.data_len", offset_of!(sys::rte_mbuf, data_len));
    field("rte_mbuf.buf_len", offset_of!(sys::rte_mbuf, buf_len));
    field("rte_mbuf.pool", offset_of!(sys::rte_mbuf, pool));
    field("rte_mbuf.next", offset_of!(sys::rte_mbuf, next));
    field("rte_mbuf.priv_size", offset_of!(sys::rte_mbuf, priv_size));
    field(
        "rte_mbuf.tx_offload",
        offset_of!(sys::rte_mbuf, __bindgen_anon_3),
    );
    field(
        "rte_eth_stats.imissed",
        offset_of!(sys::rte_eth_stats, imissed),
    );
    field(
        "rte_eth_stats.rx_nombuf",
        offset_of!(sys::rte_eth_stats, rx_nombuf),
    );
    let limits = |name: &str, offset: usize| field(&format!("rte_eth_dev_info.{name}"), offset);
    limits(
        "max_rx_queues",
        offset_of!(sys::rte_eth_dev_info, max_rx_queues),
    );
    limits(
        "max_tx_queues",
        offset_of!(sys::rte_eth_dev_info, max_tx_queues),
    );
    limits("reta_size", offset_of!(sys::rte_eth_dev_info, reta_size));
    limits(
        "flow_type_rss_offloads",
        offset_of!(sys::rte_eth_dev_info, flow_type_rss_offloads),
    );
    field("rte_eth_conf.rxmode", offset_of!(sys::rte_eth_conf, rxmode));
    field("rte_eth_conf.txmode", offset_of!(sys::rte_eth_conf, txmode));
}
