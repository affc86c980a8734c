//! What may leave the box: a packet with a permit.

use crate::dpdk::Mbuf;

/// A packet that policy has let through. There is no other way into a transmit queue, so
/// forwarding past policy does not compile.
#[derive(Debug)]
pub(crate) struct Outgoing {
    packet: Mbuf,
}

impl Outgoing {
    /// Minted by `rewrite`: the flow leaves in clear and passed the gate.
    pub(super) fn rewritten(packet: Mbuf) -> Self {
        Self { packet }
    }

    /// Minted by `seal`: the packet is ESP now.
    pub(super) fn sealed(packet: Mbuf) -> Self {
        Self { packet }
    }

    /// Minted for an answer that the line itself made (ICMP error, TCP reset).
    pub(super) fn reply(packet: Mbuf) -> Self {
        Self { packet }
    }

    /// Minted for what the slowpath injects: IKE, ARP, ICMP echo replies, held packets that had
    /// their permit before.
    pub(crate) fn injected(packet: Mbuf) -> Self {
        Self { packet }
    }

    pub(super) fn into_packet(self) -> Mbuf {
        self.packet
    }
}
