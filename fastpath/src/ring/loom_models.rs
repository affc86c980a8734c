//! The ring under every interleaving; run with the command in `rcu/loom_models.rs`.
//!
//! The places are loom's cells, so that a place that is read before it is filled, or filled before
//! it is emptied, fails the model.

use arrayvec::ArrayVec;
use loom::sync::Arc;
use loom::thread;

use super::ring;

#[test]
fn single_values_cross_a_ring_of_two_places() {
    loom::model(|| {
        let (mut producer, mut consumer) = ring::<u32>(2);
        let filling = thread::spawn(move || {
            for value in 0..3 {
                while producer.push(value).is_err() {
                    thread::yield_now();
                }
            }
        });
        let mut expected = 0;
        while expected < 3 {
            match consumer.pop() {
                Some(value) => {
                    assert_eq!(value, expected);
                    expected += 1;
                }
                None => thread::yield_now(),
            }
        }
        assert_eq!(consumer.pop(), None);
        filling.join().unwrap();
    });
}

#[test]
fn bursts_cross_with_a_lap_around_the_ring() {
    loom::model(|| {
        let (mut producer, mut consumer) = ring::<u32>(2);
        let filling = thread::spawn(move || {
            let mut burst: ArrayVec<u32, 3> = (0..3).collect();
            while !burst.is_empty() {
                if producer.push_burst(&mut burst) == 0 {
                    thread::yield_now();
                }
            }
        });
        let mut got = ArrayVec::<u32, 3>::new();
        while !got.is_full() {
            if consumer.pop_burst(&mut got) == 0 {
                thread::yield_now();
            }
        }
        assert_eq!(got[..], [0, 1, 2]);
        filling.join().unwrap();
    });
}

#[test]
fn the_last_end_drops_what_is_left_after_every_access() {
    loom::model(|| {
        // loom's reference count fails the model when a value is leaked or dropped twice.
        let value = Arc::new(());
        let (mut producer, mut consumer) = ring(2);
        let filling = thread::spawn({
            let value = value.clone();
            move || {
                producer.push(value.clone()).unwrap();
                producer.push(value).unwrap();
            }
        });
        drop(consumer.pop());
        drop(consumer);
        filling.join().unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
    });
}
