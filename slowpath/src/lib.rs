//! The control side of Holdfast.

pub mod appliance;
pub mod apply;
pub mod cli;
pub mod control_socket;
pub mod ike;
pub mod local;
pub mod local_net;
pub mod neighbour;
pub mod stats;
pub mod syslog;
pub mod time;
pub mod tunnel;
