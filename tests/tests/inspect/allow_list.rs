//! What the machine code of a turn may reach although it looks like a violation, and why.
//!
//! An entry is for a file, or for all whose paths begin alike, and for as many of its lines as it
//! says. Line numbers of merged code are unknown and count as one line.

use tests::inspect::Fault;
use tests::inspect::allowed::Allowed;

/// One pass of a worker's loop.
pub(crate) const ROOT: &str = "fastpath::worker::turn::Worker::step";

const fn allow(
    fault: Fault,
    file: &'static str,
    callee: &'static str,
    lines: usize,
    why: &'static str,
) -> Allowed {
    Allowed {
        fault,
        file,
        callee,
        lines,
        why,
    }
}

const DRIVER: &str = "the driver of a port or of a mempool, which DPDK calls through pointers";
const DPDK: &str = "DPDK's own function for a burst or a datagram; it works on our pools";
const ONE_OWNER: &str = "counts owners of a shared mbuf; ours have one, so it is not executed";
const LATCH: &str = "set once, until the slowpath has taken it";
const SPREAD: &str =
    "where every worker seals with an SA, once per run of packets; and its latches";
const INTERN: &str = "once per new next hop; no worker waits for another";
const FULL: &str = "the vector has as many places as a burst has packets";
const RESERVED: &str = "room for every element was reserved when it was made";
const HELD: &str = "the pool's own numbers: buckets are masked, cells were counted before";
const NOT_ZERO: &str = "the divisor is at least one since it was made";
const MASKED: &str = "a power of two of places, the index masked with it";
const DOMAIN: &str = "a cell and its handle are of one domain since they were made";
const CIPHER: &str = "whole blocks and keys of a known length, which the callers cut to size";
const ENGINE: &str = "a function of the cipher library, chosen when the SA was made";
const CLOSURE: &str = "the body of a loop over blocks, handed in by the caller";
const COPY: &str = "the address of memcpy, kept in a register across a loop";
const FREE: &str = "the address of the shim's function that frees an mbuf, kept in a register";
const SIZED: &str = "both sides were cut to the same length just before";

use Fault::{Allocation, Atomic, Foreign, Indirect, Panic};

/// What every build has.
pub(crate) const ALLOWED: &[Allowed] = &[
    allow(Indirect, "dpdk-sys/c/shim.c", "", 6, DRIVER),
    allow(Atomic, "dpdk-sys/c/shim.c", "lock subw", 2, ONE_OWNER),
    allow(Foreign, "dpdk-sys/c/shim.c", "rte_", 6, DPDK),
    allow(
        Foreign,
        "/usr/include/dpdk/rte_mempool.h",
        "__rte_panic",
        1,
        DRIVER,
    ),
    allow(
        Foreign,
        "fastpath/src/dpdk/reassembly.rs",
        "rte_ip",
        2,
        DPDK,
    ),
    allow(Atomic, "fastpath/src/tunnel/asks.rs", "lock ", 2, LATCH),
    allow(Atomic, "fastpath/src/esp/lifetime.rs", "lock ", 5, SPREAD),
    allow(
        Atomic,
        "fastpath/src/tunnel/adjacency/mod.rs",
        "lock cmpxchg",
        1,
        INTERN,
    ),
    allow(
        Allocation,
        "fastpath/src/hold/books.rs",
        "alloc::raw_vec::RawVec",
        3,
        RESERVED,
    ),
    allow(
        Allocation,
        "fastpath/src/hold/cells.rs",
        "alloc::raw_vec::RawVec",
        1,
        RESERVED,
    ),
    allow(
        Allocation,
        "fastpath/src/hold/pool/shares.rs",
        "alloc::raw_vec::RawVec",
        1,
        RESERVED,
    ),
    allow(
        Panic,
        "fastpath/src/hold/pool/",
        "core::option::expect_failed",
        2,
        HELD,
    ),
    allow(
        Panic,
        "fastpath/src/hold/",
        "core::panicking::panic_bounds_check",
        5,
        HELD,
    ),
    allow(
        Panic,
        "fastpath/src/hold/pool/shares.rs",
        "core::panicking::panic_fmt",
        1,
        HELD,
    ),
    allow(
        Panic,
        "fastpath/src/hold/",
        "core::panicking::panic_const",
        2,
        NOT_ZERO,
    ),
    allow(
        Panic,
        "fastpath/src/hold/probe.rs",
        "core::slice::copy_from",
        1,
        SIZED,
    ),
    allow(
        Panic,
        "fastpath/src/worker/turn.rs:?",
        "core::panicking::panic_const",
        1,
        NOT_ZERO,
    ),
    allow(
        Panic,
        "fastpath/src/worker/turn.rs:?",
        "core::panicking::panic_bounds",
        1,
        HELD,
    ),
    allow(
        Panic,
        "fastpath/src/rcu/cell.rs",
        "core::panicking::panic_fmt",
        1,
        DOMAIN,
    ),
    allow(
        Panic,
        "fastpath/src/path/",
        "core::panicking::panic_fmt",
        1,
        DOMAIN,
    ),
    allow(
        Panic,
        "fastpath/src/path/",
        "core::panicking::panic_bounds_check",
        2,
        MASKED,
    ),
    allow(
        Panic,
        "fastpath/src/path/",
        "core::result::unwrap_failed",
        6,
        FULL,
    ),
    allow(
        Panic,
        "fastpath/src/path/rewrite/fragments.rs",
        "core::slice::copy",
        1,
        SIZED,
    ),
    allow(
        Panic,
        "fastpath/src/esp/",
        "core::result::unwrap_failed",
        2,
        FULL,
    ),
    allow(
        Panic,
        "fastpath/src/esp/seal.rs",
        "core::slice::copy_from",
        2,
        SIZED,
    ),
    allow(Panic, "arrayvec-", "core::", 2, FULL),
    allow(
        Indirect,
        "fastpath/src/crypto/ipsec_mb/worker.rs",
        "call ",
        8,
        ENGINE,
    ),
    allow(
        Indirect,
        "fastpath/src/crypto/vaes/columns.rs",
        "jmp ",
        1,
        ENGINE,
    ),
    allow(
        Panic,
        "library/alloc/src/vec/mod.rs",
        "core::panicking::panic_fmt",
        1,
        HELD,
    ),
    allow(Panic, "aes-", "core::", 40, CIPHER),
    allow(Panic, "cipher-", "core::", 5, CIPHER),
    allow(Panic, "hybrid-array-", "core::", 2, CIPHER),
    allow(Panic, "sha2-", "core::", 2, CIPHER),
];

/// What depends on how a compiler merges code and keeps addresses in registers: on the build.
pub(crate) const ALLOWED_BY_BUILD: &[Allowed] = &[
    allow(Indirect, "fastpath/src/worker/turn.rs", "call ", 1, COPY),
    allow(Indirect, "fastpath/src/hold/", "call ", 2, COPY),
    allow(Indirect, "fastpath/src/dpdk/mbuf.rs", "call ", 1, FREE),
    allow(
        Panic,
        "fastpath/src/crypto/portable.rs",
        "core::",
        2,
        CIPHER,
    ),
    allow(
        Panic,
        "fastpath/src/hold/probe.rs",
        "core::result::unwrap_failed",
        1,
        FULL,
    ),
    allow(Indirect, "inout-", "call ", 1, CLOSURE),
];
