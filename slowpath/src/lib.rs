//! The control side of Holdfast.

#![forbid(unsafe_code)]

pub mod appliance;
pub mod apply;
pub mod bounce;
pub mod cli;
pub mod control_socket;
pub mod ike;
mod limits;
pub mod local;
pub mod local_net;
pub mod neighbour;
pub mod round_trip;
pub mod snmp;
pub mod stats;
pub mod syslog;
pub mod time;
pub mod too_big;
pub mod tunnel;
