//! One SA that several workers seal with, under every interleaving; run with the command in
//! `rcu/loom_models.rs`.

use config::{Encryption, Hash};
use loom::sync::Arc;
use loom::thread;

use super::*;

fn aes() -> Suite {
    Suite::new(Encryption::Aes128, Some(Hash::Sha1)).expect("a suite")
}

/// What a worker was given for runs of these lengths, packets of a thousand bytes.
fn take(progress: &OutboundProgress, runs: [u64; 2]) -> Vec<u64> {
    let mut numbers = Vec::new();
    for packets in runs {
        if let Ok(first) = progress.reserve_shared(packets, packets * 1000) {
            numbers.extend(first..first + packets);
        }
    }
    numbers
}

fn two_workers(progress: &Arc<OutboundProgress>, runs: [[u64; 2]; 2]) -> Vec<u64> {
    let [mine, theirs] = runs;
    let other = thread::spawn({
        let progress = progress.clone();
        move || take(&progress, theirs)
    });
    let mut numbers = take(progress, mine);
    let others = other.join().unwrap();
    assert!(numbers.is_sorted() && others.is_sorted());
    numbers.extend(others);
    numbers.sort_unstable();
    numbers
}

#[test]
fn no_number_is_given_out_twice_and_none_is_left_out() {
    loom::model(|| {
        let progress = Arc::new(OutboundProgress::new(aes(), false, None));
        let numbers = two_workers(&progress, [[1, 2], [2, 1]]);
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
        assert_eq!(progress.budget.used(), 6000);
    });
}

#[test]
fn limits_hold_and_are_told_once() {
    loom::model(|| {
        let progress = Arc::new(OutboundProgress::new(aes(), false, Some(2000)));
        let numbers = two_workers(&progress, [[1, 1], [1, 1]]);
        assert_eq!(numbers, [1, 2]);
        assert_eq!(progress.budget.used(), 2000);
        let other = thread::spawn({
            let progress = progress.clone();
            move || progress.budget.take_soft()
        });
        let soft = progress.budget.take_soft();
        assert_ne!(soft, other.join().unwrap(), "told once");
        assert!(progress.budget.is_over());
    });
}
