//! What the slowpath asks of a worker about its shard, served in bounded steps.
//!
//! Nobody but the owner reads a shard: `show conn`, `clear conn` and the sweeps after a tunnel's
//! end are requests that the owner works off between bursts, as far as the rings for its answers
//! have room.

use config::MaskedNet;

use super::core::{Core, View};
use super::event::TeardownReason;
use crate::conn::{Cold, Hot, entry_flag};
use crate::hold;
use crate::limits::{REQUEST_STEP, SWEEP_EVENT_RESERVE};
use crate::packet::{Side, protocol};
use crate::policy::CryptoMatch;
use crate::ring::{Consumer, Producer};
use crate::tunnel::{ReleaseOrder, SlotId};

/// A request with the number that its answers carry.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Number of the request.
    pub ticket: u32,
    /// What is asked.
    pub what: What,
}

/// What is asked of every entry of the shard.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// Copies of the entries that match.
    List(Filter),
    /// How many live TCP flows name a slot.
    Count(SlotId),
    /// Copies of one worker's entries from a cursor on; the other workers have nothing to say.
    Page {
        /// The worker.
        worker: u8,
        /// Where to go on, 0 to begin.
        cursor: u32,
        /// Entries at the most.
        limit: u16,
    },
    /// Remove those that match (`clear conn`).
    Clear(Filter),
    /// Remove those with a translation (`clear xlate`).
    ClearXlates,
    /// Remove the TCP flows of a slot that did not outlive its drop.
    SweepStale(SlotId),
    /// Remove every flow of a slot that is going away.
    SweepSlot(SlotId),
    /// Remove the flows of a slot that its new selectors do not cover.
    SweepOutside {
        /// The slot.
        slot: SlotId,
        /// The net on our side.
        local: MaskedNet,
        /// The net on the peer's side.
        remote: MaskedNet,
    },
    /// Remove the flows in clear that the policy now gives to a slot (`reclassify-vpn`).
    Reclassify(SlotId),
    /// Let go what is held for a slot. Done at once, with the number of flow directions that hold
    /// something; the packets leave at the order's pace.
    Release(ReleaseOrder),
}

/// Which connections a `show` or a `clear` means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// One of the addresses.
    pub address: Option<u32>,
    /// One of the ports.
    pub port: Option<u16>,
    /// The protocol.
    pub protocol: Option<u8>,
}

/// An answer.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    /// A copy of an entry.
    Conn {
        /// Number of the request.
        ticket: u32,
        /// Worker that owns it.
        worker: u8,
        /// The entry.
        hot: Hot,
        /// The entry.
        cold: Cold,
    },
    /// The request is done.
    Done {
        /// Number of the request.
        ticket: u32,
        /// Worker that answers.
        worker: u8,
        /// Entries listed or removed.
        count: u32,
        /// Entries in use.
        in_use: u32,
        /// Most entries that were ever in use.
        most_used: u32,
        /// Where the next page begins; `None` after the last one.
        next: Option<u32>,
    },
}

impl Filter {
    /// Whether a connection is meant.
    pub fn matches(&self, hot: &Hot) -> bool {
        let address = |wanted| hot.low_address == wanted || hot.high_address == wanted;
        let port = |wanted| hot.low_port == wanted || hot.high_port == wanted;
        self.address.is_none_or(address)
            && self.port.is_none_or(port)
            && self.protocol.is_none_or(|wanted| hot.protocol == wanted)
    }
}

/// A worker's desk: the request in hand and the rings to and from the slowpath.
#[derive(Debug)]
pub(crate) struct Desk {
    requests: Consumer<Request>,
    replies: Producer<Reply>,
    current: Option<Progress>,
}

#[derive(Debug)]
struct Progress {
    request: Request,
    cursor: u32,
    count: u32,
    walked: bool,
    next: Option<u32>,
}

impl Desk {
    pub(crate) fn new(requests: Consumer<Request>, replies: Producer<Reply>) -> Self {
        Self {
            requests,
            replies,
            current: None,
        }
    }

    /// One bounded step of the request in hand; whether there was one.
    pub(crate) fn step(&mut self, core: &mut Core, view: &View<'_>) -> bool {
        if self.current.is_none() {
            self.current = self.requests.pop().map(Progress::begin);
        }
        let Some(progress) = &mut self.current else {
            return false;
        };
        if !progress.walked {
            match progress.request.what {
                What::Count(slot) => count(progress, core, view, slot),
                What::List(filter) => list(progress, &mut self.replies, core, filter),
                What::Release(order) => {
                    progress.count = hold::order(core, view, &order);
                    progress.walked = true;
                }
                What::Page { worker, limit, .. } => {
                    let limit = if worker == core.id { limit } else { 0 };
                    page(progress, &mut self.replies, core, limit);
                }
                what => remove(progress, core, view, what),
            }
        }
        if progress.walked && self.replies.push(progress.done(core)).is_ok() {
            self.current = None;
        }
        true
    }
}

impl Progress {
    fn begin(request: Request) -> Self {
        let cursor = match request.what {
            What::Page { cursor, .. } => cursor,
            _ => 0,
        };
        Self {
            request,
            cursor,
            count: 0,
            walked: false,
            next: None,
        }
    }

    fn done(&self, core: &Core) -> Reply {
        Reply::Done {
            ticket: self.request.ticket,
            worker: core.id,
            count: self.count,
            in_use: core.conns.len(),
            most_used: core.conns.most_used(),
            next: self.next,
        }
    }

    fn advance(&mut self, next: Option<u32>) {
        match next {
            Some(cursor) => self.cursor = cursor,
            None => self.walked = true,
        }
    }
}

fn list(progress: &mut Progress, replies: &mut Producer<Reply>, core: &Core, filter: Filter) {
    let room = replies.free().saturating_sub(1).min(REQUEST_STEP);
    if room == 0 {
        return;
    }
    let ticket = progress.request.ticket;
    let mut listed = 0;
    let next = core.conns.walk(progress.cursor, room, |_, hot, cold| {
        if filter.matches(hot) {
            let reply = Reply::Conn {
                ticket,
                worker: core.id,
                hot: *hot,
                cold: *cold,
            };
            listed += u32::from(replies.push(reply).is_ok());
        }
    });
    progress.count += listed;
    progress.advance(next);
}

fn count(progress: &mut Progress, core: &Core, view: &View<'_>, slot: SlotId) {
    let mut found = 0;
    let next = core.conns.walk(progress.cursor, REQUEST_STEP, |_, hot, _| {
        let lives = hot.protocol == protocol::TCP && !is_stale(view, hot, slot);
        found += u32::from(lives && hot.slots.contains(&slot));
    });
    progress.count += found;
    progress.advance(next);
}

/// As [`list`], until `limit` entries were copied.
fn page(progress: &mut Progress, replies: &mut Producer<Reply>, core: &Core, limit: u16) {
    let left = u32::from(limit).saturating_sub(progress.count) as usize;
    if left == 0 {
        progress.walked = true;
        progress.next = (limit > 0).then_some(progress.cursor);
        return;
    }
    let ticket = progress.request.ticket;
    let room = replies.free().saturating_sub(1).min(REQUEST_STEP).min(left);
    if room == 0 {
        return;
    }
    let mut copied = 0;
    let next = core.conns.walk(progress.cursor, room, |_, hot, cold| {
        let reply = Reply::Conn {
            ticket,
            worker: core.id,
            hot: *hot,
            cold: *cold,
        };
        copied += u32::from(replies.push(reply).is_ok());
    });
    progress.count += copied;
    progress.advance(next);
}

/// Removes what matches, paced by the event ring: each removal writes up to two records.
fn remove(progress: &mut Progress, core: &mut Core, view: &View<'_>, what: What) {
    let room = core.events.free().saturating_sub(SWEEP_EVENT_RESERVE) / 2;
    let room = room.min(REQUEST_STEP);
    if room == 0 {
        return;
    }
    let mut doomed = [0; REQUEST_STEP];
    let mut count = 0;
    let next = core.conns.walk(progress.cursor, room, |index, hot, cold| {
        if is_meant(what, view, hot, cold)
            && let Some(place) = doomed.get_mut(count)
        {
            *place = index;
            count += 1;
        }
    });
    for &index in doomed.iter().take(count) {
        let tcp = core
            .conns
            .hot(index)
            .is_some_and(|hot| hot.protocol == protocol::TCP);
        let reason = if tcp {
            reason(what)
        } else {
            TeardownReason::None
        };
        core.teardown(index, reason);
    }
    progress.count += count as u32;
    progress.advance(next);
}

const fn reason(what: What) -> TeardownReason {
    match what {
        What::List(_) | What::Count(_) | What::Release(_) | What::Page { .. } => {
            TeardownReason::None
        }
        What::Clear(_) => TeardownReason::Cleared,
        What::ClearXlates => TeardownReason::XlateClear,
        What::SweepStale(_) | What::SweepSlot(_) => TeardownReason::TunnelTornDown,
        What::SweepOutside { .. } => TeardownReason::VpnReclassifyFailed,
        What::Reclassify(_) => TeardownReason::Reclassified,
    }
}

fn is_meant(what: What, view: &View<'_>, hot: &Hot, cold: &Cold) -> bool {
    match what {
        What::Page { .. } => false,
        What::List(filter) | What::Clear(filter) => filter.matches(hot),
        What::Count(slot) => hot.slots.contains(&slot),
        What::ClearXlates => hot.has(entry_flag::SOURCE_TRANSLATED),
        What::SweepStale(slot) => is_stale(view, hot, slot),
        What::SweepSlot(slot) => hot.slots.contains(&slot),
        What::SweepOutside {
            slot,
            local,
            remote,
        } => is_outside(hot, cold, slot, local, remote),
        What::Reclassify(slot) => is_claimed(view, hot, cold, slot),
        What::Release(_) => false,
    }
}

fn is_stale(view: &View<'_>, hot: &Hot, slot: SlotId) -> bool {
    let epoch = view.shared.slots.word(slot).epoch();
    let pairs = hot.slots.iter().zip(hot.epochs);
    hot.protocol == protocol::TCP
        && pairs
            .into_iter()
            .any(|(&named, made)| named == slot && made != epoch)
}

/// The endpoint that a slot reaches is the remote one; the other one is local, as the peer sees
/// it: with its mapped address.
fn is_outside(hot: &Hot, cold: &Cold, slot: SlotId, local: MaskedNet, remote: MaskedNet) -> bool {
    [Side::Low, Side::High].into_iter().any(|side| {
        hot.slots[side.index()] == slot
            && !(remote.contains(seen(hot, cold, side))
                && local.contains(seen(hot, cold, side.other())))
    })
}

fn seen(hot: &Hot, cold: &Cold, side: Side) -> u32 {
    let real = match side {
        Side::Low => hot.low_address,
        Side::High => hot.high_address,
    };
    let mapped = hot.has(entry_flag::SOURCE_TRANSLATED) && side == hot.initiator();
    if mapped { cold.mapped_address } else { real }
}

fn is_claimed(view: &View<'_>, hot: &Hot, cold: &Cold, slot: SlotId) -> bool {
    hot.slots == [SlotId::NONE; 2]
        && [Side::Low, Side::High].into_iter().any(|side| {
            let mut key = match side {
                Side::Low => hot.key(),
                Side::High => hot.key().reversed(),
            };
            if hot.has(entry_flag::SOURCE_TRANSLATED) && side == hot.initiator() {
                (key.src, key.sport) = (cold.mapped_address, cold.mapped_port);
            }
            let egress = cold.interfaces[side.other().index()];
            matches!(
                view.policy.crypto_match(egress, &key),
                CryptoMatch::Protected(protection) if protection.slot == slot
            )
        })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::conn::{ConnId, TcpSide, TcpState};

    const SLOT: SlotId = SlotId::new(3);

    fn net(text: [u8; 4]) -> MaskedNet {
        MaskedNet::new(Ipv4Addr::from(text), Ipv4Addr::new(255, 255, 255, 0))
    }

    fn flow(local: [u8; 4], remote: [u8; 4]) -> (Hot, Cold) {
        let hot = Hot {
            low_address: u32::from_be_bytes(local),
            high_address: u32::from_be_bytes(remote),
            low_port: 7,
            high_port: 40_000,
            protocol: protocol::TCP,
            state: TcpState::Established,
            flags: 0,
            last_seen: 0,
            epochs: [0; 2],
            slots: [SlotId::NONE, SLOT],
            adjacencies: [0; 2],
            tcp: [TcpSide::default(); 2],
        };
        let cold = Cold {
            bytes: 0,
            id: ConnId(1),
            created: 0,
            mapped_address: 0,
            mapped_port: 0,
            interfaces: [0; 2],
            generation: 0,
            wheel_next: 0,
            wheel_prev: 0,
            route_generation: 0,
            next_hops: [0; 2],
            icmp: [0; 2],
        };
        (hot, cold)
    }

    #[test]
    fn decision_4_what_narrower_selectors_leave_out_is_torn_down_as_reclassified() {
        let (local, remote) = (net([10, 1, 1, 0]), net([192, 168, 30, 0]));
        for (ends, outside) in [
            (([10, 1, 1, 5], [192, 168, 30, 9]), false),
            (([10, 1, 2, 5], [192, 168, 30, 9]), true),
            (([10, 1, 1, 5], [192, 168, 31, 9]), true),
        ] {
            let (hot, cold) = flow(ends.0, ends.1);
            assert_eq!(is_outside(&hot, &cold, SLOT, local, remote), outside);
            let other = SlotId::new(4);
            assert!(!is_outside(&hot, &cold, other, local, remote));
        }
        let sweep = What::SweepOutside {
            slot: SLOT,
            local,
            remote,
        };
        assert_eq!(reason(sweep), TeardownReason::VpnReclassifyFailed);
    }
}
