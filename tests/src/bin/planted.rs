//! What the inspector has to find: a loop that does nothing wrong, and one that does everything
//! wrong, each a call or two below its root. Never run by anybody.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

static SUM: AtomicU64 = AtomicU64::new(0);
static SHARED: Mutex<u64> = Mutex::new(0);

fn main() {
    let words: Vec<u64> = std::env::args().map(|word| word.len() as u64).collect();
    println!("{}", clean_root(&words));
    violating_root(&words);
}

/// The root of the loop that does nothing wrong.
#[inline(never)]
fn clean_root(words: &[u64]) -> u64 {
    let sum = words.iter().fold(0_u64, |sum, word| clean_step(sum, *word));
    SUM.store(sum, Ordering::Relaxed);
    sum
}

#[inline(never)]
fn clean_step(sum: u64, word: u64) -> u64 {
    black_box(sum.rotate_left(3) ^ word)
}

/// The root of the loop that does everything wrong.
#[inline(never)]
fn violating_root(words: &[u64]) {
    let steps: [fn(&[u64]); 2] = [allocates, panics];
    locks(words);
    allocates(words);
    panics(words);
    writes(words);
    sleeps(words);
    counts();
    if let Some(step) = black_box(&steps).get(words.len() % 2) {
        step(words);
    }
}

#[inline(never)]
fn allocates(words: &[u64]) {
    black_box(words.to_vec());
}

#[inline(never)]
fn locks(words: &[u64]) {
    if let Ok(mut shared) = SHARED.lock() {
        *shared ^= words.len() as u64;
    }
}

#[inline(never)]
fn panics(words: &[u64]) {
    black_box(words[black_box(words.len())]);
}

#[inline(never)]
fn writes(words: &[u64]) {
    let _ = writeln!(std::io::stderr(), "{}", words.len());
}

#[inline(never)]
fn sleeps(words: &[u64]) {
    std::thread::sleep(Duration::from_nanos(words.len() as u64));
}

#[inline(never)]
fn counts() {
    SUM.fetch_add(1, Ordering::Relaxed);
}
