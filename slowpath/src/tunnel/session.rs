//! Sessions with peers, for 113019, and the words for why something has ended.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::child::Totals;
use crate::ike::EndReason;
use crate::syslog::Message;
use crate::time::Time;

/// The reason as 113019 prints it.
pub const fn reason_text(reason: EndReason) -> &'static str {
    match reason {
        EndReason::PeerTerminate => "User Requested",
        EndReason::AdministratorReset => "Administrator Reset",
        EndReason::AdministratorShutdown => "Administrator Shutdown",
        EndReason::LostContact => "Lost Service",
        EndReason::MaxTimeExceeded => "Max time exceeded",
        EndReason::InitialContact => "Peer Reconnected",
        EndReason::NoProposal | EndReason::InvalidId => "Phase 2 Mismatch",
        EndReason::AuthenticationFailed => "Phase 2 Error",
        EndReason::ConfigurationChanged => "Crypto map policy not found",
        EndReason::Rekeyed => "Unknown",
    }
}

#[derive(Debug)]
struct Session {
    since: Time,
    children: u32,
    carried: Totals,
}

/// One session per peer that has at least one SA pair. Bounded by the tunnels.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_peer: BTreeMap<Ipv4Addr, Session>,
}

impl Sessions {
    pub(super) fn child_up(&mut self, peer: Ipv4Addr, now: Time) {
        let fresh = Session {
            since: now,
            children: 0,
            carried: Totals::default(),
        };
        self.by_peer.entry(peer).or_insert(fresh).children += 1;
    }

    /// A pair of the peer has ended after it carried `carried`; the message when it was the last.
    pub(super) fn child_down(
        &mut self,
        peer: Ipv4Addr,
        carried: &Totals,
        reason: EndReason,
        now: Time,
    ) -> Option<Message> {
        let session = self.by_peer.get_mut(&peer)?;
        session.children = session.children.saturating_sub(1);
        session.carried.add_inbound(carried.inbound);
        session.carried.add_outbound(carried.outbound);
        if session.children > 0 {
            return None;
        }
        let session = self.by_peer.remove(&peer)?;
        let seconds = now.since_ms(session.since) / 1000;
        let text = format!(
            "Group = {peer}, Username = {peer}, IP = {peer}, Session disconnected. Session Type: \
             LAN-to-LAN, Duration: {}h:{:02}m:{:02}s, Bytes xmt: {}, Bytes rcv: {}, Reason: {}",
            seconds / 3600,
            seconds % 3600 / 60,
            seconds % 60,
            session.carried.outbound.bytes,
            session.carried.inbound.bytes,
            reason_text(reason)
        );
        Some(Message::new(113_019, 4, text))
    }
}
