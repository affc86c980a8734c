//! What the box tells of itself: `show`, the statistics socket, metrics, the status page.
//!
//! ```text
//! workers --- counters, histograms (atomics) ---------------------+
//! DPDK    --- port counters ------------------------------------+ |
//! control loop --- Published (a copy, twice per second) ------+ | |
//!                                                             v v v
//!                                            statistics thread: stats.sock, HTTP
//! control loop <-- questions about connections --- bounded --- |
//! ```
//!
//! The statistics thread runs beside the workers' CPUs and reads copies; nothing that a client does
//! reaches a worker or holds the control loop.

pub mod commands;
pub mod histograms;
pub mod http;
pub mod measures;
pub mod published;
pub mod questions;
pub mod reading;
pub mod server;
pub mod view;
