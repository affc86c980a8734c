//! ICMP net-unreachables for retransmissions that nobody holds (RFC 6069): each source address has
//! a share of the worker's budget.

use crate::limits::UNREACHABLES_PER_SOURCE;

/// Counters of one coarse tick, by a hash of the source.
const COUNTERS: usize = 256;

/// How many each source has got in this tick. Sources that share a counter share its bound.
#[derive(Debug)]
pub(super) struct SourceBudget {
    tick: u32,
    sent: [u8; COUNTERS],
}

impl SourceBudget {
    pub(super) const fn new() -> Self {
        Self {
            tick: 0,
            sent: [0; COUNTERS],
        }
    }

    /// Whether the source with this hash may get one more in this tick; counts it.
    pub(super) fn take(&mut self, tick: u32, hash: u64) -> bool {
        if tick != self.tick {
            self.tick = tick;
            self.sent = [0; COUNTERS];
        }
        let sent = &mut self.sent[hash as usize % COUNTERS];
        let may = *sent < UNREACHABLES_PER_SOURCE;
        *sent += u8::from(may);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_has_its_share_of_each_tick() {
        let mut budget = SourceBudget::new();
        for tick in 1..4 {
            for source in [5, 6] {
                let got = (0..100).filter(|_| budget.take(tick, source)).count();
                assert_eq!(got, usize::from(UNREACHABLES_PER_SOURCE));
            }
        }
    }
}
