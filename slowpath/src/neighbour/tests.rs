use fastpath::limits::ADJACENCIES_MAX;
use fastpath::tunnel::{Adjacencies, AdjacencyOwner};

use super::*;

const OURS: Mac = Mac([2, 0, 0, 0, 0, 1]);
const THEIRS: Mac = Mac([2, 0, 0, 0, 0, 2]);
const US: u32 = 0xc0a8_0101;
const MAPPED: u32 = 0xc0a8_0163;
const HOP: u32 = 0xc0a8_0102;

#[derive(Default)]
struct Table(Vec<Adjacency>);

impl Table {
    fn with_hop() -> (Self, AdjacencyId) {
        let id = AdjacencyId::from_raw(7);
        let adjacency = Adjacency {
            id,
            interface: 3,
            next_hop: HOP,
            state: NeighbourState::Incomplete,
            mac: None,
        };
        (Self(vec![adjacency]), id)
    }
}

impl NextHops for Table {
    fn get(&self, id: AdjacencyId) -> Option<Adjacency> {
        self.0.iter().find(|it| it.id == id).copied()
    }

    fn find(&self, interface: u8, next_hop: u32) -> Option<Adjacency> {
        let fits = |it: &&Adjacency| it.interface == interface && it.next_hop == next_hop;
        self.0.iter().find(fits).copied()
    }

    fn learn(&mut self, interface: u8, next_hop: u32, mac: [u8; 6]) -> bool {
        let fits = |it: &&mut Adjacency| it.interface == interface && it.next_hop == next_hop;
        self.0.iter_mut().find(fits).is_some_and(|it| {
            it.mac = Some(mac);
            it.state = NeighbourState::Reachable;
            true
        })
    }

    fn set_state(&mut self, id: AdjacencyId, state: NeighbourState) -> bool {
        self.0.iter_mut().find(|it| it.id == id).is_some_and(|it| {
            it.state = state;
            if matches!(state, NeighbourState::Incomplete | NeighbourState::Failed) {
                it.mac = None;
            }
            true
        })
    }

    fn walk(&self, from: u16, limit: usize) -> Vec<Adjacency> {
        let behind = self.0.iter().filter(|it| it.id.raw() >= from);
        behind.take(limit).copied().collect()
    }

    fn retire(&mut self, id: AdjacencyId) -> bool {
        let before = self.0.len();
        self.0.retain(|it| it.id != id);
        before != self.0.len()
    }
}

fn net() -> LocalNet {
    LocalNet::of(vec![LocalInterface {
        index: 3,
        nameif: "inside".to_owned(),
        port: 1,
        mac: OURS,
        address: US,
        mtu: 1500,
        mapped: vec![MAPPED],
        isakmp: false,
    }])
}

fn frame(from: Mac, message: &Arp<[u8; fastpath::wire::arp::LEN]>) -> Vec<u8> {
    let mut frame = Ethernet::emit(Mac::BROADCAST, from, ethertype::ARP)
        .0
        .to_vec();
    frame.extend_from_slice(&message.0);
    frame
}

fn request_of(effects: &[Effect<u8>]) -> (Mac, u32) {
    let [Effect::Frame { port: 1, frame }] = effects else {
        panic!("{effects:?}")
    };
    let (header, payload) = Ethernet::parse(frame).expect("a header");
    let message = Arp::parse(payload).expect("a message");
    assert_eq!(message.operation(), Some(Operation::Request));
    assert_eq!((message.sender_mac(), message.sender_address()), (OURS, US));
    (header.dst(), message.target_address())
}

#[test]
fn one_packet_is_held_and_sent_when_the_next_hop_answers() {
    let (mut table, id) = Table::with_hop();
    let (mut arp, net) = (Resolver::default(), net());
    let asked = arp.want(id, Some(1), &net, &table, Time(0));
    assert_eq!(request_of(&asked), (Mac::BROADCAST, HOP));
    let replaced = arp.want(id, Some(2), &net, &table, Time(10));
    assert_eq!(replaced, [Effect::Drop(1, DropReason::NeighbourHold)]);
    assert_eq!(arp.held(), 1);
    let reply = Arp::emit(Operation::Reply, (THEIRS, HOP), (OURS, US));
    let sent = arp.frame(1, &frame(THEIRS, &reply), &net, &mut table, Time(20));
    assert_eq!(sent, [Effect::Send(2)]);
    assert_eq!(arp.held(), 0);
    assert_eq!(
        arp.want(id, Some(3), &net, &table, Time(30)),
        [Effect::Send(3)]
    );
    let view = arp.view(&net, &table, Time(5_020));
    assert_eq!(
        view.render(),
        "        inside 192.168.1.2 0200.0000.0002 5\n"
    );
}

#[test]
fn three_requests_in_vain_are_a_failure_that_passes() {
    let (mut table, id) = Table::with_hop();
    let (mut arp, net) = (Resolver::default(), net());
    assert_eq!(arp.want(id, Some(1), &net, &table, Time(0)).len(), 1);
    assert!(arp.tick(&net, &mut table, Time(999)).is_empty());
    assert_eq!(request_of(&arp.tick(&net, &mut table, Time(1_000))).1, HOP);
    assert_eq!(request_of(&arp.tick(&net, &mut table, Time(2_000))).1, HOP);
    let failed = arp.tick(&net, &mut table, Time(3_000));
    assert_eq!(failed, [Effect::Drop(1, DropReason::NoAdjacency)]);
    assert_eq!(table.0[0].state, NeighbourState::Failed);
    assert_eq!((arp.held(), arp.asks.len()), (0, 0));
    arp.age(&net, &mut table, Time(7_999));
    assert_eq!(table.0[0].state, NeighbourState::Failed);
    arp.age(&net, &mut table, Time(8_000));
    assert_eq!(table.0[0].state, NeighbourState::Incomplete);
    assert_eq!(arp.want(id, Some(2), &net, &table, Time(8_001)).len(), 1);
}

#[test]
fn an_old_entry_is_asked_for_again_and_serves_meanwhile() {
    let (mut table, id) = Table::with_hop();
    let (mut arp, net) = (Resolver::<u8>::default(), net());
    arp.want(id, None, &net, &table, Time(0));
    let reply = Arp::emit(Operation::Reply, (THEIRS, HOP), (OURS, US));
    arp.frame(1, &frame(THEIRS, &reply), &net, &mut table, Time(0));
    assert!(
        arp.age(&net, &mut table, Time(REFRESH_AGE_MS - 1))
            .is_empty()
    );
    let probe = arp.age(&net, &mut table, Time(REFRESH_AGE_MS));
    assert_eq!(request_of(&probe), (THEIRS, HOP));
    assert_eq!(table.0[0].state, NeighbourState::Stale);
    assert_eq!(table.0[0].mac, Some(THEIRS.0));
    arp.frame(
        1,
        &frame(THEIRS, &reply),
        &net,
        &mut table,
        Time(REFRESH_AGE_MS + 1),
    );
    assert_eq!(table.0[0].state, NeighbourState::Reachable);
    assert!(
        arp.tick(&net, &mut table, Time(REFRESH_AGE_MS + 5_000))
            .is_empty()
    );
}

#[test]
fn requests_for_our_addresses_are_answered_and_no_others() {
    let (mut table, _) = Table::with_hop();
    let (mut arp, net) = (Resolver::<u8>::default(), net());
    for (target, answered) in [(US, true), (MAPPED, true), (HOP + 9, false), (0, false)] {
        let request = Arp::request((THEIRS, HOP + 1), target);
        let effects = arp.frame(1, &frame(THEIRS, &request), &net, &mut table, Time(0));
        assert_eq!(effects.len(), usize::from(answered), "{target:08x}");
        if let [Effect::Frame { frame, .. }] = &effects[..] {
            let (header, payload) = Ethernet::parse(frame).expect("a header");
            let message = Arp::parse(payload).expect("a message");
            assert_eq!((header.dst(), message.sender_mac()), (THEIRS, OURS));
            assert_eq!(message.sender_address(), target);
        }
    }
    assert_eq!(table.0[0].mac, None);
}

#[test]
fn what_is_forged_or_claims_our_address_teaches_nothing() {
    let (mut table, _) = Table::with_hop();
    let (mut arp, net) = (Resolver::<u8>::default(), net());
    let reply = Arp::emit(Operation::Reply, (THEIRS, HOP), (OURS, US));
    let other = Mac([2, 9, 9, 9, 9, 9]);
    assert!(
        arp.frame(1, &frame(other, &reply), &net, &mut table, Time(0))
            .is_empty()
    );
    assert_eq!(table.0[0].mac, None);
    let claim = Arp::emit(Operation::Reply, (THEIRS, US), (OURS, US));
    let effects = arp.frame(1, &frame(THEIRS, &claim), &net, &mut table, Time(0));
    let collision = Effect::Collision {
        port: 1,
        address: US,
        mac: THEIRS,
        request: false,
    };
    assert_eq!(effects, [collision]);
    for len in 0..FRAME_LEN {
        let cut = frame(THEIRS, &reply);
        assert!(
            arp.frame(1, &cut[..len], &net, &mut table, Time(0))
                .is_empty()
        );
    }
}

#[test]
fn packets_and_next_hops_in_waiting_are_bounded() {
    let (mut arp, net) = (Resolver::default(), net());
    let table = Table(
        (0..=ASKS_MAX as u16)
            .map(|raw| Adjacency {
                id: AdjacencyId::from_raw(raw),
                interface: 3,
                next_hop: u32::from(raw) + 1,
                state: NeighbourState::Incomplete,
                mac: None,
            })
            .collect(),
    );
    for raw in 0..=ASKS_MAX as u16 {
        arp.want(AdjacencyId::from_raw(raw), Some(raw), &net, &table, Time(0));
    }
    assert_eq!(arp.held(), HELD_MAX);
    assert_eq!(arp.asks.len(), ASKS_MAX);
}

/// The table of the workers under policy number `generation`.
struct Real {
    table: std::sync::Arc<Adjacencies>,
    owner: AdjacencyOwner,
    generation: u64,
}

impl Real {
    fn new() -> Self {
        let (table, owner) = Adjacencies::new([7; 16]);
        Self {
            table,
            owner,
            generation: 0,
        }
    }

    fn intern(&self, next_hop: u32) -> Option<AdjacencyId> {
        self.table.intern(3, next_hop)
    }
}

impl NextHops for Real {
    fn get(&self, id: AdjacencyId) -> Option<Adjacency> {
        self.owner.get(id)
    }

    fn find(&self, interface: u8, next_hop: u32) -> Option<Adjacency> {
        self.owner.find(interface, next_hop)
    }

    fn learn(&mut self, interface: u8, next_hop: u32, mac: [u8; 6]) -> bool {
        self.owner.learn(interface, next_hop, mac)
    }

    fn set_state(&mut self, id: AdjacencyId, state: NeighbourState) -> bool {
        self.owner.set_state(id, state)
    }

    fn walk(&self, from: u16, limit: usize) -> Vec<Adjacency> {
        self.owner.walk(from).take(limit).collect()
    }

    fn retire(&mut self, id: AdjacencyId) -> bool {
        self.owner.retire(id, self.generation)
    }
}

#[test]
fn a_next_hop_that_nobody_asks_for_gives_its_entry_back() {
    let (mut arp, net, mut hops) = (Resolver::<u8>::default(), net(), Real::new());
    let id = hops.intern(HOP).unwrap();
    arp.retire(&net, &mut hops, Time(0));
    arp.retire(&net, &mut hops, Time(IDLE_HOLD_MS - 1));
    assert_eq!(hops.owner.quarantined(), 0);
    arp.retire(&net, &mut hops, Time(IDLE_HOLD_MS));
    assert_eq!(hops.owner.quarantined(), 1);
    assert!(hops.get(id).is_none());
}

#[test]
fn a_next_hop_that_is_wanted_stays_and_one_that_answers_does() {
    let (mut arp, net, mut hops) = (Resolver::<u8>::default(), net(), Real::new());
    let wanted = hops.intern(HOP).unwrap();
    let answers = hops.intern(HOP + 1).unwrap();
    assert!(hops.learn(3, HOP + 1, THEIRS.0));
    for second in 0..4 * IDLE_HOLD_MS / 1_000 {
        let now = Time(second * 1_000);
        // As the control loop does for the peer of a tunnel.
        arp.want(wanted, None, &net, &hops, now);
        arp.tick(&net, &mut hops, now);
        arp.age(&net, &mut hops, now);
        arp.retire(&net, &mut hops, now);
    }
    assert!(hops.get(wanted).is_some() && hops.get(answers).is_some());
}

#[test]
fn a_full_table_has_room_again_when_what_was_of_use_least_lately_has_gone() {
    let (mut arp, net, mut hops) = (Resolver::<u8>::default(), net(), Real::new());
    let full = (1..u32::MAX).find(|&hop| hops.intern(hop).is_none());
    let full = full.expect("the table has an end");
    for hop in 1..full {
        hops.learn(3, hop, THEIRS.0);
        let id = hops.intern(hop).unwrap();
        arp.known.insert(id.raw(), Known::answered(Time(0)));
    }
    let peer = hops.intern(1).unwrap();
    arp.want(peer, None, &net, &hops, Time(1));
    for now in (1..10).map(|second| Time(second * 1_000)) {
        arp.retire(&net, &mut hops, now);
        arp.want(peer, None, &net, &hops, now);
    }
    assert!(hops.owner.quarantined() > 0 && hops.owner.quarantined() <= ADJACENCIES_MAX - PRESSURE);
    assert!(hops.get(peer).is_some(), "the peer of a tunnel goes last");
    assert_eq!(hops.owner.vacate(hops.generation), 0, "a flow may name it");
    hops.generation += 1;
    assert!(hops.owner.vacate(hops.generation) > 0);
    assert!(hops.intern(full).is_some());
}

#[test]
fn an_interface_that_goes_or_moves_takes_its_next_hops_and_their_packets_along() {
    let (mut arp, before, mut hops) = (Resolver::<u8>::default(), net(), Real::new());
    let id = hops.intern(HOP).unwrap();
    arp.want(id, Some(9), &before, &hops, Time(0));
    assert!(arp.rewired(&before, &before, &mut hops).is_empty());
    let mut moved: Vec<LocalInterface> = before.iter().cloned().collect();
    moved[0].port += 1;
    let effects = arp.rewired(&before, &LocalNet::of(moved), &mut hops);
    assert_eq!(effects, [Effect::Drop(9, DropReason::NoAdjacency)]);
    assert_eq!((arp.held(), hops.get(id)), (0, None));
    let other = hops.intern(HOP).unwrap();
    arp.retire(&LocalNet::default(), &mut hops, Time(0));
    assert!(hops.get(other).is_none());
}
