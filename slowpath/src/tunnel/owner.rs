//! The owner of all tunnels: what the configuration, IKE and the workers do to them.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;

use config::{Sysopt, VpnResume};
use fastpath::tunnel::{ReleaseOrder, ResumeOptions, SlotId, SlotState};
use fastpath::worker::request::What;

use super::change::{TunnelChange, Uptime};
use super::child::{Child, Totals};
use super::context::{ContextPair, ContextTable};
use super::dataplane::{Dataplane, OutboundTraffic};
use super::drain::Draining;
use super::pmtu::{LearnedPath, ReportBudget};
use super::rate::Rate;
use super::resume::{Bounced, Counting, ResumePolicy, Together};
use super::retire::Retirement;
use super::session::Sessions;
use super::spec::TunnelSpec;
use super::watch::Watch;
use crate::bounce::{Cause, Ledger};
use crate::ike::{ChildSa, TunnelId};
use crate::round_trip::RoundTrip;
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
    /// `vpn-resume`.
    pub resume: ResumePolicy,
}

impl VpnOptions {
    /// The options of a configuration.
    pub fn new(sysopt: &Sysopt, resume: &VpnResume, replay_window: u32) -> Self {
        Self {
            preserve: sysopt.preserve_vpn_flows,
            immediate: sysopt.preserve_immediate,
            reclassify: sysopt.reclassify_vpn,
            replay_window,
            resume: ResumePolicy::new(resume),
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
            resume: ResumePolicy::OFF,
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
    pub(super) spec: Arc<TunnelSpec>,
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
    /// What a router has told of the path to the peer.
    pub(super) learned_path: Option<LearnedPath>,
    /// Reports about the path that quoted a packet of ours.
    pub(super) path_reports: u64,
    /// What SAs that are gone have carried.
    pub(super) past: Totals,
    /// Totals when the counters were cleared.
    pub(super) cleared: Totals,
    /// The peer of the newest pair, the first of the list before there was one.
    pub(super) peer: Ipv4Addr,
    /// The round trip to it.
    pub(super) path: Option<RoundTrip>,
    /// Since when it is up, and between which ends.
    pub(super) uptime: Option<Uptime>,
    /// What it carries per second.
    pub(super) rate: Rate,
    /// Whether its traffic is answered.
    pub(super) watch: Watch,
    /// The bounce whose held packets have not been released.
    pub(super) bounced: Option<Bounced>,
}

impl Tunnel {
    pub(super) fn new(spec: Arc<TunnelSpec>, slot: SlotId) -> Self {
        let peer = spec.peers.first().copied();
        Self {
            peer: peer.unwrap_or(Ipv4Addr::UNSPECIFIED),
            path: None,
            uptime: None,
            rate: Rate::default(),
            watch: Watch::default(),
            bounced: None,
            spec,
            slot,
            children: Vec::new(),
            contexts: None,
            swap: None,
            retry_at: None,
            asked_at: None,
            learned_path: None,
            path_reports: 0,
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
    pub(super) reports: ReportBudget,
    pub(super) demands: VecDeque<Demand>,
    pub(super) messages: VecDeque<Message>,
    pub(super) changes: VecDeque<TunnelChange>,
    pub(super) conn_ids: u32,
    /// What the workers were told of `vpn-resume`.
    pub(super) told: ResumeOptions,
    pub(super) ledger: Ledger,
    /// What an operator cleared last.
    pub(super) clear_cause: Cause,
    /// Inbound SAs that still receive, the next to end first: no more than pairs were cleared
    /// within their time.
    pub(super) draining: VecDeque<Draining>,
    /// Orders that wait for room in the workers' request rings, at most one per tunnel.
    pub(super) orders: VecDeque<ReleaseOrder>,
    /// Bounces whose flows are to be counted.
    pub(super) counts: VecDeque<(u32, SlotId)>,
    pub(super) counting: Option<Counting>,
    /// Sweeps that remove flows of a tunnel that is back, and the answers that they still get.
    pub(super) reclassifying: BTreeMap<u32, (SlotId, u8)>,
    pub(super) together: Together,
    /// Peers that a tunnel's traffic has no answer from.
    pub(super) suspected: BTreeSet<Ipv4Addr>,
    /// Tunnels that are up and do not answer, and the bounces that have begun because of it.
    pub(super) silent: BTreeMap<TunnelId, u32>,
    /// Where the round of looks at the tunnels stands, and when it began.
    pub(super) watch_from: Option<TunnelId>,
    pub(super) watch_began: Time,
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
            reports: ReportBudget::default(),
            demands: VecDeque::new(),
            messages: VecDeque::new(),
            changes: VecDeque::new(),
            conn_ids: 0,
            told: ResumeOptions::OFF,
            ledger: Ledger::default(),
            clear_cause: Cause::ClearIpsec,
            draining: VecDeque::new(),
            orders: VecDeque::new(),
            counts: VecDeque::new(),
            counting: None,
            reclassifying: BTreeMap::new(),
            together: Together::default(),
            suspected: BTreeSet::new(),
            silent: BTreeMap::new(),
            watch_from: None,
            watch_began: Time::default(),
        }
    }
}

impl<D: Dataplane> TunnelOwner<D> {
    /// The slot of a configured tunnel; `None` when there was none for it.
    pub fn slot(&self, id: TunnelId) -> Option<SlotId> {
        self.tunnels.get(&id).map(|tunnel| tunnel.slot)
    }

    /// How many tunnels have a slot.
    pub fn count(&self) -> usize {
        self.tunnels.len()
    }

    /// Configured tunnels: handle, slot and peers.
    pub fn iter(&self) -> impl Iterator<Item = (TunnelId, SlotId, &TunnelSpec)> {
        self.tunnels
            .iter()
            .map(|(&id, tunnel)| (id, tunnel.slot, &*tunnel.spec))
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

    /// The peer of the pair that has an SA with this SPI and this end: an SA is named by its
    /// destination, which for an inbound one is ours; the peer's address is taken for both.
    pub fn peer_of_sa(&self, end: Ipv4Addr, spi: u32) -> Option<Ipv4Addr> {
        let children = self.tunnels.values().flat_map(|tunnel| &tunnel.children);
        let is_meant = |child: &&Child| {
            let inbound = child.inbound_spi == spi && end == child.local;
            let either = child.inbound_spi == spi || child.outbound_spi == spi;
            inbound || either && (end == child.remote || end == child.peer)
        };
        children.into_iter().find(is_meant).map(|child| child.peer)
    }

    /// What IKE shall do next.
    pub fn poll_demand(&mut self) -> Option<Demand> {
        self.demands.pop_front()
    }

    /// What shall be logged next.
    pub fn poll_message(&mut self) -> Option<Message> {
        let message = self.messages.pop_front();
        message.or_else(|| self.ledger.poll_message())
    }

    /// Takes over the options. Contexts keep the stamp that they were made with, unless
    /// `immediate` is in force or was until now: then live contexts follow at once.
    pub fn set_options(&mut self, options: VpnOptions, dp: &mut D) {
        let immediate = options.immediate || self.options.immediate;
        self.options = options;
        self.tell_options(dp);
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

    /// The workers judge by a policy that names no retired slot any more: their flows may go.
    pub fn policy_published(&mut self) {
        self.retirement.policy_published();
    }

    /// A request of [`TunnelOwner::tick`] was answered by one worker, which found or removed
    /// `count` flows.
    pub fn swept(&mut self, ticket: u32, count: u32, dp: &mut D) {
        self.counted(ticket, count);
        if let Some((slot, answers_left)) = self.reclassifying.get_mut(&ticket) {
            self.ledger.reclassified(*slot, u64::from(count));
            *answers_left = answers_left.saturating_sub(1);
            if *answers_left == 0 {
                self.reclassifying.remove(&ticket);
            }
        }
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
