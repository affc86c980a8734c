//! How far an SA has come, and where it must stop.

use super::Suite;
use crate::sync::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use crate::verdict::DropReason;

/// The soft limit lies one eighth below the hard one: time to rekey.
const SOFT_SHARE: u64 = 8;
/// Sequence numbers that are left, of 2^32, when a rekey is asked for: half a minute at 10 Mpps.
const SEQUENCE_RESERVE: u64 = 1 << 28;

/// Something that is raised once and reported once, whoever does it.
#[derive(Debug, Default)]
struct Latch(AtomicU8);

impl Latch {
    const CLEAR: u8 = 0;
    const RAISED: u8 = 1;
    const TAKEN: u8 = 2;

    fn raise(&self) {
        self.pass(Self::CLEAR, Self::RAISED);
    }

    fn take(&self) -> bool {
        self.pass(Self::RAISED, Self::TAKEN)
    }

    /// Costs a load where it stands elsewhere.
    #[inline]
    fn pass(&self, from: u8, to: u8) -> bool {
        self.0.load(Relaxed) == from && self.change(from, to)
    }

    #[cold]
    #[inline(never)]
    fn change(&self, from: u8, to: u8) -> bool {
        let changed = self.0.compare_exchange(from, to, Relaxed, Relaxed);
        changed.is_ok()
    }
}

/// Byte count and byte limits of an SA. With one writer it takes plain loads and stores
/// ([`ByteBudget::admit`], [`ByteBudget::spend`]).
#[derive(Debug)]
pub(super) struct ByteBudget {
    used: AtomicU64,
    soft: u64,
    hard: u64,
    soft_latch: Latch,
    /// Something did not fit: nothing fits any more.
    over: AtomicBool,
}

impl ByteBudget {
    /// The negotiated limit, or the suite's own where that is lower; `None` is no limit.
    pub(super) fn new(suite: Suite, lifetime_bytes: Option<u64>) -> Self {
        let limits = [lifetime_bytes, suite.lifetime_bytes_max()];
        let hard = limits.into_iter().flatten().min().unwrap_or(u64::MAX);
        Self {
            used: AtomicU64::new(0),
            soft: hard - hard / SOFT_SHARE,
            hard,
            soft_latch: Latch::default(),
            over: AtomicBool::new(false),
        }
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Relaxed)
    }

    /// Whether `bytes` more fit. Once they have not, nothing fits any more.
    #[inline]
    pub(super) fn admit(&self, bytes: u64) -> Result<u64, DropReason> {
        self.with(bytes).ok_or_else(|| {
            self.end();
            DropReason::EspLifetime
        })
    }

    /// What is used with `bytes` more, if they fit.
    #[inline]
    fn with(&self, bytes: u64) -> Option<u64> {
        let used = self.used().saturating_add(bytes);
        (used <= self.hard && !self.is_over()).then_some(used)
    }

    /// Stores what [`ByteBudget::admit`] has returned.
    #[inline]
    pub(super) fn spend(&self, used: u64) {
        self.used.store(used, Relaxed);
        if used >= self.soft {
            self.soft_latch.raise();
        }
    }

    /// Takes `bytes` if they fit, whoever else does the same now.
    fn take(&self, bytes: u64) -> bool {
        let fits = |used: u64| {
            let used = used.saturating_add(bytes);
            (used <= self.hard && !self.is_over()).then_some(used)
        };
        let before = self.used.fetch_update(Relaxed, Relaxed, fits);
        if before.is_ok_and(|used| used.saturating_add(bytes) >= self.soft) {
            self.soft_latch.raise();
        }
        before.is_ok()
    }

    pub(super) fn take_soft(&self) -> bool {
        self.soft_latch.take()
    }

    #[inline]
    fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    fn end(&self) {
        if !self.is_over() {
            self.over.store(true, Relaxed);
        }
    }
}

/// Sequence numbers and bytes of an outbound SA: for one worker ([`OutboundProgress::reserve`],
/// [`OutboundProgress::note_expecting`]), or for several ([`OutboundProgress::reserve_shared`],
/// [`OutboundProgress::add_expecting`]). One SA never sees both.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct OutboundProgress {
    /// Last number that was reserved.
    sequence: AtomicU64,
    /// Last number there is: with it the counter would wrap (RFC 4303 section 3.3.3).
    sequence_last: u64,
    /// Packets whose TCP flow waits for an answer.
    expecting: AtomicU64,
    pub(super) budget: ByteBudget,
}

#[cfg(not(loom))]
const _: () = assert!(
    size_of::<OutboundProgress>() == 64,
    "what is written per packet is one cache line"
);

impl OutboundProgress {
    pub(super) fn new(suite: Suite, esn: bool, lifetime_bytes: Option<u64>) -> Self {
        Self {
            sequence: AtomicU64::new(0),
            expecting: AtomicU64::new(0),
            sequence_last: if esn { u64::MAX } else { u64::from(u32::MAX) },
            budget: ByteBudget::new(suite, lifetime_bytes),
        }
    }

    pub(super) fn esn(&self) -> bool {
        self.sequence_last == u64::MAX
    }

    pub(super) fn expecting(&self) -> u64 {
        self.expecting.load(Relaxed)
    }

    #[inline]
    pub(super) fn note_expecting(&self, packets: u64) {
        self.expecting.store(self.expecting() + packets, Relaxed);
    }

    pub(super) fn add_expecting(&self, packets: u64) {
        self.expecting.fetch_add(packets, Relaxed);
    }

    pub(super) fn sequence(&self) -> u64 {
        self.sequence.load(Relaxed)
    }

    /// [`OutboundProgress::reserve_shared`], for one worker alone.
    #[inline]
    pub(super) fn reserve(&self, packets: u64, bytes: u64) -> Result<u64, DropReason> {
        let before = self.sequence();
        if packets > self.sequence_last - before {
            return Err(self.refuse(packets, DropReason::SequenceExhausted));
        }
        let Some(used) = self.budget.with(bytes) else {
            return Err(self.refuse(packets, DropReason::EspLifetime));
        };
        self.budget.spend(used);
        let last = before + packets;
        self.sequence.store(last, Relaxed);
        if last >= self.sequence_last - SEQUENCE_RESERVE {
            self.budget.soft_latch.raise();
        }
        Ok(before + 1)
    }

    /// The first of `packets` numbers that follow each other, for `bytes` bytes in all. A number is
    /// given out once, because the counter moves in one step. All of them or none: a run that fails
    /// says nothing of a shorter one, so only one packet alone (`packets` is 1) ends the SA.
    #[inline(never)]
    pub(super) fn reserve_shared(&self, packets: u64, bytes: u64) -> Result<u64, DropReason> {
        if !self.budget.take(bytes) {
            return Err(self.refuse(packets, DropReason::EspLifetime));
        }
        let last = |sequence: u64| {
            let last = sequence.checked_add(packets);
            last.filter(|last| *last <= self.sequence_last)
        };
        let Ok(before) = self.sequence.fetch_update(Relaxed, Relaxed, last) else {
            self.budget.used.fetch_sub(bytes, Relaxed);
            return Err(self.refuse(packets, DropReason::SequenceExhausted));
        };
        if before + packets >= self.sequence_last - SEQUENCE_RESERVE {
            self.budget.soft_latch.raise();
        }
        Ok(before + 1)
    }

    #[cold]
    fn refuse(&self, packets: u64, reason: DropReason) -> DropReason {
        if packets == 1 {
            self.budget.end();
        }
        reason
    }
}

#[cfg(all(test, loom))]
mod loom_models;

#[cfg(all(test, not(loom)))]
mod tests {
    use config::{Encryption, Hash};

    use super::*;

    fn aes() -> Suite {
        Suite::new(Encryption::Aes128, Some(Hash::Sha1)).expect("a suite")
    }

    #[test]
    fn bytes_raise_soft_then_hard_once_each() {
        let progress = OutboundProgress::new(aes(), false, Some(8000));
        assert!((1..=6).all(|sequence| progress.reserve(1, 1000) == Ok(sequence)));
        assert!(!progress.budget.take_soft());
        assert_eq!(progress.reserve(1, 1000), Ok(7));
        assert!(progress.budget.take_soft() && !progress.budget.take_soft());
        assert_eq!(progress.reserve(1, 1000), Ok(8));
        assert!(!progress.budget.is_over());
        assert_eq!(progress.reserve(1, 1), Err(DropReason::EspLifetime));
        assert_eq!(progress.reserve(1, 0), Err(DropReason::EspLifetime));
        assert!(progress.budget.is_over());
        assert_eq!((progress.sequence(), progress.budget.used()), (8, 8000));
        assert!(!progress.budget.take_soft());
    }

    #[test]
    fn without_esn_the_counter_stops_before_it_wraps() {
        let progress = OutboundProgress::new(aes(), false, None);
        progress
            .sequence
            .store(u64::from(u32::MAX) - SEQUENCE_RESERVE - 2, Relaxed);
        assert!(progress.reserve(1, 1).is_ok());
        assert!(!progress.budget.take_soft());
        assert!(progress.reserve(1, 1).is_ok());
        assert!(progress.budget.take_soft());
        progress.sequence.store(u64::from(u32::MAX) - 1, Relaxed);
        assert_eq!(progress.reserve(1, 1), Ok(u64::from(u32::MAX)));
        assert_eq!(progress.reserve(1, 1), Err(DropReason::SequenceExhausted));
        assert!(progress.budget.is_over());
    }

    #[test]
    fn with_esn_the_counter_crosses_the_subspaces() {
        let progress = OutboundProgress::new(aes(), true, None);
        progress.sequence.store(u64::from(u32::MAX), Relaxed);
        assert_eq!(progress.reserve(1, 1), Ok(1 << 32));
        assert!(!progress.budget.take_soft());
        progress.sequence.store(u64::MAX - 1, Relaxed);
        assert_eq!(progress.reserve(1, 1), Ok(u64::MAX));
        assert_eq!(progress.reserve(1, 1), Err(DropReason::SequenceExhausted));
    }

    #[test]
    fn runs_are_taken_whole_and_the_limits_hold_for_them() {
        let progress = OutboundProgress::new(aes(), false, Some(8000));
        assert_eq!(progress.reserve_shared(3, 3000), Ok(1));
        assert_eq!(progress.reserve_shared(3, 3000), Ok(4));
        assert!(!progress.budget.take_soft());
        assert_eq!(
            progress.reserve_shared(3, 3000),
            Err(DropReason::EspLifetime)
        );
        assert!(!progress.budget.is_over(), "a shorter run may fit");
        assert_eq!(progress.reserve_shared(2, 2000), Ok(7));
        assert!(progress.budget.take_soft() && !progress.budget.take_soft());
        assert_eq!(progress.reserve_shared(1, 1), Err(DropReason::EspLifetime));
        assert_eq!(progress.reserve_shared(1, 0), Err(DropReason::EspLifetime));
        assert!(progress.budget.is_over());
        assert_eq!((progress.sequence(), progress.budget.used()), (8, 8000));
    }

    #[test]
    fn runs_stop_before_the_counter_wraps() {
        let progress = OutboundProgress::new(aes(), false, None);
        progress
            .sequence
            .store(u64::from(u32::MAX) - SEQUENCE_RESERVE - 3, Relaxed);
        assert!(progress.reserve_shared(2, 2).is_ok());
        assert!(!progress.budget.take_soft());
        assert!(progress.reserve_shared(1, 1).is_ok());
        assert!(progress.budget.take_soft());
        progress.sequence.store(u64::from(u32::MAX) - 1, Relaxed);
        let exhausted = Err(DropReason::SequenceExhausted);
        assert_eq!(progress.reserve_shared(2, 2), exhausted);
        assert!(!progress.budget.is_over());
        assert_eq!(progress.reserve_shared(1, 1), Ok(u64::from(u32::MAX)));
        assert_eq!(progress.reserve_shared(1, 1), exhausted);
        assert!(progress.budget.is_over());
        assert_eq!(progress.budget.used(), 4, "what was refused is not counted");
    }

    #[test]
    fn small_blocks_are_limited_whatever_was_negotiated() {
        let suite = Suite::new(Encryption::TripleDes, Some(Hash::Md5)).expect("a suite");
        for lifetime in [None, Some(u64::MAX)] {
            let progress = OutboundProgress::new(suite, false, lifetime);
            assert!(progress.reserve(1, 1 << 32).is_ok());
            assert_eq!(progress.reserve(1, 1), Err(DropReason::EspLifetime));
        }
    }
}
