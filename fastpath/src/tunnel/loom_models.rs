//! Asks and next hops under every interleaving; run with the command in `rcu/loom_models.rs`.

use loom::sync::Arc;
use loom::thread;

use super::asks::Asks;
use super::{Adjacencies, Resolution};

#[test]
fn no_ask_is_lost_and_none_is_heard_twice() {
    loom::model(|| {
        let (asks, mut heard) = Asks::new(130);
        let asks = Arc::new(asks);
        let workers = [[1, 2], [2, 70]].map(|slots| {
            let asks = asks.clone();
            thread::spawn(move || slots.map(|slot| asks.ask(slot)))
        });
        let mut slots = Vec::new();
        heard.take(&asks, |slot| slots.push(slot));
        for worker in workers {
            worker.join().unwrap();
        }
        heard.take(&asks, |slot| slots.push(slot));
        slots.sort_unstable();
        assert_eq!(slots, [1, 2, 70]);
    });
}

#[test]
fn workers_that_meet_at_a_new_next_hop_get_one_index() {
    loom::model(|| {
        let (table, _owner) = Adjacencies::with_len(2, [0; 16]);
        let other = thread::spawn({
            let table = table.clone();
            move || table.intern(0, 1)
        });
        let mine = table.intern(0, 1);
        assert!(mine.is_some());
        assert_eq!(other.join().unwrap(), mine);
    });
}

#[test]
fn a_new_tenant_never_resolves_to_the_last_ones_mac() {
    loom::model(|| {
        let (table, mut owner) = Adjacencies::with_len(1, [0; 16]);
        let first = table.intern(0, 1).unwrap();
        assert!(owner.learn(0, 1, [1; 6]));
        let worker = thread::spawn({
            let table = table.clone();
            move || {
                if let Some(id) = table.intern(0, 2) {
                    let resolution = table.resolve(id);
                    let fresh = [Resolution::Unresolved, Resolution::Mac([2; 6])];
                    assert!(fresh.contains(&resolution), "{resolution:?}");
                    assert_eq!(table.key(id), Some((0, 2)));
                }
            }
        });
        assert!(owner.retire(first, 0));
        assert_eq!(owner.vacate(1), 1);
        owner.learn(0, 2, [2; 6]);
        worker.join().unwrap();
    });
}
