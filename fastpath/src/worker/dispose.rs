//! The one place where packets that left the line are disposed of.

use arrayvec::ArrayVec;

use super::core::Core;
use crate::burst::Burst;
use crate::dpdk::{Mbuf, Reassembled, Reassembler, free_burst};
use crate::limits::{BURST_MAX, PUNT_BUDGET_PER_TICK};
use crate::packet::flag;
use crate::path::Entrance;
use crate::ring::Producer;
use crate::verdict::{DropReason, PuntClass, Verdict};

/// The ways out of a worker that are not a port.
#[derive(Debug)]
pub(crate) struct Exits {
    /// Rings to the other workers; `None` for ourselves.
    pub(crate) handoff: Vec<Option<Producer<Mbuf>>>,
    /// Ring to the slowpath.
    pub(crate) punt: Producer<Mbuf>,
    /// Datagrams in fragments that came in clear.
    pub(crate) clear_fragments: Reassembler,
    /// Datagrams in fragments that came out of ESP: nothing in clear can get among them.
    pub(crate) tunnel_fragments: Reassembler,
    /// Punts of each class in this tick.
    punted: [u32; PuntClass::COUNT],
}

impl Exits {
    pub(crate) fn new(
        handoff: Vec<Option<Producer<Mbuf>>>,
        punt: Producer<Mbuf>,
        clear_fragments: Reassembler,
        tunnel_fragments: Reassembler,
    ) -> Self {
        Self {
            handoff,
            punt,
            clear_fragments,
            tunnel_fragments,
            punted: [0; PuntClass::COUNT],
        }
    }

    /// Disposes of everything that was decided; datagrams that became whole go into `whole`.
    pub(crate) fn dispose(&mut self, core: &mut Core, whole: &mut Burst) {
        if core.decided.is_empty() {
            return;
        }
        let mut freed: ArrayVec<Mbuf, BURST_MAX> = ArrayVec::new();
        let mut decided = core::mem::take(&mut core.decided);
        for (packet, verdict) in decided.drain() {
            let dropped = match verdict {
                Verdict::Continue => continue,
                Verdict::Drop(reason) => Some((packet, reason)),
                Verdict::Punt(class) => self.punt(core, packet, class),
                Verdict::Handoff(home) => self.hand_over(core, packet, home),
                Verdict::Hold => {
                    self.hold(core, packet, whole);
                    None
                }
            };
            if let Some((packet, reason)) = dropped {
                core.tally.drop_one(reason);
                if freed.is_full() {
                    free_burst(&mut freed);
                }
                // There is room: see above. Whatever there is no room for is freed at once.
                drop(freed.try_push(packet));
            }
        }
        free_burst(&mut freed);
    }

    /// Begins a tick: budgets are full again, old fragments go.
    pub(crate) fn begin_tick(&mut self, core: &mut Core) {
        self.punted = [0; PuntClass::COUNT];
        for fragments in [&mut self.clear_fragments, &mut self.tunnel_fragments] {
            fragments.expire(core.now_tsc);
            core.tally
                .drop_many(DropReason::FragmentTimeout, fragments.take_discarded());
        }
    }

    /// Packets that stay with the worker between two turns.
    pub(crate) fn held(&self) -> u64 {
        u64::from(self.clear_fragments.held()) + u64::from(self.tunnel_fragments.held())
    }

    fn punt(
        &mut self,
        core: &mut Core,
        mut packet: Mbuf,
        class: PuntClass,
    ) -> Option<(Mbuf, DropReason)> {
        let used = self.punted.get_mut(class as usize);
        let used = used.zip(PUNT_BUDGET_PER_TICK.get(class as usize));
        let Some((used, _)) = used.filter(|(used, budget)| **used < **budget) else {
            return Some((packet, DropReason::PuntBudget));
        };
        *used += 1;
        packet.meta_mut().entrance = class as u8;
        packet.meta_mut().received_tsc = core.now_tsc;
        match self.punt.push(packet) {
            Ok(()) => {
                core.tally.punt_one(class);
                None
            }
            Err(packet) => Some((packet, DropReason::PuntBudget)),
        }
    }

    fn hand_over(
        &mut self,
        core: &mut Core,
        mut packet: Mbuf,
        home: u8,
    ) -> Option<(Mbuf, DropReason)> {
        let Some(Some(ring)) = self.handoff.get_mut(usize::from(home)) else {
            return Some((packet, DropReason::HandoffFull));
        };
        packet.meta_mut().received_tsc = core.now_tsc;
        match ring.push(packet) {
            Ok(()) => {
                core.tally.handed_out += 1;
                None
            }
            Err(packet) => Some((packet, DropReason::HandoffFull)),
        }
    }

    fn hold(&mut self, core: &mut Core, packet: Mbuf, whole: &mut Burst) {
        let meta = *packet.meta();
        let decrypted = meta.has(flag::DECRYPTED);
        let fragments = if decrypted {
            &mut self.tunnel_fragments
        } else {
            &mut self.clear_fragments
        };
        let header_len = usize::from(meta.l4_offset);
        match fragments.add(packet, 0, header_len, core.now_tsc) {
            Reassembled::Kept => {}
            Reassembled::Whole {
                mut packet,
                fragments,
            } => {
                core.tally.absorbed += u64::from(fragments) - 1;
                let meta = packet.meta_mut();
                meta.flags |= flag::REASSEMBLED;
                meta.entrance = Entrance::Parse as u8;
                if let Err(packet) = whole.push(packet) {
                    core.decided
                        .push(packet, Verdict::Drop(DropReason::NoBuffer));
                }
            }
            Reassembled::NoBuffer { fragments } => {
                core.tally
                    .drop_many(DropReason::NoBuffer, u32::from(fragments));
            }
            Reassembled::Mixed { fragments } => {
                core.tally
                    .drop_many(DropReason::FragmentOverlap, u32::from(fragments));
            }
        }
        let discarded = fragments.take_discarded();
        core.tally.drop_many(DropReason::FragmentOverlap, discarded);
    }
}
