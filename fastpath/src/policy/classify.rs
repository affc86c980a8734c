//! What becomes of a new flow: the one place where the first packet meets the policy.

use super::{CryptoMatch, InterfacePolicy, NatOutcome, Policy, RouteHit};
use crate::packet::{Arrival, FlowKey, protocol};
use crate::tunnel::SlotId;
use crate::verdict::DropReason;
use crate::wire::{icmp, tcp};
use crate::worker::event::DenyKind;

/// No access group decided.
pub const NO_ACCESS_GROUP: u16 = u16::MAX;

/// The first packet of a flow.
#[derive(Clone, Copy, Debug)]
pub struct NewFlow {
    /// Its key with real addresses, as it came in.
    pub key: FlowKey,
    /// In clear or out of a tunnel.
    pub arrival: Arrival,
    /// Interface by which it came.
    pub interface: u8,
    /// TCP flags, zero for other protocols.
    pub tcp_flags: u8,
    /// ICMP type and code, zero for other protocols.
    pub icmp: [u8; 2],
}

/// A translation of the initiator that the flow needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceNat {
    /// Index of the pool in the policy ([`super::NatRules::next_pool`] when it is exhausted).
    pub pool: u16,
    /// Its mapped address.
    pub address: u32,
}

/// How a new flow is forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Interface by which it leaves.
    pub egress: u8,
    /// Next hop there; for a flow in a tunnel the route of its inner destination.
    pub next_hop: u32,
    /// Translation of the initiator.
    pub source_nat: Option<SourceNat>,
    /// Tunnel towards the responder.
    pub forward_slot: SlotId,
    /// Tunnel towards the initiator: the one that the packet came by.
    pub reverse_slot: SlotId,
    /// Opened from the less secure side.
    pub inbound: bool,
    /// The access group that permitted it, [`NO_ACCESS_GROUP`] when none did.
    pub access_group: u16,
}

/// Why a new flow is not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The counter.
    pub reason: DropReason,
    /// The message, when there is one.
    pub kind: Option<DenyKind>,
    /// Interface by which it would have left, once that is known.
    pub egress: Option<u8>,
    /// The access group that denied it, [`NO_ACCESS_GROUP`] when none did.
    pub access_group: u16,
}

impl Denied {
    const fn because(reason: DropReason) -> Self {
        Self {
            reason,
            kind: None,
            egress: None,
            access_group: NO_ACCESS_GROUP,
        }
    }

    const fn towards(self, egress: u8) -> Self {
        Self {
            egress: Some(egress),
            ..self
        }
    }

    const fn with(self, kind: DenyKind) -> Self {
        Self {
            kind: Some(kind),
            ..self
        }
    }
}

impl Policy {
    /// Decides about a new flow, in the order of an ASA 8.2: what should have been encrypted, what
    /// cannot open a flow, route, access lists, translation, crypto map.
    pub fn classify(&self, new: &NewFlow) -> Result<Decision, Denied> {
        let ingress = self
            .interface(new.interface)
            .filter(|interface| interface.up)
            .ok_or(Denied::because(DropReason::InterfaceDown))?;
        let reverse_slot = self.check_arrival(new)?;
        check_opening(new)?;
        let (hit, egress) = self.route_new(new, ingress)?;
        let access_group = self.check_access(new, ingress, egress, hit.interface)?;
        let inbound = ingress.security_level < egress.security_level;
        let denied = |reason| Denied::because(reason).towards(hit.interface);
        let source_nat = match self
            .nat
            .outcome(new.interface, hit.interface, inbound, &new.key)
        {
            NatOutcome::Unchanged => None,
            NatOutcome::Failed => return Err(denied(DropReason::NatFailed)),
            NatOutcome::Pool(pool) => {
                let rule = self.nat.pools.get(usize::from(pool));
                let address = rule.ok_or(denied(DropReason::NatFailed))?.address;
                Some(SourceNat { pool, address })
            }
        };
        let translated = FlowKey {
            src: source_nat.map_or(new.key.src, |nat| nat.address),
            ..new.key
        };
        let forward_slot = match self.crypto_match(hit.interface, &translated) {
            CryptoMatch::Clear => SlotId::NONE,
            CryptoMatch::Protected(protection) if protection.slot == SlotId::NONE => {
                return Err(denied(DropReason::NeedIke));
            }
            CryptoMatch::Protected(protection) => protection.slot,
        };
        Ok(Decision {
            egress: hit.interface,
            next_hop: hit.next_hop,
            source_nat,
            forward_slot,
            reverse_slot,
            inbound,
            access_group,
        })
    }

    /// Whether a flow from `ingress` to `egress` is opened from the less secure side.
    pub fn is_inbound(&self, ingress: u8, egress: u8) -> bool {
        match (self.interface(ingress), self.interface(egress)) {
            (Some(from), Some(to)) => from.security_level < to.security_level,
            _ => true,
        }
    }

    /// The slot that the packet came by. A packet in clear whose answer a crypto map entry of its
    /// interface would encrypt has passed by the tunnel (RFC 4301 section 5.2).
    fn check_arrival(&self, new: &NewFlow) -> Result<SlotId, Denied> {
        match new.arrival {
            Arrival::Tunnel(SlotId::NONE) => Err(Denied::because(DropReason::WrongTunnel)),
            Arrival::Tunnel(slot) => Ok(slot),
            Arrival::Clear => match self.crypto_match(new.interface, &new.key.reversed()) {
                CryptoMatch::Clear => Ok(SlotId::NONE),
                CryptoMatch::Protected(_) => Err(Denied::because(DropReason::ClearButProtected)),
            },
        }
    }

    /// Route of the destination, which no address of the box itself may be.
    fn route_new(
        &self,
        new: &NewFlow,
        ingress: &InterfacePolicy,
    ) -> Result<(RouteHit, &InterfacePolicy), Denied> {
        let (src, dst) = (new.key.src, new.key.dst);
        let is_own = |address: u32| self.interfaces.iter().any(|own| own.address == address);
        if src == 0 || is_own(src) || ingress.is_broadcast(src) {
            return Err(Denied::because(DropReason::BadIpAddress));
        }
        if self.is_mapped(dst) {
            return Err(Denied::because(DropReason::NatNoPort));
        }
        if is_own(dst) {
            return Err(Denied::because(DropReason::NotForUs));
        }
        let no_route = Denied::because(DropReason::NoRoute);
        let hit = self.route(dst).ok_or(no_route)?;
        let egress = self.interface(hit.interface).ok_or(no_route)?;
        if !egress.up {
            return Err(Denied::because(DropReason::InterfaceDown).towards(hit.interface));
        }
        if egress.is_broadcast(dst) {
            return Err(Denied::because(DropReason::BadIpAddress).towards(hit.interface));
        }
        Ok((hit, egress))
    }

    /// The access group that permits the flow. Without one, flows go from higher to lower security
    /// levels; between equal levels (and back to where they came from) nothing goes.
    fn check_access(
        &self,
        new: &NewFlow,
        ingress: &InterfacePolicy,
        egress: &InterfacePolicy,
        egress_index: u8,
    ) -> Result<u16, Denied> {
        let denied = Denied::because(DropReason::AclDrop).towards(egress_index);
        if ingress.security_level == egress.security_level {
            return Err(denied.with(DenyKind::SecurityLevel));
        }
        if self.permit_vpn && matches!(new.arrival, Arrival::Tunnel(_)) {
            return Ok(NO_ACCESS_GROUP);
        }
        let icmp_type = Some(new.icmp[0]);
        let mut permitted_by = NO_ACCESS_GROUP;
        match &ingress.access_in {
            None if ingress.security_level < egress.security_level => {
                return Err(denied.with(DenyKind::SecurityLevel));
            }
            None => {}
            Some(group) => permitted_by = group.index,
        }
        for group in [&ingress.access_in, &egress.access_out]
            .into_iter()
            .flatten()
        {
            if !group.acl.permits(&new.key, icmp_type) {
                return Err(Denied {
                    access_group: group.index,
                    ..denied.with(DenyKind::AccessGroup)
                });
            }
        }
        Ok(permitted_by)
    }
}

/// Only a SYN opens a TCP connection, only a request opens an ICMP flow.
fn check_opening(new: &NewFlow) -> Result<(), Denied> {
    const DECISIVE: u8 = tcp::flag::SYN | tcp::flag::ACK | tcp::flag::RST | tcp::flag::FIN;
    match new.key.protocol {
        protocol::TCP if new.tcp_flags & DECISIVE != tcp::flag::SYN => {
            Err(Denied::because(DropReason::TcpNotSyn).with(DenyKind::NoConnection))
        }
        protocol::ICMP if !icmp::is_request(new.icmp[0]) => {
            Err(Denied::because(DropReason::IcmpNoConn))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
