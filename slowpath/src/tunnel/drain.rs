//! Inbound SAs of pairs that an operator cleared here: what the peer had on its way is still taken.
//!
//! The SA keeps its keys, its selectors and its replay window and only goes on; it ends after
//! [`DRAIN_MS`], at once when the configuration changes, and is never brought back.

use super::dataplane::{Dataplane, InboundTraffic};
use super::owner::TunnelOwner;
use crate::ike::TunnelId;
use crate::time::Time;

/// Time after a clear in which packets of the cleared pair are taken: the DELETE's way to the peer
/// and the way of what it sent before. Far longer than any path, far shorter than an exchange that
/// could make an SPI anew.
pub(super) const DRAIN_MS: u64 = 1_000;

/// An SA on its way out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draining {
    tunnel: TunnelId,
    inbound_spi: u32,
    /// What it had counted when its pair ended.
    counted: InboundTraffic,
    due: Time,
}

impl<D: Dataplane> TunnelOwner<D> {
    pub(super) fn drain(&mut self, id: TunnelId, spi: u32, counted: InboundTraffic, now: Time) {
        self.draining.push_back(Draining {
            tunnel: id,
            inbound_spi: spi,
            counted,
            due: now.after_ms(DRAIN_MS),
        });
    }

    /// Ends what has drained.
    pub(super) fn end_drained(&mut self, now: Time, dp: &mut D) {
        while self
            .draining
            .front()
            .is_some_and(|draining| draining.due <= now)
        {
            self.end_first_drain(dp);
        }
    }

    /// Ends the first drain, however long it has been: no SA lives on across a change of the
    /// configuration. `false` when there is none.
    pub(super) fn end_first_drain(&mut self, dp: &mut D) -> bool {
        let Some(draining) = self.draining.pop_front() else {
            return false;
        };
        if let Some(tunnel) = self.tunnels.get_mut(&draining.tunnel) {
            let now = dp.inbound(draining.inbound_spi).unwrap_or_default();
            tunnel.past.add_inbound(now.since(&draining.counted));
        }
        dp.remove_inbound(draining.inbound_spi);
        true
    }
}
