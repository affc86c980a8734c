//! The anti-replay window (RFC 4303 section 3.4.3 and appendix A).
//!
//! Sequence numbers are kept in 64 bits; without ESN the high half stays zero. The window is a
//! ring of words in which each word stands for 64 numbers that begin at a multiple of 64, so that
//! moving on clears whole words and shifts nothing (the idea of RFC 6479). One writer; the fields
//! are atomics, read and written with plain loads and stores, only so that the SA can be shared.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::REPLAY_WINDOW_MAX;
use crate::verdict::DropReason;

/// Smallest window (RFC 4303 section 3.4.3 asks for 64 by default).
pub const REPLAY_WINDOW_MIN: u32 = 64;

const WORD_BITS: u64 = 64;

/// The window of one inbound SA.
#[derive(Debug)]
pub struct ReplayWindow {
    /// Highest number that was authenticated; zero before the first.
    top: AtomicU64,
    /// Numbers that the window covers, the top included.
    size: u32,
    esn: bool,
    /// Power of two, at least one word more than the window covers.
    words: Box<[AtomicU64]>,
}

impl ReplayWindow {
    /// An empty window of `size` packets, brought within [`REPLAY_WINDOW_MIN`] and
    /// [`REPLAY_WINDOW_MAX`].
    pub fn new(size: u32, esn: bool) -> Self {
        let size = size.clamp(REPLAY_WINDOW_MIN, REPLAY_WINDOW_MAX);
        let count = (u64::from(size).div_ceil(WORD_BITS) + 1).next_power_of_two();
        Self {
            top: AtomicU64::new(0),
            size,
            esn,
            words: (0..count).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Numbers that the window covers.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Highest sequence number that was accepted, zero before the first.
    pub fn top(&self) -> u64 {
        self.top.load(Ordering::Relaxed)
    }

    /// The right edge of the window, for `show`: bit `n` stands for the number `n` below the top.
    pub fn bitmap(&self) -> u64 {
        let top = self.top();
        (0..WORD_BITS.min(top))
            .filter(|&back| !self.is_fresh(top - back))
            .fold(0, |bits, back| {
                let covered = back < u64::from(self.size);
                bits | u64::from(covered) << back
            })
    }

    /// The 64-bit number of a packet with `low` on the wire, if it may still be accepted.
    ///
    /// Changes nothing: with ESN the high half is a guess until the ICV has confirmed it.
    #[inline]
    pub fn check(&self, low: u32) -> Result<u64, DropReason> {
        let sequence = self.infer(low).ok_or(DropReason::EspReplay)?;
        if self.is_fresh(sequence) {
            Ok(sequence)
        } else {
            Err(DropReason::EspReplay)
        }
    }

    /// Accepts an authenticated number; fails if it was accepted before or has left the window.
    #[inline]
    pub fn advance(&self, sequence: u64) -> Result<(), DropReason> {
        if !self.is_fresh(sequence) {
            return Err(DropReason::EspReplay);
        }
        let top = self.top();
        if sequence > top {
            self.clear_between(top / WORD_BITS, sequence / WORD_BITS);
            self.top.store(sequence, Ordering::Relaxed);
        }
        if let Some(word) = self.word(sequence / WORD_BITS) {
            let seen = word.load(Ordering::Relaxed) | 1 << (sequence % WORD_BITS);
            word.store(seen, Ordering::Relaxed);
        }
        Ok(())
    }

    /// RFC 4303 appendix A2.1: the high half that puts `low` nearest to the window.
    #[inline]
    fn infer(&self, low: u32) -> Option<u64> {
        if !self.esn {
            return Some(u64::from(low));
        }
        let top = self.top();
        let (top_high, top_low) = ((top >> 32) as u32, top as u32);
        let bottom_low = top_low.wrapping_sub(self.size - 1);
        let high = if top_low >= self.size - 1 {
            // Case A: the window lies within one subspace.
            if low >= bottom_low {
                top_high
            } else {
                top_high.checked_add(1)?
            }
        } else if low >= bottom_low {
            // Case B: the window spans two, and the number lies in the older one. An SA has none
            // before its first.
            top_high.checked_sub(1)?
        } else {
            top_high
        };
        Some(u64::from(high) << 32 | u64::from(low))
    }

    /// Right of the window, or inside and not seen. Zero is never sent (RFC 4303 section 3.3.3).
    #[inline]
    fn is_fresh(&self, sequence: u64) -> bool {
        let top = self.top();
        if sequence == 0 {
            return false;
        }
        if sequence > top {
            return true;
        }
        top - sequence < u64::from(self.size)
            && self
                .word(sequence / WORD_BITS)
                .is_some_and(|word| word.load(Ordering::Relaxed) & 1 << (sequence % WORD_BITS) == 0)
    }

    #[inline]
    fn word(&self, number: u64) -> Option<&AtomicU64> {
        self.words.get(number as usize & (self.words.len() - 1))
    }

    /// Clears the words behind `old` up to `new`, at most one round of the ring.
    fn clear_between(&self, old: u64, new: u64) {
        let steps = (new - old).min(self.words.len() as u64);
        for step in 1..=steps {
            if let Some(word) = self.word(old.wrapping_add(step)) {
                word.store(0, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// What RFC 4303 says, kept as a set of all numbers.
    struct Model {
        seen: BTreeSet<u64>,
        size: u64,
    }

    impl Model {
        fn accept(&mut self, sequence: u64) -> bool {
            let top = self.seen.last().copied().unwrap_or(0);
            let left = sequence + self.size <= top;
            sequence != 0 && !left && self.seen.insert(sequence)
        }
    }

    fn accept(window: &ReplayWindow, sequence: u64) -> bool {
        match window.check(sequence as u32) {
            Ok(inferred) if inferred == sequence => window.advance(sequence).is_ok(),
            _ => false,
        }
    }

    fn near(window: &ReplayWindow, top: u64) {
        window.top.store(top, Ordering::Relaxed);
    }

    proptest! {
        #[test]
        fn agrees_with_the_set(
            size in 1u32..10_000,
            start in prop_oneof![Just(0u64), Just((1 << 32) - 300), Just((5 << 32) - 9000)],
            steps in prop::collection::vec((-9_000i64..9_000, any::<bool>()), 1..400),
        ) {
            let window = ReplayWindow::new(size, true);
            let mut model = Model { seen: BTreeSet::new(), size: u64::from(window.size()) };
            if start > 0 {
                for sequence in start.saturating_sub(8191)..=start {
                    prop_assert!(window.advance(sequence).is_ok());
                }
                model.seen = (start.saturating_sub(20_000)..=start).collect();
            }
            let mut cursor = start as i64;
            for (step, small) in steps {
                cursor = (cursor + if small { step % 130 } else { step }).max(0);
                let sequence = cursor as u64;
                prop_assert_eq!(accept(&window, sequence), model.accept(sequence));
            }
        }

        #[test]
        fn without_esn_agrees_with_the_set(
            steps in prop::collection::vec(0u32..700, 1..500),
        ) {
            let window = ReplayWindow::new(64, false);
            let mut model = Model { seen: BTreeSet::new(), size: 64 };
            for low in steps {
                let accepted = accept(&window, u64::from(low));
                prop_assert_eq!(accepted, model.accept(u64::from(low)));
            }
        }

        #[test]
        fn a_check_never_changes_the_window(low in any::<u32>(), top in any::<u64>()) {
            let window = ReplayWindow::new(128, true);
            near(&window, top);
            let before = format!("{window:?}");
            let _ = window.check(low);
            prop_assert_eq!(before, format!("{window:?}"));
        }
    }

    #[test]
    fn the_last_number_without_esn_is_accepted_once() {
        let window = ReplayWindow::new(64, false);
        assert!(accept(&window, u64::from(u32::MAX)));
        assert!(!accept(&window, u64::from(u32::MAX)));
        assert!(accept(&window, u64::from(u32::MAX) - 63));
        assert!(!accept(&window, u64::from(u32::MAX) - 64));
        assert!(!accept(&window, 0));
    }

    #[test]
    fn esn_case_a_goes_to_the_next_subspace() {
        let window = ReplayWindow::new(64, true);
        near(&window, 0x1_ffff_fff0);
        assert_eq!(window.check(5), Ok(0x2_0000_0005));
        assert_eq!(window.check(0xffff_ffff), Ok(0x1_ffff_ffff));
        // Bottom of the window and one left of it, which can only be of the next subspace.
        assert_eq!(window.check(0xffff_ffb1), Ok(0x1_ffff_ffb1));
        assert_eq!(window.check(0xffff_ffb0), Ok(0x2_ffff_ffb0));
    }

    #[test]
    fn esn_case_b_goes_back_to_the_older_subspace() {
        let window = ReplayWindow::new(64, true);
        near(&window, 0x2_0000_0005);
        assert_eq!(window.check(0xffff_fff0), Ok(0x1_ffff_fff0));
        assert_eq!(window.check(6), Ok(0x2_0000_0006));
        assert_eq!(window.check(0x8000_0000), Ok(0x2_8000_0000));
    }

    #[test]
    fn esn_has_nothing_before_its_first_and_nothing_behind_its_last() {
        let window = ReplayWindow::new(64, true);
        assert_eq!(window.check(0), Err(DropReason::EspReplay));
        assert_eq!(window.check(u32::MAX), Err(DropReason::EspReplay));
        near(&window, u64::MAX);
        assert_eq!(window.check(0), Err(DropReason::EspReplay));
    }

    #[test]
    fn a_long_jump_forgets_everything_older() {
        let window = ReplayWindow::new(8192, true);
        assert!((1..9000).all(|sequence| accept(&window, sequence)));
        assert!(accept(&window, 1 << 31));
        assert!(accept(&window, (1 << 31) - 8191));
        assert!(!accept(&window, (1 << 31) - 8192));
    }
}
