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
    /// Addresses by which a packet that came by this interface is for the box: its own, those that
    /// mean all hosts of the connected net ([`Self::is_broadcast`]), and the limited broadcast,
    /// which stands where one is missing.
    fn local(&self) -> [u32; 4] {
        let or_limited = |address| {
            let is_local = address == self.address || self.is_broadcast(address);
            if self.address != 0 && is_local {
                address
            } else {
                u32::MAX
            }
        };
        let net = self.address & self.mask;
        [self.address, net, net | !self.mask, u32::MAX].map(or_limited)
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

/// What the line asks about the port by which a packet came.
#[derive(Clone, Copy, Debug)]
pub struct Ingress {
    /// The port's interface, by its index in the policy.
    pub interface: u8,
    local: [u32; 4],
    /// A bit for the low bits of each of them: where it is not set, the address is not among them.
    filter: u64,
}

impl Ingress {
    /// Whether a packet to `address` is for the box: the interface's own address, its net's
    /// broadcasts, or the limited broadcast.
    ///
    /// A mapped address may be the interface's own: packets to mapped ports are for
    /// [`crate::nat`] first.
    #[inline]
    pub fn is_local(&self, address: u32) -> bool {
        self.filter >> (address % u64::BITS) & 1 != 0 && self.local.contains(&address)
    }
}

/// The interface of each EAL port.
#[derive(Clone, Debug)]
pub struct PortTable([Option<Ingress>; PORTS_MAX]);

impl PortTable {
    /// The table of these interfaces; those that are down have no port.
    pub fn new(interfaces: &[InterfacePolicy]) -> Self {
        let mut table = Self::default();
        for (index, interface) in interfaces.iter().take(INTERFACES_MAX).enumerate() {
            let port = interface.port.filter(|_| interface.up);
            if let Some(entry) = port.and_then(|port| table.0.get_mut(usize::from(port))) {
                let local = interface.local();
                let bits = local.map(|address| 1_u64 << (address % u64::BITS));
                *entry = Some(Ingress {
                    interface: index as u8,
                    local,
                    filter: bits.iter().fold(0, |all, bit| all | bit),
                });
            }
        }
        table
    }

    /// What is known of `port`; `None` without an interface that is up.
    #[inline]
    pub fn get(&self, port: u16) -> Option<&Ingress> {
        self.0.get(usize::from(port))?.as_ref()
    }
}

impl Default for PortTable {
    fn default() -> Self {
        Self([None; PORTS_MAX])
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

    fn is_local(interface: &InterfacePolicy, address: u32) -> bool {
        let table = PortTable::new(std::slice::from_ref(interface));
        table.get(3).expect("the port is up").is_local(address)
    }

    #[test]
    fn own_address_and_broadcasts_are_local() {
        let outside = outside();
        for address in [0xd1a5_c902, 0xd1a5_c900, 0xd1a5_c907, u32::MAX] {
            assert!(is_local(&outside, address), "{address:#x}");
        }
        for address in [0xd1a5_c901, 0xd1a5_c908, 0, 7] {
            assert!(!is_local(&outside, address), "{address:#x}");
        }
    }

    #[test]
    fn a_point_to_point_link_has_no_broadcast() {
        let link = InterfacePolicy {
            mask: 0xffff_fffe,
            ..outside()
        };
        assert!(is_local(&link, 0xd1a5_c902) && !is_local(&link, 0xd1a5_c903));
    }

    #[test]
    fn an_interface_without_address_takes_only_the_limited_broadcast() {
        let bare = InterfacePolicy {
            address: 0,
            mask: 0,
            ..outside()
        };
        assert!(is_local(&bare, u32::MAX) && !is_local(&bare, 0) && !is_local(&bare, 5));
    }

    #[test]
    fn ports_lead_to_interfaces_that_are_up() {
        let down = InterfacePolicy {
            port: Some(4),
            ..InterfacePolicy::default()
        };
        let table = PortTable::new(&[down, outside()]);
        let get = |port| table.get(port).map(|ingress| ingress.interface);
        assert_eq!((get(3), get(4), get(9999)), (Some(1), None, None));
    }
}
