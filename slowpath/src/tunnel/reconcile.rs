//! Tunnels are brought in line with the configuration, a bounded number of them in one turn.

use std::collections::VecDeque;
use std::sync::Arc;

use fastpath::tunnel::SlotId;

use super::dataplane::Dataplane;
use super::owner::{Tunnel, TunnelOwner};
use super::spec::TunnelSpec;
use crate::ike::{EndReason, TunnelId};
use crate::limits::RECONCILED_PER_TURN;
use crate::syslog::Message;
use crate::time::Time;

/// The slot that a tunnel was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TunnelBinding {
    /// The tunnel.
    pub tunnel: TunnelId,
    /// Its slot.
    pub slot: SlotId,
}

/// What an edit of the configuration does to the tunnels, and how far that is.
#[derive(Debug, Default)]
pub struct Reconciliation {
    gone: VecDeque<TunnelId>,
    changed: VecDeque<Arc<TunnelSpec>>,
    new: VecDeque<Arc<TunnelSpec>>,
    given: Vec<TunnelBinding>,
    /// Kept, because to free many takes longer than a turn may: another thread does it.
    refused: VecDeque<Arc<TunnelSpec>>,
}

impl Reconciliation {
    /// Tunnels that go, tunnels that are described anew, and tunnels that have no slot.
    pub fn new(
        gone: Vec<TunnelId>,
        changed: Vec<Arc<TunnelSpec>>,
        new: Vec<Arc<TunnelSpec>>,
    ) -> Self {
        Self {
            gone: gone.into(),
            changed: changed.into(),
            new: new.into(),
            given: Vec::new(),
            refused: VecDeque::new(),
        }
    }

    /// Tunnels that wait for their turn.
    pub fn left(&self) -> usize {
        self.gone.len() + self.changed.len() + self.new.len()
    }

    /// The slots that new tunnels were given.
    pub fn given(&self) -> &[TunnelBinding] {
        &self.given
    }
}

impl<D: Dataplane> TunnelOwner<D> {
    /// Goes on with an edit; `true` when nothing of it is left to do. New tunnels get a slot, those
    /// that are gone lose theirs; flows of a removed tunnel are torn down once
    /// [`TunnelOwner::policy_published`] says that no policy names its slot any more.
    pub fn reconcile(&mut self, edit: &mut Reconciliation, now: Time, dp: &mut D) -> bool {
        for _ in 0..RECONCILED_PER_TURN {
            if self.end_first_drain(dp) {
                continue;
            }
            if let Some(id) = edit.gone.pop_front() {
                self.remove(id, now, dp);
            } else if let Some(spec) = edit.changed.pop_front() {
                self.change(spec, dp);
            } else if let Some(spec) = edit.new.pop_front() {
                match self.add(&spec, dp) {
                    Some(binding) => edit.given.push(binding),
                    None => self.refuse(&spec, edit),
                }
            } else {
                return true;
            }
        }
        false
    }

    fn change(&mut self, spec: Arc<TunnelSpec>, dp: &mut D) {
        if let Some(tunnel) = self.tunnels.get_mut(&spec.id) {
            tunnel.spec = spec;
            tunnel.apply_mtu(dp);
        }
    }

    fn add(&mut self, spec: &Arc<TunnelSpec>, dp: &mut D) -> Option<TunnelBinding> {
        let slot = dp.allocate(spec.mtu(None, spec.path_mtu))?;
        let tunnel = spec.id;
        self.by_slot.insert(slot, tunnel);
        self.tunnels
            .insert(tunnel, Tunnel::new(Arc::clone(spec), slot));
        Some(TunnelBinding { tunnel, slot })
    }

    /// There is no slot for this tunnel, hence for none behind it: the next edit tries again.
    fn refuse(&mut self, spec: &TunnelSpec, edit: &mut Reconciliation) {
        edit.refused = std::mem::take(&mut edit.new);
        let text = format!(
            "Tunnel limit reached: {} access-list entries get no tunnel, the first one of crypto \
             map {} {}",
            edit.refused.len() + 1,
            spec.map_name,
            spec.sequence
        );
        self.messages.push_back(Message::new(713_902, 3, text));
    }

    fn remove(&mut self, id: TunnelId, now: Time, dp: &mut D) {
        while let Some(child) = self
            .tunnels
            .get(&id)
            .and_then(|tunnel| tunnel.children.last())
        {
            let (inbound, outbound) = (child.inbound_spi, child.outbound_spi);
            self.end_child(
                id,
                (inbound, outbound),
                EndReason::ConfigurationChanged,
                now,
                dp,
            );
        }
        self.went_down(id, now);
        let Some(tunnel) = self.tunnels.remove(&id) else {
            return;
        };
        self.by_slot.remove(&tunnel.slot);
        self.timed.remove(&id);
        self.silent.remove(&id);
        self.forget_bounces(tunnel.slot);
        if let Some(retired) = dp.retire(tunnel.slot) {
            self.retirement.add(tunnel.slot, retired);
        }
    }
}
