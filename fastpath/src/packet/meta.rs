//! The private cache line of a packet: what earlier steps of the line found out.

use super::{FlowKey, Side};
use crate::tunnel::SlotId;

/// Bytes of the private area that every mbuf pool reserves.
pub const META_LEN: usize = 64;

/// How a packet came: the left side of the gate's comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// As it is, on a wire.
    Clear,
    /// Out of ESP, by a security association that serves this slot.
    Tunnel(SlotId),
}

/// Bits of [`Meta::flags`].
pub mod flag {
    /// The packet was a datagram in fragments, reassembled here.
    pub const REASSEMBLED: u16 = 1 << 0;
    /// The packet came out of ESP ([`super::Meta::slot`] says by which slot).
    pub const DECRYPTED: u16 = 1 << 1;
    /// ESP in UDP (RFC 3948).
    pub const UDP_ENCAPSULATED: u16 = 1 << 2;
    /// The destination was one of our mapped addresses and has been restored to the real one.
    pub const UNTRANSLATED: u16 = 1 << 3;
    /// An ICMP error: the key is that of the packet it quotes, reversed.
    pub const ICMP_ERROR: u16 = 1 << 4;
    /// The connection was found or made, so [`super::Meta::conn`] is valid.
    pub const HAS_CONN: u16 = 1 << 5;
    /// The IPv4 header carries options.
    pub const HAS_OPTIONS: u16 = 1 << 6;
    /// A copy of a packet that was held: nobody looks at it as an answer to what is held.
    pub const RELEASED: u16 = 1 << 7;
    /// Its TCP flow waits for an answer from the other end.
    pub const EXPECTING: u16 = 1 << 8;
    /// No error may quote it any more: it came out of a tunnel, or its addresses were translated.
    pub const UNQUOTABLE: u16 = 1 << 9;
}

/// The facts of one packet. Rewritten whole by `receive`: a stale fact would be an authentication
/// bypass.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Meta {
    /// The flow as this place of the line sees it: real addresses after un-NAT.
    pub key: FlowKey,
    /// Port of the EAL on which the packet came.
    pub in_port: u16,
    /// Bits of [`flag`].
    pub flags: u16,
    /// Bytes from the start of data to the IPv4 header.
    pub l3_offset: u16,
    /// Bytes from the start of data to the transport header.
    pub l4_offset: u16,
    /// Bytes of the IPv4 packet by its own header.
    pub l3_len: u16,
    /// The slot of [`flag::DECRYPTED`], else [`SlotId::NONE`].
    pub slot: SlotId,
    /// Index of the connection entry in this worker's table.
    pub conn: u32,
    /// SPI of an ESP packet, host byte order.
    pub spi: u32,
    /// ESP sequence number as found on the wire or as reserved, 64 bits with ESN.
    pub sequence: u64,
    /// TSC of the turn in which the packet was received, or given to another thread.
    pub received_tsc: u64,
    /// Adjacency by which the packet leaves.
    pub adjacency: u16,
    /// Named entrance at which another worker takes the packet up.
    pub entrance: u8,
    /// Which endpoint of the entry sent it: see [`Meta::sender`].
    pub side: u8,
    /// Workers that have handed this packet on.
    pub hops: u8,
    /// Bytes to which the packet must be cut, 0 for not at all.
    pub fragment_mtu: u16,
}

const _: () = assert!(
    size_of::<Meta>() == META_LEN,
    "the private area is one cache line"
);

impl Meta {
    /// The facts of a packet that has just been received. Not inlined: a burst's packets get copies
    /// of it as a whole line, not field by field.
    #[inline(never)]
    pub const fn received(in_port: u16, received_tsc: u64) -> Self {
        Self {
            key: FlowKey::new(0, 0, 0, 0, 0),
            in_port,
            flags: 0,
            l3_offset: 0,
            l4_offset: 0,
            l3_len: 0,
            slot: SlotId::NONE,
            conn: u32::MAX,
            spi: 0,
            sequence: 0,
            received_tsc,
            adjacency: u16::MAX,
            entrance: 0,
            side: 0,
            hops: 0,
            fragment_mtu: 0,
        }
    }

    /// How the packet came.
    pub const fn arrival(&self) -> Arrival {
        if self.flags & flag::DECRYPTED != 0 {
            Arrival::Tunnel(self.slot)
        } else {
            Arrival::Clear
        }
    }

    /// Which endpoint of the entry sent it.
    #[inline]
    pub const fn sender(&self) -> Side {
        if self.side == 0 {
            Side::Low
        } else {
            Side::High
        }
    }

    /// Whether every bit of `bits` is set.
    pub const fn has(&self, bits: u16) -> bool {
        self.flags & bits == bits
    }
}
