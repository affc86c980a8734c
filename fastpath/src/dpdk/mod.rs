//! DPDK behind safe handles: the only caller of the C border beside the crypto engines.
//!
//! A raw pointer never leaves this module. Handles own what they name and free it.
#![expect(unsafe_code, reason = "the C border: every call crosses it")]

mod crossover;
mod eal;
mod mbuf;
mod peers;
mod pool;
mod port;
mod reassembly;
mod telemetry;
mod xstats;

pub use crossover::crossover;
pub use eal::{Eal, EalError, Lcore, tsc_hz, version};
pub use mbuf::Mbuf;
pub use peers::{PeerHash, PeerQsbr};
pub use pool::{Pool, free_burst};
pub use port::{
    Link, PortError, PortFacts, PortSettings, PortStats, Ports, RxQueue, StartedPort, TxQueue,
    port_by_device,
};
pub use reassembly::{Reassembled, Reassembler};
pub use telemetry::{
    DICT_ENTRIES_MAX, TelemetryAnswer, TelemetryCommand, TelemetrySource, TelemetryValue,
    register_telemetry,
};
