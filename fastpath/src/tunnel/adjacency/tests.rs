use std::collections::{HashMap, HashSet};
use std::thread;

use proptest::prelude::*;

use super::*;

const KEY: [u8; 16] = *b"hash key of test";
const MAC: [u8; 6] = [2, 0, 0x5e, 0x10, 0xff, 1];

#[test]
fn a_next_hop_goes_through_its_states() {
    let (table, mut owner) = Adjacencies::new(KEY);
    let id = table.intern(3, 0x0a000001).unwrap();
    assert_eq!(table.intern(3, 0x0a000001), Some(id));
    assert_ne!(table.intern(4, 0x0a000001), Some(id));
    assert_eq!(table.key(id), Some((3, 0x0a000001)));
    assert_eq!(table.resolve(id), Resolution::Unresolved);
    assert!(!owner.set_state(id, NeighbourState::Stale));
    assert!(owner.set_state(id, NeighbourState::Failed));
    assert_eq!(table.resolve(id), Resolution::Failed);
    assert!(!owner.learn(3, 0x0a000002, MAC));
    assert!(owner.learn(3, 0x0a000001, MAC));
    assert_eq!(table.resolve(id), Resolution::Mac(MAC));
    assert!(owner.set_state(id, NeighbourState::Stale));
    assert_eq!(table.resolve(id), Resolution::Mac(MAC));
    assert_eq!(
        owner.find(3, 0x0a000001).unwrap().state,
        NeighbourState::Stale
    );
    assert!(owner.set_state(id, NeighbourState::Incomplete));
    assert_eq!(table.resolve(id), Resolution::Unresolved);
    assert_eq!(owner.get(id).unwrap().mac, None);
    assert_eq!(owner.walk(0).count(), 2);
}

#[test]
fn what_is_no_index_is_gone() {
    let (table, mut owner) = Adjacencies::new(KEY);
    let beyond = AdjacencyId::from_raw(ADJACENCIES_MAX as u16);
    for id in [AdjacencyId::NONE, beyond] {
        assert_eq!(table.resolve(id), Resolution::Gone);
        assert_eq!(table.key(id), None);
        assert!(!owner.set_state(id, NeighbourState::Failed));
        assert!(!owner.retire(id, 0));
    }
}

#[test]
fn an_index_is_not_reused_before_the_next_policy_generation() {
    let (table, mut owner) = Adjacencies::with_len(1, KEY);
    let id = table.intern(0, 1).unwrap();
    assert!(owner.learn(0, 1, MAC));
    assert!(owner.retire(id, 7));
    assert!(!owner.retire(id, 7));
    assert_eq!(table.resolve(id), Resolution::Gone);
    assert_eq!(table.key(id), None);
    assert_eq!(owner.walk(0).next(), None);
    for next_hop in [1, 2] {
        assert_eq!(table.intern(0, next_hop), None);
    }
    assert!(!owner.learn(0, 1, MAC));
    assert_eq!(owner.vacate(7), 0);
    assert_eq!(owner.quarantined(), 1);
    assert_eq!(owner.vacate(8), 1);
    assert_eq!(table.intern(0, 2), Some(id));
    assert_eq!(table.resolve(id), Resolution::Unresolved);
    assert_eq!(owner.get(id).unwrap().next_hop, 2);
}

#[test]
fn the_table_can_be_filled_well_before_a_search_fails() {
    let (table, _owner) = Adjacencies::new(KEY);
    let count = ADJACENCIES_MAX as u32 * 3 / 4;
    let ids: HashSet<_> = (0..count)
        .map(|hop| table.intern(1, hop).unwrap())
        .collect();
    assert_eq!(ids.len(), count as usize);
    assert!((count..2 * ADJACENCIES_MAX as u32).any(|hop| table.intern(1, hop).is_none()));
    assert!((0..count).all(|hop| table.intern(1, hop).is_some()));
}

#[test]
fn workers_that_meet_agree_on_the_index() {
    let (table, _owner) = Adjacencies::new(KEY);
    let interned = |table: Arc<Adjacencies>| {
        move || {
            (0..5000)
                .map(|hop| table.intern(0, hop % 2500))
                .collect::<Vec<_>>()
        }
    };
    let workers = [(); 3].map(|()| thread::spawn(interned(table.clone())));
    let [first, second, third] = workers.map(|worker| worker.join().unwrap());
    assert!(first.iter().all(Option::is_some));
    assert_eq!(first, second);
    assert_eq!(second, third);
    assert_eq!(first.iter().collect::<HashSet<_>>().len(), 2500);
}

proptest! {
    #[test]
    fn behaves_as_a_map(steps in prop::collection::vec((0_u8..5, 0_u32..12), 0..200)) {
        let (table, mut owner) = Adjacencies::with_len(8, KEY);
        let mut map: HashMap<u32, (AdjacencyId, Resolution)> = HashMap::new();
        let mut resting = HashSet::new();
        for (generation, (step, hop)) in (0_u64..).zip(steps) {
            let mac = [generation as u8, 0, 0, 0, 0, hop as u8];
            let known = map.get(&hop).copied();
            match (step, known) {
                (0, Some((id, _))) => prop_assert_eq!(table.intern(0, hop), Some(id)),
                (0, None) => {
                    let id = table.intern(0, hop);
                    prop_assert_eq!(id.is_none(), map.len() + resting.len() == 8);
                    if let Some(id) = id {
                        prop_assert!(!resting.contains(&id));
                        map.insert(hop, (id, Resolution::Unresolved));
                    }
                }
                (1, known) => {
                    prop_assert_eq!(owner.learn(0, hop, mac), known.is_some());
                    if let Some(entry) = map.get_mut(&hop) {
                        entry.1 = Resolution::Mac(mac);
                    }
                }
                (2, Some((id, _))) => {
                    prop_assert!(owner.retire(id, generation));
                    map.remove(&hop);
                    resting.insert(id);
                }
                (3, _) => {
                    prop_assert_eq!(owner.vacate(generation), resting.len());
                    resting.clear();
                }
                _ => {}
            }
            for (hop, (id, resolution)) in &map {
                prop_assert_eq!(table.key(*id), Some((0, *hop)));
                prop_assert_eq!(table.resolve(*id), *resolution);
            }
            for id in &resting {
                prop_assert_eq!(table.resolve(*id), Resolution::Gone);
            }
        }
    }
}
