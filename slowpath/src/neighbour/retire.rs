//! Next hops that nobody needs any more give their entries back.
//!
//! Flows name next hops by index, and nobody counts them. So any next hop may be retired: a flow
//! that still uses it looks up its route anew and has it asked for again. What is retired is
//! chosen so that this is rare: what does not answer and is not asked for, and, only when the
//! table gets full, what has been of use least lately.

use fastpath::limits::ADJACENCIES_MAX;
use fastpath::tunnel::{AdjacencyId, NeighbourState};
use fastpath::verdict::DropReason;

use super::{Effect, Known, NextHops, Resolver};
use crate::local_net::LocalNet;
use crate::time::Time;

/// Time for which a next hop without an answer keeps its entry when no packet asks for it.
pub const IDLE_HOLD_MS: u64 = 60_000;
/// Entries that one round looks at: a quarter of a millisecond of an idle cache.
pub const WALK_STEP: usize = 1_024;
/// Next hops that one round retires because the table gets full.
pub const RETIRE_STEP: usize = 1_024;
/// Entries in use above which the table counts as getting full; searches fail some way above it.
pub const PRESSURE: usize = ADJACENCIES_MAX / 4 * 3;

impl<P> Resolver<P> {
    /// Retires what is of no use; the packets that waited for it. Once per second.
    pub fn retire(
        &mut self,
        net: &LocalNet,
        hops: &mut impl NextHops,
        now: Time,
    ) -> Vec<Effect<P>> {
        let mut doomed = self.walk(net, hops, now);
        let used = self.known.len() + self.asks.len();
        let excess = used.saturating_sub(PRESSURE + doomed.len());
        doomed.extend(self.least_useful(excess.min(RETIRE_STEP)));
        self.take_out(doomed, hops)
    }

    /// The interfaces have changed: what was learned behind an index that now means another port
    /// is of no use.
    pub fn rewired(
        &mut self,
        before: &LocalNet,
        after: &LocalNet,
        hops: &mut impl NextHops,
    ) -> Vec<Effect<P>> {
        let port = |net: &LocalNet, index| net.by_index(index).map(|interface| interface.port);
        let moved = |index| port(before, index) != port(after, index);
        if !before.iter().chain(after.iter()).any(|it| moved(it.index)) {
            return Vec::new();
        }
        let all = hops.walk(0, ADJACENCIES_MAX).into_iter();
        let doomed = all.filter(|adjacency| moved(adjacency.interface));
        self.take_out(doomed.map(|adjacency| adjacency.id.raw()).collect(), hops)
    }

    fn take_out(&mut self, doomed: Vec<u16>, hops: &mut impl NextHops) -> Vec<Effect<P>> {
        let mut effects = Vec::new();
        for raw in doomed {
            hops.retire(AdjacencyId::from_raw(raw));
            self.known.remove(&raw);
            if let Some(packet) = self.asks.remove(&raw).and_then(|ask| ask.held) {
                self.held -= 1;
                effects.push(Effect::Drop(packet, DropReason::NoAdjacency));
            }
        }
        effects
    }

    /// Goes on with the walk over the table: takes note of what is new, and answers the next hops
    /// that have been idle, or whose interface is gone.
    fn walk(&mut self, net: &LocalNet, hops: &impl NextHops, now: Time) -> Vec<u16> {
        let step = hops.walk(self.walk_from, WALK_STEP);
        self.walk_from = match step.last() {
            Some(last) if step.len() == WALK_STEP => last.id.raw() + 1,
            _ => 0,
        };
        let mut doomed = Vec::new();
        for adjacency in step {
            let raw = adjacency.id.raw();
            if net.by_index(adjacency.interface).is_none() {
                doomed.push(raw);
                continue;
            }
            if self.asks.contains_key(&raw) {
                continue;
            }
            let is_idle = |at: &Time| now.since_ms(*at) >= IDLE_HOLD_MS;
            match self.known.get(&raw) {
                Some(Known::Idle(at)) if is_idle(at) => doomed.push(raw),
                Some(_) => {}
                None => {
                    let known = match adjacency.state {
                        NeighbourState::Reachable | NeighbourState::Stale => Known::answered(now),
                        NeighbourState::Incomplete | NeighbourState::Failed => Known::Idle(now),
                    };
                    self.known.insert(raw, known);
                }
            }
        }
        doomed
    }

    /// Up to `count` next hops: first those that nobody asks for, then those that were of use
    /// least lately.
    fn least_useful(&self, count: usize) -> Vec<u16> {
        if count == 0 {
            return Vec::new();
        }
        let asked = |raw: &u16| self.asks.contains_key(raw);
        let known = self.known.iter().filter(|(raw, _)| !asked(raw));
        let mut candidates: Vec<(bool, Time, u16)> = known
            .map(|(&raw, known)| {
                // Of equals, entries all over the table: a search looks at neighbours.
                let spread = raw.reverse_bits();
                match *known {
                    Known::Idle(at) | Known::Failed(at) => (false, at, spread),
                    Known::Answered { at, wanted } => (true, at.max(wanted), spread),
                }
            })
            .collect();
        candidates.sort_unstable();
        candidates.truncate(count);
        let chosen = candidates.into_iter();
        chosen.map(|(_, _, spread)| spread.reverse_bits()).collect()
    }
}
