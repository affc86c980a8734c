//! Slots on their way out: no policy names them, their flows are swept, then the index is free.

use fastpath::tunnel::SlotId;
use fastpath::worker::request::What;

use super::dataplane::Dataplane;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A policy that names the slot may still be in force: a worker could make a flow of it.
    Named,
    /// The sweep has to be asked for.
    Unnamed,
    /// The sweep runs.
    Sweeping { ticket: u32, answers_left: u8 },
}

#[derive(Debug)]
struct Retiring<R> {
    slot: SlotId,
    retired: R,
    stage: Stage,
}

/// All slots on their way out; bounded by the slots that there are.
#[derive(Debug)]
pub(super) struct Retirement<R> {
    retiring: Vec<Retiring<R>>,
}

impl<R> Default for Retirement<R> {
    fn default() -> Self {
        Self {
            retiring: Vec::new(),
        }
    }
}

impl<R> Retirement<R> {
    pub(super) fn add(&mut self, slot: SlotId, retired: R) {
        self.retiring.push(Retiring {
            slot,
            retired,
            stage: Stage::Named,
        });
    }

    pub(super) fn policy_published(&mut self) {
        for item in self
            .retiring
            .iter_mut()
            .filter(|item| item.stage == Stage::Named)
        {
            item.stage = Stage::Unnamed;
        }
    }

    /// Asks for the sweeps that have not been asked for, as far as there is room.
    pub(super) fn sweep(&mut self, dp: &mut impl Dataplane<Retired = R>) {
        for item in self
            .retiring
            .iter_mut()
            .filter(|item| item.stage == Stage::Unnamed)
        {
            let Some(ticket) = dp.sweep(What::SweepSlot(item.slot)) else {
                return;
            };
            item.stage = Stage::Sweeping {
                ticket,
                answers_left: dp.workers(),
            };
        }
    }

    /// One worker has done a sweep; what no worker has flows of any more.
    pub(super) fn answered(&mut self, answered: u32) -> Option<R> {
        let place = self.retiring.iter().position(
            |item| matches!(item.stage, Stage::Sweeping { ticket, .. } if ticket == answered),
        )?;
        let item = self.retiring.get_mut(place)?;
        if let Stage::Sweeping { answers_left, .. } = &mut item.stage {
            *answers_left = answers_left.saturating_sub(1);
            if *answers_left > 0 {
                return None;
            }
        }
        Some(self.retiring.swap_remove(place).retired)
    }
}
