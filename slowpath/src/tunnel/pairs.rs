//! What IKE's pairs do to a tunnel: installation, rekeys, the end.

use fastpath::tunnel::{SlotState, SlotWord};
use fastpath::worker::request::What;

use super::child::{Child, Directions, Totals};
use super::dataplane::Dataplane;
use super::owner::{Demand, Swap, TunnelOwner};
use crate::bounce::Cause;
use crate::ike::{ChildSa, EndReason, TunnelId};
use crate::syslog::format::sa_changed;
use crate::time::Time;

/// Time after which a rekey's initiator seals with the new SA although the peer has not shown
/// that it has it: the peer's last message of the negotiation has long arrived or been sent again.
pub(super) const SWAP_DELAY_MS: u64 = 1_000;
/// Distance between handles of SAs; the ASA's are multiples of it.
const CONN_ID_STEP: u32 = 4_096;

impl<D: Dataplane> TunnelOwner<D> {
    /// A pair is ready: it is installed, inbound first, and the tunnel comes up with its first.
    pub fn child_up(&mut self, sa: Box<ChildSa>, now: Time, dp: &mut D) {
        let window = self.options.replay_window;
        let Some(tunnel) = self.tunnels.get_mut(&sa.tunnel) else {
            return self.fail(&sa, dp);
        };
        let Some(directions) = Directions::new(&sa, tunnel.slot, window, tunnel.spec.spread) else {
            return self.fail(&sa, dp);
        };
        if dp.install_inbound(&directions.inbound()).is_err() {
            return self.fail(&sa, dp);
        }
        // The peer may not have the new pair yet: another one seals until it shows that it has.
        let later = tunnel.sealing().is_some();
        if !later {
            // The counters of the SA that seals until now go with it.
            tunnel.stop_sealing(dp);
            if dp.install_outbound(&directions.outbound()).is_err() {
                dp.remove_inbound(sa.inbound_spi);
                self.demands.push_back(Demand::ChildFailed(sa.inbound_spi));
                return;
            }
        }
        self.conn_ids = self.conn_ids.wrapping_add(CONN_ID_STEP);
        let packets = tunnel.current_packets(dp);
        let mut child = Child::new(&sa, now, self.conn_ids);
        child.sealing = !later;
        child.spread = tunnel.spec.spread;
        tunnel.children.push(child);
        tunnel.peer = sa.peer;
        tunnel.retry_at = None;
        tunnel.asked_at = None;
        for (inbound, spi) in [(false, sa.outbound_spi), (true, sa.inbound_spi)] {
            self.messages
                .push_back(sa_changed(true, inbound, spi, sa.local, sa.remote));
        }
        self.sessions.child_up(sa.peer, now);
        let up = dp
            .word(tunnel.slot)
            .is_some_and(|word| word.state() == SlotState::Up);
        if up {
            if let Some(contexts) = &mut tunnel.contexts {
                contexts.rekey(packets);
            }
            // A pair that lost against another one of the same moment only receives.
            if later && !sa.superseded {
                let due = sa.initiator.then(|| now.after_ms(SWAP_DELAY_MS));
                self.timed.insert(sa.tunnel);
                tunnel.swap = Some(Swap { sa, due });
            }
        } else {
            let id = sa.tunnel;
            self.come_up(id, &sa, dp);
            self.came_up(&sa, now);
            self.is_back(id, now);
        }
    }

    /// The pair cannot serve: IKE ends it, its SPI is free again.
    fn fail(&mut self, sa: &ChildSa, dp: &mut D) {
        dp.release_spi(sa.inbound_spi);
        self.demands.push_back(Demand::ChildFailed(sa.inbound_spi));
    }

    fn come_up(&mut self, id: TunnelId, sa: &ChildSa, dp: &mut D) {
        let Some(tunnel) = self.tunnels.get_mut(&id) else {
            return;
        };
        let first = tunnel.children.len() == 1;
        tunnel.contexts = Some(match tunnel.contexts.take() {
            Some(preserved) => preserved.follow(),
            None => self.contexts.make(),
        });
        tunnel.keep_path_to(sa.remote);
        tunnel.apply_mtu(dp);
        dp.bring_up(tunnel.slot, self.options.preserve);
        tunnel.watch.restart((0, 0));
        if first && sa.selectors != tunnel.spec.selectors {
            self.sweeps.push_back(What::SweepOutside {
                slot: tunnel.slot,
                local: sa.selectors.local,
                remote: sa.selectors.remote,
            });
        }
        if first && self.options.reclassify {
            self.sweeps.push_back(What::Reclassify(tunnel.slot));
        }
    }

    /// The peer uses the new pair of a rekey: it seals from now on. Whose pair it was.
    pub fn child_confirmed(&mut self, inbound_spi: u32, dp: &mut D) -> Option<TunnelId> {
        let waits = |id: &&TunnelId| {
            let swap = self.tunnels.get(id).and_then(|tunnel| tunnel.swap.as_ref());
            swap.is_some_and(|swap| swap.sa.inbound_spi == inbound_spi)
        };
        let id = *self.timed.iter().find(waits)?;
        self.swap(id, dp);
        Some(id)
    }

    pub(super) fn swap(&mut self, id: TunnelId, dp: &mut D) {
        let window = self.options.replay_window;
        let Some(tunnel) = self.tunnels.get_mut(&id) else {
            return;
        };
        let Some(Swap { sa, .. }) = tunnel.swap.take() else {
            return;
        };
        let Some(directions) = Directions::new(&sa, tunnel.slot, window, tunnel.spec.spread) else {
            return;
        };
        tunnel.stop_sealing(dp);
        if dp.install_outbound(&directions.outbound()).is_err() {
            self.demands.push_back(Demand::ChildFailed(sa.inbound_spi));
            return;
        }
        tunnel.rate.restart();
        for child in &mut tunnel.children {
            child.sealing = child.inbound_spi == sa.inbound_spi;
            child.spread = tunnel.spec.spread;
        }
        tunnel.keep_path_to(sa.remote);
        tunnel.apply_mtu(dp);
    }

    /// A pair has ended. With the last one the tunnel goes down: its flows stay as they are with
    /// PRESERVE, else its TCP flows are stale at once and swept.
    pub fn child_down(
        &mut self,
        id: TunnelId,
        spis: (u32, u32),
        reason: EndReason,
        now: Time,
        dp: &mut D,
    ) {
        let Some(tunnel) = self.tunnels.get_mut(&id) else {
            return;
        };
        let Some(child) = tunnel
            .children
            .iter()
            .find(|child| child.inbound_spi == spis.0)
        else {
            return;
        };
        let seals = child.sealing;
        if tunnel
            .swap
            .as_ref()
            .is_some_and(|swap| swap.sa.inbound_spi == spis.0)
        {
            // The pair that would have sealed is the one that goes.
            tunnel.swap = None;
        } else if seals {
            // The replaced pair goes: there is nothing more to wait for.
            self.swap(id, dp);
        }
        self.end_child(id, spis, reason, now, dp);
        self.settle(id, reason, now, dp);
    }

    pub(super) fn end_child(
        &mut self,
        id: TunnelId,
        (inbound_spi, _): (u32, u32),
        reason: EndReason,
        now: Time,
        dp: &mut D,
    ) {
        let Some(tunnel) = self.tunnels.get_mut(&id) else {
            return;
        };
        let place = tunnel
            .children
            .iter()
            .position(|child| child.inbound_spi == inbound_spi);
        let Some(place) = place else { return };
        if tunnel.children.len() == 1 {
            dp.set_state(tunnel.slot, SlotState::Deleting);
        }
        let child = tunnel.children.remove(place);
        let mut carried = Totals::default();
        let received = dp.inbound(inbound_spi).unwrap_or_default();
        carried.add_inbound(received);
        carried.add_outbound(tunnel.sealed_by(&child, dp));
        tunnel.past.add_inbound(carried.inbound);
        tunnel.past.add_outbound(carried.outbound);
        if child.sealing {
            dp.remove_outbound(tunnel.slot);
        }
        let preserved = dp.word(tunnel.slot).is_some_and(SlotWord::preserve);
        let drains =
            reason == EndReason::AdministratorReset && preserved && self.options.resume.acts();
        if drains {
            self.drain(id, inbound_spi, received, now);
        } else {
            dp.remove_inbound(inbound_spi);
        }
        for (inbound, spi) in [(false, child.outbound_spi), (true, inbound_spi)] {
            self.messages
                .push_back(sa_changed(false, inbound, spi, child.local, child.remote));
        }
        self.messages
            .extend(self.sessions.child_down(child.peer, &carried, reason, now));
    }

    /// What the end of a pair means for the tunnel.
    fn settle(&mut self, id: TunnelId, reason: EndReason, now: Time, dp: &mut D) {
        let Some(tunnel) = self.tunnels.get(&id) else {
            return;
        };
        if tunnel.sealing().is_some() {
            return;
        }
        self.went_down(id, now);
        let Some(tunnel) = self.tunnels.get_mut(&id) else {
            return;
        };
        if !tunnel.children.is_empty() {
            // A pair is left that can receive only, because an outbound SA never comes back (its
            // sequence numbers would be used twice). That is no drop: the next packet asks for a
            // pair that can send.
            dp.set_state(tunnel.slot, SlotState::Down);
            self.bounced(id, reason, now, dp);
            return;
        }
        let preserved = dp.word(tunnel.slot).is_some_and(SlotWord::preserve);
        let planned = Cause::of(reason, self.clear_cause).is_planned();
        if planned && preserved && self.options.resume.acts() {
            dp.take_down_planned(tunnel.slot);
        } else {
            dp.take_down(tunnel.slot);
        }
        let slot = tunnel.slot;
        if !preserved {
            tunnel.contexts = None;
            self.sweeps.push_back(What::SweepStale(slot));
        }
        self.bounced(id, reason, now, dp);
    }
}
