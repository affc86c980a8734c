//! What tunnel ownership needs of the fastpath.

use std::fmt::Debug;
use std::net::SocketAddrV4;

use fastpath::control::{Fastpath, InstallError};
use fastpath::esp::SaParameters;
use fastpath::tunnel::{
    ReleaseOrder, ResumeOptions, RetiredSlot, SlotId, SlotState, SlotWord, TunnelMtu,
};
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
    /// Packets sealed for TCP flows that expect an answer.
    pub expecting: u64,
}

impl InboundTraffic {
    /// What was counted after `base`; the bitmap as it is.
    pub(super) fn since(&self, base: &Self) -> Self {
        Self {
            packets: self.packets.saturating_sub(base.packets),
            bytes: self.bytes.saturating_sub(base.bytes),
            replayed: self.replayed.saturating_sub(base.replayed),
            not_authentic: self.not_authentic.saturating_sub(base.not_authentic),
            replay_bitmap: self.replay_bitmap,
        }
    }
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
    /// Sends what the slot's SA in UDP seals to another end.
    fn move_outbound(&mut self, slot: SlotId, remote: SocketAddrV4) -> bool;
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
    /// As [`Dataplane::take_down`], where the tunnel will soon be back: packets of its flows are
    /// held in order.
    fn take_down_planned(&mut self, slot: SlotId) -> bool;
    /// Whether copies of what leaves by a slot that is up are held, because its peer owes answers.
    fn set_silent(&mut self, slot: SlotId, silent: bool) -> bool;
    /// How preserved flows resume; `false` when the workers have to be told later.
    fn set_resume(&mut self, options: ResumeOptions) -> bool;
    /// Lets the packets leave that are held for a slot; the ticket, `None` when it must wait.
    fn release_held(&mut self, order: ReleaseOrder) -> Option<u32>;
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

    fn move_outbound(&mut self, slot: SlotId, remote: SocketAddrV4) -> bool {
        let (tunnels, publisher) = self.tunnels();
        tunnels.move_outbound(publisher, slot, remote.ip().to_bits(), remote.port())
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

    fn take_down_planned(&mut self, slot: SlotId) -> bool {
        self.tunnels().0.take_down_planned(slot)
    }

    fn set_silent(&mut self, slot: SlotId, silent: bool) -> bool {
        self.tunnels().0.set_silent(slot, silent)
    }

    fn set_resume(&mut self, options: ResumeOptions) -> bool {
        Self::set_resume(self, options)
    }

    fn release_held(&mut self, order: ReleaseOrder) -> Option<u32> {
        Self::release_held(self, order)
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
            expecting: sa.expecting(),
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
