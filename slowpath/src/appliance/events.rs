//! What workers tell: events to the log and to the tunnels, answers to who asked.

use std::net::{Ipv4Addr, SocketAddrV4};

use fastpath::worker::event::{Event, TeardownReason};
use fastpath::worker::request::Reply;

use super::Appliance;
use crate::limits::EVENTS_PER_TURN;
use crate::syslog::format;
use crate::time::Time;

/// Every reason for which flows are torn down, as `show asp drop` lists them.
const REASONS: [TeardownReason; 13] = [
    TeardownReason::TcpFins,
    TeardownReason::TcpResetInside,
    TeardownReason::TcpResetOutside,
    TeardownReason::TcpResetAppliance,
    TeardownReason::SynTimeout,
    TeardownReason::FinTimeout,
    TeardownReason::ConnTimeout,
    TeardownReason::TunnelTornDown,
    TeardownReason::VpnReclassifyFailed,
    TeardownReason::Reclassified,
    TeardownReason::XlateClear,
    TeardownReason::Cleared,
    TeardownReason::ProbeRetries,
];

/// Flows torn down, by reason, and translations in use.
#[derive(Debug, Default)]
pub(super) struct FlowDrops {
    counts: [u64; REASONS.len()],
    xlates: u64,
    pub(super) xlates_most: u64,
}

impl FlowDrops {
    fn count(&mut self, event: &Event) {
        match event {
            Event::ConnTeardown { reason, .. } => {
                let place = REASONS.iter().position(|it| it == reason);
                if let Some(count) = place.and_then(|at| self.counts.get_mut(at)) {
                    *count += 1;
                }
            }
            Event::Xlate { built: true, .. } => {
                self.xlates += 1;
                self.xlates_most = self.xlates_most.max(self.xlates);
            }
            Event::Xlate { built: false, .. } => self.xlates = self.xlates.saturating_sub(1),
            _ => {}
        }
    }

    pub(super) fn rows(&self) -> Vec<(TeardownReason, u64)> {
        REASONS.into_iter().zip(self.counts).collect()
    }

    pub(super) fn clear(&mut self) {
        self.counts = [0; REASONS.len()];
    }
}

impl Appliance {
    pub(super) fn take_events(&mut self, now: Time) -> bool {
        let Self {
            fastpath,
            names,
            logger,
            access_log,
            flow_drops,
            wall_ms,
            tunnels,
            publishing,
            ..
        } = self;
        let mut moves = Vec::new();
        let taken = fastpath.events(EVENTS_PER_TURN, |_, event| {
            flow_drops.count(&event);
            publishing.count(&event);
            match event {
                Event::RekeyWanted { slot, spi, hard } => tunnels.rekey_wanted(slot, spi, hard),
                Event::Bounce(record) => tunnels.bounce_report(&record, now),
                _ => {}
            }
            if let Event::PeerMoved {
                spi,
                slot,
                remote,
                remote_port,
            } = event
            {
                let remote = SocketAddrV4::new(Ipv4Addr::from_bits(remote), remote_port);
                moves.extend(tunnels.peer_of_pair(slot, spi).map(|peer| (peer, remote)));
            }
            let message = match format::access_hit(&event, names) {
                Some(hit) => access_log.hit(&hit, now),
                None => format::event(&event, names),
            };
            if let Some(message) = message {
                logger.log(&message, now, *wall_ms);
            }
        });
        for message in access_log.counts(now) {
            logger.log(&message, now, *wall_ms);
        }
        for (peer, remote) in moves {
            self.engine.peer_moved(peer, remote);
            self.move_peer(peer, remote, now);
        }
        taken > 0
    }

    /// Takes answers, as far as the operator that they are for can be given lines.
    pub(super) fn take_replies(&mut self, now: Time) -> bool {
        let room = self.listing_room(now);
        if room == 0 {
            return false;
        }
        let mut replies = Vec::new();
        self.fastpath.replies(room, |reply| replies.push(reply));
        let busy = !replies.is_empty();
        for reply in replies {
            if self.paged(&reply, now) {
                continue;
            }
            if let Reply::Done { ticket, count, .. } = reply {
                self.tunnels.swept(ticket, count, &mut self.fastpath);
            }
            self.listed(reply, now);
        }
        self.flush_listing(now);
        busy
    }
}
