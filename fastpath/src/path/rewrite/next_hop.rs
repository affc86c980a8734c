//! By which next hop a flow in clear leaves, when what it has may be out of date.

use crate::conn::{Cold, Hot};
use crate::packet::Side;
use crate::tunnel::{AdjacencyId, Resolution, SlotId};
use crate::worker::View;

/// After a change of routes, and when the next hop towards `to` was retired: the next hops are
/// looked up anew, on the interfaces that the flow has.
pub(super) fn refresh(view: &View<'_>, hot: &mut Hot, cold: &mut Cold, to: Side) {
    if cold.route_generation != view.policy.generation {
        cold.route_generation = view.policy.generation;
        look_up(view, hot, cold, Side::Low);
        look_up(view, hot, cold, Side::High);
        return;
    }
    let adjacency = AdjacencyId::from_raw(hot.adjacencies[to.index()]);
    if hot.slots[to.index()] == SlotId::NONE
        && view.shared.adjacencies.resolve(adjacency) == Resolution::Gone
    {
        look_up(view, hot, cold, to);
    }
}

/// The next hop of a flow in clear towards `side`. A flow whose route has moved to another
/// interface stays as it is: with the next hop that it has, which is looked up by its address,
/// because the index may name another one by now.
fn look_up(view: &View<'_>, hot: &mut Hot, cold: &mut Cold, side: Side) {
    if hot.slots[side.index()] != SlotId::NONE {
        return;
    }
    let address = match side {
        Side::Low => hot.low_address,
        Side::High => hot.high_address,
    };
    let index = cold.interfaces[side.index()];
    let routed = view.policy.route(address);
    if let Some(hit) = routed.filter(|hit| hit.interface == index) {
        cold.next_hops[side.index()] = hit.next_hop;
    }
    let next_hop = cold.next_hops[side.index()];
    let adjacency = view.shared.adjacencies.intern(index, next_hop);
    hot.adjacencies[side.index()] = adjacency.unwrap_or(AdjacencyId::NONE).raw();
}
