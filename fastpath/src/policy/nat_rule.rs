//! Translation rules of 8.2: exemption, then policy NAT in order, then regular NAT by best match.

use std::sync::Arc;

use super::Acl;
use crate::packet::{FlowKey, protocol};

/// `global`: a mapped address of an egress interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Egress interface.
    pub interface: u8,
    /// Number that `nat` refers to.
    pub nat_id: u32,
    /// The mapped address.
    pub address: u32,
}

/// Which sources a `nat` matches.
#[derive(Clone, Debug)]
pub enum NatSource {
    /// A net, its masked-out bits zero.
    Net {
        /// Its address.
        address: u32,
        /// Its mask.
        mask: u32,
    },
    /// An access list over source and destination (policy NAT).
    List(Arc<Acl>),
}

/// `nat` with a number, or identity NAT: `nat 0` with a net.
#[derive(Clone, Debug)]
pub struct DynamicNat {
    /// Ingress interface.
    pub interface: u8,
    /// Number of the pools, zero for identity.
    pub nat_id: u32,
    /// Which sources.
    pub source: NatSource,
}

/// What the rules say about a new flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NatOutcome {
    /// The source stays as it is.
    Unchanged,
    /// The source is mapped to this pool (index).
    Pool(u16),
    /// A rule asks for what cannot be done.
    Failed,
}

/// The translation rules of a policy.
#[derive(Clone, Debug, Default)]
pub struct NatRules {
    /// `nat 0 access-list`: ingress interface and access list, compiled without ports.
    pub exemptions: Vec<(u8, Arc<Acl>)>,
    /// The other `nat`s in order.
    pub dynamic: Vec<DynamicNat>,
    /// `global`s in order.
    pub pools: Vec<Pool>,
}

impl NatRules {
    /// What happens to the source of a new flow from `ingress` to `egress`, which goes to a less
    /// secure interface unless it is `inbound`.
    ///
    /// A rule belongs to the more secure interface. A flow that is opened from outside is therefore
    /// held against the rules for its answers: where those would be translated the flow cannot
    /// work, and where identity NAT applies only the real host may open flows.
    pub fn outcome(&self, ingress: u8, egress: u8, inbound: bool, key: &FlowKey) -> NatOutcome {
        let (owner, outward) = if inbound {
            (egress, key.reversed())
        } else {
            (ingress, *key)
        };
        if self.is_exempt(owner, &outward) {
            return NatOutcome::Unchanged;
        }
        let Some(rule) = self.best_match(owner, &outward) else {
            return NatOutcome::Unchanged;
        };
        if inbound {
            return NatOutcome::Failed;
        }
        if rule.nat_id == 0 {
            return NatOutcome::Unchanged;
        }
        let translatable = matches!(key.protocol, protocol::TCP | protocol::UDP | protocol::ICMP);
        self.pools
            .iter()
            .position(|pool| pool.interface == egress && pool.nat_id == rule.nat_id)
            .filter(|_| translatable)
            .map_or(NatOutcome::Failed, |pool| NatOutcome::Pool(pool as u16))
    }

    /// The pool that is tried when `pool` has no port left: the next `global` with the same number
    /// on the same interface.
    pub fn next_pool(&self, pool: u16) -> Option<u16> {
        let at = usize::from(pool);
        let first = self.pools.get(at)?;
        let same =
            |other: &Pool| other.interface == first.interface && other.nat_id == first.nat_id;
        let next = self.pools.iter().skip(at + 1).position(same)?;
        Some((at + 1 + next) as u16)
    }

    /// Whether an exemption of `interface` permits the flow as its inside host would open it.
    fn is_exempt(&self, interface: u8, outward: &FlowKey) -> bool {
        self.exemptions
            .iter()
            .any(|(owner, acl)| *owner == interface && acl.permits(outward, None))
    }

    /// The rule of `interface` for this source: the first policy rule, else the regular rule with
    /// the longest mask, the first of equals.
    fn best_match(&self, interface: u8, key: &FlowKey) -> Option<&DynamicNat> {
        let mut best: Option<(u32, &DynamicNat)> = None;
        for rule in self
            .dynamic
            .iter()
            .filter(|rule| rule.interface == interface)
        {
            let rank = match &rule.source {
                NatSource::List(acl) if acl.permits(key, None) => return Some(rule),
                NatSource::Net { address, mask } if key.src & mask == *address => mask.count_ones(),
                NatSource::List(_) | NatSource::Net { .. } => continue,
            };
            if best.is_none_or(|(other, _)| rank > other) {
                best = Some((rank, rule));
            }
        }
        best.map(|(_, rule)| rule)
    }
}
