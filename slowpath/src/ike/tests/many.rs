//! What a call costs with many peers: SAs that it reads or changes are counted.

use super::*;
use crate::ike::children::Child;
use crate::ike::limits::{REKEY_RETRY_MS, STRANGERS_PER_STEP, TIMERS_PER_CALL};
use crate::ike::table::touched;
use crate::ike::v1::phase1::State;

const PEERS: u32 = 1_000;
/// SAs and pairs that a call may touch for each that it means, some of them more than once.
const TOUCHED_EACH: usize = 12;
/// Silence before a probe, and half of a pair's life.
const THRESHOLD_S: u64 = 10;
const NOW: Time = Time(1_000);

fn address(index: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 1).to_bits() + index)
}

/// A tunnel with each of so many peers.
fn configuration(peers: u32) -> IkeConfig {
    let one = config(A, B, (1, 2));
    let each = |index: u32| {
        let peer = PeerConfig {
            address: address(index),
            ..one.peers[0].clone()
        };
        let tunnel = TunnelConfig {
            id: TunnelId(index),
            peers: vec![peer.address],
            ..one.tunnels[0].clone()
        };
        (peer, tunnel)
    };
    let (peers, tunnels) = (0..peers).map(each).unzip();
    IkeConfig {
        peers,
        tunnels,
        ..one
    }
}

/// An SA with the peer that is up and was heard at `heard`; without keys, so that it costs little
/// and sends nothing.
fn put_sa(engine: &mut Engine, index: u32, heard: Time) {
    let [local, remote] = [A, address(index)].map(|address| SocketAddrV4::new(address, 500));
    let mut sa = engine.new_phase1(NOW, local, remote, true);
    sa.state = State::Up;
    sa.established = Some(NOW);
    sa.expires = None;
    sa.dpd.supported = true;
    sa.dpd.last_heard = heard;
    engine.core.up.follow(sa.id, None, Some(sa.peer));
    engine.phase1s.put(sa);
}

fn put_child(engine: &mut Engine, index: u32) {
    let id = engine.core.children.fresh_id();
    engine.core.children.put(Child {
        id,
        tunnel: TunnelId(index),
        peer: address(index),
        inbound_spi: 0x1000 + index,
        outbound_spi: 0x1000,
        initiator: true,
        created: NOW,
        expires: NOW.after_s(2 * THRESHOLD_S),
        rekey_at: NOW.after_s(THRESHOLD_S),
        rekeying: false,
        superseded_until: None,
    });
}

fn empty() -> Engine {
    Engine::new(configuration(PEERS), Box::new(Seeded(1)))
}

/// Every peer has an SA and a pair.
fn all_up() -> Engine {
    let mut engine = empty();
    for index in 0..PEERS {
        put_sa(&mut engine, index, NOW);
        put_child(&mut engine, index);
    }
    engine
}

fn no_spis() -> Spis {
    Spis {
        next: 0,
        reserved: Vec::new(),
    }
}

/// How many actions of a kind wait.
fn drained(engine: &mut Engine, is_meant: impl Fn(&Action) -> bool) -> usize {
    let actions = std::iter::from_fn(|| engine.poll_action());
    actions.filter(|action| is_meant(action)).count()
}

fn is_child_down(action: &Action) -> bool {
    matches!(action, Action::ChildDown { .. })
}

fn is_ike_down(action: &Action) -> bool {
    matches!(action, Action::IkeDown { .. })
}

/// What `call` touches of all SAs and pairs.
fn cost<R>(call: impl FnOnce() -> R) -> (R, usize) {
    touched();
    let result = call();
    (result, touched())
}

#[test]
fn a_call_touches_the_sas_whose_time_has_come() {
    let mut engine = empty();
    for index in 0..PEERS {
        put_sa(&mut engine, index, NOW.after_s(u64::from(index)));
    }
    for turn in 0..20 {
        let now = NOW.after_s(THRESHOLD_S + turn);
        let (due, touched) = cost(|| engine.next_timeout());
        assert_eq!((due, touched), (Some(now), 0));
        // Those of whom nothing was heard for so long, and who did not answer earlier probes.
        let sas = engine.phase1s.iter();
        let due = sas.filter(|sa| sa.deadline().is_some_and(|at| at <= now));
        let due = due.count();
        assert!((1..=4).contains(&due), "{due} of {PEERS}");
        let ((), touched) = cost(|| engine.timeout(now, &mut no_spis()));
        assert!((due..=due * TOUCHED_EACH).contains(&touched), "{touched}");
    }
}

#[test]
fn a_call_serves_a_bounded_number_and_the_next_ones_the_others() {
    let mut engine = all_up();
    let now = NOW.after_s(THRESHOLD_S);
    let mut served = 0;
    while engine.next_timeout().is_some_and(|due| due <= now) {
        let ((), touched) = cost(|| engine.timeout(now, &mut no_spis()));
        assert!(touched <= 2 * TIMERS_PER_CALL * TOUCHED_EACH, "{touched}");
        let sas = engine.phase1s.iter();
        let probed = sas.filter(|sa| sa.dpd.unanswered == 1).count();
        let children = engine.core.children.iter();
        let tried = children.filter(|child| child.rekey_at > now).count();
        assert_eq!(probed - served, tried - served, "both have their turn");
        assert!((1..=TIMERS_PER_CALL).contains(&(probed - served)));
        served = probed;
    }
    assert_eq!(served, PEERS as usize);
}

#[test]
fn pairs_that_nobody_can_replace_keep_no_other_from_its_turn() {
    let mut config = configuration(PEERS);
    for peer in &mut config.peers {
        peer.pre_shared_key = None;
    }
    let mut engine = Engine::new(config, Box::new(Seeded(1)));
    for index in 0..PEERS {
        put_child(&mut engine, index);
    }
    let now = NOW.after_s(THRESHOLD_S);
    for _ in 0..(PEERS as usize).div_ceil(TIMERS_PER_CALL) {
        engine.timeout(now, &mut no_spis());
    }
    let mut children = engine.core.children.iter();
    assert!(children.all(|child| !child.rekeying && child.rekey_at > now));
    assert_eq!(engine.next_timeout(), Some(now.after_ms(REKEY_RETRY_MS)));
}

#[test]
fn what_concerns_one_peer_touches_no_other() {
    let mut engine = all_up();
    let spis = &mut no_spis();
    let (peer, tunnel, spi) = (address(500), TunnelId(500), 0x1000 + 500);
    let remote = SocketAddrV4::new(peer, 500);
    let mut assert_cheap = |what: &str, call: &mut dyn FnMut(&mut Engine)| {
        let ((), touched) = cost(|| call(&mut engine));
        assert!(touched <= TOUCHED_EACH, "{what}: {touched}");
    };
    assert_cheap("seen", &mut |engine| engine.inbound_seen(NOW, peer));
    assert_cheap("suspected", &mut |engine| {
        assert_eq!(engine.suspect(NOW, peer), Suspicion::Probing);
    });
    assert_cheap("hinted", &mut |engine| engine.hint(NOW, peer));
    assert_cheap("moved", &mut |engine| engine.peer_moved(peer, remote));
    assert_cheap("there", &mut |engine| engine.initiate(NOW, spis, tunnel));
    assert_cheap("message", &mut |engine| {
        let cookie = engine.phase1s.of_peer(peer).next().map(|sa| sa.cookie_i);
        let mut message = vec![0; 28];
        message[..8].copy_from_slice(&cookie.expect("an SA"));
        message[16..20].copy_from_slice(&[0, 0x10, 5, 1]);
        message[24..28].copy_from_slice(&28u32.to_be_bytes());
        let datagram = Datagram {
            local: SocketAddrV4::new(A, 500),
            remote,
            message: &message,
        };
        engine.datagram(NOW, spis, datagram);
    });
    assert_cheap("rekeyed", &mut |engine| engine.rekey(NOW, spis, spi));
    assert_cheap("expired", &mut |engine| engine.expire(NOW, spi));
    assert_cheap("wanted", &mut |engine| engine.initiate(NOW, spis, tunnel));
}

#[test]
fn to_end_all_touches_each_a_few_times() {
    for way in 0..3 {
        let mut engine = all_up();
        let spis = &mut no_spis();
        let ((), touched) = cost(|| match way {
            0 => engine.clear_ipsec(NOW, ClearScope::All),
            1 => engine.clear_isakmp(NOW, spis, ClearScope::All),
            _ => engine.shutdown(NOW, spis),
        });
        assert_eq!(drained(&mut engine, is_child_down), PEERS as usize);
        assert_eq!(engine.phase1s.len() == 0, way > 0);
        assert!(touched <= PEERS as usize * TOUCHED_EACH, "{touched}");
    }
}

#[test]
fn a_step_ends_a_bounded_number_of_sas_of_strangers() {
    let mut engine = empty();
    for index in 0..PEERS {
        put_sa(&mut engine, index, NOW);
    }
    let spis = &mut no_spis();
    drop(engine.configure(NOW, spis, configuration(1)));
    assert_eq!(drained(&mut engine, is_ike_down), STRANGERS_PER_STEP);
    while engine.phase1s.len() > 1 {
        let ((), touched) = cost(|| engine.settle(NOW, spis));
        let ended = drained(&mut engine, is_ike_down);
        assert!((1..=STRANGERS_PER_STEP).contains(&ended), "{ended}");
        assert!(touched <= STRANGERS_PER_STEP * TOUCHED_EACH, "{touched}");
    }
    let ((), touched) = cost(|| engine.settle(NOW, spis));
    assert_eq!(touched, 0, "nothing is left");
    assert_eq!(engine.phase1s.of_peer(address(0)).count(), 1);
}

#[test]
fn a_new_configuration_says_when_peers_are_probed() {
    let mut engine = empty();
    for index in 0..PEERS {
        put_sa(&mut engine, index, NOW);
    }
    let first = NOW.after_s(THRESHOLD_S);
    assert_eq!(engine.next_timeout(), Some(first));
    let mut config = configuration(PEERS);
    for peer in &mut config.peers {
        peer.keepalive.threshold_s *= 3;
    }
    drop(engine.configure(NOW, &mut no_spis(), config.clone()));
    let later = NOW.after_s(3 * THRESHOLD_S);
    assert_eq!(engine.next_timeout(), Some(later));
    for peer in &mut config.peers {
        peer.keepalive.enabled = false;
    }
    drop(engine.configure(NOW, &mut no_spis(), config));
    assert_eq!(engine.next_timeout(), None);
}
