//! The pool of held packets of one worker: who holds what, and who has to give way.
//!
//! A source address and a slot each have a share of the pool. While there is room, anybody may hold
//! more. When there is none, whoever is beyond its share gives way first, with what was least
//! recently active; so a source that opens many flows takes nothing from sources within theirs.
//! Among those within their shares the most recently active flows win.

mod shares;

use arrayvec::ArrayVec;

use crate::conn::HashKey;
use crate::hold::cells::{Cells, NIL, cells_of};
use crate::hold::holder::{BUCKET_NEXT, Holder, OF_SLOT, OF_SOURCE, RECENT, Stage};
use crate::hold::list::List;
use crate::limits::{
    HELD_PACKET_BYTES_MAX, HOLD_DEPTH, HOLD_SLOT_SHARE, HOLD_SOURCE_SHARE, SLOTS_MAX,
};
use crate::packet::Side;
use crate::tunnel::SlotId;

/// Where a packet goes among those of its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It takes the place of the first one.
    First,
    /// It takes the place of all.
    Only,
    /// Before the first one.
    Front,
    /// Behind the last one.
    Back,
}

/// A packet to be held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer<'a> {
    pub(super) conn: u32,
    pub(super) side: Side,
    pub(super) generation: u32,
    /// Source address, whose share is charged.
    pub(super) source: u32,
    /// The slot by which the packet leaves.
    pub(super) slot: SlotId,
    pub(super) in_port: u16,
    /// Facts of the packet, given back with it.
    pub(super) flags: u16,
    pub(super) now_us: u32,
    pub(super) bytes: &'a [u8],
}

/// What became of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// The flow's direction holds a packet from now on.
    Began(u32),
    /// It held one before.
    Renewed(u32),
    /// There is no room for it.
    Refused,
}

/// What the pool knows of a slot.
#[derive(Clone, Copy, Debug)]
struct Account {
    stages: [List; Stage::ALL.len()],
    holders: u32,
    used: u32,
    evicted: u32,
}

/// The pool.
pub(super) struct Pool {
    cells: Cells,
    /// First holder of each bucket.
    holders: Box<[u32]>,
    /// First source of each bucket.
    sources: Box<[u32]>,
    key: HashKey,
    recent: List,
    accounts: Box<[Account]>,
    /// Beyond their shares.
    greedy_sources: ArrayVec<u32, HOLD_SOURCE_SHARE>,
    greedy_slots: ArrayVec<SlotId, HOLD_SLOT_SHARE>,
    /// Slots whose packets gave way since they were last asked for.
    robbed: Vec<SlotId>,
    count: u32,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("holders", &self.count)
            .field("cells", &self.cells.total())
            .field("free", &self.cells.free())
            .finish_non_exhaustive()
    }
}

/// Bytes of the two bucket arrays per cell at most: a power of two below half of the cells, twice.
const BUCKET_BYTES_PER_CELL: u64 = 4;

impl Pool {
    /// A pool that takes at most `memory_bytes`, the lists of the slots aside.
    pub(super) fn new(memory_bytes: u64, key: HashKey) -> Self {
        let per_cell = Cells::BYTES_PER_CELL as u64 + BUCKET_BYTES_PER_CELL;
        let count = (memory_bytes / per_cell).min(u64::from(u32::MAX / 2)) as u32;
        let buckets = (count as usize / 4).next_power_of_two();
        let account = Account {
            stages: [List::EMPTY; Stage::ALL.len()],
            holders: 0,
            used: 0,
            evicted: 0,
        };
        Self {
            cells: Cells::new(count),
            holders: vec![NIL; buckets].into_boxed_slice(),
            sources: vec![NIL; buckets].into_boxed_slice(),
            key,
            recent: List::EMPTY,
            accounts: vec![account; SLOTS_MAX].into_boxed_slice(),
            greedy_sources: ArrayVec::new(),
            greedy_slots: ArrayVec::new(),
            robbed: Vec::with_capacity(SLOTS_MAX),
            count: 0,
        }
    }

    /// Holders.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The holder of a direction of a flow.
    #[inline]
    pub(super) fn find(&self, conn: u32, side: Side) -> Option<u32> {
        let flow = Holder::flow(conn, side);
        let mut at = *self.holders.get(self.bucket(flow))?;
        while at != NIL {
            let cell = self.cells.cell(at);
            if cell[0] == flow {
                return Some(at);
            }
            at = cell[BUCKET_NEXT];
        }
        None
    }

    /// What is known of a holder.
    #[inline]
    pub(super) fn holder(&self, at: u32) -> Holder {
        Holder::read(self.cells.cell(at))
    }

    /// Changes what is known of a holder; its stage is changed by [`Pool::stage`] alone.
    pub(super) fn update(&mut self, at: u32, holder: &Holder) {
        if let Some(cell) = self.cells.cell_mut(at) {
            holder.write(cell);
        }
    }

    /// The packets of a holder in order.
    pub(super) fn packets(&self, holder: &Holder) -> impl Iterator<Item = u32> + '_ {
        let step = |packet: &u32| Some(self.cells.next(*packet));
        std::iter::successors(Some(holder.first), step)
            .take_while(|packet| *packet != NIL)
            .take(HOLD_DEPTH)
    }

    /// The cells, for the bytes of packets.
    pub(super) fn cells(&self) -> &Cells {
        &self.cells
    }

    /// The least recently linked holder of a slot at a stage.
    pub(super) fn oldest(&self, slot: SlotId, stage: Stage) -> Option<u32> {
        let list = self.account(slot)?.stages[stage as usize];
        (!list.is_empty()).then_some(list.oldest)
    }

    /// Holders of a slot.
    pub(super) fn count_of(&self, slot: SlotId) -> u32 {
        self.account(slot).map_or(0, |account| account.holders)
    }

    /// Moves a holder with its packets out of another pool into this one, as the most recent.
    pub(super) fn adopt(&mut self, from: &mut Self, at: u32) {
        let holder = from.holder(at);
        let address = from.address(holder.source);
        let mut moved = None;
        let packets: ArrayVec<u32, HOLD_DEPTH> = from.packets(&holder).collect();
        for packet in packets {
            let mut bytes = [0; HELD_PACKET_BYTES_MAX];
            let bytes = &mut bytes[..from.cells.len(packet).min(HELD_PACKET_BYTES_MAX)];
            from.cells.load(packet, bytes);
            let offer = Offer {
                conn: holder.conn,
                side: holder.side,
                generation: holder.generation,
                source: address,
                slot: holder.slot,
                in_port: holder.in_port,
                flags: from.cells.flags(packet),
                now_us: holder.stamp_us,
                bytes,
            };
            if let Kept::Began(to) | Kept::Renewed(to) = self.keep(&offer, Place::Back) {
                moved = Some(to);
            }
            zeroize::Zeroize::zeroize(bytes);
        }
        from.remove(at);
        if let Some(to) = moved {
            let mut new = self.holder(to);
            new.marks = holder.marks;
            new.watch = holder.watch;
            new.sent = holder.sent.min(new.packets);
            self.update(to, &new);
            self.stage(to, holder.stage);
        }
    }

    /// The holder that was given nothing for longest.
    pub(super) fn least_recent(&self) -> Option<u32> {
        (!self.recent.is_empty()).then_some(self.recent.oldest)
    }

    /// Keeps a copy of a packet, if need be instead of others.
    pub(super) fn keep(&mut self, offer: &Offer<'_>, place: Place) -> Kept {
        if offer.bytes.len() > HELD_PACKET_BYTES_MAX || self.account(offer.slot).is_none() {
            return Kept::Refused;
        }
        let mut found = self.find(offer.conn, offer.side);
        if let Some(at) = found {
            let holder = self.holder(at);
            if holder.generation != offer.generation || holder.slot != offer.slot {
                self.remove(at);
                found = None;
            }
        }
        match found {
            Some(at) => self.renew(at, offer, place),
            None => self.begin(offer),
        }
    }

    fn begin(&mut self, offer: &Offer<'_>) -> Kept {
        let packet_cells = cells_of(offer.bytes.len());
        // The holder and its source beside the packet.
        if !self.make_room(packet_cells + 2, offer, NIL) {
            return Kept::Refused;
        }
        let source = self.source(offer.source);
        let (Some(source), Some(at)) = (source, self.cells.take()) else {
            return Kept::Refused;
        };
        let first = self
            .cells
            .store(offer.bytes, offer.flags)
            .expect("there is room for it");
        let holder = Holder {
            generation: offer.generation,
            source,
            slot: offer.slot,
            in_port: offer.in_port,
            packets: 1,
            first,
            last: first,
            stamp_us: offer.now_us,
            ..Holder::empty(offer.conn, offer.side)
        };
        self.update(at, &holder);
        let bucket = self.bucket(Holder::flow(offer.conn, offer.side));
        let head = std::mem::replace(&mut self.holders[bucket], at);
        self.cells.set(at, BUCKET_NEXT, head);
        self.link(at, &holder);
        self.charge(&holder, packet_cells + 1);
        self.count += 1;
        if let Some(account) = self.accounts.get_mut(usize::from(offer.slot.raw())) {
            account.holders += 1;
        }
        Kept::Began(at)
    }

    fn renew(&mut self, at: u32, offer: &Offer<'_>, place: Place) -> Kept {
        let before = self.holder(at);
        let adds = matches!(place, Place::Front | Place::Back);
        if adds && usize::from(before.packets) >= HOLD_DEPTH {
            return Kept::Refused;
        }
        let wanted = cells_of(offer.bytes.len());
        let gives_back = match place {
            Place::First => cells_of(self.cells.len(before.first)),
            Place::Only => self
                .packets(&before)
                .map(|packet| cells_of(self.cells.len(packet)))
                .sum(),
            Place::Front | Place::Back => 0,
        };
        self.touch(at, &before);
        if !self.make_room(wanted.saturating_sub(gives_back), offer, at) {
            return Kept::Refused;
        }
        let mut holder = before;
        if place == Place::Only {
            while holder.packets > 1 {
                self.discard_first(&mut holder);
            }
        }
        let behind = match place {
            Place::First | Place::Only if holder.packets > 0 => {
                let next = self.cells.next(holder.first);
                self.discard_first(&mut holder);
                next
            }
            Place::Front => holder.first,
            _ => NIL,
        };
        let stored = self.cells.store(offer.bytes, offer.flags);
        let packet = stored.expect("there is room for it");
        self.charge(&holder, wanted);
        if place == Place::Back && holder.last != NIL {
            self.cells.set_next(holder.last, packet);
            holder.last = packet;
        } else {
            self.cells.set_next(packet, behind);
            holder.first = packet;
            if behind == NIL {
                holder.last = packet;
            }
        }
        holder.packets += 1;
        holder.in_port = offer.in_port;
        holder.stamp_us = offer.now_us;
        self.update(at, &holder);
        Kept::Renewed(at)
    }

    /// Frees the first packet of a holder; the caller writes the holder back.
    fn discard_first(&mut self, holder: &mut Holder) {
        let packet = holder.first;
        holder.first = self.cells.next(packet);
        if holder.first == NIL {
            holder.last = NIL;
        }
        holder.packets = holder.packets.saturating_sub(1);
        let freed = self.cells.discard(packet);
        self.uncharge(holder, freed);
    }

    /// Frees the packets of a holder, which stays.
    pub(super) fn discard_packets(&mut self, at: u32) {
        let mut holder = self.holder(at);
        while holder.packets > 0 {
            self.discard_first(&mut holder);
        }
        self.update(at, &holder);
    }

    /// Frees a holder with all that it holds.
    pub(super) fn remove(&mut self, at: u32) {
        self.discard_packets(at);
        let holder = self.holder(at);
        self.unlink(at, &holder);
        self.leave_bucket(at, &holder);
        self.uncharge(&holder, 1);
        self.cells.give(at);
        self.count -= 1;
        if let Some(account) = self.accounts.get_mut(usize::from(holder.slot.raw())) {
            account.holders -= 1;
        }
        self.leave_source(holder.source);
    }

    /// Moves a holder to another stage, as the most recent one there.
    pub(super) fn stage(&mut self, at: u32, stage: Stage) {
        let mut holder = self.holder(at);
        if let Some(account) = self.accounts.get_mut(usize::from(holder.slot.raw())) {
            account.stages[holder.stage as usize].unlink(&mut self.cells, OF_SLOT, at);
            account.stages[stage as usize].push(&mut self.cells, OF_SLOT, at);
        }
        holder.stage = stage;
        self.update(at, &holder);
    }

    /// Calls `each` with the slots whose packets gave way to others, and how many did.
    pub(super) fn take_evicted(&mut self, mut each: impl FnMut(SlotId, u32)) {
        for slot in self.robbed.drain(..) {
            if let Some(account) = self.accounts.get_mut(usize::from(slot.raw())) {
                each(slot, std::mem::take(&mut account.evicted));
            }
        }
    }

    fn account(&self, slot: SlotId) -> Option<&Account> {
        self.accounts.get(usize::from(slot.raw()))
    }

    fn bucket(&self, flow: u32) -> usize {
        // Indices of connections are dense; an odd factor spreads them over the upper half.
        let mixed = u64::from(flow).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize & (self.holders.len() - 1)
    }

    fn link(&mut self, at: u32, holder: &Holder) {
        self.recent.push(&mut self.cells, RECENT, at);
        let mut list = self.source_list(holder.source);
        list.push(&mut self.cells, OF_SOURCE, at);
        self.set_source_list(holder.source, list);
        if let Some(account) = self.accounts.get_mut(usize::from(holder.slot.raw())) {
            account.stages[holder.stage as usize].push(&mut self.cells, OF_SLOT, at);
        }
    }

    fn unlink(&mut self, at: u32, holder: &Holder) {
        self.recent.unlink(&mut self.cells, RECENT, at);
        let mut list = self.source_list(holder.source);
        list.unlink(&mut self.cells, OF_SOURCE, at);
        self.set_source_list(holder.source, list);
        if let Some(account) = self.accounts.get_mut(usize::from(holder.slot.raw())) {
            account.stages[holder.stage as usize].unlink(&mut self.cells, OF_SLOT, at);
        }
    }

    /// Makes a holder the most recently active one.
    fn touch(&mut self, at: u32, holder: &Holder) {
        self.unlink(at, holder);
        self.link(at, holder);
    }

    fn leave_bucket(&mut self, at: u32, holder: &Holder) {
        let bucket = self.bucket(Holder::flow(holder.conn, holder.side));
        let next = self.cells.cell(at)[BUCKET_NEXT];
        if self.holders[bucket] == at {
            self.holders[bucket] = next;
            return;
        }
        let mut before = self.holders[bucket];
        while before != NIL {
            let following = self.cells.cell(before)[BUCKET_NEXT];
            if following == at {
                return self.cells.set(before, BUCKET_NEXT, next);
            }
            before = following;
        }
    }
}

#[cfg(test)]
mod tests;
