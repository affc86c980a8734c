//! The C border of Holdfast: DPDK 22.11 and libipsec-mb as their headers declare them.
//!
//! Bindings are made at build time from allow-lists in `build.rs`; static inline functions come
//! through one C shim (`c/shim.c`, names `hf_*`). There is no logic here and no safety: only
//! `fastpath::dpdk` and `fastpath::crypto` call this crate.

#![allow(
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unsafe_code,
    unsafe_op_in_unsafe_fn,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    reason = "generated from C headers; documented there"
)]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
