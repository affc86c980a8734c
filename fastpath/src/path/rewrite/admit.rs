//! What becomes of packets that the gate does not simply let pass, and of all while something is
//! held.

use crate::dpdk::Mbuf;
use crate::hold;
use crate::packet::{FlowKey, Side};
use crate::path::gate::Gate;
use crate::path::reply;
use crate::tunnel::SlotId;
use crate::verdict::DropReason;
use crate::worker::event::{Event, IpsecKind, TeardownReason};
use crate::worker::{Core, View};

/// Whether a packet with a connection goes on after what the gate has said of it; why not.
#[cold]
#[inline(never)]
pub(super) fn judge(
    core: &mut Core,
    view: &View<'_>,
    packet: &Mbuf,
    gate: Gate,
) -> Result<(), DropReason> {
    let meta = packet.meta();
    let at = (meta.conn, meta.sender());
    match gate {
        Gate::Pass => line_up(core, packet, at),
        Gate::Unanswered(slot) => {
            line_up(core, packet, at)?;
            offer(core, view, packet, at, slot);
            Ok(())
        }
        Gate::Waits { reason, slot } => {
            if let Some(hot) = core.conns.hot_mut(meta.conn) {
                hot.last_seen = core.tick;
            }
            if reason == DropReason::NeedIke {
                view.shared.slots.ask(slot);
            }
            // A copy may be held, or its sender told.
            if offer(core, view, packet, at, slot) && reply::unreachable(core, view, packet) {
                core.hold.note_unreachable(slot);
            }
            Err(reason)
        }
        Gate::Foreign(reason) => {
            report_foreign(core, &meta.key, meta.spi);
            Err(reason)
        }
        // Without its connection a segment is what `establish` makes of it; the ASA's drop is that
        // of a flow whose tunnel is gone.
        Gate::Stale => {
            core.teardown(meta.conn, TeardownReason::TunnelTornDown);
            Err(DropReason::TunnelTornDown)
        }
    }
}

/// While something is held, a packet that passes the gate may have to wait behind older ones.
fn line_up(core: &mut Core, packet: &Mbuf, at: (u32, Side)) -> Result<(), DropReason> {
    let now = (core.now_tsc, core.tick);
    if core.watching && hold::observe(&mut core.hold, &core.conns, packet, at, now) {
        return Err(DropReason::TunnelPending);
    }
    Ok(())
}

/// Offers a packet for holding; whether its sender should be told that the net is unreachable.
fn offer(
    core: &mut Core,
    view: &View<'_>,
    packet: &Mbuf,
    (conn, side): (u32, Side),
    slot: SlotId,
) -> bool {
    let candidate = hold::Candidate {
        conn,
        side,
        slot,
        word: view.shared.slots.word(slot),
    };
    let now = (core.now_tsc, core.tick);
    hold::offer(&mut core.hold, &core.conns, packet, candidate, now)
}

fn report_foreign(core: &mut Core, key: &FlowKey, spi: u32) {
    core.ipsec_event(Event::Ipsec {
        kind: IpsecKind::NotIpsec,
        spi,
        sequence: 0,
        outer: *key,
        inner: FlowKey::default(),
    });
}
