//! Our own interfaces, as ARP and the box's own services see them.

use std::net::Ipv4Addr;

use fastpath::policy::Policy;
use fastpath::wire::Mac;

/// An interface that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalInterface {
    /// Its index in the policy.
    pub index: u8,
    /// Its name.
    pub nameif: String,
    /// EAL port.
    pub port: u16,
    /// Station address.
    pub mac: Mac,
    /// Own address, host byte order; zero for none.
    pub address: u32,
    /// Bytes of an IP packet at most.
    pub mtu: u16,
    /// Mapped addresses that ARP answers for.
    pub mapped: Vec<u32>,
    /// IKE answers here.
    pub isakmp: bool,
}

/// All interfaces that are up. Made anew with every policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalNet {
    interfaces: Vec<LocalInterface>,
}

impl LocalNet {
    /// The interfaces of a policy. `noproxyarp` names interfaces that do not answer for mapped
    /// addresses.
    pub fn new(policy: &Policy, noproxyarp: &[String], mac: impl Fn(u16) -> [u8; 6]) -> Self {
        let interfaces = policy.interfaces.iter().enumerate();
        let up = interfaces.filter(|(_, interface)| interface.up);
        let interfaces = up.filter_map(|(index, interface)| {
            let port = interface.port?;
            let index = u8::try_from(index).ok()?;
            let proxies = !noproxyarp.contains(&interface.nameif);
            let pools = policy.nat.pools.iter();
            let mapped = pools
                .filter(|pool| proxies && pool.interface == index)
                .map(|pool| pool.address)
                .collect();
            Some(LocalInterface {
                index,
                nameif: interface.nameif.clone(),
                port,
                mac: Mac(mac(port)),
                address: interface.address,
                mtu: interface.mtu,
                mapped,
                isakmp: interface.isakmp,
            })
        });
        Self {
            interfaces: interfaces.collect(),
        }
    }

    /// A net of these interfaces.
    pub const fn of(interfaces: Vec<LocalInterface>) -> Self {
        Self { interfaces }
    }

    /// The interface of an EAL port.
    pub fn by_port(&self, port: u16) -> Option<&LocalInterface> {
        self.interfaces
            .iter()
            .find(|interface| interface.port == port)
    }

    /// The interface with this index of the policy.
    pub fn by_index(&self, index: u8) -> Option<&LocalInterface> {
        self.interfaces
            .iter()
            .find(|interface| interface.index == index)
    }

    /// The interface that has this address.
    pub fn by_address(&self, address: Ipv4Addr) -> Option<&LocalInterface> {
        let bits = address.to_bits();
        self.interfaces
            .iter()
            .find(|interface| bits != 0 && interface.address == bits)
    }

    /// All interfaces that are up.
    pub fn iter(&self) -> impl Iterator<Item = &LocalInterface> {
        self.interfaces.iter()
    }
}

impl LocalInterface {
    /// Whether ARP answers for an address.
    pub fn answers_for(&self, address: u32) -> bool {
        address != 0 && (self.address == address || self.mapped.contains(&address))
    }
}
