//! What packets and lifetimes ask of IKE, and what is due with time.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use fastpath::tunnel::{SlotId, SlotState, SlotWord};

use super::dataplane::Dataplane;
use super::owner::{Demand, TunnelOwner};
use crate::ike::TunnelId;
use crate::time::Time;

/// Time between a negotiation that failed and the next one for the same tunnel.
const RETRY_DELAY_MS: u64 = 2_000;
/// Time after which an ask that led to nothing may be repeated.
const ASK_TIMEOUT_MS: u64 = 5_000;

impl<D: Dataplane> TunnelOwner<D> {
    /// IKE has begun to negotiate.
    pub fn negotiating(&mut self, id: TunnelId, dp: &mut D) {
        let Some(tunnel) = self.tunnels.get_mut(&id) else {
            return;
        };
        tunnel.asked_at = None;
        if dp
            .word(tunnel.slot)
            .is_some_and(|word| word.state() == SlotState::Down)
        {
            dp.set_state(tunnel.slot, SlotState::Pending);
        }
    }

    /// IKE has given up.
    pub fn negotiation_failed(&mut self, id: TunnelId, now: Time, dp: &mut D) {
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
        self.hear_asks(now, dp);
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
        while let Some(&what) = self.sweeps.front() {
            if dp.sweep(what).is_none() {
                return;
            }
            self.sweeps.pop_front();
        }
        self.retirement.sweep(dp);
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
            tunnel.asked_at.is_some() || tunnel.swap.is_some()
        });
    }

    /// Peers from whom, and to whom, packets went since the last call. Once per second, for dead
    /// peer detection.
    pub fn traffic(&mut self, dp: &D) -> Vec<(Ipv4Addr, PeerTraffic)> {
        let mut peers: BTreeMap<Ipv4Addr, PeerTraffic> = BTreeMap::new();
        for tunnel in self.tunnels.values_mut() {
            let sealed = dp.outbound(tunnel.slot).unwrap_or_default().packets;
            for child in &mut tunnel.children {
                let opened = dp.inbound(child.inbound_spi).unwrap_or_default().packets;
                let sealed = if child.sealing { sealed } else { child.seen.1 };
                let peer = peers.entry(child.peer).or_default();
                peer.inbound |= opened > child.seen.0;
                peer.outbound |= sealed > child.seen.1;
                child.seen = (opened, sealed);
            }
        }
        peers
            .into_iter()
            .filter(|(_, seen)| seen.inbound || seen.outbound)
            .collect()
    }
}

/// Whether packets went between a peer and this box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerTraffic {
    /// From the peer.
    pub inbound: bool,
    /// To the peer.
    pub outbound: bool,
}
