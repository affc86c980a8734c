//! What becomes of a new flow: the one place where the first packet meets the policy.

use super::{AccessGroup, CryptoMatch, EntryLog, InterfacePolicy, NatOutcome, Policy, RouteHit};
use crate::packet::{Arrival, FlowKey, protocol};
use crate::tunnel::SlotId;
use crate::verdict::DropReason;
use crate::wire::{icmp, tcp};
use crate::worker::event::{DenyKind, LoggedEntry};

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
    /// The entries that permitted it (way in, way out), as far as they log that.
    pub logged: Logged,
}

/// Entries of the access groups on the way in and on the way out that log what they permit.
pub type Logged = [Option<LoggedEntry>; 2];

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
    /// The entry that denied it, when that logs flows.
    pub logged: Option<LoggedEntry>,
}

impl Denied {
    const fn because(reason: DropReason) -> Self {
        Self {
            reason,
            kind: None,
            egress: None,
            access_group: NO_ACCESS_GROUP,
            logged: None,
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
        let logged = self.check_access(new, ingress, egress, hit.interface)?;
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
                return Err(denied(DropReason::NoTunnel));
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
            logged,
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
        if src == 0 || self.has_address(src) || ingress.is_broadcast(src) {
            return Err(Denied::because(DropReason::BadIpAddress));
        }
        if self.is_mapped(dst) {
            return Err(Denied::because(DropReason::NatNoPort));
        }
        if self.has_address(dst) {
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

    /// Which entries permit the flow, as far as they log it. Without an access group, flows go from
    /// higher to lower security levels; between equal levels (and back to where they came from)
    /// nothing goes.
    fn check_access(
        &self,
        new: &NewFlow,
        ingress: &InterfacePolicy,
        egress: &InterfacePolicy,
        egress_index: u8,
    ) -> Result<Logged, Denied> {
        let denied = Denied::because(DropReason::AclDrop).towards(egress_index);
        if ingress.security_level == egress.security_level {
            return Err(denied.with(DenyKind::SecurityLevel));
        }
        if self.permit_vpn && matches!(new.arrival, Arrival::Tunnel(_)) {
            return Ok(Logged::default());
        }
        if ingress.access_in.is_none() && ingress.security_level < egress.security_level {
            return Err(denied.with(DenyKind::SecurityLevel));
        }
        let mut logged = Logged::default();
        let groups = [&ingress.access_in, &egress.access_out];
        for (group, logged) in groups.into_iter().zip(&mut logged) {
            if let Some(group) = group {
                *logged = ask(group, new, denied)?;
            }
        }
        Ok(logged)
    }
}

/// Whether an access group permits the flow, and which of its entries logs it.
fn ask(group: &AccessGroup, new: &NewFlow, denied: Denied) -> Result<Option<LoggedEntry>, Denied> {
    let hit = group.acl.lookup(&new.key, Some(new.icmp[0]));
    // What no entry matches is denied and logged like an entry without `log`.
    let log = hit.map_or(EntryLog::Denials, |hit| hit.log);
    let logged = match log {
        EntryLog::Flows { level, interval_s } => Some(LoggedEntry {
            access_group: group.index,
            level,
            interval_s,
        }),
        EntryLog::Denials | EntryLog::Nothing => None,
    };
    if hit.is_some_and(|hit| hit.permit) {
        return Ok(logged);
    }
    Err(Denied {
        kind: (log == EntryLog::Denials).then_some(DenyKind::AccessGroup),
        access_group: group.index,
        logged,
        ..denied
    })
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
