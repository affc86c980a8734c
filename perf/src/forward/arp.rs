//! Whoever asks for an address beyond a generator is told the generator's station.

use fastpath::wire::ethernet::{self, ethertype};
use fastpath::wire::{Arp, Ethernet, Mac, arp};

use crate::rig::plan::FAR_MAC;

/// Makes the reply of a request, in its place; `false` when the frame is none.
pub(super) fn answer(frame: &mut [u8]) -> bool {
    let Some((header, payload)) = Ethernet::parse(frame) else {
        return false;
    };
    let Some(asked) = Arp::parse(payload).filter(|_| header.ethertype() == ethertype::ARP) else {
        return false;
    };
    if asked.operation() != Some(arp::Operation::Request) {
        return false;
    }
    let (mac, own) = (asked.sender_mac(), Mac(FAR_MAC));
    let (from, to) = ((own, asked.target_address()), (mac, asked.sender_address()));
    let reply = Arp::emit(arp::Operation::Reply, from, to);
    let header = Ethernet::emit(mac, own, ethertype::ARP);
    // A request is at least as long.
    frame[..ethernet::LEN].copy_from_slice(&header.0);
    frame[ethernet::LEN..][..arp::LEN].copy_from_slice(&reply.0);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_becomes_its_reply_and_nothing_else_does() {
        let asker = Mac([2, 0, 0, 0, 1, 1]);
        let request = Arp::request((asker, 0xc000_0201), 0xc000_0202);
        let header = Ethernet::emit(Mac([0xff; 6]), asker, ethertype::ARP);
        let mut frame = [&header.0[..], &request.0[..], &[0; 18]].concat();
        assert!(answer(&mut frame));
        let (header, payload) = Ethernet::parse(&frame).unwrap();
        assert_eq!((header.dst(), header.src()), (asker, Mac(FAR_MAC)));
        let reply = Arp::parse(payload).unwrap();
        assert_eq!(reply.operation(), Some(arp::Operation::Reply));
        assert_eq!(reply.sender_address(), 0xc000_0202);
        assert_eq!(reply.target_mac(), asker);
        assert!(!answer(&mut frame), "a reply asks nothing");
        assert!(!answer(&mut [0; 60]));
        assert!(!answer(&mut []));
    }
}
