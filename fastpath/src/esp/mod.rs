//! ESP tunnel mode for IPv4 (RFC 4303), raw and in UDP (RFC 3948).
//!
//! ```text
//! outbound  reserve (OutboundSa) -> room for head and tail -> seal_burst
//! inbound   open_burst: lengths, replay check -> ICV, decryption -> advance -> padding, ECN
//!           -> InboundSa::selects, by the caller, who has parsed the inner packet
//!
//! | IPv4 | UDP | SPI | sequence | IV | inner packet | padding | pad len, next | ICV |
//! |<----------- head_len ----------->|<- inner_len->|<-------- tail_len -------->|
//! ```
//!
//! Pure functions over contiguous packets. Rules that hold everywhere: a replay window moves only
//! for an authentic packet; a sequence number, once reserved, is never given to another packet; a
//! packet that is not marked as sealed must not leave.

mod ecn;
mod gcm;
mod inbound;
mod lifetime;
mod open;
mod outbound;
mod replay;
mod sa;
mod seal;
mod suite;
mod tunnel_header;

pub use inbound::InboundSa;
pub use open::{OpenJob, OpenScratch, Opened, Outcome, open_burst};
pub use outbound::{Growth, OutboundSa, Sealer};
pub use replay::{REPLAY_WINDOW_MIN, ReplayWindow};
pub use sa::{BuildError, PortRange, SPI_MIN, SaParameters, Selectors};
pub(crate) use seal::seal_runs;
pub use seal::{SealJob, SealScratch, Sealed, seal_burst};
pub use suite::{CostClass, ESP_HEADER_LEN, ESP_TRAILER_LEN, ICV_LEN_MAX, SALT_LEN, Suite};

#[cfg(test)]
mod tests;
