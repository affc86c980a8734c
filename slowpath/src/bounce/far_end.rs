//! Whether the far end of a tunnel keeps its connections too: told by flows that come back reset.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::Bounce;

/// Bounces with resets, one after the other, after which the far end is said not to preserve.
const BOUNCES_WITH_RESETS: u32 = 2;
/// Peers that are kept in mind: those with resets, so seldom more than a few.
const PEERS_MAX: usize = 1_024;

/// Peers whose flows came back reset.
#[derive(Debug, Default)]
pub(super) struct FarEnds {
    resets: BTreeMap<Ipv4Addr, u32>,
}

impl FarEnds {
    /// Takes a bounce that has settled; `true` when it is the one that tells.
    pub(super) fn settled(&mut self, bounce: &Bounce) -> bool {
        let tally = &bounce.tally;
        if tally.far_resets <= tally.resumed {
            // Most of the flows went on: a reset among them is an application's own.
            if tally.resumed > 0 {
                self.resets.remove(&bounce.peer);
            }
            return false;
        }
        if self.resets.len() >= PEERS_MAX && !self.resets.contains_key(&bounce.peer) {
            return false;
        }
        let count = self.resets.entry(bounce.peer).or_insert(0);
        *count = count.saturating_add(1);
        *count == BOUNCES_WITH_RESETS
    }

    /// Peers that do not preserve.
    pub(super) fn forgetful(&self) -> Vec<Ipv4Addr> {
        let told = self
            .resets
            .iter()
            .filter(|(_, count)| **count >= BOUNCES_WITH_RESETS);
        told.map(|(peer, _)| *peer).collect()
    }
}
