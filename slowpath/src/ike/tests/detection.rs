//! Detection driven by traffic: the watch over a tunnel's counters and the engine's probes, on a
//! wire with delay, jitter and loss.

use super::*;
use crate::ike::limits::PROVE_DELAY_MS;
use crate::tunnel::{Look, Watch};

/// `vpn-resume detect` by default.
const DETECT_MS: u64 = 300;
/// Time between two looks at the counters.
const LOOK_MS: u64 = 20;
/// What the promise allows: from the cut to the declaration.
const DECLARED_MS: u64 = 2_000;

/// One end's traffic: counters, packets of the other end on their way, the watch.
struct Traffic {
    lab: Lab,
    watch: Watch,
    expecting: u64,
    opened: u64,
    /// When answers arrive.
    coming: Vec<Time>,
    suspicions: usize,
}

impl Traffic {
    fn new(round_trip_ms: u64) -> Self {
        let mut lab = lab();
        lab.delay_ms = round_trip_ms / 2;
        lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
        lab.quiet(5_000);
        assert_eq!(lab.agreed(), 1);
        Self {
            lab,
            watch: Watch::default(),
            expecting: 0,
            opened: 0,
            coming: Vec::new(),
            suspicions: 0,
        }
    }

    /// A packet leaves that wants an answer; `answered_ms`: after so long the far host gives one.
    fn send(&mut self, answered_ms: Option<u64>) {
        self.expecting += 1;
        let lost = |lab: &mut Lab| lab.random.next() % 100 < lab.loss_percent;
        let way = |lab: &mut Lab| lab.delay_ms + lab.random.next() % (lab.jitter_ms + 1);
        let (there, back) = (lost(&mut self.lab), lost(&mut self.lab));
        if let Some(answered_ms) = answered_ms.filter(|_| !there && !back) {
            let trip_ms = way(&mut self.lab) + answered_ms + way(&mut self.lab);
            self.coming.push(self.lab.now.after_ms(trip_ms));
        }
    }

    /// `LOOK_MS` pass, then the counters are looked at.
    fn look(&mut self) {
        self.lab.quiet(LOOK_MS);
        let now = self.lab.now;
        let before = self.coming.len();
        self.coming.retain(|at| *at > now);
        self.opened += (before - self.coming.len()) as u64;
        let trip = self.lab.ends[0].engine.round_trip(B);
        let silence_ms = DETECT_MS + trip.expect("a round trip").mean_ms();
        match self
            .watch
            .look(now, (self.expecting, self.opened), silence_ms)
        {
            Look::Heard => self
                .lab
                .with(0, |engine, now, _| engine.inbound_seen(now, B)),
            Look::Silent(_) => {
                self.suspicions += 1;
                let suspicion = self.lab.with(0, |engine, now, _| engine.suspect(now, B));
                assert_eq!(suspicion, Suspicion::Probing);
            }
            Look::Nothing => {}
        }
        for _ in 0..std::mem::take(&mut self.lab.ends[0].answers) {
            self.watch.answered();
        }
    }

    fn assert_no_alarm(&self) {
        let downs = &self.lab.ends[0].downs;
        assert!(downs.is_empty(), "{downs:?} at {:?}", self.lab.now);
    }
}

#[test]
fn a_dead_peer_of_a_busy_tunnel_is_declared_within_two_seconds_of_the_cut() {
    for round_trip_ms in [1, 50, 200] {
        for phase_ms in 0..10 {
            let mut traffic = Traffic::new(round_trip_ms);
            for _ in 0..100 {
                traffic.send(Some(0));
                traffic.look();
            }
            traffic.lab.quiet(phase_ms);
            traffic.assert_no_alarm();
            let cut = traffic.lab.now;
            traffic.lab.loss_percent = 100;
            traffic.lab.wire.clear();
            while traffic.lab.ends[0].downs.is_empty() {
                traffic.send(None);
                traffic.look();
                let since_ms = traffic.lab.now.since_ms(cut);
                assert!(since_ms <= DECLARED_MS, "round trip {round_trip_ms} ms");
            }
            assert_eq!(traffic.lab.ends[0].downs, [(EndReason::LostContact, false)]);
        }
    }
}

/// What is counted once per second came up to a second earlier: it must not end a suspicion that
/// has begun since.
#[test]
fn packets_from_before_the_cut_that_are_counted_after_it_delay_nothing() {
    for counted_after_ms in (0..1_000).step_by(100) {
        let mut traffic = Traffic::new(50);
        for _ in 0..100 {
            traffic.send(Some(0));
            traffic.look();
        }
        let cut = traffic.lab.now;
        traffic.lab.loss_percent = 100;
        traffic.lab.wire.clear();
        let mut told = false;
        while traffic.lab.ends[0].downs.is_empty() {
            traffic.send(None);
            traffic.look();
            let since_ms = traffic.lab.now.since_ms(cut);
            if !std::mem::replace(&mut told, since_ms >= counted_after_ms) && told {
                traffic
                    .lab
                    .with(0, |engine, _, _| engine.inbound_seen(cut, B));
            }
            assert!(
                since_ms <= DECLARED_MS,
                "counted after {counted_after_ms} ms"
            );
        }
    }
}

#[test]
fn a_suspicion_ends_with_packets_that_came_after_it() {
    let mut lab = lab();
    up(&mut lab);
    lab.loss_percent = 100;
    lab.with(0, |engine, now, _| engine.suspect(now, B));
    lab.quiet(500);
    lab.with(0, |engine, now, _| engine.inbound_seen(now, B));
    lab.quiet(DECLARED_MS);
    assert!(lab.ends[0].downs.is_empty());
}

#[test]
fn an_hour_of_one_way_traffic_over_a_bad_path_is_no_alarm_and_few_probes() {
    let mut traffic = Traffic::new(40);
    (traffic.lab.loss_percent, traffic.lab.jitter_ms) = (3, 60);
    for _ in 0..3_600_000 / LOOK_MS {
        traffic.send(None);
        traffic.look();
    }
    traffic.assert_no_alarm();
    // At the bound of the doubling: one in ten seconds.
    assert!(
        (200..450).contains(&traffic.suspicions),
        "{}",
        traffic.suspicions
    );
}

#[test]
fn an_hour_of_bursts_over_a_bad_path_is_no_alarm() {
    let mut traffic = Traffic::new(80);
    (traffic.lab.loss_percent, traffic.lab.jitter_ms) = (3, 60);
    let mut left = 0;
    let mut pause = 0;
    for _ in 0..3_600_000 / LOOK_MS {
        if left == 0 && pause == 0 {
            left = traffic.lab.random.next() % 20 + 1;
            pause = traffic.lab.random.next() % 100;
        }
        if left > 0 {
            left -= 1;
            // Some servers think longer than detection bears.
            let thinks_ms = traffic.lab.random.next() % 1_500;
            traffic.send(Some(thinks_ms));
        } else {
            pause -= 1;
        }
        traffic.look();
    }
    traffic.assert_no_alarm();
    assert!(
        traffic.suspicions > 100,
        "the path was bad enough to suspect"
    );
}

#[test]
fn a_peer_without_dead_peer_detection_cannot_be_declared_dead_and_that_is_said_once() {
    let mut lab = lab();
    up(&mut lab);
    lab.ends[0].alter_sa(|sa| sa.dpd.supported = false);
    lab.loss_percent = 100;
    for _ in 0..10 {
        let suspicion = lab.with(0, |engine, now, _| engine.suspect(now, B));
        assert_eq!(suspicion, Suspicion::Unable);
        lab.quiet(1_000);
    }
    assert!(lab.ends[0].downs.is_empty());
    let told = lab.ends[0].logs.iter().filter(|(id, _)| *id == 713_904);
    assert_eq!(told.count(), 1);
}

#[test]
fn keepalives_that_are_turned_off_stay_off() {
    let [mut a, b] = pair();
    a.peers[0].keepalive.enabled = false;
    let mut lab = Lab::new(a, b);
    up(&mut lab);
    lab.loss_percent = 100;
    let suspicion = lab.with(0, |engine, now, _| engine.suspect(now, B));
    assert_eq!(suspicion, Suspicion::Unable);
    lab.quiet(60_000);
    assert!(lab.ends[0].downs.is_empty());
}

/// A notification in clear, as anybody can write it.
fn forged(lab: &Lab, kind: u16) -> Flight {
    let mut writer = wire::Writer::default();
    let [high, low] = kind.to_be_bytes();
    writer.add(11, &[0, 0, 0, 1, 3, 4, high, low, 0, 0, 0x10, 1]);
    let header = wire::Header {
        initiator_cookie: [7; 8],
        responder_cookie: [8; 8],
        next: 11,
        exchange: 5,
        flags: 0,
        message_id: 77,
    };
    Flight {
        arrives: lab.now,
        to: 0,
        local: SocketAddrV4::new(A, 500),
        remote: SocketAddrV4::new(B, 500),
        message: [&header.emit(writer.bytes().len())[..], writer.bytes()].concat(),
    }
}

#[test]
fn a_forged_invalid_spi_starts_a_probe_in_ten_seconds_and_ends_nothing() {
    const INVALID_SPI: u16 = 11;
    let mut lab = lab();
    up(&mut lab);
    let before = lab.seen.len();
    for _ in 0..1_000 {
        let flight = forged(&lab, INVALID_SPI);
        lab.deliver(&flight);
        lab.quiet(5);
    }
    // Five seconds: one probe and its answer.
    assert_eq!(lab.seen.len() - before, 2);
    assert_eq!(lab.ends[0].answers, 1);
    assert_eq!(lab.agreed(), 1);
    lab.quiet(5_000);
    let flight = forged(&lab, INVALID_SPI);
    lab.deliver(&flight);
    lab.quiet(50);
    assert_eq!(lab.ends[0].answers, 2);
    // A stranger's words start nothing.
    let before = lab.seen.len();
    let mut flight = forged(&lab, INVALID_SPI);
    flight.remote.set_ip(Ipv4Addr::new(203, 0, 113, 9));
    lab.deliver(&flight);
    assert_eq!(lab.seen.len(), before);
}

#[test]
fn a_hint_about_a_peer_that_is_really_dead_finds_it_out() {
    let mut lab = lab();
    up(&mut lab);
    lab.loss_percent = 100;
    let flight = forged(&lab, 4);
    lab.deliver(&flight);
    lab.quiet(DECLARED_MS);
    assert_eq!(lab.ends[0].downs, [(EndReason::LostContact, false)]);
}

#[test]
fn both_roles_know_within_a_round_trip_that_the_other_receives() {
    for round_trip_ms in [2, 60, 200] {
        let mut lab = lab();
        lab.delay_ms = round_trip_ms / 2;
        lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
        let mut ready = [None; 2];
        lab.run(5_000, |lab| {
            for (end, ready) in lab.ends.iter().zip(&mut ready) {
                if !end.children.is_empty() {
                    ready.get_or_insert(lab.now);
                }
            }
        });
        for (place, proof, wait_ms) in [
            (0, Proof::SecondMessage, 0),
            (1, Proof::ThirdMessage, round_trip_ms),
        ] {
            let end = &lab.ends[place];
            let (spi, how, when) = end.proofs[0];
            assert_eq!(how, proof);
            assert!(end.children.contains_key(&spi));
            let waited_ms = when.since_ms(ready[place].expect("a pair"));
            assert!(waited_ms <= wait_ms + 1, "{place}: {waited_ms} ms");
            let trip_ms = end.engine.round_trip([B, A][place]).unwrap().mean_ms();
            assert!(trip_ms.abs_diff(round_trip_ms) <= 1, "{trip_ms}");
        }
    }
}

#[test]
fn a_peer_that_announces_nothing_is_asked_behind_the_third_message() {
    let mut lab = lab();
    lab.delay_ms = 30;
    up(&mut lab);
    lab.ends[0].alter_sa(|sa| sa.sas_before_answer = false);
    lab.ends[0].proofs.clear();
    lab.with(0, |engine, now, _| {
        engine.clear_ipsec(now, ClearScope::All);
    });
    lab.quiet(500);
    lab.with(0, |engine, now, spis| engine.initiate(now, spis, TUNNEL));
    let mut ready = None;
    lab.run(1_000, |lab| {
        if !lab.ends[0].children.is_empty() {
            ready.get_or_insert(lab.now);
        }
    });
    let &[(spi, how, when)] = &lab.ends[0].proofs[..] else {
        panic!("{:?}", lab.ends[0].proofs);
    };
    assert_eq!(how, Proof::Answer);
    assert!(lab.ends[0].children.contains_key(&spi));
    let waited_ms = when.since_ms(ready.expect("a pair"));
    assert!(waited_ms.abs_diff(60 + PROVE_DELAY_MS) <= 2, "{waited_ms}");
}

#[test]
fn a_rekey_proves_nothing_and_an_old_answer_neither() {
    let mut lab = lab();
    up(&mut lab);
    let acks: Vec<Flight> = std::mem::take(&mut lab.seen);
    lab.ends[0].proofs.clear();
    let spi = *lab.ends[0].children.keys().next().unwrap();
    lab.with(0, |engine, now, spis| engine.rekey(now, spis, spi));
    lab.quiet(1_000);
    assert!(lab.ends[0].proofs.is_empty(), "nothing waits for it");
    // Everything that was ever said, once more, while the peer is cut off and suspected.
    lab.loss_percent = 100;
    lab.with(0, |engine, now, _| engine.suspect(now, B));
    for flight in acks.iter().filter(|flight| flight.to == 0) {
        lab.deliver(flight);
    }
    lab.quiet(DECLARED_MS);
    let ends: Vec<_> = lab.ends[0]
        .downs
        .iter()
        .map(|(reason, _)| *reason)
        .collect();
    assert!(ends.contains(&EndReason::LostContact), "{ends:?}");
}
