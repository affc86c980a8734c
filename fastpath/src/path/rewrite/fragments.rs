//! Fragmentation before encryption: copies, so that every fragment is a buffer of its own.

use arrayvec::ArrayVec;

use crate::dpdk::Mbuf;
use crate::wire::{Ipv4, fragment, ipv4};
use crate::worker::Core;

/// Fragments of one packet at the most: a reassembled datagram over the smallest MTU that IPv4
/// allows.
pub(super) const FRAGMENTS_OUT_MAX: usize = 32;

/// Cuts a packet to the MTU in its facts. `None` when it does not go or buffers are missing.
pub(super) fn cut(core: &Core, packet: &Mbuf) -> Option<ArrayVec<Mbuf, FRAGMENTS_OUT_MAX>> {
    let meta = *packet.meta();
    let header = Ipv4::parse(packet.data())?;
    let payload = packet.data().get(ipv4::LEN..)?;
    let plan = fragment::plan(&header, payload.len(), usize::from(meta.fragment_mtu))?;
    let mut fragments = ArrayVec::new();
    if plan.len() > FRAGMENTS_OUT_MAX {
        return None;
    }
    for piece in plan {
        let mut copy = core.pool.allocate()?;
        if !copy.append(ipv4::LEN + piece.len) {
            return None;
        }
        let (head, body) = copy.data_mut().split_at_mut_checked(ipv4::LEN)?;
        head.copy_from_slice(fragment::header(&header, &piece).as_bytes());
        body.copy_from_slice(payload.get(piece.start..piece.start + piece.len)?);
        *copy.meta_mut() = meta;
        copy.meta_mut().fragment_mtu = 0;
        fragments.push(copy);
    }
    Some(fragments)
}
