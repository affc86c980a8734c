//! Which slots ask for IKE: a latched bit each, with a summary above.

use crate::sync::{AtomicU64, Ordering};

const BITS: usize = 64;

/// The bits, shared by all workers.
#[derive(Debug)]
pub(super) struct Asks {
    /// One bit per slot.
    words: Box<[AtomicU64]>,
    /// One bit per word that has got a new bit since the owner looked.
    summary: Box<[AtomicU64]>,
}

/// The owner's memory of what it has been told.
#[derive(Debug)]
pub(super) struct Heard {
    words: Box<[u64]>,
}

fn zeroed(len: usize) -> Box<[AtomicU64]> {
    (0..len).map(|_| AtomicU64::new(0)).collect()
}

impl Asks {
    pub(super) fn new(slots: usize) -> (Self, Heard) {
        let words = slots.div_ceil(BITS);
        let asks = Self {
            words: zeroed(words),
            summary: zeroed(words.div_ceil(BITS)),
        };
        let heard = Heard {
            words: vec![0; words].into(),
        };
        (asks, heard)
    }

    /// Latches the bit. One relaxed load when it is latched already, so a flood of packets for a
    /// tunnel that is down writes nothing.
    #[inline]
    pub(super) fn ask(&self, index: usize) {
        let Some(word) = self.words.get(index / BITS) else {
            return;
        };
        let bit = 1 << (index % BITS);
        if word.load(Ordering::Relaxed) & bit == 0 {
            self.latch(word, bit, index / BITS);
        }
    }

    #[cold]
    fn latch(&self, word: &AtomicU64, bit: u64, word_index: usize) {
        if word.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
            return;
        }
        if let Some(summary) = self.summary.get(word_index / BITS) {
            // After the bit: who sees the summary sees the bit.
            summary.fetch_or(1 << (word_index % BITS), Ordering::Release);
        }
    }
}

impl Heard {
    /// Calls `each` with every slot that has asked since the last call or its rearming.
    pub(super) fn take(&mut self, asks: &Asks, mut each: impl FnMut(usize)) {
        for (index, summary) in asks.summary.iter().enumerate() {
            if summary.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let changed = summary.swap(0, Ordering::Acquire);
            for word_index in ones(changed).map(|bit| index * BITS + bit) {
                let (Some(word), Some(heard)) =
                    (asks.words.get(word_index), self.words.get_mut(word_index))
                else {
                    continue;
                };
                let latched = word.load(Ordering::Relaxed);
                let new = latched & !*heard;
                *heard |= new;
                ones(new).for_each(|bit| each(word_index * BITS + bit));
            }
        }
    }

    /// Clears the latch, so that the next packet asks again.
    pub(super) fn rearm(&mut self, asks: &Asks, index: usize) {
        let (Some(word), Some(heard)) = (
            asks.words.get(index / BITS),
            self.words.get_mut(index / BITS),
        ) else {
            return;
        };
        let bit = 1 << (index % BITS);
        *heard &= !bit;
        word.fetch_and(!bit, Ordering::Relaxed);
    }
}

/// Positions of the bits that are set.
fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = bits.trailing_zeros() as usize;
        (bits != 0).then(|| {
            bits &= bits - 1;
            lowest
        })
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn taken(asks: &Asks, heard: &mut Heard) -> Vec<usize> {
        let mut slots = Vec::new();
        heard.take(asks, |slot| slots.push(slot));
        slots
    }

    #[test]
    fn a_slot_is_heard_once_until_it_is_rearmed() {
        let (asks, mut heard) = Asks::new(16_384);
        for slot in [0, 63, 64, 16_383, 64] {
            asks.ask(slot);
        }
        assert_eq!(taken(&asks, &mut heard), [0, 63, 64, 16_383]);
        asks.ask(64);
        assert!(taken(&asks, &mut heard).is_empty());
        heard.rearm(&asks, 64);
        assert!(taken(&asks, &mut heard).is_empty());
        asks.ask(64);
        assert_eq!(taken(&asks, &mut heard), [64]);
        asks.ask(16_384);
        assert!(taken(&asks, &mut heard).is_empty());
    }

    proptest! {
        #[test]
        fn behaves_as_a_set(steps in prop::collection::vec((0_u8..3, 0_usize..200), 0..200)) {
            let (asks, mut heard) = Asks::new(200);
            let mut latched = BTreeSet::new();
            let mut new = BTreeSet::new();
            for (step, slot) in steps {
                match step {
                    0 => {
                        asks.ask(slot);
                        if latched.insert(slot) {
                            new.insert(slot);
                        }
                    }
                    1 => {
                        heard.rearm(&asks, slot);
                        latched.remove(&slot);
                        new.remove(&slot);
                    }
                    _ => {
                        let expected: Vec<_> = std::mem::take(&mut new).into_iter().collect();
                        prop_assert_eq!(taken(&asks, &mut heard), expected);
                    }
                }
            }
        }
    }
}
