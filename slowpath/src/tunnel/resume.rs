//! How a tunnel comes back under its flows: what a bounce begins, who negotiates when, and when
//! held packets may leave.
//!
//! ```text
//!   last pair ends --> bounce begins --> [negotiation at once] --> first pair up --> peer proven
//!                                                                 --> release order to the workers
//! ```
//!
//! Proof is the second message of quick mode of a peer that announces that it then has the pair (a
//! Holdfast), the third message, the answer to the probe behind it, or a packet under the new pair;
//! without any of them a bounded wait stands for it. What is released too early is
//! lost, and its second copy leaves two round trips later.

use config::VpnResume;
use fastpath::limits::RELEASE_FIRST_PACKETS;
use fastpath::tunnel::{BounceRecord, ReleaseOrder, ResumeOptions, SlotId, SlotWord};
use fastpath::worker::request::What;

use super::dataplane::Dataplane;
use super::owner::{Tunnel, TunnelOwner};
use crate::bounce::{Cause, Ledger};
use crate::ike::{EndReason, Proof, TunnelId};
use crate::round_trip::RoundTrip;
use crate::time::Time;

/// Least and most milliseconds that held packets wait for a proof: a message of quick mode that is
/// lost is sent again after 500, and packets that leave before their peer has the pair are lost.
pub(super) const PROOF_WAIT_MS: (u64, u64) = (700, 1_000);
/// The round trip of a peer that none was measured of, in microseconds.
const ROUND_TRIP_UNKNOWN_US: u64 = 250_000;
/// Part of the tunnel's last rate with which held packets begin to leave.
const PACE_DIVISOR: u32 = 4;
/// Time that the end which deletes has for beginning anew before the other one does it: both at
/// once make two pairs where one is enough.
pub(super) const PEER_FIRST_MS: u64 = 50;
/// When many tunnels go down together, each of them adds as much to the time over which their
/// negotiations are spread.
const SPREAD_STEP_MS: u64 = 2;
/// Tunnels that go down within this time go down together.
const TOGETHER_MS: u64 = 1_000;
/// Seconds after its bounce in which a tunnel is negotiated without being asked: the default of
/// `timeout conn`, after which flows that preserve have ended.
pub(super) const ANEW_S: u64 = 3_600;
/// Bounces whose flows wait to be counted; those of further ones stay unknown.
const COUNTS_WAITING_MAX: usize = 64;

/// `vpn-resume`, as the tunnel owner obeys it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumePolicy {
    /// What the workers obey.
    pub workers: ResumeOptions,
    /// First packets per second, whatever was carried.
    pub initial_pps: Option<u32>,
    /// Least first packets per second.
    pub minimum_pps: u32,
    /// Silence beyond the round trip before a peer is probed; `None`: never because of traffic.
    pub detect_ms: Option<u64>,
}

impl ResumePolicy {
    /// Nothing beyond what an ASA does.
    pub const OFF: Self = Self {
        workers: ResumeOptions::OFF,
        initial_pps: None,
        minimum_pps: 1_000,
        detect_ms: None,
    };

    /// The policy of a configuration.
    pub fn new(resume: &VpnResume) -> Self {
        let memory_mb = resume.hold_memory_mb.unwrap_or(0);
        Self {
            workers: ResumeOptions {
                hold: resume.hold_memory_mb.is_some(),
                hold_memory_bytes: u64::from(memory_mb) << 20,
                unreachable: resume.unreachable,
                probe: resume.probe.map(|probe| fastpath::tunnel::ProbeOptions {
                    idle_s: probe.idle_s,
                    interval_s: probe.interval_s,
                    retries: probe.retries,
                }),
            },
            initial_pps: resume.pace.initial_pps,
            minimum_pps: resume.pace.minimum_pps,
            detect_ms: resume.detect_ms.map(u64::from),
        }
    }

    /// Whether anything is to be done when a tunnel comes back.
    pub(super) const fn acts(&self) -> bool {
        self.workers.hold || self.workers.unreachable || self.workers.probe.is_some()
    }
}

/// A bounce whose held packets have not been released.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounced {
    pub(super) number: u32,
    /// When the tunnel was up again.
    pub(super) ready: Option<Time>,
    /// Until when the tunnel is negotiated again and again without being asked.
    pub(super) anew_until: Option<Time>,
}

impl Tunnel {
    /// It is to be negotiated at `at`, as if a packet had asked for it.
    fn ask(&mut self, now: Time, at: Time) {
        self.asked_at = Some(now);
        self.retry_at = Some(at);
    }
}

/// The workers' count of the flows of a bounce.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counting {
    ticket: u32,
    number: u32,
    answers_left: u8,
    flows: u64,
}

/// Tunnels that went down together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Together {
    since: Time,
    count: u64,
}

impl<D: Dataplane> TunnelOwner<D> {
    /// What is known of bounces.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// An operator clears SAs: what ends as a reset from now on was this.
    pub fn clearing(&mut self, cause: Cause) {
        self.clear_cause = cause;
    }

    /// What a worker did for the flows of a bounce.
    pub fn bounce_report(&mut self, record: &BounceRecord, now: Time) {
        self.ledger.report(record, now);
    }

    /// The round trip to the tunnel's peer, as IKE has measured it.
    pub fn measured(&mut self, id: TunnelId, path: Option<RoundTrip>) {
        if let Some(tunnel) = self.tunnels.get_mut(&id) {
            tunnel.path = path.or(tunnel.path);
        }
    }

    /// The tunnel can send no more. A bounce that has begun goes on.
    pub(super) fn bounced(&mut self, id: TunnelId, reason: EndReason, now: Time, dp: &mut D) {
        let Some(tunnel) = self.tunnels.get_mut(&id) else {
            return;
        };
        if let Some(bounced) = &mut tunnel.bounced
            && bounced.ready.is_none()
        {
            return;
        }
        let cause = Cause::of(reason, self.clear_cause);
        let preserved = dp.word(tunnel.slot).is_some_and(SlotWord::preserve);
        let begin = tunnel.bounce(id, cause, preserved);
        let (slot, suspected) = (tunnel.slot, begin.evidence.is_some());
        self.suspected.remove(&begin.peer);
        // The slot is down again before the workers heard that it was up.
        self.orders.retain(|order| order.slot != slot);
        let silence = self.silent.remove(&id);
        let number = silence.filter(|number| self.ledger.declared(*number, cause, now));
        let counted = number.is_some();
        let number = number.unwrap_or_else(|| self.ledger.begin(begin, now));
        tunnel.bounced = Some(Bounced {
            number,
            ready: None,
            anew_until: None,
        });
        tunnel.watch.restart((0, 0));
        tunnel.rate.restart();
        let busy = suspected || tunnel.rate.packets_per_s() > 0;
        let carried = tunnel.past.inbound.packets + tunnel.past.outbound.packets > 0;
        if preserved && !counted {
            self.count_later(number, slot);
        }
        let delay_ms = match cause {
            Cause::ClearIsakmp | Cause::ClearIpsec if carried => 0,
            Cause::PeerDelete if carried => PEER_FIRST_MS,
            Cause::LostContact if busy => 0,
            _ => return,
        };
        if preserved && self.options.resume.acts() {
            self.begin_anew(id, delay_ms, number, now);
        }
    }

    /// The flows of a bounce are to be counted.
    pub(super) fn count_later(&mut self, number: u32, slot: SlotId) {
        if self.options.resume.acts() && self.counts.len() < COUNTS_WAITING_MAX {
            self.counts.push_back((number, slot));
        }
    }

    /// The tunnel is negotiated without waiting for a packet that asks for it.
    fn begin_anew(&mut self, id: TunnelId, delay_ms: u64, number: u32, now: Time) {
        if now.since_ms(self.together.since) >= TOGETHER_MS {
            self.together = Together {
                since: now,
                count: 0,
            };
        }
        let over_ms = self.together.count * SPREAD_STEP_MS;
        self.together.count += 1;
        let Some(tunnel) = self.tunnels.get_mut(&id) else {
            return;
        };
        let spread_ms = scatter(tunnel, number) % (over_ms + 1);
        if let Some(bounced) = &mut tunnel.bounced {
            bounced.anew_until = Some(now.after_s(ANEW_S));
        }
        tunnel.ask(now, now.after_ms(delay_ms + spread_ms));
        self.timed.insert(id);
    }

    /// A negotiation had no answer: of a tunnel that was begun anew the next one begins. Flows that
    /// wait for it would ask less and less often.
    pub(super) fn persist(&mut self, id: TunnelId, now: Time) {
        let acts = self.options.resume.acts();
        let Some(tunnel) = self.tunnels.get_mut(&id).filter(|_| acts) else {
            return;
        };
        let until = tunnel.bounced.and_then(|bounced| bounced.anew_until);
        if until.is_some_and(|until| now < until) {
            tunnel.ask(now, now);
            self.timed.insert(id);
        }
    }

    /// The first pair is up: a proof that the peer takes packets is waited for.
    pub(super) fn is_back(&mut self, id: TunnelId, now: Time) {
        let Some(tunnel) = self.tunnels.get_mut(&id) else {
            return;
        };
        let Some(bounced) = &mut tunnel.bounced else {
            return;
        };
        bounced.ready = Some(now);
        self.ledger.ready(bounced.number, now);
        self.timed.insert(id);
    }

    /// The peer has shown that it takes packets under a pair.
    pub fn peer_receives(&mut self, inbound_spi: u32, proof: Proof, now: Time, dp: &mut D) {
        let seals = |id: &&TunnelId| {
            let tunnel = self.tunnels.get(id);
            let sealing = tunnel.and_then(Tunnel::sealing);
            sealing.is_some_and(|child| child.inbound_spi == inbound_spi)
        };
        if let Some(id) = self.timed.iter().find(seals).copied() {
            self.release(id, proof, now);
            self.send_orders(dp);
        }
    }

    /// Releases what has its proof by a packet, or has waited long enough.
    pub(super) fn release_due(&mut self, now: Time, dp: &mut D) {
        let due: Vec<(TunnelId, Proof)> = self
            .timed
            .iter()
            .filter_map(|id| Some((*id, self.tunnels.get(id)?)))
            .filter_map(|(id, tunnel)| Some((id, tunnel.proof(now, dp)?)))
            .collect();
        for (id, proof) in due {
            self.release(id, proof, now);
        }
        self.send_orders(dp);
    }

    pub(super) fn release(&mut self, id: TunnelId, proof: Proof, now: Time) {
        let options = self.options.resume;
        let Some(tunnel) = self.tunnels.get_mut(&id) else {
            return;
        };
        let Some(bounced) = tunnel.bounced.take_if(|bounced| bounced.ready.is_some()) else {
            return;
        };
        self.ledger.proven(bounced.number, proof, now);
        if !options.acts() {
            return;
        }
        let carried_pps = tunnel.rate.packets_per_s() / PACE_DIVISOR;
        let pps = options
            .initial_pps
            .unwrap_or(carried_pps.max(options.minimum_pps));
        let trip_us = tunnel
            .path
            .map_or(ROUND_TRIP_UNKNOWN_US, RoundTrip::mean_us);
        self.orders.push_back(ReleaseOrder {
            slot: tunnel.slot,
            bounce: bounced.number,
            packets_per_s: pps.max(1),
            first_packets: match options.initial_pps {
                Some(_) => 1,
                None => RELEASE_FIRST_PACKETS,
            },
            round_trip_us: u32::try_from(trip_us).unwrap_or(u32::MAX).max(1),
        });
    }

    /// Tells the workers how flows resume, unless they know.
    pub(super) fn tell_options(&mut self, dp: &mut D) {
        let wanted = self.options.resume.workers;
        if self.told != wanted && dp.set_resume(wanted) {
            self.told = wanted;
        }
    }

    /// Gives orders to the workers, as far as their rings have room.
    pub(super) fn send_orders(&mut self, dp: &mut D) {
        while let Some(&order) = self.orders.front() {
            let current = self.by_slot.contains_key(&order.slot);
            if current && dp.release_held(order).is_none() {
                return;
            }
            self.orders.pop_front();
        }
    }

    /// Asks the workers to count the flows of the next bounce, one count at a time.
    pub(super) fn count_flows(&mut self, dp: &mut D) {
        if self.counting.is_some() {
            return;
        }
        let Some(&(number, slot)) = self.counts.front() else {
            return;
        };
        let Some(ticket) = dp.sweep(What::Count(slot)) else {
            return;
        };
        self.counts.pop_front();
        self.counting = Some(Counting {
            ticket,
            number,
            answers_left: dp.workers(),
            flows: 0,
        });
    }

    /// One worker's answer, if it was to a count.
    pub(super) fn counted(&mut self, ticket: u32, flows: u32) {
        let Some(counting) = self.counting.as_mut().filter(|it| it.ticket == ticket) else {
            return;
        };
        counting.flows += u64::from(flows);
        counting.answers_left = counting.answers_left.saturating_sub(1);
        if counting.answers_left == 0 {
            let Counting { number, flows, .. } = *counting;
            self.counting = None;
            self.ledger.counted(number, flows);
        }
    }

    /// The slot is gone: what it still waits for is too.
    pub(super) fn forget_bounces(&mut self, slot: SlotId) {
        self.counts.retain(|(_, other)| *other != slot);
        self.orders.retain(|order| order.slot != slot);
        self.ledger.removed(slot);
    }
}

impl Tunnel {
    /// The proof that is there without a message: a packet of the peer, or the end of the wait.
    fn proof(&self, now: Time, dp: &impl Dataplane) -> Option<Proof> {
        let ready = self.bounced?.ready?;
        let sealing = self.sealing()?;
        if dp
            .inbound(sealing.inbound_spi)
            .is_some_and(|traffic| traffic.packets > 0)
        {
            return Some(Proof::Traffic);
        }
        let (least_ms, most_ms) = PROOF_WAIT_MS;
        let two_trips_ms = self.path.map_or(least_ms, |path| 2 * path.mean_ms());
        let wait_ms = two_trips_ms.clamp(least_ms, most_ms);
        (now.since_ms(ready) >= wait_ms).then_some(Proof::Wait)
    }

    /// The counters that detection compares: packets that expect an answer, packets opened.
    pub(super) fn counters(&self, dp: &impl Dataplane) -> (u64, u64) {
        let expecting = dp.outbound(self.slot).unwrap_or_default().expecting;
        let opened = self.children.iter().map(|child| {
            dp.inbound(child.inbound_spi)
                .map_or(0, |traffic| traffic.packets)
        });
        (expecting, opened.sum())
    }
}

/// A number that differs between tunnels, boxes and bounces (the finalizer of splitmix64).
fn scatter(tunnel: &Tunnel, number: u32) -> u64 {
    let local = u64::from(tunnel.spec.local.to_bits());
    let mut mixed = local << 32 ^ u64::from(tunnel.slot.raw()) << 32 ^ u64::from(number);
    for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        mixed = (mixed ^ mixed >> 29).wrapping_mul(factor);
    }
    mixed ^ mixed >> 32
}
