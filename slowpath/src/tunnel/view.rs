//! Tunnels as `show` prints them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use fastpath::tunnel::SlotState;

use super::child::Child;
use super::context::Context;
use super::dataplane::Dataplane;
use super::owner::{Tunnel, TunnelOwner};
use crate::stats::view::ipsec_sa::{
    EspSa, Ident, IpsecCounters, IpsecInterface, IpsecSaTable, IpsecTunnel, transform,
};
use crate::stats::view::vpn_context::{ContextState, Direction, VpnContext, VpnContextTable};
use crate::time::Time;

impl<D: Dataplane> TunnelOwner<D> {
    /// `show asp table vpn-context`.
    pub fn vpn_contexts(&self, dp: &D) -> VpnContextTable {
        let contexts = self
            .tunnels
            .values()
            .flat_map(|tunnel| contexts_of(tunnel, dp));
        VpnContextTable {
            contexts: contexts.collect(),
        }
    }

    /// `show crypto ipsec sa`, of all tunnels or of those with one peer.
    pub fn ipsec_sas(&self, peer: Option<Ipv4Addr>, now: Time, dp: &D) -> IpsecSaTable {
        let mut interfaces: BTreeMap<&str, Vec<IpsecTunnel>> = BTreeMap::new();
        for tunnel in self.tunnels.values() {
            let Some(newest) = tunnel.children.last() else {
                continue;
            };
            if peer.is_some_and(|peer| newest.peer != peer) {
                continue;
            }
            let row = tunnel_row(tunnel, newest, now, dp);
            interfaces
                .entry(tunnel.spec.nameif.as_str())
                .or_default()
                .push(row);
        }
        let interfaces = interfaces.into_iter();
        let interfaces = interfaces.map(|(nameif, tunnels)| IpsecInterface {
            nameif: nameif.to_owned(),
            tunnels,
        });
        IpsecSaTable {
            interfaces: interfaces.collect(),
        }
    }
}

pub(super) fn contexts_of<D: Dataplane>(tunnel: &Tunnel, dp: &D) -> Vec<VpnContext> {
    let (Some(pair), Some(word)) = (&tunnel.contexts, dp.word(tunnel.slot)) else {
        return Vec::new();
    };
    let totals = tunnel.totals(dp).since(&tunnel.cleared);
    let [inbound_rekeys, outbound_rekeys] = pair.rekey_packets(tunnel.current_packets(dp));
    let newest = tunnel.children.last();
    let sealing = tunnel.sealing();
    let row = |context: &Context, direction| VpnContext {
        ctx: context.ctx,
        pointer: context.pointer,
        peer: newest.map_or_else(|| first_peer(tunnel), |child| child.peer),
        direction,
        nat_traversal: newest.is_some_and(|child| child.in_udp),
        preserve: word.preserve(),
        state: ContextState::from(word.state()),
        sa: 0,
        spi: 0,
        group: 0,
        packets: 0,
        bad_packets: 0,
        bad_spi: 0,
        spoof: 0,
        bad_crypto: 0,
        rekey_packets: 0,
        rekey_calls: pair.rekey_calls,
        vpn_filter: None,
    };
    let decrypt = VpnContext {
        sa: newest.map_or(0, |child| child.conn_id),
        spi: newest.map_or(0, |child| child.inbound_spi),
        packets: totals.inbound.packets,
        bad_packets: totals.inbound.replayed,
        bad_crypto: totals.inbound.not_authentic,
        rekey_packets: inbound_rekeys,
        ..row(&pair.decrypt, Direction::Decrypt)
    };
    let encrypt = VpnContext {
        sa: sealing.map_or(0, |child| child.conn_id),
        spi: sealing.map_or(0, |child| child.outbound_spi),
        packets: totals.outbound.packets,
        rekey_packets: outbound_rekeys,
        ..row(&pair.encrypt, Direction::Encrypt)
    };
    vec![decrypt, encrypt]
}

fn first_peer(tunnel: &Tunnel) -> Ipv4Addr {
    tunnel
        .spec
        .peers
        .first()
        .copied()
        .unwrap_or(Ipv4Addr::UNSPECIFIED)
}

fn tunnel_row<D: Dataplane>(tunnel: &Tunnel, newest: &Child, now: Time, dp: &D) -> IpsecTunnel {
    let totals = tunnel.totals(dp).since(&tunnel.cleared);
    let (local_ident, remote_ident) = Ident::pair(&newest.selectors);
    let suite = super::child::suite_of(newest.suite).map(|suite| (suite, newest.in_udp));
    let mtu = tunnel.spec.mtu(suite, tunnel.path_mtu());
    let newest_first = || tunnel.children.iter().rev();
    IpsecTunnel {
        map_name: tunnel.spec.map_name.clone(),
        map_sequence: tunnel.spec.sequence,
        local_address: newest.local,
        peer: newest.remote,
        access_list_line: tunnel.spec.access_list_line.clone(),
        local_ident,
        remote_ident,
        counters: IpsecCounters {
            encapsulated: totals.outbound.packets,
            decapsulated: totals.inbound.packets,
            receive_errors: totals.inbound.replayed + totals.inbound.not_authentic,
            pmtu_received: tunnel.path_reports,
            ..IpsecCounters::default()
        },
        path_mtu: tunnel.path_mtu(),
        overhead: mtu.path.saturating_sub(mtu.inner) as u16,
        media_mtu: tunnel.spec.path_mtu,
        inbound: newest_first()
            .map(|child| inbound_row(child, now, dp))
            .collect(),
        outbound: sealing_first(tunnel)
            .map(|child| outbound_row(tunnel, child, now, dp))
            .collect(),
    }
}

pub(super) fn sealing_first(tunnel: &Tunnel) -> impl Iterator<Item = &Child> {
    let others = tunnel.children.iter().rev().filter(|child| !child.sealing);
    tunnel.sealing().into_iter().chain(others)
}

pub(super) fn inbound_row<D: Dataplane>(child: &Child, now: Time, dp: &D) -> EspSa {
    let traffic = dp.inbound(child.inbound_spi).unwrap_or_default();
    EspSa {
        replay_bitmap: Some(traffic.replay_bitmap),
        ..row(child, child.inbound_spi, traffic.bytes, now)
    }
}

pub(super) fn outbound_row<D: Dataplane>(
    tunnel: &Tunnel,
    child: &Child,
    now: Time,
    dp: &D,
) -> EspSa {
    let bytes = tunnel.sealed_by(child, dp).bytes;
    // What an ASA prints for a direction that has no window.
    EspSa {
        replay_bitmap: Some(1),
        spread: child.spread,
        ..row(child, child.outbound_spi, bytes, now)
    }
}

fn row(child: &Child, spi: u32, bytes: u64, now: Time) -> EspSa {
    let (transform, iv_bytes) = transform(&child.suite);
    EspSa {
        spi,
        transform,
        iv_bytes,
        nat_traversal: child.in_udp,
        spread: false,
        conn_id: child.conn_id,
        remaining_s: child.remaining_s(now),
        remaining_kb: child.remaining_kb(bytes),
        replay_bitmap: None,
    }
}

impl<D: Dataplane> TunnelOwner<D> {
    /// Tunnels that are up.
    pub fn up(&self, dp: &D) -> usize {
        let up = |tunnel: &&Tunnel| {
            dp.word(tunnel.slot)
                .is_some_and(|word| word.state() == SlotState::Up)
        };
        self.tunnels.values().filter(up).count()
    }
}
