//! Sequence numbers: a run of packets through one SA gets numbers that follow each other.

use arrayvec::ArrayVec;

use super::{Run, tell_lifetime};
use crate::burst::Burst;
use crate::dpdk::Mbuf;
use crate::limits::BURST_MAX;
use crate::packet::flag;
use crate::verdict::{DropReason, Verdict};
use crate::worker::Core;

/// Places in the burst of packets that got no number, and why.
type Refused = ArrayVec<(usize, DropReason), BURST_MAX>;

/// Numbers the packets of a burst; those that get none leave it, and their runs.
///
/// Cost: per run, an access to the SA's line of progress; where every worker seals with the SA, two
/// to a line that they share, and a third one where flows wait for answers.
#[inline]
pub(super) fn number(core: &mut Core, burst: &mut Burst, runs: &mut [Run<'_>]) {
    let mut refused = Refused::new();
    let mut at = 0;
    // A run of which no packet is left may be another worker's: its SA is not touched.
    for run in runs.iter_mut().filter(|run| run.packets > 0) {
        let end = at + run.packets;
        // A burst has the packets of its runs; what has no number is not sealed.
        let Some(packets) = burst.packets_mut().get_mut(at..end) else {
            run.packets = 0;
            continue;
        };
        let before = refused.len();
        match run.sa.reserve_run(run.packets, run.bytes) {
            Ok(first) => {
                for (packet, number) in packets.iter_mut().zip(first..) {
                    packet.meta_mut().sequence = number;
                }
            }
            Err(_) => number_each(run, packets, at, &mut refused),
        }
        if run.expecting > 0 {
            run.sa.note_expecting(run.expecting);
        }
        tell_lifetime(core, run.sa, refused.len() > before);
        at = end;
    }
    if !refused.is_empty() {
        part(core, burst, &refused);
    }
}

/// The last of an SA's life: each packet for itself.
#[cold]
fn number_each(run: &mut Run<'_>, packets: &mut [Mbuf], first: usize, refused: &mut Refused) {
    for (packet, at) in packets.iter_mut().zip(first..) {
        let meta = packet.meta_mut();
        match run.sa.reserve(usize::from(meta.l3_len)) {
            Ok(number) => meta.sequence = number,
            Err(reason) => {
                run.packets -= 1;
                run.expecting -= usize::from(meta.has(flag::EXPECTING));
                // There are as many places as packets.
                let _ = refused.try_push((at, reason));
            }
        }
    }
}

#[cold]
fn part(core: &mut Core, burst: &mut Burst, refused: &Refused) {
    let mut refused = refused.iter().peekable();
    let mut at = 0;
    core.step(burst, |_, _| {
        let refusal = refused.next_if(|(place, _)| *place == at);
        at += 1;
        refusal.map_or(Verdict::Continue, |(_, reason)| Verdict::Drop(*reason))
    });
}
