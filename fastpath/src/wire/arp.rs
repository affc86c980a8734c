//! ARP for IPv4 over Ethernet (RFC 826).

use super::{be16, be32, put16, put32};

/// Bytes of a packet.
pub const LEN: usize = 28;

const HARDWARE: usize = 0;
const PROTOCOL: usize = 2;
const LENGTHS: usize = 4;
const OPERATION: usize = 6;
const SENDER_MAC: usize = 8;
const SENDER_ADDRESS: usize = 14;
const TARGET_MAC: usize = 18;
const TARGET_ADDRESS: usize = 24;

const ETHERNET: u16 = 1;
const IPV4: u16 = 0x0800;
const LENGTHS_6_4: u16 = 0x0604;

/// What a packet wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Who has the target address?
    Request,
    /// The sender has the sender address.
    Reply,
}

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// What it wants.
    pub operation: Operation,
    /// Who sends it.
    pub sender_mac: [u8; 6],
    /// Who sends it, host byte order.
    pub sender: u32,
    /// Who is meant; zero in requests.
    pub target_mac: [u8; 6],
    /// Who is meant, host byte order.
    pub target: u32,
}

impl Arp {
    /// Reads the bytes behind the Ethernet header.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let ours = be16(bytes, HARDWARE)? == ETHERNET
            && be16(bytes, PROTOCOL)? == IPV4
            && be16(bytes, LENGTHS)? == LENGTHS_6_4;
        let operation = match be16(bytes, OPERATION)? {
            1 if ours => Operation::Request,
            2 if ours => Operation::Reply,
            _ => return None,
        };
        Some(Self {
            operation,
            sender_mac: *bytes.get(SENDER_MAC..)?.first_chunk()?,
            sender: be32(bytes, SENDER_ADDRESS)?,
            target_mac: *bytes.get(TARGET_MAC..)?.first_chunk()?,
            target: be32(bytes, TARGET_ADDRESS)?,
        })
    }

    /// The bytes behind the Ethernet header.
    pub fn emit(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        put16(&mut bytes, HARDWARE, ETHERNET);
        put16(&mut bytes, PROTOCOL, IPV4);
        put16(&mut bytes, LENGTHS, LENGTHS_6_4);
        put16(&mut bytes, OPERATION, if self.operation == Operation::Request { 1 } else { 2 });
        bytes[SENDER_MAC..SENDER_ADDRESS].copy_from_slice(&self.sender_mac);
        put32(&mut bytes, SENDER_ADDRESS, self.sender);
        bytes[TARGET_MAC..TARGET_ADDRESS].copy_from_slice(&self.target_mac);
        put32(&mut bytes, TARGET_ADDRESS, self.target);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_emitted_is_parsed(request: bool, sender_mac: [u8; 6], sender: u32, target_mac: [u8; 6], target: u32) {
            let operation = if request { Operation::Request } else { Operation::Reply };
            let arp = Arp { operation, sender_mac, sender, target_mac, target };
            prop_assert_eq!(Arp::parse(&arp.emit()), Some(arp));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = Arp::parse(&bytes);
        }
    }
}
