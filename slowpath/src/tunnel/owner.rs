//! The owner of all tunnels: what the configuration, IKE and the workers do to them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::net::Ipv4Addr;

use config::Sysopt;
use fastpath::tunnel::{SlotId, SlotState};
use fastpath::worker::request::What;

use super::child::{Child, Totals, suite_of};
use super::context::{ContextPair, ContextTable};
use super::dataplane::{Dataplane, OutboundTraffic};
use super::retire::Retirement;
use super::session::Sessions;
use super::spec::TunnelSpec;
use crate::ike::{ChildSa, EndReason, Selectors, TunnelId};
use crate::syslog::Message;
use crate::time::Time;

/// What IKE shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Negotiate the tunnel: packets wait for it.
    Initiate(TunnelId),
    /// Negotiate a successor of the pair with this inbound SPI.
    Rekey(u32),
    /// End the pair with this inbound SPI: its lifetime in bytes is used up.
    Expire(u32),
    /// End the pair with this inbound SPI: it could not be installed.
    ChildFailed(u32),
}

/// The options of the configuration that tunnels obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VpnOptions {
    /// `sysopt connection preserve-vpn-flows`.
    pub preserve: bool,
    /// `... immediate`.
    pub immediate: bool,
    /// `sysopt connection reclassify-vpn`.
    pub reclassify: bool,
    /// `crypto ipsec security-association replay window-size`.
    pub replay_window: u32,
}

impl VpnOptions {
    /// The options of a configuration.
    pub const fn new(sysopt: &Sysopt, replay_window: u32) -> Self {
        Self {
            preserve: sysopt.preserve_vpn_flows,
            immediate: sysopt.preserve_immediate,
            reclassify: sysopt.reclassify_vpn,
            replay_window,
        }
    }
}

impl Default for VpnOptions {
    fn default() -> Self {
        Self {
            preserve: false,
            immediate: false,
            reclassify: true,
            replay_window: 64,
        }
    }
}

/// A pair that packets to the peer do not use yet, with its keys.
#[derive(Debug)]
pub(super) struct Swap {
    pub(super) sa: Box<ChildSa>,
    /// When they will use it without more ado; `None`: when the peer has shown that it has it.
    pub(super) due: Option<Time>,
}

/// One tunnel: its slot, the SAs that serve it, its contexts.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub(super) spec: TunnelSpec,
    pub(super) slot: SlotId,
    /// In the order in which they came up.
    pub(super) children: Vec<Child>,
    pub(super) contexts: Option<ContextPair>,
    /// The newest pair where its outbound SA does not seal yet.
    pub(super) swap: Option<Swap>,
    /// No negotiation before this time.
    pub(super) retry_at: Option<Time>,
    /// When packets asked for a negotiation that has not begun.
    pub(super) asked_at: Option<Time>,
    /// What SAs that are gone have carried.
    pub(super) past: Totals,
    /// Totals when the counters were cleared.
    pub(super) cleared: Totals,
}

impl Tunnel {
    fn new(spec: TunnelSpec, slot: SlotId) -> Self {
        Self {
            spec,
            slot,
            children: Vec::new(),
            contexts: None,
            swap: None,
            retry_at: None,
            asked_at: None,
            past: Totals::default(),
            cleared: Totals::default(),
        }
    }

    pub(super) fn sealing(&self) -> Option<&Child> {
        self.children.iter().find(|child| child.sealing)
    }

    /// Packets that the newest pair has carried, inbound and outbound.
    pub(super) fn current_packets(&self, dp: &impl Dataplane) -> [u64; 2] {
        let inbound = self
            .children
            .last()
            .and_then(|child| dp.inbound(child.inbound_spi));
        let newest_seals = self.children.last().is_some_and(|child| child.sealing);
        let outbound = dp.outbound(self.slot).filter(|_| newest_seals);
        [
            inbound.map_or(0, |traffic| traffic.packets),
            outbound.map_or(0, |traffic| traffic.packets),
        ]
    }

    /// The outbound SA stops sealing: what it has counted is kept with its pair.
    pub(super) fn stop_sealing(&mut self, dp: &impl Dataplane) {
        let sealed = dp.outbound(self.slot).unwrap_or_default();
        for child in self.children.iter_mut().filter(|child| child.sealing) {
            child.sealing = false;
            child.sealed = sealed;
        }
    }

    /// Everything that the tunnel has carried since it was configured.
    pub(super) fn totals(&self, dp: &impl Dataplane) -> Totals {
        let mut totals = self.past;
        for child in &self.children {
            totals.add_inbound(dp.inbound(child.inbound_spi).unwrap_or_default());
            totals.add_outbound(self.sealed_by(child, dp));
        }
        totals
    }

    pub(super) fn sealed_by(&self, child: &Child, dp: &impl Dataplane) -> OutboundTraffic {
        if child.sealing {
            dp.outbound(self.slot).unwrap_or_default()
        } else {
            child.sealed
        }
    }
}

/// All tunnels.
#[derive(Debug)]
pub struct TunnelOwner<D: Dataplane> {
    pub(super) tunnels: BTreeMap<TunnelId, Tunnel>,
    pub(super) by_slot: HashMap<SlotId, TunnelId>,
    /// Tunnels with something that is due at some time.
    pub(super) timed: BTreeSet<TunnelId>,
    pub(super) options: VpnOptions,
    pub(super) contexts: ContextTable,
    pub(super) sessions: Sessions,
    /// Sweeps that wait for room in the workers' request rings.
    pub(super) sweeps: VecDeque<What>,
    pub(super) retirement: Retirement<D::Retired>,
    pub(super) demands: VecDeque<Demand>,
    pub(super) messages: VecDeque<Message>,
    pub(super) conn_ids: u32,
}

impl<D: Dataplane> Default for TunnelOwner<D> {
    fn default() -> Self {
        Self {
            tunnels: BTreeMap::new(),
            by_slot: HashMap::new(),
            timed: BTreeSet::new(),
            options: VpnOptions::default(),
            contexts: ContextTable::default(),
            sessions: Sessions::default(),
            sweeps: VecDeque::new(),
            retirement: Retirement::default(),
            demands: VecDeque::new(),
            messages: VecDeque::new(),
            conn_ids: 0,
        }
    }
}

impl<D: Dataplane> TunnelOwner<D> {
    /// The slot of a configured tunnel; `None` when there was none for it.
    pub fn slot(&self, id: TunnelId) -> Option<SlotId> {
        self.tunnels.get(&id).map(|tunnel| tunnel.slot)
    }

    /// Configured tunnels: handle, slot and peers.
    pub fn iter(&self) -> impl Iterator<Item = (TunnelId, SlotId, &TunnelSpec)> {
        self.tunnels
            .iter()
            .map(|(&id, tunnel)| (id, tunnel.slot, &tunnel.spec))
    }

    /// Handles of configured tunnels, from `first` on.
    pub fn ids_from(&self, first: TunnelId) -> impl Iterator<Item = TunnelId> {
        self.tunnels.range(first..).map(|(&id, _)| id)
    }

    /// The peer that a tunnel reaches now: that of its sealing SA, else the first of its list.
    pub fn peer(&self, id: TunnelId) -> Option<Ipv4Addr> {
        let tunnel = self.tunnels.get(&id)?;
        let sealing = tunnel.sealing().map(|child| child.remote);
        sealing.or_else(|| tunnel.spec.peers.first().copied())
    }

    /// What IKE shall do next.
    pub fn poll_demand(&mut self) -> Option<Demand> {
        self.demands.pop_front()
    }

    /// What shall be logged next.
    pub fn poll_message(&mut self) -> Option<Message> {
        self.messages.pop_front()
    }

    /// Negotiated selectors by inbound SPI, for 402116.
    pub fn selectors(&self) -> impl Iterator<Item = (u32, Selectors)> {
        let children = self.tunnels.values().flat_map(|tunnel| &tunnel.children);
        children.map(|child| (child.inbound_spi, child.selectors))
    }

    /// Takes over the options. Contexts keep the stamp that they were made with, unless
    /// `immediate` is in force or was until now: then live contexts follow at once.
    pub fn set_options(&mut self, options: VpnOptions, dp: &mut D) {
        let immediate = options.immediate || self.options.immediate;
        self.options = options;
        if !immediate {
            return;
        }
        for tunnel in self
            .tunnels
            .values()
            .filter(|tunnel| tunnel.contexts.is_some())
        {
            let Some(word) = dp.word(tunnel.slot) else {
                continue;
            };
            if word.preserve() == options.preserve {
                continue;
            }
            dp.stamp_preserve(tunnel.slot, options.preserve);
            if !options.preserve && word.state() != SlotState::Up {
                // Only the stamp kept the flows of a tunnel that is down.
                let state = word.state();
                dp.take_down(tunnel.slot);
                dp.set_state(tunnel.slot, state);
                self.sweeps.push_back(What::SweepStale(tunnel.slot));
            }
        }
    }

    /// Brings the tunnels in line with the configuration. New ones get a slot, those that are gone
    /// lose theirs; flows of a removed tunnel are torn down once [`TunnelOwner::policy_published`]
    /// says that no policy names its slot any more.
    pub fn reconcile(&mut self, specs: &[TunnelSpec], now: Time, dp: &mut D) {
        let kept: HashSet<TunnelId> = specs.iter().map(|spec| spec.id).collect();
        let gone: Vec<TunnelId> = self
            .tunnels
            .keys()
            .copied()
            .filter(|id| !kept.contains(id))
            .collect();
        for id in gone {
            self.remove(id, now, dp);
        }
        for spec in specs {
            match self.tunnels.get_mut(&spec.id) {
                Some(tunnel) => {
                    tunnel.spec = spec.clone();
                    let current = tunnel
                        .sealing()
                        .and_then(|child| suite_of(child.suite).map(|suite| (suite, child.in_udp)));
                    dp.set_mtu(tunnel.slot, spec.mtu(current));
                }
                None => self.add(spec.clone(), dp),
            }
        }
    }

    fn add(&mut self, spec: TunnelSpec, dp: &mut D) {
        let Some(slot) = dp.allocate(spec.mtu(None)) else {
            let text = format!(
                "Tunnel limit reached: crypto map {} {} gets no tunnel",
                spec.map_name, spec.sequence
            );
            self.messages.push_back(Message::new(713_902, 3, text));
            return;
        };
        let id = spec.id;
        self.by_slot.insert(slot, id);
        self.tunnels.insert(id, Tunnel::new(spec, slot));
    }

    fn remove(&mut self, id: TunnelId, now: Time, dp: &mut D) {
        while let Some(child) = self
            .tunnels
            .get(&id)
            .and_then(|tunnel| tunnel.children.last())
        {
            let (inbound, outbound) = (child.inbound_spi, child.outbound_spi);
            self.end_child(
                id,
                (inbound, outbound),
                EndReason::ConfigurationChanged,
                now,
                dp,
            );
        }
        let Some(tunnel) = self.tunnels.remove(&id) else {
            return;
        };
        self.by_slot.remove(&tunnel.slot);
        self.timed.remove(&id);
        if let Some(retired) = dp.retire(tunnel.slot) {
            self.retirement.add(tunnel.slot, retired);
        }
    }

    /// The workers judge by a policy that names no retired slot any more: their flows may go.
    pub fn policy_published(&mut self) {
        self.retirement.policy_published();
    }

    /// A request of [`TunnelOwner::tick`] was answered by one worker.
    pub fn swept(&mut self, ticket: u32, dp: &mut D) {
        if let Some(retired) = self.retirement.answered(ticket) {
            dp.release(retired);
        }
    }

    /// `clear crypto ipsec sa counters`.
    pub fn clear_counters(&mut self, dp: &D) {
        for tunnel in self.tunnels.values_mut() {
            tunnel.cleared = tunnel.totals(dp);
        }
    }
}
