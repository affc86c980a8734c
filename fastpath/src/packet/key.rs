//! What names a flow: addresses, ports and protocol, in host byte order.

/// IP protocol numbers that the line knows by name.
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// Encapsulating security payload.
    pub const ESP: u8 = 50;
}

/// Source and destination of one packet as it is seen at one place of the line.
///
/// Host byte order. ICMP echo has its identifier in both ports; protocols without ports have zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct FlowKey {
    /// Source address.
    pub src: u32,
    /// Destination address.
    pub dst: u32,
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// IP protocol number.
    pub protocol: u8,
    /// Always zero, so that keys compare as bytes.
    pub zero: [u8; 3],
}

const _: () = assert!(size_of::<FlowKey>() == 16, "a key is one SIMD register");

/// Which endpoint of a connection entry sent a packet.
///
/// An entry keeps its two endpoints in order, so that both directions find the same entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The endpoint that is first in order.
    Low = 0,
    /// The endpoint that is second in order.
    High = 1,
}

impl Side {
    /// The other endpoint.
    pub const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }

    /// 0 for [`Side::Low`], 1 for [`Side::High`].
    pub const fn index(self) -> usize {
        // The mask says to the compiler what the two sides say to us.
        self as usize & 1
    }
}

impl FlowKey {
    /// A key from its parts.
    pub const fn new(protocol: u8, src: u32, sport: u16, dst: u32, dport: u16) -> Self {
        Self {
            src,
            dst,
            sport,
            dport,
            protocol,
            zero: [0; 3],
        }
    }

    /// The key of the answer.
    pub const fn reversed(self) -> Self {
        Self::new(self.protocol, self.dst, self.dport, self.src, self.sport)
    }

    /// The same key for both directions, and the side that sent this packet.
    pub const fn canonical(self) -> (Self, Side) {
        let src = ((self.src as u64) << 16) | self.sport as u64;
        let dst = ((self.dst as u64) << 16) | self.dport as u64;
        if src <= dst {
            let key = Self::new(self.protocol, self.src, self.sport, self.dst, self.dport);
            (key, Side::Low)
        } else {
            (self.reversed(), Side::High)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_have_one_canonical_key() {
        let key = FlowKey::new(protocol::TCP, 0x0a00_0001, 4000, 0x0a00_0002, 80);
        let (low, side) = key.canonical();
        let (same, other) = key.reversed().canonical();
        assert_eq!(low, same);
        assert_eq!(side.other(), other);
    }
}
