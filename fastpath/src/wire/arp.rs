//! ARP for IPv4 over Ethernet (RFC 826).

use std::borrow::{Borrow, BorrowMut};

use super::ethernet::Mac;
use super::field::{bytes_at, put_bytes, put_u16, put_u32, u16_at, u32_at};

/// Bytes of a message.
pub const LEN: usize = 28;

const HARDWARE: usize = 0;
const PROTOCOL: usize = 2;
const HARDWARE_LEN: usize = 4;
const PROTOCOL_LEN: usize = 5;
const OPERATION: usize = 6;
const SENDER_MAC: usize = 8;
const SENDER_ADDRESS: usize = 14;
const TARGET_MAC: usize = 18;
const TARGET_ADDRESS: usize = 24;

/// The first six bytes of every message that this box understands: Ethernet, IPv4, six and four.
const FORMAT: [u8; 6] = [0, 1, 8, 0, 6, 4];

const _: () = assert!(HARDWARE == 0 && PROTOCOL == 2 && HARDWARE_LEN == 4 && PROTOCOL_LEN == 5);

/// What a message does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Asks for the target's MAC.
    Request,
    /// Tells the sender's MAC.
    Reply,
}

/// An ARP message.
#[derive(Clone, Copy, Debug)]
pub struct Arp<T>(pub T);

impl<'a> Arp<&'a [u8; LEN]> {
    /// The message after an Ethernet header, `None` when it is short or not Ethernet and IPv4.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let (message, _padding) = payload.split_first_chunk::<LEN>()?;
        (bytes_at::<HARDWARE, 6, LEN>(message) == FORMAT).then_some(Self(message))
    }
}

impl Arp<[u8; LEN]> {
    /// A message from its parts.
    pub fn emit(operation: Operation, sender: (Mac, u32), target: (Mac, u32)) -> Self {
        let mut message = [0; LEN];
        put_bytes::<HARDWARE, 6, LEN>(&mut message, FORMAT);
        let mut message = Self(message);
        message.set_operation(operation);
        message.set_sender(sender.0, sender.1);
        message.set_target(target.0, target.1);
        message
    }

    /// Asks every station for `target`.
    pub fn request(sender: (Mac, u32), target: u32) -> Self {
        Self::emit(Operation::Request, sender, (Mac::UNKNOWN, target))
    }
}

impl<T: Borrow<[u8; LEN]>> Arp<T> {
    /// What the message does, `None` for operations of other uses (RARP and the like).
    pub fn operation(&self) -> Option<Operation> {
        match u16_at::<OPERATION, LEN>(self.0.borrow()) {
            1 => Some(Operation::Request),
            2 => Some(Operation::Reply),
            _ => None,
        }
    }

    /// MAC of the sender.
    pub fn sender_mac(&self) -> Mac {
        Mac(bytes_at::<SENDER_MAC, 6, LEN>(self.0.borrow()))
    }

    /// Address of the sender.
    pub fn sender_address(&self) -> u32 {
        u32_at::<SENDER_ADDRESS, LEN>(self.0.borrow())
    }

    /// MAC of the target.
    pub fn target_mac(&self) -> Mac {
        Mac(bytes_at::<TARGET_MAC, 6, LEN>(self.0.borrow()))
    }

    /// Address of the target.
    pub fn target_address(&self) -> u32 {
        u32_at::<TARGET_ADDRESS, LEN>(self.0.borrow())
    }

    /// The reply to this request: its target address is at `mac`.
    pub fn reply(&self, mac: Mac) -> Arp<[u8; LEN]> {
        Arp::emit(
            Operation::Reply,
            (mac, self.target_address()),
            (self.sender_mac(), self.sender_address()),
        )
    }
}

impl<T: BorrowMut<[u8; LEN]>> Arp<T> {
    /// Sets what the message does.
    pub fn set_operation(&mut self, operation: Operation) {
        let code = match operation {
            Operation::Request => 1,
            Operation::Reply => 2,
        };
        put_u16::<OPERATION, LEN>(self.0.borrow_mut(), code);
    }

    /// Sets the sender.
    pub fn set_sender(&mut self, mac: Mac, address: u32) {
        put_bytes::<SENDER_MAC, 6, LEN>(self.0.borrow_mut(), mac.0);
        put_u32::<SENDER_ADDRESS, LEN>(self.0.borrow_mut(), address);
    }

    /// Sets the target.
    pub fn set_target(&mut self, mac: Mac, address: u32) {
        put_bytes::<TARGET_MAC, 6, LEN>(self.0.borrow_mut(), mac.0);
        put_u32::<TARGET_ADDRESS, LEN>(self.0.borrow_mut(), address);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_answered_with_our_mac() {
        let asker = Mac([2, 0, 0, 0, 0, 1]);
        let ours = Mac([2, 0, 0, 0, 0, 2]);
        let request = Arp::request((asker, 0x0a00_0001), 0x0a00_0002);
        assert_eq!(request.operation(), Some(Operation::Request));
        let reply = request.reply(ours);
        assert_eq!(reply.operation(), Some(Operation::Reply));
        assert_eq!(
            (reply.sender_mac(), reply.sender_address()),
            (ours, 0x0a00_0002)
        );
        assert_eq!(
            (reply.target_mac(), reply.target_address()),
            (asker, 0x0a00_0001)
        );
    }

    proptest! {
        #[test]
        fn emitted_messages_parse(sender: ([u8; 6], u32), target: ([u8; 6], u32)) {
            let sender = (Mac(sender.0), sender.1);
            let target = (Mac(target.0), target.1);
            let message = Arp::emit(Operation::Reply, sender, target);
            let parsed = Arp::parse(&message.0).unwrap();
            prop_assert_eq!(parsed.operation(), Some(Operation::Reply));
            prop_assert_eq!((parsed.sender_mac(), parsed.sender_address()), sender);
            prop_assert_eq!((parsed.target_mac(), parsed.target_address()), target);
        }

        #[test]
        fn other_formats_are_refused(mut bytes in prop::collection::vec(any::<u8>(), LEN..64)) {
            bytes[..6].copy_from_slice(&FORMAT);
            prop_assert!(Arp::parse(&bytes).is_some());
            bytes[4] = 8;
            prop_assert!(Arp::parse(&bytes).is_none());
        }
    }
}
