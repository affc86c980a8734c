//! Bounded single-producer single-consumer rings.
//!
//! What one thread hands to another: packets, events, requests. A ring takes ownership: what is
//! in it when both ends are gone is dropped. Each end keeps its own position and a copy of the
//! other's, so that a burst costs one store, and one load of a foreign line only when the copy no
//! longer suffices.
//!
//! There is one producer and one consumer:
//!
//! ```compile_fail,E0599
//! let (producer, _consumer) = fastpath::ring::ring::<u32>(8);
//! let _second = producer.clone();
//! ```
//!
//! and neither is used by two threads at once, because each operation borrows it mutably:
//!
//! ```compile_fail,E0596
//! let (producer, _consumer) = fastpath::ring::ring::<u32>(8);
//! let shared = &producer;
//! let _ = shared.push(1);
//! ```
#![expect(
    unsafe_code,
    reason = "places of the ring are initialised by one thread and emptied by another"
)]

use std::fmt;
use std::mem::MaybeUninit;

use arrayvec::ArrayVec;

use crate::sync::{Arc, AtomicU64, CachePadded, Ordering, UnsafeCell, fence};

#[cfg(all(test, loom))]
mod loom_models;
#[cfg(all(test, not(loom)))]
mod tests;

type Place<T> = UnsafeCell<MaybeUninit<T>>;

/// Positions count what has passed since the start and never wrap: 64 bits last for centuries.
struct Shared<T> {
    /// Next place to be emptied; written by the consumer.
    head: CachePadded<AtomicU64>,
    /// Next place to be filled; written by the producer.
    tail: CachePadded<AtomicU64>,
    /// A power of two of them. Those from head to tail are initialised.
    places: Box<[Place<T>]>,
}

// SAFETY: a place is accessed by the producer alone before `tail` has passed it and by the consumer
// alone afterwards, until `head` has passed it; the positions hand it over with release and
// acquire. Values move from thread to thread, so they must be `Send`; none is shared.
unsafe impl<T: Send> Sync for Shared<T> {}
// SAFETY: as above; the whole ring is dropped by whichever end is the last.
unsafe impl<T: Send> Send for Shared<T> {}

impl<T> Shared<T> {
    #[inline]
    fn place(&self, position: u64) -> &Place<T> {
        let index = position as usize & (self.places.len() - 1);
        // SAFETY: `ring` has made a power of two of places, so the mask keeps the index inside.
        unsafe { self.places.get_unchecked(index) }
    }
}

/// Whether the other end is gone; what it did last is visible afterwards.
fn is_last_end<T>(shared: &Arc<Shared<T>>) -> bool {
    let last = Arc::strong_count(shared) == 1;
    // Pairs with the release of the other end's drop.
    fence(Ordering::Acquire);
    last
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // Exclusive: both ends are gone, and their last stores came before this drop.
        let tail = self.tail.load(Ordering::Relaxed);
        for position in self.head.load(Ordering::Relaxed)..tail {
            self.place(position).with_mut(|place| {
                // SAFETY: the places from head to tail are initialised, and nobody else is left.
                unsafe { (*place).assume_init_drop() }
            });
        }
    }
}

/// A ring of `len` places, a power of two.
///
/// # Panics
/// When `len` is not a power of two.
pub fn ring<T: Send>(len: usize) -> (Producer<T>, Consumer<T>) {
    assert!(len.is_power_of_two(), "ring positions are masked");
    let place = || UnsafeCell::new(MaybeUninit::uninit());
    let shared = Arc::new(Shared {
        head: CachePadded(AtomicU64::new(0)),
        tail: CachePadded(AtomicU64::new(0)),
        places: std::iter::repeat_with(place).take(len).collect(),
    });
    let producer = Producer {
        shared: shared.clone(),
        tail: 0,
        head_seen: 0,
    };
    let consumer = Consumer {
        shared,
        head: 0,
        tail_seen: 0,
    };
    (producer, consumer)
}

/// The end that fills.
pub struct Producer<T: Send> {
    shared: Arc<Shared<T>>,
    tail: u64,
    /// The consumer's position when we last looked; never ahead of it.
    head_seen: u64,
}

impl<T: Send> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("tail", &self.tail)
            .finish_non_exhaustive()
    }
}

impl<T: Send> Producer<T> {
    /// Puts `value` behind the others; gives it back when the ring is full.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), T> {
        if self.room(1) == 0 {
            return Err(value);
        }
        self.fill(value);
        self.shared.tail.store(self.tail, Ordering::Release);
        Ok(())
    }

    /// Moves as many values as fit from the front of `burst` into the ring, and returns how many.
    /// The rest stays in `burst`, in order.
    #[inline]
    pub fn push_burst<const N: usize>(&mut self, burst: &mut ArrayVec<T, N>) -> usize {
        let count = self.room(burst.len()).min(burst.len());
        if count == 0 {
            return 0;
        }
        for value in burst.drain(..count) {
            self.fill(value);
        }
        self.shared.tail.store(self.tail, Ordering::Release);
        count
    }

    /// Places that are free; the consumer may free more at any time.
    pub fn free(&mut self) -> usize {
        self.room(self.capacity())
    }

    /// Places of the ring.
    pub fn capacity(&self) -> usize {
        self.shared.places.len()
    }

    /// Whether the consumer is gone: nobody will take what is pushed.
    pub fn is_abandoned(&self) -> bool {
        is_last_end(&self.shared)
    }

    /// Free places, looking at the consumer's position only when fewer than `wanted` are known.
    #[inline]
    fn room(&mut self, wanted: usize) -> usize {
        let len = self.shared.places.len();
        let known = len - (self.tail - self.head_seen) as usize;
        if known >= wanted {
            return known;
        }
        // Pairs with the consumer's release: it has moved the values out of what it gives back.
        self.head_seen = self.shared.head.load(Ordering::Acquire);
        len - (self.tail - self.head_seen) as usize
    }

    /// Fills the next place, which must be free; not yet visible to the consumer.
    #[inline]
    fn fill(&mut self, value: T) {
        self.shared.place(self.tail).with_mut(|place| {
            // SAFETY: the caller has checked that the consumer's head has passed this place, and
            // our tail has not: it is empty and ours. Writing drops nothing.
            unsafe { (*place).write(value) };
        });
        self.tail += 1;
    }
}

/// The end that empties.
pub struct Consumer<T: Send> {
    shared: Arc<Shared<T>>,
    head: u64,
    /// The producer's position when we last looked; never ahead of it.
    tail_seen: u64,
}

impl<T: Send> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("head", &self.head)
            .finish_non_exhaustive()
    }
}

impl<T: Send> Consumer<T> {
    /// Takes the oldest value.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        if self.waiting(1) == 0 {
            return None;
        }
        let value = self.take();
        self.shared.head.store(self.head, Ordering::Release);
        Some(value)
    }

    /// Moves as many values as `burst` has room for to its end, oldest first, and returns how
    /// many.
    #[inline]
    pub fn pop_burst<const N: usize>(&mut self, burst: &mut ArrayVec<T, N>) -> usize {
        let room = burst.remaining_capacity();
        let count = self.waiting(room).min(room);
        if count == 0 {
            return 0;
        }
        for _ in 0..count {
            burst.push(self.take());
        }
        self.shared.head.store(self.head, Ordering::Release);
        count
    }

    /// Values that wait; the producer may add more at any time.
    pub fn len(&mut self) -> usize {
        self.waiting(self.capacity())
    }

    /// Whether nothing waits.
    pub fn is_empty(&mut self) -> bool {
        self.waiting(1) == 0
    }

    /// Places of the ring.
    pub fn capacity(&self) -> usize {
        self.shared.places.len()
    }

    /// Whether the producer is gone: what waits is all that will ever come.
    pub fn is_abandoned(&self) -> bool {
        is_last_end(&self.shared)
    }

    /// Waiting values, looking at the producer's position only when fewer than `wanted` are known.
    #[inline]
    fn waiting(&mut self, wanted: usize) -> usize {
        let known = (self.tail_seen - self.head) as usize;
        if known >= wanted {
            return known;
        }
        // Pairs with the producer's release: it has filled what it shows.
        self.tail_seen = self.shared.tail.load(Ordering::Acquire);
        (self.tail_seen - self.head) as usize
    }

    /// Empties the next place, which must be filled; not yet given back to the producer.
    #[inline]
    fn take(&mut self) -> T {
        let value = self.shared.place(self.head).with(|place| {
            // SAFETY: the caller has checked that the producer's tail has passed this place, and
            // our head has not: it is initialised and ours. Our head passes it before anybody
            // reads it again, so the value is moved out once.
            unsafe { (*place).assume_init_read() }
        });
        self.head += 1;
        value
    }
}
