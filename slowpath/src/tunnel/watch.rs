//! Detection driven by traffic: flows that want an answer are sealed, and nothing comes back.
//!
//! ```text
//!   an expecting packet leaves --> silence for the round trip + `vpn-resume detect` --> suspect
//!   suspect --> answered: the silence that is borne doubles   heard: back to the start
//! ```
//!
//! A false suspicion costs one probe. Traffic that is never answered (one way, a server that is
//! gone) is answered by its tunnel's peer, so its probes become rare.

use std::net::Ipv4Addr;

use fastpath::tunnel::SlotState;

use super::dataplane::Dataplane;
use super::owner::TunnelOwner;
use crate::ike::{Proof, TunnelId};
use crate::round_trip::RoundTrip;
use crate::time::Time;

/// Time between two looks at the same tunnel: what detection is late at the most.
pub(super) const WATCH_ROUND_MS: u64 = 20;
/// Tunnels that one turn looks at: two counters each, about a tenth of a millisecond together.
const TUNNELS_PER_TURN: usize = 256;
/// How often the silence that is borne is doubled: to about ten seconds, the default threshold of
/// probes without traffic.
const DOUBLINGS_MAX: u32 = 5;
/// The round trip of a peer that none was measured of (RFC 6298 section 2.1).
const ROUND_TRIP_UNKNOWN_MS: u64 = 1_000;
/// A suspicion that led to nothing for so long may be raised again: longer than any schedule of
/// urgent probes.
const SUSPICION_MAX_MS: u64 = 3_000;

/// What a look at a tunnel's counters has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing new.
    Nothing,
    /// Something was authenticated.
    Heard,
    /// Packets that want an answer have none since then.
    Silent(Time),
}

/// What the counters of a tunnel say of its peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watch {
    expecting: u64,
    opened: u64,
    /// When the first packet that has no answer was seen.
    waiting: Option<Time>,
    suspected: Option<Time>,
    doublings: u32,
    /// When something was authenticated the last time.
    heard: Option<Time>,
}

impl Watch {
    /// Looks at the counters; `silence_ms`: what is borne before the peer is suspected.
    pub(crate) fn look(
        &mut self,
        now: Time,
        (expecting, opened): (u64, u64),
        silence_ms: u64,
    ) -> Look {
        let expects = expecting != self.expecting;
        self.expecting = expecting;
        if opened != self.opened {
            *self = Self {
                expecting,
                opened,
                heard: Some(now),
                ..Self::default()
            };
            return Look::Heard;
        }
        if self
            .suspected
            .is_some_and(|at| now.since_ms(at) >= SUSPICION_MAX_MS)
        {
            self.answered();
        }
        if expects {
            self.waiting.get_or_insert(now);
        }
        match self.waiting {
            Some(since)
                if self.suspected.is_none()
                    && now.since_ms(since) >= silence_ms << self.doublings =>
            {
                self.suspected = Some(now);
                Look::Silent(since)
            }
            _ => Look::Nothing,
        }
    }

    /// The peer lives, although the traffic had no answer.
    pub(crate) fn answered(&mut self) {
        self.waiting = None;
        self.suspected = None;
        self.doublings = (self.doublings + 1).min(DOUBLINGS_MAX);
    }

    /// Since when the peer is suspected, while it is.
    pub(super) const fn suspected(&self) -> Option<Time> {
        self.suspected
    }

    /// Since when answers have been missing, while the peer is suspected.
    pub(super) fn evidence(&self) -> Option<Time> {
        self.suspected.and(self.waiting)
    }

    /// When a look found something that was authenticated.
    pub(super) const fn heard(&self) -> Option<Time> {
        self.heard
    }

    /// The pair changes: its counters begin anew, what is known of the peer stays.
    pub(super) fn restart(&mut self, counters: (u64, u64)) {
        (self.expecting, self.opened) = counters;
        self.waiting = None;
        self.suspected = None;
    }
}

/// What IKE shall know of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// A suspected peer has sent something that was authenticated.
    Heard(Ipv4Addr),
    /// Traffic to the peer has no answer.
    Silent(Ipv4Addr),
}

impl<D: Dataplane> TunnelOwner<D> {
    /// Looks at the counters of the next tunnels. Once per turn.
    pub fn watch(
        &mut self,
        now: Time,
        dp: &mut D,
        path: impl Fn(Ipv4Addr) -> Option<RoundTrip>,
    ) -> Vec<Sighting> {
        let Some(detect_ms) = self.options.resume.detect_ms else {
            self.end_all_silences(now, dp);
            return Vec::new();
        };
        let from = match self.watch_from {
            Some(from) => from,
            None if now.since_ms(self.watch_began) < WATCH_ROUND_MS => return Vec::new(),
            None => {
                self.watch_began = now;
                TunnelId(0)
            }
        };
        let (mut sightings, mut silences) = (Vec::new(), Vec::new());
        let mut last = None;
        let mut looked = 0;
        for (&id, tunnel) in self.tunnels.range_mut(from..).take(TUNNELS_PER_TURN) {
            (last, looked) = (Some(id), looked + 1);
            let up = dp
                .word(tunnel.slot)
                .is_some_and(|word| word.state() == SlotState::Up);
            let Some(peer) = tunnel.sealing().map(|child| child.peer).filter(|_| up) else {
                continue;
            };
            let trip_ms = path(peer).map_or(ROUND_TRIP_UNKNOWN_MS, RoundTrip::mean_ms);
            let counters = tunnel.counters(&*dp);
            match tunnel.watch.look(now, counters, detect_ms + trip_ms) {
                Look::Heard if self.suspected.remove(&peer) => {
                    sightings.push(Sighting::Heard(peer));
                }
                Look::Heard | Look::Nothing => {}
                Look::Silent(_) => {
                    self.suspected.insert(peer);
                    sightings.push(Sighting::Silent(peer));
                }
            }
            if let Some(change) =
                tunnel.silence_changes(self.silent.contains_key(&id), now, trip_ms)
            {
                silences.push((id, change));
            }
        }
        self.change_silences(&silences, now, dp);
        for sighting in &sightings {
            if let Sighting::Heard(peer) = *sighting {
                self.end_silences(peer, Proof::Traffic, now, dp);
            }
        }
        let more = looked == TUNNELS_PER_TURN;
        self.watch_from = last.filter(|_| more).map(|id| TunnelId(id.0 + 1));
        sightings
    }

    /// The peer has answered a probe, or cannot be probed: its tunnels bear more silence.
    pub fn peer_answered(&mut self, peer: Ipv4Addr, now: Time, dp: &mut D) {
        self.suspected.remove(&peer);
        self.end_silences(peer, Proof::Answer, now, dp);
        let of_peer = self
            .tunnels
            .values_mut()
            .filter(|tunnel| tunnel.sealing().is_some_and(|child| child.peer == peer));
        for tunnel in of_peer.filter(|tunnel| tunnel.watch.suspected.is_some()) {
            tunnel.watch.answered();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_borne_for_its_time_and_suspected_once() {
        let mut watch = Watch::default();
        assert_eq!(watch.look(Time(0), (0, 0), 300), Look::Nothing);
        assert_eq!(watch.look(Time(900), (1, 0), 300), Look::Nothing);
        assert_eq!(watch.look(Time(1_199), (5, 0), 300), Look::Nothing);
        assert_eq!(
            watch.look(Time(1_200), (5, 0), 300),
            Look::Silent(Time(900))
        );
        assert_eq!(watch.look(Time(1_300), (9, 0), 300), Look::Nothing);
        assert_eq!(watch.look(Time(1_301), (9, 1), 300), Look::Heard);
        assert_eq!(watch.look(Time(9_000), (9, 1), 300), Look::Nothing);
    }

    #[test]
    fn an_answered_probe_doubles_what_is_borne_until_traffic_is_answered() {
        let mut watch = Watch::default();
        let mut now = Time(0);
        let mut expecting = 0;
        let mut gaps = Vec::new();
        for _ in 0..8 {
            let began = now;
            loop {
                now = now.after_ms(10);
                expecting += 1;
                if let Look::Silent(_) = watch.look(now, (expecting, 0), 300) {
                    break;
                }
            }
            gaps.push(now.since_ms(began));
            watch.answered();
        }
        assert_eq!(gaps, [310, 610, 1_210, 2_410, 4_810, 9_610, 9_610, 9_610]);
        assert_eq!(watch.look(now, (expecting, 1), 300), Look::Heard);
        watch.look(now, (expecting + 1, 1), 300);
        let suspected = watch.look(now.after_ms(300), (expecting + 1, 1), 300);
        assert_eq!(suspected, Look::Silent(now));
    }

    #[test]
    fn a_suspicion_that_nobody_settles_is_raised_again() {
        let mut watch = Watch::default();
        watch.look(Time(0), (1, 0), 300);
        assert_eq!(watch.look(Time(300), (1, 0), 300), Look::Silent(Time(0)));
        assert_eq!(watch.look(Time(3_300), (2, 0), 300), Look::Nothing);
        assert_eq!(
            watch.look(Time(3_900), (2, 0), 300),
            Look::Silent(Time(3_300))
        );
    }
}
