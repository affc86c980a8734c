//! Per-worker counters that other threads may read.
//!
//! Each set has one writer, so that counting is a relaxed load and a relaxed store: no locked
//! instruction and no line shared with another worker. A burst is counted in a [`Tally`] on the
//! stack and added once.
//!
//! # Conservation
//!
//! A packet is a buffer with an owner. At rest (between two loops) each worker has
//!
//! ```text
//! received + injected + handed_in + created
//!     = sent + drops + punted + handed_out + absorbed + held
//! ```
//!
//! and the slowpath, which counts in a set of its own, has the same with `handed_in` for what it
//! took from the workers' punt rings and `handed_out` for what it put into their inject rings. What
//! ends in the slowpath is a drop of it (`arp-consumed`, `ike-consumed`, `local-consumed`). When
//! the rings are empty too, what went into them has come out:
//!
//! ```text
//! punted + handed_out = injected + handed_in          (summed over workers and slowpath)
//! ```
//!
//! so that for the whole box `received + created = sent + drops + absorbed + held`.

use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::verdict::{DropReason, PuntClass};

macro_rules! counts {
    ($($(#[doc = $help:literal])+ $name:ident,)*) => {
        /// The counters of one worker, or of the slowpath. On lines of their own; written by the
        /// one [`CounterWriter`], read by anybody.
        #[derive(Debug)]
        #[repr(align(128))]
        pub struct WorkerCounters {
            $(
                $(#[doc = $help])+
                pub $name: AtomicU64,
            )*
            /// Packets freed, by reason.
            pub drops: [AtomicU64; DropReason::COUNT],
            /// Packets handed to the slowpath, by class.
            pub punted: [AtomicU64; PuntClass::COUNT],
            /// Packets that stay with the worker between two loops: fragments under reassembly,
            /// packets that wait for a next hop. A gauge, not a count.
            pub held: AtomicU64,
            /// Connections in use. A gauge.
            pub conns: AtomicU64,
            /// Most connections that were ever in use. A gauge.
            pub conns_most: AtomicU64,
        }

        /// The counters at one moment, or a difference or a sum of such.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Snapshot {
            $(
                $(#[doc = $help])+
                pub $name: u64,
            )*
            /// Packets freed, by reason.
            pub drops: [u64; DropReason::COUNT],
            /// Packets handed to the slowpath, by class.
            pub punted: [u64; PuntClass::COUNT],
            /// Packets that stay between two loops.
            pub held: u64,
            /// Connections in use.
            pub conns: u64,
            /// Most connections that were ever in use.
            pub conns_most: u64,
        }

        /// What one burst or one loop adds.
        #[derive(Clone, Debug)]
        pub struct Tally {
            $(
                $(#[doc = $help])+
                pub $name: u64,
            )*
            drops: [u32; DropReason::COUNT],
            punted: [u32; PuntClass::COUNT],
            /// One bit per reason that is not zero.
            dropped: u128,
        }

        impl WorkerCounters {
            fn zero() -> Self {
                Self {
                    $($name: AtomicU64::new(0),)*
                    drops: [const { AtomicU64::new(0) }; DropReason::COUNT],
                    punted: [const { AtomicU64::new(0) }; PuntClass::COUNT],
                    held: AtomicU64::new(0),
                    conns: AtomicU64::new(0),
                    conns_most: AtomicU64::new(0),
                }
            }

            /// The counters now. Each is exact; they are of one moment only when the writer is at
            /// rest.
            pub fn snapshot(&self) -> Snapshot {
                Snapshot {
                    $($name: read(&self.$name),)*
                    drops: self.drops.each_ref().map(read),
                    punted: self.punted.each_ref().map(read),
                    held: read(&self.held),
                    conns: read(&self.conns),
                    conns_most: read(&self.conns_most),
                }
            }

            fn add_scalars(&self, tally: &Tally) {
                $(add(&self.$name, tally.$name);)*
            }
        }

        impl Snapshot {
            /// Name and meaning of every counter that is not one of a table.
            pub const COUNTERS: &'static [(&'static str, &'static str)] =
                &[$((stringify!($name), concat!($($help),+)),)*];

            fn combine(&self, other: &Self, with: impl Fn(u64, u64) -> u64) -> Self {
                Self {
                    $($name: with(self.$name, other.$name),)*
                    drops: std::array::from_fn(|at| with(self.drops[at], other.drops[at])),
                    punted: std::array::from_fn(|at| with(self.punted[at], other.punted[at])),
                    held: with(self.held, other.held),
                    conns: with(self.conns, other.conns),
                    conns_most: with(self.conns_most, other.conns_most),
                }
            }

            /// Every counter that is not one of a table, by name, in a fixed order; the gauges
            /// come last.
            pub fn scalars(&self) -> impl Iterator<Item = (&'static str, u64)> {
                let gauges = [
                    ("held", self.held),
                    ("conns", self.conns),
                    ("conns_most", self.conns_most),
                ];
                [$((stringify!($name), self.$name),)*].into_iter().chain(gauges)
            }
        }

        impl Default for Snapshot {
            fn default() -> Self {
                Self {
                    $($name: 0,)*
                    drops: [0; DropReason::COUNT],
                    punted: [0; PuntClass::COUNT],
                    held: 0,
                    conns: 0,
                    conns_most: 0,
                }
            }
        }

        impl Default for Tally {
            fn default() -> Self {
                Self {
                    $($name: 0,)*
                    drops: [0; DropReason::COUNT],
                    punted: [0; PuntClass::COUNT],
                    dropped: 0,
                }
            }
        }
    };
}

counts! {
    /// Packets taken from ports.
    received,
    /// Bytes of those, from the Ethernet header on.
    received_bytes,
    /// Packets taken from the slowpath's inject ring.
    injected,
    /// Packets taken from other workers' rings (slowpath: from punt rings).
    handed_in,
    /// Packets made here: fragments beyond the first, replies, ICMP errors.
    created,
    /// Packets that ports accepted.
    sent,
    /// Bytes of those, from the Ethernet header on.
    sent_bytes,
    /// Packets put into other workers' rings (slowpath: into inject rings).
    handed_out,
    /// Packets that became part of another: fragments beyond the first of a datagram reassembled.
    absorbed,
    /// Packets opened (ESP).
    opened,
    /// Packets sealed (ESP).
    sealed,
    /// Event records that found the ring full.
    events_lost,
    /// Turns of the polling loop.
    loops,
    /// Turns that found something to do.
    busy_loops,
    /// TSC cycles of those.
    busy_cycles,
    /// Bursts that were not empty.
    bursts,
}

const _: () = assert!(DropReason::COUNT <= 128, "a reason is a bit of `dropped`");

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Two plain instructions: the caller is the only writer.
#[inline]
fn add(counter: &AtomicU64, count: u64) {
    if count > 0 {
        counter.store(read(counter).wrapping_add(count), Ordering::Relaxed);
    }
}

/// The right to write a set of counters. There is one, and it is not cloned.
#[derive(Debug)]
pub struct CounterWriter(Arc<WorkerCounters>);

impl WorkerCounters {
    /// A set of counters at zero: for readers, and for the one writer.
    pub fn new() -> (Arc<Self>, CounterWriter) {
        let counters = Arc::new(Self::zero());
        (counters.clone(), CounterWriter(counters))
    }
}

impl CounterWriter {
    /// Adds a tally and clears it. Touches only what is not zero.
    #[inline]
    pub fn add(&mut self, tally: &mut Tally) {
        self.0.add_scalars(tally);
        let mut dropped = tally.dropped;
        while dropped != 0 {
            let reason = dropped.trailing_zeros() as usize;
            dropped &= dropped - 1;
            if let (Some(counter), Some(count)) =
                (self.0.drops.get(reason), tally.drops.get(reason))
            {
                add(counter, u64::from(*count));
            }
        }
        for (counter, count) in self.0.punted.iter().zip(tally.punted) {
            add(counter, u64::from(count));
        }
        *tally = Tally::default();
    }

    /// Sets how many packets stay with the worker.
    #[inline]
    pub fn set_held(&mut self, held: u64) {
        self.0.held.store(held, Ordering::Relaxed);
    }

    /// Sets how many connections are in use, and how many ever were at once.
    #[inline]
    pub fn set_conns(&mut self, in_use: u32, most: u32) {
        self.0.conns.store(u64::from(in_use), Ordering::Relaxed);
        self.0.conns_most.store(u64::from(most), Ordering::Relaxed);
    }

    /// The counters, for reading.
    pub fn counters(&self) -> &Arc<WorkerCounters> {
        &self.0
    }
}

impl Tally {
    /// Counts one packet dropped.
    #[inline]
    pub fn drop_one(&mut self, reason: DropReason) {
        self.drop_many(reason, 1);
    }

    /// Counts `count` packets dropped for one reason.
    #[inline]
    pub fn drop_many(&mut self, reason: DropReason, count: u32) {
        if let Some(drops) = self.drops.get_mut(reason as usize) {
            *drops += count;
        }
        self.dropped |= u128::from(count > 0) << reason as u32;
    }

    /// Packets dropped for a reason since the tally was added.
    pub fn drops_of(&self, reason: DropReason) -> u32 {
        self.drops[reason as usize]
    }

    /// Counts one packet handed to the slowpath.
    #[inline]
    pub fn punt_one(&mut self, class: PuntClass) {
        if let Some(punted) = self.punted.get_mut(class as usize) {
            *punted += 1;
        }
    }
}

/// The two sides of the equation; equal when no packet was lost or made up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Packets that came.
    pub came: u64,
    /// Packets that went, and those that are still held.
    pub went: u64,
}

impl Balance {
    /// Whether every packet is accounted for.
    pub const fn holds(self) -> bool {
        self.came == self.went
    }
}

impl Snapshot {
    /// All drops.
    pub fn dropped(&self) -> u64 {
        self.drops.iter().sum()
    }

    /// Drops of one reason.
    pub fn drops_of(&self, reason: DropReason) -> u64 {
        self.drops[reason as usize]
    }

    /// All punts.
    pub fn punted_in_all(&self) -> u64 {
        self.punted.iter().sum()
    }

    /// Conservation of one worker, of the slowpath, or of a sum of them, at rest.
    pub fn balance(&self) -> Balance {
        Balance {
            came: self.received + self.injected + self.handed_in + self.created,
            went: self.sent
                + self.dropped()
                + self.punted_in_all()
                + self.handed_out
                + self.absorbed
                + self.held,
        }
    }

    /// Conservation in the rings between workers and slowpath, of the sum of all of them, when the
    /// rings are empty; otherwise what went exceeds what came by what is in the rings.
    pub fn ring_balance(&self) -> Balance {
        Balance {
            came: self.injected + self.handed_in,
            went: self.punted_in_all() + self.handed_out,
        }
    }
}

/// What was counted since an earlier snapshot (`clear` sets such a baseline; the counters
/// themselves never go back). Gauges stay what they are now.
impl Sub for &Snapshot {
    type Output = Snapshot;

    fn sub(self, earlier: &Snapshot) -> Snapshot {
        let mut difference = self.combine(earlier, u64::wrapping_sub);
        difference.held = self.held;
        difference.conns = self.conns;
        difference.conns_most = self.conns_most;
        difference
    }
}

impl Add for &Snapshot {
    type Output = Snapshot;

    fn add(self, other: &Snapshot) -> Snapshot {
        self.combine(other, u64::wrapping_add)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sets_of_counters_share_no_line() {
        assert!(align_of::<WorkerCounters>() >= 128);
        assert_eq!(size_of::<WorkerCounters>() % 128, 0);
    }

    #[test]
    fn a_tally_is_added_once_and_is_empty_afterwards() {
        let (counters, mut writer) = WorkerCounters::new();
        let mut tally = Tally {
            received: 3,
            sent: 1,
            ..Tally::default()
        };
        tally.drop_one(DropReason::NotIp);
        tally.drop_many(DropReason::LocalConsumed, 0);
        tally.punt_one(PuntClass::Arp);
        writer.add(&mut tally);
        writer.add(&mut tally);
        let snapshot = counters.snapshot();
        assert_eq!((snapshot.received, snapshot.sent), (3, 1));
        assert_eq!(snapshot.drops_of(DropReason::NotIp), 1);
        assert_eq!(snapshot.dropped(), 1);
        assert_eq!(snapshot.punted_in_all(), 1);
        assert!(snapshot.balance().holds());
        assert!(!snapshot.ring_balance().holds());
    }

    #[test]
    fn a_lost_packet_shows() {
        let (counters, mut writer) = WorkerCounters::new();
        let mut tally = Tally {
            received: 2,
            sent: 1,
            ..Tally::default()
        };
        writer.add(&mut tally);
        let balance = counters.snapshot().balance();
        assert_eq!((balance.came, balance.went), (2, 1));
        assert!(!balance.holds());
        writer.set_held(1);
        assert!(counters.snapshot().balance().holds());
    }

    #[test]
    fn the_box_is_balanced_when_its_parts_and_rings_are() {
        let worker = Snapshot {
            received: 10,
            injected: 2,
            sent: 7,
            handed_out: 1,
            punted: [1, 2, 0, 0, 1],
            ..Snapshot::default()
        };
        let other = Snapshot {
            handed_in: 1,
            created: 1,
            sent: 2,
            ..Snapshot::default()
        };
        let mut slowpath = Snapshot {
            handed_in: 4,
            handed_out: 2,
            ..Snapshot::default()
        };
        slowpath.drops[DropReason::ArpConsumed as usize] = 2;
        let parts = [&worker, &other, &slowpath];
        assert!(parts.iter().all(|part| part.balance().holds()));
        let whole = parts
            .into_iter()
            .fold(Snapshot::default(), |sum, part| &sum + part);
        assert!(whole.ring_balance().holds());
        assert!(whole.balance().holds());
        assert_eq!(whole.received + whole.created, whole.sent + whole.dropped());
        assert_eq!(&(&whole - &worker) + &worker, whole);
        assert!(
            whole
                .scalars()
                .any(|(name, count)| (name, count) == ("sent", 9))
        );
    }

    proptest! {
        #[test]
        fn bursts_add_up(drops in prop::collection::vec(0..DropReason::COUNT, 0..300)) {
            let (counters, mut writer) = WorkerCounters::new();
            let mut expected = [0; DropReason::COUNT];
            for burst in drops.chunks(32) {
                let mut tally = Tally {
                    received: burst.len() as u64,
                    ..Tally::default()
                };
                for &reason in burst {
                    tally.drop_one(DropReason::ALL[reason]);
                    expected[reason] += 1;
                }
                writer.add(&mut tally);
            }
            let snapshot = counters.snapshot();
            prop_assert_eq!(snapshot.drops, expected);
            prop_assert!(snapshot.balance().holds());
        }
    }
}
