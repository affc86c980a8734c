//! Tunnel ownership against a dataplane that records.

mod changes;
mod decisions;
mod lifecycle;
mod moved;
mod path;
mod reconciled;
mod resume;
mod silence;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use config::{Encryption, Hash, MaskedNet};
use fastpath::control::InstallError;
use fastpath::esp::SaParameters;
use fastpath::tunnel::{ReleaseOrder, ResumeOptions, SlotId, SlotState, SlotWord, TunnelMtu};
use fastpath::worker::request::What;
use zeroize::Zeroizing;

use super::*;
use crate::ike::{ChildSa, EndReason, EspSuite, SaKeys, Selectors, SpiSource, TunnelId};
use crate::time::Time;

pub(super) const PEER: Ipv4Addr = Ipv4Addr::new(209, 165, 200, 10);
pub(super) const OTHER: Ipv4Addr = Ipv4Addr::new(209, 165, 200, 11);
pub(super) const LOCAL: Ipv4Addr = Ipv4Addr::new(209, 165, 201, 2);
pub(super) const TUNNEL: TunnelId = TunnelId(5);
pub(super) const SUITE: EspSuite = EspSuite {
    encryption: Encryption::TripleDes,
    integrity: Some(Hash::Md5),
};

/// What was done to the dataplane, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Inbound(u32),
    Outbound(u32),
    RemoveInbound(u32),
    RemoveOutbound,
    Move(SocketAddrV4),
    State(SlotState),
    Up(bool),
    TakeDown,
    TakeDownPlanned,
    Silent(bool),
    Resume(ResumeOptions),
    Order(ReleaseOrder),
    Stamp(bool),
    Sweep(String),
    Retire,
    Release,
}

/// A dataplane with the slot words of the real one and nothing behind it.
#[derive(Debug, Default)]
pub(super) struct Fake {
    pub(super) words: BTreeMap<SlotId, SlotWord>,
    pub(super) mtus: BTreeMap<SlotId, TunnelMtu>,
    pub(super) steps: Vec<Step>,
    /// Where the installed outbound SAs send to.
    pub(super) ends: BTreeMap<SlotId, (Ipv4Addr, Option<(u16, u16)>)>,
    /// Whether every worker seals with the outbound SA that came last.
    pub(super) spread: bool,
    pub(super) asks: Vec<SlotId>,
    latched: BTreeSet<SlotId>,
    pub(super) inbound: BTreeMap<u32, InboundTraffic>,
    pub(super) outbound: BTreeMap<SlotId, (u32, OutboundTraffic)>,
    reserved: BTreeSet<u32>,
    next_slot: u16,
    next_spi: u32,
    pub(super) tickets: u32,
    pub(super) refuse_inbound: bool,
    pub(super) refuse_outbound: bool,
    pub(super) no_room: bool,
    /// Slots that can still be given; `None`: as many as are asked for.
    pub(super) slots_left: Option<usize>,
}

impl Fake {
    fn change(&mut self, slot: SlotId, new: impl FnOnce(SlotWord) -> SlotWord) -> bool {
        let Some(word) = self.words.get_mut(&slot) else {
            return false;
        };
        *word = new(*word);
        if word.state() == SlotState::Down {
            self.latched.remove(&slot);
        }
        true
    }

    /// A packet asks for IKE.
    pub(super) fn ask(&mut self, slot: SlotId) {
        if self.latched.insert(slot) {
            self.asks.push(slot);
        }
    }

    pub(super) fn take_steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
    }

    pub(super) fn sealing_spi(&self, slot: SlotId) -> Option<u32> {
        self.outbound.get(&slot).map(|(spi, _)| *spi)
    }
}

impl Dataplane for Fake {
    type Retired = SlotId;

    fn allocate(&mut self, mtu: TunnelMtu) -> Option<SlotId> {
        if let Some(left) = &mut self.slots_left {
            *left = left.checked_sub(1)?;
        }
        let slot = SlotId::new(self.next_slot);
        self.next_slot += 1;
        self.words
            .insert(slot, SlotWord::new(SlotState::Down, false, 0));
        self.mtus.insert(slot, mtu);
        Some(slot)
    }

    fn retire(&mut self, slot: SlotId) -> Option<SlotId> {
        self.steps.push(Step::Retire);
        self.words.remove(&slot).map(|_| slot)
    }

    fn release(&mut self, _slot: SlotId) {
        self.steps.push(Step::Release);
    }

    fn reserve_spi(&mut self) -> Option<u32> {
        self.next_spi += 1;
        let spi = 0x1000 + self.next_spi;
        self.reserved.insert(spi);
        Some(spi)
    }

    fn release_spi(&mut self, spi: u32) {
        assert!(self.reserved.remove(&spi), "{spi:#x} was not reserved");
    }

    fn install_inbound(&mut self, parameters: &SaParameters<'_>) -> Result<(), InstallError> {
        if self.refuse_inbound || !self.reserved.contains(&parameters.spi) {
            return Err(InstallError::NotReserved(parameters.spi));
        }
        self.reserved.remove(&parameters.spi);
        self.inbound
            .insert(parameters.spi, InboundTraffic::default());
        self.steps.push(Step::Inbound(parameters.spi));
        Ok(())
    }

    fn install_outbound(&mut self, parameters: &SaParameters<'_>) -> Result<(), InstallError> {
        if self.refuse_outbound {
            return Err(InstallError::Busy);
        }
        let ports = parameters.encapsulation;
        let end = (Ipv4Addr::from_bits(parameters.remote), ports);
        self.ends.insert(parameters.slot, end);
        self.spread = parameters.spread;
        let fresh = (parameters.spi, OutboundTraffic::default());
        self.outbound.insert(parameters.slot, fresh);
        self.steps.push(Step::Outbound(parameters.spi));
        Ok(())
    }

    fn move_outbound(&mut self, slot: SlotId, remote: SocketAddrV4) -> bool {
        self.steps.push(Step::Move(remote));
        self.outbound.contains_key(&slot)
    }

    fn remove_inbound(&mut self, spi: u32) -> bool {
        self.steps.push(Step::RemoveInbound(spi));
        self.inbound.remove(&spi).is_some()
    }

    fn remove_outbound(&mut self, slot: SlotId) -> bool {
        self.steps.push(Step::RemoveOutbound);
        self.outbound.remove(&slot).is_some()
    }

    fn word(&self, slot: SlotId) -> Option<SlotWord> {
        self.words.get(&slot).copied()
    }

    fn set_state(&mut self, slot: SlotId, state: SlotState) -> bool {
        self.steps.push(Step::State(state));
        self.change(slot, |word| word.with_state(state))
    }

    fn bring_up(&mut self, slot: SlotId, preserve: bool) -> bool {
        self.steps.push(Step::Up(preserve));
        self.change(slot, |word| {
            SlotWord::new(SlotState::Up, preserve, word.epoch())
        })
    }

    fn take_down(&mut self, slot: SlotId) -> bool {
        self.steps.push(Step::TakeDown);
        self.change(slot, |word| {
            let down = word.with_state(SlotState::Down);
            if word.preserve() {
                down
            } else {
                down.with_next_epoch()
            }
        })
    }

    fn take_down_planned(&mut self, slot: SlotId) -> bool {
        let down = self.take_down(slot);
        self.steps.pop();
        self.steps.push(Step::TakeDownPlanned);
        down
    }

    fn set_silent(&mut self, slot: SlotId, silent: bool) -> bool {
        self.steps.push(Step::Silent(silent));
        self.change(slot, |word| word.with_silent(silent))
    }

    fn set_resume(&mut self, options: ResumeOptions) -> bool {
        if !self.no_room {
            self.steps.push(Step::Resume(options));
        }
        !self.no_room
    }

    fn release_held(&mut self, order: ReleaseOrder) -> Option<u32> {
        if self.no_room {
            return None;
        }
        self.steps.push(Step::Order(order));
        self.tickets += 1;
        Some(self.tickets)
    }

    fn stamp_preserve(&mut self, slot: SlotId, preserve: bool) -> bool {
        self.steps.push(Step::Stamp(preserve));
        self.change(slot, |word| {
            SlotWord::new(word.state(), preserve, word.epoch())
        })
    }

    fn set_mtu(&mut self, slot: SlotId, mtu: TunnelMtu) -> bool {
        self.mtus.insert(slot, mtu).is_some()
    }

    fn take_asks(&mut self) -> Vec<SlotId> {
        std::mem::take(&mut self.asks)
    }

    fn rearm(&mut self, slot: SlotId) {
        self.latched.remove(&slot);
    }

    fn sweep(&mut self, what: What) -> Option<u32> {
        if self.no_room {
            return None;
        }
        self.steps.push(Step::Sweep(format!("{what:?}")));
        self.tickets += 1;
        Some(self.tickets)
    }

    fn workers(&self) -> u8 {
        2
    }

    fn inbound(&self, spi: u32) -> Option<InboundTraffic> {
        self.inbound.get(&spi).copied()
    }

    fn outbound(&self, slot: SlotId) -> Option<OutboundTraffic> {
        self.outbound.get(&slot).map(|(_, traffic)| *traffic)
    }
}

/// A net of 256 addresses.
pub(super) fn net(third: u8) -> MaskedNet {
    MaskedNet::new(
        Ipv4Addr::new(10, 224, third, 0),
        Ipv4Addr::new(255, 255, 255, 0),
    )
}

pub(super) fn selectors() -> Selectors {
    Selectors {
        local: net(228),
        remote: MaskedNet::ANY,
        protocol: 0,
        local_port: 0,
        remote_port: 0,
    }
}

pub(super) fn spec() -> TunnelSpec {
    TunnelSpec {
        id: TUNNEL,
        map_name: "map1".to_owned(),
        sequence: 5,
        selectors: selectors(),
        access_list_line: None,
        nameif: "outside".to_owned(),
        local: LOCAL,
        peers: vec![PEER, OTHER],
        proposals: vec![SUITE],
        path_mtu: 1500,
        spread: false,
    }
}

/// Brings the tunnels in line with `specs`, in as many turns as it takes.
pub(super) fn reconcile(
    owner: &mut TunnelOwner<Fake>,
    specs: &[TunnelSpec],
    now: Time,
    dp: &mut Fake,
) {
    let gone = owner.ids_from(TunnelId(0));
    let gone = gone.filter(|id| specs.iter().all(|spec| spec.id != *id));
    let gone = gone.collect();
    let specs = specs.iter().cloned().map(Arc::new);
    let (changed, new) = specs.partition(|spec| owner.slot(spec.id).is_some());
    let mut edit = Reconciliation::new(gone, changed, new);
    while !owner.reconcile(&mut edit, now, dp) {}
}

/// An owner with one tunnel.
pub(super) struct Bench {
    pub(super) owner: TunnelOwner<Fake>,
    pub(super) dp: Fake,
    pub(super) slot: SlotId,
    outbound_spi: u32,
}

impl Bench {
    pub(super) fn new(preserve: bool) -> Self {
        let mut dp = Fake::default();
        let mut owner = TunnelOwner::default();
        owner.set_options(
            VpnOptions {
                preserve,
                ..VpnOptions::default()
            },
            &mut dp,
        );
        reconcile(&mut owner, &[spec()], Time(0), &mut dp);
        let slot = owner.slot(TUNNEL).expect("a slot");
        Self {
            owner,
            dp,
            slot,
            outbound_spi: 0xa000,
        }
    }

    /// An edit, after which the tunnels are these.
    pub(super) fn reconcile(&mut self, specs: &[TunnelSpec], now: Time) {
        reconcile(&mut self.owner, specs, now, &mut self.dp);
    }

    pub(super) fn options(&mut self, preserve: bool, immediate: bool) {
        let options = VpnOptions {
            preserve,
            immediate,
            ..self.owner.options
        };
        self.owner.set_options(options, &mut self.dp);
    }

    /// A pair that IKE has negotiated.
    pub(super) fn child(&mut self) -> ChildSa {
        let inbound_spi = SpiPool(&mut self.dp).reserve(TUNNEL).expect("an SPI");
        self.outbound_spi += 1;
        let keys = || SaKeys {
            encryption: Zeroizing::new(vec![1; 24]),
            integrity: Zeroizing::new(vec![2; 16]),
        };
        ChildSa {
            tunnel: TUNNEL,
            peer: PEER,
            initiator: true,
            inbound_spi,
            outbound_spi: self.outbound_spi,
            inbound_keys: keys(),
            outbound_keys: keys(),
            suite: SUITE,
            selectors: selectors(),
            esn: false,
            encapsulation: None,
            local: LOCAL,
            remote: PEER,
            lifetime_s: 28_800,
            lifetime_kb: Some(4_608_000),
            replaces: None,
            superseded: false,
        }
    }

    /// The first pair comes up; its SPIs.
    pub(super) fn up(&mut self, now: Time) -> (u32, u32) {
        let child = self.child();
        self.install(child, now)
    }

    pub(super) fn install(&mut self, child: ChildSa, now: Time) -> (u32, u32) {
        let spis = (child.inbound_spi, child.outbound_spi);
        self.owner.child_up(Box::new(child), now, &mut self.dp);
        spis
    }

    pub(super) fn down(&mut self, spis: (u32, u32), reason: EndReason, now: Time) {
        self.owner
            .child_down(TUNNEL, spis, reason, now, &mut self.dp);
    }

    pub(super) fn tick(&mut self, now: Time) {
        self.owner.tick(now, &mut self.dp);
    }

    pub(super) fn word(&self) -> SlotWord {
        self.dp.word(self.slot).expect("a word")
    }

    pub(super) fn sweeps(&mut self, now: Time) -> Vec<String> {
        self.tick(now);
        let steps = self.dp.take_steps().into_iter();
        steps
            .filter_map(|step| match step {
                Step::Sweep(what) => Some(what),
                _ => None,
            })
            .collect()
    }

    pub(super) fn demands(&mut self) -> Vec<Demand> {
        std::iter::from_fn(|| self.owner.poll_demand()).collect()
    }

    pub(super) fn messages(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.owner.poll_message())
            .map(|it| it.line())
            .collect()
    }

    /// Packets go both ways.
    pub(super) fn carry(&mut self, spi: u32, inbound: u64, outbound: u64) {
        if let Some(traffic) = self.dp.inbound.get_mut(&spi) {
            traffic.packets += inbound;
            traffic.bytes += inbound * 100;
        }
        if let Some((_, traffic)) = self.dp.outbound.get_mut(&self.slot) {
            traffic.packets += outbound;
            traffic.bytes += outbound * 100;
        }
    }
}

/// An IKE address for encapsulation.
pub(super) fn natt(address: Ipv4Addr) -> SocketAddrV4 {
    SocketAddrV4::new(address, 4500)
}
