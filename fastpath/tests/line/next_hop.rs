//! Next hops that are retired while flows use them, and a table that is full.

use std::sync::Arc;

use fastpath::conn::tcp::tcp_flag::SYN;
use fastpath::policy::{Policy, Route, RouteTable};
use fastpath::tunnel::{AdjacencyId, NeighbourState};
use fastpath::verdict::{DropReason, PuntClass};

use super::harness::{
    CLIENT, INSIDE, Line, OUTSIDE, SERVER, STRANGER, Segment, interfaces, ip, policy, take,
};

fn syn(port: u16) -> Vec<u8> {
    let segment = Segment {
        from: (CLIENT, port),
        to: (SERVER, 80),
        flags: SYN,
        seq: 1,
        ack: 0,
    };
    segment.packet()
}

fn hop_of_server(line: &mut Line) -> AdjacencyId {
    let hops = line.fastpath.neighbours();
    hops.intern(OUTSIDE, ip(SERVER)).expect("there is room")
}

fn retire(line: &mut Line) {
    let old = hop_of_server(line);
    assert!(line.fastpath.neighbours().retire(old));
}

fn learn(line: &mut Line) {
    let id = hop_of_server(line);
    let hops = line.fastpath.neighbours();
    assert!(hops.get(id).is_some());
    assert!(hops.learn(OUTSIDE, ip(SERVER), STRANGER));
}

#[test]
fn a_flow_whose_next_hop_was_retired_asks_for_it_again() {
    let mut line = take();
    line.publish(policy(&interfaces()));
    let syn = syn(21_001);
    line.send_and_see(INSIDE, &syn, None);
    retire(&mut line);
    line.send(INSIDE, &syn);
    let mut punts = Vec::new();
    while punts.is_empty() {
        line.wait_for(|_| true);
        punts = line.fastpath.punts(8);
    }
    let punt = punts.swap_remove(0);
    assert_eq!(punt.class, PuntClass::Neighbour);
    let named = AdjacencyId::from_raw(punt.packet.meta().adjacency);
    assert_eq!(named, hop_of_server(&mut line));
    line.fastpath.consume(punt.packet, DropReason::NoAdjacency);
    learn(&mut line);
    line.send_and_see(INSIDE, &syn, None);
}

#[test]
fn the_sender_is_told_that_a_next_hop_does_not_answer() {
    let mut line = take();
    line.publish(policy(&interfaces()));
    let id = hop_of_server(&mut line);
    assert!(
        line.fastpath
            .neighbours()
            .set_state(id, NeighbourState::Failed)
    );
    let before = line.counters();
    line.send_and_see(INSIDE, &syn(21_005), Some(DropReason::NoAdjacency));
    assert_eq!(line.counters().created, before.created + 1);
    // The answer itself goes to a next hop that does not answer: nobody is told of that.
    let client = line.fastpath.neighbours().intern(INSIDE, ip(CLIENT));
    let client = client.expect("there is room");
    assert!(
        line.fastpath
            .neighbours()
            .set_state(client, NeighbourState::Failed)
    );
    line.send_and_see(INSIDE, &syn(21_006), Some(DropReason::NoAdjacency));
    let hops = line.fastpath.neighbours();
    assert!(hops.learn(INSIDE, ip(CLIENT), STRANGER));
    learn(&mut line);
    line.wait_for(|line| {
        let now = line.counters();
        now.drops_of(DropReason::NoAdjacency) == before.drops_of(DropReason::NoAdjacency) + 3
    });
    assert_eq!(line.counters().created, before.created + 2);
}

#[test]
fn an_index_names_another_next_hop_only_under_a_later_policy() {
    let mut line = take();
    line.publish(policy(&interfaces()));
    let syn = syn(21_002);
    line.send_and_see(INSIDE, &syn, None);
    line.wait_for(|_| true);
    let hops = line.fastpath.neighbours();
    let in_force = hops.policies_in_force();
    hops.vacate(in_force);
    retire(&mut line);
    assert_eq!(line.fastpath.neighbours().vacate(in_force), 0);
    line.publish(policy(&interfaces()));
    line.wait_for(|_| true);
    let hops = line.fastpath.neighbours();
    assert!(hops.policies_in_force() > in_force);
    assert!(hops.vacate(u64::MAX) > 0);
    // The flow has slept through all of this, and its index may be somebody else's by now.
    assert_eq!(hops.quarantined(), 0);
    learn(&mut line);
    line.send_and_see(INSIDE, &syn, None);
}

#[test]
fn a_full_table_refuses_new_flows_until_next_hops_were_retired() {
    let mut line = take();
    line.publish(policy(&interfaces()));
    retire(&mut line);
    let hops = line.fastpath.neighbours();
    let strangers: Vec<_> = (1..=u32::MAX)
        .map_while(|hop| hops.intern(9, hop))
        .collect();
    let mut refused = (0..=u8::MAX).map(|last| ip("192.0.2.0") + u32::from(last));
    let refused = refused.find(|hop| hops.intern(OUTSIDE, *hop).is_none());
    for id in strangers {
        assert!(hops.retire(id));
    }
    line.publish(policy(&interfaces()));
    line.wait_for(|_| true);
    assert!(line.fastpath.neighbours().vacate(u64::MAX) > 0);
    let hops = line.fastpath.neighbours();
    if let Some(refused) = refused {
        assert!(hops.intern(OUTSIDE, refused).is_some());
    }
    learn(&mut line);
    line.send_and_see(INSIDE, &syn(21_003), None);
}

#[test]
fn decision_14_a_flow_whose_route_has_moved_elsewhere_stays_as_it_is() {
    let mut line = take();
    line.publish(policy(&interfaces()));
    let syn = syn(21_004);
    line.send_and_see(INSIDE, &syn, None);
    let moved = Route {
        net: ip("192.0.2.0"),
        mask: ip("255.255.255.0"),
        interface: INSIDE,
        gateway: Some(ip("10.0.0.254")),
        metric: 0,
    };
    for routes in [&[moved][..], &[]] {
        line.publish(Policy {
            routes: Arc::new(RouteTable::new(routes)),
            ..policy(&interfaces())
        });
        retire(&mut line);
        learn(&mut line);
        line.send_and_see(INSIDE, &syn, None);
    }
}
