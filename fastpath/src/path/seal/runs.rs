//! Sequence numbers of SAs with which every worker seals.

use arrayvec::ArrayVec;

use super::tell_lifetime;
use crate::burst::Burst;
use crate::dpdk::Mbuf;
use crate::esp::{OutboundSa, Sealer};
use crate::limits::BURST_MAX;
use crate::packet::flag;
use crate::verdict::{DropReason, Verdict};
use crate::worker::Core;

/// Why packets of a burst got no number, in the burst's order.
type Refusals = ArrayVec<Option<DropReason>, BURST_MAX>;

/// Numbers the packets whose SA has no home; those that get none leave the burst, and `sas` with
/// it.
///
/// Cost: two accesses to a line that workers share per run of packets through one SA, a third one
/// where flows wait for answers.
pub(super) fn number(
    core: &mut Core,
    burst: &mut Burst,
    sas: &mut ArrayVec<&OutboundSa, BURST_MAX>,
) {
    let mut refusals = Refusals::new();
    let mut packets = burst.packets_mut().as_mut_slice();
    let mut rest = sas.as_slice();
    while let Some(sa) = rest.first() {
        let same = |other: &&&OutboundSa| core::ptr::eq(**other, *sa);
        let len = rest.iter().take_while(same).count();
        let (Some((_, after)), Some((these, others))) = (
            rest.split_at_checked(len),
            packets.split_at_mut_checked(len),
        ) else {
            break;
        };
        rest = after;
        packets = others;
        match sa.sealer() {
            Sealer::Spread => number_run(core, sa, these, &mut refusals),
            Sealer::Worker(_) => these.iter().for_each(|_| note(&mut refusals, None)),
        }
    }
    if refusals.iter().any(Option::is_some) {
        part(core, burst, sas, &refusals);
    }
}

/// There are as many places as packets.
fn note(refusals: &mut Refusals, refusal: Option<DropReason>) {
    let _ = refusals.try_push(refusal);
}

fn number_run(core: &mut Core, sa: &OutboundSa, packets: &mut [Mbuf], refusals: &mut Refusals) {
    let len = |packet: &Mbuf| usize::from(packet.meta().l3_len);
    let bytes = packets.iter().map(len).sum();
    let mut first = sa.reserve_run(packets.len(), bytes);
    let mut expecting = 0;
    for packet in packets {
        let number = match &mut first {
            Some(next) => {
                let number = *next;
                *next += 1;
                Ok(number)
            }
            // The last of the SA's life: each packet for itself.
            None => sa.reserve(len(packet)),
        };
        let meta = packet.meta_mut();
        meta.sequence = number.unwrap_or(0);
        expecting += usize::from(number.is_ok() && meta.has(flag::EXPECTING));
        note(refusals, number.err());
    }
    if expecting > 0 {
        sa.note_expecting(expecting);
    }
    let refused = refusals.last().is_some_and(Option::is_some);
    tell_lifetime(core, sa, refused);
}

#[cold]
fn part(
    core: &mut Core,
    burst: &mut Burst,
    sas: &mut ArrayVec<&OutboundSa, BURST_MAX>,
    refusals: &Refusals,
) {
    let mut refused = refusals.iter();
    core.step(burst, |_, _| match refused.next() {
        Some(Some(reason)) => Verdict::Drop(*reason),
        _ => Verdict::Continue,
    });
    let mut refused = refusals.iter();
    sas.retain(|_| matches!(refused.next(), Some(None)));
}
