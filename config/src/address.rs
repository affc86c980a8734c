//! Addresses with masks as ASA configurations write them.

use std::fmt;
use std::net::Ipv4Addr;

/// An address and a mask; the mask need not be contiguous (the seed has 255.255.255.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MaskedNet {
    /// The address, its masked-out bits zero.
    pub address: Ipv4Addr,
    /// The mask.
    pub mask: Ipv4Addr,
}

impl MaskedNet {
    /// Every address.
    pub const ANY: Self = Self {
        address: Ipv4Addr::UNSPECIFIED,
        mask: Ipv4Addr::UNSPECIFIED,
    };

    /// The net of `address` under `mask`.
    pub fn new(address: Ipv4Addr, mask: Ipv4Addr) -> Self {
        Self {
            address: Ipv4Addr::from_bits(address.to_bits() & mask.to_bits()),
            mask,
        }
    }

    /// One address.
    pub fn host(address: Ipv4Addr) -> Self {
        Self {
            address,
            mask: Ipv4Addr::BROADCAST,
        }
    }

    /// Whether `address` (host byte order) lies in the net.
    pub fn contains(&self, address: u32) -> bool {
        address & self.mask.to_bits() == self.address.to_bits()
    }

    /// Whether every address of `other` lies in this net.
    pub fn covers(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.mask.to_bits(), other.mask.to_bits());
        mine & theirs == mine && self.contains(other.address.to_bits())
    }

    /// Length of the prefix, `None` where the mask is not contiguous.
    pub fn prefix_len(&self) -> Option<u32> {
        let ones = self.mask.to_bits().leading_ones();
        (self.mask.to_bits().count_ones() == ones).then_some(ones)
    }
}

impl fmt::Display for MaskedNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.address, self.mask)
    }
}
