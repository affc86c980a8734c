//! The tables of SAs against scans of all that is in them, after any operations.

use proptest::prelude::*;

use super::*;
use crate::ike::children::{Child, Children};
use crate::ike::engine::Phase1s;
use crate::ike::table::{Record, Table};
use crate::ike::v1::phase1::{State, Unanswered};

/// Peers, tunnels, cookies and SPIs that there are: few, so that they meet.
const KINDS: u8 = 4;

fn peer(kind: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, kind % KINDS)
}

/// One operation: what is done, to which record, with which values.
type Operation = (u8, u8, [u8; 4]);

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    proptest::collection::vec(any::<Operation>(), 1..60)
}

/// A record that is there, for any number.
fn some_id<T: Record>(table: &Table<T>, which: u8) -> u64 {
    let ids: Vec<u64> = table.iter().map(Record::id).collect();
    let place = usize::from(which).checked_rem(ids.len());
    place.map_or(u64::from(which), |place| ids[place])
}

/// Numbers in the order of time, then of creation.
fn due_by<T: Record>(table: &Table<T>, now: Time) -> Vec<u64> {
    let due = table.iter().filter_map(|it| Some((it.due()?, it.id())));
    let mut due: Vec<_> = due.filter(|(at, _)| *at <= now).collect();
    due.sort_unstable();
    due.into_iter().map(|(_, id)| id).collect()
}

fn assert_due<T: Record>(table: &Table<T>) {
    let first = table.iter().filter_map(Record::due).min();
    assert_eq!(table.next_due(), first);
    for ms in [0, 50, 100, 200, 20_000, u64::MAX] {
        let found: Vec<u64> = table.due(Time(ms)).collect();
        assert_eq!(found, due_by(table, Time(ms)));
    }
    assert_eq!(table.iter().count(), table.len());
    assert!(table.iter().is_sorted_by_key(Record::id));
    assert!(table.is_true());
}

fn ids<'a, T: Record + 'a>(records: impl Iterator<Item = &'a T>) -> Vec<u64> {
    records.map(Record::id).collect()
}

fn assert_phase1s(sas: &Phase1s) {
    assert_due(sas);
    let strangers = sas.iter().filter(|sa| sa.keepalive.is_none());
    assert_eq!(sas.strangers().collect::<Vec<_>>(), ids(strangers));
    for kind in 0..KINDS {
        let with_peer = || sas.iter().filter(|sa| sa.peer == peer(kind));
        assert_eq!(ids(sas.of_peer(peer(kind))), ids(with_peer()));
        let up = || with_peer().filter(|sa| sa.is_up()).map(|sa| sa.id);
        assert_eq!(sas.newest_up(peer(kind)).map(|sa| sa.id), up().max());
        let current = with_peer().filter(|sa| sa.is_up() && !sa.is_superseded());
        let current = current.map(|sa| sa.id).max();
        assert_eq!(sas.current(peer(kind)).map(|sa| sa.id), current);
        let proven = with_peer().filter(|sa| !sa.is_unproven()).count();
        assert_eq!(sas.proven(peer(kind)), proven);
        let cookie = [kind; 8];
        let chosen = sas.iter().filter(|sa| sa.cookie_i == cookie);
        assert_eq!(ids(sas.of_cookie(cookie)), ids(chosen));
    }
}

fn alter_sa(sa: &mut Phase1, [what, when, kind, flag]: [u8; 4]) {
    let flag = flag & 1 != 0;
    let at = Some(Time(u64::from(when))).filter(|_| flag);
    match what % 13 {
        0 => sa.expires = at,
        1 => sa.rekey_at = at,
        2 => sa.keepalive_at = at,
        3 => sa.superseded_until = at,
        4 => sa.keepalive = flag.then(Keepalive::default),
        5 => {
            let states = [State::Up, State::WaitMessage2, State::WaitMessage3];
            sa.state = states[usize::from(kind) % 3];
        }
        6 => sa.dpd.supported = flag,
        7 => sa.dpd.heard(Time(u64::from(when))),
        8 => sa.dpd.suspect(Time(u64::from(when))),
        9 => sa.dpd.next_probe = at,
        10 => sa.dpd.prove = at.map(|at| (at, 1)),
        11 => sa.unanswered = at.map(|at| Unanswered::new(Vec::new(), at)),
        _ => sa.cookie_i = [kind % KINDS; 8],
    }
}

fn carry_out(engine: &mut Engine, (what, which, values): Operation) {
    let [kind, ..] = values;
    let id = some_id(&engine.phase1s, which);
    match what % 6 {
        0 | 1 => {
            let [local, remote] = [A, peer(kind)].map(|address| SocketAddrV4::new(address, 500));
            let mut sa = engine.new_phase1(Time(0), local, remote, true);
            sa.cookie_i = [which % KINDS; 8];
            engine.phase1s.put(sa);
        }
        2 => {
            // What is taken out is altered and put back, or it is gone.
            if let (Some(mut sa), true) = (engine.phase1s.take(id), which & 1 != 0) {
                alter_sa(&mut sa, values);
                engine.phase1s.put(sa);
            }
        }
        3 => engine
            .phase1s
            .change_of_peer(peer(which), |sa| alter_sa(sa, values)),
        4 if which < 32 => engine.phase1s.change_all(|sa| alter_sa(sa, values)),
        _ => _ = engine.phase1s.change(id, |sa| alter_sa(sa, values)),
    }
}

fn assert_children(children: &Children) {
    assert_due(children);
    for kind in 0..KINDS {
        let tunnel = TunnelId(u32::from(kind));
        let of_tunnel = children.iter().filter(|it| it.tunnel == tunnel);
        assert_eq!(ids(children.of_tunnel(tunnel)), ids(of_tunnel));
        let of_peer = children.iter().filter(|it| it.peer == peer(kind));
        assert_eq!(ids(children.of_peer(peer(kind))), ids(of_peer));
        for spi in 0..u32::from(KINDS) {
            let chosen = children.iter();
            let chosen = chosen.filter(|it| it.peer == peer(kind) && it.outbound_spi == spi);
            assert_eq!(ids(children.of_outbound(peer(kind), spi)), ids(chosen));
        }
    }
    for child in children.iter() {
        let found = children.of_inbound(child.inbound_spi);
        assert_eq!(found.map(|it| it.id), Some(child.id), "its own SPI");
    }
}

fn alter_child(child: &mut Child, [what, when, _, flag]: [u8; 4]) {
    let at = Time(u64::from(when));
    match what % 4 {
        0 => child.expires = at,
        1 => child.rekey_at = at,
        2 => child.rekeying = flag & 1 != 0,
        _ => child.superseded_until = Some(at).filter(|_| flag & 1 != 0),
    }
}

fn carry_out_of_child(children: &mut Children, (what, which, values): Operation) {
    let [kind, spi, ..] = values;
    let id = some_id(children, which);
    match what % 4 {
        0 | 1 => {
            let id = children.fresh_id();
            children.put(Child {
                id,
                tunnel: TunnelId(u32::from(kind % KINDS)),
                peer: peer(which),
                inbound_spi: id as u32,
                outbound_spi: u32::from(spi % KINDS),
                initiator: true,
                created: Time(0),
                expires: Time(200),
                rekey_at: Time(100),
                rekeying: false,
                superseded_until: None,
            });
        }
        2 if which & 1 != 0 => drop(children.take(id)),
        _ => _ = children.change(id, |child| alter_child(child, values)),
    }
}

proptest! {
    #[test]
    fn phase_1_sas_are_found_as_a_scan_finds_them(operations in operations()) {
        let mut engine = Engine::new(config(A, peer(0), (1, 2)), Box::new(Seeded(1)));
        for operation in operations {
            carry_out(&mut engine, operation);
            assert_phase1s(&engine.phase1s);
        }
    }

    #[test]
    fn pairs_are_found_as_a_scan_finds_them(operations in operations()) {
        let mut children = Children::default();
        for operation in operations {
            carry_out_of_child(&mut children, operation);
            assert_children(&children);
        }
    }
}

#[test]
fn of_two_peers_with_an_address_and_two_tunnels_with_a_handle_the_first_counts() {
    let mut plain = config(A, B, (1, 2));
    let mut again = plain.peers[0].clone();
    again.keepalive.threshold_s += 1;
    plain.peers.push(again);
    let mut again = plain.tunnels[0].clone();
    (again.lifetime_s, again.peers) = (1, vec![B, A]);
    plain.tunnels.push(again);
    let indexed = IndexedConfig::from(plain.clone());
    let found = indexed.peer(B).expect("the peer");
    assert_eq!(found.keepalive, plain.peers[0].keepalive);
    assert!(indexed.peer(A).is_none());
    let found = indexed.tunnel(TUNNEL).expect("the tunnel");
    assert_eq!(found.lifetime_s, plain.tunnels[0].lifetime_s);
    assert!(indexed.tunnel(TunnelId(0)).is_none());
    let lifetimes_s = |peer| -> Vec<u32> {
        let tunnels = indexed.tunnels_with(peer);
        tunnels.map(|tunnel| tunnel.lifetime_s).collect()
    };
    assert_eq!(lifetimes_s(B), [plain.tunnels[0].lifetime_s, 1]);
    assert_eq!(lifetimes_s(A), [1]);
}
