//! Access lists, compiled: the first entry that matches decides.

mod chunk;
mod field;

use config::{AclLine, AclLog, MaskedNet, PortMatch};

use self::chunk::{Asked, Chunk};
use crate::limits::{ACL_CHUNK_ENTRIES, ACL_CHUNKS_BYTES_MAX, ACL_LANES_ENTRIES_MAX};
use crate::packet::{FlowKey, protocol};

/// Entries compared at once: eight 32-bit lanes are one AVX2 register.
const LANES: usize = 8;

const _: () = assert!(
    ACL_CHUNK_ENTRIES.is_multiple_of(LANES),
    "what follows a chunk begins with a block of lanes"
);

/// Whether the ports of entries count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortsOf {
    /// They do.
    Packet,
    /// They do not (`nat 0 access-list`).
    Nobody,
}

/// What an entry asks to be logged of the packets that it decides about (its `log` option).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EntryLog {
    /// Each denial (106023).
    #[default]
    Denials,
    /// Nothing (`log disable`).
    Nothing,
    /// The first packet of a flow, then a count per interval (106100).
    Flows {
        /// Syslog level.
        level: u8,
        /// Seconds between two counts.
        interval_s: u16,
    },
}

impl From<Option<AclLog>> for EntryLog {
    fn from(log: Option<AclLog>) -> Self {
        match log {
            None => Self::Denials,
            Some(log) if log.disabled => Self::Nothing,
            Some(AclLog {
                level, interval_s, ..
            }) => Self::Flows { level, interval_s },
        }
    }
}

/// What an access list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AclMatch {
    /// Permit or deny.
    pub permit: bool,
    /// Which line of the access list matched, remarks counted.
    pub line: u16,
    /// What is logged of it.
    pub log: EntryLog,
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

    /// Whether the nets and the protocol of one lane match.
    #[inline]
    fn lane_matches(&self, lane: usize, key: &FlowKey) -> bool {
        let lane = lane % LANES;
        let source = (key.src & self.source_mask[lane]) ^ self.source[lane];
        let destination = (key.dst & self.destination_mask[lane]) ^ self.destination[lane];
        let protocol = (u32::from(key.protocol) & self.protocol_mask[lane]) ^ self.protocol[lane];
        source | destination | protocol == 0
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
/// A short list stands in lanes: nets and protocols of eight entries are compared at once; ports
/// and ICMP types are looked at for the lanes that are left. A long one is cut into chunks that
/// are searched by field; what would take too much memory, and the rest of a cut, stays in lanes.
/// The cost of a lookup depends on the configuration, never on the traffic seen before.
#[derive(Clone, Debug, Default)]
pub struct Acl {
    /// The first entries of the list, [`ACL_CHUNK_ENTRIES`] each; the last chunk may have fewer.
    chunks: Vec<Chunk>,
    /// All entries.
    blocks: Vec<Block>,
    rest: Vec<Rest>,
    /// Blocks whose entries are in chunks.
    blocks_in_chunks: usize,
}

/// Bounds of the chunks of a list.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Entries up to which a list, or its rest, stays in lanes.
    lanes_entries_max: usize,
    /// Bytes that all chunks together may take.
    bytes_max: usize,
}

impl Cut {
    const LIMITS: Self = Self {
        lanes_entries_max: ACL_LANES_ENTRIES_MAX,
        bytes_max: ACL_CHUNKS_BYTES_MAX,
    };
}

impl Acl {
    /// Compiles the lines of an access list. Remarks and inactive entries match nothing; a standard
    /// entry matches destinations. Line numbers beyond 65535 are printed as 65535.
    pub fn compile(lines: &[AclLine], ports: PortsOf) -> Self {
        Self::compile_cut(lines, ports, Cut::LIMITS)
    }

    fn compile_cut(lines: &[AclLine], ports: PortsOf, cut: Cut) -> Self {
        let mut acl = Self::default();
        let mut asked = Vec::new();
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
                            log: entry.log.into(),
                        },
                    };
                    asked.push(acl.push(entry.source, entry.destination, entry.protocol, rest));
                }
                AclLine::Standard { permit, net } => {
                    let rest = Rest {
                        source_ports: PortMatch::Any,
                        destination_ports: PortMatch::Any,
                        icmp_type: None,
                        verdict: AclMatch {
                            permit: *permit,
                            line: line_number,
                            log: EntryLog::Denials,
                        },
                    };
                    asked.push(acl.push(MaskedNet::ANY, *net, None, rest));
                }
                AclLine::Extended(_) | AclLine::Remark(_) => {}
            }
        }
        acl.cut(&asked, cut);
        acl
    }

    /// Makes chunks of the entries from the front on, as many as are worth it and as fit.
    fn cut(&mut self, asked: &[Asked], cut: Cut) {
        let mut bytes = 0;
        for entries in asked.chunks(ACL_CHUNK_ENTRIES) {
            if entries.len() <= cut.lanes_entries_max {
                break;
            }
            let chunk = Chunk::build(entries);
            bytes += chunk.bytes();
            if bytes > cut.bytes_max {
                break;
            }
            self.chunks.push(chunk);
            self.blocks_in_chunks += entries.len().div_ceil(LANES);
        }
    }

    /// Appends an entry.
    fn push(
        &mut self,
        source: MaskedNet,
        destination: MaskedNet,
        protocol: Option<u8>,
        rest: Rest,
    ) -> Asked {
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
        Asked {
            source,
            destination,
            protocol,
            source_ports: rest.source_ports,
            destination_ports: rest.destination_ports,
        }
    }

    /// The first entry that matches, `None` when none does: an implicit deny. `icmp_type` is that
    /// of an ICMP packet; without it an entry matches whatever type it asks for.
    #[inline]
    pub fn lookup(&self, key: &FlowKey, icmp_type: Option<u8>) -> Option<AclMatch> {
        for (at, chunk) in self.chunks.iter().enumerate() {
            let first = at * ACL_CHUNK_ENTRIES;
            let fits = |entry| self.entry_matches(first + entry, key, icmp_type);
            if let Some(entry) = chunk.find(key, fits) {
                return self.rest.get(first + entry).map(|rest| rest.verdict);
            }
        }
        self.lookup_in_lanes(key, icmp_type)
    }

    #[inline]
    fn entry_matches(&self, entry: usize, key: &FlowKey, icmp_type: Option<u8>) -> bool {
        let block = self.blocks.get(entry / LANES);
        block.is_some_and(|block| block.lane_matches(entry, key))
            && self
                .rest
                .get(entry)
                .is_some_and(|rest| rest.matches(key, icmp_type))
    }

    /// [`Self::lookup`] among the entries that are in no chunk.
    #[inline]
    fn lookup_in_lanes(&self, key: &FlowKey, icmp_type: Option<u8>) -> Option<AclMatch> {
        let blocks = self.blocks.iter().zip(self.rest.chunks(LANES));
        for (block, rest) in blocks.skip(self.blocks_in_chunks) {
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
