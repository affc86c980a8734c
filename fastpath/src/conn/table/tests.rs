use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::limits::BURST_MAX;
use crate::packet::protocol;

const SECRET: HashKey = HashKey([0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);

/// Canonical keys, one per number.
fn key(number: u32) -> FlowKey {
    FlowKey::new(protocol::TCP, 0x0a00_0000, 1024, 0x0b00_0000 + number, 80)
}

fn hot(key: FlowKey, last_seen: u32) -> Hot {
    Hot {
        low_address: key.src,
        high_address: key.dst,
        low_port: key.sport,
        high_port: key.dport,
        protocol: key.protocol,
        last_seen,
        ..UNUSED_HOT
    }
}

fn table(capacity: u32) -> ConnTable {
    ConnTable::new(capacity, SECRET, 0)
}

fn insert(table: &mut ConnTable, number: u32, now: u32, timeout: u32) -> Result<u32, Full> {
    let cold = Cold {
        id: ConnId(number),
        ..UNUSED_COLD
    };
    table.insert(hot(key(number), now), cold, timeout)
}

/// Numbers that expire until `now`, in calls of `budget`; all of them are removed.
fn expire(table: &mut ConnTable, now: u32, budget: usize, timeout: u32) -> Vec<u32> {
    let mut ids = Vec::new();
    loop {
        let mut due = Vec::new();
        let before = table.wheel_position();
        let looked_at = table.advance(now, budget, |_| timeout, |entry| due.push(entry));
        assert!(looked_at <= budget);
        for entry in due {
            let (_, cold) = table.remove(entry).expect("reported entries are in use");
            ids.push(cold.id.0);
        }
        if looked_at == 0 && table.wheel_position() == before {
            ids.sort_unstable();
            return ids;
        }
    }
}

impl ConnTable {
    fn wheel_position(&self) -> u32 {
        self.wheel.position()
    }

    /// Every entry in use is found by its key, and all numbers add up.
    fn check(&self) {
        let mut seen = 0;
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            cursor = self.walk(from, 7, |entry, hot, _| {
                seen += 1;
                assert_eq!(self.lookup(&hot.key()), Some(entry));
            });
        }
        assert_eq!(seen, self.len());
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert { number: u32, timeout: u32 },
    Remove { number: u32 },
    Touch { number: u32 },
    LookupBurst { numbers: Vec<u32> },
    Rearm { number: u32, ahead: u32 },
    Advance { ticks: u32, budget: usize },
}

fn step(keys: u32) -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..keys, 1_u32..5000)
            .prop_map(|(number, timeout)| Step::Insert { number, timeout }),
        3 => (0..keys).prop_map(|number| Step::Remove { number }),
        3 => (0..keys).prop_map(|number| Step::Touch { number }),
        2 => proptest::collection::vec(0..keys, 0..=BURST_MAX)
            .prop_map(|numbers| Step::LookupBurst { numbers }),
        1 => (0..keys, 0_u32..6000).prop_map(|(number, ahead)| Step::Rearm { number, ahead }),
        2 => (0_u32..3000, 1_usize..40)
            .prop_map(|(ticks, budget)| Step::Advance { ticks, budget }),
    ]
}

/// What the table should hold.
struct Model {
    entries: HashMap<u32, ModelEntry>,
    now: u32,
}

struct ModelEntry {
    entry: u32,
    last_seen: u32,
    timeout: u32,
}

impl Model {
    fn apply(&mut self, table: &mut ConnTable, step: Step) {
        match step {
            Step::Insert { number, timeout } => self.insert(table, number, timeout),
            Step::Remove { number } => {
                let removed = self.entries.remove(&number);
                let entry = removed.as_ref().map_or(u32::MAX, |held| held.entry);
                let gone = table.remove(entry).map(|(_, cold)| cold.id);
                assert_eq!(gone, removed.map(|_| ConnId(number)));
            }
            Step::Touch { number } => {
                if let Some(held) = self.entries.get_mut(&number) {
                    held.last_seen = self.now;
                    table.hot_mut(held.entry).expect("in use").last_seen = self.now;
                }
            }
            Step::LookupBurst { numbers } => {
                let keys: Vec<_> = numbers.iter().map(|number| key(*number)).collect();
                let mut found = vec![Some(7); keys.len()];
                table.lookup_burst(&keys, &mut found);
                for (number, found) in numbers.iter().zip(found) {
                    assert_eq!(found, self.entries.get(number).map(|held| held.entry));
                }
            }
            Step::Rearm { number, ahead } => {
                if let Some(held) = self.entries.get(&number) {
                    table.rearm(held.entry, self.now.wrapping_add(ahead));
                }
            }
            Step::Advance { ticks, budget } => {
                self.now = self.now.wrapping_add(ticks);
                self.advance(table, budget);
            }
        }
    }

    fn insert(&mut self, table: &mut ConnTable, number: u32, timeout: u32) {
        if self.entries.contains_key(&number) {
            return;
        }
        match insert(table, number, self.now, timeout) {
            Ok(entry) => {
                // The cold part carries the timeout, so that the callback can tell it.
                table.hot_mut(entry).expect("in use").tcp[0].end = timeout;
                let held = ModelEntry {
                    entry,
                    last_seen: self.now,
                    timeout,
                };
                self.entries.insert(number, held);
            }
            Err(Full) => assert_eq!(self.entries.len() as u32, table.capacity()),
        }
    }

    fn advance(&mut self, table: &mut ConnTable, budget: usize) {
        let mut due = Vec::new();
        table.advance(
            self.now,
            budget,
            |hot| hot.tcp[0].end,
            |entry| due.push(entry),
        );
        for entry in due {
            let (_, cold) = table.remove(entry).expect("in use");
            let held = self.entries.remove(&cold.id.0).expect("in the model");
            assert!(self.now.wrapping_sub(held.last_seen) >= held.timeout);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn behaves_as_a_hash_map_with_timers(
        secret: [u64; 2],
        start: u32,
        capacity in 1_u32..300,
        steps in proptest::collection::vec(step(350), 1..1500),
    ) {
        let mut table = ConnTable::new(capacity, HashKey(secret), start);
        let mut model = Model { entries: HashMap::new(), now: start };
        for step in steps {
            model.apply(&mut table, step);
            prop_assert_eq!(table.len() as usize, model.entries.len());
        }
        table.check();
        model.now = model.now.wrapping_add(5000);
        // Every entry is looked at within one turn of the wheel and has expired by now.
        for _ in 0..5000 {
            model.advance(&mut table, 16);
        }
        prop_assert!(table.is_empty());
        prop_assert!(model.entries.is_empty());
    }

    #[test]
    fn every_capacity_can_be_used_up(secret: [u64; 2], capacity in 1_u32..2000) {
        let mut table = ConnTable::new(capacity, HashKey(secret), 0);
        for number in 0..capacity {
            prop_assert!(insert(&mut table, number, 0, 10).is_ok());
        }
        prop_assert_eq!(insert(&mut table, capacity, 0, 10), Err(Full));
        table.check();
        for entry in 0..capacity {
            prop_assert!(table.remove(entry).is_some());
        }
        prop_assert_eq!(table.index.elsewhere(), 0);
    }
}

#[test]
fn a_full_large_table_finds_every_key_and_no_other() {
    let capacity = 200_000;
    let mut table = table(capacity);
    for number in 0..capacity {
        insert(&mut table, number, 0, 10).expect("below capacity");
    }
    table.check();
    assert!((capacity..2 * capacity).all(|number| table.lookup(&key(number)).is_none()));
    assert_eq!((table.len(), table.most_used()), (capacity, capacity));
}

#[test]
fn churn_at_nine_tenths_never_refuses() {
    let capacity = 20_000;
    let live = capacity * 9 / 10;
    let mut table = table(capacity);
    for number in 0..live * 12 {
        if number >= live {
            let oldest = table.lookup(&key(number - live)).expect("still there");
            table.remove(oldest).expect("in use");
        }
        insert(&mut table, number, 0, 10).expect("below capacity");
    }
    table.check();
    assert_eq!((table.len(), table.most_used()), (live, live));
    assert!(table.index.elsewhere() > 0);
    for number in live * 11..live * 12 {
        let entry = table.lookup(&key(number)).expect("still there");
        table.remove(entry).expect("in use");
    }
    assert_eq!(table.index.elsewhere(), 0);
}

#[test]
fn keys_that_share_their_places_are_refused_and_harm_nobody() {
    let mut table = table(700);
    let places = |table: &ConnTable, number| {
        let (first, second) = table.index.places(hash_one(SECRET, &key(number)));
        (first.min(second), first.max(second))
    };
    let wanted = places(&table, 0);
    let mut colliding = (0..).filter(|number| places(&table, *number) == wanted);
    let colliding: Vec<u32> = colliding.by_ref().take(22).collect();
    let (fitting, refused) = colliding.split_at(20);
    for number in fitting {
        insert(&mut table, *number, 0, 10).expect("twenty places");
    }
    for number in refused {
        assert_eq!(insert(&mut table, *number, 0, 10), Err(Full));
    }
    let bystander = (0..10_000)
        .find(|number| places(&table, *number).0 > wanted.1)
        .expect("other places");
    insert(&mut table, bystander, 0, 10).expect("room elsewhere");
    table.check();
    let entry = table.lookup(&key(fitting[5])).expect("inserted");
    table.remove(entry).expect("in use");
    insert(&mut table, refused[0], 0, 10).expect("a place is free again");
    table.check();
}

#[test]
fn a_reused_entry_has_a_new_generation() {
    let mut table = table(4);
    let first = insert(&mut table, 1, 0, 10).expect("room");
    let generation = table.cold(first).expect("in use").generation;
    assert!(table.is_current(first, generation));
    let (hot, cold) = table.remove(first).expect("in use");
    assert_eq!(
        (hot.key(), hot.flags, cold.id, cold.generation),
        (key(1), 0, ConnId(1), generation)
    );
    assert!(!table.is_current(first, generation));
    assert!(table.remove(first).is_none());
    assert!(table.hot(first).is_none() && table.cold_mut(first).is_none());
    let second = insert(&mut table, 2, 0, 10).expect("room");
    assert_eq!(second, first);
    assert!(!table.is_current(second, generation));
    assert!(table.is_current(second, generation + 1));
    assert!(table.both_mut(u32::MAX).is_none());
}

#[test]
fn a_dead_entry_is_a_miss_until_its_owner_frees_it() {
    let mut table = table(8);
    let dead = insert(&mut table, 1, 0, 10).expect("room");
    table.hot_mut(dead).expect("in use").flags |= entry_flag::DEAD;
    assert_eq!(table.lookup(&key(1)), None);
    let mut found = [Some(0)];
    table.lookup_burst(&[key(1)], &mut found);
    assert_eq!(found, [None]);
    let live = insert(&mut table, 1, 0, 10).expect("room");
    table.lookup_burst(&[key(1)], &mut found);
    assert_eq!(found, [Some(live)]);
    table.remove(dead).expect("in use");
    assert_eq!(table.lookup(&key(1)), Some(live));
}

#[test]
fn timers_fire_at_their_tick_across_the_wrap_of_the_clock() {
    let start = u32::MAX - 20;
    let mut table = ConnTable::new(16, SECRET, start);
    for number in 0..10 {
        insert(&mut table, number, start.wrapping_add(number * 4), 10).expect("room");
    }
    for tick in 0..60_u32 {
        let expired = expire(&mut table, start.wrapping_add(tick), 3, 10);
        let expected: Vec<u32> = (0..10).filter(|number| number * 4 + 10 == tick).collect();
        assert_eq!(expired, expected, "tick {tick}");
    }
    assert!(table.is_empty());
}

#[test]
fn a_deadline_beyond_the_horizon_is_kept_exactly() {
    let timeout = 3 * 4096 + 100;
    let mut table = table(4);
    insert(&mut table, 1, 0, timeout).expect("room");
    for now in (0..timeout).step_by(50) {
        assert_eq!(expire(&mut table, now, 8, timeout), []);
    }
    assert_eq!(expire(&mut table, timeout - 1, 8, timeout), []);
    assert_eq!(expire(&mut table, timeout, 8, timeout), [1]);
}

#[test]
fn a_stamp_postpones_and_a_rearm_advances() {
    let mut table = table(4);
    let stamped = insert(&mut table, 1, 0, 100).expect("room");
    let shortened = insert(&mut table, 2, 0, 100).expect("room");
    table.hot_mut(stamped).expect("in use").last_seen = 90;
    assert_eq!(expire(&mut table, 95, 8, 100), []);
    assert_eq!(expire(&mut table, 100, 8, 100), [2]);
    assert!(table.hot(shortened).is_none());
    table.rearm(stamped, 120);
    let mut due = Vec::new();
    while table.advance(119, 8, |_| 20, |entry| due.push(entry)) != 0 {}
    assert_eq!(due, []);
    table.advance(120, 8, |_| 20, |entry| due.push(entry));
    assert_eq!(due, [stamped]);
}

#[test]
fn a_deadline_that_has_passed_is_served_at_the_next_tick() {
    let mut table = ConnTable::new(4, SECRET, 1000);
    let entry = insert(&mut table, 1, 1000, 100).expect("room");
    table.rearm(entry, 900);
    table.hot_mut(entry).expect("in use").last_seen = 0;
    assert_eq!(expire(&mut table, 1000, 8, 100), []);
    assert_eq!(expire(&mut table, 1001, 8, 100), [1]);
}

#[test]
fn never_is_never_and_unremoved_entries_are_reported_again() {
    let mut table = table(4);
    insert(&mut table, 1, 0, 0).expect("room");
    let now = 100_000;
    for _ in 0..200 {
        table.advance(now, 8, |_| 0, |_| unreachable!("no timeout"));
    }
    let mut due = Vec::new();
    for later in 0..5000 {
        table.advance(now + later, 8, |_| 10, |entry| due.push(entry));
        if due.len() == 2 {
            break;
        }
    }
    assert_eq!(due, [0, 0]);
}

#[test]
fn a_long_absence_is_caught_up_in_bounded_calls() {
    let mut table = table(1000);
    for number in 0..1000 {
        insert(&mut table, number, 0, 1 + number * 3).expect("room");
    }
    let mut calls = 0;
    let mut gone = 0;
    while !table.is_empty() {
        let mut due = Vec::new();
        let looked_at = table.advance(10_000_000, 32, |_| 1, |entry| due.push(entry));
        assert!(looked_at <= 32);
        gone += due.len();
        for entry in due {
            table.remove(entry).expect("in use");
        }
        calls += 1;
    }
    assert_eq!(gone, 1000);
    assert!(calls <= 1000 / 32 + 1 + 4096 / 64 + 1, "{calls}");
}

#[test]
fn a_walk_under_churn_shows_what_stays_exactly_once() {
    let mut table = table(500);
    for number in 0..400 {
        insert(&mut table, number, 0, 10).expect("room");
    }
    let mut shown = Vec::new();
    let mut next_new = 1000;
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        cursor = table.walk(from, 10, |_, _, cold| shown.push(cold.id.0));
        // Odd numbers go, new ones come in their places.
        let leaving = (0..400)
            .filter(|n| n % 2 == 1)
            .nth((next_new - 1000) as usize);
        if let Some(entry) = leaving.and_then(|number| table.lookup(&key(number))) {
            table.remove(entry).expect("in use");
        }
        insert(&mut table, next_new, 0, 10).expect("room");
        next_new += 1;
    }
    let staying: Vec<u32> = (0..400).filter(|number| number % 2 == 0).collect();
    shown.retain(|number| *number < 400 && number % 2 == 0);
    shown.sort_unstable();
    assert_eq!(shown, staying);
    assert_eq!(table.walk(u32::MAX, 10, |_, _, _| unreachable!()), None);
}

#[test]
fn memory_per_flow_is_bounded() {
    for capacity in [4096, 10_000, 1 << 16, 1_000_000, 10_000_000] {
        let bytes = ConnTable::bytes_for(capacity);
        assert!(bytes <= capacity as usize * 128, "{capacity}: {bytes}");
    }
    let table = table(4096);
    let held = std::mem::size_of_val(&*table.hot)
        + std::mem::size_of_val(&*table.cold)
        + table.index.bytes()
        + Wheel::BYTES;
    assert_eq!(held, ConnTable::bytes_for(4096));
}
