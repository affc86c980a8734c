//! The lab: offices out of network namespaces, real programs in them, and what watches them.
//!
//! Everything is removed when its value is dropped. What a killed process leaves is removed by its
//! reaper (`lab-tool reap`), and failing that by the sweep at the start of the next run.

pub mod balance;
pub mod config_text;
pub mod download;
pub mod error;
pub mod flow_log;
pub mod frame;
pub mod holdfast_box;
pub mod http_server;
pub mod interrupt;
pub mod link;
pub mod namespace;
pub mod needs;
pub mod offices;
pub mod outage;
pub mod packet_socket;
pub mod payload;
pub mod process;
pub mod raw_entry;
pub mod run;
pub mod scene;
pub mod sniffer;
pub mod stats_client;
pub mod streams;
pub mod strongswan;
pub mod sweep;
pub mod topology;
pub mod traffic;
pub mod turn;
pub mod wire;

pub use error::{LabError, Result};
