//! Tunnels as the tunnel owner has them, so that it need only be told what an edit changes.

use std::collections::HashMap;
use std::sync::Arc;

use fastpath::tunnel::SlotId;

use crate::ike::TunnelId;
use crate::tunnel::{Reconciliation, TunnelBinding, TunnelSpec};

#[derive(Debug)]
struct Known {
    spec: Arc<TunnelSpec>,
    /// [`SlotId::NONE`]: the owner had none for it, or has not answered yet.
    slot: SlotId,
}

impl Known {
    const fn has_slot(&self) -> bool {
        self.slot.get().is_some()
    }
}

/// The tunnels of the last plan.
#[derive(Debug, Default)]
pub(super) struct KnownTunnels(HashMap<TunnelId, Known>);

impl KnownTunnels {
    /// Makes these the known tunnels, and answers what the owner has to do for it. A tunnel that it
    /// had no slot for counts as new: there may be one now.
    pub(super) fn update(&mut self, specs: Vec<TunnelSpec>) -> Reconciliation {
        let mut before = std::mem::take(&mut self.0);
        let (mut changed, mut new) = (Vec::new(), Vec::new());
        for spec in specs {
            let id = spec.id;
            let slot = match before.remove(&id).filter(Known::has_slot) {
                Some(known) if *known.spec == spec => {
                    self.0.insert(id, known);
                    continue;
                }
                Some(known) => known.slot,
                None => SlotId::NONE,
            };
            let known = Known {
                spec: Arc::new(spec),
                slot,
            };
            let told = if known.has_slot() {
                &mut changed
            } else {
                &mut new
            };
            told.push(Arc::clone(&known.spec));
            self.0.insert(id, known);
        }
        let gone = before.into_iter().filter(|(_, known)| known.has_slot());
        let mut gone: Vec<TunnelId> = gone.map(|(id, _)| id).collect();
        gone.sort_unstable();
        Reconciliation::new(gone, changed, new)
    }

    /// Takes over the slots that the owner has given.
    pub(super) fn bind(&mut self, bindings: &[TunnelBinding]) {
        for binding in bindings {
            if let Some(known) = self.0.get_mut(&binding.tunnel) {
                known.slot = binding.slot;
            }
        }
    }

    /// The slot of a tunnel.
    pub(super) fn slot(&self, id: TunnelId) -> SlotId {
        self.0.get(&id).map_or(SlotId::NONE, |known| known.slot)
    }
}
