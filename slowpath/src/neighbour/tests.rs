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
