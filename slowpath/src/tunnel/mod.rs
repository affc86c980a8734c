//! Who owns tunnels: the slots that flows name, the SAs that serve them, the VPN contexts that
//! operators see.
//!
//! ```text
//!   configuration --reconcile--> Tunnel (crypto map entry x access-list entry) <--> slot
//!   IKE actions   --child_up, child_down, negotiating--> SAs of the slot, its state, its epoch
//!   workers       --asks, RekeyWanted--> Demand (what IKE shall do), polled by the control loop
//! ```
//!
//! Everything here is pure but for the [`Dataplane`] that it is given: it reads no clock, opens no
//! socket, and what it wants done by IKE or written to the log is polled.

mod asks;
mod change;
mod child;
mod context;
mod dataplane;
mod drain;
mod moved;
mod owner;
mod pairs;
mod pmtu;
mod rate;
mod reconcile;
mod resume;
mod retire;
mod session;
mod silence;
mod spec;
mod stats;
mod view;
mod watch;

pub use asks::PeerTraffic;
pub use change::{Change, TunnelChange};
pub use child::inner_mtu;
pub use dataplane::{Dataplane, InboundTraffic, OutboundTraffic, SpiPool};
pub use owner::{Demand, TunnelOwner, VpnOptions};
pub use reconcile::{Reconciliation, TunnelBinding};
pub use resume::ResumePolicy;
pub use session::reason_text;
pub use spec::TunnelSpec;
pub use watch::Sighting;
#[cfg(test)]
pub(crate) use watch::{Look, Watch};

#[cfg(test)]
mod tests;
