use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;

use arrayvec::ArrayVec;
use proptest::prelude::*;

use super::ring;

#[test]
fn a_full_ring_gives_the_value_back() {
    let (mut producer, mut consumer) = ring(2);
    assert_eq!(producer.push(1), Ok(()));
    assert_eq!(producer.push(2), Ok(()));
    assert_eq!(producer.push(3), Err(3));
    assert_eq!(consumer.pop(), Some(1));
    assert_eq!(producer.push(3), Ok(()));
    assert_eq!((consumer.pop(), consumer.pop()), (Some(2), Some(3)));
    assert_eq!(consumer.pop(), None);
}

#[test]
#[should_panic(expected = "masked")]
fn a_length_that_is_no_power_of_two_is_refused() {
    let _ = ring::<u8>(12);
}

#[test]
fn what_is_left_is_dropped_once_with_the_last_end() {
    let value = Arc::new(());
    for ends in [true, false] {
        let (mut producer, mut consumer) = ring(4);
        for _ in 0..3 {
            producer.push(value.clone()).unwrap();
        }
        drop(consumer.pop());
        assert_eq!(Arc::strong_count(&value), 3);
        if ends {
            drop(producer);
            assert!(consumer.is_abandoned());
            assert_eq!(consumer.len(), 2);
            drop(consumer);
        } else {
            drop(consumer);
            assert!(producer.is_abandoned());
            drop(producer);
        }
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

#[test]
fn every_value_crosses_in_order() {
    const COUNT: u64 = 200_000;
    let (mut producer, mut consumer) = ring::<Box<u64>>(64);
    let filling = thread::spawn(move || {
        let mut next = 0;
        let mut burst = ArrayVec::<_, 32>::new();
        while next < COUNT || !burst.is_empty() {
            while next < COUNT && !burst.is_full() {
                burst.push(Box::new(next));
                next += 1;
            }
            if producer.push_burst(&mut burst) == 0 {
                thread::yield_now();
            }
        }
    });
    let mut expected = 0;
    let mut burst = ArrayVec::<_, 24>::new();
    while expected < COUNT {
        if consumer.pop_burst(&mut burst) == 0 {
            thread::yield_now();
        }
        for value in burst.drain(..) {
            assert_eq!(*value, expected);
            expected += 1;
        }
    }
    filling.join().unwrap();
    assert!(consumer.is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Push,
    PushBurst(usize),
    Pop,
    PopBurst(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Push),
        (0..=8_usize).prop_map(Step::PushBurst),
        Just(Step::Pop),
        (0..=8_usize).prop_map(Step::PopBurst),
    ]
}

proptest! {
    #[test]
    fn behaves_as_a_bounded_queue(
        len_log2 in 0_u32..5,
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let len = 1_usize << len_log2;
        let (mut producer, mut consumer) = ring::<Arc<u32>>(len);
        let mut queue = VecDeque::new();
        let mut made = 0..;
        let mut value = || Arc::new(made.next().expect("endless"));
        for step in steps {
            match step {
                Step::Push => {
                    let value = value();
                    let pushed = producer.push(value.clone());
                    if queue.len() < len {
                        prop_assert!(pushed.is_ok());
                        queue.push_back(value);
                    } else {
                        prop_assert_eq!(pushed, Err(value));
                    }
                }
                Step::PushBurst(count) => {
                    let values: Vec<_> = (0..count).map(|_| value()).collect();
                    let mut burst: ArrayVec<_, 8> = values.iter().cloned().collect();
                    let fits = count.min(len - queue.len());
                    prop_assert_eq!(producer.push_burst(&mut burst), fits);
                    prop_assert_eq!(&burst[..], &values[fits..]);
                    queue.extend(values.into_iter().take(fits));
                }
                Step::Pop => prop_assert_eq!(consumer.pop(), queue.pop_front()),
                Step::PopBurst(room) => {
                    let mut burst = ArrayVec::<_, 8>::new();
                    burst.extend((room..8).map(|_| Arc::new(u32::MAX)));
                    let count = room.min(queue.len());
                    prop_assert_eq!(consumer.pop_burst(&mut burst), count);
                    let expected: Vec<_> = queue.drain(..count).collect();
                    prop_assert_eq!(&burst[8 - room..], &expected[..]);
                }
            }
            prop_assert_eq!(consumer.len(), queue.len());
            prop_assert_eq!(producer.free(), len - queue.len());
        }
        drop((producer, consumer));
        for value in queue {
            prop_assert_eq!(Arc::strong_count(&value), 1);
        }
    }
}
