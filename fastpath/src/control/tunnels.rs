//! Slots and SAs, as the tunnel owner changes them.

use std::sync::Arc;

use thiserror::Error;

use crate::crypto::Engines;
use crate::esp::{BuildError, InboundSa, OutboundSa, SaParameters};
use crate::rcu::Publisher;
use crate::tunnel::{RetiredSlot, SadOwner, SlotId, SlotOwner, SlotState, SlotWord, TunnelMtu};

/// Why an SA could not be installed.
#[derive(Debug, Error)]
pub enum InstallError {
    /// Its parameters do not fit together.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The SPI was not reserved for it.
    #[error("SPI {0:#010x} is not reserved")]
    NotReserved(u32),
    /// Too many retired SAs wait for a worker that does not pass.
    #[error("too many retired SAs wait for the workers")]
    Busy,
    /// The slot is not in use.
    #[error("the slot is not in use")]
    NoSlot,
}

/// The slots and the inbound SAs with the right to change them.
#[derive(Debug)]
pub struct Tunnels {
    slots: SlotOwner<OutboundSa>,
    sad: SadOwner<InboundSa>,
    engines: Arc<Engines>,
    workers: u8,
    /// Worker that opens what comes by the next SPI.
    next_opener: u8,
}

impl Tunnels {
    pub(super) fn new(
        slots: SlotOwner<OutboundSa>,
        sad: SadOwner<InboundSa>,
        engines: Arc<Engines>,
        workers: u8,
    ) -> Self {
        Self {
            slots,
            sad,
            engines,
            workers,
            next_opener: 0,
        }
    }

    /// A slot that is down.
    pub fn allocate(&mut self, mtu: TunnelMtu) -> Option<SlotId> {
        self.slots.allocate(mtu)
    }

    /// Takes a slot out of use; see [`SlotOwner::retire`] and [`SlotOwner::release`].
    pub fn retire(&mut self, publisher: &mut Publisher, slot: SlotId) -> Option<RetiredSlot> {
        self.slots.retire(publisher, slot)
    }

    /// Gives the index back once every worker has swept the flows of the slot.
    pub fn release(&mut self, slot: RetiredSlot) {
        self.slots.release(slot);
    }

    /// An SPI for an SA to come; its home worker is given out in turn.
    pub fn reserve_spi(&mut self) -> Option<u32> {
        let home = self.next_opener;
        self.next_opener = (home + 1) % self.workers.max(1);
        self.sad.reserve(home)
    }

    /// Gives back an SPI for which no SA was installed.
    pub fn release_spi(&mut self, spi: u32) {
        self.sad.release(spi);
    }

    /// Installs the SA for packets to us under its reserved SPI.
    pub fn install_inbound(
        &mut self,
        publisher: &mut Publisher,
        parameters: &SaParameters<'_>,
    ) -> Result<(), InstallError> {
        use crate::tunnel::InstallError as Sad;
        let sa = Box::new(InboundSa::build(parameters, &self.engines)?);
        self.sad
            .install(publisher, sa)
            .map_err(|error| match error {
                Sad::NotReserved(_) => InstallError::NotReserved(parameters.spi),
                Sad::LimboFull(_) => InstallError::Busy,
            })
    }

    /// Swaps the SA that seals what leaves by the slot, at the slot's sealing home or, if it says
    /// so, everywhere.
    pub fn install_outbound(
        &mut self,
        publisher: &mut Publisher,
        parameters: &SaParameters<'_>,
    ) -> Result<(), InstallError> {
        if self.slots.word_of(parameters.slot).is_none() {
            return Err(InstallError::NoSlot);
        }
        let sa = OutboundSa::build(parameters, &self.engines)?;
        let sa = Box::new(sa.at_home(self.sealing_home(parameters.slot)));
        self.slots
            .publish_outbound(publisher, parameters.slot, sa)
            .map_err(|_| InstallError::Busy)
    }

    /// The worker that seals for a slot. Slots are given out in turn, and so are their homes.
    fn sealing_home(&self, slot: SlotId) -> u8 {
        (slot.raw() % u16::from(self.workers.max(1))) as u8
    }

    /// Removes an inbound SA; its packets are `np-sp-invalid-spi` from now on.
    pub fn remove_inbound(&mut self, publisher: &mut Publisher, spi: u32) -> bool {
        self.sad.remove(publisher, spi)
    }

    /// Takes the outbound SA away.
    pub fn remove_outbound(&mut self, publisher: &mut Publisher, slot: SlotId) -> bool {
        self.slots.remove_outbound(publisher, slot)
    }

    /// The inbound SA with this SPI, for its counters.
    pub fn inbound<'p>(&'p self, publisher: &'p Publisher, spi: u32) -> Option<&'p InboundSa> {
        self.sad.get(publisher, spi)
    }

    /// The outbound SA of a slot, for its counters.
    pub fn outbound<'p>(
        &'p self,
        publisher: &'p Publisher,
        slot: SlotId,
    ) -> Option<&'p OutboundSa> {
        self.slots.outbound(publisher, slot)
    }

    /// Sends what leaves by the slot's SA in UDP to another address and port of the peer; `false`
    /// when there is no such SA.
    pub fn move_outbound(
        &mut self,
        publisher: &Publisher,
        slot: SlotId,
        remote: u32,
        remote_port: u16,
    ) -> bool {
        self.outbound(publisher, slot)
            .is_some_and(|sa| sa.move_to(remote, remote_port))
    }

    /// State, stamp and epoch of a slot; `None` when it is not in use.
    pub fn word(&self, slot: SlotId) -> Option<SlotWord> {
        self.slots.word_of(slot)
    }

    /// Changes the state of a slot without touching its flows.
    pub fn set_state(&mut self, slot: SlotId, state: SlotState) -> bool {
        self.slots.set_state(slot, state)
    }

    /// Up, stamped with PRESERVE or not.
    pub fn bring_up(&mut self, slot: SlotId, preserve: bool) -> bool {
        self.slots.bring_up(slot, preserve)
    }

    /// Down; without PRESERVE its TCP flows are stale from this moment.
    pub fn take_down(&mut self, slot: SlotId) -> bool {
        self.slots.take_down(slot)
    }

    /// As [`Tunnels::take_down`], on purpose and with the tunnel coming back: packets of preserved
    /// flows are held in order until it is up. Without PRESERVE there is no difference.
    pub fn take_down_planned(&mut self, slot: SlotId) -> bool {
        self.slots.take_down_planned(slot)
    }

    /// Whether the peer of a slot that is up owes answers: copies of what leaves are held then.
    pub fn set_silent(&mut self, slot: SlotId, silent: bool) -> bool {
        self.slots.set_silent(slot, silent)
    }

    /// Stamps a live slot (`sysopt connection preserve-vpn-flows immediate`).
    pub fn stamp_preserve(&mut self, slot: SlotId, preserve: bool) -> bool {
        self.slots.stamp_preserve(slot, preserve)
    }

    /// Changes how large packets may be.
    pub fn set_mtu(&mut self, slot: SlotId, mtu: TunnelMtu) -> bool {
        self.slots.set_mtu(slot, mtu)
    }

    /// Calls `each` with every slot whose packets want IKE.
    pub fn take_asks(&mut self, each: impl FnMut(SlotId)) {
        self.slots.take_asks(each);
    }

    /// Lets the next packet of a slot ask again.
    pub fn rearm(&mut self, slot: SlotId) {
        self.slots.rearm(slot);
    }
}
