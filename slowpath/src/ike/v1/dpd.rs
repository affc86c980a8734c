//! Dead peer detection (RFC 3706) of one phase-1 SA: probes, their answers, what answers prove.
//!
//! ```text
//!   silence for the threshold --> a probe every retry interval, three unanswered --> dead
//!   traffic without an answer --> the urgent schedule of limits::URGENT_WAITS_MS --> dead
//!   third message of quick mode --> one probe a little later; its answer shows that the peer has
//!                                   the pair
//! ```

use std::collections::VecDeque;

use super::informational::send;
use super::phase1::Phase1;
use crate::ike::api::{Action, Proof};
use crate::ike::core::Core;
use crate::ike::error::notify;
use crate::ike::limits::{ANSWER_WAIT_MS, PROBES_OUT_MAX, URGENT_WAITS_MS};
use crate::ike::wire::control::Notify;
use crate::ike::wire::payload;
use crate::ike::wire::sa::protocol;
use crate::round_trip::RoundTrip;
use crate::time::Time;

/// Dead peer detection of one SA.
#[derive(Clone, Debug, Default)]
pub(in crate::ike) struct Dpd {
    /// The peer can do it.
    pub(in crate::ike) supported: bool,
    pub(in crate::ike) sequence: u32,
    /// Probes without an answer.
    pub(in crate::ike) unanswered: u32,
    pub(in crate::ike) next_probe: Option<Time>,
    pub(in crate::ike) last_heard: Time,
    /// How many urgent probes were sent, while they are.
    pub(in crate::ike) urgent: Option<usize>,
    /// Since when the peer is suspected, while it is.
    suspected_at: Time,
    /// Sequence numbers of probes whose answer is of use, and when they were sent.
    out: VecDeque<(u32, Time)>,
    /// When the probe that proves goes, and the newest pair that it proves, by inbound SPI.
    pub(in crate::ike) prove: Option<(Time, u32)>,
    /// Pairs, by inbound SPI, that the answer to the probe with this number proves.
    proofs: VecDeque<(u32, u32)>,
    /// The highest number of the peer's own probes.
    theirs: Option<u32>,
    /// That the peer cannot be declared dead has been said.
    pub(in crate::ike) told_unable: bool,
}

impl Dpd {
    pub(in crate::ike) fn new(now: Time) -> Self {
        Self {
            last_heard: now,
            ..Self::default()
        }
    }

    /// The peer was heard: what is unanswered no longer counts.
    pub(in crate::ike) fn heard(&mut self, at: Time) {
        self.last_heard = self.last_heard.max(at);
        self.unanswered = 0;
        self.urgent = None;
    }

    /// The peer is suspected of being dead: urgent probes begin.
    pub(in crate::ike) fn suspect(&mut self, now: Time) {
        self.urgent = Some(0);
        self.suspected_at = now;
    }

    /// As [`Dpd::heard`], of packets that were counted some time after they came: what came before
    /// the suspicion says nothing against it.
    pub(in crate::ike) fn counted(&mut self, at: Time) {
        if self.urgent.is_none() || at > self.suspected_at {
            self.heard(at);
        }
    }

    /// Whether a probe of the peer is newer than all before it (RFC 3706 section 7): one that is
    /// not may be anybody's recording.
    pub(super) fn is_new(&mut self, sequence: u32) -> bool {
        let ahead = |last: u32| (1..=u32::MAX / 2).contains(&sequence.wrapping_sub(last));
        let is_new = self.theirs.is_none_or(ahead);
        if is_new {
            self.theirs = Some(sequence);
        }
        is_new
    }

    fn note(&mut self, sequence: u32, now: Time) {
        if self.out.len() == PROBES_OUT_MAX {
            self.out.pop_front();
        }
        self.out.push_back((sequence, now));
    }
}

/// Sends a probe that counts until it is answered.
pub(in crate::ike) fn send_probe(core: &mut Core, now: Time, sa: &mut Phase1) {
    ask(core, now, sa);
    sa.dpd.unanswered += 1;
}

/// Sends the next of the urgent probes; `false` when there is none left and the peer is dead.
pub(in crate::ike) fn send_urgent(core: &mut Core, now: Time, sa: &mut Phase1) -> bool {
    let sent = sa.dpd.urgent.unwrap_or(0);
    if sent > URGENT_WAITS_MS.len() {
        return false;
    }
    ask(core, now, sa);
    sa.dpd.unanswered = sa.dpd.unanswered.max(1);
    let wait_ms = URGENT_WAITS_MS
        .get(sent)
        .copied()
        .unwrap_or_else(|| answer_wait_ms(core.round_trip(sa.peer)));
    sa.dpd.next_probe = Some(now.after_ms(wait_ms));
    sa.dpd.urgent = Some(sent + 1);
    true
}

/// How long the last urgent probe waits for its answer.
fn answer_wait_ms(path: Option<RoundTrip>) -> u64 {
    path.map_or(ANSWER_WAIT_MS.1, |path| {
        let late_ms = path.spread_ms().clamp(ANSWER_WAIT_MS.0, ANSWER_WAIT_MS.1);
        path.mean_ms() + late_ms
    })
}

/// Asks the peer after the third message of quick mode whether it is there: when it has taken that
/// message first, with its answer it has the pair too.
pub(in crate::ike) fn prove(core: &mut Core, now: Time, sa: &mut Phase1) {
    let Some((_, inbound_spi)) = sa.dpd.prove.take() else {
        return;
    };
    ask(core, now, sa);
    if sa.dpd.proofs.len() == PROBES_OUT_MAX {
        sa.dpd.proofs.pop_front();
    }
    sa.dpd.proofs.push_back((sa.dpd.sequence, inbound_spi));
}

fn ask(core: &mut Core, now: Time, sa: &mut Phase1) {
    sa.dpd.sequence = match sa.dpd.sequence {
        0 => core.random_u32() >> 1,
        last => last.wrapping_add(1),
    };
    let probe = presence(sa, notify::R_U_THERE, sa.dpd.sequence);
    // Without keys there is nobody to ask.
    let _ = send(core, sa, payload::NOTIFY, &probe.emit());
    sa.dpd.note(sa.dpd.sequence, now);
}

/// The notification of a probe or of its answer.
pub(super) fn presence(sa: &Phase1, kind: u16, sequence: u32) -> Notify {
    Notify {
        protocol: protocol::ISAKMP,
        kind,
        spi: [sa.cookie_i, sa.cookie_r].concat(),
        data: sequence.to_be_bytes().to_vec(),
    }
}

/// Takes an answer: only one to a probe that is out counts, so that an old one proves nothing.
/// Whether it does.
pub(super) fn answered(core: &mut Core, now: Time, sa: &mut Phase1, sequence: u32) -> bool {
    let Some(place) = sa.dpd.out.iter().position(|(out, _)| *out == sequence) else {
        return false;
    };
    if let Some((_, sent)) = sa.dpd.out.get(place) {
        core.measured(sa.peer, now.since_ms(*sent));
    }
    sa.dpd.out.drain(..=place);
    if sa.dpd.urgent.is_some() {
        core.push(Action::PeerAnswered { peer: sa.peer });
    }
    sa.dpd.heard(now);
    while let Some((asked, inbound_spi)) = sa.dpd.proofs.front().copied() {
        if sequence.wrapping_sub(asked) > u32::MAX / 2 {
            break;
        }
        sa.dpd.proofs.pop_front();
        core.push(Action::PeerReceives {
            inbound_spi,
            proof: Proof::Answer,
        });
    }
    true
}
