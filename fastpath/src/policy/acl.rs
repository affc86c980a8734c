//! Access lists, compiled: the first entry that matches decides.

use config::{AclLine, MaskedNet, PortMatch};

use crate::packet::{FlowKey, protocol};

/// Entries compared at once: eight 32-bit lanes are one AVX2 register.
const LANES: usize = 8;

/// Whether the ports of entries count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortsOf {
    /// They do.
    Packet,
    /// They do not (`nat 0 access-list`).
    Nobody,
}

/// What an access list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AclMatch {
    /// Permit or deny.
    pub permit: bool,
    /// Which line of the access list matched, remarks counted.
    pub line: u16,
}

/// Nets and protocols of [`LANES`] entries, one entry per lane.
#[derive(Clone, Debug)]
#[repr(align(32))]
struct Block {
    source: [u32; LANES],
    source_mask: [u32; LANES],
    destination: [u32; LANES],
    destination_mask: [u32; LANES],
    protocol: [u32; LANES],
    protocol_mask: [u32; LANES],
}

impl Block {
    /// Lanes that match nothing: a net with bits outside of its mask.
    const EMPTY: Self = Self {
        source: [1; LANES],
        source_mask: [0; LANES],
        destination: [0; LANES],
        destination_mask: [0; LANES],
        protocol: [0; LANES],
        protocol_mask: [0; LANES],
    };

    /// One bit per lane whose nets and protocol match.
    #[inline]
    fn matches(&self, key: &FlowKey) -> u32 {
        let mut hits = [0u32; LANES];
        for (lane, hit) in hits.iter_mut().enumerate() {
            let source = (key.src & self.source_mask[lane]) ^ self.source[lane];
            let destination = (key.dst & self.destination_mask[lane]) ^ self.destination[lane];
            let protocol =
                (u32::from(key.protocol) & self.protocol_mask[lane]) ^ self.protocol[lane];
            *hit = u32::from(source | destination | protocol == 0) << lane;
        }
        hits.iter().fold(0, |bits, hit| bits | hit)
    }
}

/// What an entry asks for beyond nets and protocol, looked at only when those match.
#[derive(Clone, Copy, Debug)]
struct Rest {
    source_ports: PortMatch,
    destination_ports: PortMatch,
    icmp_type: Option<u8>,
    verdict: AclMatch,
}

impl Rest {
    #[inline]
    fn matches(&self, key: &FlowKey, icmp_type: Option<u8>) -> bool {
        let has_ports = matches!(key.protocol, protocol::TCP | protocol::UDP);
        let ports = if has_ports {
            self.source_ports.matches(key.sport) && self.destination_ports.matches(key.dport)
        } else {
            self.source_ports == PortMatch::Any && self.destination_ports == PortMatch::Any
        };
        let icmp = match (self.icmp_type, key.protocol) {
            (None, _) => true,
            (Some(asked), protocol::ICMP) => icmp_type.is_none_or(|kind| kind == asked),
            (Some(_), _) => false,
        };
        ports && icmp
    }
}

/// An access list, ready for lookups.
///
/// Nets and protocols stand in lanes, so that eight entries are compared at once; ports and ICMP
/// types are looked at for the lanes that are left. The cost of a lookup depends on the
/// configuration, never on the traffic seen before.
#[derive(Clone, Debug, Default)]
pub struct Acl {
    blocks: Vec<Block>,
    rest: Vec<Rest>,
}

impl Acl {
    /// Compiles the lines of an access list. Remarks and inactive entries match nothing; a standard
    /// entry matches destinations. Line numbers beyond 65535 are printed as 65535.
    pub fn compile(lines: &[AclLine], ports: PortsOf) -> Self {
        let mut acl = Self::default();
        for (index, line) in lines.iter().enumerate() {
            let line_number = u16::try_from(index).unwrap_or(u16::MAX);
            match line {
                AclLine::Extended(entry) if !entry.inactive => {
                    let any = ports == PortsOf::Nobody;
                    let port = |port| if any { PortMatch::Any } else { port };
                    let rest = Rest {
                        source_ports: port(entry.source_ports),
                        destination_ports: port(entry.destination_ports),
                        icmp_type: entry.icmp_type.filter(|_| !any),
                        verdict: AclMatch {
                            permit: entry.permit,
                            line: line_number,
                        },
                    };
                    acl.push(entry.source, entry.destination, entry.protocol, rest);
                }
                AclLine::Standard { permit, net } => {
                    let rest = Rest {
                        source_ports: PortMatch::Any,
                        destination_ports: PortMatch::Any,
                        icmp_type: None,
                        verdict: AclMatch {
                            permit: *permit,
                            line: line_number,
                        },
                    };
                    acl.push(MaskedNet::ANY, *net, None, rest);
                }
                AclLine::Extended(_) | AclLine::Remark(_) => {}
            }
        }
        acl
    }

    /// Appends an entry.
    fn push(
        &mut self,
        source: MaskedNet,
        destination: MaskedNet,
        protocol: Option<u8>,
        rest: Rest,
    ) {
        let lane = self.rest.len() % LANES;
        if lane == 0 {
            self.blocks.push(Block::EMPTY);
        }
        if let Some(block) = self.blocks.last_mut() {
            block.source_mask[lane] = source.mask.to_bits();
            block.source[lane] = source.address.to_bits() & source.mask.to_bits();
            block.destination_mask[lane] = destination.mask.to_bits();
            block.destination[lane] = destination.address.to_bits() & destination.mask.to_bits();
            block.protocol_mask[lane] = if protocol.is_some() { 0xff } else { 0 };
            block.protocol[lane] = u32::from(protocol.unwrap_or(0));
        }
        self.rest.push(rest);
    }

    /// The first entry that matches, `None` when none does: an implicit deny. `icmp_type` is that
    /// of an ICMP packet; without it an entry matches whatever type it asks for.
    #[inline]
    pub fn lookup(&self, key: &FlowKey, icmp_type: Option<u8>) -> Option<AclMatch> {
        for (block, rest) in self.blocks.iter().zip(self.rest.chunks(LANES)) {
            let mut hits = block.matches(key);
            while hits != 0 {
                let lane = hits.trailing_zeros() as usize;
                hits &= hits - 1;
                if let Some(entry) = rest.get(lane)
                    && entry.matches(key, icmp_type)
                {
                    return Some(entry.verdict);
                }
            }
        }
        None
    }

    /// Whether the access list permits the packet.
    #[inline]
    pub fn permits(&self, key: &FlowKey, icmp_type: Option<u8>) -> bool {
        self.lookup(key, icmp_type).is_some_and(|hit| hit.permit)
    }

    /// Number of entries that can match.
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether every packet falls through to the implicit deny.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

#[cfg(test)]
#[path = "acl_tests.rs"]
mod tests;
