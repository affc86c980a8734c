//! Tunnels as the statistics tell of them.

use std::net::Ipv4Addr;

use fastpath::tunnel::{SlotState, SlotWord};

use super::dataplane::Dataplane;
use super::owner::{Tunnel, TunnelOwner};
use super::view::{contexts_of, inbound_row, outbound_row, sealing_first};
use crate::ike::TunnelId;
use crate::stats::published::TunnelStats;
use crate::stats::view::vpn_context::ContextState;
use crate::time::Time;

impl<D: Dataplane> TunnelOwner<D> {
    /// Configured tunnels from `first` on, at most `limit`; where to go on, `None` after the last.
    pub fn stats_from(
        &self,
        first: TunnelId,
        limit: usize,
        now: Time,
        dp: &D,
    ) -> (Vec<TunnelStats>, Option<TunnelId>) {
        let mut tunnels = self.tunnels.range(first..);
        let rows: Vec<TunnelStats> = tunnels
            .by_ref()
            .take(limit)
            .map(|(&id, tunnel)| row(id, tunnel, now, dp))
            .collect();
        (rows, tunnels.next().map(|(&id, _)| id))
    }
}

fn row<D: Dataplane>(id: TunnelId, tunnel: &Tunnel, now: Time, dp: &D) -> TunnelStats {
    let spec = &tunnel.spec;
    let totals = tunnel.totals(dp);
    let word = dp.word(tunnel.slot);
    let state = word.map_or(SlotState::Down, SlotWord::state);
    let newest = tunnel.children.last();
    let first_peer = spec.peers.first().copied();
    let selectors = newest.map_or(spec.selectors, |child| child.selectors);
    let net = |net: config::MaskedNet| format!("{}/{}", net.address, net.mask);
    TunnelStats {
        tunnel: id.0,
        map: spec.map_name.clone(),
        sequence: spec.sequence,
        nameif: spec.nameif.clone(),
        peer: newest.map_or(first_peer.unwrap_or(Ipv4Addr::UNSPECIFIED), |child| {
            child.peer
        }),
        state: ContextState::from(state),
        preserve: word.is_some_and(SlotWord::preserve),
        local: net(selectors.local),
        remote: net(selectors.remote),
        packets_in: totals.inbound.packets,
        bytes_in: totals.inbound.bytes,
        packets_out: totals.outbound.packets,
        bytes_out: totals.outbound.bytes,
        replayed: totals.inbound.replayed,
        not_authentic: totals.inbound.not_authentic,
        contexts: contexts_of(tunnel, dp),
        inbound: tunnel
            .children
            .iter()
            .rev()
            .map(|child| inbound_row(child, now, dp))
            .collect(),
        outbound: sealing_first(tunnel)
            .map(|child| outbound_row(tunnel, child, now, dp))
            .collect(),
    }
}
