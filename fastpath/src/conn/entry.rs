//! The entry of a connection: two lines of plain data, indices and generations, no pointers.
//!
//! ```text
//! Hot (64 bytes, one cache line): read and written by every packet of the flow
//!    0  key: low/high address, low/high port, protocol    13
//!   13  TCP state                                          1
//!   14  flags                                              2
//!   16  last seen, coarse ticks                            4
//!   20  epochs of the two slots                            4
//!   24  tunnel slots towards low and high                  4
//!   28  adjacencies towards low and high                   4
//!   32  TCP windows, sender low                           16
//!   48  TCP windows, sender high                          16
//! Cold (48 bytes): byte count, next hops, translation, identity, timer
//! ```

use crate::packet::{FlowKey, Side};
use crate::tunnel::SlotId;

/// Number of a connection as the logs print it; unique while the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(pub u32);

/// Where a TCP connection stands, as far as a middlebox can know (RFC 9293 section 3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TcpState {
    /// Not TCP.
    None = 0,
    /// The initiator's SYN has been seen.
    SynSent = 1,
    /// The responder's SYN-ACK has been seen.
    SynReceived = 2,
    /// The handshake is complete.
    Established = 3,
    /// One side has sent its FIN.
    HalfClosed = 4,
    /// Both sides have sent their FIN.
    Closing = 5,
    /// Both FINs are acknowledged; the entry goes with the next step.
    Closed = 6,
}

/// Bits of [`Hot::flags`].
pub mod entry_flag {
    /// The initiator is the low endpoint.
    pub const INITIATOR_LOW: u16 = 1 << 0;
    /// The initiator's address and port are translated ([`super::Cold::mapped_address`]).
    pub const SOURCE_TRANSLATED: u16 = 1 << 1;
    /// The initiator stands behind the interface with the lower security level (log: inbound).
    pub const INBOUND: u16 = 1 << 2;
    /// Data has gone from the initiator to the responder.
    pub const DATA_FORWARD: u16 = 1 << 3;
    /// Data has gone from the responder to the initiator.
    pub const DATA_BACKWARD: u16 = 1 << 4;
    /// The entry is on its way out: lookups miss it, its owner frees it.
    pub const DEAD: u16 = 1 << 5;
    /// The entry is in use. Set and cleared by the table alone.
    pub const IN_USE: u16 = 1 << 15;
}

/// Bits of [`TcpSide::flags`].
pub mod side_flag {
    /// A SYN of this side has been seen.
    pub const SYN: u8 = 1 << 0;
    /// A FIN of this side has been seen.
    pub const FIN: u8 = 1 << 1;
    /// The other side has acknowledged that FIN.
    pub const FIN_ACKED: u8 = 1 << 2;
    /// Its SYN carried the window scale option.
    pub const SCALE_OFFERED: u8 = 1 << 3;
    /// The other side has acknowledged the SYN, and thereby shown that it saw it.
    pub const SYN_ACKED: u8 = 1 << 4;
}

/// What is known of one sender's sequence space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct TcpSide {
    /// One past the highest sequence number that this side has sent (SND.NXT).
    pub end: u32,
    /// One past the highest sequence number that it may send: the other side's ACK plus window.
    pub end_max: u32,
    /// The oldest byte of this side that is not acknowledged (SND.UNA).
    pub unacked: u32,
    /// Largest window that this side has offered: in bytes (capped) during the handshake, whose
    /// SYNs are never scaled; before scaling once the connection is established.
    pub window_max: u16,
    /// Shift of this side's windows, 0 to 14; it applies only where both sides offered one.
    pub window_scale: u8,
    /// Bits of [`side_flag`].
    pub flags: u8,
}

/// The line that every packet of the flow touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Hot {
    /// Low endpoint's address.
    pub low_address: u32,
    /// High endpoint's address.
    pub high_address: u32,
    /// Low endpoint's port.
    pub low_port: u16,
    /// High endpoint's port.
    pub high_port: u16,
    /// IP protocol number.
    pub protocol: u8,
    /// Where a TCP connection stands.
    pub state: TcpState,
    /// Bits of [`entry_flag`].
    pub flags: u16,
    /// Coarse time of the last accepted packet ([`crate::conn::TICKS_PER_S`] per second).
    pub last_seen: u32,
    /// Epochs of the slots when the flow was made, low and high.
    pub epochs: [u16; 2],
    /// Tunnel slots by which the low and the high endpoint are reached.
    pub slots: [SlotId; 2],
    /// Adjacencies by which the low and the high endpoint are reached.
    pub adjacencies: [u16; 2],
    /// Sequence spaces of the two senders.
    pub tcp: [TcpSide; 2],
}

const _: () = assert!(size_of::<Hot>() == 64, "the hot part is one cache line");

/// The line that NAT, counters, timers and logs touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(16))]
pub struct Cold {
    /// IP bytes in both directions.
    pub bytes: u64,
    /// Number in the logs.
    pub id: ConnId,
    /// Coarse time of creation.
    pub created: u32,
    /// The initiator's mapped address where [`entry_flag::SOURCE_TRANSLATED`] is set.
    pub mapped_address: u32,
    /// The initiator's mapped port or ICMP identifier.
    pub mapped_port: u16,
    /// Interfaces (indices of the policy) behind which the low and the high endpoint stand.
    pub interfaces: [u8; 2],
    /// Raised when the entry is reused, so that a stale index is a miss.
    pub generation: u32,
    /// Next entry in the same wheel slot.
    pub wheel_next: u32,
    /// Previous entry in the same wheel slot.
    pub wheel_prev: u32,
    /// Policy generation for which the adjacencies were computed.
    pub route_generation: u16,
    /// ICMP type and code of the request that made the flow.
    pub icmp: [u8; 2],
    /// Addresses of the next hops towards the low and the high endpoint, for the flow whose route
    /// has moved to another interface.
    pub next_hops: [u32; 2],
}

const _: () = assert!(
    size_of::<Cold>() == 48,
    "the cold part is three quarters of a line"
);

impl TcpSide {
    /// A side of which no packet has been seen.
    pub const NEVER_SEEN: Self = Self {
        end: 0,
        end_max: 0,
        unacked: 0,
        window_max: 0,
        window_scale: 0,
        flags: 0,
    };

    /// Whether every bit is set.
    pub const fn has(&self, bits: u8) -> bool {
        self.flags & bits == bits
    }
}

impl Hot {
    /// The canonical key.
    pub const fn key(&self) -> FlowKey {
        FlowKey::new(
            self.protocol,
            self.low_address,
            self.low_port,
            self.high_address,
            self.high_port,
        )
    }

    /// Whether every bit is set.
    pub const fn has(&self, bits: u16) -> bool {
        self.flags & bits == bits
    }

    /// The side that opened the connection.
    pub const fn initiator(&self) -> Side {
        if self.has(entry_flag::INITIATOR_LOW) {
            Side::Low
        } else {
            Side::High
        }
    }
}
