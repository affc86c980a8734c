//! `show asp balance`, which is Holdfast's own: where every packet and every buffer is.

use std::iter::once;

use fastpath::control::PoolLevel;
use fastpath::counters::Snapshot;
use fastpath::verdict::DropReason;
use serde::Serialize;

use super::Append;

/// Packets and buffers of the box. Exact when the box is at rest; while packets are on their way
/// the counters are of moments that lie a little apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Every worker in order, then the slowpath, then their sum.
    pub parts: Vec<PacketRow>,
    /// Packets in the rings between workers and slowpath.
    pub in_flight: i64,
    /// Drops of the sum by reason, those that never occurred left out. Packets that ended in the
    /// box because they were for it are among them; `clear asp drop` has no effect here.
    pub drops: Vec<DropCount>,
    /// The pools of packet buffers.
    pub pools: Vec<PoolRow>,
    /// Buffers that are taken although no port took them at the start and nothing holds them.
    pub unaccounted_buffers: i64,
    /// Nothing is missing, in flight or unaccounted.
    pub balanced: bool,
}

/// The two sides of the equation of one part: what came, and what went or is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PacketRow {
    /// `worker N`, `slowpath` or `all`.
    pub part: String,
    /// From ports.
    pub received: u64,
    /// From the slowpath's rings.
    pub injected: u64,
    /// From other workers' rings.
    pub handed_in: u64,
    /// Made here.
    pub created: u64,
    /// Accepted by ports.
    pub sent: u64,
    /// Ended here under a reason.
    pub dropped: u64,
    /// Into the slowpath's rings.
    pub punted: u64,
    /// Into other workers' rings.
    pub handed_out: u64,
    /// Part of another packet now.
    pub absorbed: u64,
    /// Kept.
    pub held: u64,
    /// What came less what went.
    pub missing: i64,
}

/// Packets that ended under one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DropCount {
    /// As `show asp drop` names it.
    pub key: &'static str,
    /// How many.
    pub count: u64,
}

/// A pool of packet buffers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PoolRow {
    /// Its name in DPDK.
    pub name: &'static str,
    /// Buffers in all.
    pub buffers: u32,
    /// Free buffers.
    pub free: u32,
    /// Buffers that are not free.
    pub taken: u32,
    /// Buffers that the ports' receive rings had taken when they were started.
    pub taken_at_start: u32,
}

impl Balance {
    /// The view of the workers' counters in order with the slowpath's last, and of the pools.
    pub fn new(sets: &[Snapshot], pools: &[PoolLevel]) -> Self {
        let all = sets.iter().fold(Snapshot::default(), |sum, set| &sum + set);
        let workers = sets.len().saturating_sub(1);
        let names = (0..workers)
            .map(|number| format!("worker {number}"))
            .chain(["slowpath".to_owned(), "all".to_owned()]);
        let parts: Vec<PacketRow> = names
            .zip(sets.iter().chain(once(&all)))
            .map(|(name, set)| PacketRow::new(name, set))
            .collect();
        let rings = all.ring_balance();
        let in_flight = difference(rings.went, rings.came);
        let taken: u64 = pools.iter().map(|pool| u64::from(pool.taken())).sum();
        let explained: u64 = pools
            .iter()
            .map(|pool| u64::from(pool.taken_at_start))
            .sum::<u64>()
            + all.held;
        let unaccounted_buffers = difference(taken, explained);
        let balanced = parts.iter().all(|part| part.missing == 0)
            && in_flight == 0
            && unaccounted_buffers == 0;
        Self {
            parts,
            in_flight,
            drops: drops(&all),
            pools: pools.iter().map(PoolRow::from).collect(),
            unaccounted_buffers,
            balanced,
        }
    }

    /// `show asp balance`.
    pub fn render(&self) -> String {
        let mut out = format!(
            "{:<10}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}\n",
            "Packets",
            "received",
            "injected",
            "handed-in",
            "created",
            "sent",
            "dropped",
            "punted",
            "handed-out",
            "absorbed",
            "held",
            "missing"
        );
        out.extend(self.parts.iter().map(PacketRow::render));
        out.append(format_args!("In flight: {}\n\nDropped\n", self.in_flight));
        for drop in &self.drops {
            out.append(format_args!("  {:<40}{:>11}\n", drop.key, drop.count));
        }
        out.append(format_args!(
            "\n{:<10}{:>11}{:>11}{:>11}{:>11}\n",
            "Buffers", "in all", "free", "taken", "at start"
        ));
        for pool in &self.pools {
            out.append(format_args!(
                "{:<10}{:>11}{:>11}{:>11}{:>11}\n",
                pool.name, pool.buffers, pool.free, pool.taken, pool.taken_at_start
            ));
        }
        let balanced = if self.balanced { "yes" } else { "no" };
        out.append(format_args!(
            "Unaccounted: {}\n\nBalanced: {balanced}\n",
            self.unaccounted_buffers
        ));
        out
    }
}

impl PacketRow {
    fn new(part: String, set: &Snapshot) -> Self {
        let balance = set.balance();
        Self {
            part,
            received: set.received,
            injected: set.injected,
            handed_in: set.handed_in,
            created: set.created,
            sent: set.sent,
            dropped: set.dropped(),
            punted: set.punted_in_all(),
            handed_out: set.handed_out,
            absorbed: set.absorbed,
            held: set.held,
            missing: difference(balance.came, balance.went),
        }
    }

    fn render(&self) -> String {
        let mut line = format!("{:<10}", self.part);
        for count in [
            self.received,
            self.injected,
            self.handed_in,
            self.created,
            self.sent,
            self.dropped,
            self.punted,
            self.handed_out,
            self.absorbed,
            self.held,
        ] {
            line.append(format_args!("{count:>11}"));
        }
        line.append(format_args!("{:>11}\n", self.missing));
        line
    }
}

impl From<&PoolLevel> for PoolRow {
    fn from(pool: &PoolLevel) -> Self {
        Self {
            name: pool.name,
            buffers: pool.buffers,
            free: pool.free,
            taken: pool.taken(),
            taken_at_start: pool.taken_at_start,
        }
    }
}

fn drops(all: &Snapshot) -> Vec<DropCount> {
    let counts = DropReason::ALL.iter().zip(all.drops);
    counts
        .filter(|&(_, count)| count > 0)
        .map(|(reason, count)| DropCount {
            key: reason.key(),
            count,
        })
        .collect()
}

/// `more - less` of two counters that lie close together.
const fn difference(more: u64, less: u64) -> i64 {
    more.wrapping_sub(less).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker() -> Snapshot {
        let mut set = Snapshot {
            received: 10,
            sent: 6,
            held: 1,
            punted: [0, 1, 0, 0, 0],
            ..Snapshot::default()
        };
        set.drops[DropReason::NeedIke as usize] = 2;
        set
    }

    fn slowpath() -> Snapshot {
        let mut set = Snapshot {
            handed_in: 1,
            ..Snapshot::default()
        };
        set.drops[DropReason::ArpConsumed as usize] = 1;
        set
    }

    fn pool(free: u32) -> PoolLevel {
        PoolLevel {
            name: "hf_frames",
            buffers: 4095,
            free,
            taken_at_start: 2048,
        }
    }

    #[test]
    fn a_box_at_rest_is_balanced() {
        let view = Balance::new(&[worker(), slowpath()], &[pool(2046)]);
        assert!(view.balanced, "{view:?}");
        let expected = "\
Packets      received   injected  handed-in    created       sent    dropped     punted \
handed-out   absorbed       held    missing
worker 0           10          0          0          0          6          2          1          \
0          0          1          0
slowpath            0          0          1          0          0          1          0          \
0          0          0          0
all                10          0          1          0          6          3          1          \
0          0          1          0
In flight: 0

Dropped
  need-ike                                          2
  arp-consumed                                      1

Buffers        in all       free      taken   at start
hf_frames        4095       2046       2049       2048
Unaccounted: 0

Balanced: yes
";
        assert_eq!(view.render(), expected);
    }

    #[test]
    fn a_packet_that_nobody_counted_is_missing() {
        let mut lossy = worker();
        lossy.received += 1;
        let view = Balance::new(&[lossy, slowpath()], &[pool(2046)]);
        let missing: Vec<i64> = view.parts.iter().map(|part| part.missing).collect();
        assert_eq!(missing, [1, 0, 1]);
        assert!(!view.balanced);
        assert!(view.render().ends_with("Balanced: no\n"));
    }

    #[test]
    fn a_buffer_that_was_not_given_back_is_unaccounted() {
        let view = Balance::new(&[worker(), slowpath()], &[pool(2045)]);
        assert_eq!((view.unaccounted_buffers, view.balanced), (1, false));
    }

    #[test]
    fn a_packet_in_a_ring_is_in_flight() {
        let mut waiting = slowpath();
        waiting.handed_in = 0;
        waiting.drops = [0; DropReason::COUNT];
        let view = Balance::new(&[worker(), waiting], &[pool(2046)]);
        assert_eq!((view.in_flight, view.balanced), (1, false));
    }
}
