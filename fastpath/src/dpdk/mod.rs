//! DPDK behind safe handles: the only caller of the C border beside the crypto engines.
//!
//! A raw pointer never leaves this module. Handles own what they name and free it.
#![expect(unsafe_code, reason = "the C border: every call crosses it")]

mod eal;
mod mbuf;
mod pool;
mod port;
mod reassembly;

pub use eal::{Eal, EalError, Lcore, tsc_hz, version};
pub use mbuf::Mbuf;
pub use pool::{Pool, free_burst};
pub use port::{
    PortError, PortInfo, PortSettings, PortStats, Ports, RxQueue, StartedPort, TxQueue,
    port_by_device,
};
pub use reassembly::{Reassembled, Reassembler};
