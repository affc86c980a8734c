//! What tunnel ownership needs of the fastpath.

use std::fmt::Debug;

use fastpath::control::{Fastpath, InstallError};
use fastpath::esp::SaParameters;
use fastpath::tunnel::{RetiredSlot, SlotId, SlotState, SlotWord, TunnelMtu};
use fastpath::worker::request::What;

use crate::ike::{SpiSource, TunnelId};

/// What an inbound SA has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboundTraffic {
    /// Packets opened.
    pub packets: u64,
    /// Bytes of inner packets.
    pub bytes: u64,
    /// Packets that the anti-replay check refused.
    pub replayed: u64,
    /// Packets whose ICV was wrong.
    pub not_authentic: u64,
    /// The right edge of the anti-replay window, the newest packet in the lowest bit.
    pub replay_bitmap: u64,
}

/// What an outbound SA has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboundTraffic {
    /// Packets sealed.
    pub packets: u64,
    /// Bytes of inner packets.
    pub bytes: u64,
}

/// Slots, SAs and requests to the workers, as [`Fastpath`] has them.
pub trait Dataplane {
    /// A slot that was taken out of use and whose flows still have to be swept.
    type Retired: Debug;

    /// A slot that is down; `None` when all are in use.
    fn allocate(&mut self, mtu: TunnelMtu) -> Option<SlotId>;
    /// Takes a slot out of use.
    fn retire(&mut self, slot: SlotId) -> Option<Self::Retired>;
    /// Gives the slot's index back once every worker has swept its flows.
    fn release(&mut self, slot: Self::Retired);
    /// An SPI for an inbound SA to come.
    fn reserve_spi(&mut self) -> Option<u32>;
    /// Gives back an SPI for which no SA was installed.
    fn release_spi(&mut self, spi: u32);
    /// Installs an inbound SA under its reserved SPI.
    fn install_inbound(&mut self, parameters: &SaParameters<'_>) -> Result<(), InstallError>;
    /// Swaps the outbound SA of a slot.
    fn install_outbound(&mut self, parameters: &SaParameters<'_>) -> Result<(), InstallError>;
    /// Removes an inbound SA and frees its SPI.
    fn remove_inbound(&mut self, spi: u32) -> bool;
    /// Takes the outbound SA of a slot away.
    fn remove_outbound(&mut self, slot: SlotId) -> bool;
    /// State, stamp and epoch of a slot.
    fn word(&self, slot: SlotId) -> Option<SlotWord>;
    /// Changes the state of a slot without touching its flows.
    fn set_state(&mut self, slot: SlotId, state: SlotState) -> bool;
    /// Up, stamped with PRESERVE or not.
    fn bring_up(&mut self, slot: SlotId, preserve: bool) -> bool;
    /// Down; without PRESERVE the slot's TCP flows are stale from now on.
    fn take_down(&mut self, slot: SlotId) -> bool;
    /// Stamps a live slot.
    fn stamp_preserve(&mut self, slot: SlotId, preserve: bool) -> bool;
    /// Changes how large packets may be.
    fn set_mtu(&mut self, slot: SlotId, mtu: TunnelMtu) -> bool;
    /// Slots whose packets want IKE, each once until it is rearmed.
    fn take_asks(&mut self) -> Vec<SlotId>;
    /// Lets the next packet of a slot ask again.
    fn rearm(&mut self, slot: SlotId);
    /// Asks all workers to sweep; the ticket of the request, `None` when it must wait.
    fn sweep(&mut self, what: What) -> Option<u32>;
    /// Workers that answer a request.
    fn workers(&self) -> u8;
    /// Counters of an inbound SA.
    fn inbound(&self, spi: u32) -> Option<InboundTraffic>;
    /// Counters of the outbound SA that seals for a slot.
    fn outbound(&self, slot: SlotId) -> Option<OutboundTraffic>;
}

impl Dataplane for Fastpath {
    type Retired = RetiredSlot;

    fn allocate(&mut self, mtu: TunnelMtu) -> Option<SlotId> {
        self.tunnels().0.allocate(mtu)
    }

    fn retire(&mut self, slot: SlotId) -> Option<RetiredSlot> {
        let (tunnels, publisher) = self.tunnels();
        tunnels.retire(publisher, slot)
    }

    fn release(&mut self, slot: RetiredSlot) {
        self.tunnels().0.release(slot);
    }

    fn reserve_spi(&mut self) -> Option<u32> {
        self.tunnels().0.reserve_spi()
    }

    fn release_spi(&mut self, spi: u32) {
        self.tunnels().0.release_spi(spi);
    }

    fn install_inbound(&mut self, parameters: &SaParameters<'_>) -> Result<(), InstallError> {
        let (tunnels, publisher) = self.tunnels();
        tunnels.install_inbound(publisher, parameters)
    }

    fn install_outbound(&mut self, parameters: &SaParameters<'_>) -> Result<(), InstallError> {
        let (tunnels, publisher) = self.tunnels();
        tunnels.install_outbound(publisher, parameters)
    }

    fn remove_inbound(&mut self, spi: u32) -> bool {
        let (tunnels, publisher) = self.tunnels();
        tunnels.remove_inbound(publisher, spi)
    }

    fn remove_outbound(&mut self, slot: SlotId) -> bool {
        let (tunnels, publisher) = self.tunnels();
        tunnels.remove_outbound(publisher, slot)
    }

    fn word(&self, slot: SlotId) -> Option<SlotWord> {
        self.tunnels_view().0.word(slot)
    }

    fn set_state(&mut self, slot: SlotId, state: SlotState) -> bool {
        self.tunnels().0.set_state(slot, state)
    }

    fn bring_up(&mut self, slot: SlotId, preserve: bool) -> bool {
        self.tunnels().0.bring_up(slot, preserve)
    }

    fn take_down(&mut self, slot: SlotId) -> bool {
        self.tunnels().0.take_down(slot)
    }

    fn stamp_preserve(&mut self, slot: SlotId, preserve: bool) -> bool {
        self.tunnels().0.stamp_preserve(slot, preserve)
    }

    fn set_mtu(&mut self, slot: SlotId, mtu: TunnelMtu) -> bool {
        self.tunnels().0.set_mtu(slot, mtu)
    }

    fn take_asks(&mut self) -> Vec<SlotId> {
        let mut asks = Vec::new();
        self.tunnels().0.take_asks(|slot| asks.push(slot));
        asks
    }

    fn rearm(&mut self, slot: SlotId) {
        self.tunnels().0.rearm(slot);
    }

    fn sweep(&mut self, what: What) -> Option<u32> {
        self.request(what)
    }

    fn workers(&self) -> u8 {
        Self::workers(self)
    }

    fn inbound(&self, spi: u32) -> Option<InboundTraffic> {
        let (tunnels, publisher) = self.tunnels_view();
        let sa = tunnels.inbound(publisher, spi)?;
        Some(InboundTraffic {
            packets: sa.packets(),
            bytes: sa.bytes(),
            replayed: sa.replayed(),
            not_authentic: sa.not_authentic(),
            replay_bitmap: sa.replay_bitmap(),
        })
    }

    fn outbound(&self, slot: SlotId) -> Option<OutboundTraffic> {
        let (tunnels, publisher) = self.tunnels_view();
        let sa = tunnels.outbound(publisher, slot)?;
        Some(OutboundTraffic {
            packets: sa.packets(),
            bytes: sa.bytes(),
        })
    }
}

/// The inbound SPIs of a dataplane, as IKE asks for them.
#[derive(Debug)]
pub struct SpiPool<'a, D>(pub &'a mut D);

impl<D: Dataplane> SpiSource for SpiPool<'_, D> {
    fn reserve(&mut self, _tunnel: TunnelId) -> Option<u32> {
        self.0.reserve_spi()
    }

    fn release(&mut self, spi: u32) {
        self.0.release_spi(spi);
    }
}
