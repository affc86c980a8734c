//! Open: ESP in, inner packets out.

use arrayvec::ArrayVec;

use super::{Entrance, parse};
use crate::burst::Burst;
use crate::crypto::Direction;
use crate::dpdk::Mbuf;
use crate::esp::{InboundSa, OpenJob, Opened, open_burst};
use crate::limits::BURST_MAX;
use crate::packet::{FlowKey, Meta, flag, protocol};
use crate::tunnel::{Found, Located};
use crate::verdict::{DropReason, Verdict};
use crate::worker::event::{Event, IpsecKind};
use crate::worker::{Core, View};

/// Opens the ESP packets of a burst at the home of their SA; what comes out goes on as if it had
/// just been parsed, marked with the slot that its SA serves.
///
/// Each packet keeps the SA that it was admitted with: the table may change at any moment.
///
/// Cost: SAD entry and SA lines prefetched, one crypto call per burst.
pub(super) fn step(core: &mut Core, view: &View<'_>, burst: &mut Burst) {
    if !burst.packets().iter().any(is_esp) {
        return;
    }
    let mut places = locate(view, burst).into_iter();
    let mut sas: ArrayVec<&InboundSa, BURST_MAX> = ArrayVec::new();
    core.step(burst, |core, packet| {
        if !is_esp(packet) {
            return Verdict::Continue;
        }
        let Some(place) = places.next() else {
            return Verdict::Drop(DropReason::InvalidSpi);
        };
        match admit(core, view, packet, place) {
            Ok(sa) => {
                sas.push(sa);
                Verdict::Continue
            }
            Err(verdict) => verdict,
        }
    });
    prefetch_keys(&sas, burst);
    let mut outcomes = open(core, &sas, burst).into_iter().zip(&sas);
    core.step(burst, |core, packet| {
        if !is_esp(packet) {
            return Verdict::Continue;
        }
        match outcomes.next() {
            Some((outcome, sa)) => accept(core, view, packet, sa, outcome),
            None => Verdict::Drop(DropReason::InvalidSpi),
        }
    });
}

/// Takes the SPIs of a burst apart, each once where packets of one SA follow each other, and asks
/// for their entries.
#[inline]
fn locate(view: &View<'_>, burst: &Burst) -> ArrayVec<Located, BURST_MAX> {
    let sad = &view.shared.sad;
    let mut places: ArrayVec<Located, BURST_MAX> = ArrayVec::new();
    for packet in burst.packets().iter().filter(|packet| is_esp(packet)) {
        let spi = packet.meta().spi;
        let known = places.last().copied().filter(|place| place.spi() == spi);
        let place = known.unwrap_or_else(|| {
            let place = sad.locate(spi);
            sad.prefetch(place);
            place
        });
        // There are as many places as packets.
        let _ = places.try_push(place);
    }
    places
}

/// Asks for the keys of a burst, so that their misses overlap.
#[inline]
fn prefetch_keys(sas: &[&InboundSa], burst: &Burst) {
    let mut last = 0;
    let packets = burst.packets().iter().filter(|packet| is_esp(packet));
    for (sa, packet) in sas.iter().zip(packets) {
        if sa.spi() != last {
            last = sa.spi();
            sa.prefetch_keys(packet.len());
        }
    }
}

fn is_esp(packet: &Mbuf) -> bool {
    let meta = packet.meta();
    meta.key.protocol == protocol::ESP && meta.spi != 0 && !meta.has(flag::DECRYPTED)
}

/// The packet's SA, if it is here and has the encapsulation in which the packet came.
fn admit<'r>(
    core: &mut Core,
    view: &View<'r>,
    packet: &mut Mbuf,
    place: Located,
) -> Result<&'r InboundSa, Verdict> {
    let meta = *packet.meta();
    match view.shared.sad.find(place, core.id, view.reader) {
        Found::Nobody => Err(unknown_spi(core, &meta)),
        Found::Elsewhere(home) => Err(Core::hand_over(packet, home, Entrance::Open)),
        Found::Here(sa) if sa.is_encapsulated() != meta.has(flag::UDP_ENCAPSULATED) => {
            Err(Verdict::Drop(DropReason::BadNattIpsec))
        }
        Found::Here(sa) => Ok(sa),
    }
}

fn unknown_spi(core: &mut Core, meta: &Meta) -> Verdict {
    report(core, IpsecKind::InvalidSpi, meta, FlowKey::default());
    Verdict::Drop(DropReason::InvalidSpi)
}

type Outcome = Result<Opened, DropReason>;

/// One crypto call for all ESP packets of the burst, in their order.
fn open(core: &mut Core, sas: &[&InboundSa], burst: &mut Burst) -> ArrayVec<Outcome, BURST_MAX> {
    let mut jobs: ArrayVec<OpenJob<'_>, BURST_MAX> = ArrayVec::new();
    let packets = burst
        .packets_mut()
        .iter_mut()
        .filter(|packet| is_esp(packet));
    for (packet, sa) in packets.zip(sas) {
        let offset = usize::from(packet.meta().l4_offset);
        let outer_tos = packet.data().get(1).copied().unwrap_or(0);
        let esp = packet.data_mut().get_mut(offset..).unwrap_or_default();
        jobs.push(OpenJob::new(sa, esp, outer_tos));
    }
    let begin = core.timing.begin_esp();
    open_burst(&mut core.open, &mut jobs);
    let lens = jobs.iter().map(|job| job.esp.len());
    core.timing.end_esp(Direction::Open, begin, lens);
    core.tally.opened += jobs.iter().filter(|job| job.outcome.is_ok()).count() as u64;
    jobs.into_iter().map(|job| job.outcome).collect()
}

/// Cuts an opened packet down to its inner packet, parses that and holds it against the SA's
/// selectors (RFC 4301 section 5.2).
fn accept(
    core: &mut Core,
    view: &View<'_>,
    packet: &mut Mbuf,
    sa: &InboundSa,
    outcome: Outcome,
) -> Verdict {
    let outer = *packet.meta();
    let opened = match outcome {
        Ok(opened) => opened,
        Err(reason) => return refuse(core, &outer, reason),
    };
    if sa.is_moved(opened.sequence, outer.key.src, outer.key.sport) {
        report_move(core, sa, &outer.key);
    }
    packet.trim_front(usize::from(outer.l4_offset) + opened.offset);
    packet.truncate(opened.len);
    let meta = packet.meta_mut();
    meta.flags = flag::DECRYPTED | outer.flags & flag::UDP_ENCAPSULATED;
    meta.slot = sa.slot();
    meta.sequence = opened.sequence;
    meta.l4_offset = 0;
    // Fragments are held against the selectors one by one, before they are put together.
    if !parse::addresses(packet.data()).is_some_and(|key| sa.selects_addresses(&key)) {
        report(core, IpsecKind::Selector, &outer, packet.meta().key);
        return Verdict::Drop(DropReason::EspSelector);
    }
    match parse::inner(core, view, packet) {
        Verdict::Continue => select(core, sa, packet, &outer),
        verdict => verdict,
    }
}

fn select(core: &mut Core, sa: &InboundSa, packet: &Mbuf, outer: &Meta) -> Verdict {
    let meta = packet.meta();
    // An ICMP error was selected by its own addresses; its key is that of the packet it quotes.
    if meta.has(flag::ICMP_ERROR) || sa.selects(&meta.key) {
        return Verdict::Continue;
    }
    report(core, IpsecKind::Selector, outer, meta.key);
    Verdict::Drop(DropReason::EspSelector)
}

/// A report that finds no room is made by the next packet.
fn report_move(core: &mut Core, sa: &InboundSa, outer: &FlowKey) {
    let event = Event::PeerMoved {
        spi: sa.spi(),
        slot: sa.slot(),
        remote: outer.src,
        remote_port: outer.sport,
    };
    if core.events.push(event).is_ok() {
        sa.has_moved(outer.src, outer.sport);
    }
}

fn refuse(core: &mut Core, outer: &Meta, reason: DropReason) -> Verdict {
    let kind = match reason {
        DropReason::EspReplay => Some(IpsecKind::Replay),
        DropReason::EspAuthentication => Some(IpsecKind::Authentication),
        DropReason::EspPadding => Some(IpsecKind::Padding),
        _ => None,
    };
    if let Some(kind) = kind {
        report(core, kind, outer, FlowKey::default());
    }
    Verdict::Drop(reason)
}

fn report(core: &mut Core, kind: IpsecKind, outer: &Meta, inner: FlowKey) {
    core.ipsec_event(Event::Ipsec {
        kind,
        spi: outer.spi,
        sequence: outer.sequence as u32,
        outer: outer.key,
        inner,
    });
}
