//! Protocol headers: parse and emit, each file of one protocol.
//!
//! Every header has the same shape: a table of field offsets, a type over an array of exactly the
//! header's length, getters on anything that borrows the array and setters on anything that
//! borrows it mutably. The length is checked once, when the array is split off; after that a field
//! access is a constant index into an array and cannot fail.

pub mod arp;
pub mod checksum;
pub mod datagram;
pub mod ethernet;
mod field;
pub mod fragment;
pub mod icmp;
pub mod ipv4;
pub mod tcp;
pub mod translate;
pub mod udp;

pub use arp::Arp;
pub use checksum::Delta;
pub use datagram::Datagram;
pub use ethernet::{Ethernet, Mac};
pub use icmp::Icmp;
pub use ipv4::Ipv4;
pub use tcp::Tcp;
pub use udp::Udp;
