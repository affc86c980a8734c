//! Next hops that were retired become free again.
//!
//! Flows and packets may name a retired next hop until another policy was published, every worker
//! has passed it, and the rings hold nothing from before. While nobody edits the configuration the
//! same policy is published again.

use fastpath::policy::Policy;

use super::Appliance;
use crate::neighbour::RETIRE_STEP;
use crate::time::Time;

/// Time after which no ring holds a packet from before: a thousand times what one is expected to.
const REST_MS: u64 = 10_000;
/// Time between two publications of an unchanged policy. Flows know a policy by 16 bits of its
/// number: one has to sleep for longer than any idle timer to take another policy for its own.
const REPUBLISH_MS: u64 = 120_000;

/// How far retired next hops are.
#[derive(Debug, Default)]
pub(super) struct Recycling {
    published_at: Time,
    rested_at: Time,
    /// Policies that were in force at [`Recycling::rested_at`].
    rested: u64,
}

impl Recycling {
    /// Whether retired next hops have waited long enough for another policy.
    fn wants_policy(&self, retired: usize, now: Time) -> bool {
        let wait_ms = if retired >= RETIRE_STEP {
            REST_MS
        } else {
            REPUBLISH_MS
        };
        retired > 0 && now.since_ms(self.published_at) >= wait_ms
    }
}

impl Appliance {
    /// Brings a policy into force under the next generation; `false` when workers are behind.
    pub(super) fn publish(&mut self, mut policy: Policy, now: Time) -> bool {
        policy.generation = self.policy.generation.wrapping_add(1);
        if !self.fastpath.publish_policy(policy.clone()) {
            return false;
        }
        self.policy = policy;
        self.recycling.published_at = now;
        true
    }

    /// Once per second.
    pub(super) fn recycle_next_hops(&mut self, now: Time) {
        let hops = self.fastpath.neighbours();
        let effects = self.arp.retire(&self.net, hops, now);
        let retired = hops.quarantined();
        if now.since_ms(self.recycling.rested_at) >= REST_MS {
            hops.vacate(self.recycling.rested);
            self.recycling.rested = hops.policies_in_force();
            self.recycling.rested_at = now;
        }
        self.arp_effects(effects, now);
        if self.recycling.wants_policy(retired, now) {
            // When workers are behind, the next second tries again.
            self.publish(self.policy.clone(), now);
        }
    }
}

const _: () = assert!(
    REPUBLISH_MS / 1_000 * 65_536 > 1_193 * 3_600,
    "the longest idle timer is shorter than a round of the generations"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_retired_next_hops_do_not_wait_for_the_slow_round() {
        let recycling = Recycling {
            published_at: Time(1_000),
            ..Recycling::default()
        };
        let at = |ms| Time(1_000 + ms);
        assert!(!recycling.wants_policy(0, at(10 * REPUBLISH_MS)));
        assert!(!recycling.wants_policy(1, at(REPUBLISH_MS - 1)));
        assert!(recycling.wants_policy(1, at(REPUBLISH_MS)));
        assert!(!recycling.wants_policy(RETIRE_STEP, at(REST_MS - 1)));
        assert!(recycling.wants_policy(RETIRE_STEP, at(REST_MS)));
    }
}
