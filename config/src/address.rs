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

#[cfg(test)]
mod tests {
    use super::*;

    fn net(address: [u8; 4], mask: [u8; 4]) -> MaskedNet {
        MaskedNet::new(address.into(), mask.into())
    }

    #[test]
    fn masked_out_bits_are_zero() {
        let net = net([10, 1, 2, 3], [255, 255, 0, 0]);
        assert_eq!(net.to_string(), "10.1.0.0 255.255.0.0");
        assert_eq!(net.prefix_len(), Some(16));
        assert!(net.contains(0x0a01_ffff) && !net.contains(0x0a02_0000));
    }

    #[test]
    fn a_mask_with_a_hole_has_no_prefix() {
        let odd = net([10, 224, 228, 1], [255, 255, 255, 1]);
        assert_eq!(odd.prefix_len(), None);
        assert!(odd.contains(0x0ae0_e403) && !odd.contains(0x0ae0_e402));
    }

    #[test]
    fn a_net_covers_what_lies_in_it() {
        let wide = net([10, 0, 0, 0], [255, 0, 0, 0]);
        let narrow = net([10, 1, 0, 0], [255, 255, 0, 0]);
        assert!(wide.covers(&narrow) && !narrow.covers(&wide));
        assert!(MaskedNet::ANY.covers(&wide) && wide.covers(&wide));
        assert!(!wide.covers(&MaskedNet::host([11, 0, 0, 1].into())));
    }
}
