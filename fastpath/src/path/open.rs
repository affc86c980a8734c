//! Open: ESP in, inner packets out.

use arrayvec::ArrayVec;

use super::parse::Parsed;
use super::{Entrance, parse};
use crate::burst::Burst;
use crate::crypto::Direction;
use crate::dpdk::Mbuf;
use crate::esp::{InboundSa, OpenJob, Opened, Outcome, open_burst};
use crate::limits::BURST_MAX;
use crate::packet::{FlowKey, Meta, flag, protocol};
use crate::policy::Ingress;
use crate::tunnel::Found;
use crate::verdict::{DropReason, Verdict};
use crate::wire::datagram;
use crate::worker::event::{Event, IpsecKind};
use crate::worker::{Core, View};

/// Opens the ESP packets of a burst at the home of their SA; what comes out goes on as if it had
/// just been parsed, marked with the slot that its SA serves.
///
/// Each packet keeps the SA that it was admitted with: the table may change at any moment.
///
/// Cost: SAD entry and SA lines prefetched, one crypto call per burst.
#[inline(never)]
pub(super) fn step(core: &mut Core, view: &View<'_>, burst: &mut Burst) {
    if !burst.packets().iter().any(is_esp) {
        return;
    }
    prefetch(view, burst);
    // One for each packet that goes on; none for those that are not ESP.
    let mut sas: ArrayVec<Option<&InboundSa>, BURST_MAX> = ArrayVec::new();
    let mut last = None;
    core.step(burst, |core, packet| {
        if !is_esp(packet) {
            sas.push(None);
            return Verdict::Continue;
        }
        let spi = packet.meta().spi;
        let known = last.filter(|sa: &Admitting<'_>| sa.spi == spi);
        let admitted = match known {
            Some(sa) => Ok(sa),
            None => Admitting::of(core, view, packet),
        };
        match admitted.and_then(|sa| sa.admit(packet)) {
            Ok(admitting) => {
                last = Some(admitting);
                sas.push(Some(admitting.sa));
                Verdict::Continue
            }
            Err(verdict) => verdict,
        }
    });
    prefetch_keys(&sas, burst);
    let outcomes = open(core, &sas, burst);
    accept_all(core, view, burst, &sas, &outcomes);
}

/// Asks for the SAD's entries, each once where packets of one SA follow each other, so that their
/// misses overlap.
#[inline]
fn prefetch(view: &View<'_>, burst: &Burst) {
    let sad = &view.shared.sad;
    let mut last = 0;
    for packet in burst.packets().iter().filter(|packet| is_esp(packet)) {
        let spi = packet.meta().spi;
        if spi != last {
            last = spi;
            sad.prefetch(sad.locate(spi));
        }
    }
}

/// Asks for the keys of a burst, so that their misses overlap.
#[inline]
fn prefetch_keys(sas: &[Option<&InboundSa>], burst: &Burst) {
    let mut last = core::ptr::null();
    for (sa, packet) in sas.iter().zip(burst.packets()) {
        if let Some(sa) = sa
            && !core::ptr::eq(last, *sa)
        {
            last = core::ptr::from_ref(*sa);
            sa.prefetch_keys(packet.len());
        }
    }
}

#[inline]
fn is_esp(packet: &Mbuf) -> bool {
    let meta = packet.meta();
    meta.key.protocol == protocol::ESP && meta.spi != 0 && !meta.has(flag::DECRYPTED)
}

/// The SA of packets that follow each other.
#[derive(Clone, Copy)]
struct Admitting<'r> {
    spi: u32,
    sa: &'r InboundSa,
    is_encapsulated: bool,
}

impl<'r> Admitting<'r> {
    /// The packet's SA, if it is here.
    fn of(core: &mut Core, view: &View<'r>, packet: &mut Mbuf) -> Result<Self, Verdict> {
        let sad = &view.shared.sad;
        let spi = packet.meta().spi;
        match sad.find(sad.locate(spi), core.id, view.reader) {
            Found::Nobody => Err(unknown_spi(core, packet.meta())),
            Found::Elsewhere(home) => Err(Core::hand_over(packet, home, Entrance::Open)),
            Found::Here(sa) => Ok(Self {
                spi,
                sa,
                is_encapsulated: sa.is_encapsulated(),
            }),
        }
    }

    /// Itself, if that is the encapsulation in which the packet came.
    #[inline]
    fn admit(self, packet: &Mbuf) -> Result<Self, Verdict> {
        if self.is_encapsulated == packet.meta().has(flag::UDP_ENCAPSULATED) {
            Ok(self)
        } else {
            Err(Verdict::Drop(DropReason::BadNattIpsec))
        }
    }
}

fn unknown_spi(core: &mut Core, meta: &Meta) -> Verdict {
    report_outer(core, IpsecKind::InvalidSpi, meta);
    Verdict::Drop(DropReason::InvalidSpi)
}

/// One crypto call for all ESP packets of the burst, in their order.
#[inline(never)]
fn open(
    core: &mut Core,
    sas: &[Option<&InboundSa>],
    burst: &mut Burst,
) -> ArrayVec<Outcome, BURST_MAX> {
    let packets = burst.packets_mut().iter_mut();
    let jobs = packets.zip(sas).filter_map(|(packet, sa)| {
        let offset = usize::from(packet.meta().l4_offset);
        let data = packet.data_mut();
        let outer_tos = data.get(1).copied().unwrap_or(0);
        let esp = data.get_mut(offset..).unwrap_or_default();
        Some(OpenJob::new((*sa)?, esp, outer_tos))
    });
    let begin = core.timing.begin_esp();
    let outcomes = open_burst(&mut core.open, jobs);
    let lens =
        burst.packets().iter().zip(sas).filter_map(|(packet, sa)| {
            sa.map(|_| packet.len() - usize::from(packet.meta().l4_offset))
        });
    core.timing.end_esp(Direction::Open, begin, lens);
    outcomes
}

/// Lets what was opened go on.
#[inline(never)]
fn accept_all(
    core: &mut Core,
    view: &View<'_>,
    burst: &mut Burst,
    sas: &[Option<&InboundSa>],
    outcomes: &[Outcome],
) {
    let (mut sas, mut outcomes) = (sas.iter(), outcomes.iter());
    let mut opened = 0;
    let mut last: Option<(u16, &Ingress)> = None;
    core.step(burst, |core, packet| {
        let Some(Some(sa)) = sas.next() else {
            return Verdict::Continue;
        };
        let number = packet.meta().in_port;
        let known = last.filter(|(port, _)| *port == number);
        let port = known.or_else(|| Some((number, view.policy.ingress(number)?)));
        let Some((_, ingress)) = port else {
            return Verdict::Drop(DropReason::InterfaceDown);
        };
        last = port;
        match outcomes.next() {
            Some(Ok(inner)) => {
                opened += 1;
                accept(core, view, packet, (sa, ingress), inner).unwrap_or_else(Verdict::Drop)
            }
            Some(Err(reason)) => refuse(core, packet.meta(), *reason),
            None => Verdict::Drop(DropReason::InvalidSpi),
        }
    });
    core.tally.opened += opened;
}

/// Cuts an opened packet down to its inner packet, parses that and holds it against the SA's
/// selectors (RFC 4301 section 5.2).
#[inline]
fn accept(
    core: &mut Core,
    view: &View<'_>,
    packet: &mut Mbuf,
    (sa, ingress): (&InboundSa, &Ingress),
    opened: &Opened,
) -> Parsed {
    let meta = packet.meta();
    if sa.is_moved(opened.sequence, meta.key.src, meta.key.sport) {
        report_move(core, sa, &meta.key);
    }
    let front = usize::from(meta.l4_offset) + usize::from(opened.offset);
    packet.narrow(front, usize::from(opened.len));
    let meta = packet.meta_mut();
    meta.flags = flag::DECRYPTED | meta.flags & flag::UDP_ENCAPSULATED;
    meta.slot = sa.slot();
    meta.sequence = opened.sequence;
    meta.l4_offset = 0;
    let Some(plain) = datagram::plain(packet.data()) else {
        return accept_any(core, view, packet, (sa, ingress));
    };
    if !sa.selects(&plain.key) {
        // Its key is the outer one still.
        return Err(not_selected(core, &Outer::of(packet.meta()), plain.key));
    }
    parse::plain(core, view, packet, ingress, plain)
}

/// The same for fragments, errors and whatever else has to take the long way through `parse`.
#[cold]
fn accept_any(
    core: &mut Core,
    view: &View<'_>,
    packet: &mut Mbuf,
    (sa, ingress): (&InboundSa, &Ingress),
) -> Parsed {
    let outer = Outer::of(packet.meta());
    // Fragments are held against the selectors one by one, before they are put together.
    let addresses = parse::addresses(packet.data());
    if !addresses.is_some_and(|key| sa.selects_addresses(&key)) {
        let key = addresses.unwrap_or_default();
        return Err(not_selected(core, &outer, key));
    }
    let verdict = parse::any(core, view, packet, ingress)?;
    let meta = packet.meta();
    // An ICMP error was selected by its own addresses; its key is that of the packet it quotes.
    if verdict == Verdict::Continue && !meta.has(flag::ICMP_ERROR) && !sa.selects(&meta.key) {
        return Err(not_selected(core, &outer, meta.key));
    }
    Ok(verdict)
}

/// What is told of a packet that came in ESP.
struct Outer {
    key: FlowKey,
    spi: u32,
    sequence: u64,
}

impl Outer {
    /// Of a packet whose key is that of its outer header.
    fn of(meta: &Meta) -> Self {
        Self {
            key: meta.key,
            spi: meta.spi,
            sequence: meta.sequence,
        }
    }
}

#[cold]
fn not_selected(core: &mut Core, outer: &Outer, inner: FlowKey) -> DropReason {
    report(core, IpsecKind::Selector, outer, inner);
    DropReason::EspSelector
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

#[cold]
fn refuse(core: &mut Core, meta: &Meta, reason: DropReason) -> Verdict {
    let kind = match reason {
        DropReason::EspReplay => Some(IpsecKind::Replay),
        DropReason::EspAuthentication => Some(IpsecKind::Authentication),
        DropReason::EspPadding => Some(IpsecKind::Padding),
        _ => None,
    };
    if let Some(kind) = kind {
        report_outer(core, kind, meta);
    }
    Verdict::Drop(reason)
}

fn report_outer(core: &mut Core, kind: IpsecKind, meta: &Meta) {
    report(core, kind, &Outer::of(meta), FlowKey::default());
}

fn report(core: &mut Core, kind: IpsecKind, outer: &Outer, inner: FlowKey) {
    core.ipsec_event(Event::Ipsec {
        kind,
        spi: outer.spi,
        sequence: outer.sequence as u32,
        outer: outer.key,
        inner,
    });
}
