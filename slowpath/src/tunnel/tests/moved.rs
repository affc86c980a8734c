use super::*;

const MAPPED: SocketAddrV4 = SocketAddrV4::new(OTHER, 40_001);

fn in_udp(bench: &mut Bench) -> ChildSa {
    ChildSa {
        encapsulation: Some((natt(LOCAL), natt(PEER))),
        ..bench.child()
    }
}

#[test]
fn the_sealing_sa_follows_its_peer_and_flows_notice_nothing() {
    let mut bench = Bench::new(true);
    let child = in_udp(&mut bench);
    let (inbound, _) = bench.install(child, Time(0));
    bench.dp.take_steps();
    assert_eq!(bench.owner.peer_of_pair(bench.slot, inbound), Some(PEER));
    let moved = bench.owner.peer_moved(PEER, MAPPED, &mut bench.dp);
    assert_eq!(moved, [TUNNEL]);
    assert_eq!(bench.dp.take_steps(), [Step::Move(MAPPED)]);
    assert_eq!(bench.owner.peer(TUNNEL), Some(OTHER));
    assert_eq!(bench.owner.peer_moved(PEER, MAPPED, &mut bench.dp), []);
    assert_eq!(bench.dp.take_steps(), []);
}

#[test]
fn raw_esp_and_other_peers_stay() {
    let mut bench = Bench::new(true);
    bench.up(Time(0));
    assert_eq!(bench.owner.peer_moved(PEER, MAPPED, &mut bench.dp), []);
    let mut bench = Bench::new(true);
    let child = in_udp(&mut bench);
    bench.install(child, Time(0));
    assert_eq!(bench.owner.peer_moved(OTHER, MAPPED, &mut bench.dp), []);
    assert_eq!(bench.owner.peer(TUNNEL), Some(PEER));
}

#[test]
fn a_pair_that_does_not_seal_yet_begins_at_the_new_end() {
    let mut bench = Bench::new(true);
    let first = in_udp(&mut bench);
    bench.install(first, Time(0));
    let second = in_udp(&mut bench);
    let (inbound, _) = bench.install(second, Time(1));
    bench.owner.peer_moved(PEER, MAPPED, &mut bench.dp);
    bench.owner.child_confirmed(inbound, &mut bench.dp);
    assert_eq!(bench.dp.ends[&bench.slot], (OTHER, Some((4500, 40_001))));
}
