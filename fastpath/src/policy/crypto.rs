//! Crypto maps: which packets must leave through which tunnel.

use std::sync::Arc;

use super::Acl;
use crate::packet::FlowKey;
use crate::tunnel::SlotId;

/// An entry of a crypto map with an access list.
#[derive(Clone, Debug)]
pub struct CryptoEntry {
    /// Sequence number.
    pub sequence: u16,
    /// `match address`.
    pub acl: Arc<Acl>,
    /// Peer, key and proposal are there. An incomplete entry has no tunnel.
    pub complete: bool,
    /// Slot of each line of the access list; [`SlotId::NONE`], or nothing, where there is none yet.
    pub slots: Vec<SlotId>,
}

/// A crypto map: its entries by ascending sequence number.
#[derive(Clone, Debug, Default)]
pub struct CryptoMap {
    /// Its name.
    pub name: String,
    /// Its entries.
    pub entries: Vec<CryptoEntry>,
}

/// The rule that protects a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection {
    /// Sequence number of the crypto map entry.
    pub sequence: u16,
    /// Line of its access list.
    pub line: u16,
    /// The tunnel, [`SlotId::NONE`] when it has no slot yet: then the packet may not leave at all.
    pub slot: SlotId,
}

/// What a crypto map says about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CryptoMatch {
    /// It leaves as it is.
    Clear,
    /// It leaves through a tunnel or not at all.
    Protected(Protection),
}

impl CryptoMap {
    /// What the map says about a packet that leaves. A deny, written or implied, sends the packet
    /// on to the next entry; after the last one it is in clear.
    ///
    /// An incomplete entry is passed over, as on an ASA, but not into the clear: what it permits
    /// and no complete entry takes stays protected, without a slot.
    pub fn lookup(&self, key: &FlowKey) -> CryptoMatch {
        let mut unserved = None;
        for entry in &self.entries {
            let Some(hit) = entry.acl.lookup(key, None).filter(|hit| hit.permit) else {
                continue;
            };
            let slot = entry.slots.get(usize::from(hit.line)).copied();
            let protection = Protection {
                sequence: entry.sequence,
                line: hit.line,
                slot: slot.unwrap_or(SlotId::NONE),
            };
            if entry.complete {
                return CryptoMatch::Protected(protection);
            }
            unserved.get_or_insert(protection);
        }
        unserved.map_or(CryptoMatch::Clear, CryptoMatch::Protected)
    }
}
