//! What workers tell: events to the log and to the tunnels, answers to who asked.

use fastpath::worker::event::{Event, TeardownReason};
use fastpath::worker::request::Reply;

use super::{Appliance, EVENTS_PER_TURN};
use crate::syslog::format;
use crate::time::Time;

/// Every reason for which flows are torn down, as `show asp drop` lists them.
const REASONS: [TeardownReason; 12] = [
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
            flow_drops,
            wall_ms,
            tunnels,
            ..
        } = self;
        let taken = fastpath.events(EVENTS_PER_TURN, |_, event| {
            flow_drops.count(&event);
            if let Event::RekeyWanted { slot, spi, hard } = event {
                tunnels.rekey_wanted(slot, spi, hard);
            }
            if let Some(message) = format::event(&event, names) {
                logger.log(&message, now, *wall_ms);
            }
        });
        taken > 0
    }

    /// Takes answers, as far as the operator that they are for can be given lines.
    pub(super) fn take_replies(&mut self, now: Time) -> bool {
        let room = self.listing_room();
        if room == 0 {
            return false;
        }
        let mut replies = Vec::new();
        self.fastpath.replies(room, |reply| replies.push(reply));
        let busy = !replies.is_empty();
        for reply in replies {
            if let Reply::Done { ticket, .. } = reply {
                self.tunnels.swept(ticket, &mut self.fastpath);
            }
            self.listed(reply, now);
        }
        self.flush_listing(now);
        busy
    }
}
