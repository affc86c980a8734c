use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Cells of the pool under test: small, so that everybody is short of room.
const CELLS: u32 = 320;

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    flow: (u32, Side),
    generation: u32,
    source: u32,
    slot: SlotId,
    packets: Vec<Vec<u8>>,
}

impl Entry {
    fn cells(&self) -> u32 {
        1 + self
            .packets
            .iter()
            .map(|bytes| cells_of(bytes.len()))
            .sum::<u32>()
    }
}

/// The pool as a list in the order of activity, the most recent last.
#[derive(Default)]
struct Model(Vec<Entry>);

impl Model {
    fn used_by(&self, of: impl Fn(&Entry) -> bool) -> u32 {
        self.0
            .iter()
            .filter(|entry| of(entry))
            .map(Entry::cells)
            .sum()
    }

    /// The cell of the source itself is its own.
    fn source_used(&self, source: u32) -> u32 {
        let used = self.used_by(|entry| entry.source == source);
        used + u32::from(used > 0)
    }

    fn free(&self) -> u32 {
        let sources: std::collections::BTreeSet<u32> =
            self.0.iter().map(|entry| entry.source).collect();
        CELLS - self.used_by(|_| true) - sources.len() as u32
    }

    fn oldest(&self, of: impl Fn(&Entry) -> bool) -> Option<usize> {
        self.0.iter().position(of)
    }

    /// The stated rule, written down naively. Among several that are beyond their shares any may
    /// give way.
    fn victims(&self, source: u32, slot: SlotId, wanted: u32) -> Vec<usize> {
        let own = self.source_used(source);
        if own > 0 && own + wanted > CELLS / HOLD_SOURCE_SHARE as u32 {
            return self
                .oldest(|entry| entry.source == source)
                .into_iter()
                .collect();
        }
        let of_slot = self.used_by(|entry| entry.slot == slot);
        if of_slot > 0 && of_slot + wanted > CELLS / HOLD_SLOT_SHARE as u32 {
            // One stage only, so the order among the slot's holders is that of activity.
            return self
                .oldest(|entry| entry.slot == slot)
                .into_iter()
                .collect();
        }
        let greedy: Vec<usize> = (0..self.0.len())
            .filter(|at| {
                let source = self.0[*at].source;
                self.source_used(source) > CELLS / HOLD_SOURCE_SHARE as u32
                    && self.oldest(|entry| entry.source == source) == Some(*at)
            })
            .collect();
        if !greedy.is_empty() {
            return greedy;
        }
        let greedy: Vec<usize> = (0..self.0.len())
            .filter(|at| {
                let slot = self.0[*at].slot;
                self.used_by(|entry| entry.slot == slot) > CELLS / HOLD_SLOT_SHARE as u32
                    && self.oldest(|entry| entry.slot == slot) == Some(*at)
            })
            .collect();
        if greedy.is_empty() {
            self.oldest(|_| true).into_iter().collect()
        } else {
            greedy
        }
    }
}

fn pool() -> Pool {
    let per_cell = Cells::BYTES_PER_CELL as u64 + BUCKET_BYTES_PER_CELL;
    let pool = Pool::new(u64::from(CELLS) * per_cell, HashKey([1, 2]));
    assert_eq!(pool.cells.total(), CELLS);
    pool
}

/// What the pool holds, by flow.
fn content(pool: &Pool) -> BTreeMap<(u32, usize), Entry> {
    let mut found = BTreeMap::new();
    for at in pool.holders.iter().copied() {
        let mut at = at;
        while at != NIL {
            let holder = pool.holder(at);
            let packets = pool
                .packets(&holder)
                .map(|packet| {
                    let mut bytes = vec![0; pool.cells.len(packet)];
                    pool.cells.load(packet, &mut bytes);
                    bytes
                })
                .collect();
            let entry = Entry {
                flow: (holder.conn, holder.side),
                generation: holder.generation,
                source: pool.address(holder.source),
                slot: holder.slot,
                packets,
            };
            assert_eq!(usize::from(holder.packets), entry.packets.len());
            found.insert((holder.conn, holder.side.index()), entry);
            at = pool.cells.cell(at)[BUCKET_NEXT];
        }
    }
    found
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        3 => Just(Place::Only),
        2 => Just(Place::First),
        2 => Just(Place::Back),
        1 => Just(Place::Front),
    ]
}

fn step() -> impl Strategy<Value = (u32, bool, u32, u16, Vec<u8>, Place, u8)> {
    (
        0_u32..24,
        any::<bool>(),
        // A greedy source and some modest ones.
        prop_oneof![2 => Just(7_u32), 3 => 8_u32..20],
        0_u16..6,
        prop::collection::vec(1_u8.., 0..600),
        place(),
        0_u8..20,
    )
}

/// What room is made for.
struct Room {
    wanted: u32,
    source: u32,
    slot: SlotId,
    flow: (u32, Side),
    refused: bool,
}

/// The model after those have given way that are not held any more; `None` if there is no order in
/// which the rule takes just them.
fn evicted(model: &Model, held: &BTreeMap<(u32, usize), Entry>, room: &Room) -> Option<Model> {
    let is_gone = |entry: &Entry| {
        let (conn, side) = entry.flow;
        entry.flow != room.flow && !held.contains_key(&(conn, side.index()))
    };
    let all_gave_way = !model.0.iter().any(is_gone);
    if model.free() >= room.wanted {
        return (all_gave_way && !room.refused).then(|| Model(model.0.clone()));
    }
    let victims = model.victims(room.source, room.slot, room.wanted);
    let spared = |at: &usize| model.0[*at].flow == room.flow;
    if all_gave_way && room.refused && (victims.is_empty() || victims.iter().any(spared)) {
        return Some(Model(model.0.clone()));
    }
    let gone = victims.into_iter().filter(|at| is_gone(&model.0[*at]));
    gone.into_iter().find_map(|at| {
        let mut after = Model(model.0.clone());
        after.0.remove(at);
        evicted(&after, held, room)
    })
}

/// Applies an offer to the model, following the pool where the rule leaves a choice.
fn follow(model: &mut Model, pool: &Pool, entry: Entry, place: Place, kept: Kept) {
    let held = content(pool);
    let mine = |other: &Entry| other.flow == entry.flow;
    if let Some(at) = model.oldest(mine)
        && (model.0[at].generation != entry.generation || model.0[at].slot != entry.slot)
    {
        model.0.remove(at);
    }
    let cells = cells_of(entry.packets[0].len());
    let wanted = match model.oldest(mine) {
        None => cells + 2,
        Some(at) => {
            let mine = model.0.remove(at);
            let back: u32 = match place {
                Place::First => cells_of(mine.packets[0].len()),
                Place::Only => mine.cells() - 1,
                Place::Front | Place::Back => 0,
            };
            // Activity counts, even if there is no room in the end.
            model.0.push(mine);
            cells.saturating_sub(back)
        }
    };
    let source = model
        .0
        .iter()
        .find(|other| mine(other))
        .map_or(entry.source, |e| e.source);
    let room = Room {
        wanted,
        source,
        slot: entry.slot,
        flow: entry.flow,
        refused: kept == Kept::Refused,
    };
    *model = evicted(model, &held, &room).expect("the rule explains who gave way");
    if room.refused {
        return;
    }
    match model.oldest(mine) {
        None => model.0.push(entry),
        Some(at) => {
            let packets = &mut model.0[at].packets;
            let [packet] = <[_; 1]>::try_from(entry.packets).expect("one packet");
            match place {
                Place::First => packets[0] = packet,
                Place::Only => *packets = vec![packet],
                Place::Front => packets.insert(0, packet),
                Place::Back => packets.push(packet),
            }
        }
    }
}

proptest! {
    #[test]
    fn the_pool_does_what_the_rule_says(steps in prop::collection::vec(step(), 1..120)) {
        let mut pool = pool();
        let mut model = Model::default();
        for (conn, high, source, slot, bytes, place, what) in steps {
            let side = if high { Side::High } else { Side::Low };
            // One address per direction of a flow, as in life; one slot too.
            let source = if conn % 3 == 0 { 7 } else { source.wrapping_mul(conn) % 12 + 8 };
            let slot = SlotId::new((conn as u16 + slot / 5) % 6);
            if what == 0 {
                if let Some(at) = pool.find(conn, side) {
                    pool.remove(at);
                    model.0.retain(|entry| entry.flow != (conn, side));
                }
                continue;
            }
            let source = model
                .0
                .iter()
                .find(|entry| entry.flow == (conn, side))
                .map_or(source, |entry| entry.source);
            let generation = u32::from(what == 1);
            let offer = Offer {
                conn,
                side,
                generation,
                source,
                slot,
                in_port: 0,
                flags: 0,
                now_us: 0,
                bytes: &bytes,
            };
            let kept = pool.keep(&offer, place);
            let entry = Entry {
                flow: (conn, side),
                generation,
                source,
                slot,
                packets: vec![bytes],
            };
            follow(&mut model, &pool, entry, place, kept);
            let expected: BTreeMap<_, _> = model
                .0
                .iter()
                .map(|entry| ((entry.flow.0, entry.flow.1.index()), entry.clone()))
                .collect();
            prop_assert_eq!(content(&pool), expected);
            prop_assert_eq!(pool.cells.free(), model.free());
            prop_assert!(pool.cells.free_are_zero());
        }
        let mut bigger = Pool::new(1 << 20, HashKey([3, 4]));
        let before = content(&pool);
        while let Some(at) = pool.least_recent() {
            bigger.adopt(&mut pool, at);
        }
        prop_assert_eq!(content(&bigger), before);
        prop_assert_eq!(pool.cells.free(), CELLS);
        prop_assert_eq!((pool.count(), pool.greedy_sources.len()), (0, 0));
        prop_assert!(pool.cells.free_are_zero() && pool.greedy_slots.is_empty());
    }
}

fn offer(conn: u32, source: u32, bytes: &[u8]) -> Offer<'_> {
    Offer {
        conn,
        side: Side::Low,
        generation: 1,
        source,
        // Many slots, so that only the sources' shares matter.
        slot: SlotId::new(conn as u16 % 50),
        in_port: 0,
        flags: 0,
        now_us: 0,
        bytes,
    }
}

#[test]
fn a_host_that_opens_many_flows_takes_nothing_from_the_others() {
    let mut pool = pool();
    let modest: Vec<u32> = (0..16).collect();
    for conn in &modest {
        let kept = pool.keep(&offer(*conn, 100 + conn, &[1; 52]), Place::Only);
        assert!(matches!(kept, Kept::Began(_)));
    }
    for round in 0..4 {
        for conn in 1000..1200 {
            pool.keep(&offer(conn, 7, &[round; 500]), Place::Only);
        }
    }
    assert!(
        modest
            .iter()
            .all(|conn| pool.find(*conn, Side::Low).is_some())
    );
    // While there was room it took more than its share; that goes to whoever comes.
    for conn in 100..130 {
        let kept = pool.keep(&offer(conn, 100 + conn, &[1; 52]), Place::Only);
        assert!(matches!(kept, Kept::Began(_)));
    }
    assert!(
        modest
            .iter()
            .all(|conn| pool.find(*conn, Side::Low).is_some())
    );
    let mut robbed = 0;
    pool.take_evicted(|_, count| robbed += count);
    assert!(robbed > 0);
    pool.take_evicted(|_, _| panic!("each is told once"));
}

#[test]
fn the_most_recently_active_win_among_equals() {
    let mut pool = pool();
    for conn in 0..1000 {
        pool.keep(&offer(conn, 1000 + conn, &[1; 52]), Place::Only);
        // This one goes on retransmitting.
        pool.keep(&offer(5, 1005, &[2; 52]), Place::First);
    }
    assert!(pool.find(5, Side::Low).is_some());
    let fits = CELLS / 3;
    let held = (0..1000).filter(|conn| pool.find(*conn, Side::Low).is_some());
    let held: Vec<u32> = held.collect();
    assert_eq!(held.len() as u32, fits);
    assert!(held.iter().all(|conn| *conn == 5 || *conn >= 1000 - fits));
}

#[test]
fn depth_and_size_are_bounded() {
    let mut pool = Pool::new(1 << 20, HashKey([1, 2]));
    for _ in 0..HOLD_DEPTH {
        assert_ne!(
            pool.keep(&offer(1, 1, &[3; 40]), Place::Back),
            Kept::Refused
        );
    }
    assert_eq!(
        pool.keep(&offer(1, 1, &[3; 40]), Place::Back),
        Kept::Refused
    );
    let big = vec![0; HELD_PACKET_BYTES_MAX + 1];
    assert_eq!(pool.keep(&offer(2, 1, &big), Place::Only), Kept::Refused);
    let mut none = Pool::new(0, HashKey([1, 2]));
    assert_eq!(
        none.keep(&offer(1, 1, &[3; 40]), Place::Only),
        Kept::Refused
    );
}
