//! Port translation with ports that belong to workers.
//!
//! A port of a mapped address is one of [`BLOCK_PORTS`] neighbours, and every block belongs to one
//! worker ([`PortBlocks`]). A worker takes mapped ports from its own blocks alone ([`WorkerNat`]),
//! so a packet that comes back names the home of its flow by its destination port: any worker can
//! compute it, and nothing is shared between them.
//!
//! Each connection has a mapped port of its own. In the words of RFC 4787 section 4.1 the mapping
//! is address and port-dependent, as it is on the ASA, not endpoint-independent as its REQ-1 asks:
//! two connections from one inside socket to two peers leave by two ports. What that costs: a host
//! cannot learn from one peer the port at which another peer will find it, so that hole punching
//! between two translated hosts needs a relay. What it buys: a mapped port takes packets from one
//! peer only (the filtering is as narrow as the mapping), the worker's table answers un-NAT with
//! one array access and no second key, and the xlate ends when its connection ends. Other rules of
//! RFC 4787 hold: ports are not overloaded (REQ-3), well-known ports are not given out (REQ-3 a),
//! and the idle time is that of the connection (REQ-5: `timeout udp` is 2 minutes by default).

mod block;
mod resting;
mod worker;

pub use block::{BLOCK_PORTS, PORT_FIRST, PortBlocks};
pub use worker::{ADDRESSES_MAX, NatCounts, QUARANTINE_S, WorkerNat, Xlate};
