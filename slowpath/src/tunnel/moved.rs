//! A peer behind a NAT whose mapping has changed (RFC 3947 section 4): its SAs in UDP go on with
//! the new address and port, without a negotiation.
//!
//! Only an authenticated packet tells of it, IKE's or the newest of an inbound SA. Who can hold one
//! back and send it from elsewhere draws the tunnel there until the next one arrives; what it gets
//! is sealed.

use std::net::{Ipv4Addr, SocketAddrV4};

use fastpath::tunnel::SlotId;

use super::dataplane::Dataplane;
use super::owner::{Tunnel, TunnelOwner};
use crate::ike::TunnelId;

impl Tunnel {
    /// Moves the pairs in UDP that `is_meant` names; whether one of them was elsewhere.
    fn move_pairs<D: Dataplane>(
        &mut self,
        remote: SocketAddrV4,
        is_meant: impl Fn(&super::child::Child) -> bool,
        dp: &mut D,
    ) -> bool {
        let mut moved = false;
        for child in self.children.iter_mut().filter(|child| is_meant(child)) {
            let Some((ours, _)) = child.ports else {
                continue;
            };
            let ends = (*remote.ip(), Some((ours, remote.port())));
            if (child.remote, child.ports) == ends {
                continue;
            }
            (child.remote, child.ports) = ends;
            moved = true;
            if child.sealing {
                dp.move_outbound(self.slot, remote);
            }
            let swap = self.swap.as_mut().map(|swap| &mut swap.sa);
            if let Some(sa) = swap.filter(|sa| sa.inbound_spi == child.inbound_spi) {
                sa.remote = *remote.ip();
                sa.encapsulation = sa.encapsulation.map(|(ours, _)| (ours, remote));
            }
        }
        moved
    }
}

impl<D: Dataplane> TunnelOwner<D> {
    /// IKE has heard the peer from elsewhere: all its pairs in UDP move. Tunnels that did.
    pub fn peer_moved(
        &mut self,
        peer: Ipv4Addr,
        remote: SocketAddrV4,
        dp: &mut D,
    ) -> Vec<TunnelId> {
        let mut moved = Vec::new();
        for (&id, tunnel) in &mut self.tunnels {
            if tunnel.move_pairs(remote, |child| child.peer == peer, dp) {
                moved.push(id);
            }
        }
        moved
    }

    /// The newest packet of a pair has come from elsewhere: its peer, whose other pairs are for
    /// [`TunnelOwner::peer_moved`].
    pub fn peer_of_pair(&self, slot: SlotId, inbound_spi: u32) -> Option<Ipv4Addr> {
        let tunnel = self.tunnels.get(self.by_slot.get(&slot)?)?;
        let mut pairs = tunnel.children.iter();
        let child = pairs.find(|child| child.inbound_spi == inbound_spi)?;
        Some(child.peer)
    }
}
