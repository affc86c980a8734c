//! SNMP v2c traps, and the ear that a trap about wrong communities needs.
//!
//! ```text
//!   what happens --raise--> [queue] --poll--> one datagram per receiver
//!   queries on port 161 --heard--> counted; a wrong community raises a trap; none is answered
//! ```
//!
//! Pure but for [`Socket`]: time comes in as an argument, datagrams go out by polling.

mod ber;
mod link;
mod notifier;
mod query;
mod socket;
mod trap;

pub use link::LinkWatch;
pub use notifier::{Notifier, SnmpStats};
pub use query::{Query, hear};
pub use socket::Socket;
pub use trap::{Link, Trap, Tunnel};
