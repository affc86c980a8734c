//! The ledger of bounces: every time a tunnel went down under its flows, why, for how long, and
//! what became of them.
//!
//! ```text
//!   begin --> negotiating --> ready --> released --> settled: one line in the log
//!                reports of the workers, the count of flows --^
//! ```
//!
//! Pure: time comes in as an argument, lines for the log are polled.

mod far_end;
mod ledger;
mod message;

pub use ledger::{BOUNCES_MAX, Begin, Ledger};

use std::net::Ipv4Addr;

use fastpath::tunnel::SlotId;
use serde::Serialize;

use crate::ike::{EndReason, Proof, TunnelId};
use crate::time::Time;

/// Why a tunnel went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// `clear crypto isakmp sa` here.
    ClearIsakmp,
    /// `clear crypto ipsec sa` here.
    ClearIpsec,
    /// The peer's DELETE.
    PeerDelete,
    /// The peer did not answer.
    LostContact,
    /// The peer did not answer for a moment, and was not declared dead: the tunnel stayed up.
    Silence,
    /// A lifetime ended without a rekey.
    Lifetime,
    /// The peer began anew and knows nothing of what was.
    PeerRestart,
    /// The configuration changed, or the pair did not fit it.
    Configuration,
    /// The box stops.
    Shutdown,
}

impl Cause {
    /// The cause of an end; what an operator's clear was is known by who carried it out.
    pub const fn of(reason: EndReason, clear: Self) -> Self {
        match reason {
            EndReason::AdministratorReset => clear,
            EndReason::PeerTerminate => Self::PeerDelete,
            EndReason::LostContact => Self::LostContact,
            EndReason::MaxTimeExceeded | EndReason::Rekeyed => Self::Lifetime,
            EndReason::InitialContact => Self::PeerRestart,
            EndReason::AdministratorShutdown => Self::Shutdown,
            EndReason::NoProposal
            | EndReason::InvalidId
            | EndReason::AuthenticationFailed
            | EndReason::ConfigurationChanged => Self::Configuration,
        }
    }

    /// Whether somebody wanted it: packets are held in order, the next negotiation is at hand.
    pub const fn is_planned(self) -> bool {
        matches!(
            self,
            Self::ClearIsakmp
                | Self::ClearIpsec
                | Self::PeerDelete
                | Self::PeerRestart
                | Self::Shutdown
        )
    }

    /// As the log and `show vpn-bounce` print it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::ClearIsakmp => "clear isakmp",
            Self::ClearIpsec => "clear ipsec",
            Self::PeerDelete => "peer's DELETE",
            Self::LostContact => "lost contact",
            Self::Silence => "silence",
            Self::Lifetime => "lifetime",
            Self::PeerRestart => "peer restarted",
            Self::Configuration => "configuration",
            Self::Shutdown => "shutdown",
        }
    }
}

/// What workers did for the flows of one bounce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Flow directions that held a packet.
    pub held: u64,
    /// Packets that there was no room for.
    pub refused: u64,
    /// Packets released, second copies included.
    pub released: u64,
    /// ICMP net unreachables sent.
    pub unreachables: u64,
    /// Flows that went on.
    pub resumed: u64,
    /// Flows that the far end reset or did not know.
    pub far_resets: u64,
    /// Flows removed because probes were not answered.
    pub timed_out: u64,
    /// Flows removed because the new tunnel does not cover them, or because they are the tunnel's
    /// now and were in clear.
    pub reclassified: u64,
}

/// A bounce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// Its number, from 1 since the start of the box.
    pub number: u32,
    /// The tunnel.
    pub tunnel: TunnelId,
    /// Its slot.
    pub slot: SlotId,
    /// Its peer.
    pub peer: Ipv4Addr,
    /// Name of its crypto map.
    pub map_name: String,
    /// Sequence number of its entry.
    pub sequence: u16,
    /// Why it went down.
    pub cause: Cause,
    /// Whether its TCP flows were kept.
    pub preserved: bool,
    /// Since when its traffic had no answer, where that told of it.
    pub evidence: Option<Time>,
    /// When it was declared down.
    pub down: Time,
    /// When we began to negotiate; the peer may have done it instead.
    pub negotiating: Option<Time>,
    /// When an SA pair was ready.
    pub ready: Option<Time>,
    /// When the peer was known to take packets, and by what.
    pub proven: Option<(Time, Proof)>,
    /// Microseconds from the release to the first flow that went on.
    pub first_resumed_us: Option<u32>,
    /// Microseconds from the release to the last flow that went on.
    pub last_resumed_us: Option<u32>,
    /// TCP flows of the tunnel when it went down, once the workers have counted them.
    pub flows: Option<u64>,
    /// What workers did.
    pub tally: Tally,
    /// Nothing more is expected.
    pub settled: bool,
}

#[cfg(test)]
mod tests;
