//! A new configuration: what it has no place for ends, some of it in one step.

use super::Engine;
use crate::ike::api::{EndReason, SpiSource};
use crate::ike::children::Child;
use crate::ike::indexed::IndexedConfig;
use crate::ike::limits::{ORPHANS_PER_STEP, STRANGERS_PER_STEP};
use crate::time::Time;

impl Engine {
    /// Takes a new configuration: SAs of tunnels and peers that it no longer has end, the first of
    /// them at once, the others with [`Engine::settle`]. Answers the one before.
    pub fn configure(
        &mut self,
        now: Time,
        spis: &mut dyn SpiSource,
        config: impl Into<IndexedConfig>,
    ) -> IndexedConfig {
        let Self { core, phase1s, .. } = self;
        let before = core.replace_config(config.into());
        let is_orphan = |child: &&Child| {
            let tunnel = core.tunnel(child.tunnel);
            !tunnel.is_some_and(|tunnel| tunnel.peers.contains(&child.peer))
        };
        let orphans = core.children.iter().filter(is_orphan);
        self.orphans = orphans.map(|child| child.id).collect();
        phase1s.change_all(|sa| sa.keepalive = core.peer(sa.peer).map(|peer| peer.keepalive));
        self.settle(now, spis);
        before
    }

    /// Goes on ending what the configuration has no place for: pairs first, by the phase-1 SAs that
    /// there still are. Once per turn.
    pub fn settle(&mut self, now: Time, spis: &mut dyn SpiSource) {
        for _ in 0..ORPHANS_PER_STEP {
            let Some(orphan) = self.orphans.pop_front() else {
                return self.end_strangers(now, spis);
            };
            self.delete_child(orphan, EndReason::ConfigurationChanged);
        }
    }

    /// Ends phase-1 SAs of peers that are not configured.
    fn end_strangers(&mut self, now: Time, spis: &mut dyn SpiSource) {
        let strangers: Vec<u64> = self.phase1s.strangers().take(STRANGERS_PER_STEP).collect();
        for id in strangers {
            self.end_phase1(now, spis, id, EndReason::ConfigurationChanged, true);
        }
    }
}
