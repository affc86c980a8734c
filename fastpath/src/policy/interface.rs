//! Interfaces as workers see them.

use std::sync::Arc;

use super::Acl;
use crate::limits::PORTS_MAX;

/// Interfaces of one policy; an index is one byte and 255 means unknown in events.
pub(super) const INTERFACES_MAX: usize = 255;

const _: () = assert!(
    PORTS_MAX <= INTERFACES_MAX,
    "every port may have an interface"
);

/// An access list bound to an interface in one direction.
#[derive(Clone, Debug)]
pub struct AccessGroup {
    /// Its index in the policy's access groups (events).
    pub index: u16,
    /// The access list.
    pub acl: Arc<Acl>,
}

/// An interface with a name.
#[derive(Clone, Debug, Default)]
pub struct InterfacePolicy {
    /// EAL port, `None` when the device is missing.
    pub port: Option<u16>,
    /// Its name.
    pub nameif: String,
    /// 0 (least trusted) to 100.
    pub security_level: u8,
    /// Own address, zero for none.
    pub address: u32,
    /// Mask of the connected net.
    pub mask: u32,
    /// Bytes of an IP packet at most.
    pub mtu: u16,
    /// Configured, not shut down, with a device.
    pub up: bool,
    /// Filters new flows that enter here.
    pub access_in: Option<AccessGroup>,
    /// Filters new flows that leave here.
    pub access_out: Option<AccessGroup>,
    /// IKE answers here.
    pub isakmp: bool,
    /// Index of the crypto map in the policy.
    pub crypto_map: Option<usize>,
}

impl InterfacePolicy {
    /// Whether a packet to `address` that came by this interface is for the box.
    #[inline]
    pub fn is_local(&self, address: u32) -> bool {
        address == u32::MAX
            || self.address != 0 && (address == self.address || self.is_broadcast(address))
    }

    /// Whether `address` means all hosts of the connected net (RFC 919, RFC 922; the all-zero form
    /// is the obsolete one). Links of 31 and 32 bits have no broadcast (RFC 3021).
    #[inline]
    pub fn is_broadcast(&self, address: u32) -> bool {
        let host = !self.mask;
        let in_net = self.address != 0 && (address ^ self.address) & self.mask == 0;
        in_net && host > 1 && (address & host == host || address & host == 0)
    }
}

/// The interface of each EAL port.
#[derive(Clone, Debug)]
pub struct PortTable([u8; PORTS_MAX]);

impl PortTable {
    const NONE: u8 = u8::MAX;

    /// The table of these interfaces; those that are down have no port.
    pub fn new(interfaces: &[InterfacePolicy]) -> Self {
        let mut table = [Self::NONE; PORTS_MAX];
        for (index, interface) in interfaces.iter().take(INTERFACES_MAX).enumerate() {
            let port = interface.port.filter(|_| interface.up);
            if let Some(entry) = port.and_then(|port| table.get_mut(usize::from(port))) {
                *entry = index as u8;
            }
        }
        Self(table)
    }

    /// The interface of `port`.
    #[inline]
    pub fn get(&self, port: u16) -> Option<u8> {
        let index = *self.0.get(usize::from(port))?;
        (index != Self::NONE).then_some(index)
    }
}

impl Default for PortTable {
    fn default() -> Self {
        Self([Self::NONE; PORTS_MAX])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside() -> InterfacePolicy {
        InterfacePolicy {
            port: Some(3),
            address: 0xd1a5_c902,
            mask: 0xffff_fff8,
            up: true,
            ..InterfacePolicy::default()
        }
    }

    #[test]
    fn own_address_and_broadcasts_are_local() {
        let outside = outside();
        for address in [0xd1a5_c902, 0xd1a5_c900, 0xd1a5_c907, u32::MAX] {
            assert!(outside.is_local(address), "{address:#x}");
        }
        for address in [0xd1a5_c901, 0xd1a5_c908, 0, 7] {
            assert!(!outside.is_local(address), "{address:#x}");
        }
    }

    #[test]
    fn a_point_to_point_link_has_no_broadcast() {
        let link = InterfacePolicy {
            mask: 0xffff_fffe,
            ..outside()
        };
        assert!(link.is_local(0xd1a5_c902) && !link.is_local(0xd1a5_c903));
    }

    #[test]
    fn an_interface_without_address_takes_only_the_limited_broadcast() {
        let bare = InterfacePolicy::default();
        assert!(bare.is_local(u32::MAX) && !bare.is_local(0) && !bare.is_local(5));
    }

    #[test]
    fn ports_lead_to_interfaces_that_are_up() {
        let down = InterfacePolicy {
            port: Some(4),
            ..InterfacePolicy::default()
        };
        let table = PortTable::new(&[down, outside()]);
        assert_eq!(
            (table.get(3), table.get(4), table.get(9999)),
            (Some(1), None, None)
        );
    }
}
