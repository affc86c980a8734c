//! The owner of all tunnels: what the configuration, IKE and the workers do to them.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::Ipv4Addr;

use config::Sysopt;
use fastpath::tunnel::{SlotId, SlotState};
use fastpath::worker::request::What;

use super::child::{Child, Directions, Totals, suite_of};
use super::context::{ContextPair, ContextTable};
use super::dataplane::{Dataplane, OutboundTraffic};
use super::retire::Retirement;
use super::session::Sessions;
use super::spec::TunnelSpec;
use crate::ike::{ChildSa, EndReason, Selectors, TunnelId};
use crate::syslog::Message;
use crate::syslog::format::sa_changed;
use crate::time::Time;

/// Time after which a rekey's initiator seals with the new SA although the peer has not shown
/// that it has it: the peer's last message of the negotiation has long arrived or been sent again.
pub(super) const SWAP_DELAY_MS: u64 = 1_000;
/// Time between a negotiation that failed and the next one for the same tunnel.
pub(super) const RETRY_DELAY_MS: u64 = 2_000;
/// Time after which an ask that led to nothing may be repeated.
const ASK_TIMEOUT_MS: u64 = 5_000;
/// Distance between handles of SAs; the ASA's are multiples of it.
const CONN_ID_STEP: u32 = 4_096;

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
        Self { preserve: false, immediate: false, reclassify: true, replay_window: 64 }
    }
}

/// One tunnel: its slot, the SAs that serve it, its contexts.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub(super) spec: TunnelSpec,
    pub(super) slot: SlotId,
    /// In the order in which they came up.
    pub(super) children: Vec<Child>,
    pub(super) contexts: Option<ContextPair>,
    /// A rekey whose outbound SA does not seal yet.
    swap: Option<(Time, Box<ChildSa>)>,
    /// No negotiation before this time.
    retry_at: Option<Time>,
    /// When packets asked for a negotiation that has not begun.
    asked_at: Option<Time>,
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
        let inbound = self.children.last().and_then(|child| dp.inbound(child.inbound_spi));
        let newest_seals = self.children.last().is_some_and(|child| child.sealing);
        let outbound = dp.outbound(self.slot).filter(|_| newest_seals);
        [
            inbound.map_or(0, |traffic| traffic.packets),
            outbound.map_or(0, |traffic| traffic.packets),
        ]
    }

    /// The outbound SA stops sealing: what it has counted is kept with its pair.
    fn stop_sealing(&mut self, dp: &impl Dataplane) {
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
        if child.sealing { dp.outbound(self.slot).unwrap_or_default() } else { child.sealed }
    }
}

/// All tunnels.
#[derive(Debug)]
pub struct TunnelOwner<D: Dataplane> {
    pub(super) tunnels: BTreeMap<TunnelId, Tunnel>,
    by_slot: HashMap<SlotId, TunnelId>,
    pub(super) options: VpnOptions,
    contexts: ContextTable,
    sessions: Sessions,
    /// Sweeps that wait for room in the workers' request rings.
    sweeps: VecDeque<What>,
    retirement: Retirement<D::Retired>,
    demands: VecDeque<Demand>,
    messages: VecDeque<Message>,
    conn_ids: u32,
}

impl<D: Dataplane> Default for TunnelOwner<D> {
    fn default() -> Self {
        Self {
            tunnels: BTreeMap::new(),
            by_slot: HashMap::new(),
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
        self.tunnels.iter().map(|(&id, tunnel)| (id, tunnel.slot, &tunnel.spec))
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
        for tunnel in self.tunnels.values().filter(|tunnel| tunnel.contexts.is_some()) {
            let Some(word) = dp.word(tunnel.slot) else { continue };
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
        let gone: Vec<TunnelId> =
            self.tunnels.keys().copied().filter(|id| !kept.contains(id)).collect();
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
        while let Some(child) = self.tunnels.get(&id).and_then(|tunnel| tunnel.children.last()) {
            let (inbound, outbound) = (child.inbound_spi, child.outbound_spi);
            self.end_child(id, (inbound, outbound), EndReason::ConfigurationChanged, now, dp);
        }
        let Some(tunnel) = self.tunnels.remove(&id) else { return };
        self.by_slot.remove(&tunnel.slot);
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

    /// IKE has begun to negotiate.
    pub fn negotiating(&mut self, id: TunnelId, dp: &mut D) {
        let Some(tunnel) = self.tunnels.get_mut(&id) else { return };
        tunnel.asked_at = None;
        if dp.word(tunnel.slot).is_some_and(|word| word.state() == SlotState::Down) {
            dp.set_state(tunnel.slot, SlotState::Pending);
        }
    }

    /// IKE has given up.
    pub fn negotiation_failed(&mut self, id: TunnelId, now: Time, dp: &mut D) {
        let Some(tunnel) = self.tunnels.get_mut(&id) else { return };
        tunnel.asked_at = None;
        tunnel.retry_at = Some(now.after_ms(RETRY_DELAY_MS));
        match dp.word(tunnel.slot).map(|word| word.state()) {
            Some(SlotState::Pending) => {
                dp.set_state(tunnel.slot, SlotState::Down);
            }
            Some(SlotState::Down) => dp.rearm(tunnel.slot),
            _ => {}
        }
    }

    /// A pair is ready: it is installed, inbound first, and the tunnel comes up with its first.
    pub fn child_up(&mut self, sa: Box<ChildSa>, now: Time, dp: &mut D) {
        let window = self.options.replay_window;
        let Some(tunnel) = self.tunnels.get_mut(&sa.tunnel) else {
            return self.fail(&sa, dp);
        };
        let Some(directions) = Directions::new(&sa, tunnel.slot, window) else {
            return self.fail(&sa, dp);
        };
        if dp.install_inbound(&directions.inbound()).is_err() {
            return self.fail(&sa, dp);
        }
        let is_rekey = sa.replaces.is_some() && tunnel.sealing().is_some();
        // IKE says when the peer has the new pair; until then the old one seals.
        let later = is_rekey;
        let receives_only = sa.superseded && tunnel.sealing().is_some();
        if !later && !receives_only {
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
        child.sealing = !later && !receives_only;
        tunnel.children.push(child);
        tunnel.retry_at = None;
        tunnel.asked_at = None;
        for (inbound, spi) in [(false, sa.outbound_spi), (true, sa.inbound_spi)] {
            self.messages.push_back(sa_changed(true, inbound, spi, sa.local, sa.remote));
        }
        self.sessions.child_up(sa.peer, now);
        let up = dp.word(tunnel.slot).is_some_and(|word| word.state() == SlotState::Up);
        if up {
            if let Some(contexts) = &mut tunnel.contexts {
                contexts.rekey(packets);
            }
            if later && !receives_only {
                tunnel.swap = Some((now.after_ms(SWAP_DELAY_MS), sa));
            }
        } else {
            let id = sa.tunnel;
            self.come_up(id, &sa, dp);
        }
    }

    /// The pair cannot serve: IKE ends it, its SPI is free again.
    fn fail(&mut self, sa: &ChildSa, dp: &mut D) {
        dp.release_spi(sa.inbound_spi);
        self.demands.push_back(Demand::ChildFailed(sa.inbound_spi));
    }

    fn come_up(&mut self, id: TunnelId, sa: &ChildSa, dp: &mut D) {
        let Some(tunnel) = self.tunnels.get_mut(&id) else { return };
        let first = tunnel.children.len() == 1;
        tunnel.contexts = Some(match tunnel.contexts.take() {
            Some(preserved) => preserved.follow(),
            None => self.contexts.make(),
        });
        let suite = suite_of(sa.suite).map(|suite| (suite, sa.encapsulation.is_some()));
        dp.set_mtu(tunnel.slot, tunnel.spec.mtu(suite));
        dp.bring_up(tunnel.slot, self.options.preserve);
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

    /// The peer uses the new pair of a rekey: it seals from now on.
    pub fn child_confirmed(&mut self, inbound_spi: u32, dp: &mut D) {
        let waits = |tunnel: &Tunnel| {
            tunnel.swap.as_ref().is_some_and(|(_, sa)| sa.inbound_spi == inbound_spi)
        };
        let id = self.tunnels.iter().find(|(_, tunnel)| waits(tunnel)).map(|(&id, _)| id);
        if let Some(id) = id {
            self.swap(id, dp);
        }
    }

    fn swap(&mut self, id: TunnelId, dp: &mut D) {
        let window = self.options.replay_window;
        let Some(tunnel) = self.tunnels.get_mut(&id) else { return };
        let Some((_, sa)) = tunnel.swap.take() else { return };
        let Some(directions) = Directions::new(&sa, tunnel.slot, window) else { return };
        tunnel.stop_sealing(dp);
        if dp.install_outbound(&directions.outbound()).is_err() {
            self.demands.push_back(Demand::ChildFailed(sa.inbound_spi));
            return;
        }
        for child in &mut tunnel.children {
            child.sealing = child.inbound_spi == sa.inbound_spi;
        }
        let suite = suite_of(sa.suite).map(|suite| (suite, sa.encapsulation.is_some()));
        dp.set_mtu(tunnel.slot, tunnel.spec.mtu(suite));
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
        let Some(tunnel) = self.tunnels.get(&id) else { return };
        if !tunnel.children.iter().any(|child| child.inbound_spi == spis.0) {
            return;
        }
        match &tunnel.swap {
            // The pair that would have sealed is the one that goes.
            Some((_, sa)) if sa.inbound_spi == spis.0 => {
                if let Some(tunnel) = self.tunnels.get_mut(&id) {
                    tunnel.swap = None;
                }
            }
            // The replaced pair goes: there is nothing more to wait for.
            Some(_) => self.swap(id, dp),
            None => {}
        }
        self.end_child(id, spis, reason, now, dp);
        self.settle(id, dp);
    }

    fn end_child(
        &mut self,
        id: TunnelId,
        (inbound_spi, _): (u32, u32),
        reason: EndReason,
        now: Time,
        dp: &mut D,
    ) {
        let Some(tunnel) = self.tunnels.get_mut(&id) else { return };
        let place = tunnel.children.iter().position(|child| child.inbound_spi == inbound_spi);
        let Some(place) = place else { return };
        if tunnel.children.len() == 1 {
            dp.set_state(tunnel.slot, SlotState::Deleting);
        }
        let child = tunnel.children.remove(place);
        let mut carried = Totals::default();
        carried.add_inbound(dp.inbound(inbound_spi).unwrap_or_default());
        carried.add_outbound(tunnel.sealed_by(&child, dp));
        tunnel.past.add_inbound(carried.inbound);
        tunnel.past.add_outbound(carried.outbound);
        if child.sealing {
            dp.remove_outbound(tunnel.slot);
        }
        dp.remove_inbound(inbound_spi);
        for (inbound, spi) in [(false, child.outbound_spi), (true, inbound_spi)] {
            self.messages.push_back(sa_changed(false, inbound, spi, child.local, child.remote));
        }
        self.messages.extend(self.sessions.child_down(child.peer, &carried, reason, now));
    }

    /// What the end of a pair means for the tunnel.
    fn settle(&mut self, id: TunnelId, dp: &mut D) {
        let Some(tunnel) = self.tunnels.get_mut(&id) else { return };
        if tunnel.sealing().is_some() {
            return;
        }
        if !tunnel.children.is_empty() {
            // A pair is left that can receive only, because an outbound SA never comes back (its
            // sequence numbers would be used twice). That is no drop: the next packet asks for a
            // pair that can send.
            dp.set_state(tunnel.slot, SlotState::Down);
            return;
        }
        let preserved = dp.word(tunnel.slot).is_some_and(|word| word.preserve());
        dp.take_down(tunnel.slot);
        if !preserved {
            tunnel.contexts = None;
            self.sweeps.push_back(What::SweepStale(tunnel.slot));
        }
    }

    /// A worker says that an SA has carried nearly, or all, that it may.
    pub fn rekey_wanted(&mut self, slot: SlotId, spi: u32, hard: bool) {
        let tunnel = self.by_slot.get(&slot).and_then(|id| self.tunnels.get(id));
        let children = tunnel.map_or(&[][..], |tunnel| &tunnel.children);
        let child = children.iter().find(|it| it.inbound_spi == spi || it.outbound_spi == spi);
        if let Some(child) = child {
            let spi = child.inbound_spi;
            self.demands.push_back(if hard { Demand::Expire(spi) } else { Demand::Rekey(spi) });
        }
    }

    /// Asks of the data path, swaps that are due, sweeps that waited. Once per turn.
    pub fn tick(&mut self, now: Time, dp: &mut D) {
        self.hear_asks(now, dp);
        let due: Vec<TunnelId> = self
            .tunnels
            .iter()
            .filter(|(_, tunnel)| tunnel.swap.as_ref().is_some_and(|(at, _)| *at <= now))
            .map(|(&id, _)| id)
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
            let tunnel = self.by_slot.get(&slot).and_then(|id| self.tunnels.get_mut(id));
            if let Some(tunnel) = tunnel {
                tunnel.asked_at.get_or_insert(now);
                let at = tunnel.retry_at.unwrap_or(now);
                tunnel.retry_at = Some(at.max(now));
            }
        }
        for (&id, tunnel) in &mut self.tunnels {
            let Some(asked_at) = tunnel.asked_at else { continue };
            if tunnel.retry_at.is_some_and(|at| at <= now) {
                tunnel.retry_at = None;
                self.demands.push_back(Demand::Initiate(id));
            } else if tunnel.retry_at.is_none() && now.since_ms(asked_at) >= ASK_TIMEOUT_MS {
                tunnel.asked_at = None;
                dp.rearm(tunnel.slot);
            }
        }
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
        peers.into_iter().filter(|(_, seen)| seen.inbound || seen.outbound).collect()
    }

    /// `clear crypto ipsec sa counters`.
    pub fn clear_counters(&mut self, dp: &D) {
        for tunnel in self.tunnels.values_mut() {
            tunnel.cleared = tunnel.totals(dp);
        }
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
