//! The one gate: how the packet came against what its flow demands.

use crate::conn::Hot;
use crate::packet::{Arrival, Side, protocol};
use crate::tunnel::{SlotId, SlotState, SlotWord};
use crate::verdict::DropReason;

/// What the gate says of a packet whose flow is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// It goes on.
    Pass,
    /// It goes on, by a tunnel whose peer owes answers: a copy may be held.
    Unanswered(SlotId),
    /// It is not this flow's packet; nothing of the flow moves.
    Foreign(DropReason),
    /// It is the flow's packet, but the tunnel that it needs cannot take it now. The flow's
    /// last-seen stamp moves and nothing else.
    Waits {
        /// Why.
        reason: DropReason,
        /// The tunnel.
        slot: SlotId,
    },
    /// The flow did not outlive its tunnel: its entry goes now.
    Stale,
}

/// Whether [`compare`] lets a packet simply pass: what nearly every packet is asked, in few steps.
///
/// Cost: at most two loads of slot words.
#[inline]
pub(crate) fn passes(
    hot: &Hot,
    from: Side,
    arrival: Arrival,
    word: impl Fn(SlotId) -> SlotWord,
) -> bool {
    let (from, to) = (from.index(), from.other().index());
    let (came_by, leaves_by) = (hot.slots[from], hot.slots[to]);
    let arrived = match arrival {
        Arrival::Clear => SlotId::NONE,
        Arrival::Tunnel(slot) => slot,
    };
    let tcp = hot.protocol == protocol::TCP;
    let lives = |now: SlotWord, made: u16| !now.absent() && (!tcp || now.epoch() == made);
    let takes = |now: SlotWord, made: u16| now.is_open() && (!tcp || now.epoch() == made);
    came_by == arrived
        && (came_by == SlotId::NONE || lives(word(came_by), hot.epochs[from]))
        && (leaves_by == SlotId::NONE || takes(word(leaves_by), hot.epochs[to]))
}

/// Compares a packet that `from` sent and that came by `arrival` with its flow.
///
/// A flow names slots, so a rekey or a rebuild changes nothing here. The epoch decides for TCP
/// only: a tunnel's drop never touches another protocol's flow. A slot that was taken out of the
/// configuration takes every flow with it.
///
/// Cost: at most two loads of slot words.
pub(crate) fn compare(
    hot: &Hot,
    from: Side,
    arrival: Arrival,
    word: impl Fn(SlotId) -> SlotWord,
) -> Gate {
    let [came_by, leaves_by] = sides(hot.slots, from);
    match arrival {
        Arrival::Clear if came_by != SlotId::NONE => {
            return Gate::Foreign(DropReason::NotThroughTunnel);
        }
        Arrival::Tunnel(slot) if slot != came_by => {
            return Gate::Foreign(DropReason::WrongTunnel);
        }
        _ => {}
    }
    let [came_epoch, leaves_epoch] = sides(hot.epochs, from);
    let tcp = hot.protocol == protocol::TCP;
    let stale = |now: SlotWord, made: u16| now.absent() || (tcp && now.epoch() != made);
    if came_by != SlotId::NONE && stale(word(came_by), came_epoch) {
        return Gate::Stale;
    }
    if leaves_by == SlotId::NONE {
        return Gate::Pass;
    }
    let now = word(leaves_by);
    if stale(now, leaves_epoch) {
        return Gate::Stale;
    }
    match closed(now.state()) {
        None if now.silent() => Gate::Unanswered(leaves_by),
        None => Gate::Pass,
        Some(reason) => Gate::Waits {
            reason,
            slot: leaves_by,
        },
    }
}

/// Why a slot in this state takes no packet; `None` when it does.
pub(super) const fn closed(state: SlotState) -> Option<DropReason> {
    match state {
        SlotState::Up => None,
        SlotState::Down => Some(DropReason::NeedIke),
        SlotState::Pending => Some(DropReason::TunnelPending),
        SlotState::Deleting => Some(DropReason::TunnelDown),
    }
}

fn sides<T: Copy>(pair: [T; 2], from: Side) -> [T; 2] {
    match from {
        Side::Low => pair,
        Side::High => [pair[1], pair[0]],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::conn::{TcpSide, TcpState};

    const TUNNEL: SlotId = SlotId::new(3);

    fn flow(protocol: u8, slots: [SlotId; 2], epochs: [u16; 2]) -> Hot {
        Hot {
            low_address: 1,
            high_address: 2,
            low_port: 1000,
            high_port: 80,
            protocol,
            state: TcpState::Established,
            flags: 0,
            last_seen: 0,
            epochs,
            slots,
            adjacencies: [0; 2],
            tcp: [TcpSide::default(); 2],
        }
    }

    fn tcp() -> Hot {
        flow(protocol::TCP, [SlotId::NONE, TUNNEL], [0, 7])
    }

    fn slot(state: SlotState, epoch: u16) -> impl Fn(SlotId) -> SlotWord {
        move |id| {
            assert_eq!(id, TUNNEL, "only the flow's slot is asked");
            SlotWord::new(state, true, epoch)
        }
    }

    #[test]
    fn a_tunnel_that_is_up_takes_its_flows_packets() {
        let up = slot(SlotState::Up, 7);
        assert_eq!(compare(&tcp(), Side::Low, Arrival::Clear, &up), Gate::Pass);
        assert_eq!(
            compare(&tcp(), Side::High, Arrival::Tunnel(TUNNEL), &up),
            Gate::Pass
        );
    }

    #[test]
    fn a_tunnel_whose_peer_is_silent_takes_packets_and_that_is_told() {
        let silent = |id: SlotId| slot(SlotState::Up, 7)(id).with_silent(true);
        let gate = compare(&tcp(), Side::Low, Arrival::Clear, silent);
        assert_eq!(gate, Gate::Unanswered(TUNNEL));
        let gate = compare(&tcp(), Side::High, Arrival::Tunnel(TUNNEL), silent);
        assert_eq!(gate, Gate::Pass, "what comes out of it is the answer");
    }

    #[test]
    fn decision_15_a_tunnelled_flows_packet_in_clear_is_foreign() {
        let foreign = Gate::Foreign(DropReason::NotThroughTunnel);
        for state in [
            SlotState::Up,
            SlotState::Down,
            SlotState::Pending,
            SlotState::Deleting,
        ] {
            assert_eq!(
                compare(&tcp(), Side::High, Arrival::Clear, slot(state, 7)),
                foreign
            );
        }
    }

    #[test]
    fn decision_3_only_the_same_slot_resumes_a_flow() {
        let other = Arrival::Tunnel(SlotId::new(4));
        let foreign = Gate::Foreign(DropReason::WrongTunnel);
        assert_eq!(
            compare(&tcp(), Side::High, other, slot(SlotState::Up, 7)),
            foreign
        );
        assert_eq!(
            compare(&tcp(), Side::Low, other, slot(SlotState::Up, 7)),
            foreign
        );
    }

    #[test]
    fn decision_11_three_states_are_three_reasons() {
        for (state, reason) in [
            (SlotState::Down, DropReason::NeedIke),
            (SlotState::Pending, DropReason::TunnelPending),
            (SlotState::Deleting, DropReason::TunnelDown),
        ] {
            let gate = compare(&tcp(), Side::Low, Arrival::Clear, slot(state, 7));
            assert_eq!(
                gate,
                Gate::Waits {
                    reason,
                    slot: TUNNEL
                }
            );
        }
    }

    #[test]
    fn a_raised_epoch_makes_a_tcp_flow_stale_in_both_directions() {
        let raised = slot(SlotState::Up, 8);
        assert_eq!(
            compare(&tcp(), Side::Low, Arrival::Clear, &raised),
            Gate::Stale
        );
        assert_eq!(
            compare(&tcp(), Side::High, Arrival::Tunnel(TUNNEL), &raised),
            Gate::Stale
        );
    }

    #[test]
    fn decision_13_a_slot_that_is_gone_takes_every_flow_with_it() {
        for protocol in [protocol::TCP, protocol::UDP] {
            let flow = flow(protocol, [SlotId::NONE, TUNNEL], [0, 7]);
            let gone = |_| SlotWord::new(SlotState::Down, true, 7).into_absent();
            assert_eq!(compare(&flow, Side::Low, Arrival::Clear, gone), Gate::Stale);
        }
    }

    #[test]
    fn decision_1_a_raised_epoch_leaves_other_protocols_alone() {
        let udp = flow(protocol::UDP, [SlotId::NONE, TUNNEL], [0, 7]);
        let gate = compare(&udp, Side::Low, Arrival::Clear, slot(SlotState::Up, 8));
        assert_eq!(gate, Gate::Pass);
        let gate = compare(&udp, Side::Low, Arrival::Clear, slot(SlotState::Down, 8));
        assert_eq!(
            gate,
            Gate::Waits {
                reason: DropReason::NeedIke,
                slot: TUNNEL
            }
        );
    }

    proptest! {
        #[test]
        fn what_passes_is_what_compare_lets_pass(
            tcp: bool,
            low_sends: bool,
            by in prop::option::of(0..3_u16),
            slots in [0..3_u16, 0..3_u16],
            epochs in [0..2_u16, 0..2_u16],
            words in prop::collection::vec((0..5_u64, 0..2_u16, any::<[bool; 4]>()), 3),
        ) {
            // The third slot is none.
            let slot = |raw: u16| if raw == 2 { SlotId::NONE } else { SlotId::new(raw) };
            let flow = flow(
                if tcp { protocol::TCP } else { protocol::UDP },
                slots.map(slot),
                epochs,
            );
            let word = |id: SlotId| {
                let (state, epoch, [preserve, planned, silent, absent]) =
                    words[usize::from(id.raw()).min(2)];
                let state = SlotWord::from_raw(state).state();
                let word = SlotWord::new(state, preserve, epoch);
                let word = word.with_planned(planned).with_silent(silent);
                if absent { word.into_absent() } else { word }
            };
            let arrival = by.map_or(Arrival::Clear, |by| Arrival::Tunnel(SlotId::new(by % 2)));
            let from = if low_sends { Side::Low } else { Side::High };
            let pass = compare(&flow, from, arrival, word) == Gate::Pass;
            prop_assert_eq!(passes(&flow, from, arrival, word), pass);
        }
    }
}
