//! What packets and lifetimes ask of IKE, and what is due with time.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use fastpath::tunnel::{SlotId, SlotState, SlotWord};
use fastpath::worker::request::What;

use super::dataplane::Dataplane;
use super::owner::{Demand, TunnelOwner};
use crate::ike::{EndReason, TunnelId};
use crate::time::Time;

/// Time between a negotiation that failed and the next one for the same tunnel.
const RETRY_DELAY_MS: u64 = 2_000;
/// Time after which an ask that led to nothing may be repeated.
const ASK_TIMEOUT_MS: u64 = 5_000;

impl<D: Dataplane> TunnelOwner<D> {
    /// IKE has begun to negotiate.
    pub fn negotiating(&mut self, id: TunnelId, now: Time, dp: &mut D) {
        let Some(tunnel) = self.tunnels.get_mut(&id) else {
            return;
        };
        tunnel.asked_at = None;
        if let Some(bounced) = tunnel.bounced {
            self.ledger.negotiating(bounced.number, now);
        }
        if dp
            .word(tunnel.slot)
            .is_some_and(|word| word.state() == SlotState::Down)
        {
            dp.set_state(tunnel.slot, SlotState::Pending);
        }
    }

    /// IKE has given up.
    pub fn negotiation_failed(&mut self, id: TunnelId, reason: EndReason, now: Time, dp: &mut D) {
        let Some(tunnel) = self.tunnels.get_mut(&id) else {
            return;
        };
        tunnel.asked_at = None;
        tunnel.retry_at = Some(now.after_ms(RETRY_DELAY_MS));
        match dp.word(tunnel.slot).map(SlotWord::state) {
            Some(SlotState::Pending) => {
                dp.set_state(tunnel.slot, SlotState::Down);
            }
            Some(SlotState::Down) => dp.rearm(tunnel.slot),
            _ => {}
        }
        if reason == EndReason::LostContact {
            self.persist(id, now);
        }
    }

    /// A worker says that an SA has carried nearly, or all, that it may.
    pub fn rekey_wanted(&mut self, slot: SlotId, spi: u32, hard: bool) {
        let tunnel = self.by_slot.get(&slot).and_then(|id| self.tunnels.get(id));
        let children = tunnel.map_or(&[][..], |tunnel| &tunnel.children);
        let child = children
            .iter()
            .find(|it| it.inbound_spi == spi || it.outbound_spi == spi);
        if let Some(child) = child {
            let spi = child.inbound_spi;
            self.demands.push_back(if hard {
                Demand::Expire(spi)
            } else {
                Demand::Rekey(spi)
            });
        }
    }

    /// Asks of the data path, swaps that are due, sweeps that waited. Once per turn.
    pub fn tick(&mut self, now: Time, dp: &mut D) {
        self.tell_options(dp);
        self.hear_asks(now, dp);
        self.end_drained(now, dp);
        self.release_due(now, dp);
        let due: Vec<TunnelId> = self
            .timed
            .iter()
            .filter(|id| {
                let swap = self.tunnels.get(id).and_then(|tunnel| tunnel.swap.as_ref());
                swap.and_then(|swap| swap.due).is_some_and(|at| at <= now)
            })
            .copied()
            .collect();
        for id in due {
            self.swap(id, dp);
        }
        self.age_paths(now, dp);
        while let Some(&what) = self.sweeps.front() {
            let Some(ticket) = dp.sweep(what) else {
                return;
            };
            if let What::SweepOutside { slot, .. } | What::Reclassify(slot) = what {
                self.reclassifying.insert(ticket, (slot, dp.workers()));
            }
            self.sweeps.pop_front();
        }
        self.retirement.sweep(dp);
        self.count_flows(dp);
    }

    fn hear_asks(&mut self, now: Time, dp: &mut D) {
        for slot in dp.take_asks() {
            let Some(&id) = self.by_slot.get(&slot) else {
                continue;
            };
            if let Some(tunnel) = self.tunnels.get_mut(&id) {
                tunnel.asked_at.get_or_insert(now);
                let at = tunnel.retry_at.unwrap_or(now);
                tunnel.retry_at = Some(at.max(now));
                self.timed.insert(id);
            }
        }
        let Self {
            timed,
            tunnels,
            demands,
            ..
        } = self;
        timed.retain(|id| {
            let Some(tunnel) = tunnels.get_mut(id) else {
                return false;
            };
            if let Some(asked_at) = tunnel.asked_at {
                if tunnel.retry_at.is_some_and(|at| at <= now) {
                    tunnel.retry_at = None;
                    demands.push_back(Demand::Initiate(*id));
                } else if tunnel.retry_at.is_none() && now.since_ms(asked_at) >= ASK_TIMEOUT_MS {
                    tunnel.asked_at = None;
                    dp.rearm(tunnel.slot);
                }
            }
            let released = tunnel.bounced.is_none_or(|bounced| bounced.ready.is_none());
            let settled = tunnel.swap.is_none() && tunnel.learned_path.is_none();
            tunnel.asked_at.is_some() || !settled || !released
        });
    }

    /// Peers from whom, and to whom, packets went since the last call. Once per second, for dead
    /// peer detection; what tunnels carry is measured with it.
    pub fn traffic(&mut self, now: Time, dp: &D) -> Vec<(Ipv4Addr, PeerTraffic)> {
        let mut peers: BTreeMap<Ipv4Addr, PeerTraffic> = BTreeMap::new();
        self.ledger.tick(now);
        let watched = self.options.resume.detect_ms.is_some();
        for tunnel in self.tunnels.values_mut() {
            if let Some(sealed) = dp.outbound(tunnel.slot) {
                tunnel.rate.take(now, sealed.packets);
            }
            let sealed = dp.outbound(tunnel.slot).unwrap_or_default().packets;
            let heard = tunnel.watch.heard().filter(|_| watched).unwrap_or(now);
            for child in &mut tunnel.children {
                let opened = dp.inbound(child.inbound_spi).unwrap_or_default().packets;
                let sealed = if child.sealing { sealed } else { child.seen.1 };
                let peer = peers.entry(child.peer).or_default();
                if opened > child.seen.0 {
                    peer.inbound = peer.inbound.max(Some(heard));
                }
                peer.outbound |= sealed > child.seen.1;
                child.seen = (opened, sealed);
            }
        }
        peers
            .into_iter()
            .filter(|(_, seen)| seen.inbound.is_some() || seen.outbound)
            .collect()
    }
}

/// Whether packets went between a peer and this box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerTraffic {
    /// From the peer: when they were heard at the latest, as far as that is known.
    pub inbound: Option<Time>,
    /// To the peer.
    pub outbound: bool,
}
