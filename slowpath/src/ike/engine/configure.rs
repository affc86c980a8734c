//! A new configuration: what it has no place for ends, some of it in one step.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::Engine;
use crate::ike::api::{EndReason, IkeConfig, SpiSource, TunnelId};
use crate::ike::limits::ORPHANS_PER_STEP;
use crate::time::Time;

impl Engine {
    /// Takes a new configuration: SAs of tunnels and peers that it no longer has end, the first of
    /// them at once, the others with [`Engine::settle`]. Answers the one before.
    pub fn configure(
        &mut self,
        now: Time,
        spis: &mut dyn SpiSource,
        config: IkeConfig,
    ) -> IkeConfig {
        let peers: HashMap<TunnelId, &[Ipv4Addr]> = config
            .tunnels
            .iter()
            .map(|tunnel| (tunnel.id, tunnel.peers.as_slice()))
            .collect();
        let children = self.core.children.iter();
        let orphans = children.filter(|child| {
            let peers = peers.get(&child.tunnel);
            !peers.is_some_and(|peers| peers.contains(&child.peer))
        });
        self.orphans = orphans
            .map(|child| (child.tunnel, child.inbound_spi))
            .collect();
        let before = std::mem::replace(&mut self.core.config, config);
        self.core.forget_strangers();
        self.unsettled = true;
        self.settle(now, spis);
        before
    }

    /// Goes on ending what the configuration has no place for: pairs first, by the phase-1 SAs that
    /// there still are. Once per turn.
    pub fn settle(&mut self, now: Time, spis: &mut dyn SpiSource) {
        if !self.unsettled {
            return;
        }
        for _ in 0..ORPHANS_PER_STEP {
            let Some(orphan) = self.orphans.pop_front() else {
                return self.end_strangers(now, spis);
            };
            let mut children = self.core.children.iter();
            let child = children.find(|child| (child.tunnel, child.inbound_spi) == orphan);
            if let Some(peer) = child.map(|child| child.peer) {
                self.delete_child(orphan.1, peer, EndReason::ConfigurationChanged);
            }
        }
    }

    /// Ends phase-1 SAs of peers that are not configured.
    fn end_strangers(&mut self, now: Time, spis: &mut dyn SpiSource) {
        self.unsettled = false;
        let strangers: Vec<u32> = self
            .phase1s
            .iter()
            .filter(|sa| self.core.peer(sa.peer).is_none())
            .map(|sa| sa.id)
            .collect();
        for id in strangers {
            self.end_phase1(now, spis, id, EndReason::ConfigurationChanged, true);
        }
    }
}
