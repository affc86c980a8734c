//! What an operator ends.

use std::net::Ipv4Addr;

use super::Engine;
use crate::ike::api::{ClearScope, EndReason, SpiSource};
use crate::ike::children::Child;
use crate::time::Time;

impl Engine {
    /// `clear crypto isakmp sa`: phase 1 and what it negotiated.
    pub fn clear_isakmp(&mut self, now: Time, spis: &mut dyn SpiSource, scope: ClearScope) {
        self.clear_ipsec(now, scope);
        let ids: Vec<u64> = self
            .phase1s
            .iter()
            .filter(|sa| match scope {
                ClearScope::All => true,
                ClearScope::Peer(peer) => sa.peer == peer,
                ClearScope::Tunnel(_) => false,
            })
            .map(|sa| sa.id)
            .collect();
        for id in ids {
            self.end_phase1(now, spis, id, EndReason::AdministratorReset, true);
        }
    }

    /// `clear crypto ipsec sa`.
    pub fn clear_ipsec(&mut self, _now: Time, scope: ClearScope) {
        let children: Vec<u64> = self
            .core
            .children
            .iter()
            .filter(|child| match scope {
                ClearScope::All => true,
                ClearScope::Peer(peer) => child.peer == peer,
                ClearScope::Tunnel(tunnel) => child.tunnel == tunnel,
            })
            .map(|child| child.id)
            .collect();
        for id in children {
            self.delete_child(id, EndReason::AdministratorReset);
        }
    }

    /// `clear crypto ipsec sa entry`: the pair with an SA of this SPI, whose destination (or peer)
    /// is `address`.
    pub fn clear_pair(&mut self, _now: Time, address: Ipv4Addr, spi: u32) {
        let is_end = |child: &Child| {
            let tunnel = self.core.tunnel(child.tunnel);
            child.peer == address || tunnel.is_some_and(|tunnel| tunnel.local == address)
        };
        let pair = self
            .core
            .children
            .iter()
            .find(|it| (it.inbound_spi == spi || it.outbound_spi == spi) && is_end(it))
            .map(|it| it.id);
        if let Some(id) = pair {
            self.delete_child(id, EndReason::AdministratorReset);
        }
    }

    /// Deletes everything at the peers.
    pub fn shutdown(&mut self, now: Time, spis: &mut dyn SpiSource) {
        self.closed = true;
        let children = self.core.children.iter();
        let children: Vec<u64> = children.map(|child| child.id).collect();
        for id in children {
            self.delete_child(id, EndReason::AdministratorShutdown);
        }
        let ids: Vec<u64> = self.phase1s.iter().map(|sa| sa.id).collect();
        for id in ids {
            self.end_phase1(now, spis, id, EndReason::AdministratorShutdown, true);
        }
    }
}
